"""Is nothing echoed but a UUID, and nothing fetched but Adobe's own address?"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_cloud_manager.events.handshake import challenge_of, confirm, validation_target
from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.settings import EVENT_VALIDATION_URL
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.local_server import RESET, reply

ID, CHALLENGE = "12345678-90ab-cdef-1234-567890abcdef", "FFFFFFFF-0000-4000-8000-000000000001"
QUERY = f"?id={ID}&challenge={CHALLENGE}"


@pytest.mark.parametrize("value", [ID, CHALLENGE])
def test_a_uuid_is_echoed_unchanged(value: str) -> None:
    assert challenge_of(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        None,
        7,
        [ID],
        "<script>",
        ID + "\n",
        ID.replace("-", ""),
        "{" + ID + "}",
        f"urn:uuid:{ID}",
        ID[:-1] + "g",
        "１2345678-90ab-cdef-1234-567890abcdef",
    ],
)
def test_nothing_else_is(value: object) -> None:
    with pytest.raises(ValueError, match="not a UUID"):
        challenge_of(value)


def test_the_documented_validation_url_is_fetched() -> None:
    assert (
        validation_target(EVENT_VALIDATION_URL + QUERY, EVENT_VALIDATION_URL) == EVENT_VALIDATION_URL + QUERY
    )
    turned = f"{EVENT_VALIDATION_URL}?challenge={CHALLENGE}&id={ID}"
    assert validation_target(turned, EVENT_VALIDATION_URL) == EVENT_VALIDATION_URL + QUERY


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        EVENT_VALIDATION_URL,
        "http://csm.adobe.io/csm/registrations/validate" + QUERY,
        "https://csm.adobe.io.evil.example/csm/registrations/validate" + QUERY,
        "https://csm.adobe.io@evil.example/csm/registrations/validate" + QUERY,
        "https://evil.example/csm/registrations/validate" + QUERY,
        "https://user@csm.adobe.io/csm/registrations/validate" + QUERY,
        "https://csm.adobe.io:8443/csm/registrations/validate" + QUERY,
        "https://csm.adobe.io/csm/registrations/validate/" + QUERY,
        "https://csm.adobe.io/csm/registrations/validate/../delete" + QUERY,
        "https://csm.adobe.io/csm/registrations/delete" + QUERY,
        "//csm.adobe.io/csm/registrations/validate" + QUERY,
        EVENT_VALIDATION_URL + QUERY + "#x",
        EVENT_VALIDATION_URL + QUERY + "&x=1",
        EVENT_VALIDATION_URL + QUERY + f"&id={ID}",
        EVENT_VALIDATION_URL + f"?id={ID}",
        EVENT_VALIDATION_URL + f"?id={ID}&id={ID}",
        EVENT_VALIDATION_URL + f"?id={ID}&challenge=../../x",
        EVENT_VALIDATION_URL + f"?id={ID}&challenge={CHALLENGE}%0d%0a",
        EVENT_VALIDATION_URL + "?" + "a" * 3000,
    ],
)
def test_no_other_url_is(url: object) -> None:
    with pytest.raises(ValueError, match=r"validation URL|not a UUID"):
        validation_target(url, EVENT_VALIDATION_URL)


@given(st.text())
def test_whatever_is_added_nothing_but_two_uuids_is_taken(addition: str) -> None:
    try:
        target = validation_target(EVENT_VALIDATION_URL + QUERY + addition, EVENT_VALIDATION_URL)
    except ValueError:
        return
    assert target == EVENT_VALIDATION_URL + QUERY


def test_confirming_is_one_bare_get(adobe: Adobe) -> None:
    adobe.routes["/csm/registrations/validate"] = reply(200, body=b"ok")
    asyncio.run(confirm(f"{adobe.url}/csm/registrations/validate{QUERY}"))
    (call,) = adobe.calls
    assert (call.method, call.target) == ("GET", f"/csm/registrations/validate{QUERY}")
    assert call.header_names <= {"host", "accept", "user-agent"}


@pytest.mark.parametrize("answer", [reply(500), reply(404), reply(302, headers={"Location": "/elsewhere"})])
def test_a_confirmation_that_failed_is_told(adobe: Adobe, answer: bytes) -> None:
    adobe.routes["/v"] = answer
    with pytest.raises(CloudManagerError):
        asyncio.run(confirm(f"{adobe.url}/v"))
    assert len(adobe.calls) == 1, "and no redirect is followed"


def test_a_confirmation_that_broke_is_told(adobe: Adobe) -> None:
    adobe.routes["/v"] = RESET
    with pytest.raises(CloudManagerError):
        asyncio.run(confirm(f"{adobe.url}/v"))
