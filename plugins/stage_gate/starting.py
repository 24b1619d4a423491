"""How does a gate start by itself? ``stage_gate.start`` asks Cloud Manager what runs and starts the missing runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, BaseOperator, DeltaTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from adobe_cloud_manager.events.hint import EVENTS_ASSET
from aem_checks.durations import format_duration
from stage_gate.acting.runs import START_DAG_ID, TAGS, dag_id_of
from stage_gate.evidence.pin import run_id_of
from stage_gate.observing.looking import FEW
from stage_gate.tasks.promote import FindReleases, StartRelease
from stage_gate.tasks.red import SayWhatIsWrong

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.configuration.gate import Gate
    from stage_gate.observing.looking import Seen
    from stage_gate.observing.undecided import Guarded

_RUN_AT_MOST = timedelta(minutes=30)
"""One run at a time looks: one that hangs, as on a queue without a worker, must not end all looks."""
_QUEUED_LONG = timedelta(minutes=15)
"""For so long an approval may wait for a run that does not begin, before people are told."""

DOCS = """
Asks Cloud Manager what every guarded pipeline is doing, and starts the missing runs: one run per execution, with the
run id `execution-<id>`. It runs every {every} and on every update of the asset `adobe_io_events`; of more than
{few} pipelines, events in quick succession have those asked that they are about, and all of them once a minute. Running it
by hand is harmless.

