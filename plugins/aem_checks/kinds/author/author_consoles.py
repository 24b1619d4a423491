"""L1: do author's consoles and its page editor open, with all that they load from author?

Opens each console and one page in the editor as the technical account and asks for every style sheet and
script that they name on author's own host. It runs no script, so an editor that breaks in the browser is seen
only by a suite.

It would have caught authors who could not log in after a release (Adobe KA-21623), and an editor that did not
open because the site's own components broke its clientlibs (aem-core-wcm-components issue 1001).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Get, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import without
from aem_checks.kinds.author import _author
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import describe, unreached
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath
from aem_checks.text import count, quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_CONSOLES = ("/sites.html", "/assets.html", "/projects.html")
MOST_RESOURCES = 300
"""Style sheets and scripts of author that are asked for; more are counted in a note."""


class AuthorConsolesSettings(CheckSettings):
    """Which pages of author open for the technical account."""

    consoles: Annotated[tuple[PagePath, ...], without(*_CONSOLES)] = Field(default=_CONSOLES, min_length=1)
    """Paths on author that answer with an HTML page."""
    page: PagePath | None = None
    """Repository path of a page that is opened in the editor, such as ``/content/wknd/us/en``."""


class AuthorConsoles(Check[AuthorConsolesSettings]):
    """Opens consoles and editor, then what they load."""

    kind = "author_consoles"
    number = "L1"
    title = "Author's consoles and editor open"
    default_on = False
    needs = _author.NEEDS
    codes = faults(
        **_author.ASKING,
        console="a console or the editor does not open",
        resource="what author's pages load does not answer",
    )
    settings_type = AuthorConsolesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        try:
            author = _author.Author(visit)
            opened = []
            for path in self._paths:
                opened.append((path, (yield from author.open(path))))
        except _author.AuthorRefused as refused:
            return _author.nothing(refused.finding)
        findings = [finding for path, answer in opened if (finding := _console(path, answer))]
        resources = list(
            dict.fromkeys(url for _, answer in opened for url in _resources(answer, visit, author))
        )
        for url in resources[:MOST_RESOURCES]:
            findings += _broken(url, (yield from ask(Get(url, tries=3))))
        if len(resources) > MOST_RESOURCES:
            findings.append(_left_out(len(resources) - MOST_RESOURCES))
        return Judgement(examined=len(opened), findings=shortened(findings, severity=self.weight))

    @property
    def _paths(self) -> list[str]:
        editor = [f"/editor.html{self.settings.page}.html"] if self.settings.page else []
        return [*self.settings.consoles, *editor]


def _console(path: str, answer: Response) -> Finding | None:
    if answer.status == 200 and answer.is_html and answer.body:
        return None
    return _author.unexpected(
        "console",
        f"author {path}",
        "an HTML page with status 200",
        answer,
        todo="open it in a browser and see author's error log",
    )


def _resources(answer: Response, visit: Visit, author: _author.Author) -> Iterator[str]:
    from aem_checks.recording import find_references

    for reference in find_references(answer, author.hosts, visit.allows):
        if reference.on_site:
            yield reference.url


def _broken(url: str, answer: Response) -> Iterator[Finding]:
    path = plain_url(url)
    if (missing := unreached(answer, path)) is not None:
        yield missing.model_copy(update={"severity": Severity.WARN})
    elif not answer.ok:
        yield Finding(
            code="resource",
            subject=path,
            sentence=f"{quoted(path, 200)}, which author's pages load, answers with {describe(answer)}; expected "
            "status 200. To do: see whether its client library is in the release.",
            expected="status 200",
            actual=describe(answer),
            severity=Severity.WARN,
        )


def _left_out(number: int) -> Finding:
    from aem_checks.outcomes import Outcome

    sentence = f"{count(number, 'further resource')} of author's pages were not asked for."
    return Finding(code="left_out", subject="author", sentence=sentence, outcome=Outcome.PASSED)
