"""How soon does Airflow notice that something died? Its settings, lowered from minutes to seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lowered:
    """One setting of Airflow: what it is here, what it is by default, and what it decides."""

    name: str
    here: str
    default: str
    decides: str


DETECTION = (
    Lowered("SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "15", "300", "when a silent task is given up"),
    Lowered("SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL", "2", "10", "how often that is looked at"),
    Lowered("SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD", "15", "30", "when a silent scheduler is given up"),
    Lowered("SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL", "3", "300", "how often its tasks are taken over"),
    Lowered("SCHEDULER__SCHEDULER_HEARTBEAT_SEC", "1", "5", "how often a scheduler says that it lives"),
    Lowered("SCHEDULER__JOB_HEARTBEAT_SEC", "1", "5", "the same, of its job"),
    Lowered("SCHEDULER__TASK_QUEUED_TIMEOUT", "60", "600", "when a task that nobody starts is queued again"),
    Lowered("SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL", "10", "120", "how often that is looked at"),
    Lowered("SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL", "1", "15", "how often deferred tasks are looked at"),
    Lowered("TRIGGERER__JOB_HEARTBEAT_SEC", "1", "5", "how often a triggerer says that it lives"),
    Lowered("TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD", "15", "30", "when its waits go to another triggerer"),
    Lowered("WORKERS__MIN_HEARTBEAT_INTERVAL", "1", "5", "how often a task says that it lives"),
    Lowered("WORKERS__EXECUTION_API_TIMEOUT", "5", "5", "how long a task waits for the API server (as by default)"),
)  # fmt: skip
"""No lower: below 15 s a scheduler on a busy machine takes itself for dead and starts its own tasks again and again."""


PATIENT = {
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "40",
    "SCHEDULER__TASK_QUEUED_TIMEOUT": "600",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "40",
    "WORKERS__EXECUTION_API_TIMEOUT": "120",
}
"""For a machine that other tests keep busy: what lives and is slow is not given up."""


def detection(*, patient: bool = False) -> dict[str, str]:
    """The environment variables."""
    here = {each.name: each.here for each in DETECTION} | (PATIENT if patient else {})
    return {f"AIRFLOW__{name}": value for name, value in here.items()}


def as_lines() -> list[str]:
    """For the head of the table."""
    return [
        f"  AIRFLOW__{each.name}={each.here:<4} (default {each.default}): {each.decides}"
        for each in DETECTION
    ]
