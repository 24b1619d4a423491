"""A run that somebody starts by hand names an execution, finds its one run, and says where it is; and what runs stand on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    DagRunTriggerException,
    ParamValidationError,
)

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.configuration.gate_file import gate_from_content, load_gate
from stage_gate.dag import build_gate_dag
from stage_gate.evidence.claims import Ticket
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import NO_KEYS
from stage_gate.pages.links import ExecutionRunLink
from stage_gate.rules.decision import HALT, OVERRIDE, Decision, Mode, Timing
from stage_gate.rules.surroundings import Fact
from stage_gate.tasks.pin import PinCandidate, StartExecutionRun
from unit.stage_gate.acting.test_planted import plant, replace_pin, run_of, strangers
from unit.stage_gate.release import Release
from unit.stage_gate.runs_of_airflow import RunsOfAirflow
from unit.stage_gate.samples import freeze
from unit.stage_gate.tasks.test_waits import context, release, signing

__all__ = ["release", "signing"]


@pytest.fixture
def gate_file(tmp_path: Path) -> Path:
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "larkfell", "stage": "https://stage.simulated.invalid", "pages": ["/"]}],
    }
    file = tmp_path / "larkfell.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def pinned_by_hand(gate_file: Path, execution: str | None) -> tuple[list[str], dict[str, Any]]:
    """Which task follows, and what it is told."""
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    task = PinCandidate(task_id="pin_candidate", gate_file=str(gate_file), waits=["wait"], fold="fold")
    context: Any = {"run_id": "manual__1", "params": {"execution": execution}, "ti": ti}
    return task.choose_branch(context), pushed


def form(gate_file: Path) -> DAG:
    return build_gate_dag(load_gate(gate_file), gate_file, "")


@pytest.mark.parametrize("value", ["current", "", None, "2345678"])
def test_the_form_takes_an_execution_or_the_current_one(gate_file: Path, value: str | None) -> None:
    assert form(gate_file).params.get_param("execution").resolve(value) == value


@pytest.mark.parametrize(
    "value", ["0", "0123", "12a", " 12", "latest", 12, ["12"], "9" * 21, "execution-12", "{{ 1 }}"]
)
def test_the_form_refuses_what_can_be_no_execution(gate_file: Path, value: object) -> None:
    with pytest.raises(ParamValidationError):
        form(gate_file).params.get_param("execution").resolve(value)


@pytest.mark.parametrize("asked", ["current", "", None])
def test_nothing_named_means_the_execution_that_runs(
    simulator: Simulator, gate_file: Path, asked: str | None
) -> None:
    execution = simulator.start_execution("quality-waits")
    assert pinned_by_hand(gate_file, asked) == (["fold"], {"execution_run_id": f"execution-{execution}"})


def test_an_execution_that_is_over_can_be_named(simulator: Simulator, gate_file: Path) -> None:
    execution = simulator.start_execution("quality-waits")
    simulator.person("cancel", execution)
    assert pinned_by_hand(gate_file, execution) == (["fold"], {"execution_run_id": f"execution-{execution}"})


def test_an_execution_that_is_none_of_this_pipeline_starts_no_run(
    simulator: Simulator, gate_file: Path
) -> None:
    with pytest.raises(AirflowFailException, match="Execution 99 does not exist in pipeline 678901"):
        pinned_by_hand(gate_file, "99")


@pytest.mark.parametrize(("state", "told"), [("", "starts now"), ("failed", "is there already (failed)")])
def test_the_log_says_where_the_run_of_the_execution_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    airflow = RunsOfAirflow(monkeypatch)
    if state:
        airflow.states["stage_gate.start", "execution-7"] = state
    task = StartExecutionRun(task_id="fold", execution_run_id="execution-7")
    with pytest.raises(DagRunTriggerException) as started:
        task.execute(airflow.context)
    assert started.value.dag_run_id == "execution-7"
    assert started.value.skip_when_already_exists
    assert started.value.note == "Started by hand, from run manual__1."
    page = "https://airflow.example.com/dags/stage_gate.start/runs/execution-7"
    assert any(told in line and page in line for line in capsys.readouterr().out.splitlines())
    key: Any = SimpleNamespace(dag_id="stage_gate.start")
    assert ExecutionRunLink().get_link(task, ti_key=key) == page


def test_a_run_of_an_execution_is_known_by_its_run_id_alone(release: Release) -> None:
    run = GateRun.of(str(release.gate_file), context(release))
    assert (run.gate_file, run.dag_id, run.run_id, run.execution_id) == (
        release.gate_file,
        "stage_gate.larkfell",
        f"execution-{release.execution_id}",
        release.execution_id,
    )
    assert run.evidence.folder == release.evidence.folder
    assert run.evidence.keys.private is not None
    by_hand = context(release) | {"run_id": "manual__1"}
    with pytest.raises(
        AirflowSkipException,
        match=r"^Run manual__1 only pointed at the run of an execution; there is nothing",
    ):
        GateRun.of(str(release.gate_file), by_hand)


def test_a_pin_that_is_not_believed_says_what_to_do_about_it(release: Release) -> None:
    file = release.evidence.folder / "pin.json"
    replace_pin(release.evidence, release.pin.model_copy(update={"gate_digest": "another"}))
    with pytest.raises(AirflowFailException, match=r"does not match its digest .* trust nothing of this run"):
        _ = run_of(release).pin
    replace_pin(strangers(release), release.pin)
    with pytest.raises(AirflowFailException) as told:
        _ = run_of(release).pin
    assert str(told.value) == (
        f"The pin of execution {release.execution_id} is not signed, so nothing in it is believed. Either this worker "
        "does not know the public key: set [stage_gate] trusted_keys on every worker. Or somebody else wrote "
        f"{file}: find out who, remove it, and clear pin_candidate with its downstream tasks."
    )
    file.unlink()
    with pytest.raises(AirflowSkipException, match="Nothing was pinned for this run"):
        _ = run_of(release).pin


@pytest.mark.parametrize("program", ["program_id", "pipeline_id"])
def test_a_pin_of_another_program_or_pipeline_is_not_believed(release: Release, program: str) -> None:
    replace_pin(release.evidence, release.pin.model_copy(update={program: "7"}))
    with pytest.raises(AirflowFailException, match="its pipeline"):
        _ = run_of(release).gate


def test_a_seal_that_nobody_signed_is_told_with_its_attempt_and_the_remedy(release: Release) -> None:
    assert run_of(release).newest_seal() is None
    release.evidence.keys = NO_KEYS
    release.seal()
    with pytest.raises(
        EvidenceError, match=r"^the seal of attempt 1 is not signed; .* set \[stage_gate\] trusted_keys"
    ):
        run_of(release).newest_seal()


def test_only_an_answer_to_the_newest_seal_is_one_and_only_if_it_is_signed(release: Release) -> None:
    run = run_of(release)
    assert run.newest_answer() is None, "there is neither"
    first = release.seal(Outcome.FAILED)
    assert run.newest_answer() is None, "nobody answered"
    release.answer(HALT, first)
    answer = run.newest_answer()
    assert answer is not None
    assert (answer.option, answer.seal_digest) == (HALT, first)
    release.seal(Outcome.FAILED)
    assert run.newest_answer() is None, "it was about another verdict"


def test_an_answer_without_any_seal_is_none(release: Release) -> None:
    release.answer(HALT, "a digest of nothing")
    assert run_of(release).newest_answer() is None


def test_an_answer_that_nobody_signed_is_told_with_the_name_it_was_given_in(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    release.evidence.keys = NO_KEYS
    release.answer(OVERRIDE, seal, by="mallory")
    with pytest.raises(
        EvidenceError,
        match=f"answer.json, which says that mallory answered {OVERRIDE}, is not signed: find out who wrote it",
    ):
        run_of(release).newest_answer()


def test_a_run_knows_whether_a_request_may_have_left_whoever_took_the_ticket(release: Release) -> None:
    assert not run_of(release).may_have_acted
    plant(release, Ticket, Decision.APPROVED, release.seal(), NO_KEYS)
    assert run_of(release).may_have_acted


def test_a_run_that_only_reports_decides_nothing_and_says_why(release: Release) -> None:
    run_of(release).skip_unless_decidable()
    replace_pin(release.evidence, release.pin.model_copy(update={"report_only": "An AEM update."}))
    with pytest.raises(AirflowSkipException, match=r"^Nothing to decide: An AEM update\.$"):
        run_of(release).skip_unless_decidable()


def test_what_a_run_reads_is_its_own_execution_and_the_candidate_of_it(release: Release) -> None:
    run = run_of(release)
    assert run.read_execution().id == release.execution_id
    assert run.read_candidate().tested == (release.pin.pipeline_id, release.execution_id)
    assert run.reading.cloud_manager_conn_id == release.gate.pipeline.connection
    assert run.reading is run.reading, "one hook has one login"
    assert not run.reached_production(release.execution_id)
    release.simulator.person("approve", release.execution_id)
    release.wait_for_end()
    assert run.reached_production(release.execution_id)


def test_a_pipeline_without_production_has_not_reached_it(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(release)
    bare = replace(run.read_execution(), steps=())
    monkeypatch.setattr(run.reading, "get_execution", lambda *_: bare)
    assert run.reached_production(release.execution_id) is False


def test_only_the_act_opens_the_deciding_connection_and_it_stands_on_what_is_pinned_and_on_what_is_now(
    simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_FACTS", "restores")
    connections = {
        "program": simulator.program_id,
        "pipeline": simulator.pipeline_id,
        "deciding_connection": "boss",
    }
    release = Release(simulator, tmp_path, pipeline=connections)
    release.gate_file.write_text(release.gate_file.read_text().replace("mode: guard", "mode: shadow"))
    run = run_of(release)
    act = run.act()
    assert act.deciding.cloud_manager_conn_id == "boss"
    assert (act.dag_id, act.run_id) == (run.dag_id, run.run_id)
    right = act.right
    assert (right.gate, right.pin, right.evidence, right.reading) == (
        run.gate,
        run.pin,
        run.evidence,
        run.reading,
    )
    assert right.reading.cloud_manager_conn_id == "cloud_manager_default"
    assert (right.gate.mode, right.gate_now.mode) == (Mode.GUARD, Mode.SHADOW)
    assert right.gates_folder == tmp_path
    assert right.demands.facts == {Fact.RESTORES}


def test_no_connection_of_the_gate_opens_a_site(release: Release) -> None:
    run = run_of(release)
    assert run.site_access is run.site_access
    refused = run.site_access.reach.refusal(release.gate.pipeline.connection)
    assert refused is not None
    assert run.site_access.reach.refusal("a_site") is None


def test_a_connection_that_only_the_pinned_gate_names_opens_no_site_either(
    simulator: Simulator, tmp_path: Path, signing: None
) -> None:
    pipeline = {
        "program": simulator.program_id,
        "pipeline": simulator.pipeline_id,
        "deciding_connection": "boss",
    }
    release = Release(simulator, tmp_path, pipeline=pipeline)
    run = run_of(release)
    release.gate_file.unlink()
    assert run.site_access.reach.refusal("boss") is not None


def test_what_is_pinned_is_read_beside_its_gate_file_and_the_candidate_where_it_was_built(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings name files beside the gate file; a build of a stage-only pipeline is told by that pipeline."""
    folders: list[Path] = []
    sources: list[str | None] = []

    def built(name: str, content: Any, *, folder: Path) -> Any:
        folders.append(folder)
        return gate_from_content(name, content, folder=folder)

    def read(hook: object, execution: object, source: str | None) -> None:
        sources.append(source)

    monkeypatch.setattr("stage_gate.acting.run.gate_from_content", built)
    monkeypatch.setattr("stage_gate.observing.observe.read_candidate", read)
    run = run_of(release)
    pipeline = SimpleNamespace(connection=run.gate.pipeline.connection, source_pipeline="4711")
    vars(run)["gate"] = SimpleNamespace(pipeline=pipeline)
    run.read_candidate()
    assert (folders, sources) == ([release.gate_file.parent], ["4711"])


