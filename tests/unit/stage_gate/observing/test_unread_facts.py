"""What could not be read of stage, then or now, is never "unchanged": each fact, each time, with and without a change.

Played against the simulator up to the PUT: whatever is held sent none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
import yaml

from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from stage_gate.acting.wanting import Held
from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.configuration.settings import demands
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.decision import OVERRIDE, Decision
from stage_gate.rules.demands import Demands
from stage_gate.rules.surroundings import Fact
from unit.stage_gate.observing.test_siblings import OTHER_FULL_STACK, PATHS
from unit.stage_gate.release import OVER, Release
from unit.stage_gate.waiting import until

When = Literal["then", "now", "both"]
Changed = Literal["no", "before the tests", "after the seal"]


@contextmanager
def refused(simulator: Simulator, fact: Fact, *, really: bool = True) -> Iterator[None]:
    """The calls of this fact answer 403 meanwhile."""
    if really:
        simulator.inject(Fault(effect="answer", status=403, path=PATHS[fact], times=None))
    yield
    if really:
        simulator.clear_faults()


def _run(pipeline: str | None) -> Callable[[Simulator], None]:
    def run(simulator: Simulator) -> None:
        number = simulator.start_execution("good", pipeline=pipeline, beside=True)
        if pipeline is not None:
            until(lambda: simulator.execution(number)["status"] in OVER, f"{number} is over")

    return run


def _no_domain(simulator: Simulator) -> None:
    other = {"domainMappings": {"0": {"originId": 1}}}
    simulator.inject(Fault(effect="merge", path=PATHS[Fact.DOMAIN_MAPPINGS], body=other, times=None))


CHANGE: dict[Fact, Callable[[Simulator], object]] = {
    Fact.ENVIRONMENT: lambda simulator: simulator.upkeep("status", ends_as="hibernated"),
    Fact.DOMAIN_MAPPINGS: _no_domain,
    Fact.OWN_EXECUTIONS: _run(None),
    Fact.OTHER_PIPELINES: _run(OTHER_FULL_STACK),
    Fact.CONTENT_COPIES: lambda simulator: simulator.upkeep("content copy"),
    Fact.RESTORES: lambda simulator: simulator.upkeep("restore"),
    Fact.ENVIRONMENT_VARIABLES: lambda simulator: simulator.upkeep("variable", variable={"name": "NEW"}),
}
"""Something that this fact alone tells."""


def play(release: Release, fact: Fact, when: When, changed: Changed) -> None:
    """Test it, and try to approve it. Raises ``Held``."""
    simulator = release.simulator
    if changed == "before the tests":
        CHANGE[fact](simulator)
    with refused(simulator, fact, really=when in ("then", "both")):
        release.seal()
    if changed == "after the seal":
        CHANGE[fact](simulator)
    with refused(simulator, fact, really=when in ("now", "both")):
        release.act().perform(Decision.APPROVED)


@pytest.mark.parametrize(
    ("fact", "when", "changed"),
    [
        *product(Fact, ("then", "now", "both"), ("no", "before the tests", "after the seal")),
    ],
)
def test_what_was_or_is_unread_is_never_approved(
    simulator: Simulator, tmp_path: Path, fact: Fact, when: When, changed: Changed
) -> None:
    release = Release(simulator, tmp_path)
    with pytest.raises(Held) as held:
        play(release, fact, when, changed)
    assert release.puts == []
    assert any(
        words in str(held.value)
        for words in ("only passed can be approved", f"{fact} can't be read", "This is not what was tested")
    )


CAN_T_BE_COMPARED = {Fact.ENVIRONMENT_VARIABLES, Fact.DOMAIN_MAPPINGS}
"""What has no history: a change is seen only by whoever has read it before and after."""


@pytest.mark.parametrize(
    ("fact", "when", "changed"),
    [*product(Fact, ("then", "now", "both"), ("no", "before the tests", "after the seal"))],
)
def test_a_fact_that_the_gate_file_accepts_unread_holds_only_by_what_is_read_of_it(
    simulator: Simulator, tmp_path: Path, fact: Fact, when: When, changed: Changed
) -> None:
    release = Release(simulator, tmp_path, policy={"accept_unread": [str(fact)]})
    read_now = when == "then" and fact not in CAN_T_BE_COMPARED
    read_then = when == "now" and changed == "before the tests"
    stands = (changed != "no" and read_now) or (
        read_then and fact in (Fact.ENVIRONMENT, Fact.OWN_EXECUTIONS, Fact.OTHER_PIPELINES, Fact.RESTORES)
    )
    if stands:
        with pytest.raises(Held):
            play(release, fact, when, changed)
        assert release.puts == []
    else:
        play(release, fact, when, changed)
        assert len(release.puts) == 1


def test_a_pipeline_that_put_its_code_on_stage_before_the_tests_is_not_hidden_by_a_refusal_of_then(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Its history answered 403 while the tests began, and 200 again at the approval."""
    release = Release(simulator, tmp_path)
    CHANGE[Fact.OTHER_PIPELINES](simulator)
    history = f"/pipeline/{OTHER_FULL_STACK}/executions"
    simulator.inject(Fault(effect="answer", status=403, path=history, times=None))
    release.seal()
    simulator.clear_faults()
    with pytest.raises(
        Held, match=r"has run execution .* on stage since the tests began.*build the release again"
    ):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_person_may_accept_what_could_not_be_read_then_but_not_what_is_unread_only_now(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, policy={"inconclusive": {"ask": ["alice"]}})
    with refused(simulator, Fact.RESTORES):
        release.answer(OVERRIDE, release.seal(), accepts=("plan",))
        with (
            refused(simulator, Fact.CONTENT_COPIES),
            pytest.raises(Held, match="content_copies can't be read"),
        ):
            release.act().perform(Decision.OVERRIDDEN)
    assert release.puts == []
    with refused(simulator, Fact.RESTORES):
        record = release.act().perform(Decision.OVERRIDDEN)
    assert "Not known of stage, and accepted: restores." in record.sentence


