"""A team's check that has a bug: it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.check import Check, CheckSettings

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class Raises(Check[CheckSettings]):
    kind = "raises"
    number = "T1"
    title = "Raises"
    default_on = False

    def judge(self, visit: Visit) -> Steps[Judgement]:
        raise ZeroDivisionError("a bug in the team's own check")
