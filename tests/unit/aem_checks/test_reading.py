"""Is each recorded page read and parsed once for all checks that look at it together, whatever one of them does?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aem_checks.asking import NoQuestion, ask_live, ask_then
from aem_checks.asks import Fresh, Read, Steps, ask, ask_all
from aem_checks.house import House
from aem_checks.reading import Reader, Walk
from aem_checks.recording import Page, Recording
from aem_checks.response import HeldResponse, Response, make_headers
from aem_checks.stored_response import BodyError, put_away
from aem_checks.time_limit import Clock
from unit.aem_checks.browser.fake_browser import MovedLoop, on_moved_loop

PATHS = ("/a.html", "/b.html", "/c.html")
HTML = make_headers({"Content-Type": "text/html"})


def recording(folder: Path, word: str = "now") -> Recording:
    """Three pages, their bodies in the folder."""
    bodies = folder / "bodies"
    bodies.mkdir(parents=True, exist_ok=True)
    pages = [
        Page(path, f"https://s.example{path}", (put_away(_answer(path, f"<p>{word} {path}"), bodies),))
        for path in PATHS
    ]
    hosts = frozenset({"s.example"})
    return Recording("s", "stage", "https://s.example", hosts, frozenset(), tuple(pages))


def _answer(path: str, body: str) -> Response:
    return Response(f"https://s.example{path}", 200, HTML, body.encode())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each body that is parsed, in this order."""
    parsed: list[str] = []
    parse = Response._parsed

    def noted(response: Response) -> Any:
        parsed.append(response.text)
        return parse(response)

    monkeypatch.setattr(Response, "_parsed", noted)
    return parsed


def texts(*paths: str) -> Steps[list[str]]:
    found = []
    for path in paths:
        page = yield from ask(Read(path))
        node = page.final.document.css_first("p")
        found.append(node.text() if node else "")
    return found


def together(reader: Reader, **steps: Steps[Any]) -> dict[str, Any]:
    """What each comes to; an exception for one that breaks off."""
    walk = Walk(steps)

    async def lead(key: str) -> Any:
        begin = walk.of(key)
        assert begin is not None
        try:
            rest = await begin(steps[key], reader)
            return await ask_live(rest, None, lambda _: None, House(reader))  # type: ignore[arg-type]
        finally:
            walk.leave(key)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*map(lead, steps), return_exceptions=True)

    return dict(zip(steps, asyncio.run(all_of_them()), strict=True))


def test_a_page_is_parsed_once_for_all(tmp_path: Path, made: list[str]) -> None:
    three = {key: texts(*PATHS) for key in ("one", "two", "three")}
    found = together(Reader(recording(tmp_path)), **three)
    assert found == {key: [f"now {path}" for path in PATHS] for key in three}
    assert made == [f"<p>now {path}" for path in PATHS]


def test_one_that_skips_pages_meets_the_others_again(tmp_path: Path, made: list[str]) -> None:
    found = together(Reader(recording(tmp_path)), all=texts(*PATHS), last=texts(PATHS[2]), none=texts())
    assert found["last"] == ["now /c.html"]
    assert found["none"] == []
    assert len(made) == 3


def test_what_is_asked_beside_pages_is_asked_alone(tmp_path: Path, made: list[str]) -> None:
    def curious() -> Steps[tuple[list[str], int]]:
        seen = yield from texts(PATHS[0])
        word = yield from ask(Fresh())
        seen += yield from texts(*PATHS[1:])
        return seen, len(word)

    found = together(Reader(recording(tmp_path)), curious=curious(), usual=texts(*PATHS))
    assert found["curious"] == ([f"now {path}" for path in PATHS], 16)
    assert found["usual"] == [f"now {path}" for path in PATHS]
    assert len(made) == 5  # it is alone with the two behind its question


