"""The real Dags, and beside them gates whose approval is weak on purpose: they show that the attack can succeed.

For Airflow: this file defines a dag or more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from airflow.sdk import DAG, get_parsing_context

import stage_gate.dag
import stage_gate.dag_bag
from stage_gate.dag import build_gate_dag
from stage_gate.tasks.acts import ApproveProduction

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.gate import Gate


class TrustingApproval(ApproveProduction):
    """Approves because the branch task's XCom leads here; keeps its claim where any Airflow user can take it away."""

    def execute(self, context: Context) -> None:
        from stage_gate.acting.run import GateRun

        ti = context["ti"]
        signpost = ti.xcom_pull(task_ids="decide", key="skipmixin_key") or {"followed": [self.task_id]}
        if self.task_id in signpost["followed"] and not ti.xcom_pull(task_ids=self.task_id, key="claim"):
            ti.xcom_push(key="claim", value="taken")
            self._approve(GateRun.of(self.gate_file, context))

    def _approve(self, run: GateRun) -> None:
        from adobe_cloud_manager.golive import act_once
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        def trust(*anything: Any) -> None:
            """No claim and no proof."""

        act_once(
            CloudManagerHook(run.gate.pipeline.deciding),
            run.pin.program_id,
            run.pin.pipeline_id,
            run.execution_id,
            "approve",
            claim=trust,
            before_send=trust,
            read_back_for=5.0,
        )


def _build(gate: Gate, path: Path, docs: str) -> DAG:
    """Build a Dag as always; only the gates called weak-… get the weak approval."""
    if not gate.name.startswith("weak-"):
        return build_gate_dag(gate, path, docs)
    with mock.patch.object(stage_gate.dag, "ApproveProduction", TrustingApproval):
        return build_gate_dag(gate, path, docs)


with mock.patch.object(stage_gate.dag_bag, "build_gate_dag", _build):
    globals().update(stage_gate.dag_bag.build_dags(get_parsing_context().dag_id))
