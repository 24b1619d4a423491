"""How do tests wait for something? Until it happens; how fast that is says nothing about the gate."""

from __future__ import annotations

from collections.abc import Callable

from unit.simulator.caller import eventually

PATIENCE = 120.0
"""Seconds after which something is taken for never happening."""


def until(seen: Callable[[], object], what: str) -> None:
    """Return once ``seen`` is true. Raises ``AssertionError`` with ``what`` where that takes too long."""
    eventually(seen, within=PATIENCE, what=what)
