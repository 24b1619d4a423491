"""How long does a page take in the gate's browser, against plain Playwright with the same navigation and picture?"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aem_checks.browser.axe import ask_axe
from aem_checks.browser.browser import Browser
from aem_checks.browser.credentials import Doorkeeper
from aem_checks.browser.finding import NoChromium, find_chromium
from aem_checks.browser.launching import first_process, memory_of
from aem_checks.browser.open_page import DESKTOP
from aem_checks.browser.pictures import photograph
from aem_checks.network_guard.forward_proxy import ForwardProxy
from aem_checks.network_guard.rule import Rule
from aem_checks.rate_limit import RateLimit
from aem_checks.urls import uncached
from benchmarks.figures import Figure, ratio, say
from benchmarks.page_checks import _simulator
from simulator.aem.content import site as content_of

PAGES = 12
REPETITIONS = 3
TITLE = f"Browser set: {PAGES} pages of the simulator's site opened and photographed whole, {DESKTOP.width} pixels wide"
NOTES = (
    "Plain: Playwright's own launch(), one context, per page goto until the network is idle and a screenshot of the full",
    "page. Ours: the guard's proxy, what the page asks and complains of, the same navigation, then lazy images and fonts",
    "waited for, animations off, the picture, and all that the page stored removed. Both start one Chromium per turn and",
    f"keep its HTTP cache, as the checks D1, H1 and I1 do; in turns, medians of {REPETITIONS}.",
    "Memory is that of Chromium's processes, what they share counted once. axe-core is told apart from both.",
)


@dataclass
class Taken:
    """Seconds per page and bytes of Chromium, turn by turn."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    axe: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    plain_memory: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """Open the same pages in turns; nothing where there is no Chromium."""
    try:
        find_chromium()
    except NoChromium as error:
        say(f"  not measured: {error}")
        return []
    taken = Taken()
    paths = [page.url for page in content_of(PAGES).pages.values()][:PAGES]
    with (
        _simulator(pages=PAGES) as addresses,
        tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder,
    ):
        urls = [addresses["stage_url"] + path for path in paths]
        for turn in range(1, REPETITIONS + 1):
            for ours in (True, False) if turn % 2 else (False, True):
                asyncio.run(_ours(urls, Path(folder), taken) if ours else _plain(urls, taken))
            say(f"  turn {turn}: ours {taken.ours[-1]:.2f} s a page, plain {taken.plain[-1]:.2f} s")
    return [
        Figure("page in the gate's browser against plain", ratio(taken.ours, taken.plain), "times", 1.25,
               f"{median(taken.ours):.2f} s against {median(taken.plain):.2f} s a page"),
        Figure("  memory of Chromium", ratio(taken.memory, taken.plain_memory), "times", None,
               f"{median(taken.memory):.0f} MB against {median(taken.plain_memory):.0f} MB"),
        Figure("  axe-core, beside both", median(taken.axe), "s", None, "a page"),
    ]  # fmt: skip


async def _ours(urls: list[str], folder: Path, taken: Taken) -> None:
    limit = RateLimit(1e9, folder=folder / "rate")
    axe = 0.0
    async with ForwardProxy(Rule.of(urls), limit) as proxy:
        began = time.perf_counter()
        async with Browser(find_chromium(), proxy, Doorkeeper({}, frozenset(), limit)) as browser:
            for number, url in enumerate(urls):
                async with browser.page(uncached(url), warm=True) as page:
                    await page.quiet()
                    await photograph(page, DESKTOP)
                    if number % 5 == 0:
                        started = time.perf_counter()
                        await ask_axe(page)
                        axe += time.perf_counter() - started
            taken.memory.append(memory_of(browser._processes) / 1e6)
    taken.ours.append((time.perf_counter() - began - axe) / len(urls))
    taken.axe.append(axe / len(urls[::5]))


async def _plain(urls: list[str], taken: Taken) -> None:
    from playwright.async_api import async_playwright

    began = time.perf_counter()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = await browser.new_context(viewport={"width": DESKTOP.width, "height": DESKTOP.height})
        for url in urls:
            page = await context.new_page()
            await page.goto(uncached(url), wait_until="networkidle")
            await page.screenshot(full_page=True)
            await page.close()
        taken.plain_memory.append(_plain_memory())
        await browser.close()
    taken.plain.append((time.perf_counter() - began) / len(urls))


def _plain_memory() -> float:
    """MB; Playwright's own profile folders carry this name."""
    found = first_process(Path("playwright_chromiumdev_profile"))
    assert found
    return memory_of(found) / 1e6
