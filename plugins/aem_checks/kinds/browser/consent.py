"""N2: does a page keep still until its visitor has agreed, and remember what was answered?

Each page is opened in Chromium as by somebody who was never there: no cookies, nothing stored. Before any choice it
must set no cookie and keep nothing but what is essential, and ask no host but the site's own and those that need no
consent. Where ``banner`` is named, it must be shown; after a click on ``choose`` it must be gone, also when the page is
opened again.

It would have caught trackers that a new tag or component starts before anybody agreed; AET compares the cookies of
AEM pages for that reason (wttech/aet, test of cookies).

It warns; where it is policy, ``severity: block``. What a page does after consent is not judged. Known false alarm:
rules by country, since the gate asks from where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import model_validator

from aem_checks.browser.asks import Banner, Cookies, Open, PageSeen, Value
from aem_checks.browser.check import BrowserCheck, BrowserSettings, Unjudged, each_page, judged
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS, expressions
from aem_checks.network_guard.rule import Rule
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.shortened import shortened
from aem_checks.sites import AllowedHost, Pattern
from aem_checks.text import plain, quoted
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_STORED = "[...Object.keys(localStorage).slice(0, 200), ...Object.keys(sessionStorage).slice(0, 200)]"
_ANY_NAME = expressions("_ga", "AMCV_1", "session-id", "x", whole=True)


class ConsentSettings(BrowserSettings):
    """What needs no consent, and how consent is asked for."""

    essential: Annotated[tuple[Pattern, ...], _ANY_NAME] = ("affinity",)
    """Expressions for whole names of cookies and stored values that need no consent; the default is the cookie with
    which Adobe's load balancer keeps a visitor on one node."""
    hosts: Annotated[tuple[AllowedHost, ...], PATTERNS] = ()
    """Hosts of others that may be asked without consent: fonts, images."""
    banner: str = ""
    """CSS selector of the banner that asks; empty where none is expected."""
    choose: str = ""
    """CSS selector of a button in the banner, best the one that refuses; empty to click none."""

    @model_validator(mode="after")
    def _chooses_in_a_banner(self) -> ConsentSettings:
        if self.choose and not self.banner:
            raise ValueError("'choose' is a button in the banner; name the banner too")
        return self


class Consent(BrowserCheck[ConsentSettings]):
    """Opens each page as a new visitor and looks at what it keeps and asks for."""

    kind = "consent"
    number = "N2"
    title = "Nothing before consent"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the names of the cookies and hosts that need no consent, and how the banner is found"
    codes = faults(
        cookie="a page sets a cookie before its visitor has agreed",
        stored_value="a page keeps a value before its visitor has agreed",
        host="a page asks another host before its visitor has agreed",
        no_banner="a page does not ask for consent",
        forgets="a page forgets what was answered",
        not_clicked="the banner could not be clicked",
    )
    settings_type = ConsentSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        told = self.settings
        banner = (Banner(told.banner, told.choose),) if told.banner else ()
        looks = (Cookies(), Value(_STORED), *banner)
        looked = yield from each_page(
            [Open(path, looks=looks) for path in self.paths(visit)],
            lambda asked, seen: list(self._found(visit, asked.path, seen)),
        )
        findings = (
            finding for each in looked for finding in (each.findings if isinstance(each, Unjudged) else each)
        )
        once = {each.subject: each for each in findings}
        return Judgement(
            examined=len(judged(looked)), findings=shortened(once.values(), severity=self.weight)
        )

    def _found(self, visit: Visit, path: str, seen: PageSeen) -> Iterator[Finding]:
        cookies, stored, *banner = seen.looks
        yield from self._kept("cookie", path, "cookie", set(cookies))
        yield from self._kept("stored_value", path, "stored value", _names(stored))
        yield from self._asked(visit, path, seen)
        for answer in banner:
            yield from self._banner(path, answer)

    def _kept(self, code: str, path: str, what: str, names: set[str]) -> Iterator[Finding]:
        for name in sorted(names):
            if not any(re.fullmatch(pattern, name) for pattern in self.settings.essential):
                yield Finding(
                    code=code,
                    subject=f"{what} {plain(name, 80)}",
                    sentence=(
                        f"{path} keeps the {what} {quoted(name)} before its visitor has agreed. "
                        "To do: let it wait for consent, or name it under 'essential'."
                    ),
                    expected=f"no {what} but essential ones",
                    actual=name[:120],
                )

    def _asked(self, visit: Visit, path: str, seen: PageSeen) -> Iterator[Finding]:
        """Hosts of others; that the gate does not contact them changes nothing in that the page tried."""
        allowed = Rule.of([f"https://{host}" for host in visit.site.hosts], self.settings.hosts)
        for url in dict.fromkeys(each.url for each in seen.traffic().requests):
            host = host_of(url)
            if host and host not in visit.site.hosts and not allowed.allows_url(url):
                yield Finding(
                    code="host",
                    subject=f"host {host}",
                    sentence=(
                        f"{path} asks {host} before its visitor has agreed: {quoted(url)}. "
                        "To do: let it wait for consent, or name the host under 'hosts'."
                    ),
                    expected="no other host but those that need no consent",
                    actual=host,
                )

    def _banner(self, path: str, answer: dict[str, Any]) -> Iterator[Finding]:
        told = self.settings
        if answer["said"]:
            yield _unasked(path, told.choose or told.banner, answer["said"])
        elif not answer["shown"]:
            yield _of_banner(
                "no_banner", path, "does not ask for consent", f"no {quoted(told.banner)} is shown"
            )
        elif answer["again"]:
            yield _of_banner("forgets", path, "forgets what was answered", "the banner is shown again")


def _names(answer: Any) -> set[str]:
    """What a page said that it keeps."""
    return {str(name)[:200] for name in answer} if isinstance(answer, list) else set()


def _of_banner(code: str, path: str, what: str, actual: str) -> Finding:
    return Finding(
        code=code,
        subject=f"{path} banner",
        sentence=f"{path} {what}: {actual}. To do: check the consent tool on this page.",
        expected="a banner that asks once",
        actual=actual,
    )


def _unasked(path: str, selector: str, said: str) -> Finding:
    return Finding(
        code="not_clicked",
        subject=f"{path} banner",
        sentence=f"{path}: {quoted(selector)} could not be clicked: {said}. To do: correct 'banner' and 'choose'.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
