"""How does a Dag start a pipeline, and never a second time?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from adobe_cloud_manager.exceptions import NotSent
from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.starts import IfRunning, NotStarted, StartUnresolved, Wanted, start_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from adobe_cloud_manager.starts import Started


class StartPipelineExecutionOperator(BaseOperator):
    """Starts a pipeline of Cloud Manager, or joins the execution that it runs; returns the execution's id.

    It looks before it starts, notes in the task's state store that it is about to, and sends one request. A retry, a
    restart or a cleared task that finds the note sends nothing: it looks into the pipeline's history for what came of
    it. What can't be found there fails the task for good.

    :param program_id: id of the program (templated)
    :param pipeline_id: id of the pipeline (templated)
    :param cloud_manager_conn_id: Airflow connection that may start pipelines. There is no default: without a
        connection that somebody named for this, nothing is started (templated)
    :param source_execution_id: the execution whose build a production-only pipeline takes (templated)
    :param if_running: ``join`` takes the execution that runs for the wanted one, ``fail`` fails. One that runs is
        never joined where a source is named, since Cloud Manager does not tell of which one it is
    :param read_back_for: seconds to look for the execution where the answer was lost

    Raises ``AirflowFailException`` where Cloud Manager refuses, and where nobody can tell what came of the request;
    ``AirflowException``, so that Airflow tries again, where nothing was sent.
    """

    template_fields = ("program_id", "pipeline_id", "cloud_manager_conn_id", "source_execution_id")
    operator_extra_links = (CloudManagerExecutionLink(),)

    def __init__(
        self,
        *,
        program_id: str,
        pipeline_id: str,
        cloud_manager_conn_id: str,
        source_execution_id: str | None = None,
        if_running: Literal["join", "fail"] = "fail",
        read_back_for: float | timedelta = 300.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.program_id = program_id
        self.pipeline_id = pipeline_id
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.source_execution_id = source_execution_id
        self.if_running = if_running
        self.read_back_for = (
            read_back_for.total_seconds() if isinstance(read_back_for, timedelta) else read_back_for
        )
        self.execution_id = ""

    def execute(self, context: Context) -> str:
        """Start or join, and return the id of the execution."""
        from adobe_cloud_manager.exceptions import CloudManagerError

        wanted = self._wanted()
        _require_lasting_notes()
        try:
            started = self._start(wanted, context)
        except (NotStarted, StartUnresolved) as error:
            raise AirflowFailException(str(error)) from error
        except NotSent as error:
            raise AirflowException(f"{wanted} was not started: {error}") from error
        except CloudManagerError as error:
            raise AirflowException(f"Nothing was sent to start {wanted}. {error}") from error
        self.execution_id = started.execution_id
        pinned = PinnedExecution.of(self.program_id, self.pipeline_id, self.execution_id)
        self.log.info("%s %s", started.sentence, pinned.ui_link())
        return started.execution_id

    def _wanted(self) -> Wanted:
        """What the templates came to. Raises ``AirflowFailException`` for what is no id, and without a connection."""
        if not self.cloud_manager_conn_id or self.cloud_manager_conn_id == "None":
            raise AirflowFailException(
                "Starting is off: no connection was named that may start pipelines. Add one with a credential of its "
                "own (product profile Deployment Manager) and name it as cloud_manager_conn_id."
            )
        source = self.source_execution_id
        try:
            IfRunning(self.if_running)
            # Where no source is meant, the pipeline's own id stands in for it: what is checked is the form of ids.
            PinnedExecution.of(
                self.program_id, self.pipeline_id, self.pipeline_id if source is None else source
            )
        except ValueError as error:
            raise AirflowFailException(f"There is nothing to start: {error}") from error
        return Wanted(str(self.program_id), str(self.pipeline_id), None if source is None else str(source))

    def _start(self, wanted: Wanted, context: Context) -> Started:
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        return start_once(
            CloudManagerHook(self.cloud_manager_conn_id),
            wanted,
            context["task_state_store"],
            if_running=IfRunning(self.if_running),
            read_back_for=self.read_back_for,
        )

    def on_kill(self) -> None:
        """Say what a killed task leaves behind."""
        self.log.warning(
            "This task was killed. If its request had left, the execution goes on in Cloud Manager; a further try "
            "looks for it and starts no second one."
        )


def _require_lasting_notes() -> None:
    """Raise ``AirflowFailException`` where Airflow forgets the note of a start once its task has succeeded."""
    from airflow.sdk.configuration import conf

    if conf.getboolean("state_store", "clear_on_success", fallback=False):
        raise AirflowFailException(
            "Nothing is started: [state_store] clear_on_success is on, so Airflow would forget what this task has started "
            "and a cleared task would start it again. Switch it off."
        )
