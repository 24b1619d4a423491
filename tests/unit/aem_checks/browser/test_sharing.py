"""Does one visit of a page answer all who ask for it, and nobody whom it must not? No Chromium, no time that goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aem_checks.browser import sharing as module
from aem_checks.browser.asks import Axe, Handwriting, Open, PageSeen, Reason, Unopened
from aem_checks.browser.finding import NoChromium
from aem_checks.browser.open_page import PHONE, PageLost
from aem_checks.browser.seen import Seen
from aem_checks.browser.sharing import Sharing
from aem_checks.means import Means
from aem_checks.time_limit import Clock
from unit.aem_checks.browser.fake_browser import (
    PRODUCTION,
    FakeBrowser,
    FakePage,
    asking,
    later,
    on_moved_loop,
    site_visit,
    value,
)

Asked = Sequence[Open | Handwriting]


def answers(
    tmp_path: Path, browser: FakeBrowser, *checks: Asked, clocks: Sequence[float] = ()
) -> list[list[Any]]:
    """What checks are told that ask for these pages, each of them all at once."""

    async def scene() -> list[list[Any]]:
        async with Sharing(browser.opens) as sharing:
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in checks]
            timed = [replace(each, clock=Clock(left)) for each, left in zip(visits, clocks, strict=False)]
            visits[: len(timed)] = timed
            return await asyncio.gather(
                *(ask(visit, asked) for visit, asked in zip(visits, checks, strict=True))
            )

    return on_moved_loop(scene)  # type: ignore[no-any-return]


async def ask(visit: Means, questions: Asked) -> list[Any]:
    assert visit.seat is not None
    with visit.seat as seat:
        async with visit.clock or nullcontext():
            return await asyncio.gather(*(seat.ask(visit, question) for question in questions))


def test_one_visit_answers_all_who_ask_for_a_page_and_it_is_cold_where_one_of_them_needs_that(
    tmp_path: Path,
) -> None:
    browser = FakeBrowser({"/a": asking("https://x.test/s.js")})
    warm, cold = [Open("/a", warm=True), Open("/b", warm=True)], [Open("/a")]
    (first, _), (second,) = answers(tmp_path, browser, warm, cold)
    assert browser.opened == [("/a", 1366, False), ("/b", 1366, True)]
    assert first == second
    assert [each.url for each in first.traffic().requests] == ["https://x.test/s.js"]


@pytest.mark.parametrize(
    "other",
    [
        *(
            Open("/a", PHONE),
            Open("/a", slow=True),
            Open("/a", alone=True),
            Open("/a", click="#yes"),
            Open("/b"),
        ),
        Open("/a", production=True),
    ],
)
def test_what_is_prepared_otherwise_is_opened_by_itself(tmp_path: Path, other: Open) -> None:
    browser = FakeBrowser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aem_checks.browser.looks.click", _clicked)
        answers(tmp_path, browser, [Open("/a")], [other])
    assert len(browser.opened) == 2


def test_a_page_of_production_is_opened_there(tmp_path: Path) -> None:
    browser = FakeBrowser()
    answers(tmp_path, browser, [Open("/a", production=True)])
    assert [place for place, *_ in browser.opened] == [f"{PRODUCTION}/a"]


async def _clicked(*_: object) -> bool:
    return True


def test_a_check_that_asks_for_a_page_several_times_is_answered_from_as_many_visits(tmp_path: Path) -> None:
    browser = FakeBrowser()
    answers(tmp_path, browser, [Open("/a")] * 3, [Open("/a")])
    assert len(browser.opened) == 3


def test_who_asks_anew_is_not_answered_from_a_visit_of_before(tmp_path: Path) -> None:
    """Two checks saw the page; one of them confirms what it found, and opens it again."""
    browser = FakeBrowser()

    async def scene() -> None:
        async with Sharing(browser.opens) as sharing:
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in range(2)]

            async def confirming(visit: Means) -> None:
                assert visit.seat is not None
                with visit.seat as seat:
                    await seat.ask(visit, Open("/a"))
                    assert len(browser.opened) == 1
                    await seat.ask(visit, Open("/a"))
                    assert len(browser.opened) == 2

            await asyncio.gather(confirming(visits[0]), ask(visits[1], [Open("/a")]))

    on_moved_loop(scene)


def test_a_check_that_asks_something_else_first_is_waited_for(tmp_path: Path) -> None:
    """The one for pictures needs the machine's hand before it can say what it wants of the pages."""
    browser = FakeBrowser()

    async def scene() -> None:
        async with Sharing(browser.opens) as sharing:
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in range(2)]

            async def pictures(visit: Means) -> None:
                assert visit.seat is not None
                with visit.seat as seat:
                    assert await seat.ask(visit, Handwriting()) == "a hand"
                    await asyncio.to_thread(lambda: None)
                    await seat.ask(visit, Open("/a"))

            await asyncio.gather(ask(visits[0], [Open("/a"), Open("/b")]), pictures(visits[1]))

    on_moved_loop(scene)
    assert [path for path, *_ in browser.opened] == ["/a", "/b"]


