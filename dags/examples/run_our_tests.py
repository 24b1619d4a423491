"""Run our tests once a release waits for its approval, and say so in chat. An example of the sensors, for Airflow.

It decides nothing: an approval needs proof and a claim, which gate_dag gives (gate_with_own_tasks.py). Copy it beside
stage_gates.py, name your tests, and start it with the ids of an execution.
"""

from airflow.providers.slack.notifications.slack import send_slack_notification
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

from adobe_cloud_manager.sensors.milestones import ApprovalSensor, DecisionSensor

ID = {"type": "string", "pattern": "^[0-9]{1,20}$"}
EXECUTION = {
    "program_id": "{{ params.program }}",
    "pipeline_id": "{{ params.pipeline }}",
    "execution_id": "{{ params.execution }}",
    "timeout": 14 * 24 * 3600,
}


def say(text: str) -> list[object]:
    """A message in chat."""
    return [send_slack_notification(slack_conn_id="slack", channel="#releases", text=text)]


with DAG(
    "run_our_tests",
    schedule=None,
    params={name: Param(**ID) for name in ("program", "pipeline", "execution")},
    tags=["example", "cloud-manager"],
):
    asked = ApprovalSensor(task_id="asked", **EXECUTION)
    tests = BashOperator(
        task_id="tests",
        bash_command="npm ci && npx cypress run",
        cwd="/opt/ui.tests",
        retries=0,
        on_success_callback=say("Our tests passed; production of {{ params.execution }} waits for you."),
        on_failure_callback=say("Our tests failed for {{ params.execution }}: look before you approve."),
    )
    decided = DecisionSensor(
        task_id="decided",
        trigger_rule="all_done",
        on_success_callback=say("{{ ti.xcom_pull(task_ids='decided')['sentence'] }}"),
        **EXECUTION,
    )
    asked >> tests >> decided
