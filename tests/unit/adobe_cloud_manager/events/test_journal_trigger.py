"""Does the journal's reader lose nothing, repeat little and go on whatever happens? Against the simulator."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string
from blockbuster import blockbuster_ctx

from adobe_cloud_manager.events import journal_stream
from adobe_cloud_manager.events.hint import HINT_VARIABLE, arrivals
from adobe_cloud_manager.events.hint_store import leave_hint
from adobe_cloud_manager.events.journal_stream import Pace
from adobe_cloud_manager.triggers import board
from adobe_cloud_manager.triggers.journal import JournalTrigger
from simulator import Simulator
from unit.adobe_cloud_manager.adobe_double import ORG, Adobe
from unit.adobe_cloud_manager.events.deliveries import body, inner
from unit.adobe_cloud_manager.events.triggerer import Supervisor, Triggerer, run, until
from unit.adobe_cloud_manager.local_server import RESET, Received, reply

PATH = "/events/organizations/1/integrations/2/3"
QUICK = Pace(idle=0.02, after_events=0.01, stuck=0.05, first_retry=0.02, longest_retry=0.05)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_stream, "PACE", QUICK)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    return Supervisor().install(monkeypatch)


@pytest.fixture
def sim(simulator: Simulator) -> Simulator:
    simulator.io_events.set_retry_after(0)
    return simulator


def of(url: str) -> JournalTrigger:
    return JournalTrigger(journal_url=url, cloud_manager_conn_id="cloud_manager_default")


def happens(sim: Simulator) -> str:
    """Something happens in Cloud Manager; the subject of its events."""
    return f"{sim.program_id}/{sim.pipeline_id}/{sim.start_execution(beside=True)}"


def test_an_event_fires_once_with_its_subject_and_time_only(sim: Simulator, supervisor: Supervisor) -> None:
    async def scene() -> None:
        async with Triggerer().watching(of(sim.io_events.journal_url)) as triggerer:
            await until(lambda: supervisor.position)
            subject = happens(sim)
            await until(lambda: subject in triggerer.subjects)
            assert all(payload.keys() == {"subjects", "newest"} for payload in triggerer.payloads)
            assert subject in arrivals(supervisor.variables[HINT_VARIABLE])

    run(scene)


def test_what_happens_while_no_triggerer_runs_is_read_afterwards(
    sim: Simulator, supervisor: Supervisor
) -> None:
    async def scene() -> None:
        trigger = of(sim.io_events.journal_url)
        async with Triggerer().watching(trigger) as first:
            await until(lambda: supervisor.position)
            told = happens(sim)
            await until(lambda: told in first.subjects)
        missed = [happens(sim) for _ in range(3)]
        async with Triggerer().watching(trigger) as second:
            await until(lambda: set(missed) <= set(second.subjects))

    run(scene)


def test_what_airflow_has_not_stored_is_read_again(sim: Simulator, supervisor: Supervisor) -> None:
    async def scene() -> None:
        trigger = of(sim.io_events.journal_url)
        async with Triggerer(stores=False).watching(trigger) as crashing:
            await until(lambda: supervisor.position)
            position = supervisor.position
            subject = happens(sim)
            await until(lambda: subject in crashing.subjects)
            await asyncio.sleep(0.1)  # time enough for a move that must not be
            assert supervisor.position == position
        async with Triggerer().watching(trigger) as second:
            await until(lambda: subject in second.subjects)
            await until(lambda: supervisor.position != position)

    run(scene)


def test_what_airflow_can_never_store_is_not_passed_over(sim: Simulator, supervisor: Supervisor) -> None:
    async def scene() -> None:
        crashing = Triggerer(stores=False, ack_timeout=0.3)
        async with crashing.watching(of(sim.io_events.journal_url)):
            await until(lambda: supervisor.position)
            position = supervisor.position
            happens(sim)
            await until(lambda: crashing.failed)
            await asyncio.sleep(0.2)  # time enough for a move that must not be
        assert supervisor.position == position

    run(scene)


def test_after_an_expired_position_it_goes_on_at_the_oldest_kept_and_says_so(
    sim: Simulator, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        trigger = of(sim.io_events.journal_url)
        async with Triggerer().watching(trigger):
            await until(lambda: supervisor.position)
        happens(sim)
        sim.io_events.expire_journals()
        kept = happens(sim)
        async with Triggerer().watching(trigger) as second:
            await until(lambda: kept in second.subjects)

    run(scene)
    assert "goes on at the oldest events that are kept" in caplog.text


def test_many_watchers_of_one_journal_share_one_reader(sim: Simulator, supervisor: Supervisor) -> None:
    async def scene() -> None:
        async with Triggerer().watching(of(sim.io_events.journal_url), watchers=5) as triggerer:
            await until(lambda: supervisor.position)
            subject = happens(sim)
            await until(lambda: triggerer.subjects.count(subject) >= 5)

    run(scene)
    first = [request for request in sim.requests if "latest=true" in request.path]
    assert len(first) == 1


def test_an_expired_token_is_renewed_without_a_word(
    sim: Simulator, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with Triggerer().watching(of(sim.io_events.journal_url)) as triggerer:
            await until(lambda: supervisor.position)
            sim.expire_tokens()
            subject = happens(sim)
            await until(lambda: subject in triggerer.subjects)

    run(scene)
    assert "can't be read" not in caplog.text


# What follows needs answers that Adobe's service gives seldom: a server that answers as it is told.


@pytest.fixture
def journal(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adobe]:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__EVENTS_URL", adobe.url)
    return adobe


def answer(number: int, *events: Any, target: str | None = None) -> bytes:
    """A page with events (or the end of the journal), and where it goes on."""
    link = {"Link": target or f'<{PATH}?since=p{number}>; rel="next"'}
    if not events:
        return reply(204, headers={**link, "retry-after": "0"})
    entries = [{"position": f"p{number}", "event": event} for event in events]
    content = body({"events": entries, "_page": {"last": f"p{number}", "count": len(entries)}})
    return reply(200, body=content, headers={"Content-Type": "application/json", **link})


def since(request: Received) -> str:
    return request.target.partition("since=")[2]


def test_a_request_holds_the_journals_headers_and_nothing_else(
    journal: Adobe, supervisor: Supervisor
) -> None:
    journal.routes[PATH] = answer(1)

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)):
            await until(lambda: len(journal.calls) > 1)

    run(scene)
    first, second = journal.calls[:2]
    assert (first.target, second.target) == (f"{PATH}?latest=true", f"{PATH}?since=p1")
    assert first.header_names == {
        "host", "accept", "authorization", "user-agent", "x-api-key", "x-ims-org-id"
    }  # fmt: skip
    assert first.header("x-ims-org-id") == ORG
    assert first.header("x-api-key") == journal.client_id
    assert first.header("authorization") == f"Bearer {journal.tokens[0]}"


def test_a_restart_goes_on_behind_what_airflow_has_stored(journal: Adobe, supervisor: Supervisor) -> None:
    journal.routes[PATH] = [answer(1), answer(2, inner()), answer(3)]

    async def scene() -> None:
        trigger = of(journal.url + PATH)
        async with Triggerer().watching(trigger) as first:
            await until(lambda: first.subjects)
            await until(lambda: supervisor.position.endswith("since=p2"))
        supervisor.move_to(f"{PATH}?since=p7")
        async with Triggerer().watching(trigger):
            await until(lambda: "p7" in map(since, journal.calls))

    run(scene)
    assert [each.target for each in journal.calls].count(f"{PATH}?latest=true") == 1


@pytest.mark.parametrize("status", [410, 400])
def test_the_oldest_kept_events_are_read_after_a_position_is_gone(
    journal: Adobe, supervisor: Supervisor, status: int
) -> None:
    def respond(request: Received) -> bytes:
        if request.target == PATH:
            return answer(8, inner())
        return reply(status) if since(request) == "p1" else answer(8)

    journal.routes[PATH] = [answer(1), answer(1), respond]

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
            await until(lambda: triggerer.subjects == ["1/2/3"])
            await until(lambda: supervisor.position.endswith("since=p8"))

    run(scene)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (reply(503), "answered 503"),
        (reply(429, headers={"retry-after": "0.1"}), "answered 429"),
        (reply(403, {"error_code": "403003", "message": "Api Key is invalid"}), "I/O Management API"),
        (reply(401, {"error_code": "401013", "message": "Oauth token is not valid"}), "I/O Management API"),
        (reply(404), "compare the URL"),
        (reply(200, body=b'{"events": [{'), "not a JSON object"),
        (reply(302, headers={"Location": "/ims/elsewhere"}), "answered 302"),
        (RESET, "failed"),
    ],
    ids=["503", "429", "403", "401", "404", "malformed", "redirect", "reset"],
)
def test_whatever_fails_is_said_and_reading_goes_on_from_the_same_position(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture, bad: bytes, word: str
) -> None:
    caplog.set_level(logging.INFO)
    journal.routes[PATH] = [answer(1), *[bad] * 4, answer(2, inner()), answer(3)]

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
            await until(lambda: triggerer.subjects == ["1/2/3"])
            await until(lambda: supervisor.position and supervisor.position.endswith("since=p2"))

    run(scene)
    assert word in caplog.text
    assert "Next try in" in caplog.text
    assert "The journal is read again after" in caplog.text
    assert {since(each) for each in journal.calls[1:6]} == {"p1"}
    assert all(each.path in (PATH, "/ims/token/v3") for each in journal.server.requests)


def test_a_credential_that_is_refused_for_good_costs_few_tokens(
    journal: Adobe, supervisor: Supervisor
) -> None:
    journal.routes[PATH] = reply(403, {"error_code": "403003", "message": "Api Key is invalid"})

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)):
            await until(lambda: len(journal.calls) > 8)

    run(scene)
    assert len(journal.token_calls) <= 2


def test_a_link_to_another_host_is_not_followed(journal: Adobe, supervisor: Supervisor) -> None:
    with Adobe().server as stranger:
        evil = f'<{stranger.url}{PATH}?since=p1>; rel="next"'
        journal.routes[PATH] = [answer(1, inner(), target=evil), answer(2)]

        async def scene() -> None:
            async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
                await until(lambda: triggerer.subjects and len(journal.calls) > 2)

        run(scene)
        assert stranger.requests == []
    assert since(journal.calls[1]) == "p1"


@pytest.mark.parametrize("url", ["https://events.evil.example" + PATH, "file:///etc/passwd", ""])
def test_a_journal_of_another_host_is_never_asked_and_the_log_says_what_to_do(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    async def scene() -> None:
        async with Triggerer().watching(of(url)):
            await until(lambda: "events_url" in caplog.text)

    run(scene)
    assert journal.server.requests == []


def test_while_the_position_cannot_be_read_nothing_is_skipped(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    journal.routes[PATH] = lambda request: answer(9, inner()) if since(request) == "p8" else answer(9)

    async def scene() -> None:
        trigger = of(journal.url + PATH)
        async with Triggerer().watching(trigger):
            await until(lambda: supervisor.position)
        supervisor.move_to(f"{PATH}?since=p8")
        supervisor.is_down = True
        async with Triggerer().watching(trigger) as second:
            await until(lambda: "Next try in" in caplog.text)
            supervisor.is_down = False
            await until(lambda: second.subjects == ["1/2/3"])

    run(scene)
    assert [each.target for each in journal.calls].count(f"{PATH}?latest=true") == 1


def test_a_position_that_cannot_be_stored_is_stored_later(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [answer(1), answer(2, inner()), answer(3)]

    async def scene() -> None:
        journal.routes[PATH] = [pages[0]]
        async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
            await until(lambda: supervisor.position)
            supervisor.is_down = True
            journal.routes[PATH] = pages[1:]
            await until(lambda: triggerer.subjects == ["1/2/3"])
            await until(lambda: "can't be stored yet" in caplog.text)
            supervisor.is_down = False
            await until(lambda: supervisor.position.endswith("since=p2"))

    run(scene)
    assert "The hint about 1 executions could not be stored" in caplog.text


def test_a_journal_that_leads_nowhere_is_not_read_in_a_circle(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    journal.routes[PATH] = answer(1, inner())

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
            await until(lambda: "leads nowhere" in caplog.text)
            await asyncio.sleep(0.2)  # time enough for several requests that must not be
            assert triggerer.subjects == ["1/2/3"]

    run(scene)
    assert len(journal.calls) < 10


def test_a_quiet_journals_position_is_kept_fresh(
    journal: Adobe, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = itertools.count()
    journal.routes[PATH] = lambda request: answer(next(count))
    monkeypatch.setattr(journal_stream, "PACE", Pace(idle=0.01, after_events=0.01, keep_position_every=0.1))

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)):
            await until(lambda: supervisor.position)
            first = supervisor.position
            await until(lambda: supervisor.position != first)

    run(scene)


def test_nothing_blocks_the_event_loop(
    journal: Adobe, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    import airflow.sdk.execution_time.cache  # noqa: F401 - a triggerer has loaded it long before

    journal.routes[PATH] = [answer(1), answer(2, inner()), answer(3)]

    async def scene() -> None:
        with blockbuster_ctx(scanned_modules=["adobe_cloud_manager"]):
            async with Triggerer().watching(of(journal.url + PATH)) as triggerer:
                await until(lambda: triggerer.subjects == ["1/2/3"])
                await until(lambda: supervisor.position.endswith("since=p2"))

    run(scene)
    assert "can't be" not in caplog.text


def test_the_waits_of_this_process_are_woken_at_once(
    journal: Adobe, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(board, "wake", woken.append)
    journal.routes[PATH] = [answer(1), answer(2, inner()), answer(3)]

    async def scene() -> None:
        async with Triggerer().watching(of(journal.url + PATH)):
            await until(lambda: woken == ["1/2/3"])

    run(scene)


def test_outside_a_triggerer_a_hint_is_left_to_nobody() -> None:
    run(lambda: leave_hint(["1/2/3"]))


def test_airflow_builds_the_same_trigger_again() -> None:
    path, kwargs = of("https://events-va6.adobe.io" + PATH).serialize()
    again = import_string(path)(**json.loads(json.dumps(kwargs)))
    assert again.serialize() == (path, kwargs)
    assert again.shared_stream_key() == of("https://events-va6.adobe.io" + PATH).shared_stream_key()
