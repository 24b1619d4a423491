"""What is a check told of a site before it asks? Nothing that opens anything, and nobody whom it could ask by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.reading import Reader
    from aem_checks.recording import Recording
    from aem_checks.sites import Endpoint, SiteConfig, Target


class OneSite:
    """One site on one target, as its house and its checks see it."""

    site: SiteConfig
    target: Target
    recording: Recording | None
    baseline: Baseline | None

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


@dataclass(frozen=True)
class Visit(OneSite):
    """What a check is told."""

    site: SiteConfig
    target: Target
    recording: Recording | None = None
    """The recording of this candidate; ``None`` while it is not made yet (``settled``)."""
    baseline: Baseline | None = None
    """The last release that was approved and verified; ``None`` before the first."""
    kept: dict[str, bytes] = field(default_factory=dict, repr=False)
    """What its house puts into the evidence once it has judged, by name."""

    def keep(self, name: str, content: bytes | str) -> str:
        """Have a file put into the evidence, once there is a judgement; returns its name for ``Finding.evidence``.

        ``name`` may contain folders: ``dispatcher_probes/querybuilder.txt``. An existing file is replaced.
        """
        self.kept[name] = content.encode("utf-8", "replace") if isinstance(content, str) else content
        return name
