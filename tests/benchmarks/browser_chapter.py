"""How much processor time do the browser checks of a release take, against plain Playwright opening the same pages?"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from aem_checks.access import NO_ACCESS
from aem_checks.baseline import Baseline
from aem_checks.browser.finding import NoChromium, find_chromium
from aem_checks.browser.open_page import DESKTOP, PHONE, Viewport
from aem_checks.browser.sharing import Sharing
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.kinds import all_kinds
from aem_checks.means import Means
from aem_checks.outcomes import Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from aem_checks.urls import uncached
from benchmarks.figures import Figure, ratio, say
from benchmarks.page_checks import _simulator
from simulator.aem.content import site as content_of

PAGES = 12
REPETITIONS = 3
_BECOME_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""
TITLE = (
    f"Browser chapter: the browser checks that are on by default, over {PAGES} pages of the simulator's site"
)
NOTES = (
    "Processor seconds of this process and of all that it started, Chromium to its last process, which this one waits for.",
    "Ours: page_errors, visual (two windows), accessibility and page_weight share visits, and compare with a release before;",
    "apart: the same four, each with a browser and visits of its own. Plain: Playwright's own launch(), one context, per page",
    "goto until the network is idle and a screenshot of the full page, as a laptop; in both windows: and again as a phone.",
    f"In turns; medians of {REPETITIONS} ratios.",
)


@dataclass
class Taken:
    """Processor seconds, turn by turn."""

    ours: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    twice: list[float] = field(default_factory=list)
    visits: dict[str, int] = field(default_factory=dict)


def measure() -> list[Figure]:
    """Let them look at the same pages in turns; nothing where there is no Chromium."""
    try:
        find_chromium()
    except NoChromium as error:
        say(f"  not measured: {error}")
        return []
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    paths = tuple(page.url for page in content_of(PAGES).pages.values())[:PAGES]
    taken = Taken()
    with (
        _simulator(pages=PAGES) as addresses,
        tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder,
    ):
        ours = partial(_ours, addresses["stage_url"], paths, Path(folder), taken)
        plain = partial(_plain, [addresses["stage_url"] + path for path in paths])
        sides: list[tuple[list[float], Callable[[], Coroutine[Any, Any, None]]]] = [
            (taken.ours, partial(ours, "ours")),
            (taken.apart, partial(ours, "apart")),
            (taken.plain, partial(plain, [DESKTOP])),
            (taken.twice, partial(plain, [DESKTOP, PHONE])),
        ]
        asyncio.run(ours("before"))
        for turn in range(1, REPETITIONS + 1):
            for seconds, work in sides if turn % 2 else reversed(sides):
                seconds.append(_cost(work))
            last = (taken.ours[-1], taken.apart[-1], taken.plain[-1], taken.twice[-1])
            say(
                "  turn {}: ours {:.1f} s, apart {:.1f} s, plain {:.1f} s, in both windows {:.1f} s".format(
                    turn, *last
                )
            )
    return _figures(taken)


def _figures(taken: Taken) -> list[Figure]:
    ours = f"{median(taken.ours):.1f} s against"
    return [
        Figure("browser chapter against plain, once a page", ratio(taken.ours, taken.plain), "times", 2.0,
               f"{ours} {median(taken.plain):.1f} s"),
        Figure("  against plain in both windows", ratio(taken.ours, taken.twice), "times", None,
               f"{ours} {median(taken.twice):.1f} s"),
        Figure("  against each check by itself", ratio(taken.ours, taken.apart), "times", None,
               f"{ours} {median(taken.apart):.1f} s"),
        Figure("  visits of a page", taken.visits["ours"] / PAGES, "", 2.0, f"{taken.visits['apart'] / PAGES:.0f} apart"),
    ]  # fmt: skip


def _cost(work: Callable[[], Coroutine[Any, Any, None]]) -> float:
    before = _spent()
    asyncio.run(work())
    return _spent() - before


def _spent() -> float:
    """Processor seconds so far, of what has ended too, whoever started it."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def _ours(url: str, paths: tuple[str, ...], folder: Path, taken: Taken, name: str) -> None:
    site = SiteConfig.model_validate(
        {"name": "larkfell", "stage": url, "pages": paths, "requests_per_second": 1000}
    )
    before = Baseline("the release before", folder / "before") if (folder / "before").exists() else None
    limit = RateLimit(1e9, folder=folder / "rate")
    async with Client.for_site(site, lambda _: NO_ACCESS, rate_limit=limit) as client:
        visit = Means(site, "stage", client, None, folder / name, baseline=before)
        kinds = [kind for kind in all_kinds().values() if kind.opens_pages and kind.default_on]
        groups = [[kind] for kind in kinds] if name == "apart" else [kinds]
        taken.visits[name] = 0
        for group in groups:
            async with Sharing() as sharing:
                seats = [replace(visit, seat=sharing.seat()) for _ in group]
                await asyncio.gather(
                    *(_run(kind(kind.settings_type()), each) for kind, each in zip(group, seats, strict=True))
                )
                taken.visits[name] += sharing.visits


async def _run(check: Check[Any], visit: Means) -> None:
    assert visit.seat is not None
    with visit.seat:
        result = await run_check(check, visit)
    if result.outcome is Outcome.INCONCLUSIVE or result.examined < PAGES:
        raise RuntimeError(f"{check.kind} is {result.outcome}: {result.sentences[:2]}")


async def _plain(urls: list[str], viewports: list[Viewport]) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for viewport in viewports:
            size = {"width": viewport.width, "height": viewport.height}
            context = await browser.new_context(viewport=size, is_mobile=viewport.mobile)  # type: ignore[arg-type]
            for url in urls:
                page = await context.new_page()
                await page.goto(uncached(url), wait_until="networkidle")
                await page.screenshot(full_page=True)
                await page.close()
        await browser.close()
