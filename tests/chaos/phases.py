"""In which moments of a release is something struck, and what holds a release in exactly that moment?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """A moment of a gate's run, in the order in which a release passes them."""

    WAITING = "waiting for stage"
    TESTING = "testing"
    JUDGING = "judging"
    SEALED = "sealed"
    CLAIMED = "claimed, before the PUT"
    SENT = "sent, not carried out"
    ANSWERED = "carried out, no answer"
    READ_BACK = "read-back"
    HOLDING = "holding"

    @property
    def is_deferred(self) -> bool:
        """Nothing of Airflow runs for it but a trigger."""
        return self in (Phase.WAITING, Phase.HOLDING)


@dataclass(frozen=True)
class Part:
    """What one release plays in a scene: the moment in which it is struck, and whether it deserves production."""

    phase: Phase
    good: bool = True
    starved: bool = False
    """Its evidence has a file system of its own, which is full when something is struck."""

    @property
    def name(self) -> str:
        kind = "starved" if self.starved else "good" if self.good else "bad"
        return f"{self.phase.name.lower()}_{kind}"

    @property
    def slug(self) -> str:
        return self.name.replace("_", "-")

    @property
    def verdict(self) -> str:
        """What its verdict is if everything is tested."""
        if self.starved:
            return "none"
        if self.phase is Phase.HOLDING:
            return "inconclusive"
        return "passed" if self.good else "failed"

    @property
    def verb(self) -> str | None:
        """The one act that may be sent for it; None: none may."""
        return {"passed": "advance", "failed": "cancel", "inconclusive": None, "none": None}[self.verdict]

    @property
    def release(self) -> dict[str, Any]:
        """The release in the simulator."""
        if self.phase is Phase.HOLDING:
            return {"stage": {"access": "ip-blocked"}}
        steps = {"codeQuality": {"outcome": "waiting"}} if self.phase is Phase.WAITING else {}
        return {"steps": steps, "stage": {"access": "open", "defects": [] if self.good else ["page_500"]}}

    @property
    def gate(self) -> dict[str, Any]:
        """What its gate file has besides what all have."""
        waits = {
            "poll": "1s",
            "stage_deployment": "2h",
            "approval": "2h",
            "production_deployment": "2h",
            "read_back": "8s",
        }
        patient = {"waits_for_a_file": {"file": "of the case", "within": "1h"}}
        return {"waits": waits, "checks": {} if self.phase is Phase.HOLDING else patient}


CAST = (
    *(Part(phase) for phase in Phase),
    *(Part(phase, good=False) for phase in (Phase.JUDGING, Phase.CLAIMED, Phase.SENT)),
)
"""Everything that a whole scene strikes: each phase with a release that deserves production, three with one that does not."""
