"""A pipeline is started once, whatever becomes of the answer, of the process and of its next try."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.exceptions import CloudManagerError, NotSent
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.hooks.single_put import put_once
from adobe_cloud_manager.operators.start import StartPipelineExecutionOperator
from adobe_cloud_manager.starts import (
    NOTE,
    IfRunning,
    NotStarted,
    Started,
    StartUnresolved,
    Wanted,
    start_once,
)
from simulator import Simulator
from simulator.faults import Fault
from simulator.holds import Hold
from simulator.request_log import RecordedRequest
from unit.adobe_cloud_manager.virtual_time import Clock
from unit.simulator.caller import eventually

PROGRAM, PIPELINE = "12345", "678901"
START = rf"/pipeline/{PIPELINE}/execution(\?|$)"


@dataclass
class KeptNotes:
    """Notes that outlive a try; `dies_after` writes the process dies, its last one kept."""

    kept: dict[str, Any] = field(default_factory=dict)
    dies_after: int = 0

    def get(self, key: str) -> Any:
        return self.kept.get(key)

    def set(self, key: str, value: Any) -> None:
        if self.dies_after == 2 and "execution_id" in value:
            raise KeyboardInterrupt("killed before what came of it could be noted")
        self.kept[key] = value
        if self.dies_after == 1:
            raise KeyboardInterrupt("killed between the note and the request")

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


def start(notes: KeptNotes, *, if_running: IfRunning = IfRunning.FAIL, source: str | None = None) -> Started:
    return start_once(
        CloudManagerHook(deadline=120.0, request_timeout=60.0),
        Wanted(PROGRAM, PIPELINE, source),
        notes,
        if_running=if_running,
        read_back_for=0.4,
        read_back_every=0.1,
    )


def give_up_soon(monkeypatch: pytest.MonkeyPatch, *, but_not_before: Callable[[], object]) -> None:
    """A PUT is given up before its answer comes, and nobody goes on before it is where it has to be."""

    def put(url: str, **given: Any) -> Answer:
        try:
            return put_once(url, **given | {"timeout": 0.5})
        finally:
            eventually(but_not_before)

    monkeypatch.setattr("adobe_cloud_manager.hooks.cloud_manager.put_once", put)


@pytest.fixture(autouse=True)
def _reading_back_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often it is read back must not depend on how fast the machine is."""
    monkeypatch.setattr("adobe_cloud_manager.starts.time", Clock())


def outcome(attempt: Callable[[], Started]) -> str:
    """What came of one try, in a word."""
    try:
        attempt()
    except CloudManagerError as error:
        return type(error).__name__
    except KeyboardInterrupt:
        return "killed"
    return "started"


def executions(simulator: Simulator) -> list[str]:
    return [each["id"] for each in simulator.state()["executions"]]


def puts(simulator: Simulator) -> int:
    return sum(each.method == "PUT" for each in simulator.requests)


def on_start(effect: Any, **more: Any) -> Fault:
    return Fault(effect=effect, method="PUT", path=START, **more)


TABLE: dict[str, tuple[Fault | None, int, str, str, int]] = {
    # what happens: the fault, writes before death, the first try, the second one, executions in the end
    "nothing": (None, 0, "started", "started", 1),
    "the answer is lost": (on_start("lose_answer"), 0, "started", "started", 1),
    "the answer breaks off": (on_start("truncate"), 0, "started", "started", 1),
    "the answer is no JSON": (on_start("malformed"), 0, "started", "started", 1),
    "the answer comes too late": (on_start("late_answer", seconds=600), 0, "started", "started", 1),
    "the request gets lost": (on_start("drop"), 0, "StartUnresolved", "StartUnresolved", 0),
    "503": (on_start("answer"), 0, "StartUnresolved", "StartUnresolved", 0),
    "500": (on_start("answer", status=500), 0, "StartUnresolved", "StartUnresolved", 0),
    "a time-out at the gateway": (on_start("answer", status=408), 0, "StartUnresolved", "StartUnresolved", 0),
    "a redirect": (
        on_start("answer", status=307, headers={"Location": f"/api/program/1/pipeline/{PIPELINE}/execution"}),
        0,
        "StartUnresolved",
        "StartUnresolved",
        0,
    ),
    "200 instead of 201": (
        on_start("answer", status=200, body={}),
        0,
        "StartUnresolved",
        "StartUnresolved",
        0,
    ),
    "412 of a pipeline that is free again": (on_start("answer", status=412), 0, "NotSent", "started", 1),
    "429": (on_start("answer", status=429), 0, "NotSent", "started", 1),
    "400": (on_start("answer", status=400), 0, "NotStarted", "started", 1),
    "401": (on_start("answer", status=401), 0, "NotStarted", "started", 1),
    "403": (on_start("answer", status=403), 0, "NotStarted", "started", 1),
    "404": (on_start("answer", status=404), 0, "NotStarted", "started", 1),
    "killed between note and request": (None, 1, "killed", "StartUnresolved", 0),
    "killed before what came of it is noted": (None, 2, "killed", "started", 1),
}


