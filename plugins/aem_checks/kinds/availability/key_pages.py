"""A2: do the site's key pages answer as pages: status, type, size, host, no log-in in between?

Judged on the recording: each page is asked past all caches, up to three times, redirects within the site
followed. It would have caught a site that was down as a whole behind an allow list, with status 405 for
everybody (Adobe KA-20824), and single pages that answered 503 since dispatcher or publish failed on their paths
(KA-20878).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field

from aem_checks.check import CheckSettings, PageCheck
from aem_checks.outcomes import Finding, Judgement
from aem_checks.reach import unreached
from aem_checks.text import quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from aem_checks.recording import Page, Recording
    from aem_checks.response import Response

_TYPES = {
    "json": ("application/json",),
    "xml": ("application/xml", "text/xml"),
    "txt": ("text/plain",),
    "css": ("text/css",),
    "js": ("application/javascript", "text/javascript"),
}
_HTML = ("text/html", "application/xhtml+xml")
_LOGIN = re.compile(
    r"/libs/granite/core/content/login|/libs/cq/core/content/login|/system/sling/login|j_security_check"
    r"|/saml_login|//ims-na1[^/]*\.adobelogin\.com|//login\.microsoftonline\.com|//[^/]*\.okta\.com",
    re.IGNORECASE,
)


class KeyPagesSettings(CheckSettings):
    min_bytes: int = Field(default=500, ge=1)
    """Bytes that an HTML page has at least, decompressed; other answers must not be empty."""


class KeyPages(PageCheck[KeyPagesSettings]):
    kind = "key_pages"
    number = "A2"
    title = "Key pages answer"
    targets = frozenset({"stage", "production"})
    settings_type = KeyPagesSettings

    def judge(self, recording: Recording) -> Judgement:
        findings = (self._look_at(page, recording) for page in recording.pages)
        return Judgement(
            examined=len(recording.pages),
            findings=tuple(finding for finding in findings if finding is not None),
        )

    def _look_at(self, page: Page, recording: Recording) -> Finding | None:
        final = page.final
        evidence = recording.evidence(final)
        missing = unreached(final, page.url, evidence=evidence)
        if missing is not None:
            return missing
        for expected, actual in (
            _login(page),
            _lost_redirect(final, recording),
            _status(final),
            _content_type(final, page.path),
            self._size(final),
        ):
            if expected:
                return Finding(
                    subject=page.url,
                    sentence=f"{page.url} {actual}; expected {expected}{_on_the_way(page)}.",
                    expected=expected,
                    actual=actual,
                    evidence=evidence,
                )
        return None

    def _size(self, final: Response) -> tuple[str, str]:
        least = self.settings.min_bytes if final.is_html else 1
        if len(final.body) >= least:
            return "", ""
        return f"at least {least} bytes", f"has only {len(final.body)} bytes"


def _login(page: Page) -> tuple[str, str]:
    for hop in page.hops:
        if hop.location is not None and _LOGIN.search(hop.location):
            return "the page without a log-in", f"is redirected to a log-in at {quoted(hop.location)}"
    return "", ""


def _lost_redirect(final: Response, recording: Recording) -> tuple[str, str]:
    target = final.location
    if target is None:
        return "", ""
    try:
        host = urlsplit(target).netloc
    except ValueError:
        host = ""
    if host not in recording.hosts:
        return f"a page on {', '.join(sorted(recording.hosts))}", f"is redirected to {quoted(target)}"
    return "a page at the end of its redirects", f"is redirected without end, at last to {quoted(target)}"


def _status(final: Response) -> tuple[str, str]:
    if 200 <= final.status < 300:
        return "", ""
    return "status 200", f"answers with status {final.status}"


def _content_type(final: Response, path: str) -> tuple[str, str]:
    name = path.partition("?")[0].rpartition("/")[2]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    allowed = _TYPES.get(extension, _HTML)
    if final.content_type in allowed or (extension == "json" and final.is_json):
        return "", ""
    return f"content type {' or '.join(allowed)}", f"has content type {quoted(final.content_type or 'none')}"


def _on_the_way(page: Page) -> str:
    if len(page.hops) == 1:
        return ""
    return f" (after {len(page.hops) - 1} redirects, at {quoted(plain_url(page.final.url))})"
