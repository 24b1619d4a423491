"""J2: is every page light enough, and not much heavier than at the last verified release?

Each page is opened in Chromium with an empty cache, and what its requests bring over the wire is counted: bytes in
all and by kind, requests, single images, texts without compression. Budgets are absolute; beside them a page must
not grow by more than ``most_growth``. Unlike times, weight is the same on every machine, so it may block
(``severity: block``).

It would have caught what Adobe's own Experience Audit only reports, since it never blocks a pipeline
(AdobeDocs/experience-manager-cloud-service.en, report-experience-audit): an image of several megabytes that an editor
dropped into a hero, a script bundle that doubled.

It does not see what loads on scrolling or clicking, nor frames of other sites, nor hosts that are not under
``allow_hosts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.browser.asks import Open, PageSeen
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    each_page,
    judged,
    nothing_to_compare,
    unjudged,
)
from aem_checks.codes import faults
from aem_checks.excuses import above
from aem_checks.kinds.browser._weight import Weight, Weights, in_words, is_unpacked, weigh
from aem_checks.outcomes import Finding, Judgement
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.browser.seen import Asked
    from aem_checks.visit import Visit

_RECORD = "page_weight/weights.json"
_LEAST_GROWTH = 50_000


class PageWeightSettings(BrowserSettings):
    """The budgets, each of one page."""

    most_bytes: Annotated[int, above(40_000_000)] = Field(default=4_000_000, ge=1)
    """Bytes on the wire in all; 4 MB take 20 s on a slow mobile line of 1.6 Mbit/s."""
    most_script_bytes: Annotated[int, above(10_000_000)] = Field(default=1_000_000, ge=1)
    """Bytes of scripts; phones need about a second for each megabyte beside loading it."""
    most_requests: Annotated[int, above(1500)] = Field(default=150, ge=1)
    """Requests that were answered."""
    most_image_bytes: Annotated[int, above(3_000_000)] = Field(default=300_000, ge=1)
    """Bytes of one image; a rendition of 1600 pixels is well below."""
    most_growth: Annotated[float | None, above(2.5)] = Field(default=0.25, gt=0)
    """Share by which a page may grow since the last verified release, beyond 50 kB; ``null`` for any."""


class PageWeight(BrowserCheck[PageWeightSettings]):
    """Opens each page with an empty cache and counts."""

    kind = "page_weight"
    number = "J2"
    title = "Pages are light"
    codes = faults(
        weight="a page brings too many bytes",
        scripts="a page brings too many bytes of scripts",
        requests="a page makes too many requests",
        growth="a page grew by too much since the last verified release",
        image="an image is too heavy",
        compression="a text comes without compression",
    )
    settings_type = PageWeightSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        looked = yield from each_page([Open(path) for path in self.paths(visit)], self._weighed)
        pages = {path: weight for path, weight, _ in judged(looked)}
        heavy = {found.subject: found for _, _, files in judged(looked) for found in files}
        before = Weights.read(visit.baseline.read(_RECORD) if visit.baseline else None)
        evidence = visit.keep(_RECORD, Weights(pages=pages).model_dump_json(indent=1))
        findings = unjudged(looked)
        for path, weight in pages.items():
            findings += self._budgets(path, weight, before.pages.get(path) if before else None)
        findings = [each.model_copy(update={"evidence": evidence}) for each in (*findings, *heavy.values())]
        if before is None:
            findings.append(nothing_to_compare(self.kind))
        return Judgement(examined=len(pages), findings=shortened(findings, severity=self.weight))

    def _weighed(self, asked: Open, seen: PageSeen) -> tuple[str, Weight, list[Finding]]:
        requests = seen.traffic().requests
        return asked.path, weigh(requests), list(self._files(asked.path, requests))

    def _budgets(self, path: str, weight: Weight, before: Weight | None) -> Iterator[Finding]:
        told = self.settings
        scripts = weight.parts.get("scripts", 0)
        if weight.bytes > told.most_bytes:
            yield _over(path, "weight", in_words(weight.bytes), in_words(told.most_bytes), _parts(weight))
        if scripts > told.most_script_bytes:
            yield _over(path, "scripts", f"{in_words(scripts)} of scripts", in_words(told.most_script_bytes))
        if weight.requests > told.most_requests:
            yield _over(path, "requests", count(weight.requests, "request"), str(told.most_requests))
        if before is not None and told.most_growth is not None:
            limit = before.bytes + max(_LEAST_GROWTH, int(before.bytes * told.most_growth))
            if weight.bytes > limit:
                since = f"after {in_words(before.bytes)} at the last verified release"
                yield _over(path, "growth", in_words(weight.bytes), in_words(limit), since)

    def _files(self, path: str, requests: list[Asked]) -> Iterator[Finding]:
        """Single files that are too heavy; each is told once, however many pages use it."""
        for asked in requests:
            name = plain_url(asked.url)
            if asked.kind == "Image" and asked.bytes > self.settings.most_image_bytes:
                limit = in_words(self.settings.most_image_bytes)
                yield _over(_stable(name), "image", in_words(asked.bytes), limit, f"on {path}", name)
            elif is_unpacked(asked):
                yield _over(
                    _stable(name),
                    "compression",
                    f"{in_words(asked.size)} without compression",
                    "gzip",
                    f"on {path}",
                    name,
                )


def _over(subject: str, code: str, actual: str, limit: str, more: str = "", url: str = "") -> Finding:
    name = quoted(url, 240) if url else subject
    remedy = {
        "image": "serve a rendition of the right size",
        "compression": "switch on compression for this type",
        "growth": "see which kind of file grew, or accept it with a waiver",
    }.get(code, "see what it loads, or raise the budget")
    expected = f"compression ({limit})" if code == "compression" else f"at most {limit}"
    return Finding(
        code=code,
        subject=f"{subject} {code}",
        sentence=f"{name} has {actual}{', ' + more if more else ''}; expected {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
    )


def _stable(url: str) -> str:
    """The URL without its host, which differs between environments."""
    rest = url.partition("://")[2]
    return "/" + rest.partition("/")[2]


def _parts(weight: Weight) -> str:
    return ", ".join(
        f"{name} {in_words(size)}" for name, size in sorted(weight.parts.items(), key=lambda each: -each[1])
    )
