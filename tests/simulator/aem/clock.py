"""What time is it on a simulated site, where nobody has to spend the time that passes?

The clock stands still until somebody sleeps by it. So what a test says about times holds on any machine, and waiting
for an hour takes no longer than waiting for a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType, SimpleNamespace
from unittest.mock import patch


@dataclass
class Clock:
    """Seconds since some moment; it stands in for the module ``time`` too."""

    now: float = 0.0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> float:
        return self.now

    monotonic = perf_counter = __call__

    def moment(self, zone: tzinfo | None = None) -> datetime:
        """What ``datetime.now`` says by this clock."""
        return (self.started + timedelta(seconds=self.now)).astimezone(zone)

    async def sleep(self, seconds: float) -> None:
        """All of that time passes at once."""
        self.now += seconds
        await asyncio.sleep(0)

    @contextmanager
    def rules(self, *modules: ModuleType) -> Iterator[None]:
        """These modules read this clock and sleep by it, by what they import of ``time``, ``datetime`` and ``asyncio``."""
        sleeping = SimpleNamespace(**{**vars(asyncio), "sleep": self.sleep})
        ruled = {"time": self, "datetime": SimpleNamespace(now=self.moment), "asyncio": sleeping}
        with ExitStack() as stack:
            for module in modules:
                imported = {name: each for name, each in ruled.items() if hasattr(module, name)}
                stack.enter_context(patch.multiple(module, **imported))
            yield
