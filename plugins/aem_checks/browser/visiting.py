"""How does one visit of a page answer all who asked for it? What only reads comes first, and what clicks last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aem_checks.browser.asks import Handwriting, Open, PageSeen, Reason, Unopened, traffic_of
from aem_checks.browser.open_page import PageLost
from aem_checks.text import plain
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.blob import Blob, Spill
    from aem_checks.browser.browser import Browser
    from aem_checks.browser.looks import Looking
    from aem_checks.browser.open_page import OpenPage
    from aem_checks.browser.seat import Wish
    from aem_checks.means import Means


async def write(browser: Browser, group: Sequence[Wish]) -> None:
    """Tell them how this machine draws letters."""
    from aem_checks.browser.pictures import handwriting

    for wish in group:
        assert isinstance(wish.question, Handwriting)
        try:
            wish.fulfil(await handwriting(browser, wish.question.viewport))
        except PageLost as error:
            wish.fulfil(Unopened(Reason.LOST, str(error)))


class PageVisit:
    """One visit of one page."""

    def __init__(self, browser: Browser, group: Sequence[Wish], spill: Spill) -> None:
        self._browser, self._spill = browser, spill
        self._wishes = sorted(group, key=_disturbs)
        self._asked = _question(group[0])

    async def show(self) -> None:
        """Answer them all."""
        from aem_checks.browser.looks import slow_down

        wishes, means = self._wishes, self._wishes[0].means
        self._browser.refused.clear()
        answer = Unopened(Reason.LOST)
        try:
            async with self._browser.page(
                _url(means, self._asked),
                self._asked.viewport,
                warm=all(_question(wish).warm for wish in wishes),
                prepare=slow_down if self._asked.slow else None,
                shared_by=len(wishes),
            ) as page:
                if not 200 <= page.status < 300:
                    answer = Unopened(Reason.STATUS, status=page.status)
                else:
                    await page.quiet()
                    await self._look(page)
        except PageLost as error:
            answer = Unopened(Reason.LOST, str(error))
        refused = tuple(sorted(self._browser.refused))
        for wish in wishes:
            wish.fulfil(Unopened(answer.reason, answer.why, answer.status, refused))

    async def _look(self, page: OpenPage) -> None:
        from playwright.async_api import Error

        from aem_checks.browser.looks import Looking, click

        clicked = await click(page, self._asked.click) if self._asked.click else True
        traffic = await asyncio.to_thread(self._spill.put, traffic_of(page.seen))
        for wish in self._wishes:
            if not wish.answer.done():
                looking = Looking(self._spill, wish.means.baseline)
                try:
                    wish.fulfil(await self._seen(page, wish, looking, traffic, clicked=clicked))
                except (Error, PageLost) as error:
                    if not self._browser.is_well:
                        raise
                    why = plain(str(error), 200) if isinstance(error, Error) else str(error)
                    wish.fulfil(Unopened(Reason.LOST, why, refused=self._refused(page)))
                except Exception as error:  # noqa: BLE001 - it is raised where it was asked, and the others go on
                    wish.fail(error)

    async def _seen(
        self, page: OpenPage, wish: Wish, looking: Looking, traffic: Blob, *, clicked: bool
    ) -> PageSeen:
        asked = _question(wish)
        looks = [await looking.take(look, page, asked.viewport) for look in asked.looks]
        return PageSeen(page.status, page.slow, traffic, tuple(looks), self._refused(page), clicked)

    def _refused(self, page: OpenPage) -> tuple[str, ...]:
        return tuple(sorted(self._browser.unlisted(page)))


def _url(means: Means, asked: Open) -> str:
    """Past all caches. Raises ``LookupError`` for production of a site that names none."""
    return uncached((replace(means, target="production") if asked.production else means).url(asked.path))


def _question(wish: Wish) -> Open:
    assert isinstance(wish.question, Open)
    return wish.question


def _disturbs(wish: Wish) -> int:
    """Who only reads what was asked for comes first, and who clicks last."""
    return max((look.order for look in _question(wish).looks), default=0)
