"""What do all kinds of checks that open pages in a browser have in common?

A machine without Chromium does not stop a release by itself: these checks are of severity ``warn`` as a whole, and
what they find is as grave as the finding says. So without a Chromium such a check is inconclusive, the report says
how to get one, and the gate goes on; a team that wants it to stop then writes ``severity: block``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field

from aem_checks.browser.finding import REMEDY, NoChromium
from aem_checks.check import CheckSettings, SiteCheck
from aem_checks.durations import Duration
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import REFUSALS
from aem_checks.sites import PagePath
from aem_checks.text import count
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.browser import Browser
    from aem_checks.browser.open_page import OpenPage, Prepare, Viewport
    from aem_checks.visit import Visit


class BrowserSettings(CheckSettings):
    """Which pages are opened."""

    within: Duration = timedelta(minutes=30)
    """Time limit of the whole check, waiting for a free browser included; pages load at the site's own rate."""
    pages: tuple[PagePath, ...] = ()
    """Paths to open; by default the pages of the site. One per template is enough."""
    most_pages: int = Field(default=20, ge=1, le=500)
    """Pages at most, since each takes seconds; those beyond are named in the report."""


SettingsT = TypeVar("SettingsT", bound=BrowserSettings)


class BrowserCheck(SiteCheck[SettingsT]):
    """Opens pages in Chromium. ``severity`` is ``warn``; graver findings say so themselves."""

    severity = Severity.WARN
    alone: ClassVar[bool] = False
    """Whether no other browser may run on this machine meanwhile."""

    async def run(self, visit: Visit) -> Judgement:
        from aem_checks.browser.browser import open_browser

        try:
            async with open_browser(visit, alone=self.alone) as browser:
                return await self.judged(visit, browser)
        except NoChromium as error:
            return Judgement(examined=0, findings=(no_chromium(self.kind, error),))

    async def judged(self, visit: Visit, browser: Browser) -> Judgement:
        """What ``look`` says, and what was left out."""
        judgement = await self.look(visit, browser)
        return judgement.model_copy(
            update={"findings": (*judgement.findings, *self._left_out(visit), *_refused(browser))}
        )

    @abstractmethod
    async def look(self, visit: Visit, browser: Browser) -> Judgement:
        """Open the pages and say what is wrong."""

    def paths(self, visit: Visit) -> tuple[str, ...]:
        """The pages to open."""
        return (self.settings.pages or visit.pages)[: self.settings.most_pages]

    def pages_among(self, recorded: tuple[str, ...]) -> tuple[str, ...]:
        opened = (self.settings.pages or recorded)[: self.settings.most_pages]
        return tuple(path for path in opened if path in recorded)

    def _left_out(self, visit: Visit) -> tuple[Finding, ...]:
        rest = (self.settings.pages or visit.pages)[self.settings.most_pages :]
        if not rest:
            return ()
        sentence = (
            f"{self.kind} did not open {count(len(rest), 'page')}, since 'most_pages' is "
            f"{self.settings.most_pages}: {', '.join(rest[:10])}{' …' if len(rest) > 10 else ''}."
        )
        return (Finding(code="left_out", subject="most_pages", sentence=sentence, outcome=Outcome.PASSED),)


class NotOpened(Exception):
    """A page that can't be judged; ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


@asynccontextmanager
async def opened(
    visit: Visit,
    browser: Browser,
    path: str,
    viewport: Viewport,
    *,
    lost: Severity | None = None,
    warm: bool = False,
    prepare: Prepare | None = None,
) -> AsyncIterator[OpenPage]:
    """A page of the site, asked past all caches, once it is quiet. Raises ``NotOpened``.

    ``lost``: how grave it is when Chromium can't show the page, or loses it while it is looked at. ``warm`` and
    ``prepare``: see ``Browser.page``.
    """
    from aem_checks.browser.open_page import PageLost

    try:
        async with browser.page(uncached(visit.url(path)), viewport, warm=warm, prepare=prepare) as page:
            if page.status in REFUSALS or not 200 <= page.status < 300:
                raise NotOpened(_no_page(path, page.status))
            await page.quiet()
            yield page
    except PageLost as error:
        raise NotOpened(_lost(path, str(error), lost)) from error


def no_chromium(kind: str, error: NoChromium) -> Finding:
    """The inconclusive finding of a machine on which no browser starts."""
    remedy = "" if REMEDY in str(error) else f" To do: {REMEDY}."
    return Finding(
        code="no_browser",
        subject="chromium",
        sentence=f"{kind} opened no page: {error}.{remedy}",
        expected="a Chromium that starts",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def nothing_to_compare(kind: str) -> Finding:
    """The note of the first release."""
    return Finding(
        code="nothing_to_compare",
        subject="baseline",
        sentence=f"{kind} has nothing to compare with yet: no release was approved and verified before this one.",
        outcome=Outcome.PASSED,
    )


def _no_page(path: str, status: int) -> Finding:
    actual = f"status {status}" if status else "no answer"
    refused = status in REFUSALS or not status
    return Finding(
        code="no_answer" if refused else "not_judged",
        subject=path,
        sentence=f"{path} answers a browser with {actual}, so it can't be judged. To do: see key_pages.",
        expected="status 200",
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if refused else Cause.PRODUCT,
    )


def _lost(path: str, why: str, severity: Severity | None) -> Finding:
    return Finding(
        code="not_judged",
        subject=path,
        sentence=f"{path} could not be judged in Chromium: {why}. To do: open the page in a browser and see.",
        expected="a page that a browser can show",
        actual=why,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if "net::" in why else Cause.CHECK,
        severity=severity,
    )


def _refused(browser: Browser) -> tuple[Finding, ...]:
    """A note on hosts that pages wanted and the gate did not contact."""
    hosts = sorted(browser.refused)
    if not hosts:
        return ()
    shown = ", ".join(hosts[:10]) + (" …" if len(hosts) > 10 else "")
    sentence = (
        f"{count(len(hosts), 'host')} that pages load from are not among the site's own and were not contacted: "
        f"{shown}. To do: name those that belong to the site under 'allow_hosts'."
    )
    return (Finding(code="left_out", subject="allow_hosts", sentence=sentence, outcome=Outcome.PASSED),)