def test_one_that_ends_without_a_question_holds_up_nobody(tmp_path: Path) -> None:
    assert isinstance(answers(tmp_path, FakeBrowser(), [Open("/a")], [])[0][0], PageSeen)


def test_who_measures_has_a_browser_of_its_own_when_the_others_are_through(tmp_path: Path) -> None:
    browser = FakeBrowser()
    answers(tmp_path, browser, [Open("/m", alone=True)] * 2, [Open("/a"), Open("/b")])
    assert [path for path, *_ in browser.opened] == ["/a", "/b", "/m", "/m"]
    assert browser.begun == [False, True]


def test_what_one_looks_for_in_vain_the_others_do_not_miss(tmp_path: Path) -> None:
    says = {"good": 1, "lost": PageLost("it gives no answer"), "broken": ZeroDivisionError()}
    browser = FakeBrowser({"/a": FakePage(Seen(), says=says)})
    asked = [[Open("/a", looks=value(each))] for each in ("good", "lost")]
    (good,), (lost,) = answers(tmp_path, browser, *asked)
    assert len(browser.opened) == 1
    assert good.looks == (1,)
    assert lost == Unopened(Reason.LOST, "it gives no answer")

    async def scene() -> list[Any]:
        async with Sharing(browser.opens) as sharing:
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in range(2)]
            both = zip(visits, ("broken", "good"), strict=True)
            asking = (ask(visit, [Open("/a", looks=value(each))]) for visit, each in both)
            return await asyncio.gather(*asking, return_exceptions=True)

    broken, (seen,) = on_moved_loop(scene)
    assert isinstance(broken, ZeroDivisionError)
    assert isinstance(seen, PageSeen)


def test_for_a_check_that_broke_off_nothing_is_opened_any_more(tmp_path: Path) -> None:
    browser = FakeBrowser({"/a": FakePage(Seen(), says={"broken": ZeroDivisionError()})})

    async def scene() -> None:
        async with Sharing(browser.opens) as sharing:
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in range(2)]
            breaks = [Open("/a", looks=value("broken")), *(Open(f"/{number}") for number in range(9))]
            asking = [ask(visits[0], breaks), ask(visits[1], [Open("/z")])]
            broken, _ = await asyncio.gather(*asking, return_exceptions=True)
            assert isinstance(broken, ZeroDivisionError)

    on_moved_loop(scene)
    opened = [path for path, *_ in browser.opened]
    assert (opened[0], opened[-1]) == ("/a", "/z")
    assert len(opened) <= 3, "but for one that may have begun"


@pytest.mark.parametrize(
    ("status", "expected"),
    [(503, Unopened(Reason.STATUS, status=503)), (0, Unopened(Reason.LOST, "it is lost"))],
)
def test_a_page_that_is_none_is_none_for_all(tmp_path: Path, status: int, expected: Unopened) -> None:
    browser = FakeBrowser({"/a": FakePage(Seen(), status=status)})
    assert answers(tmp_path, browser, [Open("/a")], [Open("/a", warm=True)]) == [[expected], [expected]]


