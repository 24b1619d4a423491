"""What is taken, what is refused, and what is stored then?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adobe_cloud_manager.events.envelope import MAX_BODY
from simulator.io_events.signing import hmac_of, key_pair
from stage_gate.webhook.answers import NO_KEY, NOT_IN_TIME
from stage_gate.webhook.reception import ANSWER_WITHIN
from stage_gate.webhook.writer import News, Writer
from unit.stage_gate.waiting import until
from unit.stage_gate.webhook.adobe import (
    HANGS,
    OTHER,
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


def test_before_the_asset_is_known_adobe_is_asked_to_come_again(client: TestClient, stored: Stored) -> None:
    stored.empty()
    body = body_of(event("m-1"))
    answer = client.post("/main", content=body, headers=signed(body))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
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


def once_its_keys_are_there(client: TestClient, each: dict[str, Any]) -> tuple[int, str]:
    """Status and sentence of the first answer that is not about Adobe's keys."""
    body = body_of(each)
    answers: list[tuple[int, str]] = []

    def answered() -> bool:
        answer = client.post("/main", content=body, headers=signed(body))
        answers.append((answer.status_code, answer.text.strip()))
        return answers[-1] != (503, NO_KEY.sentence)

    until(answered, "Adobe's keys are there")
    return answers[-1]


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
        assert time.monotonic() - began < SLOW / 2
        goes_on.set()
        until_taken(client, event("o-2"))  # after it, and so the first is remembered by now
        until_taken(client, event("o-1"))
    assert [news.event_ids for news in stored].count(("o-1",)) == 1


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
        answers = []
        for number in range(12):
            body = body_of(event(f"u-{number}"))
            answers.append(client.post("/main", content=body, headers=signed(body)))
        assert {each.status_code for each in answers[:10]} == {200}
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        body = body_of(event("u-other", client_id=OTHER.client_id))
        assert deliver(client, body, signed(body), to="other") == 200


@pytest.mark.usefixtures("still_clock")
def test_all_requests_together_have_a_limit_too(app_of: AppOf) -> None:
    with TestClient(app_of(per_second=1)) as client:
        statuses = [client.post("/nobody", content=b"").status_code for _ in range(40)]
        assert statuses == [404] * 20 + [429] * 20


@pytest.mark.usefixtures("still_clock")
def test_a_flood_of_long_bodies_is_held_back_and_short_ones_are_not(client: TestClient) -> None:
    long = b"[" + b" " * (2 * 1024 * 1024 - 2) + b"]"
    headers = signed(b"")
    statuses = [deliver(client, long, headers) for _ in range(16)]
    assert set(statuses) == {400, 429}
    assert deliver_signed(client, event("v-1")) == 200


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
    assert "confidential" not in caplog.text


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
