"""How do tests wait for something? Until it happens; how fast that is says nothing about the gate."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds after which something is taken for never happening."""


def until(seen: Callable[[], object], what: str) -> None:
    """Return once ``seen`` is true. Raises ``AssertionError`` with ``what`` where that takes too long."""
    end = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.02)
