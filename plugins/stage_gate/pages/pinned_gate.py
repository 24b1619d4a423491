"""What did a run pin as its gate, for somebody who only looks? No code of a team is imported for it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.kinds import without_those_of_a_team
from stage_gate.configuration.gate_file import GateFileError, gate_from_content

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.pin import Pin

log = logging.getLogger(__name__)


def gate_pinned_in(pin: Pin, folder: Path) -> Gate | None:
    """The gate; ``None`` where it can't be built here: it has checks of a team's own, or is of another version."""
    try:
        with without_those_of_a_team():
            gate = gate_from_content(pin.gate, pin.gate_content, folder=folder)
    except (GateFileError, OSError) as error:
        log.info("Gate %s of execution %s can't be built to be shown: %s", pin.gate, pin.execution_id, error)
        return None
    return gate if gate.digest == pin.gate_digest else None