A red `say_what_is_wrong` is one gate that can't be started, or one approval that waits while no task of its gate watches
it: its run has ended undecided, is still queued after {queued}, or its Dag is paused; its log says what to do. A run that
failed, or holds, because Cloud Manager, the evidence store or the right time was missing goes on by itself when that is
back: all of stage is tested anew, a few times per release at most, and people are told. `start_release` starts a
production-only pipeline, where a gate file says `start: true` below `source`.
"""


class FindExecutions(BaseOperator):
    """Ask what every guarded pipeline runs, and start what is missing; no pipeline keeps another waiting.

    Returns what is wrong, one entry for each task that shall be red.
    """

    def __init__(self, *, gates_folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gates_folder = gates_folder

    def execute(self, context: Context) -> list[dict[str, str]]:
        from stage_gate.configuration.gate_file import gate_paths
        from stage_gate.configuration.settings import evidence_store
        from stage_gate.observing.looking import all_are_due, load_gates, look, note_all_asked, pipelines_of

        paths = gate_paths(Path(self.gates_folder))
        if not paths:
            raise AirflowFailException(f"There is no gate file in {self.gates_folder}; nothing is guarded.")
        gates, troubles = load_gates(paths)
        named, store, now = subjects_of(context), evidence_store(), datetime.now(UTC)
        pipelines = pipelines_of(gates)
        if named is not None and not all_are_due(len(pipelines), store, now):
            pipelines = pipelines_of(gates, named)
        else:
            note_all_asked(store, now)
        wrong = [self._cannot_start(name, trouble) for name, trouble in troubles.items()]
        for seen in look(pipelines):
            for gate in pipelines[seen.asked]:
                wrong += self._see_to(context, gate, seen)
        return wrong

    def _see_to(self, context: Context, gate: Gate, seen: Seen) -> Iterator[dict[str, str]]:
        if seen.trouble:
            yield self._cannot_start(gate.name, seen.trouble)
            return
        if seen.execution is None:
            self.log.info("Pipeline %s of gate %s runs nothing.", gate.pipeline.pipeline, gate.name)
            return
        try:
            yield from self._guard(context, gate, seen)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one gate, the others have to start
            yield self._cannot_start(gate.name, str(error))

    def _guard(self, context: Context, gate: Gate, seen: Seen) -> Iterator[dict[str, str]]:
        """Start the run that is missing, and see to one that waits for Airflow or is over."""
        from stage_gate.acting import runs
        from stage_gate.configuration.settings import evidence_store, keys
        from stage_gate.evidence.store import Evidence
        from stage_gate.observing.undecided import Guarded, paused

        execution = seen.execution
        assert execution is not None, "nothing runs otherwise"
        dag_id, run_id = dag_id_of(gate.name), run_id_of(execution.id)
        state = runs.state_of(context, dag_id, run_id)
        self.log.info(
            "Pipeline %s of gate %s runs execution %s; its run is %s.",
            gate.pipeline.pipeline,
            gate.name,
            execution.id,
            state or "missing",
        )
        if not state:
            started = runs.start(gate.name, execution.id)
            self.log.info("%s %s of %s.", "Started" if started else "Somebody else started", run_id, dag_id)
        guarded = Guarded(gate, execution, Evidence(evidence_store(), gate.name, execution.id, keys()))
        wrong = paused(guarded, dag_id)
        if wrong and runs.is_paused(context, dag_id):
            yield from self._alarm(guarded, wrong, "paused")
            return
        if state == "queued":
            yield from self._see_to_queued(guarded)
        if state == "running" and runs.only_waits(context, dag_id, run_id):
            self._goes_on(context, guarded, is_over=False)
        if state in runs.ENDED:
            yield from self._see_to_ended(context, guarded, state)

    def _see_to_queued(self, guarded: Guarded) -> Iterator[dict[str, str]]:
        """Complain of a run that does not begin while its approval waits."""
        from adobe_cloud_manager.questions import approval_state
        from stage_gate.observing.undecided import queued_long

        if not approval_state(guarded.execution).is_asked:
            return
        run_id = run_id_of(guarded.execution_id)
        self.log.warning(
            "Run %s of %s is queued while its approval waits: is the Dag paused, or do 16 of its runs go on?",
            run_id,
            dag_id_of(guarded.gate.name),
        )
        yield from self._alarm(
            guarded, queued_long(guarded, run_id, datetime.now(UTC) - _QUEUED_LONG), "queued for long"
        )

    def _see_to_ended(self, context: Context, guarded: Guarded, state: str) -> Iterator[dict[str, str]]:
        """Begin a run again that never pinned; complain of one that ended undecided."""
        from stage_gate.acting import runs
        from stage_gate.observing.undecided import may_begin_again, neglect

        dag_id, run_id = dag_id_of(guarded.gate.name), run_id_of(guarded.execution_id)
        never_pinned = runs.failed_task(context, dag_id, run_id, "pin_candidate")
        if never_pinned and may_begin_again(guarded, datetime.now(UTC)):
            runs.start(guarded.gate.name, guarded.execution_id, again=True)
            self.log.warning(
                "Run %s of %s failed before it pinned anything, so it begins again.", run_id, dag_id
            )
            return
        if not self._goes_on(context, guarded, is_over=True):
            yield from self._alarm(guarded, neglect(guarded, run_id, state), "ended undecided")

    def _goes_on(self, context: Context, guarded: Guarded, *, is_over: bool) -> bool:
        """Begin another attempt of a run that failed for want of something which is back; whether it was begun.

        To look whether it is back takes long, so whether the run may go on is looked at once more after that.
        """
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
        from stage_gate.acting import runs
        from stage_gate.acting.resuming import begin, resumption_of, still_missing
        from stage_gate.evidence.files import EvidenceError
        from stage_gate.observing.memory import NotRemembered
        from stage_gate.telling.notify import Event, tell

        run = f"Execution {guarded.execution_id} of gate {guarded.gate.name}"
        asked = context, dag_id_of(guarded.gate.name), run_id_of(guarded.execution_id)
        try:
            resumption = resumption_of(guarded, is_over=is_over)
            if resumption is None:
                return False
            missing = still_missing(guarded, CloudManagerHook(guarded.gate.pipeline.connection))
            if missing:
                self.log.warning("%s goes on when what is missing is back: %s", run, missing)
                return False
            waits = runs.state_of(*asked) in runs.ENDED if is_over else runs.only_waits(*asked)
            if not waits or resumption_of(guarded, is_over=is_over) != resumption:
                self.log.warning("%s does not go on: something happened to it while that was looked at.", run)
                return False
            begin(guarded, resumption)
        except (EvidenceError, NotRemembered, AirflowException, OSError) as error:
            self.log.warning("%s: it does not go on by itself: %s", run, error)
            return False
        self.log.warning("%s goes on: %s", run, resumption.sentence)
        tell(guarded, Event.RESUMED, [resumption.sentence])
        return True

    def _alarm(self, guarded: Guarded, sentences: list[str], what: str) -> Iterator[dict[str, str]]:
        """Tell people once a day of each kind, and let a task be red then; every look says it in this log.

        As long as nobody can be reached, every look tries, and the task is red at each.
        """
        from stage_gate.telling.notify import Event, tell_once

        if not sentences:
            return
        for sentence in sentences:
            self.log.error("%s", sentence)
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        if tell_once(guarded, Event.ALARM, sentences, f"{what} {day}"):
            yield {"gate": guarded.gate.name, "problem": " ".join(sentences)}

    def _cannot_start(self, name: str, trouble: str) -> dict[str, str]:
        self.log.error("Gate %s can't be started: %s", name, trouble)
        return {"gate": name, "problem": f"Gate {name} can't be started. {trouble}"}


def subjects_of(context: Context) -> set[str] | None:
    """What the events that led to this run are about, ``None`` where a timer, a person or an event without that did.

    It decides which pipelines are asked now, and nothing else.
    """
    extras = list(_extras(context.get("triggering_asset_events") or {}))
    if not extras or any(not isinstance(extra.get("subjects"), list | tuple) for extra in extras):
        return None
    return {each for extra in extras for each in extra["subjects"] if isinstance(each, str)}


def _extras(events: Any) -> Iterator[Mapping[str, Any]]:
    """What came with each event; where a trigger found it, Airflow keeps that one level deeper."""
    for asset in events:
        for event in events[asset]:
            extra = getattr(event, "extra", None)
            extra = extra if isinstance(extra, Mapping) else {}
            payload = extra.get("payload")
            yield payload if isinstance(payload, Mapping) else extra


def build_start_dag(gates_folder: Path) -> DAG:
    """The reconciler over all gates. Raises ``ValueError`` for settings that are none."""
    from stage_gate.configuration.settings import deciding_queue, journals, start_every

    every = start_every()
    events = Asset(EVENTS_ASSET, watchers=list(_watchers(journals().items())))
    dag = DAG(
        dag_id=START_DAG_ID,
        schedule=AssetOrTimeSchedule(timetable=DeltaTriggerTimetable(every), assets=events),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=_RUN_AT_MOST,
        tags=TAGS,
        doc_md=DOCS.format(every=format_duration(every), few=FEW, queued=format_duration(_QUEUED_LONG)),
        is_paused_upon_creation=False,
        default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},
    )
    with dag:
        find = FindExecutions(task_id="find_executions", gates_folder=str(gates_folder))
        wrong = SayWhatIsWrong.partial(
            task_id="say_what_is_wrong", retries=0, map_index_template="{{ task.gate }}"
        )
        wrong.expand_kwargs(find.output)
        due = FindReleases(task_id="find_releases", gates_folder=str(gates_folder))
        release = StartRelease.partial(
            task_id="start_release", gates_folder=str(gates_folder), queue=deciding_queue(), retries=3
        )
        release.expand(gate_file=due.output)
    return dag


def _watchers(journals: Iterable[tuple[str, str]]) -> Iterator[AssetWatcher]:
    """One reader per journal, however many gates there are."""
    for number, (url, connection) in enumerate(journals, start=1):
        from adobe_cloud_manager.triggers.journal import JournalTrigger

        trigger = JournalTrigger(journal_url=url, cloud_manager_conn_id=connection)
        yield AssetWatcher(name=f"adobe_io_journal_{number}", trigger=trigger)
