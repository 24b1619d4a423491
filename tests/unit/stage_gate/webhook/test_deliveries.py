"""What is taken, what is refused, and what is stored then?"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adobe_cloud_manager.events.envelope import MAX_BODY, parse_delivery
from adobe_cloud_manager.events.hint_store import DESCRIPTION
from adobe_cloud_manager.events.signature import Signatures
from simulator.io_events.signing import hmac_of, key_pair
from stage_gate.webhook import answers, reception
from stage_gate.webhook.answers import NO_KEY, NOT_IN_TIME, Answer
from stage_gate.webhook.app import create_app
from stage_gate.webhook.hmac_secrets import Secrets
from stage_gate.webhook.limits import Bucket
from stage_gate.webhook.reception import ANSWER_WITHIN, Reception
from stage_gate.webhook.refusals import Refusals
from stage_gate.webhook.seen import Seen
from stage_gate.webhook.store import store
from stage_gate.webhook.writer import News, NotStored, Writer
from unit.stage_gate.waiting import until
from unit.stage_gate.webhook.adobe import (
    HANGS,
    OTHER,
    REGISTRATIONS,
    SUBJECT,
    AdobesHost,
    body_of,
    event,
    signed,
    under_true_paths,
)
from unit.stage_gate.webhook.conftest import AppOf, Stored

SLOW = 120.0
"""Seconds that a database takes which does not answer."""


def deliver(client: TestClient, body: bytes, headers: dict[str, str], to: str = "main") -> int:
    return int(client.post(f"/{to}", content=body, headers=headers).status_code)


def deliver_signed(client: TestClient, *events: dict[str, Any], to: str = "main") -> int:
    body = body_of(*events)
    return deliver(client, body, signed(body), to)


def test_a_signed_event_becomes_an_asset_event_and_a_hint(client: TestClient, stored: Stored) -> None:
    assert deliver_signed(client, event("a-1")) == 200
    assert stored.events() == [{"subjects": [SUBJECT], "event_ids": ["a-1"]}]
    assert list(json.loads(stored.hint() or "")) == [SUBJECT]


def test_what_is_taken_is_no_line_in_the_log_and_known_the_next_time(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = body_of(event("a-3"))
    told = [client.post("/main", content=body, headers=signed(body)).text for _ in range(3)]
    assert told == ["Taken.\n", "Known already.\n", "Known already.\n"]
    assert not [each for each in caplog.records if each.name.startswith(("stage_gate", "asyncio"))]


def test_the_start_of_a_step_wakes_nobody(client: TestClient, stored: Stored) -> None:
    step = event("a-2")
    step["event"]["xdmEventEnvelope:objectType"] = (
        "https://ns.adobe.com/experience/cloudmanager/execution-step-state"
    )
    assert deliver_signed(client, step) == 200
    assert stored.events() == [{"subjects": [SUBJECT], "event_ids": ["a-2"]}]
    assert json.loads(stored.hint() or "") == {}


def test_a_batch_becomes_one_asset_event(client: TestClient, stored: Stored) -> None:
    events = [event(f"b-{number}", subject=f"1/2/{number}") for number in range(20)]
    assert deliver_signed(client, *events) == 200
    assert [sorted(each["subjects"]) for each in stored.events()] == [sorted(f"1/2/{n}" for n in range(20))]


def test_the_older_spelling_of_the_ids_counts_too(client: TestClient, stored: Stored) -> None:
    new = event("c-1")
    old = {
        "event_id": new["eventid"],
        "recipient_client_id": new["recipientclientid"],
        "event": new["event"],
    }
    assert deliver_signed(client, old) == 200
    assert stored.events()[0]["event_ids"] == ["c-1"]


def test_either_of_two_signatures_is_enough(client: TestClient, stored: Stored) -> None:
    for number, (first, second) in enumerate([(0, -1), (-1, 1)]):
        body = body_of(event(f"d-{number}"))
        headers = signed(body, first=first, second=second)
        headers["x-adobe-public-key1-path"], headers["x-adobe-public-key2-path"] = (
            key_pair(0).path,
            key_pair(1).path,
        )
        assert deliver(client, body, headers) == 200
    assert len(stored.events()) == 2


def test_each_registration_takes_only_what_is_for_its_own_client_id(
    client: TestClient, stored: Stored
) -> None:
    assert deliver_signed(client, event("e-1", client_id=OTHER.client_id), to="other") == 200
    assert deliver_signed(client, event("e-2", client_id=OTHER.client_id), to="main") == 403
    assert len(stored.events()) == 1


def test_one_stranger_in_a_batch_spoils_it(client: TestClient, stored: Stored) -> None:
    events = [event("f-1"), event("f-2", client_id="somebody-else")]
    assert deliver_signed(client, *events) == 403
    assert stored.events() == []


def _unsigned(body: bytes) -> dict[str, str]:
    return {}


def _changed(body: bytes) -> dict[str, str]:
    return signed(body + b" ")


def _strangers_keys(body: bytes) -> dict[str, str]:
    return signed(body, first=-1, second=-1)


def _another_host(body: bytes) -> dict[str, str]:
    return signed(body) | {
        f"x-adobe-public-key{each}-path": f"@evil.example{key_pair(0).path}" for each in (1, 2)
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (_unsigned, 401),
        (_another_host, 401),
        (_changed, 403),
        (_strangers_keys, 403),
        (under_true_paths, 403),
    ],
)
def test_what_is_not_signed_by_adobe_is_refused_and_leaves_nothing(
    client: TestClient, stored: Stored, headers: Any, status: int
) -> None:
    body = body_of(event("g-1"))
    assert deliver(client, body, headers(body)) == status
    assert stored.events() == []
    assert stored.hint() is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b"null", b"[1]", b"[" * 100_000, body_of(*[event("x")] * 21)],
    ids=range(8),
)
def test_what_is_no_delivery_is_malformed_even_when_signed(
    client: TestClient, stored: Stored, body: bytes
) -> None:
    assert deliver(client, body, signed(body)) == 400
    assert stored.events() == []


def test_an_unknown_registration_is_not_found(client: TestClient) -> None:
    assert deliver_signed(client, event("h-1"), to="nobody") == 404


_ANSWERS: list[tuple[Answer, int, str, int | None, bool]] = [
    # what comes, its status, how its sentence begins, when to come again, whether the connection ends
    (answers.TAKEN, 200, "Taken.", None, False),
    (answers.KNOWN, 200, "Known already.", None, False),
    (answers.VALIDATING, 200, "Validating.", None, False),
    (answers.malformed("It is no JSON."), 400, "It is no JSON.", None, False),
    (answers.UNSIGNED, 401, "It holds no digital signature", None, False),
    (answers.FORGED, 403, "No signature is one of this body", None, False),
    (answers.FOREIGN, 403, "It is addressed to another client id", None, False),
    (answers.UNKNOWN, 404, "There is no such registration here", None, False),
    (answers.TOO_LONG, 413, "The body is longer than any", None, True),
    (answers.too_often(0.01), 429, "There is more than [stage_gate] event_rate lets through", 1, False),
    (answers.too_often(2.1), 429, "There is more than [stage_gate] event_rate lets through", 3, False),
    (answers.TOO_SLOW, 503, "The body was not read in time", 30, True),
    (answers.NO_ROOM, 503, "Too many bodies are being read", 30, True),
    (answers.NO_KEY, 503, "Adobe's public key could not be fetched", 30, False),
    (answers.NO_SECRET, 503, "The connection that [stage_gate] event_hmac names", 30, False),
    (answers.NOT_IN_TIME, 503, "It was not stored in time", 30, False),
    (answers.not_stored("The disk is full."), 503, "The disk is full.", 30, False),
]


@pytest.mark.parametrize(("answer", "status", "told", "again", "ends"), _ANSWERS)
def test_what_adobe_shall_send_again_says_when_and_an_unread_body_ends_its_connection(
    answer: Answer, status: int, told: str, again: int | None, ends: bool
) -> None:
    """Adobe gives up after 4xx but 429, and goes on trying for a day after anything else."""
    assert (answer.status, answer.retry_after, answer.close) == (status, again, ends)
    assert answer.sentence.startswith(told)


def _as_it_is(body: bytes) -> dict[str, str]:
    return signed(body)


@pytest.mark.parametrize(
    ("to", "body", "headers", "answer"),
    [
        ("nobody", b"{}", _unsigned, answers.UNKNOWN),
        ("main", b"{}", _unsigned, answers.UNSIGNED),
        ("main", body_of(event("h-2")), under_true_paths, answers.FORGED),
        ("main", body_of(event("h-3", client_id="another")), _as_it_is, answers.FOREIGN),
        ("main", b"{", _as_it_is, answers.malformed("The body is not JSON in UTF-8.")),
        ("main", b" " * (MAX_BODY + 1), _unsigned, answers.TOO_LONG),
    ],
    ids=lambda value: f"{value.status} {value.sentence[:20]}" if isinstance(value, Answer) else "",
)
def test_a_refusal_says_why_to_adobe_and_in_the_log_and_that_it_is_for_good(
    client: TestClient,
    caplog: pytest.LogCaptureFixture,
    to: str,
    body: bytes,
    headers: Callable[[bytes], dict[str, str]],
    answer: Answer,
) -> None:
    told = client.post(f"/{to}", content=body, headers=headers(body))
    assert (told.status_code, told.text) == (answer.status, f"{answer.sentence}\n")
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert told.headers.get("connection") == ("close" if answer.close else None)
    assert "retry-after" not in told.headers
    whose = "unknown" if to == "nobody" else to
    assert [each.getMessage() for each in caplog.records if each.name.startswith("stage_gate")] == [
        f"Adobe I/O Events, registration {whose}: answered {answer.status}. {answer.sentence}"
    ]


def test_a_longest_body_is_taken_and_a_longer_one_is_not(client: TestClient, stored: Stored) -> None:
    plain = body_of(event("i-1"))
    longest = plain + b" " * (MAX_BODY - len(plain))
    assert deliver(client, longest, signed(longest)) == 200
    assert deliver(client, longest + b" ", signed(longest + b" ")) == 413
    assert len(stored.events()) == 1


def test_the_same_event_is_stored_once_in_whatever_order(client: TestClient, stored: Stored) -> None:
    for number in (2, 1, 2, 1):
        assert deliver_signed(client, event(f"j-{number}")) == 200
    assert [each["event_ids"] for each in stored.events()] == [["j-2"], ["j-1"]]
    assert deliver_signed(client, event("j-1"), event("j-3"), event("j-2")) == 200
    assert [each["event_ids"] for each in stored.events()][2:] == [["j-3"]], "one that is new makes it news"


@pytest.mark.usefixtures("still_clock")
def test_what_is_known_already_does_not_count_against_the_rate(app_of: AppOf) -> None:
    with TestClient(app_of(per_second=1)) as client:
        assert {deliver_signed(client, event("j-4")) for _ in range(18)} == {200}


def test_another_process_knows_what_was_stored(app_of: AppOf, stored: Stored) -> None:
    for _ in range(2):
        with TestClient(app_of()) as client:
            assert deliver_signed(client, event("k-1")) == 200
    assert len(stored.events()) == 1


def test_a_header_cannot_make_an_event_known(client: TestClient, stored: Stored) -> None:
    body = body_of(event("l-1"))
    assert deliver(client, body, signed(body) | {"x-adobe-event-id": "l-2"}) == 200
    assert deliver_signed(client, event("l-2")) == 200
    assert len(stored.events()) == 2


def test_foreign_text_is_not_stored(client: TestClient, stored: Stored) -> None:
    strange = event("<script>alert(1)</script>")
    strange["event"]["activitystreams:object"]["@id"] = "https://evil.example/<b>"
    assert deliver_signed(client, strange) == 200
    (only,) = stored.events()
    assert only["subjects"] == []
    assert only["event_ids"][0].startswith("sha256:")
    assert "script" not in json.dumps(only)


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("AZaz09:._-", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("a/b", False),
        ("'", False),
        ("", False),
        ("grün", False),
    ],
)
def test_a_plain_id_is_stored_as_it_is_and_of_any_other_its_digest(
    client: TestClient, stored: Stored, given: str, is_kept: bool
) -> None:
    one = event("l-3") | {"eventid": given}
    del one["event"]["@id"]
    assert deliver_signed(client, one) == 200
    ((kept,),) = (each["event_ids"] for each in stored.events())
    assert kept == given if is_kept else re.fullmatch("sha256:[0-9a-f]{32}", kept)


def test_events_without_any_id_are_told_apart_by_their_place_and_body(
    client: TestClient, stored: Stored
) -> None:
    nameless = {"ä": "outside of ASCII", **event("l-4"), "eventid": None}
    del nameless["event"]["@id"]
    batch = json.dumps([nameless, nameless], ensure_ascii=False).encode()
    one = json.dumps([nameless], ensure_ascii=False).encode()
    assert [deliver(client, body, signed(body)) for body in (batch, one, batch)] == [200] * 3
    assert [len(each["event_ids"]) for each in stored.events()] == [2, 1]
    assert len({each for extra in stored.events() for each in extra["event_ids"]}) == 3


def test_before_the_asset_is_known_adobe_is_asked_to_come_again(client: TestClient, stored: Stored) -> None:
    stored.empty()
    body = body_of(event("m-1"))
    answer = client.post("/main", content=body, headers=signed(body))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "does not know the asset adobe_io_events yet" in answer.text
    assert (
        "has not read the Dag stage_gate.start: look at the Dag processor and at import errors" in answer.text
    )
    stored.register_asset()
    assert deliver(client, body, signed(body)) == 200
    assert len(stored.events()) == 1


def test_an_asset_that_no_dag_uses_any_more_is_as_good_as_unknown(client: TestClient, stored: Stored) -> None:
    stored.deactivate_asset()
    assert deliver_signed(client, event("m-2")) == 503
    assert stored.events() == []


def test_event_and_hint_are_stored_together_or_not_at_all(
    client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.assets.manager import asset_manager

    def breaks(**_: Any) -> None:
        raise RuntimeError("the database is gone")

    with monkeypatch.context() as patched:
        patched.setattr(type(asset_manager), "register_asset_change", breaks)
        assert deliver_signed(client, event("n-1")) == 503
    assert stored.events() == []
    assert stored.hint() is None
    assert deliver_signed(client, event("n-1")) == 200
    assert [each["event_ids"] for each in stored.events()] == [["n-1"]], "what failed is not taken for known"


@pytest.mark.parametrize("other", [{"name": "another"}, {"uri": "another"}])
def test_only_the_asset_of_this_name_and_address_is_the_one(stored: Stored, other: dict[str, str]) -> None:
    stored.empty()
    stored.register_asset(**other)
    with pytest.raises(NotStored, match="does not know the asset adobe_io_events yet"):
        store([News(("m-3",), (SUBJECT,))])
    assert stored.events() == []


def test_of_what_is_stored_together_only_the_news_is_told(stored: Stored) -> None:
    store([News(("n-2",), ("1/2/3",), ("1/2/3",))])
    known, half = News(("n-2",), ("7/7/7",), ("7/7/7",)), News(("n-2", "n-4"), ("1/2/5",), ("1/2/5",))
    store([known, News(("n-3",), ("1/2/4",)), half])
    store([known])
    assert stored.events() == [
        {"subjects": ["1/2/3"], "event_ids": ["n-2"]},
        {"subjects": ["1/2/4", "1/2/5"], "event_ids": ["n-3", "n-4"]},
    ]
    assert set(json.loads(stored.hint() or "")) == {"1/2/3", "1/2/5"}, "older hints stay"


def test_listeners_hear_of_it_once_it_is_stored(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.assets.manager import asset_manager

    heard: list[list[dict[str, Any]]] = []
    monkeypatch.setattr(
        type(asset_manager), "notify_asset_changed", staticmethod(lambda asset: heard.append(stored.events()))
    )
    store([News(("n-5",), (SUBJECT,))])
    assert heard == [[{"subjects": [SUBJECT], "event_ids": ["n-5"]}]]


def test_the_hint_is_a_variable_that_says_what_it_is_and_others_stay_as_they_are(stored: Stored) -> None:
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    with create_session(scoped=False) as session:
        session.add(Variable("of_somebody_else", "7"))  # type: ignore[no-untyped-call]
    store([News(("n-6",), (SUBJECT,), (SUBJECT,))])
    with create_session(scoped=False) as session:
        found = {each.key: each for each in session.scalars(select(Variable))}
        assert found.keys() == {"of_somebody_else", "adobe_io_events_hint"}
        assert found["of_somebody_else"].val == "7"
        assert found["adobe_io_events_hint"].description == DESCRIPTION
        session.execute(delete(Variable))
    store([News(("n-6",), (SUBJECT,), (SUBJECT,))])
    assert stored.hint() == "{}", "somebody deleted it, and there is no news"


HOUR = timedelta(hours=1)


def test_what_was_stored_within_a_day_is_known_and_older_events_and_those_of_other_assets_are_not(
    stored: Stored,
) -> None:
    stored.add_events([{"event_ids": ["z-1"]}], ago=23.5 * HOUR)
    stored.add_events([{"event_ids": ["z-2"]}], ago=24.5 * HOUR)
    stored.register_asset(name="another", uri="another")
    stored.add_events([{"event_ids": ["z-3"]}], of="another")
    store([News((f"z-{number}",), ()) for number in (1, 2, 3)])
    assert stored.events()[-1]["event_ids"] == ["z-2", "z-3"]


@pytest.mark.parametrize(
    "extra",
    [{}, {"event_ids": 5}, {"event_ids": "z-4"}, {"event_ids": [["z-4"], {"z-4": 1}, None, 4]}, ["z-4"]],
)
def test_an_asset_event_that_somebody_else_made_by_hand_harms_nothing(stored: Stored, extra: Any) -> None:
    stored.add_events([extra])
    store([News(("z-4",), ())])
    assert stored.events() == [extra, {"subjects": [], "event_ids": ["z-4"]}]


def test_ids_are_searched_for_in_the_newest_three_hundred_asset_events(stored: Stored) -> None:
    stored.add_events([{"event_ids": [f"y-{number}"]} for number in range(300)], each=timedelta(minutes=1))
    store([News(("y-299",), ())])
    assert len(stored.events()) == 300
    stored.add_events([{"event_ids": ["the newest"]}])
    store([News(("y-298",), ()), News(("y-299",), ())])
    assert stored.events()[-1]["event_ids"] == ["y-299"]


def once_its_keys_are_there(client: TestClient, each: dict[str, Any]) -> tuple[int, str]:
    """Status and sentence of the first answer that is not about Adobe's keys."""
    body = body_of(each)
    told: list[tuple[int, str]] = []

    def answered() -> bool:
        answer = client.post("/main", content=body, headers=signed(body))
        told.append((answer.status_code, answer.text.strip()))
        return told[-1] != (503, NO_KEY.sentence)

    until(answered, "Adobe's keys are there")
    return told[-1]


