"""A team's check that was written with what opens the site, and has a bug: error, output and files tell it."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

from aem_checks.check import Check, CheckSettings

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit

_LOGIN = ("simulated-user", "simulated-password")


class TellsWhatOpens(Check[CheckSettings]):
    kind = "tells_what_opens"
    number = "T4"
    title = "Tells what opens the site"
    default_on = False

    def judge(self, visit: Visit) -> Steps[Judgement]:
        sent = {"Authorization": f"Basic {base64.b64encode(':'.join(_LOGIN).encode()).decode()}"}
        print(sent, file=sys.stderr)
        visit.keep("what-opens.txt", repr(sent).encode())
        raise RuntimeError(f"log-in failed with {sent} {_LOGIN}")
