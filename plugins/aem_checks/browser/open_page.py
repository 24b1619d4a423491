"""What can be done with a page that is open in a browser?"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aem_checks.browser.seen import Seen
from aem_checks.text import plain

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

LOAD_SECONDS = 30.0
"""For the ``load`` event of one page; what comes later is not waited for."""
_QUIET_SECONDS = 3.0
_LOOK_SECONDS, _CALM_LOOKS = 0.1, 5
_ASK_SECONDS = 30.0
_MAX_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True)
class Viewport:
    """The window that a page is shown in, in CSS pixels."""

    width: int
    height: int
    mobile: bool = False

    @property
    def name(self) -> str:
        return str(self.width)


DESKTOP = Viewport(1366, 900)
PHONE = Viewport(390, 844, mobile=True)


class PageLost(RuntimeError):
    """A page could not be opened or gave no answer; the message is the end of a sentence."""


@dataclass
class OpenPage:
    """A page that is open now."""

    url: str
    page: Page
    """Playwright's."""
    session: CDPSession
    """Chromium's own protocol, for this page."""
    seen: Seen
    hide: Callable[[str], str] = field(repr=False)
    """Takes the site's credentials out of a text, should the site echo them."""
    status: int = 0
    """Of the last answer on the way to the page; 0 where none arrived."""
    slow: bool = False
    """Whether it was still loading after ``LOAD_SECONDS``."""
    _world: int = 0

    async def ask(self, expression: str, *, seconds: float = _ASK_SECONDS) -> Any:
        """The JSON value of an expression (a promise is awaited) in a world that the page's scripts can't touch.

        Raises ``PageLost`` when there is no answer within ``seconds``, or one of more than 4 MB.
        """
        text = await self._ask(f"(async () => JSON.stringify(await ({expression})) ?? 'null')()", seconds)
        if len(text) > _MAX_ANSWER:
            raise PageLost(f"the answer of the page has {len(text)} characters; up to {_MAX_ANSWER} are read")
        return json.loads(self.hide(text))

    async def load_script(self, script: str) -> None:
        """Run a script in that same world. Raises ``PageLost``."""
        await self._ask(f"{script}\n;'done'", _ASK_SECONDS)

    async def _ask(self, expression: str, seconds: float) -> str:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(seconds):
                asked = {
                    "expression": expression,
                    "contextId": await self._isolated_world(),
                    "awaitPromise": True,
                    "returnByValue": True,
                }
                answer = await self.session.send("Runtime.evaluate", asked)
        except TimeoutError:
            raise PageLost(f"the page gives no answer within {seconds:.0f} s") from None
        except Error as error:
            raise PageLost(f"the page can't be asked ({plain(str(error), 200)})") from error
        if "exceptionDetails" in answer:
            raise PageLost(f"the page can't be asked ({plain(str(answer['exceptionDetails']), 200)})")
        return str(answer["result"].get("value", "null"))

    async def _isolated_world(self) -> int:
        if not self._world:
            tree = await self.session.send("Page.getFrameTree")
            frame = tree["frameTree"]["frame"]["id"]
            made = await self.session.send(
                "Page.createIsolatedWorld", {"frameId": frame, "worldName": "stage-gate"}
            )
            self._world = made["executionContextId"]
        return self._world

    async def quiet(self, seconds: float = _QUIET_SECONDS) -> None:
        """Wait until nothing was asked for half a second, at most ``seconds``."""
        from playwright.async_api import Error

        with contextlib.suppress(Error):
            await self.page.wait_for_load_state("networkidle", timeout=seconds * 1000)

    async def quiet_again(self, seconds: float = _QUIET_SECONDS) -> None:
        """Wait the same after something was done to the page, which was quiet before: half a second from now on."""
        before, known, calm = len(self.seen.requests), 0, 0
        for _ in range(int(seconds / _LOOK_SECONDS)):
            await asyncio.sleep(_LOOK_SECONDS)
            asked = self.seen.requests[before:]
            is_calm = len(asked) == known and all(each.finished or each.error for each in asked)
            known, calm = len(asked), calm + 1 if is_calm else 0
            if calm == _CALM_LOOKS:
                return

    async def go(self, url: str) -> None:
        """Open another URL in the same window. Raises ``PageLost`` when no answer arrives."""
        from playwright.async_api import Error
        from playwright.async_api import TimeoutError as Late

        self._world = 0
        try:
            answer = await self.page.goto(url, wait_until="load", timeout=LOAD_SECONDS * 1000)
            self.status = answer.status if answer is not None else 0
        except Late:
            self.slow = True
            self.status = self._answered()
            self._require_whole_document()
        except Error as error:
            self.status = self._answered()
            if self.status < 400:  # an error without a body is shown as an error of Chromium
                raise PageLost(
                    plain(str(error).partition("\n")[0].removeprefix("Page.goto: "), 200)
                ) from error

    def _require_whole_document(self) -> None:
        """A page whose document never came to its end shows nothing that can be judged."""
        asked = next((each for each in reversed(self.seen.requests) if each.kind == "Document"), None)
        if asked is None or not asked.status:
            raise PageLost(f"no answer within {LOAD_SECONDS:.0f} s")
        if not asked.finished:
            raise PageLost(asked.error or f"its document did not arrive whole within {LOAD_SECONDS:.0f} s")

    def _answered(self) -> int:
        """The status of the last document that was asked for."""
        return next((each.status for each in reversed(self.seen.requests) if each.kind == "Document"), 0)


Prepare = Callable[[OpenPage], Awaitable[None]]