def until_taken(client: TestClient, each: dict[str, Any]) -> None:
    """Deliver it as Adobe does: again where it was not in time."""
    until(lambda: deliver_signed(client, each) == 200, "it is taken")


def test_a_slow_database_is_answered_503_in_time_and_the_next_attempt_is_known(app_of: AppOf) -> None:
    stored: list[News] = []
    goes_on = threading.Event()

    def slow(together: Sequence[News]) -> None:
        goes_on.wait(SLOW)
        stored.extend(together)

    with TestClient(app_of(store=slow, within=ANSWER_WITHIN)) as client:
        began = time.monotonic()
        assert once_its_keys_are_there(client, event("o-1")) == (503, NOT_IN_TIME.sentence)
        assert once_its_keys_are_there(client, event("o-3")) == (503, NOT_IN_TIME.sentence)
        assert time.monotonic() - began < SLOW / 2
        goes_on.set()
        until(lambda: len(stored) == 2, "what waited is stored all the same")
        until_taken(client, event("o-2"))  # after it, and so the first is remembered by now
        until_taken(client, event("o-1"))
    assert [news.event_ids for news in stored].count(("o-1",)) == 1


def test_what_fails_after_its_answer_is_no_error_of_pythons_own(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on = threading.Event()

    def fails(together: Sequence[News]) -> None:
        goes_on.wait(SLOW)
        raise NotStored("There is no room.")

    with TestClient(app_of(store=fails, within=ANSWER_WITHIN)) as client:
        assert once_its_keys_are_there(client, event("o-4")) == (503, NOT_IN_TIME.sentence)
        goes_on.set()
        until(
            lambda: once_its_keys_are_there(client, event("o-5")) == (503, "There is no room."),
            "its answer is in time",
        )
        gc.collect()
    assert not [each for each in caplog.records if each.name == "asyncio"], "an exception that nobody took"


def test_what_waits_is_stored_together(app_of: AppOf, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    waiting: list[News] = []
    goes_on = threading.Event()
    put = Writer.put

    def noted(writer: Writer, news: News) -> Future[None]:
        done = put(writer, news)
        waiting.append(news)
        return done

    def slow(together: Sequence[News]) -> None:
        goes_on.wait(SLOW)
        calls.append(len(together))

    monkeypatch.setattr(Writer, "put", noted)

    with TestClient(app_of(store=slow)) as client:
        threads = [
            threading.Thread(target=deliver_signed, args=(client, event(f"p-{number}")))
            for number in range(10)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(waiting) == 10, "all of them wait to be stored")
        goes_on.set()
        for thread in threads:
            thread.join()
    assert sum(calls) == 10
    assert len(calls) <= 2


def test_a_key_that_cannot_be_fetched_is_answered_503_in_time_and_is_there_afterwards(
    app_of: AppOf, host: AdobesHost
) -> None:
    host.answers.clear()
    with TestClient(app_of(within=ANSWER_WITHIN)) as client:
        began = time.monotonic()
        assert deliver_signed(client, event("q-1")) == 503
        assert time.monotonic() - began < HANGS / 2
        host.answers.set()
        until_taken(client, event("q-1"))
    assert len(host.asked) == 2, "each key was fetched once, and to the end"


def test_a_fetch_is_held_while_it_goes_on_and_no_longer(host: AdobesHost) -> None:
    """What nobody holds, Python may throw away in the middle."""
    host.answers.clear()
    waits = Reception(REGISTRATIONS, host.settings, Writer(store), per_second=50, within=0.0)
    with TestClient(create_app(waits)) as client:
        assert deliver_signed(client, event("q-2")) == 503
        assert len([each for each in waits._fetches if not each.done()]) == 2
        host.answers.set()
        until(lambda: not waits._fetches, "it is over")


def test_who_knows_no_client_id_costs_no_fetch(client: TestClient, host: AdobesHost) -> None:
    body = body_of(event("r-1", client_id="a-guess"))
    assert deliver(client, body, signed(body, first=-1, second=-1)) == 403
    assert host.asked == []


def test_known_keys_keep_working_while_somebody_names_unknown_ones(
    client: TestClient, host: AdobesHost
) -> None:
    assert deliver_signed(client, event("s-1")) == 200
    statuses = set()
    for number in range(40):
        body = body_of(event(f"forged-{number}"))
        paths = {
            f"x-adobe-public-key{each}-path": f"/prod/keys/pub-key-{each}-{number}.pem" for each in (1, 2)
        }
        statuses.add(deliver(client, body, signed(body, first=-1, second=-1) | paths))
    assert statuses == {403, 503}
    assert len(host.asked) <= 10
    assert deliver_signed(client, event("s-2")) == 200


@pytest.mark.usefixtures("still_clock")
def test_a_registrations_rate_counts_only_what_adobe_signed(app_of: AppOf) -> None:
    with TestClient(app_of(per_second=1)) as client:
        assert deliver_signed(client, event("t-0")) == 200
        for number in range(15):
            body = body_of(event(f"t-forged-{number}"))
            assert deliver(client, body, under_true_paths(body)) == 403
        statuses = [deliver_signed(client, event(f"t-{number}")) for number in range(1, 5)]
        assert statuses == [200] * 4


@pytest.mark.usefixtures("still_clock")
def test_too_much_is_answered_429_with_retry_after(app_of: AppOf) -> None:
    with TestClient(app_of(per_second=1)) as client:
        told = []
        for number in range(12):
            body = body_of(event(f"u-{number}"))
            told.append(client.post("/main", content=body, headers=signed(body)))
        assert [each.status_code for each in told] == [200] * 10 + [429] * 2
        assert told[-1].headers["retry-after"] == "1"
        body = body_of(event("u-other", client_id=OTHER.client_id))
        assert deliver(client, body, signed(body), to="other") == 200


@pytest.mark.usefixtures("still_clock")
def test_all_requests_together_have_a_limit_too(app_of: AppOf, caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(app_of(per_second=1)) as client:
        statuses = [client.post("/nobody", content=b"").status_code for _ in range(40)]
        assert statuses == [404] * 20 + [429] * 20
        assert client.get("/main").headers["retry-after"] == "1"
    assert "registration main: answered 429. There is more than [stage_gate] event_rate" in caplog.text


@pytest.mark.usefixtures("still_clock")
def test_a_flood_of_long_bodies_is_held_back_and_short_ones_are_not(client: TestClient) -> None:
    long = b"[" + b" " * (2 * 1024 * 1024 - 2) + b"]"
    headers = signed(b"")
    statuses = [deliver(client, long, headers) for _ in range(16)]
    assert statuses == [400] * 8 + [429] * 8
    assert deliver_signed(client, event("v-1")) == 200


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reception, "time", clock)
    return clock


def test_what_was_held_back_is_let_through_at_its_rate(app_of: AppOf, clock: Clock) -> None:
    with TestClient(app_of(per_second=1)) as client:
        for number in range(10):
            assert deliver_signed(client, event(f"v-{number}")) == 200
        assert deliver_signed(client, event("v-10")) == 429
        clock.now += 1
        assert [deliver_signed(client, event(f"v-{number}")) for number in (10, 11)] == [200, 429]
        assert [client.get("/nobody").status_code for _ in range(18)] == [404] * 17 + [429]
        clock.now += 0.1
        assert [client.get("/nobody").status_code for _ in range(2)] == [404, 429]


def test_of_long_bodies_eight_megabytes_a_second_are_looked_at(client: TestClient, clock: Clock) -> None:
    long, headers = b"[" + b" " * (2 * 1024 * 1024 - 2) + b"]", signed(b"")
    assert [deliver(client, long, headers) for _ in range(9)][-1] == 429
    clock.now += 0.25
    assert [deliver(client, long, headers) for _ in range(2)] == [400, 429]


@pytest.mark.parametrize(("length", "is_apart"), [(32 * 1024, False), (32 * 1024 + 1, True)])
def test_a_long_body_is_parsed_and_verified_in_a_thread_so_that_the_web_interface_goes_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, length: int, is_apart: bool
) -> None:
    apart: list[bool] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            apart.append(threading.current_thread() is not loops)
            return function(*args)

        return call

    async def its_thread() -> threading.Thread:
        return threading.current_thread()

    with client:
        assert client.portal is not None
        loops = client.portal.call(its_thread)
        monkeypatch.setattr(reception, "parse_delivery", noted(parse_delivery))
        monkeypatch.setattr(Signatures, "is_valid", noted(Signatures.is_valid))
        body = body_of(event("v-12")).ljust(length)
        assert deliver(client, body, signed(body)) == 200
    assert len(apart) >= 2
    assert set(apart) == {is_apart}


def test_a_bucket_fills_at_its_rate_and_no_further_than_its_brim() -> None:
    bucket = Bucket(per_second=2, burst=4)
    assert [bucket.take(1000.0) for _ in range(6)] == [0, 0, 0, 0, 0.5, 0.5]
    assert [bucket.take(now) for now in (1000.25, 1000.5, 1000.5)] == [0.25, 0, 0.5]
    assert [bucket.take(now) for now in (900.0, 1000.5)] == [0.5, 0.5], "a clock that goes back fills nothing"
    assert [bucket.take(now) for now in (1001.0, 1001.0)] == [0, 0.5], "and forward again nothing twice"
    assert [bucket.take(5000.0, cost) for cost in (3, 10, 1.5, 1, 1)] == [0, 1.5, 0.25, 0, 0.5]


def test_an_id_is_known_for_a_day_and_twenty_thousand_of_them_the_newest() -> None:
    seen = Seen()
    seen.add(["old", "again"], 1000.0)
    assert [seen.has("old", now) for now in (1000.0, 1000.0 + 86_400, 1000.0 + 86_401)] == [True, True, False]
    assert not seen.has("never", 1000.0)
    seen.add((str(number) for number in range(19_998)), 1001.0)
    assert seen.has("old", 1001.0)
    seen.add(["again", "new"], 1002.0)
    assert [seen.has(each, 1002.0) for each in ("old", "again", "new", "0")] == [False, True, True, True]
    assert seen.has("again", 1002.0 + 86_400), "it is known from its last time on"
    seen.add(["newer"], 1003.0)
    assert [seen.has(each, 1003.0) for each in ("again", "0")] == [True, False], "and as new as that"


def test_a_flood_of_refusals_is_ten_lines_then_one_each_six_seconds_that_counts_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()

    def lines(now: float, whose: str = "main", times: int = 1) -> list[str]:
        caplog.clear()
        for number in range(times):
            refusals.note(400, f"The body holds {20 + number} events.", whose, now)
        return [each.getMessage() for each in caplog.records]

    first = lines(1000.0, times=15)
    assert first == [
        f"Adobe I/O Events, registration main: answered 400. The body holds {number} events."
        for number in range(20, 30)
    ]
    assert lines(1000.0, "") == [first[0].replace("main", "unknown")], "each registration has its own lines"
    assert lines(1005.9) == []
    assert lines(1006.0) == [f"{first[0]} (6 more like this since the last line.)"]
    assert lines(1012.0) == first[:1]


def test_the_legacy_hmac_counts_only_where_it_is_switched_on(
    client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_SECRET_OF_OURS", json.dumps({"conn_type": "http", "password": "confidential"})
    )
    body = body_of(event("w-1"))
    assert deliver(client, body, {"x-adobe-signature": hmac_of(body, "guessed")}) == 403
    assert deliver(client, body, {"x-adobe-signature": hmac_of(body, "confidential")}) == 200
    theirs = body_of(event("w-2", client_id=OTHER.client_id))
    assert deliver(client, theirs, {"x-adobe-signature": hmac_of(theirs, "confidential")}, to="other") == 401
    assert len(stored.events()) == 1


def test_a_good_hmac_does_not_help_a_bad_signature(
    client: TestClient, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_SECRET_OF_OURS", json.dumps({"conn_type": "http", "password": "confidential"})
    )
    body = body_of(event("x-1"))
    headers = under_true_paths(body) | {"x-adobe-signature": hmac_of(body, "confidential")}
    assert deliver(client, body, headers) == 403
    assert stored.events() == []


def test_an_hmac_whose_connection_is_missing_is_our_fault_and_comes_again(client: TestClient) -> None:
    body = body_of(event("y-1"))
    assert deliver(client, body, {"x-adobe-signature": hmac_of(body, "confidential")}) == 503


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"password": confidential}', "can't be read: AIRFLOW_CONN_SECRET_OF_OURS is no valid JSON"),
        (json.dumps({"conn_type": "http", "password": '"confidential"'}), "still has its quotation marks"),
    ],
)
def test_an_hmac_whose_secret_was_pasted_wrongly_is_our_fault_and_the_log_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str, why: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECRET_OF_OURS", text)
    body = body_of(event("y-2"))
    assert deliver(client, body, {"x-adobe-signature": hmac_of(body, "confidential")}) == 503
    assert why in caplog.text
    assert "no delivery can be verified by the legacy HMAC" in caplog.text
    assert "confidential" not in caplog.text


