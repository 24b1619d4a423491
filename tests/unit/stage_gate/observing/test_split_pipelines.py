"""A production-only release is approved only for the build that was tested on stage and is still there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from adobe_cloud_manager.exceptions import Unavailable
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from aem_checks.yaml_lines import ConfigError
from simulator import Simulator
from stage_gate.acting.wanting import Held
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor_visit import examine_cloud_manager
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate
from stage_gate.dag import build_gate_dag
from stage_gate.observing.observe import NoSource, NotDeployed, candidate_of, read_candidate
from stage_gate.rules.candidate import Candidate, changes
from stage_gate.rules.decision import Decision
from stage_gate.rules.surroundings import ELSEWHERE, Fact, Way
from stage_gate.tasks.pin import reason_to_report_only
from stage_gate.tasks.source import FindSource
from unit.stage_gate.release import Release, down
from unit.stage_gate.tasks.test_waits import context, signing
from unit.stage_gate.waiting import PATIENCE, until

__all__ = ["signing"]

STAGE_ONLY, PRODUCTION_ONLY, FULL = "678911", "678910", "678901"


@pytest.fixture
def scenario() -> str:
    return "split"


class SplitRelease(Release):
    """What a stage-only pipeline has tested waits for its approval in a production-only one."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.source_id = self.test_on_stage()
        super().__init__(simulator, folder)

    def test_on_stage(self, release: str = "good") -> str:
        """Run the stage-only pipeline to its end; the id of the execution."""
        execution = self.simulator.start_execution(release, pipeline=STAGE_ONLY)
        until(lambda: self.simulator.execution(execution)["status"] != "RUNNING", f"{execution} is over")
        return execution

    def build_without_reaching_stage(self) -> str:
        """Run the stage-only pipeline and cancel it while it builds; the id of the execution."""
        execution = self.simulator.start_execution("slow-build", pipeline=STAGE_ONLY)
        self.simulator.person("cancel", execution)
        until(lambda: self.simulator.execution(execution)["status"] == "CANCELLED", f"{execution} is over")
        return execution

    def _gate(self, folder: Path, changes: dict[str, object]) -> Gate:
        self.gate_file = folder / "larkfell.yaml"
        self.gate_file.write_text(yaml.safe_dump({**gate_content(self.simulator.stage_url), **changes}))
        return load_gate(self.gate_file)

    def read_candidate(self) -> Candidate:
        execution = self.hook.get_execution("12345", PRODUCTION_ONLY, self.execution_id)
        return read_candidate(self.hook, execution, STAGE_ONLY)


def gate_content(stage: str, **source: object) -> dict[str, object]:
    return {
        "pipeline": {
            "program": "12345",
            "pipeline": PRODUCTION_ONLY,
            "source": {"pipeline": STAGE_ONLY, **source},
        },
        "sites": [{"name": "larkfell", "stage": stage, "pages": ["/"]}],
        "mode": "guard",
        "waits": {"read_back": "60s", "poll": "1s"},
    }


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path) -> SplitRelease:
    return SplitRelease(simulator, tmp_path)


def test_the_candidate_is_the_production_only_execution_tested_as_its_source(release: SplitRelease) -> None:
    candidate = release.read_candidate()
    source = candidate.stage.source
    assert source is not None
    assert (candidate.pipeline_id, candidate.execution_id) == (PRODUCTION_ONLY, release.execution_id)
    assert candidate.tested == (source.pipeline_id, source.execution_id) == (STAGE_ONLY, release.source_id)
    assert candidate.stage.environment_id == "7654321"
    assert candidate.stage_deployed_at is not None
    assert candidate.artifacts_version == source.artifacts_version
    assert candidate.commit_id == source.commit_id
    assert candidate.stage.other_pipelines[PRODUCTION_ONLY] == ELSEWHERE
    assert candidate.stage.events == ()
    assert changes(candidate, release.read_candidate()) == []


