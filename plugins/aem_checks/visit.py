"""What does a check need to look at one site? Everything that it is handed, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aem_checks.access import NO_ACCESS, Access, AccessResolver, access_from_environment
from aem_checks.told import Told

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.browser.seat import Seat
    from aem_checks.client import Client
    from aem_checks.folders import Folder
    from aem_checks.reading import Begin, Reader
    from aem_checks.recording import Recording
    from aem_checks.sites import Endpoint, SiteConfig, Target
    from aem_checks.time_limit import Clock


@dataclass(frozen=True)
class Visit:
    """One site on one target, with the means to ask it and to keep what was seen."""

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
    def endpoint(self) -> Endpoint:
        """Where the target is. Raises ``LookupError`` for production of a site that names none."""
        return self.site.endpoint(self.target)

    @property
    def pages(self) -> tuple[str, ...]:
        """The paths of the recorded pages, those that the site names first and then those that were chosen to show
        all that it is made of; before the recording the named ones."""
        return tuple(page.path for page in self.recording.pages) if self.recording else self.site.pages

    @property
    def recorded(self) -> Recording:
        """The recording, for checks that read it: these are not run without one. Raises ``LookupError``."""
        if self.recording is None:
            raise LookupError("there is no recording")
        return self.recording

    def reader(self) -> Reader | None:
        """What reads the recorded pages, beside those of the last verified release; ``None`` without a recording."""
        from aem_checks.reading import Reader

        if self.recording is None:
            return None
        return Reader(self.recording, self.baseline.recording if self.baseline else None)

    def url(self, path: str) -> str:
        """The path on the target's host, as written: ``/us/en.html`` or ``us/en.html``."""
        return self.endpoint.url.rstrip("/") + "/" + path.removeprefix("/")

    def allows(self, url: str) -> bool:
        """Whether the URL is on a host of the site, of whichever target: only those can be asked."""
        from aem_checks.urls import is_among

        return is_among(
            url,
            (each for endpoint in self.site.endpoints for each in (endpoint.url, endpoint.origin) if each),
        )

    def keep(self, name: str, content: bytes | str) -> str:
        """Write a file into the evidence and return its name for ``Finding.evidence``.

        ``name`` may contain folders: ``dispatcher_probes/querybuilder.txt``. An existing file is replaced.
        """
        *folders, last = name.split("/")
        folder = self.evidence
        for part in folders:
            folder = folder / part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / last).write_bytes(
            content.encode("utf-8", "replace") if isinstance(content, str) else content
        )
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
