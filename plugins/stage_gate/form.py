"""What does a run of a gate by hand ask for?"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from stage_gate.tasks.pin import CURRENT


def add_form(dag: DAG) -> None:
    """The last of a Dag: Airflow copies what it has by then into each task that comes, a third of what a Dag takes."""
    dag.params["execution"] = Param(
        CURRENT,
        type=["string", "null"],
        pattern=r"^(current|[1-9][0-9]{0,19})?$",
        title="Execution",
        description="The id of a Cloud Manager execution of this pipeline, in digits; 'current' or nothing for the one "
        "that the pipeline runs now. The run that you start shows where the execution's own run is.",
    )
