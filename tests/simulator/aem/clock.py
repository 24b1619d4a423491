"""What time is it on a simulated site, where nobody has to spend the time that passes?

The clock stands still until somebody sleeps by it. So what a test says about times holds on any machine, and waiting
for an hour takes no longer than waiting for a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from unittest.mock import patch


@dataclass
class Clock:
    """Seconds since some moment; it stands in for the module ``time`` too."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    monotonic = perf_counter = __call__

    async def sleep(self, seconds: float) -> None:
        """All of that time passes at once."""
        self.now += seconds
        await asyncio.sleep(0)

    @contextmanager
    def rules(self, *modules: ModuleType) -> Iterator[None]:
        """These modules, which import ``time`` and ``asyncio``, read this clock and sleep by it."""
        sleeping = SimpleNamespace(**{**vars(asyncio), "sleep": self.sleep})
        with ExitStack() as stack:
            for module in modules:
                stack.enter_context(patch.multiple(module, time=self, asyncio=sleeping))
            yield
