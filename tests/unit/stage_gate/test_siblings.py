"""What reached stage besides the release: read from a simulated Cloud Manager, and told."""

from __future__ import annotations

import pytest

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from simulator import Fault, Simulator
from stage_gate.candidate import NONE, RUNNING, UNKNOWN, Candidate, changes, must_be_built_again
from stage_gate.observe import read_candidate
from unit.stage_gate.release import OVER, down
from unit.stage_gate.waiting import until

FRONT_END, WEB_TIER, CONFIG, OTHER_FULL_STACK = "678903", "678904", "678905", "678902"
DEVELOPMENT, CODE_QUALITY = "678907", "678906"


class Stage:
    """A release that waits for its approval, and what runs beside it."""

    def __init__(self, simulator: Simulator, release: str = "good") -> None:
        self.simulator = simulator
        self.hook = CloudManagerHook()
        self.execution_id = simulator.start_execution(release)
        self.wait_for_approval(self.execution_id)

    def status(self, execution_id: str) -> str:
        return str(self.simulator.execution(execution_id)["status"])

    def wait_for_approval(self, execution_id: str) -> None:
        def waits() -> bool:
            steps = self.simulator.execution(execution_id)["_embedded"]["stepStates"]
            return any(step["status"] == "WAITING" for step in steps)

        until(waits, f"a step of execution {execution_id} waits")

    def wait_for_end(self, execution_id: str) -> None:
        until(lambda: self.status(execution_id) in OVER, f"execution {execution_id} is over")

    def read(self) -> Candidate:
        execution = self.hook.get_execution(
            self.simulator.program_id, self.simulator.pipeline_id, self.execution_id
        )
        return read_candidate(self.hook, execution)

    def run(
        self, pipeline: str, release: str = "good", trigger: str = "MANUAL", *, to_the_end: bool = True
    ) -> str:
        """Start another execution; ``to_the_end`` waits until it is over, else until stage is touched."""
        number = self.simulator.start_execution(release, pipeline=pipeline, trigger=trigger, beside=True)  # type: ignore[arg-type]
        if to_the_end:
            self.wait_for_end(number)
        else:
            until(lambda: self.touches_stage(number), f"execution {number} touches stage")
        return number

    def touches_stage(self, execution_id: str) -> bool:
        steps = self.simulator.execution(execution_id)["_embedded"]["stepStates"]
        return any(
            step["action"] == "deploy"
            and step["environmentType"] == "stage"
            and step["status"] != "NOT_STARTED"
            for step in steps
        )


@pytest.fixture
def stage(simulator: Simulator) -> Stage:
    return Stage(simulator)


def test_alone_on_stage_nothing_changes(stage: Stage) -> None:
    pinned = stage.read()
    assert pinned.stage.other_pipelines == dict.fromkeys(
        (OTHER_FULL_STACK, FRONT_END, WEB_TIER, CONFIG), NONE
    )
    assert (pinned.stage.newer_releases, pinned.stage.aem_updates) == ((), ())
    assert changes(pinned, stage.read()) == []
    assert must_be_built_again(pinned, build_marker=False) is None


@pytest.mark.parametrize(
    ("pipeline", "name"), [(WEB_TIER, "Web tier (simulated)"), (CONFIG, "Config (simulated)")]
)
def test_a_sibling_that_reached_stage_is_told_by_name(stage: Stage, pipeline: str, name: str) -> None:
    pinned = stage.read()
    number = stage.run(pipeline)
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"Pipeline {pipeline} has run execution {number} ('{name}' {pipeline}")
    assert "deployment to stage" in sentence
    assert "MANUAL, begun 2" in sentence
    assert "FINISHED 2" in sentence
    assert must_be_built_again(stage.read(), build_marker=False) is None


@pytest.mark.parametrize("pipeline", [FRONT_END, WEB_TIER, CONFIG])
def test_a_sibling_that_runs_is_told_and_a_change_also_when_it_is_over(stage: Stage, pipeline: str) -> None:
    number = stage.run(pipeline, "slow-stage", to_the_end=False)
    pinned = stage.read()
    assert pinned.stage.other_pipelines[pipeline] == f"{number}{RUNNING}"
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"Pipeline {pipeline} runs execution {number} (")
    stage.simulator.person("cancel", number)
    stage.wait_for_end(number)
    (sentence,) = changes(pinned, stage.read())
    assert f"has run execution {number}" in sentence


