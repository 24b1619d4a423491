"""In guard mode a team's code runs isolated, or where its gate file accepts that it does not, or not at all."""

from __future__ import annotations

import os
import re
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aem_checks.code_user import CodeUser
from aem_checks.outcomes import Cause, CheckResult, Outcome
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor_visit import examine_exposure
from stage_gate.configuration.describe import describe
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import GateFileError, gate_from_content, load_gate, load_gate_for_run
from stage_gate.configuration.settings import demands
from stage_gate.observing import exposed_routes, exposure, isolation
from stage_gate.observing.exposed_routes import Route
from stage_gate.observing.exposure import Facts, Place
from stage_gate.rules.verdict import judge
from stage_gate.tasks.red import Red
from unit.aem_checks.other_user import NOBODY, needs_root, open_folder
from unit.stage_gate.release import Release, chapter_with
from unit.stage_gate.tasks.test_waits import context, signing
from unit.stage_gate.waiting import PATIENCE

__all__ = ["signing"]

SUITES = CodeUser("suites", 60000, 60000)
APART = Facts(worker=50000, user=SUITES)
"""A worker on which a team's code has nothing in reach."""
AS_THE_WORKER = Facts(worker=50000, user=None)
GAPS = {
    "own user": AS_THE_WORKER,
    "signing key": Facts(50000, SUITES, places=(Place("the file of Airflow's connections", Path("/c"), "r"),)),
    "database": Facts(50000, SUITES, places=(Place("Airflow's database", Path("/d"), "rw"),)),
    "database without a password": Facts(50000, SUITES, routes=(Route("Airflow's database", "db", 5432, True),)),
    "evidence": Facts(50000, SUITES, places=(Place("the evidence store", Path("/e"), "rx"),)),
    "nobody knows": Facts(50000, SUITES, unknown="What it may read can't be asked: TimeoutExpired"),
    "credentials of the machine": Facts(50000, SUITES, routes=(Route(exposed_routes.CLOUD, "169.254.169.254", 80, True),)),
}  # fmt: skip
ONLY_TOLD = {
    "a database with a password": Facts(50000, SUITES, routes=(Route("Airflow's database", "db", 5432),)),
    "secrets that are out of reach": Facts(50000, SUITES, variables=("AIRFLOW_CONN_D",)),
    "imports of own checks, for a suite": Facts(50000, SUITES, own_kinds=True),
}
OWN_CHECK = """
from pathlib import Path
from aem_checks.check import Check, CheckSettings
from aem_checks.outcomes import Judgement

class Settings(CheckSettings):
    place: str

class Own(Check[Settings]):
    kind, number, title = "our_own", "Z1", "Our own"
    settings_type = Settings
    default_on = False

    def judge(self, visit):
        yield []
        Path(self.settings.place).touch()
        return Judgement(examined=1)
"""
REPORT = "printf '<testsuite><testcase name=\"a\"/></testsuite>' > $REPORTS_PATH/a.xml"


@pytest.fixture
def scenario() -> dict[str, Any]:
    """A release that is quick to be on stage, with sites."""
    steps = ("validate", "build", "codeQuality", "buildImage", "deploy stage", "contentAudit")
    tests = ("productTest", "functionalTest", "uiTest")
    return {
        "timing": {"tail": 0.05, "act": 0.02, "rollback": 0.05},
        "releases": {"good": {"steps": dict.fromkeys((*steps, *tests), 0.02)}},
    }


@pytest.fixture(autouse=True)
def as_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No user is named, so that a team's code would run as the worker; no cloud is asked."""
    monkeypatch.delenv("AEM_CHECKS_SUITE_USER", raising=False)
    monkeypatch.setattr(exposed_routes, "METADATA", ())
    monkeypatch.setattr(exposed_routes, "RESERVED", "127.0.0.9")


@pytest.fixture
def own_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "our_own.py").write_text(textwrap.dedent(OWN_CHECK))
    monkeypatch.setenv("AEM_CHECKS_KINDS", str(folder))


def code_of_the_team(folder: Path, **isolation: str) -> dict[str, Any]:
    (folder / "ui.tests").mkdir(exist_ok=True)
    suite = {"name": "e2e", "folder": "ui.tests", "run": f"touch {folder}/ran; {REPORT}", "within": "2m"}
    return {
        "others": False,
        "key_pages": {},
        "suites": [suite | isolation],
        "our_own": {"place": str(folder / "ran"), "within": "2m", **isolation},
    }


