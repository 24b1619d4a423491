"""A team's check that passes as soon as a file is there: a test says when."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.check import CheckSettings, SiteCheck

if TYPE_CHECKING:
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class _Settings(CheckSettings):
    file: str


class WaitsForAFile(SiteCheck[_Settings]):
    kind = "waits_for_a_file"
    number = "T3"
    title = "Waits for a file"
    default_on = False
    settings_type = _Settings

    async def run(self, visit: Visit) -> Judgement:
        from aem_checks.outcomes import Judgement

        while not self._is_there():  # noqa: ASYNC110 - another process creates it
            await asyncio.sleep(0.2)
        return Judgement(examined=1)

    def _is_there(self) -> bool:
        return Path(self.settings.file).exists()
