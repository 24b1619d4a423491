"""Which requests wait until somebody lets them go? A hold stops a release at one exact moment, without a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.request_log import RecordedRequest


class Hold:
    """Requests that `wants` picks wait until `let_go`.

    They wait before they are handled or, where `answered` is true, when they have been carried out and their answer
    is ready. A client that hangs up meanwhile changes nothing: what it sent is handled when the hold ends, as a
    request that is under way when its sender dies. `wants` is asked in the simulator's thread and must not block.
    """

    def __init__(self, wants: Callable[[RecordedRequest], bool], *, answered: bool = False) -> None:
        self.wants = wants
        self.answered = answered
        self.caught = 0
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    async def wait(self, request: RecordedRequest) -> None:
        """Return at once if this hold is not about the request or is over, else when it is over."""
        if self._over.is_set() or not self.wants(request):
            return
        self.caught += 1
        await self._over.wait()

    def let_go(self) -> None:
        """End the hold. Call it in the simulator's loop, as `Simulator.let_go` does."""
        self._over.set()


async def wait_for_holds(holds: list[Hold], request: RecordedRequest, *, answered: bool) -> None:
    """Wait for every hold of this moment that wants the request; those that are over are forgotten."""
    holds[:] = [hold for hold in holds if not hold.is_over]
    for hold in list(holds):
        if hold.answered is answered:
            await hold.wait(request)
