"""Is everything that could be sent read strictly, and nothing of it believed but numbers?"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adobe_cloud_manager.events.envelope import (
    MAX_BODY,
    MAX_EVENTS,
    CloudManagerEvent,
    EventKind,
    MalformedDelivery,
    event_of,
    parse_delivery,
)
from adobe_cloud_manager.events.hint import is_subject
from unit.adobe_cloud_manager.events.deliveries import CLIENT, NS, body, inner, outer


def parsed(event: object = None, **more: Any) -> Any:
    (one,) = parse_delivery(body(outer(event, **more)))
    return one


def test_the_documented_sample_is_read() -> None:
    one = parsed()
    assert one.event_id == "3dd172b8-3e54-491b-b87c-409cb71c4bc3"
    assert one.kind is EventKind.EXECUTION_STARTED
    assert (one.program_id, one.pipeline_id, one.execution_id) == ("1", "2", "3")
    assert one.subject == "1/2/3"
    assert one.published == datetime(2021, 8, 23, 8, 37, 41, 846000, UTC)
    assert one.recipient == CLIENT


@pytest.mark.parametrize(
    ("verb", "noun", "kind"),
    [
        ("started", "pipeline-execution", EventKind.EXECUTION_STARTED),
        ("ended", "pipeline-execution", EventKind.EXECUTION_ENDED),
        ("started", "execution-step-state", EventKind.STEP_STARTED),
        ("waiting", "execution-step-state", EventKind.STEP_WAITING),
        ("ended", "execution-step-state", EventKind.STEP_ENDED),
        ("waiting", "pipeline-execution", EventKind.OTHER),
        ("paused", "execution-step-state", EventKind.OTHER),
        ("started", "environment", EventKind.OTHER),
    ],
)
def test_verb_and_noun_make_the_kind_and_an_unknown_one_has_its_own(
    verb: str, noun: str, kind: EventKind
) -> None:
    one = parsed(inner(verb, noun))
    assert one.kind is kind
    assert one.hint == ("" if kind is EventKind.STEP_STARTED else one.subject)


@pytest.mark.parametrize(
    ("verb", "noun"),
    [
        ("started", "pipeline-execution"),
        ("started", f"{NS}pipeline-execution"),
        (f"{NS}event/started", "pipeline-execution"),
        (f"{NS}started", f"{NS}pipeline-execution"),
        (7, f"{NS}pipeline-execution"),
        (f"{NS}event/started", 7),
    ],
)
def test_a_kind_is_only_what_both_words_of_cloud_managers_own_names_say(verb: object, noun: object) -> None:
    one = parsed(inner() | {"@type": verb, "xdmEventEnvelope:objectType": noun})
    assert (one.kind, one.subject) == (EventKind.OTHER, "1/2/3")


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("https://cloudmanager.adobe.io/api/program/1/pipeline/2/execution/3/phase/4/step/5", "1/2/3"),
        ("/api/program/1/pipeline/2/execution/3", "1/2/3"),
        ("https://evil.example/api/program/1/pipeline/2/execution/3", "1/2/3"),
        ("https://cloudmanager.adobe.io/api/program/1/pipeline/2", "1/2/"),
        ("https://cloudmanager.adobe.io/api/program/1", ""),
        ("https://cloudmanager.adobe.io/api/program/x/pipeline/2/execution/3", ""),
        ("https://cloudmanager.adobe.io/api/program/1/pipeline/2/execution/../../9", ""),
        ("https://cloudmanager.adobe.io/api/program/1/pipeline/2/execution/3\n", ""),
        ("https://cloudmanager.adobe.io/api/program/١/pipeline/2/execution/3", ""),
        (f"https://cloudmanager.adobe.io/api/program/{'1' * 21}/pipeline/2/execution/3", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_numbers_of_its_path_are_used(address: str, subject: str) -> None:
    assert parsed(inner(address=address)).subject == subject
    assert not subject or is_subject(subject)


@pytest.mark.parametrize(
    "removed",
    [
        ("event_id", "recipient_client_id"),
        ("eventid", "recipientclientid"),
    ],
)
def test_either_spelling_of_the_id_fields_is_enough(removed: tuple[str, str]) -> None:
    document = {name: value for name, value in outer().items() if name not in removed}
    (one,) = parse_delivery(body(document))
    assert (one.event_id, one.recipient) == ("3dd172b8-3e54-491b-b87c-409cb71c4bc3", CLIENT)


@pytest.mark.parametrize("field", ["event_id", "eventid", "recipient_client_id", "recipientclientid"])
def test_two_spellings_that_differ_are_malformed(field: str) -> None:
    with pytest.raises(MalformedDelivery, match="differ"):
        parse_delivery(body(outer(**{field: "another"})))


def test_a_recipient_that_is_no_text_is_nobody() -> None:
    assert parsed(recipientclientid=None, recipient_client_id={"a": CLIENT}).recipient == ""
    with pytest.raises(MalformedDelivery):
        parsed(recipient_client_id=[CLIENT])


def test_a_batch_is_read_in_its_order_with_the_recipient_of_each_element() -> None:
    elements = [
        outer(eventid=str(n), event_id=str(n), recipientclientid=f"r{n}", recipient_client_id=f"r{n}")
        for n in range(MAX_EVENTS)
    ]
    events = parse_delivery(body(elements))
    assert [each.event_id for each in events] == [str(n) for n in range(MAX_EVENTS)]
    assert [each.recipient for each in events] == [f"r{n}" for n in range(MAX_EVENTS)]


_NO_JSON, _NEITHER, _NO_OBJECT = (
    "not JSON in UTF-8",
    "neither a JSON object nor an array",
    "not a JSON object",
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", _NO_JSON),
        (b"{", _NO_JSON),
        (b"null", _NEITHER),
        (b"7", _NEITHER),
        (b'"event"', _NEITHER),
        (b"[]", _NEITHER),
        (b"[1]", _NO_OBJECT),
        (b"[{}, null]", _NO_OBJECT),
        (b"[[{}]]", _NO_OBJECT),
        (b"NaN", _NO_JSON),
        (b'{"event": NaN}', _NO_JSON),
        (b'{"event": -Infinity}', _NO_JSON),
        (b"\xff\xfe{}", _NO_JSON),
        (b'{"a": "\xff"}', _NO_JSON),
        (b"\xef\xbb\xbf{}", _NO_JSON),
        (b"[" * 100_000, "more than 50000 parts"),
        (b"[" * 50_000 + b"]" * 50_000, "nested too deeply"),
        (b'{"event":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", _NO_JSON),
        (b"[" + b",".join([b"{}"] * 21) + b"]", "holds 21 events, more than 20"),
        (b'{"a": "' + b"x" * MAX_BODY + b'"}', "longer than 2097152 bytes"),
    ],
    ids=lambda value: f"{value[:12]!r}-{len(value)}",
)
def test_what_adobe_never_sends_is_malformed(content: bytes, told: str) -> None:
    with pytest.raises(MalformedDelivery, match=told) as caught:
        parse_delivery(content)
    assert len(str(caught.value)) < 100, "and is not quoted"


@pytest.mark.parametrize("event", [None, 1, "x", [], {}, {"@type": 1, "activitystreams:object": []}])
def test_an_event_of_something_else_has_no_subject(event: object) -> None:
    (one,) = parse_delivery(body({"event": event, "recipientclientid": CLIENT}))
    assert one == CloudManagerEvent("", EventKind.OTHER, "", "", None, None, CLIENT)
    assert one.subject == ""


def test_an_event_without_an_id_field_has_that_of_its_inner_object() -> None:
    (one,) = parse_delivery(body({"event": inner()}))
    assert one.event_id == "urn:oeid:cloudmanager:bc901126-5eb1-4942-a1d1-9ec3a17f8a7a"


def test_an_inner_object_alone_as_the_journal_has_it_says_all_but_whom_it_is_for() -> None:
    assert event_of(inner()) == CloudManagerEvent(
        event_id="urn:oeid:cloudmanager:bc901126-5eb1-4942-a1d1-9ec3a17f8a7a",
        kind=EventKind.EXECUTION_STARTED,
        program_id="1",
        pipeline_id="2",
        execution_id="3",
        published=datetime(2021, 8, 23, 8, 37, 41, 846000, UTC),
        recipient="",
    )


@pytest.mark.parametrize(
    "given", ["2021-08-23T08:37:41", "2021-08-23T08:37:41Z", "2021-08-23T10:37:41+02:00"]
)
def test_a_time_is_kept_in_utc_and_is_one_of_utc_where_it_names_no_zone(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "TOKYO-9")
    time.tzset()
    try:
        published = parsed(inner(**{"activitystreams:published": given})).published
    finally:
        monkeypatch.undo()
        time.tzset()
    assert published == datetime(2021, 8, 23, 8, 37, 41, tzinfo=UTC)
    assert published.isoformat() == "2021-08-23T08:37:41+00:00"


@pytest.mark.parametrize(
    "given", ["", "soon", 5, None, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_time_that_is_none_is_none(given: object) -> None:
    assert parsed(inner(**{"activitystreams:published": given})).published is None


@pytest.mark.parametrize("value", ["a\nb", "\ud800", "ä", "x" * 201, "a b", ""])
def test_an_id_that_could_not_be_logged_or_stored_is_not_taken(value: str) -> None:
    (one,) = parse_delivery(body({"eventid": value, "recipientclientid": value, "event": {}}))
    assert (one.event_id, one.recipient) == ("", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [*outer(), *inner(), "activitystreams:object", "event", "@id", "recipientclientid", "xdmImsOrg:id"]
)


@given(st.binary(max_size=300) | JSON.map(body) | st.lists(st.dictionaries(FIELDS, JSON)).map(body))
@example(body([{"event": {"activitystreams:object": {"@id": ["x"]}}}]))
def test_no_body_raises_anything_but_malformed(content: bytes) -> None:
    try:
        events = parse_delivery(content)
    except MalformedDelivery:
        return
    for one in events:
        assert not one.subject or is_subject(one.subject)
        json.dumps([one.event_id, one.recipient]).encode("ascii")


@given(st.dictionaries(FIELDS, JSON), st.dictionaries(FIELDS, JSON))
def test_no_change_of_a_real_event_raises_anything_but_malformed(
    changes: dict[str, Any], inner_changes: dict[str, Any]
) -> None:
    document = outer(inner() | inner_changes) | changes
    try:
        parse_delivery(body(document))
    except MalformedDelivery:
        return


@pytest.mark.parametrize("part", [b"[[0]]", b"{}", b"1e1", b'{"":0}'])
def test_a_body_of_very_many_small_parts_is_refused_before_it_is_parsed(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = b'{"event":[' + b",".join([part] * (MAX_BODY // (len(part) + 1) - 10)) + b"]}"
    assert len(whole) <= MAX_BODY
    monkeypatch.setattr("json.loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(MalformedDelivery, match="parts"):
        parse_delivery(whole)


@pytest.mark.parametrize("part", [b"[", b"{", b","])
def test_fifty_thousand_brackets_braces_and_commas_are_looked_at_and_one_more_is_not(part: bytes) -> None:
    with pytest.raises(MalformedDelivery, match=r"not JSON|nested"):
        parse_delivery(part * 50_000)
    with pytest.raises(MalformedDelivery, match="more than 50000 parts"):
        parse_delivery(part * 50_001)


def test_two_megabytes_are_read_and_one_byte_more_is_not() -> None:
    longest = body(outer()).ljust(2 * 1024 * 1024)
    assert len(parse_delivery(longest)) == 1
    with pytest.raises(MalformedDelivery, match="longer than 2097152 bytes"):
        parse_delivery(longest + b" ")


def test_a_batch_of_twenty_long_events_is_far_from_too_many_parts() -> None:
    batch = [outer(inner() | {"more": [{"text": "a, b and c. " * 100}] * 10})] * MAX_EVENTS
    assert len(parse_delivery(body(batch))) == MAX_EVENTS