def found_by(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "look", lambda deciding: facts)


class Played:
    """A release whose gate runs code of its team."""

    def __init__(self, simulator: Simulator, folder: Path, **gate: Any) -> None:
        self.release = Release(simulator, folder, **gate)
        self.ran = folder / "ran"
        attempt = self.release.begin()
        self.plan = self.release.evidence.read_plan(attempt)
        self.candidate = self.release.evidence.read_candidate(attempt)

    def run(self, key: str) -> CheckResult:
        """Run one check as its task does, and read what is in the evidence of it."""
        with suppress(Red):
            chapter_with(self.release, key).execute(context(self.release))
        (entry,) = [e for e in self.release.evidence.read_results(1) if e.result.key == key]
        return entry.result


KEYS = ["suites.e2e", "our_own"]


@pytest.mark.parametrize("key", KEYS)
def test_a_teams_code_does_not_start_on_a_worker_that_can_not_isolate_it(
    simulator: Simulator, tmp_path: Path, signing: None, own_kinds: None, key: str
) -> None:
    tested = Played(simulator, tmp_path, checks=code_of_the_team(tmp_path))
    result = tested.run(key)
    assert not tested.ran.exists()
    assert (result.outcome, result.cause, result.examined) == (Outcome.INCONCLUSIVE, Cause.CHECK, 0)
    first = result.findings[0].sentence
    assert first.startswith(f"{key} was not run: in guard mode a team's code runs isolated from the gate")
    assert f"run as the worker's own user (uid {os.geteuid()})" in first
    assert "To do: set AEM_CHECKS_SUITE_USER to a user that has no other task" in first
    assert "'isolation: accepted'" in first


