"""Releases as pages tell them: pinned, tested, sealed and decided in a store, without any request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stage_gate.configuration.gate_file import gate_digest
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import Keys
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import Decision
from unit.stage_gate.kept_releases import keep
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import NOW
from unit.stage_gate.test_dags import GATE


def pin(store: Path, execution: str, *, gate: str = "wknd", keys: Keys = KEYS, **changes: Any) -> Evidence:
    """Pin an execution; ``changes`` are what its gate file says otherwise."""
    content: Mapping[str, Any] = {**GATE, "mode": "guard", **changes}
    evidence = Evidence(store, gate, execution, keys)
    evidence.write_pin(
        Pin(
            gate=gate,
            gate_digest=gate_digest(gate, content),
            gate_content=content,
            program_id="12345",
            pipeline_id="678901",
            execution_id=execution,
            trigger="MANUAL",
            pinned_at=NOW,
        )
    )
    return evidence


def release(
    store: Path,
    execution: str,
    decision: Decision | None = Decision.APPROVED,
    *,
    mode: str = "guard",
    **how: Any,
) -> Sealed:
    """A release that was pinned, tested, sealed and decided; ``how`` is what ``keep`` takes."""
    pin(store, execution, mode=mode, keys=how.get("keys", KEYS))
    return keep(store, execution, decision=decision, **how)