def test_a_sibling_that_was_done_before_the_deployment_does_not_count(simulator: Simulator) -> None:
    before = simulator.start_execution("good", pipeline=WEB_TIER)
    update = simulator.start_execution("good", pipeline=OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    for each in (before, update):
        until(lambda each=each: simulator.execution(each)["status"] in OVER, f"execution {each} is over")  # type: ignore[misc]
    stage = Stage(simulator)
    pinned = stage.read()
    assert pinned.stage.other_pipelines[WEB_TIER] == before
    assert pinned.stage.aem_updates == ()
    assert changes(pinned, stage.read()) == []


@pytest.mark.parametrize("release", ["build-fails", "build-errors"])
def test_a_sibling_that_never_reached_stage_does_not_count(stage: Stage, release: str) -> None:
    pinned = stage.read()
    stage.run(FRONT_END, release)
    assert changes(pinned, stage.read()) == []


def test_pipelines_of_other_environments_do_not_count(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(DEVELOPMENT)
    stage.run(CODE_QUALITY)
    assert changes(pinned, stage.read()) == []


def test_a_newer_run_of_the_guarded_pipeline_counts(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.run(stage.simulator.pipeline_id, to_the_end=False)
    now = stage.read()
    (sentence,) = changes(pinned, now)
    assert sentence.startswith(
        f"The guarded pipeline has run again since the tests began: execution {number} ("
    )
    again = must_be_built_again(now, build_marker=False)
    assert again is not None
    assert "another release" in again
    assert must_be_built_again(now, build_marker=True) is None


def test_a_newer_run_of_the_guarded_pipeline_counts_however_it_ended(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.run(stage.simulator.pipeline_id, "build-fails")
    assert stage.read().stage.newer_releases == (number,)
    (sentence,) = changes(pinned, stage.read())
    assert "FAILED" in sentence


def test_a_re_execution_of_the_guarded_pipeline_counts(simulator: Simulator) -> None:
    stage = Stage(simulator)
    pinned = stage.read()
    number = stage.run(simulator.pipeline_id, "slow-stage", "RE_EXECUTE", to_the_end=False)
    (sentence,) = changes(pinned, stage.read())
    assert number in sentence
    assert "RE_EXECUTE" in sentence


def test_an_earlier_run_of_the_guarded_pipeline_does_not_count(simulator: Simulator) -> None:
    first = simulator.start_execution("build-fails")
    until(lambda: simulator.execution(first)["status"] in OVER, f"execution {first} is over")
    assert Stage(simulator).read().stage.newer_releases == ()


def test_another_release_on_stage_after_the_deployment_has_to_be_undone_by_a_build(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK)
    pinned = stage.read()
    assert pinned.stage.replaced_by == (number,)
    again = must_be_built_again(pinned, build_marker=False)
    assert again is not None
    assert number in again


@pytest.mark.parametrize("pipeline", [OTHER_FULL_STACK, "678901"])
def test_an_aem_update_of_any_pipeline_that_is_over_counts(simulator: Simulator, pipeline: str) -> None:
    stage = Stage(simulator)
    pinned = stage.read()
    number = stage.run(pipeline, trigger="PUSH_UPGRADES", to_the_end=False)
    if pipeline == OTHER_FULL_STACK:
        stage.wait_for_end(number)
    now = stage.read()
    told = [sentence for sentence in changes(pinned, now) if "AEM update" in sentence]
    assert len(told) == len(changes(pinned, now)) == 1
    assert f"execution {number} (" in told[0]
    assert "PUSH_UPGRADES" in told[0]
    assert [each.removesuffix(RUNNING) for each in now.stage.aem_updates] == [number]


def test_after_an_aem_update_the_release_has_to_be_built_again_unless_a_marker_tells(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    tested_again = stage.read()
    assert tested_again.stage.aem_updates == (number,)
    assert changes(tested_again, stage.read()) == []
    again = must_be_built_again(tested_again, build_marker=False)
    assert again is not None
    assert "an AEM update" in again
    assert number in again
    assert "build the release again" in again
    assert must_be_built_again(tested_again, build_marker=True) is None


def test_an_aem_update_that_runs_counts_before_and_after_its_end(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK, "slow-stage", "PUSH_UPGRADES", to_the_end=False)
    pinned = stage.read()
    assert pinned.stage.aem_updates == (f"{number}{RUNNING}",)
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"An AEM update changes stage just now: execution {number} (")
    stage.simulator.person("cancel", number)
    stage.wait_for_end(number)
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith("An AEM update has changed stage since the tests began")


def test_an_aem_update_that_runs_and_is_not_on_stage_yet_counts(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.simulator.start_execution(
        "slow-build", pipeline=OTHER_FULL_STACK, trigger="PUSH_UPGRADES", beside=True
    )
    now = stage.read()
    assert now.stage.aem_updates == (f"{number}{RUNNING}",)
    assert len(changes(pinned, now)) == 1


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("sibling-changes-stage", "Pipeline 678904 has run"),
        ("sibling-runs", "Pipeline 678904 runs"),
        ("aem-update", "An AEM update has changed stage"),
        ("aem-update-runs", "An AEM update changes stage just now"),
        ("aem-update-here", "An AEM update changes stage just now"),
        ("second-execution", "The guarded pipeline has run again"),
    ],
)
def test_a_scenario_can_make_each_happen(
    simulator: Simulator, release: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "60000")  # it looks all the time
    pinned = Stage(simulator).read()
    simulator.person("reject", pinned.execution_id)
    execution = pinned.execution_id
    until(lambda: simulator.execution(execution)["status"] in OVER, f"execution {execution} is over")
    stage = Stage(simulator, release)
    before = pinned.stage
    until(lambda: any(words in each for each in changes(
        stage.read().model_copy(update={"stage": before}), stage.read())), words)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        (f"/pipeline/{WEB_TIER}/executions", {"other_pipelines", "aem_updates"}),
        ("/pipeline/678901/executions", {"newer_releases", "aem_updates"}),
        ("/pipelines", {"other_pipelines", "newer_releases", "aem_updates"}),
    ],
)
def test_what_cannot_be_read_is_unknown_and_holds(stage: Stage, path: str, unknown: set[str]) -> None:
    pinned = stage.read()
    stage.simulator.inject(down(path))
    now = stage.read()
    found = {
        "other_pipelines": UNKNOWN in now.stage.other_pipelines.values(),
        "newer_releases": UNKNOWN in now.stage.newer_releases,
        "aem_updates": UNKNOWN in now.stage.aem_updates,
    }
    assert {name for name, is_unknown in found.items() if is_unknown} == unknown
    assert len(changes(pinned, now)) == len(unknown)
    assert all("can't be read now" in sentence for sentence in changes(pinned, now))
    assert len(now.stage.unknown()) == len(unknown) + 1
    assert must_be_built_again(now, build_marker=False) is None


@pytest.mark.parametrize("missing", [False, True], ids=["oldest first", "no time"])
def test_executions_that_are_not_listed_newest_first_are_unknown_and_hold(
    stage: Stage, missing: bool
) -> None:
    pinned = stage.read()
    stage.run(stage.simulator.pipeline_id, to_the_end=False)
    assert len(stage.read().stage.newer_releases) == 1
    times = {"0": {"createdAt": None if missing else "2020-01-01T00:00:00.000+0000"}}
    stage.simulator.inject(
        Fault(
            effect="merge",
            path="/pipeline/678901/executions",
            body={"_embedded": {"executions": times}},
            times=None,
        )
    )
    now = stage.read()
    assert now.stage.newer_releases == (UNKNOWN,)
    assert any("can't be read now" in sentence for sentence in changes(pinned, now))


def test_a_pipeline_without_phases_in_the_list_is_looked_at_all_the_same(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(WEB_TIER)
    phases = {"_embedded": {"pipelines": {str(n): {"phases": None} for n in range(7)}}}
    stage.simulator.inject(Fault(effect="merge", path="/pipelines", body=phases, times=None))
    (sentence,) = changes(pinned, stage.read())
    assert f"Pipeline {WEB_TIER} has run" in sentence


def test_a_guarded_pipeline_that_is_not_listed_is_looked_at_all_the_same(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(stage.simulator.pipeline_id, to_the_end=False)
    other = {"_embedded": {"pipelines": {"0": {"id": "1", "phases": []}}}}
    stage.simulator.inject(Fault(effect="merge", path="/pipelines", body=other, times=None))
    assert any("The guarded pipeline has run again" in each for each in changes(pinned, stage.read()))


def test_more_runs_than_a_page_holds_hide_nothing(stage: Stage) -> None:
    pinned = stage.read()
    update = stage.run(OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    for _ in range(21):
        stage.run(OTHER_FULL_STACK, "build-fails")
    assert stage.read().stage.aem_updates == (update,)
    assert len(changes(pinned, stage.read())) == 1
