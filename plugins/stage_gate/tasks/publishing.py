"""The end of a run: the report, and the one place that sets the run's state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from stage_gate.acting.runs import airflow_address
from stage_gate.evidence.pin import RUN_ID_PREFIX, execution_id_of
from stage_gate.pages.links import PinnedExecutionLink, ReleaseLink, say_where
from stage_gate.telling import metrics
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.telling.story import Story

POINTER = "start_execution_run"
"""The task that starts the execution's own run."""

NOBODY_CAN_TELL = "What this gate did can't be told from here, and it does nothing more."

WAYS_BACK = (
    "Ways back from a bad release: (1) Cloud Manager, environment production, 'Restore previous code' (code only, full-stack "
    "pipelines, deployed within the last 30 days); (2) fix forward: repair or revert in git and run the pipeline again. Content "
    "and variables are not restored by either. The gate does none of this by itself."
)


class PublishReport(BaseOperator):
    """Write the report and set the state of the run. A teardown: it runs whatever became of everything else."""

    ui_color = "#e8f0fe"
    operator_extra_links = (ReleaseLink(), PinnedExecutionLink())

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file

    def execute(self, context: Context) -> None:
        from stage_gate.acting.run import GateRun

        try:
            run = GateRun.of(self.gate_file, context)
        except AirflowSkipException as pointed:
            self._require_pointer(context)
            self.log.info("%s", pointed)
            return
        except OSError as error:
            raise AirflowFailException(
                f"The evidence store can't be opened: {error}. {self._without_evidence(context)}"
            ) from error
        if not run.evidence.is_pinned:
            raise AirflowFailException(
                f"Nothing was pinned in {run.evidence.folder}: see the log of pin_candidate. If that task was green, the "
                f"evidence is gone. {self._without_evidence(context)}"
            )
        say_where(self.log, run)
        story, well, sentence = self._report(run)
        metrics.tell(run.gate.name, metrics.of_end(story.release))
        self._say(story.sentences, sentence)
        if story.end.production_reached and not well:
            self.log.error("%s", WAYS_BACK)
        if not well:
            raise AirflowFailException(log_line(sentence))

    def _without_evidence(self, context: Context) -> str:
        """What can be said of a run whose evidence nobody can read: how production stands, and what to do."""
        return (
            f"{NOBODY_CAN_TELL} {_production_now(Path(self.gate_file), str(context['run_id']))} "
            "Look at the execution in Cloud Manager and decide there where production waits; to test again, repair the "
            "store and clear settle_stage with its downstream tasks."
        )

    def _report(self, run: GateRun) -> tuple[Story, bool, str]:
        """The report; where it can't be written this log has to do, and the run is no success."""
        from stage_gate.evidence.files import EvidenceError

        try:
            story, well, sentence = write_report(run, ended=True)
        except EvidenceError as error:
            self.log.error("The report can't be written; free or repair the evidence store. %s", error)
            story, _, sentence = tell_story(run)
            return story, False, f"{sentence} Its evidence is incomplete: {error}"
        except Exception as error:
            self.log.exception("The report can't be drawn; report this.")
            story, _, sentence = tell_story(run)
            return story, False, f"{sentence} Its report could not be drawn: {log_line(error)}"
        self.log.info("Report: %s", where_report_is(run))
        return story, well, sentence

    def _require_pointer(self, context: Context) -> None:
        """A run that was started by hand is good only if it found its execution and that one's run is there."""
        run_id = str(context["run_id"])
        if run_id.startswith(RUN_ID_PREFIX):
            raise AirflowFailException(f"Run {run_id} is named like an execution's and names none.")
        found = context["ti"].get_task_states(
            dag_id=str(context["dag"].dag_id), task_ids=["pin_candidate", POINTER], run_ids=[run_id]
        )
        states = found.get(run_id, {})
        if states.get("pin_candidate") != "success" or states.get(POINTER) not in ("success", "skipped"):
            raise AirflowFailException(
                "This run was started by hand and started nothing: see the logs of pin_candidate and "
                f"{POINTER}. No execution is guarded by it."
            )

    def _say(self, sentences: list[str], end: str) -> None:
        for sentence in sentences:
            self.log.info("%s", log_line(sentence))
        self.log.info("%s", log_line(end))


def _production_now(gate_file: Path, run_id: str) -> str:
    """How production stands, asked for the pipeline that the gate file names now. Never raises: it says so instead."""
    from adobe_cloud_manager.exceptions import CloudManagerError
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from aem_checks.yaml_lines import ConfigError
    from stage_gate.configuration.gate_file import load_gate_for_run
    from stage_gate.observing.observe import go_live

    try:
        pipeline = load_gate_for_run(gate_file).pipeline
        hook = CloudManagerHook(pipeline.connection)
        execution_id = execution_id_of(run_id) or ""
        return go_live(hook.get_execution(pipeline.program, pipeline.pipeline, execution_id)).sentence
    except (ConfigError, CloudManagerError, AirflowException, OSError, ValueError) as error:
        return (
            f"Production waits unless a request had left; Cloud Manager does not say how it stands: {error}"
        )


def write_report(run: GateRun, *, ended: bool = False) -> tuple[Story, bool, str]:
    """Write ``report.html`` as things stand; returns the story, whether that is a success, and why.

    ``ended``: this is the end of the run, which the pages tell from then on.
    """
    from stage_gate.evidence.files import write
    from stage_gate.telling.addresses import Addresses
    from stage_gate.telling.release import RunEnded, keep_end
    from stage_gate.telling.report import render_report

    story, well, sentence = tell_story(run)
    release = story.release
    if ended:
        said = RunEnded(well=well, sentence=sentence, at=datetime.now(UTC))
        keep_end(run.evidence, said)
        release = replace(release, ended=said)
    page = render_report(release, Addresses(airflow_address() or None))
    write(run.evidence.folder / "report.html", page.encode())
    return story, well, sentence


def where_report_is(run: GateRun) -> str:
    """The report's address in Airflow, where that is known, and its file."""
    from stage_gate.pages.mount import report_address

    address, file = report_address(run.dag_id, run.run_id), run.evidence.folder / "report.html"
    return f"{address} ({file})" if address else str(file)


def tell_story(run: GateRun) -> tuple[Story, bool, str]:
    """The story of a run, whether that is a success, and why."""
    from stage_gate.rules.ending import run_succeeded
    from stage_gate.telling.story import read_story

    story = read_story(run)
    return story, *run_succeeded(story.end)
