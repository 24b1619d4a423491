"""D3: does every image and document that the pages name arrive, whole and of the right type?

It collects images (``src``, ``srcset``, posters, backgrounds, the Core Image component's ``data-cmp-src`` with
its smallest and largest width), videos, PDF and Office files of the recorded pages, asks for each once within
the site's rate limit, and decodes what it fetched. Of further sizes and of videos only the headers are asked for.
It would have caught the docx and xlsx files that a dispatcher filter answered with 404 (Adobe KA-22518) and the
images that a mapping broke (aem-project-archetype #337). Files of a page that the gate file names block;
those of other pages, icons, ``og:image`` and images in style sheets warn. Files on other hosts are counted, not
fetched: ``dynamic_media`` looks at those of Dynamic Media. URLs that a script has yet to fill in are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import BEGINNINGS
from aem_checks.kinds.rendering._decoding import FAULTS
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, host_of, path_of, plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.rendering._fetching import Fetched
    from aem_checks.kinds.rendering._media import Media
    from aem_checks.recording import Page, Recording
    from aem_checks.visit import Visit


class ImagesSettings(CheckSettings):
    most: int = Field(default=200, ge=1, le=5000)
    """How many files are asked for at most, those of named pages first; 200 take 20 s at 10 requests/s."""
    ignore: Annotated[tuple[str, ...], BEGINNINGS] = ()
    """Beginnings of paths that are not asked for, such as ``/content/dam/archive/``."""


class Images(Check[ImagesSettings]):
    kind = "images"
    number = "D3"
    title = "Images and documents arrive"
    targets = frozenset({"stage", "production"})
    codes = faults(**FAULTS, none_named="no page names an image or document of the site")
    reads_recording = True
    settings_type = ImagesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.kinds.rendering._fetching import ask_for_each

        recording, findings = visit.recorded, list[Finding]()
        found = Collected(recording, visit, self.settings)
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, recording)
            found.collect(page)
        found.collect_resources(recording)
        wanted = found.wanted[: self.settings.most]
        answers = yield from ask_for_each((media for media, _ in wanted), visit.allows, visit, "images")
        for (_, where), answer in zip(wanted, answers, strict=True):
            findings += _judge(answer, plain_url(where), visit, named=where in found.named)
        findings += found.notes(len(wanted), answers)
        return Judgement(
            examined=sum(answer.refused is None and not answer.elsewhere for answer in answers),
            findings=shortened(findings, severity=self.weight),
        )


class Collected:
    """All files of the recorded pages, each once."""

    def __init__(self, recording: Recording, visit: Visit, settings: ImagesSettings) -> None:
        self._visit, self._ignore = visit, settings.ignore
        self.named = {page.url for page in recording.pages if page.path in visit.site.pages}
        self._base = visit.endpoint.url
        self._has_good_pages = bool(recording.good_pages)
        self._media: dict[str, tuple[Media, str]] = {}
        self.elsewhere: set[str] = set()
        self.templates: set[str] = set()

    @property
    def wanted(self) -> list[tuple[Media, str]]:
        """Each with the page that it is on, those that block first."""
        return sorted(self._media.values(), key=lambda each: self._is_mild(*each))

    def collect(self, page: Page) -> None:
        """What a page names."""
        from aem_checks.kinds.rendering._media import find_media

        for media in find_media(page.final) if page.is_good else ():
            self._add(media, page.url)

    def collect_resources(self, recording: Recording) -> None:
        """What the style sheets name."""
        from aem_checks.kinds.rendering._media import in_style_sheet

        for url, response in recording.resources.items():
            if response.ok and response.content_type == "text/css":
                for media in in_style_sheet(response):
                    self._add(media, url)

    def _add(self, media: Media, page: str) -> None:
        from aem_checks.kinds.rendering._media import is_template

        if is_template(media.url):
            self.templates.add(media.url)
        elif not self._is_own(media.url):
            self.elsewhere.add(media.url)
        elif not any(path_of(media.url).startswith(each) for each in self._ignore):
            known = self._media.get(media.url)
            if known is None or self._is_mild(*known) > self._is_mild(media, page):
                self._media[media.url] = (media, page)

    def _is_own(self, url: str) -> bool:
        """Whether nobody but the site answers for it: what is no address, too."""
        return bool(fault_of(url)) or (host_of(url) in self._visit.endpoint.hosts and self._visit.allows(url))

    def _is_mild(self, media: Media, page: str) -> int:
        return 2 * (not media.shown or page not in self.named) + (not media.whole)

    def notes(self, asked: int, answers: list[Fetched]) -> Iterator[Finding]:
        """What was not looked at, named and counted."""
        if left := len(self.wanted) - asked:
            yield _note(f"{count(left, 'file')} beyond 'most' of this check were not asked for.")
        if self.elsewhere:
            first = quoted(min(self.elsewhere))
            yield _note(
                f"{count(len(self.elsewhere), 'file')} on other hosts were not asked for, one is {first}."
            )
        if self.templates:
            first = quoted(min(self.templates))
            yield _note(
                f"{count(len(self.templates), 'URL')} that a script has yet to fill in, one is {first}."
            )
        if blobs := {answer.elsewhere for answer in answers if answer.elsewhere}:
            yield _note(f"Redirects to {quoted(', '.join(sorted(blobs)), 200)} were not followed.")
        if not self._media and self._has_good_pages:
            yield Finding(
                code="none_named",
                subject="images",
                sentence=f"{self._base}: no page names an image or document on the site's own hosts. To do: see "
                "whether the pages are empty; if all files are elsewhere, set images: false.",
                outcome=Outcome.INCONCLUSIVE,
                cause=Cause.CHECK,
            )


def _judge(answer: Fetched, page: str, visit: Visit, *, named: bool) -> Iterator[Finding]:
    media = answer.media
    mild = None if named and media.shown else Severity.WARN
    if answer.refused is not None:
        yield answer.refused.model_copy(update={"severity": mild, "about": (media.url,)})
    elif (fault := answer.fault) is not None:
        yield Finding(
            code=fault.code,
            subject=path_of(media.url),
            sentence=f"{media.url}, {media.place} on {page}, gave {fault.actual} instead of {fault.expected}. "
            "To do: see whether it is published, and whether filters and mappings let it pass.",
            expected=fault.expected,
            actual=fault.actual,
            severity=mild or fault.severity,
            evidence=answer.evidence,
            about=(media.url,),
        )


def _note(sentence: str) -> Finding:
    return Finding(code="left_out", subject="images", sentence=sentence, outcome=Outcome.PASSED)