@pytest.mark.parametrize("written", [None, "mode: [", "mode: guards"])
def test_a_gate_file_that_cannot_be_read_now_holds_production(release: Release, written: str | None) -> None:
    run = run_of(release)
    assert run.gate_now().digest == run.gate.digest
    release.gate_file.unlink()
    if written is not None:
        release.gate_file.write_text(written)
    with pytest.raises(
        AirflowFailException, match=r"^Production is held: the gate file can't be read now\. .+"
    ):
        run.gate_now()


def timing_of(run: GateRun) -> Timing:
    return run.timing(run.believed_seal())


def test_the_time_is_judged_by_the_gate_as_pinned_and_as_its_file_says_now_and_by_the_newest_seal(
    release: Release,
) -> None:
    run = run_of(release)
    assert timing_of(run) == Timing(), "nothing is sealed, nothing closes it"
    release.seal(tested_at=datetime.now(UTC) - timedelta(days=30))
    assert "The evidence is 720.0 h old" in timing_of(run).too_old
    content = yaml.safe_load(release.gate_file.read_text())
    windows = {"timezone": "UTC", "calendar": "freezes.ics"}
    (release.gate_file.parent / "freezes.ics").write_text(freeze())
    release.gate_file.write_text(yaml.safe_dump({**content, "policy": {"windows": windows}}))
    assert "Black Friday" in timing_of(run).sentence, "a freeze that was added counts"
    frozen = load_gate(release.gate_file)
    pin = release.pin.model_copy(update={"gate_digest": frozen.digest, "gate_content": frozen.content})
    replace_pin(release.evidence, pin)
    release.gate_file.write_text(yaml.safe_dump(content))
    assert "Black Friday" in timing_of(run_of(release)).sentence, "and so does one that was taken out"
    shutil.rmtree(release.evidence.attempt_folder(1))
    release.evidence.keys = NO_KEYS
    release.seal(tested_at=datetime.now(UTC) - timedelta(days=30))
    assert timing_of(run_of(release)).too_old == "", "nothing is decided on a seal that nobody signed"