def test_one_that_breaks_off_does_not_hold_the_others_up(tmp_path: Path) -> None:
    def broken() -> Steps[None]:
        yield from texts(PATHS[0])
        raise ZeroDivisionError

    def nonsense() -> Iterator[Any]:
        yield from texts(PATHS[0])
        yield "what is this?"

    found = together(
        Reader(recording(tmp_path)), broken=broken(), nonsense=nonsense(), usual=texts(*PATHS)  # type: ignore[arg-type]
    )  # fmt: skip
    assert isinstance(found["broken"], ZeroDivisionError)
    assert isinstance(found["nonsense"], NoQuestion)
    assert found["usual"] == [f"now {path}" for path in PATHS]


class Odd(Reader):
    """One page can't be read, for a reason that nobody thought of."""

    def read(self, path: str) -> Any:
        if path == PATHS[1]:
            raise ZeroDivisionError
        return super().read(path)


def test_an_odd_error_of_a_page_is_raised_where_the_page_is_asked_for_and_nowhere_else(
    tmp_path: Path,
) -> None:
    def daring() -> Steps[str]:
        try:
            yield from texts(PATHS[1])
        except ZeroDivisionError:
            return "caught"
        return "read"

    found = together(
        Odd(recording(tmp_path)), one=texts(*PATHS), daring=daring(), other=texts(PATHS[0], PATHS[2])
    )
    assert isinstance(found["one"], ZeroDivisionError)
    assert found["daring"] == "caught"
    assert found["other"] == ["now /a.html", "now /c.html"]


def test_a_path_that_is_none_breaks_the_one_that_asks_for_it(tmp_path: Path) -> None:
    strange = texts(["no path"])  # type: ignore[arg-type]
    found = together(Reader(recording(tmp_path)), strange=strange, usual=texts(*PATHS))
    assert isinstance(found["strange"], TypeError)
    assert found["usual"] == [f"now {path}" for path in PATHS]


async def timed(walk: Walk, key: str, steps: Steps[Any], reader: Reader, seconds: float) -> Any:
    """What it comes to within its own time."""
    begin = walk.of(key)
    assert begin is not None
    async with Clock(seconds) as clock:
        rest = await begin(steps, reader, clock)
        return await ask_live(rest, None, lambda _: None, House(reader))  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "is_late"), [(100, True), (10_000, False)])
def test_only_a_slow_check_s_own_time_goes_by_while_it_looks(
    tmp_path: Path, seconds: float, *, is_late: bool
) -> None:
    walk, reader = Walk(("slow", "usual")), Reader(recording(tmp_path))

    async def scene() -> list[Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MovedLoop)

        def slow() -> Steps[str]:
            for path in PATHS:
                yield from ask(Read(path))
                loop.ahead += 60
            return "slow"

        both = timed(walk, "slow", slow(), reader, seconds), timed(walk, "usual", texts(*PATHS), reader, 50)
        return await asyncio.gather(*both, return_exceptions=True)

    slow, usual = on_moved_loop(scene)
    assert usual == [f"now {path}" for path in PATHS]
    assert isinstance(slow, TimeoutError) if is_late else slow == "slow"


def test_one_that_never_ends_is_left_behind_when_its_time_is_over(tmp_path: Path) -> None:
    walk, reader, ended = Walk(("stuck", "usual", "other")), Reader(recording(tmp_path)), threading.Event()

    def stuck() -> Steps[None]:
        yield from ask(Read(PATHS[0]))
        ended.wait()

    async def scene() -> list[Any]:
        three = (
            timed(walk, "stuck", stuck(), reader, 0.05),
            timed(walk, "usual", texts(*PATHS), reader, 600),
            timed(walk, "other", texts(*PATHS), reader, 600),
        )
        try:
            return await asyncio.gather(*three, return_exceptions=True)
        finally:
            ended.set()

    first, *others = asyncio.run(scene())
    assert isinstance(first, TimeoutError)
    assert others == [[f"now {path}" for path in PATHS]] * 2


def test_a_body_that_was_changed_is_raised_where_it_is_asked_for(tmp_path: Path) -> None:
    made = recording(tmp_path)
    (tmp_path / "bodies" / made.pages[1].final.sha256).write_bytes(b"<p>forged")
    found = together(Reader(made), one=texts(*PATHS), other=texts(PATHS[0], PATHS[2]))
    assert isinstance(found["one"], BodyError)
    assert found["other"] == ["now /a.html", "now /c.html"]


