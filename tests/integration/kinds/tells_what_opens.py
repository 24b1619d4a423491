"""A team's check that has a bug: its error, its output and its files tell what opens the site."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aem_checks.check import CheckSettings, SiteCheck

if TYPE_CHECKING:
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class TellsWhatOpens(SiteCheck[CheckSettings]):
    kind = "tells_what_opens"
    number = "T4"
    title = "Tells what opens the site"
    default_on = False

    async def run(self, visit: Visit) -> Judgement:
        sent = visit.access.request_headers
        print(sent, file=sys.stderr)
        visit.keep("what-opens.txt", repr(sent).encode())
        raise RuntimeError(f"log-in failed with {sent} {visit.access.basic}")
