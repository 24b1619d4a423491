"""A2: do the site's key pages answer as pages: status, type, size, host, no log-in in between or in its place?

Judged on the recording: each page is asked past all caches, up to three times, redirects within the site
followed. It would have caught a site that was down as a whole behind an allow list, with status 405 for
everybody (Adobe KA-20824), and single pages that answered 503 since dispatcher or publish failed on their paths
(KA-20878).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import below
from aem_checks.outcomes import Finding, Judgement
from aem_checks.reach import asks_to_wait, is_login, unreached
from aem_checks.text import quoted
from aem_checks.urls import parts_of, plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.recording import Page, Recording
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_TYPES = {
    "json": ("application/json",),
    "xml": ("application/xml", "text/xml"),
    "txt": ("text/plain",),
    "css": ("text/css",),
    "js": ("application/javascript", "text/javascript"),
}
_LOGIN_FORMS = (
    'input[name="SAMLRequest"]',
    'form[action*="/libs/granite/core/content/login"]',
    'form[action*="/libs/cq/core/content/login"]',
)
"""What no page has that is none: the way to an identity provider, AEM's own sign-in. A form for members is no sign."""
_LOGIN_TRACES = (b"SAMLRequest", b"/core/content/login")
_HTML = ("text/html", "application/xhtml+xml")


class KeyPagesSettings(CheckSettings):
    min_bytes: Annotated[int, below(50)] = Field(default=500, ge=1)
    """Bytes that an HTML page has at least, decompressed; other answers must not be empty."""


class Fault(NamedTuple):
    """What is wrong with a page."""

    code: str
    expected: str
    actual: str


class KeyPages(Check[KeyPagesSettings]):
    kind = "key_pages"
    number = "A2"
    title = "Key pages answer"
    targets = frozenset({"stage", "production"})
    codes = faults(
        login="a page is redirected to a log-in, or is one",
        leaves_site="a page is redirected to a host that is not the site's",
        endless_redirect="a page is redirected again and again",
        status="a page answers with an error status",
        content_type="a page has the wrong content type",
        too_small="a page is empty, or too small to be one",
    )
    reads_recording = True
    settings_type = KeyPagesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording, findings = visit.recorded, list[Finding]()
        for path in visit.pages:
            found = self._look_at((yield from ask(Read(path))), recording)
            findings += [found] if found is not None else []
        return Judgement(examined=len(recording.pages), findings=tuple(findings))

    def _look_at(self, page: Page, recording: Recording) -> Finding | None:
        final = page.final
        evidence = recording.evidence(final)
        missing = unreached(final, page.url, evidence=evidence)
        if missing is not None:
            return missing
        fault = (
            _login(page)
            or _lost_redirect(final, recording)
            or _status(final)
            or _content_type(final, page.path)
            or self._size(final)
        )
        if fault is None:
            return None
        return Finding(
            code=fault.code,
            subject=page.url,
            sentence=f"{page.url} {fault.actual}; expected {fault.expected}{_on_the_way(page)}.",
            expected=fault.expected,
            actual=fault.actual,
            evidence=evidence,
        )

    def _size(self, final: Response) -> Fault | None:
        least = self.settings.min_bytes if final.is_html else 1
        if final.size >= least:
            return None
        return Fault("too_small", f"at least {least} bytes", f"has only {final.size} bytes")


def _login(page: Page) -> Fault | None:
    for hop in page.hops:
        if hop.location is not None and is_login(hop.location):
            said = f"is redirected to a log-in at {quoted(hop.location)}"
            return Fault("login", "the page without a log-in", said)
    return (
        Fault("login", "the page without a log-in", "shows a log-in in its place")
        if _is_login(page.final)
        else None
    )


def _is_login(final: Response) -> bool:
    if not (final.is_html and any(trace in final.in_utf8 for trace in _LOGIN_TRACES)):
        return False
    return any(final.document.css_first(form) is not None for form in _LOGIN_FORMS)


def _lost_redirect(final: Response, recording: Recording) -> Fault | None:
    target = final.location
    if target is None:
        return None
    if parts_of(target).netloc not in recording.hosts:
        expected = f"a page on {', '.join(sorted(recording.hosts))}"
        return Fault("leaves_site", expected, f"is redirected to {quoted(target)}")
    said = f"is redirected without end, at last to {quoted(target)}"
    return Fault("endless_redirect", "a page at the end of its redirects", said)


def _status(final: Response) -> Fault | None:
    if 200 <= final.status < 300:
        return None
    return Fault("status", "status 200", f"answers with status {final.status}{asks_to_wait(final)}")


def _content_type(final: Response, path: str) -> Fault | None:
    name = path.partition("?")[0].rpartition("/")[2]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    allowed = _TYPES.get(extension, _HTML)
    if final.content_type in allowed or (extension == "json" and final.is_json):
        return None
    said = f"has content type {quoted(final.content_type or 'none')}"
    return Fault("content_type", f"content type {' or '.join(allowed)}", said)


def _on_the_way(page: Page) -> str:
    if len(page.hops) == 1:
        return ""
    return f" (after {len(page.hops) - 1} redirects, at {quoted(plain_url(page.final.url))})"