@needs_root
def test_a_suite_that_is_really_isolated_runs_as_its_user(
    simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is accepted here: the worker is root, its evidence and home are closed, and the user is another one."""
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("aem_checks.code_user._SECONDS", PATIENCE)
    with open_folder() as folder:
        suite = {"name": "e2e", "folder": str(folder), "run": f"id -u; {REPORT}", "within": "2m"}
        checks = {"others": False, "key_pages": {}, "suites": [suite]}
        played = Played(simulator, tmp_path, checks=checks)
        result = played.run("suites.e2e")
        assert result.outcome is Outcome.PASSED, result.sentences
        output = played.release.evidence.attempt_folder(1) / "sites/larkfell/suites/e2e/run-1/output.txt"
        assert output.read_text() == f"{NOBODY}\n"


@pytest.mark.parametrize("key", KEYS)
def test_what_the_gate_file_accepts_runs_and_every_report_says_so(
    simulator: Simulator, tmp_path: Path, signing: None, own_kinds: None, key: str
) -> None:
    tested = Played(simulator, tmp_path, checks=code_of_the_team(tmp_path, isolation="accepted"))
    result = tested.run(key)
    assert tested.ran.exists()
    assert result.outcome is Outcome.PASSED
    assert {check.key for check in tested.plan.checks if check.unisolated} == set(KEYS)
    verdict = judge(tested.plan, tested.candidate, tested.release.evidence.read_results(1))
    assert f"{key} may run un-isolated: accepted in the gate file." in verdict.warnings


@pytest.mark.parametrize("key", KEYS)
def test_the_deployment_can_forbid_to_accept_it(
    simulator: Simulator,
    tmp_path: Path,
    signing: None,
    own_kinds: None,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    """Also for a run that was pinned before."""
    tested = Played(simulator, tmp_path, checks=code_of_the_team(tmp_path, isolation="accepted"))
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", "True")
    result = tested.run(key)
    assert not tested.ran.exists()
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "[stage_gate] require_isolation of this deployment lets no gate accept that" in result.sentences[0]
    for load in (load_gate, load_gate_for_run):
        with pytest.raises(GateFileError, match="require_isolation") as error:
            load(tested.release.gate_file)
        assert "Remove 'isolation: accepted'" in error.value.remedy


def test_the_acting_tasks_know_what_the_deployment_forbids(
    simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(simulator, tmp_path)
    run = GateRun.of(str(release.gate_file), context(release))
    assert run._right().demands.isolation is False
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", "True")
    assert run._right().demands.isolation is True


def test_shadow_mode_runs_it_and_only_warns(
    simulator: Simulator, tmp_path: Path, signing: None, own_kinds: None
) -> None:
    tested = Played(simulator, tmp_path, checks=code_of_the_team(tmp_path), mode="shadow")
    assert tested.run("suites.e2e").outcome is Outcome.PASSED
    assert tested.ran.exists()
    said = " ".join(isolation.forecast(tested.release.gate))
    assert "run as the worker's own user" in said
    assert (
        "2 checks of the team would in guard mode not run on a worker like this one: suites.e2e, our_own"
        in said
    )


def gate(folder: Path, checks: dict[str, Any], **changes: Any) -> Gate:
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [
            {"name": "wknd", "stage": "https://publish-p12345-e7654321.adobeaemcloud.com", "pages": ["/"]}
        ],
        "mode": "guard",
        "checks": checks,
    }
    return gate_from_content("wknd", content | changes, folder=folder)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("key", KEYS)
def test_each_way_to_what_the_gate_stands_on_ends_the_isolation(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch, key: str, gap: str
) -> None:
    found_by(GAPS[gap], monkeypatch)
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    refused = isolation.refusal(guarding, guarding.check(key))
    assert refused is not None
    assert refused.outcome is Outcome.INCONCLUSIVE
    sentence = next(iter(exposure.judge(GAPS[gap]))).sentence
    assert sentence in refused.sentences[0]
    assert refused.sentences[0].count("To do: ") == 1


SEVERAL = Facts(
    50000,
    SUITES,
    places=(Place("the evidence store", Path("/e"), "rx"),),
    routes=(
        Route("Airflow's database", "db", 5432, True),
        Route("Airflow's message broker", "redis", 6379),
    ),
)
"""Two ways to what the gate stands on, and one that is only told."""
WAYS_OUT = {
    False: "or write 'isolation: accepted' for it in the gate file (docs/isolation.md).",
    True: "since [stage_gate] require_isolation of this deployment lets no gate accept that (docs/isolation.md).",
}


@pytest.mark.parametrize("required", WAYS_OUT)
def test_a_refusal_names_every_way_and_what_there_is_to_do_here(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch, required: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", str(required))
    found_by(SEVERAL, monkeypatch)
    evidence, database, _ = exposure.judge(SEVERAL)
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    refused = isolation.refusal(guarding, guarding.check("suites.e2e"))
    assert refused is not None
    assert {(each.code, each.subject) for each in refused.findings} == {("suites.not_isolated", "isolation")}
    first, second = refused.sentences
    assert first.startswith("suites.e2e was not run: in guard mode a team's code runs isolated from the gate")
    assert first.endswith(f"{evidence.sentence} To do: {evidence.remedy}, {WAYS_OUT[required]}")
    assert second == str(database)


def test_what_to_do_about_a_refusal_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found_by(AS_THE_WORKER, monkeypatch)
    guarding = gate(tmp_path, {"suites": [{"name": "e2e", "folder": "ui.tests", "run": "npm test"}]})
    refused = isolation.refusal(guarding, guarding.check("suites.e2e"))
    assert refused is not None
    assert refused.sentences[0].endswith(f"to a user that has no other task, {WAYS_OUT[False]}")


WILL = "2 checks of the team will not run on a worker like this one: suites.e2e, our_own"
LATER = "2 checks of the team would in guard mode not run on a worker like this one: suites.e2e, our_own"
ONE = "1 check of the team will not run on a worker like this one: our_own"


@pytest.mark.parametrize(
    ("facts", "mode", "required", "consequence"),
    [
        (SEVERAL, "guard", False, f"{WILL}. To do: .*'isolation: accepted' in the gate file lets it"),
        (
            SEVERAL,
            "guard",
            True,
            f"{WILL}. To do: .*require_isolation of this deployment lets no gate accept",
        ),
        (SEVERAL, "shadow", False, f"{LATER}. To do: isolate the team's code as said above"),
        (ONLY_TOLD["imports of own checks, for a suite"], "guard", False, f"{ONE}. To do: "),
        (ONLY_TOLD["a database with a password"], "guard", False, None),
        (APART, "guard", False, None),
    ],
)
def test_a_forecast_is_what_is_in_reach_and_then_once_what_will_not_run(
    tmp_path: Path,
    own_kinds: None,
    monkeypatch: pytest.MonkeyPatch,
    facts: Facts,
    mode: str,
    required: bool,
    consequence: str | None,
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", str(required))
    found_by(facts, monkeypatch)
    told = isolation.forecast(gate(tmp_path, code_of_the_team(tmp_path), mode=mode))
    reach = [str(each) for each in exposure.judge(facts)]
    assert told[: len(reach)] == reach
    assert len(told) == len(reach) + (consequence is not None)
    assert consequence is None or re.match(consequence, told[-1])


@pytest.mark.parametrize("facts", [APART, *ONLY_TOLD.values()], ids=["apart", *ONLY_TOLD])
def test_a_suite_that_is_isolated_runs(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch, facts: Facts
) -> None:
    found_by(facts, monkeypatch)
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    assert isolation.refusal(guarding, guarding.check("suites.e2e")) is None


def test_an_own_check_is_imported_by_the_worker_and_so_is_not_isolated(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_by(Facts(50000, SUITES, own_kinds=True), monkeypatch)
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    refused = isolation.refusal(guarding, guarding.check("our_own"))
    assert refused is not None
    assert "are imported by each task that reads a gate" in refused.sentences[0]


def test_a_check_of_the_gates_own_is_never_asked_about(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "look", lambda deciding: pytest.fail("nothing is to be looked at"))
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    assert isolation.refusal(guarding, guarding.check("key_pages")) is None


def test_a_named_user_that_can_not_be_used_is_the_checks_own_answer(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the team runs then, accepted or not: it is never run as the worker instead."""
    found_by(Facts(50000, None, problem="It names 'x'. To do: create it."), monkeypatch)
    guarding = gate(tmp_path, code_of_the_team(tmp_path))
    assert isolation.refusal(guarding, guarding.check("suites.e2e")) is None


def test_a_dry_run_is_refused_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found_by(AS_THE_WORKER, monkeypatch)
    suite = {"name": "e2e", "folder": "ui.tests", "run": "npm test", "dry_run": True}
    guarding = gate(tmp_path, {"suites": [suite]})
    refused = isolation.refusal(guarding, guarding.check("suites.e2e"))
    assert refused is not None
    assert refused.severity == "warn"


def test_settling_says_early_what_will_not_run(
    tmp_path: Path, own_kinds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_by(AS_THE_WORKER, monkeypatch)
    checks = code_of_the_team(tmp_path)
    checks["suites"][0]["isolation"] = "accepted"
    *_, told, consequence = isolation.forecast(gate(tmp_path, checks))
    assert told == "suites.e2e may run un-isolated: accepted in the gate file."
    assert consequence.startswith(
        "1 check of the team will not run on a worker like this one: our_own. To do:"
    )
    assert isolation.forecast(gate(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("isolated", "mode", "states"),
    [
        ({}, "guard", [State.BAD]),
        ({}, "shadow", [State.UNKNOWN]),
        ({"isolation": "accepted"}, "guard", [State.UNKNOWN, State.UNKNOWN]),
    ],
)
def test_the_doctor_says_what_guard_mode_would_not_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: dict[str, str], mode: str, states: list[State]
) -> None:
    found_by(AS_THE_WORKER, monkeypatch)
    suite = {"name": "e2e", "folder": "ui.tests", "run": "npm test", **isolated}
    shown = list(examine_exposure(gate(tmp_path, {"suites": [suite]}, mode=mode)))
    assert [each.state for each in shown] == states
    assert all(each.remedy for each in shown)
    told = " ".join(each.detail for each in shown)
    assert ("So here guard mode does not run suites.e2e." in told) is (states == [State.BAD])
    assert ("suites.e2e may run un-isolated: accepted in the gate file." in told) is bool(isolated)


def test_the_docs_tab_names_the_code_of_the_team_and_what_is_accepted(
    tmp_path: Path, own_kinds: None
) -> None:
    checks = code_of_the_team(tmp_path)
    checks["suites"][0]["isolation"] = "accepted"
    told = describe(gate(tmp_path, checks))
    assert "Code of the team: `suites.e2e`, `our_own`." in told
    assert "`suites.e2e` may run un-isolated: accepted in the gate file." in told
    assert "`our_own` may run un-isolated" not in told
    assert "Code of the team" not in describe(gate(tmp_path, {}))


@pytest.mark.parametrize(
    ("written", "required"),
    [
        ("", False),
        ("False", False),
        ("no", False),
        ("True", True),
        ("yes", True),
        ("perhaps", True),
        ("1", True),
    ],
)
def test_what_the_deployment_says_unclearly_forbids(
    monkeypatch: pytest.MonkeyPatch, written: str, required: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", written)
    assert demands().isolation is required