def test_a_path_that_is_not_recorded_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="is no recorded page"):
        ask_then(texts("/elsewhere.html"), [], Reader(recording(tmp_path)))
    with pytest.raises(LookupError, match="there is no recording"):
        ask_then(texts("/a.html"), [])
    assert isinstance(together(Reader(recording(tmp_path)), one=texts("/elsewhere.html"))["one"], LookupError)


def test_who_ends_before_it_begins_is_not_waited_for(tmp_path: Path) -> None:
    walk, reader = Walk(("one", "gone")), Reader(recording(tmp_path))

    async def lead() -> Any:
        begin = walk.of("one")
        assert begin is not None
        waiting = asyncio.ensure_future(begin(texts(*PATHS), reader))
        await asyncio.sleep(0)
        assert not waiting.done()
        walk.leave("gone")
        walk.leave("gone")
        return await ask_live(await waiting, None, lambda _: None, House(reader))  # type: ignore[arg-type]

    assert asyncio.run(lead()) == [f"now {path}" for path in PATHS]
    assert walk.of("one") is None
    assert walk.of("unknown") is None


def test_who_comes_late_goes_alone(tmp_path: Path) -> None:
    walk, reader = Walk(("one", "late"), patience=0.0), Reader(recording(tmp_path))

    async def lead() -> Any:
        one, late = walk.of("one"), walk.of("late")
        assert one is not None
        assert late is not None
        rest = await one(texts(*PATHS), reader)
        alone = texts(*PATHS)
        assert await late(alone, reader) is alone
        return await ask_live(rest, None, lambda _: None, House(reader))  # type: ignore[arg-type]

    assert asyncio.run(lead()) == [f"now {path}" for path in PATHS]


def test_who_is_out_of_time_before_it_begins_is_left_behind(tmp_path: Path) -> None:
    walk, reader = Walk(("late", "usual")), Reader(recording(tmp_path))

    async def lead() -> Any:
        late, usual = walk.of("late"), walk.of("usual")
        assert late is not None
        assert usual is not None
        waiting = asyncio.ensure_future(late(texts(*PATHS), reader))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        rest = await usual(texts(*PATHS), reader)
        return await ask_live(rest, None, lambda _: None, House(reader))  # type: ignore[arg-type]

    assert asyncio.run(lead()) == [f"now {path}" for path in PATHS]


def test_a_page_is_beside_that_of_the_last_release(tmp_path: Path) -> None:
    def both() -> Steps[tuple[str, str]]:
        page = yield from ask(Read(PATHS[1]))
        assert page.before is not None
        return page.final.text, page.before.final.text

    reader = Reader(recording(tmp_path / "now"), recording(tmp_path / "then", "then"))
    assert ask_then(both(), [], reader) == ("<p>now /b.html", "<p>then /b.html")


def test_several_pages_can_be_asked_for_at_once(tmp_path: Path) -> None:
    def several() -> Steps[list[str]]:
        return [page.path for page in (yield from ask_all(map(Read, PATHS)))]

    assert together(Reader(recording(tmp_path)), one=several())["one"] == list(PATHS)


def test_a_page_that_is_let_go_of_takes_its_body_along(tmp_path: Path) -> None:
    reader = Reader(recording(tmp_path))
    first = reader.read(PATHS[0])
    assert first is reader.read(PATHS[0])
    assert first.final.body
    assert "body" not in vars(reader.read(PATHS[1]).final)
    assert "body" not in vars(reader.read(PATHS[0]).final)


def test_what_is_held_is_the_same_answer(tmp_path: Path) -> None:
    kept = recording(tmp_path).pages[0].final
    held = HeldResponse.of(kept)
    for name in ("url", "status", "headers", "size", "sha256", "text", "is_html", "is_too_deep", "body"):
        assert getattr(held, name) == getattr(kept, name)
    assert held.document is held.document
