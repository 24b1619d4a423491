"""Tell me when stage is deployed. An example of the sensors by themselves, for Airflow.

Copy it beside stage_gates.py and start it with the ids of an execution. It only reads.
"""

from airflow.providers.slack.notifications.slack import send_slack_notification
from airflow.sdk import DAG, Param, task

from adobe_cloud_manager.sensors.milestones import StageDeploymentSensor

ID = {"type": "string", "pattern": "^[0-9]{1,20}$"}
TWO_WEEKS = 14 * 24 * 3600

with DAG(
    "tell_when_on_stage",
    schedule=None,
    params={name: Param(**ID) for name in ("program", "pipeline", "execution")},
    tags=["example", "cloud-manager"],
):
    on_stage = StageDeploymentSensor(
        task_id="on_stage",
        program_id="{{ params.program }}",
        pipeline_id="{{ params.pipeline }}",
        execution_id="{{ params.execution }}",
        timeout=TWO_WEEKS,
    )
    say_in_chat = send_slack_notification(
        slack_conn_id="slack",
        channel="#releases",
        text="Execution {{ params.execution }} is on stage: commit {{ ti.xcom_pull(task_ids='on_stage')['commit_id'] }}.",
    )

    @task(on_success_callback=[say_in_chat])
    def tell(deployment: dict[str, str]) -> None:
        """Also in the log, with what the sensor returned."""
        print(f"{deployment['artifacts_version']} has been on stage since {deployment['finished_at']}.")

    tell(on_stage.output)
