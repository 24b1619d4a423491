"""M2: does a page that an author publishes arrive, change and go again, through dispatcher and CDN?

Creates a page below a real path of the site, so that the site's own filters, rewrites and caches are on the
way, publishes it, waits until stage shows it, changes and publishes it again, waits until the cached address
shows the change, takes it back, waits until it is gone, and deletes it.

It would have caught replication that a release broke in silence (Adobe KA-21668, KA-23465), and a page that
nobody could take off the site again. Adobe's own product test does this below a path that bypasses the site's
dispatcher rules. A site that asks its visitors to log in is refused: inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aem_checks.asks import Fresh, Get, Now, Pause, ask, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import above
from aem_checks.kinds.author import _author
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit


class PublishRoundTripSettings(CheckSettings):
    """Where the page is made, and how long each step may take."""

    parent: PagePath
    """Repository path of the page below which the test page is made, such as ``/content/wknd/us/en``."""
    path: PagePath
    """The same place as visitors write it, such as ``/us/en``: the page is looked for below it."""
    template: PagePath
    """Repository path of the template."""
    appears_within: Annotated[Duration, above(timedelta(minutes=100))] = timedelta(minutes=10)
    """Time from publishing to seeing it past all caches; Adobe's own test waits as long."""
    refreshes_within: Annotated[Duration, above(timedelta(minutes=60))] = timedelta(minutes=6)
    """Time from publishing again to seeing the change as a visitor: a little over the five minutes for which
    Adobe's CDN keeps HTML."""
    every: Duration = timedelta(seconds=10)
    """Time between two looks."""
    within: Duration = timedelta(minutes=40)
    """Time limit of the whole check."""


class PublishRoundTrip(Check[PublishRoundTripSettings]):
    """One page, there and back."""

    kind = "publish_round_trip"
    number = "M2"
    title = "What authors publish arrives, and goes again"
    after = "cloud_manager_tests"
    default_on = False
    needs = f"{_author.NEEDS}, and a place to publish in ('parent', 'path' and 'template')"
    codes = faults(
        **_author.CHANGING,
        does_not_appear="a page that was published does not appear in time",
        does_not_change="a page that was published again does not show its change in time",
        does_not_go="a page that was taken back does not go in time",
    )
    settings_type = PublishRoundTripSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        try:
            author = _author.Author(visit)
        except _author.AuthorRefused as refused:
            return _author.nothing(refused.finding)
        trip = _Trip(self.settings, visit, author, _author.stamp((yield from ask(Fresh()))))
        findings = []
        try:
            findings += [finding for finding in ((yield from trip.go()),) if finding is not None]
        finally:
            findings += yield from trip.clean_up()
        return Judgement(examined=trip.steps, findings=tuple(findings))


class _Wait(NamedTuple):
    """What is waited for, and the fault where it does not come in time."""

    code: str
    verb: str
    within: timedelta
    cached: bool
    """Whether it is asked for as a visitor does."""


class _Trip:
    """The steps in their order; ``steps`` counts those that were seen to the end."""

    def __init__(
        self, settings: PublishRoundTripSettings, visit: Visit, author: _author.Author, name: str
    ) -> None:
        self._settings, self._author = settings, author
        self._name = name
        self._page = f"{settings.parent}/{name}"
        self._url = visit.url(f"{settings.path.rstrip('/')}/{name}.html")
        self.steps = 0

    def go(self) -> Steps[Finding | None]:
        """The first thing that went wrong."""
        settings = self._settings
        first, second = (f"Stage Gate {word}" for word in (yield from ask_all([Fresh(), Fresh()])))
        try:
            yield from self._author.create_page(settings.parent, self._name, first, settings.template)
            yield from self._author.replicate(self._page, "Activate")
            appears = _Wait("does_not_appear", "appears", settings.appears_within, cached=False)
            if wrong := (yield from self._until(_shows(first), appears)):
                return wrong
            yield from ask(Get(self._url))
            yield from self._author.set_title(self._page, second)
            yield from self._author.replicate(self._page, "Activate")
            changes = _Wait("does_not_change", "changes", settings.refreshes_within, cached=True)
            if wrong := (yield from self._until(_shows(second), changes)):
                return wrong
            yield from self._author.replicate(self._page, "Deactivate")
            goes = _Wait("does_not_go", "goes", settings.appears_within, cached=False)
            return (yield from self._until(_is_gone, goes))
        except _author.AuthorRefused as refused:
            return refused.finding

    def clean_up(self) -> Steps[list[Finding]]:
        """Take the page back and delete it, whatever has become of it."""
        findings = []
        for act in (self._author.replicate(self._page, "Deactivate"), self._author.delete_page(self._page)):
            try:
                yield from act
            except _author.AuthorRefused as refused:
                findings = [refused.finding]
        return [each.model_copy(update={"severity": Severity.WARN}) for each in findings]

    def _until(self, fits: Callable[[Response], bool], wait: _Wait) -> Steps[Finding | None]:
        """Look at stage until the page is as it has to be; a finding when the time is over."""
        end = (yield from ask(Now())) + wait.within
        while True:
            answer = yield from ask(Get(self._url, tries=2, past_caches=not wait.cached))
            if fits(answer):
                self.steps += 1
                return None
            if (yield from ask(Now())) >= end:
                return unreached(answer, self._url) or self._too_late(wait, answer)
            yield from ask(Pause(self._settings.every.total_seconds()))

    def _too_late(self, wait: _Wait, answer: Response) -> Finding:
        way = "as a visitor asks" if wait.cached else "past all caches"
        said = describe(answer)
        todo = "see how long dispatcher and CDN keep the page" if wait.cached else "see distribution_queues"
        limit, below = format_duration(wait.within), self._settings.path
        return Finding(
            code=wait.code,
            subject=f"a page below {below} {wait.verb}",
            sentence=f"A page that was published below {below} does not show that it {wait.verb} within {limit}, asked "
            f"{way}; the last answer was {said}. To do: {todo}, then error log and distribution of author.",
            expected=f"the page {wait.verb} within {limit}",
            actual=said,
        )


def _shows(title: str) -> Callable[[Response], bool]:
    return lambda answer: answer.status == 200 and title in answer.text


def _is_gone(answer: Response) -> bool:
    return answer.status in {404, 410}
