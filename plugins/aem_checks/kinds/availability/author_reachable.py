"""A5: does the author service of stage answer, and may the gate's account work there?

It opens the login page, which everybody may see, and where the gate file names an access for author, what only a
signed-in user sees: the token against forged requests and the top of the content. It would have caught stages on
which a technical account was in no group, so that author answered 403 to everything (Adobe KA-27438).

Where people sign in through a provider of their own only, the login page leads there; that is fine and is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from aem_checks.asks import Get, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import switch, without
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath
from aem_checks.text import quoted
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

LOGIN = "/libs/granite/core/content/login.html"
_PATHS = ("/libs/granite/csrf/token.json", "/content.1.json")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,200})", re.IGNORECASE)


class AuthorReachableSettings(CheckSettings):
    title: Annotated[str, switch("", everything=True)] = "AEM Sign In"
    """What the title of the login page contains; that of AEM as a Cloud Service unless it was translated."""
    paths: Annotated[tuple[PagePath, ...], without(*_PATHS)] = _PATHS
    """Paths that answer 200 to the gate's account; without an access of author they are not asked."""


class AuthorReachable(Check[AuthorReachableSettings]):
    kind = "author_reachable"
    number = "A5"
    title = "Author answers, and lets the gate in"
    severity = Severity.WARN
    default_on = False
    needs = "the author service of stage (`author:` of the site), with an access to it for what needs a login"
    codes = faults(
        login_status="the login page does not answer 200",
        login_title="the login page has another title than AEM's",
        login_elsewhere="a note: people sign in at another host",
        not_signed_in="a note: only the login page was asked, for want of an access",
        credentials="author does not accept the gate's credentials",
        permission="the gate's account may not read what it should",
        status="a page that needs a login does not answer 200",
    )
    settings_type = AuthorReachableSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        author = visit.site.author
        if author is None:
            return Judgement(examined=0, findings=(_no_author(visit),))
        login = yield from ask(Get(author.url + LOGIN, tries=3))
        findings = list(self._login(login))
        answered = 0 if unreached(login, LOGIN) else 1
        if author.access is None:
            findings.append(_not_signed_in())
        for path in self.settings.paths if author.access else ():
            response = yield from ask(Get(author.url + path, tries=3))
            answered += response.answered and response.error is None and response.status != 405
            findings += _signed_in(path, response)
        return Judgement(examined=answered, findings=tuple(findings))

    def _login(self, response: Response) -> Iterator[Finding]:
        if (missing := unreached(response, LOGIN)) is not None:
            yield missing
        elif response.location is not None and host_of(response.location) != host_of(response.url):
            note = f"The login page of author leads to {quoted(response.location)}: people sign in elsewhere."
            yield Finding(code="login_elsewhere", subject=LOGIN, sentence=note, outcome=Outcome.PASSED)
        elif not response.ok:
            remedy = "see the author's error log"
            yield _finding("login_status", LOGIN, "status 200", describe(response), remedy)
        else:
            found = _TITLE.search(response.text)
            title = found.group(1).strip() if found else ""
            if self.settings.title not in title:
                actual = f"the title {quoted(title)}"
                remedy = "see what answers instead of AEM, or set 'title:' to the title of your login page"
                expected = f"the title {quoted(self.settings.title)}"
                yield _finding("login_title", LOGIN, expected, actual, remedy)


def _signed_in(path: str, response: Response) -> Iterator[Finding]:
    """What an account gets to see. A refusal here is about the account, and so is no mere missing answer."""
    if response.status == 401 and response.error is None:
        remedy = "renew the service credentials or token behind 'access:' of author"
        actual = "status 401: the credentials are not valid"
        yield _finding("credentials", path, "status 200", actual, remedy)
    elif response.status == 403 and response.error is None:
        remedy = (
            "let the technical account into a group that may read (Adobe KA-27438), and see the allow list"
        )
        actual = "status 403: the account may not read it"
        yield _finding("permission", path, "status 200", actual, remedy)
    elif (missing := unreached(response, path)) is not None:
        yield missing
    elif not response.ok:
        remedy = "open it with the same account"
        yield _finding("status", path, "status 200", describe(response), remedy)


def _finding(code: str, path: str, expected: str, actual: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        subject=path,
        sentence=f"Author answers {path} with {actual}; expected {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
    )


def _no_author(visit: Visit) -> Finding:
    return Finding(
        code="not_configured",
        subject="author",
        sentence=f"The site {visit.site.name} names no author service, so nothing was asked. "
        "To do: add 'author:' to the site in the gate file, or remove author_reachable.",
        expected="an address of author",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _not_signed_in() -> Finding:
    note = "Only the login page of author was asked, since 'author:' of the site names no access."
    return Finding(code="not_signed_in", subject="account", sentence=note, outcome=Outcome.PASSED)
