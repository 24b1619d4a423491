"""How is production approved or halted: at most once, and only with a right that was proven a moment ago?

Each acting task walks its ``road`` by itself, from the run id alone, and again from the beginning when it died on the way:
without a ticket nothing was sent, so it goes on; with one it only reads back. Whatever is missing on the way holds production
and says what it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adobe_cloud_manager.pinned import PinnedExecution
from stage_gate.acting.road import Road

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.acting.right import Right
    from stage_gate.evidence.kept_decisions import DecisionRecord
    from stage_gate.rules.decision import Decision


@dataclass(frozen=True)
class Act:
    """Everything an acting task needs; it is built from the run id and the gate, never from an XCom."""

    right: Right
    deciding: CloudManagerHook
    """The hook with the credential that may approve and reject."""
    dag_id: str
    run_id: str
    monotonic: Callable[[], float] = time.monotonic

    @property
    def pinned(self) -> PinnedExecution:
        pin = self.right.pin
        return PinnedExecution.of(pin.program_id, pin.pipeline_id, pin.execution_id)

    def perform(self, decision: Decision) -> DecisionRecord:
        """Approve, override or halt production once, and return the record of it.

        Raises ``Held`` when the act is not allowed, was sent before without a visible effect, or got lost.
        """
        return Road(self, decision).walk()
