"""What does the deployment demand of every gate, so that no gate file can do without it?"""

from __future__ import annotations

from dataclasses import dataclass

from stage_gate.rules.surroundings import Fact


@dataclass(frozen=True)
class Demands:
    """What each gate has to do, whatever its file says."""

    checks: tuple[str, ...] = ()
    """Kinds of checks that block: ``[stage_gate] minimum_checks``."""
    facts: frozenset[Fact] = frozenset()
    """Facts about changes of stage that have to be read: ``[stage_gate] minimum_facts``."""
    isolation: bool = False
    """Whether a team's code has to run isolated: ``[stage_gate] require_isolation``."""


NO_DEMANDS = Demands()
