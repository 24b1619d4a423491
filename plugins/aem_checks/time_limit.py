"""How much of its time has a check left? Its clock stands still while it waits for others."""

from __future__ import annotations

import asyncio
from types import TracebackType

GRACE = 60.0
"""Seconds that judging what was seen may take though the time is over."""


class Clock:
    """``async with clock`` ends what is inside of it with ``TimeoutError`` when its time is over, but not while it stands."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        """Seconds, as of when it stood still last."""
        self._timeout: asyncio.Timeout | None = None
        self._since: float | None = None

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    async def __aenter__(self) -> Clock:
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        self._go(self.left)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._timeout is not None
        timeout, self._timeout = self._timeout, None
        await timeout.__aexit__(kind, error, trace)

    def stand(self) -> None:
        """Wait for others: nothing ends meanwhile."""
        if self._since is not None:
            self.left -= asyncio.get_running_loop().time() - self._since
            self._since = None
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(None)

    def go_on(self, grace: float = GRACE) -> None:
        """Judge what came, for what is left, and for ``grace`` seconds in any case."""
        if self._timeout is not None and not self._timeout.expired():
            self._go(max(self.left, grace))

    def _go(self, seconds: float) -> None:
        assert self._timeout is not None
        self._since = asyncio.get_running_loop().time()
        self._timeout.reschedule(self._since + seconds)
