"""A team's check that passes as soon as a file is there: a test says when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.check import Check, CheckSettings

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class _Settings(CheckSettings):
    file: str


class WaitsForAFile(Check[_Settings]):
    kind = "waits_for_a_file"
    number = "T3"
    title = "Waits for a file"
    default_on = False
    settings_type = _Settings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.asks import Pause, ask
        from aem_checks.outcomes import Judgement

        while not Path(self.settings.file).exists():
            yield from ask(Pause(0.2))
        return Judgement(examined=1)
