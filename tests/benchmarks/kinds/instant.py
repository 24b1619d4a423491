"""A check that returns at once: what is left is the gate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from aem_checks.check import Check, CheckSettings
from aem_checks.outcomes import Judgement

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit


class InstantSettings(CheckSettings):
    name: str = Field(pattern=r"^[a-z0-9_-]+$")


class Instant(Check[InstantSettings]):
    kind = "instant"
    number = "T1"
    title = "Returns at once"
    targets = frozenset({"stage", "production"})
    default_on = False
    settings_type = InstantSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        yield []
        return Judgement(examined=1)
