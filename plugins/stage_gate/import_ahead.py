"""What can the process that forks tasks import once, so that not every task imports it again?

A task of a gate needs about 0.35 s of processor time to import what it works with, more than all of Airflow's own
work on it, and a gate has thirty tasks. Scheduler (LocalExecutor), Dag processor and, where ``[core]
lazy_load_plugins`` is false, Celery workers load plugins before they fork; what is imported then, every fork has.
Kinds of checks from a team's own folders are left to the tasks, so that an edited one counts at once.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

_NEEDED = (
    "adobe_cloud_manager.hooks.cloud_manager",
    "aem_checks.access",
    "aem_checks.client",
    "aem_checks.runner",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "selectolax.lexbor",
    "stage_gate.acting.act",
    "stage_gate.dag_bag",
    "stage_gate.observing.looking",
    "stage_gate.configuration.planning",
    "stage_gate.telling.report",
    "stage_gate.acting.right",
    "stage_gate.acting.run",
    "stage_gate.starting",
    "stage_gate.telling.story",
    "stage_gate.tasks.people",
    "stage_gate.observing.undecided",
)


def import_ahead() -> None:
    """Import what tasks need, unless this is a task. What can't be imported is left for the task to complain about."""
    if _is_one_task_itself():
        return
    for name in (*_NEEDED, *_kinds()):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _kinds() -> list[str]:
    from aem_checks.kinds import own_modules

    return own_modules()


def _is_one_task_itself() -> bool:
    """Whether a supervisor started this process for one task, or to read one Dag file: it imports what it needs."""
    return hasattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS")
