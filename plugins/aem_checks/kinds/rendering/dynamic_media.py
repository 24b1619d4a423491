"""D5: do the pages use the Dynamic Media of their own environment, and do its files arrive?

Every URL of Dynamic Media in the recorded pages (``/is/image/…``, ``/is/content/…``, ``/adobe/dynamicmedia/…``,
``/adobe/assets/…``, hosts of scene7.com) has to be on a host and of a company that the gate file names for this
environment; then each file is asked for and decoded. It would have caught the stage and production that shared
each other's Dynamic Media settings (Adobe KA-24149). Only hosts that the gate file names are asked, without any
credentials. URLs with parts that a script fills in are compared but not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.kinds.rendering._decoding import FAULTS, Fault
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.sites import base_url
from aem_checks.text import count, quoted
from aem_checks.urls import host_of, is_among, parts_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.rendering._fetching import Fetched
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_MARKS = ("/is/image/", "/is/content/", "/adobe/dynamicmedia/", "/adobe/assets/urn", ".scene7.com/")
_IN_TEXT = re.compile(
    r"(?:https?:)?//[^\s\"'<>\\,()]{1,300}?/(?:is/(?:image|content)|adobe/(?:dynamicmedia|assets))/[^\s\"'<>\\()]{1,1500}"
)
_COMPANY = re.compile(r"/is/(?:image|content)/([^/?:]{1,100})")
_SETS = ("srcset", "data-srcset")


class DynamicMediaOf(BaseModel):
    """The Dynamic Media of one environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: tuple[str, ...] = Field(min_length=1)
    """Where its files are, such as ``https://s7d1.scene7.com`` or ``images.example.com``."""
    company: str = ""
    """The company in ``/is/image/<company>/…``; not compared where empty."""

    @field_validator("hosts")
    @classmethod
    def _as_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(base_url(each if "://" in each else f"https://{each}") for each in value)


class DynamicMediaSettings(CheckSettings):
    stage: DynamicMediaOf
    """What stage uses."""
    production: DynamicMediaOf | None = None
    """What production uses; without it production is not looked at."""
    most: int = Field(default=60, ge=1, le=2000)
    """How many files are asked for at most."""


class DynamicMedia(Check[DynamicMediaSettings]):
    kind = "dynamic_media"
    number = "D5"
    title = "Dynamic Media of this environment"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the Dynamic Media hosts and company of stage and production"
    codes = faults(
        **FAULTS,
        wrong_host="a page uses Dynamic Media of a host that is not this environment's",
        wrong_company="a page uses Dynamic Media of a company that is not this environment's",
        none_used="no page uses the Dynamic Media of this environment",
    )
    reads_recording = True
    settings_type = DynamicMediaSettings

    def others(self, visit: Visit) -> Mapping[str, str | None]:
        """The hosts of Dynamic Media that are not the site's own."""

        own = self.settings.stage if visit.target == "stage" else self.settings.production
        return {host: None for host in (own.hosts if own else ()) if not visit.allows(host)}

    def judge(self, visit: Visit) -> Steps[Judgement]:
        own = self.settings.stage if visit.target == "stage" else self.settings.production
        if own is None:
            return Judgement(examined=0, findings=(_missing(visit),))
        recording = visit.recorded
        other = self.settings.production if visit.target == "stage" else self.settings.stage
        found: dict[str, str] = {}
        findings = list[Finding]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, recording)
            for url in find_dynamic_media(page.final) if page.is_good else ():
                found.setdefault(url, path)
        wrong = {url: why for url in found if (why := _misplaced(url, own, other))}
        findings += [_misplaced_finding(url, found[url], why) for url, why in wrong.items()]
        fetched = yield from self._fetch([url for url in found if url not in wrong], own, visit)
        findings += [_fault(answer, found[answer.media.url]) for answer in fetched if _is_bad(answer)]
        findings += self._notes(len(found) - len(wrong), len(fetched), visit)
        return Judgement(examined=len(found), findings=shortened(findings, severity=self.weight))

    def _fetch(self, urls: list[str], own: DynamicMediaOf, visit: Visit) -> Steps[list[Fetched]]:
        from aem_checks.kinds.rendering._fetching import ask_for_each
        from aem_checks.kinds.rendering._media import Media, is_template

        kinds = {url: "video" if "/is/content/" in url else "image" for url in urls if not is_template(url)}
        wanted = [Media(url, kind, "", True, kind == "image") for url, kind in kinds.items()][
            : self.settings.most
        ]
        at_home = [media for media in wanted if visit.allows(media.url)]
        abroad = [media for media in wanted if not visit.allows(media.url) and is_among(media.url, own.hosts)]
        fetched = yield from ask_for_each(at_home, visit.allows, visit, "dynamic_media")
        there = partial(is_among, origins=own.hosts)
        return [*fetched, *(yield from ask_for_each(abroad, there, visit, "dynamic_media"))]

    def _notes(self, right: int, fetched: int, visit: Visit) -> Iterator[Finding]:
        if right > fetched:
            sentence = f"{count(right - fetched, 'URL')} of Dynamic Media beyond 'most' or with parts that a "
            yield _finding("left_out", sentence + "script fills in were not asked for.", Outcome.PASSED)
        if not right and not fetched and visit.recorded.good_pages:
            sentence = (
                f"{visit.recorded.base_url}: no page uses the Dynamic Media that the gate file names for "
            )
            sentence += (
                f"{visit.target}. To do: see whether images are missing, or name pages that show some."
            )
            yield _finding("none_used", sentence, Outcome.INCONCLUSIVE)


