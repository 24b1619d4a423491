"""How is a page photographed so that two pictures of the same page are equal, byte for byte?

Animations are off, the caret is hidden, fonts and images have arrived, and what changes by itself is masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aem_checks.browser.open_page import PageLost
from aem_checks.text import plain

if TYPE_CHECKING:
    from aem_checks.browser.browser import Browser
    from aem_checks.browser.open_page import OpenPage, Viewport

MAX_HEIGHT = 8000
"""CSS pixels; what is further down a page is not photographed."""
MASK = (255, 0, 255)
MOST_MASKED = 0.5
"""Share of what a picture shows that masks may cover; where they cover more, too little is seen to be judged."""
_STILL = """*, *::before, *::after { animation: none !important; transition: none !important;
  scroll-behavior: auto !important; caret-color: transparent !important; }
video, audio { visibility: hidden !important; }"""
_ARRIVED = """(async () => {
  for (const each of document.querySelectorAll('img[loading=lazy], iframe[loading=lazy]')) each.loading = 'eager';
  const late = new Promise(resolve => setTimeout(resolve, 4000));
  const images = [...document.images].filter(each => !each.complete).slice(0, 500);
  await Promise.race([late, Promise.all(images.map(each => new Promise(resolve => {
    each.addEventListener('load', resolve); each.addEventListener('error', resolve); })))]);
  await Promise.race([late, document.fonts.ready]);
  scrollTo(0, 0);
  return Math.ceil(Math.max(document.documentElement.scrollHeight, document.body?.scrollHeight ?? 0));
})()"""
_LETTERS = (
    "data:text/html,<body style='margin:0;background:white'><p style='font:16px serif'>Hamburgefonstiv 0123"
    "<p style='font:16px sans-serif'>Hamburgefonstiv 0123<p style='font:16px monospace'>Hamburgefonstiv 0123"
)


async def photograph(page: OpenPage, viewport: Viewport, masks: Sequence[str] = ()) -> bytes:
    """A PNG of the whole page, up to ``MAX_HEIGHT``; elements that ``masks`` select are covered.

    Raises ``PageLost`` when no picture comes about, and for a mask that is no CSS selector.
    """
    from playwright.async_api import Error

    height = await page.ask(_ARRIVED)
    tall = min(MAX_HEIGHT, max(viewport.height, int(height) if isinstance(height, int | float) else 0))
    try:
        return await page.page.screenshot(
            full_page=True,
            clip={"x": 0, "y": 0, "width": viewport.width, "height": tall},
            animations="disabled",
            caret="hide",
            scale="css",
            style=_STILL,
            mask=[page.page.locator(f"css={mask}") for mask in masks],
            mask_color=f"rgb{MASK}",
            timeout=20_000,
        )
    except Error as error:
        raise PageLost(
            f"no picture of it can be taken ({plain(str(error).partition(chr(10))[0], 200)})"
        ) from error


async def handwriting(browser: Browser, viewport: Viewport) -> str:
    """A digest of how this machine draws letters; pictures of machines with different ones can't be compared."""
    if not browser.handwriting:
        async with browser.page(_LETTERS, viewport) as page:
            drawn = await photograph(page, viewport)
        browser.handwriting = hashlib.sha256(drawn).hexdigest()
    return browser.handwriting