def secret_of(secrets: Secrets, now: float, connection: str = "secret_of_ours") -> str:
    return asyncio.run(secrets.of(connection, now))


def test_a_new_secret_counts_after_five_minutes_and_a_missing_one_is_looked_for_after_half_of_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(password: str) -> None:
        connection = {"conn_type": "http", "host": "adobe", "password": password}
        monkeypatch.setenv("AIRFLOW_CONN_SECRET_OF_OURS", json.dumps(connection))

    secrets = Secrets()
    assert secret_of(secrets, 0.0) == ""
    write("")
    assert [secret_of(secrets, now) for now in (29.9, 30.0)] == ["", ""]
    assert "legacy HMAC" not in caplog.text, "that it has no password is said in the answer"
    write("first")
    assert [secret_of(secrets, now) for now in (59.9, 60.0)] == ["", "first"]
    write("second")
    assert [secret_of(secrets, now) for now in (359.9, 360.0)] == ["first", "second"]
    monkeypatch.setenv(
        "AIRFLOW_CONN_SECRET_OF_ANOTHER", json.dumps({"conn_type": "http", "password": "third"})
    )
    assert secret_of(secrets, 360.0, "secret_of_another") == "third"
    assert secret_of(secrets, 360.0) == "second"


@pytest.mark.usefixtures("still_clock")
def test_a_refusal_is_one_line_without_anything_that_came(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = body_of(event("SECRET-id", client_id="SECRET-client"))
    headers = signed(body)
    for _ in range(30):
        deliver(client, body, headers)
    lines = [record.getMessage() for record in caplog.records if "Adobe I/O Events" in record.getMessage()]
    assert 1 <= len(lines) <= 11
    assert lines[0].startswith("Adobe I/O Events, registration main: answered 403.")
    assert "SECRET" not in caplog.text
    assert headers["x-adobe-digital-signature-1"][:20] not in caplog.text
