"""Which execution was tested on stage for this production-only one? Where nobody can tell, production is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from stage_gate.tasks.gate_task import GateTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun

NO_SOURCE = "no source"
"""Why there was none, in the gate's memory; empty where one was found since."""


class FindSource(GateTask):
    """Find the execution of the stage-only pipeline that built what waits for production, and see it still on stage.

    It is found anew when stage is settled, and before anything is approved; here it is said early.
    """

    ui_color = "#e8f0fe"

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.observing.observe import NoSource

        execution = run.read_execution()
        if execution.is_terminal:
            raise AirflowSkipException(
                f"Execution {execution.id} is {execution.status}; nothing is left to test."
            )
        try:
            candidate = run.read_candidate()
        except NoSource as error:
            self._note(run, str(error))
            raise AirflowFailException(f"{error} Production is held.") from error
        self._note(run, "")
        source = candidate.stage.source
        assert source is not None, "a gate without a source has no such task"
        self.log.info(
            "Execution %s releases artifacts %s, which %s built (commit %s). It is the last that reached stage, at %s.",
            execution.id,
            source.artifacts_version,
            source,
            source.commit_id or "unknown",
            source.stage_deployed_at,
        )

    def _note(self, run: GateRun, why: str) -> None:
        """For those who are told that production is held; not to be able to note it stops nothing."""
        from stage_gate.observing.memory import Memory, NotRemembered

        try:
            Memory.of(run).remember(NO_SOURCE, why)
        except NotRemembered as error:
            self.log.warning("Who is told that production is held will not be told why: %s", error)