def test_what_could_not_be_read_then_holds_no_halt_and_no_file_has_to_accept_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path)
    with refused(simulator, Fact.RESTORES):
        release.seal(Outcome.FAILED)
        record = release.act().perform(Decision.HALTED)
    assert record.sentence.endswith("Not known of stage: restores.")


def rewrite(release: Release, **policy: object) -> None:
    """Give the gate file another policy while the release is tested."""
    content = yaml.safe_load(release.gate_file.read_text())
    release.gate_file.write_text(yaml.safe_dump({**content, "policy": policy}))


@pytest.mark.parametrize("when", ["then", "now", "both"])
@pytest.mark.parametrize("by", ["gate file", "deployment"])
def test_what_is_not_accepted_any_more_is_held(
    simulator: Simulator, tmp_path: Path, by: str, when: When
) -> None:
    release = Release(simulator, tmp_path, policy={"accept_unread": ["restores"]})
    insisted = frozenset({Fact.RESTORES}) if by == "deployment" else frozenset[Fact]()
    with refused(simulator, Fact.RESTORES, really=when != "now"):
        release.seal()
    if by == "gate file":
        rewrite(release)
    with (
        refused(simulator, Fact.RESTORES, really=when != "then"),
        pytest.raises(
            Held, match="restores was not read, and the gate file or the deployment does not accept"
        ),
    ):
        release.act(demands=Demands(facts=insisted)).perform(Decision.APPROVED)
    assert release.puts == []


def test_what_is_not_accepted_any_more_holds_nothing_where_it_was_read(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, policy={"accept_unread": ["restores"]})
    release.seal()
    rewrite(release)
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED


def test_what_the_gate_file_accepts_only_since_the_tests_is_not_accepted(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    rewrite(release, accept_unread=["restores"])
    with refused(simulator, Fact.RESTORES), pytest.raises(Held, match="restores can't be read"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


@pytest.mark.parametrize("fact", [Fact.RESTORES, Fact.OTHER_PIPELINES])
def test_other_code_on_stage_since_the_tests_wants_a_new_build_where_nothing_shows_which_code_answers(
    simulator: Simulator, tmp_path: Path, fact: Fact
) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    CHANGE[fact](simulator)
    with pytest.raises(Held, match="build the release again"):
        release.act().perform(Decision.APPROVED)


def test_whether_it_must_be_built_again_is_asked_of_what_is_read_now_and_of_the_plan_that_was_judged(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    asked: list[tuple[bool, bool]] = []

    def again(candidate: Candidate, build_marker: bool) -> str:
        asked.append((bool(candidate.stage.events), build_marker))
        return "Build it again."

    monkeypatch.setattr("stage_gate.acting.right.must_be_built_again", again)
    CHANGE[Fact.CONTENT_COPIES](simulator)
    with pytest.raises(Held, match=r"Build it again\."):
        release.act().perform(Decision.APPROVED)
    assert set(asked) == {(True, False)}


def test_a_person_may_accept_that_stage_ran_other_code_before_the_tests(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The verdict says it, and nothing has changed since: there is no second reason to refuse it."""
    release = Release(simulator, tmp_path, policy={"inconclusive": {"ask": ["alice"]}})
    CHANGE[Fact.OTHER_PIPELINES](simulator)
    digest = release.seal()
    with pytest.raises(Held, match="only passed can be approved"):
        release.act().perform(Decision.APPROVED)
    release.answer(OVERRIDE, digest, accepts=release.not_passed)
    assert release.act().perform(Decision.OVERRIDDEN).decision is Decision.OVERRIDDEN


def test_a_deployment_can_insist_on_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "wknd.yaml"
    file.write_text(
        "pipeline: {program: 1, pipeline: 2}\n"
        "sites: [{name: wknd, stage: 'https://publish-p1-e2.adobeaemcloud.com', pages: [/]}]\n"
        "policy:\n  accept_unread: [restores, content_copies]\n"
    )
    assert load_gate(file).policy.accept_unread == (Fact.RESTORES, Fact.CONTENT_COPIES)
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_FACTS", "content_copies")
    with pytest.raises(
        GateFileError, match=r"names content_copies, and \[stage_gate\] minimum_facts"
    ) as error:
        load_gate(file)
    assert error.value.line == 4
    assert "Content Copy Manage" in error.value.remedy


@pytest.mark.parametrize(
    ("written", "facts"),
    [("", frozenset()), ("all", frozenset(Fact)), (" restores , ", frozenset({Fact.RESTORES}))],
)
def test_facts_are_named_one_by_one_or_all(
    written: str, facts: frozenset[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_FACTS", written)
    assert demands().facts == facts


def test_a_fact_that_is_none_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_FACTS", "restores, weather")
    with pytest.raises(ValueError, match=r"weather is unknown; there are environment, .* and all"):
        demands()