@pytest.mark.parametrize("case", TABLE)
def test_no_fault_and_no_retry_starts_a_second_execution(
    simulator: Simulator, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, dies_after, first, second, in_the_end = TABLE[case]
    if fault is not None:
        simulator.inject(fault)
    if fault is not None and fault.effect == "late_answer":
        give_up_soon(monkeypatch, but_not_before=lambda: executions(simulator))
    notes = KeptNotes(dies_after=dies_after)
    assert outcome(lambda: start(notes)) == first
    notes.dies_after = 0
    assert outcome(lambda: start(notes)) == second
    assert len(executions(simulator)) == in_the_end
    assert puts(simulator) == (0 if dies_after == 1 else 1 + (first in ("NotSent", "NotStarted")))


def test_a_request_that_never_left_may_be_sent_by_the_next_try(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotSent("The connection was refused. Nothing was sent and nothing was changed.")

    notes = KeptNotes()
    with monkeypatch.context() as closed:
        closed.setattr("adobe_cloud_manager.hooks.cloud_manager.put_once", refuse)
        assert outcome(lambda: start(notes)) == "NotSent"
    assert outcome(lambda: start(notes)) == "started"
    assert len(executions(simulator)) == 1


def test_a_retry_says_the_same_execution(simulator: Simulator) -> None:
    notes = KeptNotes()
    assert start(notes).execution_id == start(notes).execution_id == executions(simulator)[0]


def test_a_request_that_is_carried_out_late_is_found_by_the_next_try(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_start(request: RecordedRequest) -> bool:
        return request.method == "PUT"

    hold, notes = simulator.hold(Hold(is_start)), KeptNotes()
    give_up_soon(monkeypatch, but_not_before=lambda: hold.caught)
    assert outcome(lambda: start(notes)) == "StartUnresolved"
    assert executions(simulator) == []
    simulator.let_go(hold)
    eventually(lambda: executions(simulator))
    assert start(notes).execution_id == executions(simulator)[0]
    assert puts(simulator) == 1


@pytest.mark.parametrize(("how", "first"), [(IfRunning.JOIN, "started"), (IfRunning.FAIL, "NotStarted")])
def test_somebody_who_starts_it_between_look_and_request_is_joined_or_refused(
    simulator: Simulator, how: IfRunning, first: str
) -> None:
    hold = simulator.hold(Hold(lambda request: request.method == "PUT"))

    def somebody() -> None:
        eventually(lambda: hold.caught)
        simulator.start_execution("quality-waits")
        simulator.let_go(hold)

    other = threading.Thread(target=somebody)
    other.start()
    notes = KeptNotes()
    assert outcome(lambda: start(notes, if_running=how)) == first
    other.join()
    assert len(executions(simulator)) == 1
    assert NOTE not in notes.kept


def test_a_running_pipeline_is_joined_and_nothing_is_sent(simulator: Simulator) -> None:
    running = simulator.start_execution("quality-waits")
    joined = start(KeptNotes(), if_running=IfRunning.JOIN)
    assert joined.execution_id == running
    assert "nothing was started" in joined.sentence
    assert puts(simulator) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"if_running": IfRunning.FAIL}, "already; nothing was started"),
        ({"if_running": IfRunning.JOIN, "source": "7"}, "does not tell whether"),
    ],
)
def test_a_running_pipeline_that_cannot_be_joined_is_left_alone(
    simulator: Simulator, options: dict[str, Any], told: str
) -> None:
    simulator.start_execution("quality-waits")
    with pytest.raises(NotStarted, match=told):
        start(KeptNotes(), **options)
    assert puts(simulator) == 0


