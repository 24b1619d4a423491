"""Does a conversation come to the same, whoever answers, and what becomes of a check that asks nonsense?"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aem_checks import asking
from aem_checks.asking import Exchange, NoQuestion, NotTold, ask_live, ask_then, lead
from aem_checks.asks import (
    SIDE_BY_SIDE,
    BrokenOff,
    Changed,
    Fact,
    Files,
    Follow,
    Fresh,
    Get,
    Handshake,
    Now,
    Pause,
    Question,
    Steps,
    ask,
    ask_all,
    together,
)
from aem_checks.changes.values import Change, ChangeCommit, ChangeMap, Kind
from aem_checks.check import Check, CheckSettings
from aem_checks.checkout import Source
from aem_checks.client import HostNotAllowed
from aem_checks.codes import faults
from aem_checks.means import Means
from aem_checks.outcomes import Finding, Judgement, Outcome
from aem_checks.packed import Packed
from aem_checks.response import Response, make_headers
from aem_checks.runner import run_check
from aem_checks.tls import Certificate
from aem_checks.told import AGAIN, NotKept, Told, keep, read
from aem_checks.visit import Visit
from unit.aem_checks.page_site import PageSite, page, text


def live(steps: Callable[[PageSite], Steps[Any]], **answers: Any) -> tuple[Any, list[Exchange]]:
    """What the conversation comes to with a site that runs, and what was told."""
    told: list[Exchange] = []

    async def lead() -> Any:
        async with (
            PageSite({f"/{name}": answer for name, answer in answers.items()}) as site,
            site.client() as client,
        ):
            return await ask_live(steps(site), client, told.append)

    return asyncio.run(lead()), told


def statuses(site: PageSite) -> Steps[list[int]]:
    one = yield from ask(Get(f"{site.url}/one"))
    others = yield from ask_all(Get(f"{site.url}/{name}") for name in ("two", "three"))
    return [one.status, *(each.status for each in others)]


def test_answers_come_in_the_order_of_the_questions() -> None:
    found, told = live(statuses, one=page(), two=page(status=500), three=page(status=404))
    assert found == [200, 500, 404]
    assert [question.url.rpartition("/")[2] for question, _ in told] == ["one", "two", "three"]


def test_what_was_told_answers_as_the_site_did() -> None:
    site = PageSite({})
    found, told = live(statuses, one=page(), two=page(status=500))
    site.url = told[0][0].url.rpartition("/")[0]
    assert ask_then(statuses(site), told) == found


def test_a_judgement_without_a_conversation_is_told_what_it_lacks() -> None:
    with pytest.raises(NoQuestion, match="it has to yield what it asks"):
        ask_then(Judgement(examined=1), [])  # type: ignore[arg-type]


def test_what_nobody_asked_then_is_not_made_up() -> None:
    with pytest.raises(NotTold, match="it asks what nobody asked then"):
        ask_then(ask(Get("https://example.com/")), [])


def test_the_same_question_twice_has_two_answers() -> None:
    told = [(Fresh(), "a"), (Fresh(), "b")]
    assert ask_then(ask_all([Fresh(), Fresh()]), told) == ["a", "b"]


def test_past_all_caches_is_asked_anew_each_time() -> None:
    def twice(site: PageSite) -> Steps[list[str]]:
        answers = yield from ask_all([Get(f"{site.url}/", past_caches=True)] * 2)
        chain = yield from ask(Follow(f"{site.url}/", past_caches=True))
        return [each.url for each in (*answers, *chain)]

    found, told = live(twice)
    assert len(set(found)) == 3
    assert all("?" not in question.url for question, _ in told)


def test_words_times_and_pauses() -> None:
    def steps(_: PageSite) -> Steps[tuple[str, str, datetime, datetime]]:
        word, other = yield from ask_all([Fresh(), Fresh()])
        before = yield from ask(Now())
        yield from ask(Pause(0.01))
        after = yield from ask(Now())
        return word, other, before, after

    (word, other, before, after), _ = live(steps)
    assert len(word) == 16
    assert word != other
    assert (after - before).total_seconds() >= 0.01


def ended(
    steps: Callable[[Callable[[], None]], Steps[Any]], afterwards: Callable[[], None] = lambda: None
) -> list[Question[Any]]:
    """What a conversation is told that is ended once it has called what it is given; ``afterwards`` is called then."""
    told: list[Exchange] = []
    begun = threading.Event()

    async def lead() -> None:
        talk = ask_live(steps(begun.set), None, told.append)  # type: ignore[arg-type]
        leading = asyncio.create_task(talk)
        assert await asyncio.to_thread(begun.wait, 60)
        leading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leading
        afterwards()

    asyncio.run(lead())
    return [question for question, _ in told]


def test_what_is_ended_from_outside_takes_back_what_it_made() -> None:
    def steps(begins: Callable[[], None]) -> Steps[None]:
        try:
            begins()
            yield from ask(Pause(3600))
        finally:
            yield from ask_all([Fresh(), Fresh()])
            yield from ask(Now())

    assert [type(question) for question in ended(steps)] == [Fresh, Fresh, Now]


@pytest.mark.parametrize("question", [Pause(3600), Fresh()], ids=["waits", "asks"])
def test_what_takes_nothing_back_but_goes_on_is_over_in_time(
    question: Question[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TAKE_BACK_SECONDS", 0.01)

    def steps(begins: Callable[[], None]) -> Steps[None]:
        begins()
        while True:
            with contextlib.suppress(BrokenOff):
                yield from ask(question)

    ended(steps)


def test_a_step_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_STEP_SECONDS", 0.01)
    goes_on = threading.Event()

    def steps(begins: Callable[[], None]) -> Steps[None]:
        begins()
        goes_on.wait(60)
        yield from ask(Fresh())

    assert ended(steps, goes_on.set) == []


def test_a_foreign_host_is_refused_where_it_is_asked_and_the_check_may_go_on() -> None:
    def steps(site: PageSite) -> Steps[str]:
        try:
            yield from ask(Get("https://somewhere.example.org/"))
        except HostNotAllowed as error:
            answer = yield from ask(Get(f"{site.url}/"))
            return f"{answer.status} {error}"
        return "asked"

    found, _ = live(steps)
    assert found.startswith("200 ")
    assert "not on a host of this site" in found


def one_after_another(names: Sequence[str], log: list[str], site: PageSite) -> Steps[str]:
    for name in names:
        log.append(name)
        yield from ask(Get(f"{site.url}/{name}"))
    return "".join(names)


def test_conversations_side_by_side_ask_at_once_and_end_each_in_its_time() -> None:
    log: list[str] = []
    found, told = live(
        lambda site: together(one_after_another(names, log, site) for names in ("ab", "c", "", "def"))
    )
    assert found == ["ab", "c", "", "def"]
    assert log == ["a", "c", "d", "b", "e", "f"], "the first of each, then the second"
    assert len(told) == 6


def test_no_conversation_at_all() -> None:
    def none() -> Iterator[Steps[str]]:
        yield from ()

    assert live(lambda _: together(none()))[0] == []


class Strange(Check[CheckSettings]):
    """A check that yields what a test wants."""

    kind, number, title = "strange", "9z", "Strange"
    yields: Callable[[], Any] = staticmethod(lambda: None)

    def judge(self, visit: Visit) -> Steps[Judgement]:
        while True:
            yield self.yields()


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        (lambda: "/us/en.html", "which is no list of questions"),
        (lambda: ["/us/en.html"], "which is no list of questions"),
        (lambda: [Question()], "nobody can answer Question"),
        (lambda: [Fresh()] * 1000, "asked more than"),
        (lambda: [Get("https://somewhere.example.org/")], "not on a host of this site"),
        (lambda: [Get("no address")], ""),
    ],
)
def test_a_check_that_asks_nonsense_has_no_answer_and_says_so(
    strange: Callable[[], Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_QUESTIONS", 5000)
    monkeypatch.setattr(Strange, "yields", staticmethod(strange))

    async def run() -> Any:
        async with PageSite({}) as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            return await run_check(Strange(CheckSettings()), visit)

    result = asyncio.run(run())
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)
    assert said in result.findings[0].sentence


def test_a_check_that_never_asks_and_never_ends_is_over_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(Strange, "yields", staticmethod(lambda: goes_on.wait(60)))

    async def run() -> Any:
        async with PageSite({}) as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            result = await run_check(Strange(CheckSettings(within=timedelta(milliseconds=100))), visit)
            goes_on.set()
            return result

    assert "did not end within" in asyncio.run(run()).findings[0].sentence


ANSWER = Response(
    url="https://www.example.com/a",
    status=200,
    headers=make_headers([("Set-Cookie", "id=secret; Path=/"), ("Content-Type", "text/html")]),
    body=b"<p>hello</p>",
    elapsed=0.5,
    first_byte=0.25,
)


def test_a_conversation_is_read_as_it_was_kept_but_for_secrets(tmp_path: Path) -> None:
    told: list[Exchange] = [
        (Get("https://www.example.com/a", headers={"Origin": "x"}, tries=3, past_caches=True), ANSWER),
        (Follow("https://www.example.com/a", within=frozenset({"b", "a"})), (ANSWER, ANSWER)),
        (Fresh(), "0123456789abcdef"),
        (Now(), datetime.fromisoformat("2026-11-02T10:00:00+00:00")),
        (Pause(1.5), None),
        (Fact("aem_release"), {"stage": "2026.11.1"}),
        (
            Files(("**/*.xml", "pom.xml")),
            Source({"pom.xml": b"<project/>\xff"}, 3, links={"a.xml": "../b.xml"}),
        ),
        (Files(("a",)), Source(problem="There is no checkout.")),
        (
            Changed("a" * 40),
            ChangeMap(
                "a" * 40,
                "b" * 40,
                (ChangeCommit("b" * 40, 1, "A <a@x>", 5, "Title", ("a.md",)),),
                1,
                (Change("a.md", Kind.POLICY, "a", ("b", "c"), everything="why"),),
                ("A note.",),
            ),
        ),
        (
            Handshake("https://www.example.com"),
            Certificate(ends=datetime.fromisoformat("2027-01-01T00:00:00+00:00")),
        ),
        (Handshake("https://example.com"), Certificate(problem="no connection", refused=True)),
    ]
    keep(Told(told, "confirmation/robots"), tmp_path, "robots")
    found = read(tmp_path, "robots")
    assert found is not None
    assert found.recording == "confirmation/robots"
    assert [question for question, _ in found.exchanges] == [question for question, _ in told]
    first, chain, *rest = [answer for _, answer in found.exchanges]
    assert (first.body, first.status, first.elapsed, first.first_byte) == (b"<p>hello</p>", 200, 0.5, 0.25)
    assert len(chain) == 2
    assert rest == [answer for _, answer in told[2:]]
    assert b"secret" not in b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            [(Get("https://www.example.com/a", method="POST"), ANSWER)],
            r"changed something on the site \(POST\)",
        ),
        (
            [(Get("https://www.example.com/a", headers={"authorization": "Basic x"}), ANSWER)],
            "its questions may carry credentials",
        ),
        (
            [(Files(("**",)), Source({"a.cfg.json": b'{"password": "correct-horse"}'}, 1))],
            "the source of the release holds what looks like a secret",
        ),
    ],
)
def test_what_can_t_be_led_again_is_not_kept_and_says_why(
    told: list[Exchange], why: str, tmp_path: Path
) -> None:
    keep(Told(told), tmp_path, "forms")
    with pytest.raises(NotKept, match=why):
        read(tmp_path, "forms")
    assert all("bodies" not in told for told in conversations(tmp_path).values())


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aem_checks.told.MOST_BYTES", 20)
    told = Told()
    for _ in range(2):
        told.hear((Get("https://www.example.com/a"), ANSWER))
    assert told.exchanges == [], "nor is it held in memory"
    keep(told, tmp_path, "images")
    with pytest.raises(NotKept, match="its answers have 24 bytes"):
        read(tmp_path, "images")


def test_a_body_that_was_changed_since_is_not_believed(tmp_path: Path) -> None:
    keep(Told([(Get("https://www.example.com/a"), ANSWER)]), tmp_path, "robots")
    path = tmp_path / "told" / "robots.json"
    told = json.loads(path.read_text())
    packed = Packed.unpack(base64.b64decode(told["bodies"]), path)
    for name in packed.files:
        packed.files[name] = b"<p>other</p>"
    for bodies, why in ((packed.pack(), "has changed since"), (b"no archive", "is damaged")):
        path.write_text(json.dumps({**told, "bodies": base64.b64encode(bodies).decode()}))
        with pytest.raises(ValueError, match=why):
            read(tmp_path, "robots")


def test_bodies_that_once_lay_in_a_folder_are_read_from_there(tmp_path: Path) -> None:
    keep(Told([(Get("https://www.example.com/a"), ANSWER)]), tmp_path, "robots")
    path = tmp_path / "told" / "robots.json"
    told = json.loads(path.read_text())
    (tmp_path / "told" / "bodies").mkdir()
    for name, body in Packed.unpack(base64.b64decode(told.pop("bodies")), path).files.items():
        (tmp_path / "told" / name).write_bytes(body)
    path.write_text(json.dumps(told))
    found = read(tmp_path, "robots")
    assert found is not None
    assert [answer.body for _, answer in found.exchanges] == [ANSWER.body]


def test_of_a_later_format_nothing_is_guessed(tmp_path: Path) -> None:
    keep(Told([]), tmp_path, "robots")
    path = tmp_path / "told" / "robots.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(NotKept, match="unknown format 2"):
        read(tmp_path, "robots")
    assert read(tmp_path, "sitemap") is None


class Asks(Check[CheckSettings]):
    kind, number, title = "asks", "9y", "Asks"
    codes = faults(bad="it answers badly")

    def judge(self, visit: Visit) -> Steps[Judgement]:
        answer = yield from ask(Get(visit.url("/a"), past_caches=True))
        bad = Finding(subject="/a", sentence=f"It answers {answer.status}.", code="bad")
        return Judgement(examined=1, findings=() if answer.ok else (bad,))


def test_both_runs_of_a_check_are_kept(tmp_path: Path) -> None:
    async def run() -> Any:
        async with PageSite({"/a": text("no", status=500)}) as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            return await run_check(Asks(CheckSettings()), visit, key="wknd.asks")

    assert asyncio.run(run()).attempts == 2
    for name in ("wknd.asks", f"wknd.asks{AGAIN}"):
        told = read(tmp_path, name)
        assert told is not None
        assert [answer.status for _, answer in told.exchanges] == [500]


def conversations(folder: Path) -> dict[str, Any]:
    return {each.stem: json.loads(each.read_text()) for each in (folder / "told").glob("*.json")}


def run_asks(folder: Path, answer: Any, **site: Any) -> Any:
    async def run() -> Any:
        async with PageSite({"/a": answer}) as running, running.client() as client:
            visit = Means(running.config(**site), "stage", client, None, folder)
            return await run_check(Asks(CheckSettings(within=timedelta(seconds=5))), visit)

    return asyncio.run(run())


def test_what_an_earlier_try_was_told_is_not_taken_for_that_of_this_one(tmp_path: Path) -> None:
    """Its worker died; the next try failed at once, once with a second run and once without."""
    run_asks(tmp_path, text("no", status=500))
    assert conversations(tmp_path).keys() == {"asks", f"asks{AGAIN}"}
    run_asks(tmp_path, page())
    told = conversations(tmp_path)
    assert "exchanges" in told["asks"]
    assert read(tmp_path, f"asks{AGAIN}") is None


def test_a_run_that_was_too_late_leaves_nothing_that_could_be_judged_more_kindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_asks(tmp_path, page())
    goes_on = threading.Event()
    monkeypatch.setattr(Asks, "judge", lambda *_: goes_on.wait(60))

    async def run() -> Any:
        async with PageSite({}) as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            result = await run_check(Asks(CheckSettings(within=timedelta(milliseconds=100))), visit)
            goes_on.set()
            return result

    assert asyncio.run(run()).outcome is Outcome.INCONCLUSIVE
    assert conversations(tmp_path)["asks"]["left_out"] == "it did not come to an end"


def test_what_author_shows_is_not_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with PageSite({"/a": page()}) as site, site.client() as client:
            config = site.config(author=site.url)
            await run_check(Asks(CheckSettings()), Means(config, "stage", client, None, tmp_path))

    asyncio.run(run())
    assert conversations(tmp_path)["asks"]["left_out"] == "it was told what only authors may see"
    assert all("bodies" not in told for told in conversations(tmp_path).values())


def test_a_judgement_stands_though_what_it_rests_on_can_t_be_kept(tmp_path: Path) -> None:
    (tmp_path / "told").write_text("no folder")
    result = run_asks(tmp_path, page())
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1)
    assert "was told could not be kept" in result.findings[0].sentence


def test_of_very_many_conversations_only_some_are_led_at_a_time() -> None:
    begun, most = [], []

    def one(number: int) -> Steps[int]:
        begun.append(number)
        yield from ask(Fresh())
        yield from ask(Fresh())
        return number

    def seen(question: Question[Any]) -> str:
        most.append(len(begun))
        return ""

    assert lead(together(one(number) for number in range(200)), seen) == list(range(200))
    assert most[0] == SIDE_BY_SIDE