def find_dynamic_media(response: Response) -> Iterator[str]:
    """Absolute URLs of Dynamic Media in a page, each as often as it is written."""
    from aem_checks.addresses import absolute, base_of, candidates
    from aem_checks.markup import attributes_with

    base = base_of(response)
    for attribute in attributes_with(response.document, *_MARKS):
        if attribute.name in _SETS:
            written = list(candidates(attribute.value))
        elif attribute.value.lstrip().startswith(("http://", "https://", "/")):
            written = [attribute.value]
        else:
            written = _IN_TEXT.findall(attribute.value)
        for each in written:
            url = absolute(base, each)
            if any(mark in url for mark in _MARKS):
                yield url


def _misplaced(url: str, own: DynamicMediaOf, other: DynamicMediaOf | None) -> Fault | None:
    """Where host or company are not those of this environment."""
    host, company = host_of(url), _company(url)
    if not _is_host_of(host, own):
        whose = ", that of the other environment" if other and _is_host_of(host, other) else ""
        expected = " or ".join(host_of(each) for each in own.hosts)
        return Fault("wrong_host", f"the host {expected}", f"the host {quoted(host)}{whose}")
    if own.company and company and company != own.company:
        whose = ", that of the other environment" if other and company == other.company else ""
        actual = f"the company {quoted(company)}{whose}"
        return Fault("wrong_company", f"the company {quoted(own.company)}", actual)
    return None


def _is_host_of(host: str, media: DynamicMediaOf) -> bool:
    return any(host == host_of(each) for each in media.hosts)


def _company(url: str) -> str:
    found = _COMPANY.search(parts_of(url).path)
    return found.group(1) if found else ""


def _misplaced_finding(url: str, page: str, fault: Fault) -> Finding:
    return Finding(
        code=fault.code,
        subject=f"{page} {fault.actual}",
        sentence=f"{page} uses {quoted(url, 300)} with {fault.actual}; expected {fault.expected}. "
        "To do: compare the Dynamic Media configuration of stage and production.",
        expected=fault.expected,
        actual=fault.actual,
    )


def _is_bad(answer: Fetched) -> bool:
    return answer.refused is not None or answer.fault is not None


def _fault(answer: Fetched, page: str) -> Finding:
    if answer.refused is not None:
        return answer.refused
    assert answer.fault is not None
    url, fault = answer.media.url, answer.fault
    return Finding(
        code=fault.code,
        subject=parts_of(url).path,
        sentence=f"{quoted(url, 300)} on {page} gave {fault.actual} instead of {fault.expected}. "
        "To do: see whether the asset is published to Dynamic Media.",
        expected=fault.expected,
        actual=fault.actual,
        severity=fault.severity,
        evidence=answer.evidence,
    )


def _missing(visit: Visit) -> Finding:
    said = f"dynamic_media lacks the Dynamic Media of {visit.target}. To do: name it in the gate file."
    return _finding("not_configured", said, Outcome.INCONCLUSIVE)


def _finding(code: str, sentence: str, outcome: Outcome) -> Finding:
    return Finding(
        code=code,
        subject="dynamic media",
        sentence=sentence,
        outcome=outcome,
        cause=Cause.CHECK,
        severity=Severity.BLOCK if outcome is Outcome.INCONCLUSIVE else None,
    )
