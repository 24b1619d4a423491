"""How is each look of a question taken on a page that is open now?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aem_checks.browser.asks import Axe, Banner, Cookies, DataLayer, Look, Picture, Value
from aem_checks.browser.axe import ask_axe
from aem_checks.browser.open_page import OpenPage, PageLost, Viewport
from aem_checks.browser.pictures import photograph
from aem_checks.text import plain

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.browser.blob import Blob, Spill

_SLOW_LINE = {"offline": False, "latency": 150, "downloadThroughput": 204_800, "uploadThroughput": 96_000}
_SLOWER = 4
_CLICK_SECONDS = 5


async def slow_down(page: OpenPage) -> None:
    """Let a window be as slow as a phone on a line of 1.6 Mbit/s with 150 ms, as Lighthouse does."""
    await page.session.send("Network.emulateNetworkConditions", _SLOW_LINE)
    await page.session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})


async def click(page: OpenPage, selector: str) -> bool:
    """Click it, and wait until the page is quiet again; false where it can't be clicked."""
    from playwright.async_api import Error

    try:
        await page.page.locator(selector).first.click(timeout=_CLICK_SECONDS * 1000)
    except Error:
        return False
    await page.quiet_again()
    return True


@dataclass(frozen=True)
class Looking:
    """What is looked at goes into ``spill`` where it is large; pictures are compared with those of ``baseline``."""

    spill: Spill
    baseline: Baseline | None = None

    async def take(self, look: Look, page: OpenPage, viewport: Viewport) -> Any:
        """What it sees, as its class says. Raises ``PageLost``."""
        match look:
            case Value():
                return await page.ask(look.expression)
            case DataLayer():
                return await _length_of(page, look.name)
            case Cookies():
                return sorted({str(each.get("name", "")) for each in await page.page.context.cookies()})
            case Axe():
                return await ask_axe(page)
            case Picture():
                return await self._pictures(look, page, viewport)
            case Banner():
                return await _banner(look, page)
        raise TypeError(f"nobody can look at {type(look).__name__}")

    async def _pictures(self, look: Picture, page: OpenPage, viewport: Viewport) -> tuple[Blob, ...]:
        now = await photograph(page, viewport, look.masks)
        first = await asyncio.to_thread(self.spill.put, now)
        if not await asyncio.to_thread(self._differs, look, now):
            return (first,)
        again = await photograph(page, viewport, look.masks)
        return first, await asyncio.to_thread(self.spill.put, again)

    def _differs(self, look: Picture, now: bytes) -> bool:
        from aem_checks.browser.comparing import NotComparable, compare

        before = self.baseline.read(look.like) if self.baseline and look.like else None
        if before is None or before == now:
            return False
        try:
            return compare(before, now).share > look.most
        except NotComparable:
            return False


async def _length_of(page: OpenPage, name: str) -> int | None:
    from playwright.async_api import Error

    expression = (
        f"Array.isArray(globalThis.{name}) || globalThis.{name}?.push ? globalThis.{name}.length : null"
    )
    try:
        answer: Any = await page.page.evaluate(expression)
    except Error as error:
        raise PageLost("its data layer can't be read") from error
    return int(answer) if isinstance(answer, int | float) else None


async def _banner(look: Banner, page: OpenPage) -> dict[str, Any]:
    from playwright.async_api import Error

    shown, again, said = False, False, ""
    try:
        shown = await page.page.locator(look.banner).first.is_visible()
        if shown and look.choose:
            await page.page.locator(look.choose).first.click(timeout=_CLICK_SECONDS * 1000)
            await page.quiet_again()
            await page.go(page.page.url)
            await page.quiet()
            again = await page.page.locator(look.banner).first.is_visible()
    except Error as error:
        said = page.hide(plain(str(error).partition("\n")[0], 160))
    return {"shown": shown, "again": again, "said": said}