def test_an_aem_update_is_never_joined(simulator: Simulator) -> None:
    simulator.start_execution("quality-waits", trigger="PUSH_UPGRADES")
    with pytest.raises(NotStarted, match="Adobe updates AEM"):
        start(KeptNotes(), if_running=IfRunning.JOIN)


def test_a_commit_that_starts_the_pipeline_is_not_taken_for_a_lost_start(simulator: Simulator) -> None:
    simulator.inject(on_start("drop"))
    notes = KeptNotes()
    assert outcome(lambda: start(notes)) == "StartUnresolved"
    simulator.start_execution("quality-waits", trigger="ON_COMMIT")
    assert outcome(lambda: start(notes)) == "StartUnresolved"


@pytest.mark.parametrize(
    "note",
    [
        "rubbish",
        {},
        [],
        5,
        {"at": "now", "known": "all", "newest": ""},
        {"at": "now", "known": [], "newest": "yesterday"},
        {"at": "now", "known": []},
    ],
)
def test_a_note_that_nobody_can_read_sends_nothing_and_takes_nothing_for_the_start(
    simulator: Simulator, note: Any
) -> None:
    simulator.start_execution("quality-waits")
    with pytest.raises(StartUnresolved, match="can't be read"):
        start(KeptNotes({NOTE: note}))
    assert puts(simulator) == 0


def test_the_source_is_named_in_the_request(simulator: Simulator) -> None:
    outcome(lambda: start(KeptNotes(), source="2345678"))
    (put,) = [each for each in simulator.requests if each.method == "PUT"]
    assert put.path.endswith("/execution?sourceExecutionId=2345678")


def test_a_token_that_cannot_be_had_leaves_no_note(simulator: Simulator) -> None:
    simulator.inject(Fault(effect="answer", service="ims", status=401, times=None))
    notes = KeptNotes()
    assert outcome(lambda: start(notes)) != "started"
    assert notes.kept == {}


def operator(**more: Any) -> StartPipelineExecutionOperator:
    given = {
        "task_id": "start_pipeline",
        "program_id": PROGRAM,
        "pipeline_id": PIPELINE,
        "cloud_manager_conn_id": "cloud_manager_default",
        "read_back_for": 0.3,
    }
    return StartPipelineExecutionOperator(**{**given, **more})


def test_the_operator_returns_the_execution_and_links_to_it(simulator: Simulator) -> None:
    task, context = operator(), {"task_state_store": KeptNotes()}
    execution = task.execute(context)  # type: ignore[arg-type]
    assert [execution] == executions(simulator)
    assert f"/execution/{execution}" in task.operator_extra_links[0].get_link(task, ti_key=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("connection", ["", "None"])
def test_starting_is_off_without_a_connection_of_its_own(simulator: Simulator, connection: str) -> None:
    with pytest.raises(AirflowFailException, match="Starting is off"):
        operator(cloud_manager_conn_id=connection).execute({"task_state_store": KeptNotes()})  # type: ignore[typeddict-item]
    with pytest.raises((TypeError, AirflowException), match="cloud_manager_conn_id"):
        StartPipelineExecutionOperator(task_id="start", program_id="1", pipeline_id="2")  # type: ignore[call-arg]
    assert simulator.requests == []


def test_nothing_is_started_where_airflow_forgets_what_was_started(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", "True")
    with pytest.raises(AirflowFailException, match="clear_on_success is on"):
        operator().execute({"task_state_store": KeptNotes()})  # type: ignore[typeddict-item]
    assert simulator.requests == []


@pytest.mark.parametrize(
    "given",
    [
        {"program_id": "None"},
        {"pipeline_id": ""},
        {"source_execution_id": "None"},
        {"source_execution_id": "7/8"},
    ],
)
def test_a_template_that_came_to_nothing_starts_nothing(simulator: Simulator, given: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="There is nothing to start"):
        operator(**given).execute({"task_state_store": KeptNotes()})  # type: ignore[typeddict-item]
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("fault", "tries_again"),
    [
        (on_start("answer", status=429), True),
        (on_start("answer", status=403), False),
        (on_start("drop"), False),
    ],
)
def test_airflow_tries_again_only_where_nothing_was_sent(
    simulator: Simulator, fault: Fault, tries_again: bool
) -> None:
    simulator.inject(fault)
    with pytest.raises(AirflowException) as failed:
        operator().execute({"task_state_store": KeptNotes()})  # type: ignore[typeddict-item]
    assert isinstance(failed.value, AirflowFailException) is not tries_again
