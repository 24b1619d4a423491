"""How does a gate start by itself? ``stage_gate.start`` asks Cloud Manager what runs and starts the missing runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from stage_gate.dag import TAGS, dag_id_of
from stage_gate.pin import run_id_of
from stage_gate.tasks.pin import trigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.configuration.gate import Gate

START_DAG_ID = "stage_gate.start"
EVENTS = Asset("adobe_io_events")
"""Updated whenever Adobe I/O says that something happened; only a reason to look."""

DOCS = """
Asks Cloud Manager what every guarded pipeline is doing, and starts the missing runs: one run per execution, with the
run id `execution-<id>`. It runs every 5 minutes and on every update of the asset `adobe_io_events`. Running it by hand
is harmless.
"""


class FindExecutions(BaseOperator):
    """Ask what every guarded pipeline runs; one pipeline that can't be asked does not keep the others waiting."""

    def __init__(self, *, gates_folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gates_folder = gates_folder

    def execute(self, context: Context) -> list[dict[str, str]]:
        from stage_gate.configuration.gate_file import gate_paths

        found: list[dict[str, str]] = []
        troubles: list[str] = []
        paths = gate_paths(Path(self.gates_folder))
        for path in paths:
            try:
                found += self._current(path)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one gate, the others have to start
                troubles.append(f"{path.name}: {error}")
                self.log.error("Gate %s can't be started: %s", path.stem, error)
        if not paths:
            raise AirflowFailException(f"There is no gate file in {self.gates_folder}; nothing is guarded.")
        return found + [{"gate_dag_id": "", "execution_run_id": "", "trouble": each} for each in troubles]

    def _current(self, path: Path) -> list[dict[str, str]]:
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
        from stage_gate.configuration.gate_file import load_gate_for_run

        gate: Gate = load_gate_for_run(path)
        pipeline = gate.pipeline
        execution = CloudManagerHook(pipeline.connection).get_current_execution(
            pipeline.program, pipeline.pipeline
        )
        if execution is None:
            self.log.info("Pipeline %s of gate %s runs nothing.", pipeline.pipeline, gate.name)
            return []
        self.log.info("Pipeline %s of gate %s runs execution %s.", pipeline.pipeline, gate.name, execution.id)
        return [{"gate_dag_id": dag_id_of(gate.name), "execution_run_id": run_id_of(execution.id)}]


class StartRun(BaseOperator):
    """Start the run of one execution; where it exists already this task is skipped."""

    template_fields = ("gate_dag_id", "execution_run_id")

    def __init__(self, *, gate_dag_id: str, execution_run_id: str, trouble: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_dag_id = gate_dag_id
        self.execution_run_id = execution_run_id
        self.trouble = trouble

    def execute(self, context: Context) -> None:
        if self.trouble:
            raise AirflowFailException(f"A gate can't be started. {self.trouble}")
        raise trigger(self.gate_dag_id, self.execution_run_id)


def build_start_dag(gates_folder: Path, *, cron: str = "*/5 * * * *") -> DAG:
    """The reconciler over all gates."""
    dag = DAG(
        dag_id=START_DAG_ID,
        schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone="UTC"), assets=EVENTS),
        catchup=False,
        max_active_runs=1,
        tags=TAGS,
        doc_md=DOCS,
        is_paused_upon_creation=False,
        default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},
    )
    with dag:
        find = FindExecutions(task_id="find_executions", gates_folder=str(gates_folder))
        StartRun.partial(task_id="start_run").expand_kwargs(find.output)
    return dag