def test_a_passed_release_is_approved_with_one_put_to_the_production_only_execution(
    release: SplitRelease,
) -> None:
    release.seal()
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED
    (put,) = release.puts
    assert f"/pipeline/{PRODUCTION_ONLY}/execution/{release.execution_id}/" in put
    assert put.endswith("/advance")


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ("good", "is not the last one that reached stage"),
        ("stage-fails", "is not the last one that reached stage"),
    ],
)
def test_another_build_on_stage_holds_what_was_tested_before(
    release: SplitRelease, later: str, told: str
) -> None:
    release.seal()
    release.test_on_stage(later)
    with pytest.raises(Held, match=told):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_build_that_is_on_its_way_to_stage_holds_too(release: SplitRelease) -> None:
    release.seal()
    running = release.simulator.start_execution("slow-build", pipeline=STAGE_ONLY)
    with pytest.raises(
        Held, match=f"Pipeline {STAGE_ONLY}, whose deployment is tested, runs again.*{running}"
    ):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_build_that_ended_before_stage_holds_nothing(release: SplitRelease) -> None:
    release.seal()
    release.build_without_reaching_stage()
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED


def test_another_pipeline_that_deploys_to_the_same_stage_holds(release: SplitRelease) -> None:
    release.seal()
    release.simulator.start_execution("good", pipeline=FULL)
    with pytest.raises(Held, match=f"Pipeline {FULL}"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_source_whose_version_is_another_one_now_holds(release: SplitRelease) -> None:
    release.seal()
    versions = rf"/pipeline/{STAGE_ONLY}/executions"
    body = {"_embedded": {"executions": {"0": {"artifactsVersion": "2020.101.000000.0000000001"}}}}
    release.simulator.inject({"effect": "merge", "path": versions, "body": body, "times": None})
    with pytest.raises(Held, match="none of the newest 1 executions"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_seal_of_another_source_holds(release: SplitRelease) -> None:
    pinned = release.read_candidate()
    source = pinned.stage.source
    assert source is not None
    other = source.model_copy(update={"execution_id": "1", "stage_step_id": source.stage_step_id})
    before = pinned.model_copy(update={"stage": pinned.stage.model_copy(update={"source": other})})
    assert changes(before, pinned) == [
        f"Tested on stage was execution 1 of pipeline {STAGE_ONLY}, and what goes to production comes from {source} now."
    ]
    assert before.digest != pinned.digest


def test_a_candidate_without_source_has_the_digest_that_it_always_had(release: SplitRelease) -> None:
    plain = release.read_candidate()
    plain = plain.model_copy(update={"stage": plain.stage.model_copy(update={"source": None})})
    old = plain.model_dump_json().replace('"source":null,', "")
    assert plain.digest == hashlib.sha256(old.encode()).hexdigest()


def test_a_production_only_execution_without_a_tested_source_has_no_candidate(release: SplitRelease) -> None:
    execution = release.hook.get_execution("12345", PRODUCTION_ONLY, release.execution_id)
    with pytest.raises(NoSource, match=f"of pipeline {FULL} has built them"):
        read_candidate(release.hook, execution, FULL)


def test_a_production_only_execution_is_decided_and_one_that_deploys_to_stage_is_refused(
    release: SplitRelease,
) -> None:
    execution = release.hook.get_execution("12345", PRODUCTION_ONLY, release.execution_id)
    assert reason_to_report_only(execution, STAGE_ONLY) == ""
    full = release.hook.get_execution(
        "12345", FULL, release.simulator.start_execution("slow-build", pipeline=FULL)
    )
    with pytest.raises(AirflowFailException, match="deploys to stage itself"):
        reason_to_report_only(full, STAGE_ONLY)


def test_the_dag_of_a_split_gate_looks_for_the_source_when_the_approval_waits(tmp_path: Path) -> None:
    file = tmp_path / "larkfell.yaml"
    file.write_text(yaml.safe_dump(gate_content("https://stage.simulated.invalid")))
    dag = build_gate_dag(load_gate(file), file, "")
    assert "wait_for_stage_deployment" not in dag.task_ids
    assert dag.get_task("find_source").upstream_task_ids == {"wait_for_approval_step"}
    assert dag.get_task("settle_stage").upstream_task_ids == {"find_source"}
    assert dag.get_task("pin_candidate").downstream_task_ids >= {
        "wait_for_approval_step",
        "start_execution_run",
    }


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"start": True}, "needs a connection of its own"),
        ({"pipeline": PRODUCTION_ONLY}, "can't be its own source"),
        ({"execution": "5"}, "execution"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused_with_its_line(
    tmp_path: Path, source: dict[str, object], told: str
) -> None:
    file = tmp_path / "larkfell.yaml"
    file.write_text(yaml.safe_dump(gate_content("https://stage.simulated.invalid", **source)))
    with pytest.raises(ConfigError, match=told):
        load_gate(file)


def test_the_doctor_looks_at_both_pipelines_of_a_split_gate(release: SplitRelease) -> None:
    found = list(examine_cloud_manager(release.gate, PATIENCE))
    assert [each for each in found if each.state is State.BAD] == []
    told = [str(each.detail) for each in found]
    assert any("tests on stage what" in each for each in told)
    assert any("stage environment 7654321" in each for each in told)


@pytest.mark.parametrize(("pipeline", "source"), [(FULL, STAGE_ONLY), (PRODUCTION_ONLY, FULL)])
def test_the_doctor_says_which_of_the_two_is_no_half(
    release: SplitRelease, tmp_path: Path, pipeline: str, source: str
) -> None:
    content = gate_content(release.simulator.stage_url)
    content["pipeline"] = {"program": "12345", "pipeline": pipeline, "source": {"pipeline": source}}
    file = tmp_path / "other.yaml"
    file.write_text(yaml.safe_dump(content))
    release.gate_file.unlink()
    bad = [each for each in examine_cloud_manager(load_gate(file), PATIENCE) if each.state is State.BAD]
    assert any("is a pipeline of kind 'full stack production'" in str(each.detail) for each in bad)


def test_a_source_whose_history_answers_badly_for_a_moment_is_looked_for_again(
    release: SplitRelease, signing: None
) -> None:
    """``find_source`` has retries for that: what passes is no reason to hold for good."""
    history = down(f"/pipeline/{STAGE_ONLY}/executions")
    release.simulator.inject(history.model_copy(update={"nth": 2}))
    task = FindSource(task_id="find_source", gate_file=str(release.gate_file))
    first_try = context(release) | {"ti": SimpleNamespace(try_number=1, max_tries=3)}
    with pytest.raises(Unavailable):
        task.execute(first_try)
    release.simulator.clear_faults()
    task.execute(first_try)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many executions of the stage-only pipeline were asked for, each time."""
    asked: list[int] = []
    real = CloudManagerHook.list_executions

    def counted(hook: CloudManagerHook, program_id: str, pipeline_id: str, *, limit: int = 0) -> Any:
        asked.extend([limit] if pipeline_id == STAGE_ONLY else [])
        return real(hook, program_id, pipeline_id, limit=limit)

    monkeypatch.setattr(CloudManagerHook, "list_executions", counted)
    return asked


def test_a_source_that_is_not_among_the_newest_is_looked_for_among_more(
    release: SplitRelease, monkeypatch: pytest.MonkeyPatch, limits: list[int]
) -> None:
    monkeypatch.setattr("stage_gate.observing.observe._NEWEST", 1)
    release.build_without_reaching_stage()
    assert release.read_candidate().tested == (STAGE_ONLY, release.source_id)
    assert limits[:2] == [1, 200]


@pytest.mark.parametrize(
    ("newest", "version", "told"),
    [
        (20, "2020.101.000000.0000000001", "none of the newest 1 executions"),
        (1, "", "does not say which artifacts"),
    ],
    ids=["there are no more", "nobody could recognise it"],
)
def test_a_source_is_not_looked_for_again_where_that_can_find_nothing(
    release: SplitRelease,
    monkeypatch: pytest.MonkeyPatch,
    limits: list[int],
    newest: int,
    version: str,
    told: str,
) -> None:
    monkeypatch.setattr("stage_gate.observing.observe._NEWEST", newest)
    execution = release.hook.get_execution("12345", PRODUCTION_ONLY, release.execution_id)
    with pytest.raises(NoSource, match=told):
        read_candidate(release.hook, replace(execution, artifacts_version=version), STAGE_ONLY)
    assert limits == [newest]


def test_a_newer_build_that_is_listed_without_steps_may_have_reached_stage(release: SplitRelease) -> None:
    later = release.build_without_reaching_stage()
    assert release.read_candidate().tested == (STAGE_ONLY, release.source_id)
    listed = {"_embedded": {"executions": {"0": {"_embedded": None}}}}
    history = rf"/pipeline/{STAGE_ONLY}/executions"
    release.simulator.inject({"effect": "merge", "path": history, "body": listed, "times": None})
    with pytest.raises(NoSource) as told:
        release.read_candidate()
    assert str(told.value) == (
        f"Execution {release.source_id} of pipeline {STAGE_ONLY} is not the last one that reached stage: execution "
        f"{later} did after it, so stage does not show what goes to production. Promote that one, or run the stage-only "
        "pipeline again from the same commit and promote it then."
    )


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (
            403,
            NoSource,
            f"^Whether pipeline {STAGE_ONLY} has put another build on stage since execution .* can't be told. Nobody "
            "knows whether the pipeline has run again",
        ),
        (503, Unavailable, "^Nobody knows whether the pipeline has run again"),
    ],
)
def test_a_source_whose_later_runs_cannot_be_read_is_none(
    release: SplitRelease, status: int, kind: type[Exception], told: str
) -> None:
    history = down(rf"/pipeline/{STAGE_ONLY}/executions\?start=0&")
    second = 2  # the first is for the source itself
    release.simulator.inject(history.model_copy(update={"nth": second, "status": status}))
    with pytest.raises(kind, match=told):
        release.read_candidate()


def test_what_else_is_unread_or_happened_on_stage_takes_no_source_away(release: SplitRelease) -> None:
    update = release.simulator.start_execution("good", pipeline=STAGE_ONLY, trigger="PUSH_UPGRADES")
    until(lambda: release.simulator.execution(update)["status"] == "FINISHED", f"{update} is over")
    release.simulator.inject({"effect": "answer", "status": 403, "path": "/pipelines$", "times": None})
    candidate = release.read_candidate()
    assert candidate.tested == (STAGE_ONLY, release.source_id)
    assert [(each.way, each.id, each.runs) for each in candidate.stage.events] == [
        (Way.AEM_UPDATE, update, False)
    ]
    assert [each.fact for each in candidate.stage.unread] == [Fact.OTHER_PIPELINES]


def test_what_an_execution_does_not_say_its_source_says_and_else_nobody(release: SplitRelease) -> None:
    split = release.read_candidate().stage
    assert split.source is not None
    execution = release.hook.get_execution("12345", PRODUCTION_ONLY, release.execution_id)
    silent = replace(execution, artifacts_version="", steps=())
    told = split.model_copy(update={"source": split.source.model_copy(update={"commit_id": "abc"})})
    found = candidate_of(silent, told)
    assert (found.commit_id, found.artifacts_version) == ("abc", None)
    own = replace(silent, steps=(replace(execution.steps[0], commit_id="def"),))
    assert candidate_of(own, told).commit_id == "def"

    source = release.hook.get_execution("12345", STAGE_ONLY, release.source_id)
    assert source.stage_deployment is not None
    nameless = replace(source, steps=(replace(source.stage_deployment, commit_id=""),))
    alone = split.model_copy(update={"source": None})
    assert candidate_of(nameless, alone).commit_id is None


@pytest.mark.parametrize("status", ["RUNNING", "INCOMPLETE", "FAILED", None])
def test_without_a_finished_stage_deployment_there_is_no_candidate(
    release: SplitRelease, status: str | None
) -> None:
    source = release.hook.get_execution("12345", STAGE_ONLY, release.source_id)
    deployment = source.stage_deployment
    assert deployment is not None
    steps = (replace(deployment, status=status),) if status else ()
    with pytest.raises(
        NotDeployed, match=f"^The stage deployment of execution {source.id} is not finished.$"
    ):
        read_candidate(release.hook, replace(source, steps=steps))
