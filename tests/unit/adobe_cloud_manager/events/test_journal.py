"""Is a journal's page read as documented, and does no link lead anywhere else?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.events.journal import Journal, Page, PositionExpired, next_link
from adobe_cloud_manager.exceptions import (
    CloudManagerError,
    CredentialError,
    PermissionDenied,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from adobe_cloud_manager.settings import EVENTS_URL
from unit.adobe_cloud_manager.events.deliveries import body, inner, outer

TAIL = "/organizations/51400/integrations/7/0c1d2e3f-1111-4222-8333-444455556666"
URL = f"{EVENTS_URL}/events{TAIL}"
JOURNAL = Journal.of(URL, EVENTS_URL)
LINK = f'</events{TAIL}?since=rabbit%3A9>; rel="next"'


def page(*events: Any, status: int = 200, link: str = LINK, **headers: str) -> Page:
    entries = [{"position": f"rabbit:{number}", "event": event} for number, event in enumerate(events)]
    content = body(
        {"events": entries, "_page": {"last": f"rabbit:{len(entries) - 1}", "count": len(entries)}}
    )
    given = {"link": link, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return JOURNAL.read(Answer(status, given, content if status == 200 else b""))


@pytest.mark.parametrize("prefix", ["", "/events", "/events-fast"])
def test_the_address_from_the_developer_console_is_accepted(prefix: str) -> None:
    journal = Journal.of(f" {EVENTS_URL}{prefix}{TAIL}\n", EVENTS_URL)
    assert journal.url == f"{EVENTS_URL}{prefix}{TAIL}"
    assert journal.latest == f"{prefix}{TAIL}?latest=true"


@pytest.mark.parametrize(
    "url",
    [
        "",
        EVENTS_URL,
        f"https://evil.example/events{TAIL}",
        f"{EVENTS_URL}.evil.example/events{TAIL}",
        f"{EVENTS_URL}@evil.example/events{TAIL}",
        f"{EVENTS_URL}:444/events{TAIL}",
        f"http://events-va6.adobe.io/events{TAIL}",
        f"{EVENTS_URL}/../events{TAIL}",
        f"{EVENTS_URL}/a/b/c/d{TAIL}",
        f"{URL}?since=1",
        f"{URL}#x",
        f"{URL}/validate",
        f"{EVENTS_URL}/organizations/1/integrations/2",
    ],
)
def test_no_other_address_is(url: str) -> None:
    with pytest.raises(ValueError, match="journal's URL"):
        Journal.of(url, EVENTS_URL)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (f"/events{TAIL}?since=9", f"/events{TAIL}?since=9"),
        (f"{URL}?since=9&limit=5", f"/events{TAIL}?since=9&limit=5"),
        (f"{TAIL}?since=9", f"{TAIL}?since=9"),
        ("?since=9", f"/events{TAIL}?since=9"),
        (f"https://evil.example/events{TAIL}?since=9", None),
        (f"//evil.example/events{TAIL}?since=9", None),
        (f"{EVENTS_URL}@evil.example/events{TAIL}?since=9", None),
        (f"http://events-va6.adobe.io/events{TAIL}", None),
        ("/events/organizations/51400/integrations/7/another-registration?since=9", None),
        ("/ims/token/v3", None),
        (f"/events{TAIL}?since=9#x", None),
        (f"/events{TAIL}?since=9\r\nx-api-key: 1", None),
        ("http://[::1", None),
        (f"/events{TAIL}?since=" + "9" * 3000, None),
        (None, None),
    ],
)
def test_a_link_is_followed_within_this_journal_only(link: str | None, target: str | None) -> None:
    assert JOURNAL.target_of(link) == target


@given(st.text())
def test_no_link_leads_to_another_host(link: str) -> None:
    target = JOURNAL.target_of(link)
    assert target is None or target.startswith(f"/events{TAIL}")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('</a?since=1>; rel="next"', "/a?since=1"),
        ("</a>; rel=next", "/a"),
        ('</v>; rel="validate", </a?x=1,2>; rel="next"', "/a?x=1,2"),
        ('</a>; title="x, rel=next"; rel="validate", </b>;rel="next";type="x"', "/b"),
        ('</v>; rel="validate"', None),
        ('</v>; rel="nextish"', None),
        ("", None),
        ("next", None),
    ],
)
def test_of_several_links_the_next_one_is_taken(header: str, found: str | None) -> None:
    assert next_link(header) == found


@given(st.text(alphabet='<>;, ="relnxt/\\', max_size=400))
def test_no_link_header_takes_long_or_raises(header: str) -> None:
    next_link(header)


def test_a_page_names_subjects_and_time_and_nothing_else() -> None:
    read = page(
        inner("ended"),
        inner(
            "started", "execution-step-state", "https://x/api/program/1/pipeline/2/execution/4/phase/5/step/6"
        ),
        inner(**{"activitystreams:published": "2021-08-23T10:00:00+01:30", "evil": "x"}),
        {"of": "another product"},
        outer(inner(address="/api/program/7/pipeline/8")),
        None,
    )
    assert len(read.events) == 6
    assert read.next_target == f"/events{TAIL}?since=rabbit%3A9"
    assert read.payload == {
        "subjects": ["1/2/3", "1/2/4", "7/8/"],
        "newest": "2021-08-23T08:37:41.846000+00:00",
    }


def test_a_page_of_other_products_tells_nothing_on() -> None:
    assert page({"of": "another product"}).payload is None
    assert page().payload is None


def test_at_its_end_a_journal_says_when_to_ask_again() -> None:
    end = page(status=204, retry_after="10")
    assert (end.events, end.pause, end.next_target) == ((), 10.0, f"/events{TAIL}?since=rabbit%3A9")


@pytest.mark.parametrize("link", ["", '<https://evil.example/x>; rel="next"', "<"])
def test_without_a_usable_link_reading_goes_on_behind_the_last_position(link: str) -> None:
    assert page(inner(), inner(), link=link).next_target == f"/events{TAIL}?since=rabbit%3A1"
    assert page(status=204, link=link).next_target is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialError),
        (403, PermissionDenied),
        (410, PositionExpired),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
        (302, UnexpectedAnswer),
    ],
)
def test_every_other_status_is_its_own_error(status: int, error: type[CloudManagerError]) -> None:
    with pytest.raises(error):
        page(status=status)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"{}", b'{"events": {}}', b"[" * 100_000, b'{"events": [{}]}']
)
def test_a_page_that_cannot_be_read_is_an_error_and_no_empty_page(content: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        JOURNAL.read(Answer(200, {}, content))
    with pytest.raises(UnexpectedAnswer):
        JOURNAL.read(Answer(200, {"link": LINK}, b'{"events": []}', cut=True))


ENTRY = st.fixed_dictionaries(
    {},
    optional={"position": st.text() | st.none(), "event": st.none() | st.dictionaries(st.text(), st.text())},
)
DOCUMENT = st.fixed_dictionaries(
    {}, optional={"events": st.lists(ENTRY | st.integers()) | st.text(), "_page": st.none() | ENTRY}
)


@given(st.integers(100, 599), st.binary() | DOCUMENT.map(body), st.text())
def test_no_answer_raises_anything_but_the_errors_of_the_tree(status: int, content: bytes, link: str) -> None:
    try:
        read = JOURNAL.read(Answer(status, {"link": link}, content))
    except CloudManagerError:
        return
    assert read.next_target is None or read.next_target.startswith(f"/events{TAIL}")
