"""Did the site answer, or did something between here and the site refuse us?

A refusal of the gate's own address says nothing about what visitors see. It is never a failure of the
release; it is inconclusive until somebody lets the gate in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.nesting import DEEPEST
from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.response import Response
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.recording import Page, Recording

REFUSALS = frozenset({401, 403, 405, 406, 407, 429})
"""How an AEM CDN, its allow lists and its firewall refuse a client. 405 for a plain GET is the sign of an IP
allow list (Adobe KA-20824, experience-cloud-kcs)."""
_REMEDIES = {
    401: "give the site an 'access:' connection with the right login, edge key or bearer token",
    403: "let the address of the Airflow workers through the allow list or firewall, or set 'access:'",
    405: "an IP allow list refuses this address; add the Airflow workers' address to it in Cloud Manager",
    406: "a firewall rule refuses this client: let the address or the User-Agent of the gate through",
    407: "a proxy on the way wants a login: correct HTTPS_PROXY of the Airflow workers",
    429: "the CDN's rate rule was hit: lower requests_per_second of the site or exempt the gate's address",
}


_LOGIN = re.compile(
    r"/libs/granite/core/content/login|/libs/cq/core/content/login|/system/sling/login|j_security_check"
    r"|/saml_login|[?&]SAMLRequest=|//ims-na1[^/]*\.adobelogin\.com|//login\.microsoftonline\.com|//[^/]*\.okta\.com"
    r"|//(?:log-?in|sso|idp|auth|accounts)\.",
    re.IGNORECASE,
)


def is_login(url: str) -> bool:
    """Whether it is the address of a log-in: of AEM itself, or of a provider that is usual before it."""
    return _LOGIN.search(url) is not None


def asks_to_wait(response: Response) -> str:
    """That an answer asks to wait longer than there was time for, as the end of a sentence; empty where it does not."""
    return f", and asks to wait {response.retry_after:.0f} s (Retry-After)" if response.retry_after else ""


def is_unreached(response: Response) -> bool:
    """No whole answer came, or one that refuses the client rather than describes the page."""
    return not response.answered or response.error is not None or response.status in REFUSALS


def unreached(response: Response, subject: str, *, evidence: str = "") -> Finding | None:
    """The inconclusive finding of cause network for an answer that is none; ``None`` for a real answer."""
    if not is_unreached(response):
        return None
    how = f"could not be reached after {response.elapsed:.1f} s"
    if response.status in REFUSALS and response.error is None:
        how = "refuses this gate"
        actual = f"status {response.status} for a plain {response.method}{asks_to_wait(response)}"
        remedy = _REMEDIES[response.status]
    elif _undecodable(response):
        actual = f"status {response.status}, then {response.error}"
        remedy = "compare with curl --compressed; the network or the CDN may have damaged the answer"
    else:
        actual = f"no answer: {response.error}"
        remedy = "check name resolution, proxy and firewall of the machine that asked"
    return Finding(
        code="no_answer",
        subject=subject,
        sentence=f"{subject} {how}: {actual}. To do: {remedy}.",
        expected="an answer of the site",
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK,
        evidence=evidence,
    )


def unjudged(page: Page, recording: Recording) -> Iterator[Finding]:
    """The inconclusive finding for a page that is no good answer, so that nothing in it can be judged, if there is one.

    That it is no good answer is itself judged by ``key_pages``.
    """
    if (finding := _unjudged(page, recording)) is not None:
        yield finding


def _unjudged(page: Page, recording: Recording) -> Finding | None:
    final = page.final
    if final.ok and not (final.is_html and final.is_too_deep):
        return None
    evidence = recording.evidence(final)
    if final.ok:
        return _too_deep(page.url, evidence)
    if (missing := unreached(final, page.url, evidence=evidence)) is not None:
        return missing
    actual = describe(final)
    return Finding(
        code="not_judged",
        subject=page.url,
        sentence=f"{page.url} answers with {actual}, so its content cannot be judged. To do: see key_pages.",
        expected="status 200",
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
        evidence=evidence,
    )


def _too_deep(url: str, evidence: str) -> Finding:
    return Finding(
        code="too_deep",
        subject=url,
        sentence=f"{url} has more than {DEEPEST} elements inside of each other, so only its beginning was judged. To do: "
        "see which component opens elements and does not close them.",
        expected=f"at most {DEEPEST} elements inside of each other",
        actual="more",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
        evidence=evidence,
    )


def _undecodable(response: Response) -> bool:
    return response.answered and response.error is not None


def describe(response: Response) -> str:
    """A few words on an answer: ``status 503, text/html, 1204 bytes``."""
    if not response.answered:
        return f"no answer ({response.error})"
    words = [f"status {response.status}{asks_to_wait(response)}"]
    if (target := response.location) is not None:
        words.append(f"to {quoted(target)}")
    elif response.content_type:
        words.append(f"{quoted(response.content_type)[1:-1]}, {response.size} bytes")
    return ", ".join(words)
