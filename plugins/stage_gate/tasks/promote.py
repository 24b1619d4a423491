"""A production-only pipeline is started from a newly tested build, where its gate file says ``start: true``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from stage_gate.rules.decision import Mode

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.signing import Keys
    from stage_gate.rules.promoting import Promotion


_READ_BACK_AT_MOST = 300.0
"""Seconds: while one start is looked for, no other gate is started."""


class FindReleases(BaseOperator):
    """See which production-only pipelines have to be started: a hint, since each start looks for itself again."""

    def __init__(self, *, gates_folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gates_folder = gates_folder

    def execute(self, context: Context) -> list[str]:
        """The gate files whose pipeline is to be started."""
        from stage_gate.configuration.gate_file import gate_paths

        return [str(path) for path in gate_paths(Path(self.gates_folder)) if self._is_due(path)]

    def _is_due(self, path: Path) -> bool:
        """``find_executions`` says what is wrong with a gate file or a credential; here it starts nothing."""
        from stage_gate.configuration.gate_file import load_gate_for_run

        try:
            gate = load_gate_for_run(path)
            if not starts_by_itself(gate):
                return False
            found = look_at(gate)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one gate, the others have to start
            self.log.warning("Nothing is started for gate %s: %s", path.stem, error)
            return False
        self.log.info("Gate %s: %s", gate.name, found.sentence)
        return bool(found.source_execution_id or found.is_trouble) and _is_worth_a_task(gate, found)


def _is_worth_a_task(gate: Gate, found: Promotion) -> bool:
    """What was tried already, or may not be started, is said by a red task once a day and not at every look.

    The day is in Airflow's own memory: where that is lost, it is said again.
    """
    from stage_gate.configuration.settings import evidence_store
    from stage_gate.evidence.start_note import note_path
    from stage_gate.observing.memory import Memory, NotRemembered

    pipeline, source = gate.pipeline, found.source_execution_id
    if source and not note_path(evidence_store(), pipeline.program, pipeline.pipeline, source).exists():
        return True
    memory, today = Memory(gate.name, source or "none"), f"start said {datetime.now(UTC):%Y-%m-%d}"
    try:
        if memory.recall(today) is not None:
            return False
        memory.remember(today)
    except NotRemembered as error:
        log.warning("Whether it was said today is not known, so it is said: %s", error)
    return True


class StartRelease(BaseOperator):
    """Start one production-only pipeline from the build that Cloud Manager has tested, once per such build."""

    def __init__(self, *, gate_file: str, gates_folder: str, **kwargs: Any) -> None:
        """``gate_file`` comes from an XCom, which people can edit: it has to be one of ``gates_folder``."""
        super().__init__(**kwargs)
        self.gate_file = gate_file
        self.gates_folder = gates_folder

    def execute(self, context: Context) -> str:
        """Returns the id of the execution."""
        from adobe_cloud_manager.exceptions import NotSent
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
        from adobe_cloud_manager.starts import IfRunning, NotStarted, StartUnresolved, Wanted, start_once
        from stage_gate.configuration.gate_file import gate_paths, load_gate_for_run
        from stage_gate.configuration.settings import evidence_store, keys
        from stage_gate.evidence.start_note import KeptInStore

        if self.gate_file not in map(str, gate_paths(Path(self.gates_folder))):
            raise AirflowFailException(f"Nothing is started: that is no gate file of {self.gates_folder}.")
        gate = load_gate_for_run(self.gate_file)
        if not starts_by_itself(gate):
            raise AirflowSkipException(f"Gate {gate.name} starts nothing any more.")
        found = look_at(gate)
        if found.is_trouble:
            raise AirflowFailException(found.sentence)
        source, pipeline = gate.pipeline.source, gate.pipeline
        if not found.source_execution_id or source is None or source.connection is None:
            raise AirflowSkipException(found.sentence)
        wanted = Wanted(pipeline.program, pipeline.pipeline, found.source_execution_id)
        store, signing = evidence_store(), keys()
        _require_that_a_note_counts(store, signing)
        notes = KeptInStore(store, signing, wanted.program_id, wanted.pipeline_id, found.source_execution_id)
        try:
            started = start_once(
                CloudManagerHook(source.connection),
                wanted,
                notes,
                if_running=IfRunning.FAIL,
                read_back_for=min(gate.waits.read_back.total_seconds(), _READ_BACK_AT_MOST),
            )
        except (NotStarted, StartUnresolved) as error:
            raise AirflowFailException(str(error)) from error
        except NotSent as error:
            raise AirflowException(f"{wanted} was not started: {error}") from error
        self.log.info("%s %s", found.sentence, started.sentence)
        return started.execution_id


def _require_that_a_note_counts(store: Path, signing: Keys) -> None:
    """Raise ``AirflowFailException`` where two could start, or nobody would believe that somebody has."""
    from stage_gate.evidence.exclusive import ClaimUnsupported, probe

    try:
        probe(store)
    except ClaimUnsupported as error:
        raise AirflowFailException(f"Nothing is started. {error}") from error
    if signing.believed and not signing.can_sign_for_itself:
        raise AirflowFailException(
            "Nothing is started: this worker of the deciding queue has no signing key, so nobody would believe its note "
            "that it did (docs/deployment.md, 'The signing key')."
        )


def starts_by_itself(gate: Gate) -> bool:
    """Whether this gate acts, and its file says that its pipeline is started."""
    source = gate.pipeline.source
    return gate.mode is Mode.GUARD and source is not None and source.start


def look_at(gate: Gate) -> Promotion:
    """What Cloud Manager says of both pipelines just now. Raises ``CloudManagerError``."""
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.rules.promoting import promotion

    pipeline = gate.pipeline
    hook = CloudManagerHook(pipeline.connection)
    return promotion(
        hook.get_pipeline(pipeline.program, pipeline.pipeline),
        hook.list_executions(pipeline.program, pipeline.pipeline),
        hook.list_executions(pipeline.program, pipeline.source_pipeline or ""),
        datetime.now(UTC),
    )
