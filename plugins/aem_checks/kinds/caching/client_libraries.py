"""C3: does every style sheet and script that the pages name on the site's own hosts arrive and work?

A page without them looks unstyled to visitors while its HTML is perfect (Adobe KA-19473, KA-23070). They are
asked as a visitor's browser asks, through the cache; nothing on other hosts is fetched. It would have caught a
site whose style sheets were filtered away below ``/etc.clientlibs`` (Adobe-Marketing-Cloud/aem-sample-we-retail
issue 138), and the two named above.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged, unreached
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, is_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aem_checks.asks import Steps
    from aem_checks.recording import Recording, Reference
    from aem_checks.response import Response
    from aem_checks.visit import Visit

EMPTY_LIBRARY = "d41d8cd98f00b204e9800998ecf8427e"
"""The hash of nothing: the legal hash of a library without content."""
_HASH = re.compile(r"\.lc-([^./]{0,100})-lc\.")
_LEGAL_HASH = re.compile(r"[0-9a-f]{32}")
_TYPES = {
    "style": frozenset({"text/css"}),
    "script": frozenset(
        {"application/javascript", "text/javascript", "application/x-javascript", "application/ecmascript"}
    ),
}
_NOUN = {"style": "style sheet", "script": "script"}


class ClientLibraries(Check[CheckSettings]):
    kind = "client_libraries"
    number = "C3"
    title = "Client libraries arrive"
    targets = frozenset({"stage", "production"})
    codes = faults(
        address="a style sheet or script is named by what is no address",
        status="a style sheet or script answers with an error status",
        content_type="a style sheet or script has the wrong content type",
        empty="a style sheet or script is empty",
        no_hash="a client library has no hash in its name",
        illegal_hash="the hash in a client library's name is none",
        none_named="no page names a style sheet or script of the site",
    )
    reads_recording = True

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording = visit.recorded
        users, findings = _users(recording), list[Finding]()
        for path in visit.pages:
            findings += unjudged((yield from ask(Read(path))), recording)
        for reference, pages in users.items():
            response = recording.resources.get(reference.url)
            if response is not None:
                findings += _look_at(reference, response, pages, recording)
        findings += [*_unreadable(recording), *_notes(recording)]
        return Judgement(examined=len(recording.resources), findings=tuple(findings))


def _users(recording: Recording) -> dict[Reference, list[str]]:
    """The pages that name each reference on the site."""
    users: dict[Reference, list[str]] = {}
    for page in recording.pages:
        for reference in page.references:
            if reference.on_site:
                users.setdefault(reference, []).append(page.path)
    return users


def _look_at(
    reference: Reference, response: Response, pages: list[str], recording: Recording
) -> Iterator[Finding]:
    evidence = recording.evidence(response)
    refused = None if response.status == 403 else unreached(response, reference.url, evidence=evidence)
    if refused is not None:
        yield refused.model_copy(update={"about": tuple(pages)})
        return
    used_by = f"used by {', '.join(pages[:3])}" + (f" and {len(pages) - 3} more" if len(pages) > 3 else "")
    if (fault := _answer(reference, response) or _hash(reference)) is not None:
        yield Finding(
            code=fault.code,
            subject=reference.url,
            sentence=f"{reference.url}, a {_NOUN[reference.kind]} {used_by}, {fault.actual}; expected "
            f"{fault.expected}. "
            "To do: see whether the build made it, and whether the dispatcher lets /etc.clientlibs pass.",
            expected=fault.expected,
            actual=fault.actual,
            severity=fault.severity,
            evidence=evidence,
            about=tuple(pages),
        )


class Fault(NamedTuple):
    """What is wrong with a style sheet or script."""

    code: str
    expected: str
    actual: str
    severity: Severity | None = None


def _answer(reference: Reference, response: Response) -> Fault | None:
    if not 200 <= response.status < 300:
        to = f" to {quoted(response.location)}" if response.location else ""
        return Fault("status", "status 200", f"answers with status {response.status}{to}")
    if response.content_type not in _TYPES[reference.kind]:
        allowed = " or ".join(sorted(_TYPES[reference.kind]))
        actual = f"has content type {quoted(response.content_type or 'none')}"
        return Fault("content_type", f"content type {allowed}", actual)
    if not response.body.strip() and f".lc-{EMPTY_LIBRARY}-lc." not in reference.url:
        actual = f"has {count(response.size, 'byte')} of content, all blank"
        return Fault("empty", "some content", actual)
    return None


def _hash(reference: Reference) -> Fault | None:
    """The hash in a client library's name: 32 hexadecimal digits, by which caches keep it for a month."""
    if "/etc.clientlibs/" not in reference.url:
        return None
    found = _HASH.search(reference.url)
    if found is None:
        expected, actual = (
            "a hash such as .lc-...-lc. in the name",
            "has no hash, so caches may serve an old one",
        )
        return Fault("no_hash", expected, actual, Severity.WARN)
    if not _LEGAL_HASH.fullmatch(found.group(1)):
        actual = f"has the illegal hash {quoted(found.group(1))}"
        return Fault("illegal_hash", "a hash of 32 hexadecimal digits", actual)
    return None


def _unreadable(recording: Recording) -> Iterator[Finding]:
    """References that no browser can follow."""
    named = {(r.url, r.kind): page.path for page in reversed(recording.pages) for r in page.references}
    for (url, kind), page in sorted(named.items()):
        if fault := fault_of(url):
            yield Finding(
                code="address",
                subject=url,
                sentence=f"{page} names a {_NOUN[kind]} by {quoted(url, 300)}, which {fault}; expected an address. To do: "
                "see what writes it.",
                expected="an address",
                actual=url,
            )


def _notes(recording: Recording) -> Iterator[Finding]:
    elsewhere = sorted(
        {r.url for page in recording.pages for r in page.references if not r.on_site and is_address(r.url)}
    )
    if elsewhere:
        yield Finding(
            code="left_out",
            subject=recording.base_url,
            sentence=f"{count(len(elsewhere), 'style sheet or script', 'style sheets and scripts')} on other "
            f"hosts were not fetched, the first is {quoted(elsewhere[0])}.",
            outcome=Outcome.PASSED,
        )
    if recording.left_out or (recording.good_pages and not recording.resources):
        yield _nothing_or_too_much(recording)


def _nothing_or_too_much(recording: Recording) -> Finding:
    if recording.left_out:
        left = count(len(recording.left_out), "style sheet or script", "style sheets and scripts")
        sentence = f"{recording.base_url}: {left} beyond the limit of a recording were not fetched. "
        sentence += "To do: name fewer pages per site."
    else:
        sentence = f"{recording.base_url}: no page names a style sheet or script on the site's own hosts. "
        sentence += (
            "To do: see whether the pages are unstyled; if all are elsewhere, set client_libraries: false."
        )
    return Finding(
        code="left_out" if recording.left_out else "none_named",
        subject=recording.base_url,
        sentence=sentence,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
