"""How does a browser get the time that it needs? The limits of a page are far away, and it is judged once it was drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest.mock import patch

from aem_checks.browser import browser, open_page
from aem_checks.browser.open_page import OpenPage, PageLost
from aem_checks.kinds.browser import web_vitals

_usual = OpenPage.quiet
_DRAWN = """(async () => {
  const pause = time => new Promise(done => setTimeout(done, time));
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const drawn = () => performance.getEntriesByName('first-contentful-paint').length;
  for (let turn = 0; turn < 60 && !drawn(); turn++) await pause(50);
  await Promise.race([frame().then(frame), pause(3000)]);
  return 1;
})()"""
"""The page's letters are on the screen."""
_LOOKS = web_vitals._MEASURE.replace("400)", "3000)")
"""It looks for so long at how the layout moves that a banner which comes late has come."""


async def _quiet(page: OpenPage, seconds: float = 10.0) -> None:
    await _usual(page, seconds)
    with contextlib.suppress(PageLost):
        await page.ask(_DRAWN)
    page._world = 0


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Pages that are looked at meanwhile may take long."""
    with (
        patch.object(browser, "PAGE_SECONDS", 600.0),
        patch.object(open_page, "LOAD_SECONDS", 120.0),
        patch.object(OpenPage, "quiet", _quiet),
        patch.object(web_vitals, "_MEASURE", _LOOKS),
    ):
        yield