def test_a_browser_that_is_lost_takes_from_nobody_what_was_seen_before(tmp_path: Path) -> None:
    says = {"last": PageLost("Chromium crashed on it")}
    browser = FakeBrowser({"/a": FakePage(Seen(), says=says)}, is_well=False)
    (early,), (late,) = answers(tmp_path, browser, [Open("/a")], [Open("/a", looks=value("last"))])
    assert isinstance(early, PageSeen)
    assert late == Unopened(Reason.LOST, "Chromium crashed on it")


def test_without_a_chromium_every_question_is_answered_so(tmp_path: Path) -> None:
    def opens(*_: object) -> Any:
        raise NoChromium("there is none")

    browser = FakeBrowser()
    browser.opens = opens  # type: ignore[method-assign]
    none = Unopened(Reason.NO_BROWSER, "there is none")
    assert answers(tmp_path, browser, [Open("/a"), Handwriting()], [Open("/b", alone=True)]) == [
        [none, none],
        [none],
    ]


@pytest.mark.parametrize("again", [False, True])
def test_after_an_odd_error_of_the_browser_who_asks_later_does_not_wait_for_ever(
    tmp_path: Path, *, again: bool
) -> None:
    browser, starts = FakeBrowser(), list[None]()

    def opens(visit: Means, alone: bool) -> Any:
        starts.append(None)
        if again or len(starts) == 1:
            raise ConnectionResetError
        return nullcontext(browser)

    async def scene() -> list[Any]:
        async with Sharing(opens) as sharing, asyncio.timeout(60):
            visits = [replace(site_visit(tmp_path), seat=sharing.seat()) for _ in range(2)]

            async def persistent(visit: Means) -> Any:
                assert visit.seat is not None
                with visit.seat as seat:
                    with pytest.raises(ConnectionResetError):
                        await seat.ask(visit, Open("/a"))
                    return await seat.ask(visit, Open("/a"))

            asking = persistent(visits[0]), ask(visits[1], [Open("/b")])
            return await asyncio.gather(*asking, return_exceptions=True)

    later_one, other = on_moved_loop(scene)
    assert isinstance(other, ConnectionResetError)
    assert isinstance(later_one, ConnectionResetError if again else PageSeen)


def test_a_browser_that_is_never_free_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy:
        async def __aenter__(self) -> None:
            later(module.BUSY_SECONDS + 1)
            await asyncio.Event().wait()

        async def __aexit__(self, *_: object) -> None: ...

    browser = FakeBrowser()
    monkeypatch.setattr(browser, "opens", lambda *_: Busy())
    [[answer]] = answers(tmp_path, browser, [Open("/a")])
    assert answer == Unopened(Reason.BUSY, "no browser was free on this machine within 60 min")


def test_waiting_for_a_browser_or_for_pages_of_others_is_none_of_a_check_s_time(tmp_path: Path) -> None:
    browser = FakeBrowser(takes=20, waits=lambda: later(10_000))
    mine, theirs = [Open("/mine")], [Open(f"/theirs/{number}") for number in range(20)]
    (first, second) = answers(tmp_path, browser, theirs, mine, clocks=(1000, 30))
    assert all(isinstance(each, PageSeen) for each in (*first, *second))


def test_when_the_time_of_one_is_over_it_has_what_was_seen_and_the_others_go_on(tmp_path: Path) -> None:
    browser = FakeBrowser(takes=20)
    pages = [Open(path) for path in ("/a", "/b", "/c", "/d")]
    short, long = answers(tmp_path, browser, pages, pages, clocks=(50, 1000))
    assert [type(each) for each in short] == [PageSeen, PageSeen, Unopened, Unopened]
    assert {each.reason for each in short[2:]} == {Reason.LATE}
    assert [type(each) for each in long] == [PageSeen] * 4
    assert len(browser.opened) == 4


def test_axe_comes_after_what_only_reads_whoever_asked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def axe(page: Any) -> list[Any]:
        order.append("axe")
        return []

    class Page(FakePage):
        async def ask(self, expression: str) -> Any:
            order.append(expression)

    monkeypatch.setattr("aem_checks.browser.looks.ask_axe", axe)
    browser = FakeBrowser({"/a": Page(Seen())})
    answers(tmp_path, browser, [Open("/a", looks=(Axe(),))], [Open("/a", looks=value("reads"))])
    assert order == ["reads", "axe"]
