"""With what does the house of the checks visit a site: whom does it ask, what opens it, where is kept what was seen?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aem_checks.access import NO_ACCESS, Access, AccessResolver, access_from_environment
from aem_checks.told import Told
from aem_checks.visit import OneSite, Visit

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.browser.seat import Seat
    from aem_checks.client import Client
    from aem_checks.folders import Folder
    from aem_checks.reading import Begin
    from aem_checks.recording import Recording
    from aem_checks.sites import SiteConfig, Target
    from aem_checks.time_limit import Clock


@dataclass(frozen=True)
class Means(OneSite):
    """One site on one target, with the means to ask it and to keep what was seen. Checks have none of them (``visit``)."""

    site: SiteConfig
    target: Target
    client: Client
    recording: Recording | None
    """The recording of this candidate; ``None`` while it is not made yet (``settled``)."""
    evidence: Folder
    """The folder that findings point into."""
    access: Access = NO_ACCESS
    """Credentials of the target, for commands that log in themselves; the client sends them by itself."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the caller knows and answers ``asks.Fact`` with: ``environment_variables``, the names by target, and
    of the candidate ``commit_id`` and ``artifacts_version``."""
    resolver: AccessResolver = field(default=access_from_environment, repr=False)
    """Finds credentials by name, for a suite that logs in with an account of its own."""
    baseline: Baseline | None = None
    """The last release that was approved and verified; ``None`` before the first."""
    told: Told = field(default_factory=Told, repr=False)
    """What was asked and answered, in this order."""
    seat: Seat | None = field(default=None, repr=False)
    """Where it asks for pages in a browser that it shares; ``None`` for one of its own."""
    clock: Clock | None = field(default=None, repr=False)
    """How much of its time is left."""
    begin: Begin | None = field(default=None, repr=False)
    """How the first run begins beside other checks that look at the same pages."""

    @property
    def visit(self) -> Visit:
        """What a check is told of it, anew each time."""
        return Visit(self.site, self.target, self.recording, self.baseline)

    def keep(self, name: str, content: bytes) -> str:
        """Write a file into the evidence and return its name. Blocks; raises what the folder raises."""
        *folders, last = name.split("/")
        folder = self.evidence
        for part in folders:
            folder = folder / part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / last).write_bytes(content)
        return name

    def free_place(self, base: str) -> str:
        """A folder of the evidence for one run: a confirming second run does not hide the first."""
        for number in range(1, 100):
            folder = self.evidence
            for part in f"{base}/run-{number}".split("/"):
                folder = folder / part
            if not (folder / "output.txt").exists():
                return f"{base}/run-{number}"
        return f"{base}/run-100"
