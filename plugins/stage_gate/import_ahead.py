"""What can the process that forks tasks import and build once, so that not every task does it again?

A task of a gate needs about 0.35 s of processor time to import what it works with, more than all of Airflow's own
work on it, and a gate has thirty tasks; to build the validators of all kinds' settings takes 0.04 s more. Scheduler
(LocalExecutor), Dag processor and, where ``[core] lazy_load_plugins`` is false, Celery workers load plugins before they
fork; what is there then, every fork has. Kinds of checks from a team's own folders are left to the tasks, so that an
edited one counts at once.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

_NEEDED = (
    "adobe_cloud_manager.hooks.cloud_manager",
    "aem_checks.access",
    "aem_checks.asking",
    "aem_checks.client",
    "aem_checks.coverage.recorded",
    "aem_checks.parity.page_facts",
    "aem_checks.runner",
    "airflow.dag_processing.bundles.local",
    "airflow.sdk.execution_time.cache",
    "airflow.sdk.execution_time.timeout",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "jinja2.ext",
    "lxml.etree",
    "PIL.Image",
    "protego",
    "selectolax.lexbor",
    "stage_gate.acting.act",
    "stage_gate.dag_bag",
    "stage_gate.observing.exposure",
    "stage_gate.observing.facts",
    "stage_gate.observing.looking",
    "stage_gate.observing.own_results",
    "stage_gate.configuration.planning",
    "stage_gate.own_dag",
    "stage_gate.own_tests.trial",
    "stage_gate.tasks.keeping",
    "stage_gate.telling.report",
    "stage_gate.acting.right",
    "stage_gate.acting.run",
    "stage_gate.starting",
    "stage_gate.telling.story",
    "stage_gate.tasks.people",
    "stage_gate.observing.undecided",
)


def import_ahead() -> None:
    """Do what tasks need, unless this is a task. What can't be imported is left for the task to complain about."""
    if _is_one_task_itself():
        return
    for name in _NEEDED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        _build_kinds()


def _build_kinds() -> None:
    """Import the kinds of the package, and let pydantic build the validators of their settings."""
    from aem_checks.kinds import own_kinds

    for _, kind in own_kinds():
        kind.settings_type.model_rebuild()


def _is_one_task_itself() -> bool:
    """Whether a supervisor started this process for one task, or to read one Dag file: it imports what it needs."""
    return hasattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS")
