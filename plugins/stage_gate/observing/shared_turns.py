"""How do the workers of all machines keep one rate per host? They take their turns in the store that the deployment names."""

from __future__ import annotations

import asyncio

from adobe_cloud_manager.shared_slots import SHARE_WITHOUT_STORE, SharedSlots, StoreLost, slots_at
from aem_checks.rate_limit import FileTurns, share


class SharedTurns:
    """Turns in a store; without it each machine goes at a tenth of the rate, so that together they go no faster."""

    def __init__(self, slots: SharedSlots) -> None:
        self._slots = slots
        self._alone = FileTurns()

    async def take(self, name: str, spacing: float) -> float:
        """See ``aem_checks.rate_limit.Turns``."""
        try:
            return await asyncio.to_thread(self._slots.take, f"host {name}", 1, spacing) or 0.0
        except StoreLost:
            return await self._alone.take(name, SHARE_WITHOUT_STORE * spacing)


def share_limits(url: str) -> None:
    """Let all requests of this process to sites take their turns in this store; those of this machine where empty."""
    share(SharedTurns(slots_at(url)) if url else None)
