"""Can Adobe find out that the webhook is ours, and can nobody else use that?"""

from __future__ import annotations

import asyncio
import json

import pytest
from fastapi.testclient import TestClient

from stage_gate.webhook import validations as module
from stage_gate.webhook.answers import TAKEN
from stage_gate.webhook.validations import Validations
from unit.stage_gate.waiting import until
from unit.stage_gate.webhook.adobe import OTHER_UUID, UUID, AdobesHost, event, signed
from unit.stage_gate.webhook.conftest import Stored


def test_a_challenge_is_answered_as_plain_text_that_no_browser_takes_for_more(client: TestClient) -> None:
    answer = client.get(f"/main?challenge={UUID}")
    assert (answer.status_code, answer.text) == (200, UUID)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query", ["", "challenge=", "challenge=<script>", f"challenge={UUID}x", f"Challenge={UUID}"]
)
def test_nothing_but_a_uuid_is_echoed(
    client: TestClient, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    answer = client.get(f"/main?{query}")
    assert (answer.status_code, answer.text) == (400, "The challenge is not a UUID.\n")
    assert "registration main: answered 400. The challenge is not a UUID." in caplog.text


def test_a_challenge_to_an_unknown_registration_is_not_answered(client: TestClient) -> None:
    assert client.get(f"/nobody?challenge={UUID}").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_there_is_no_other_method(client: TestClient, method: str) -> None:
    assert client.request(method, "/main").status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/", "/main/", "/main/more"])
def test_there_is_no_other_page(client: TestClient, path: str) -> None:
    assert client.get(path, follow_redirects=False).status_code == 404


def post(client: TestClient, url: object) -> int:
    return int(client.post("/main", content=json.dumps({"validationUrl": url})).status_code)


def _asked(host: AdobesHost, many: int) -> list[str]:
    until(lambda: len(host.asked) >= many, f"{many} requests to Adobe's host")
    return host.asked


def test_a_validation_url_is_fetched_after_the_answer(
    client: TestClient, host: AdobesHost, stored: Stored
) -> None:
    host.answers.clear()
    assert post(client, f"{host.validation_url}?id={UUID}&challenge={OTHER_UUID}") == 200
    assert host.answered == []
    host.answers.set()
    assert _asked(host, 1) == [f"/csm/registrations/validate?id={UUID}&challenge={OTHER_UUID}"]
    assert stored.events() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/csm/registrations/validate?id={0}&challenge={1}",
        "{2}/../other?id={0}&challenge={1}",
        "{2}@evil.example?id={0}&challenge={1}",
        "{2}?id={0}&challenge={1}&next=3",
        "{2}?id=1&challenge=2",
        "file:///etc/passwd",
        7,
        ["{2}"],
    ],
)
def test_nothing_else_is_ever_fetched(client: TestClient, host: AdobesHost, url: object) -> None:
    wanted = url.format(UUID, OTHER_UUID, host.validation_url) if isinstance(url, str) else url
    assert post(client, wanted) == 400
    assert host.asked == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/?id={0}&challenge={1}", "does not lead to Adobe's validation address"),
        ("{2}?id={0}&challenge={1}&next=3", "has an unexpected query"),
    ],
)
def test_a_validation_url_that_is_none_of_adobes_is_said_to_be_so(
    client: TestClient, host: AdobesHost, url: str, why: str
) -> None:
    wanted = json.dumps({"validationUrl": url.format(UUID, OTHER_UUID, host.validation_url)})
    answer = client.post("/main", content=wanted)
    assert answer.status_code == 400
    assert why in answer.text


def test_a_handshake_is_a_short_one(client: TestClient, host: AdobesHost) -> None:
    body = json.dumps({"validationUrl": f"{host.validation_url}?id={UUID}&challenge={OTHER_UUID}"}).encode()
    answer = client.post("/main", content=body.ljust(4096))
    assert (answer.status_code, answer.text) == (200, "Validating.\n")
    assert client.post("/main", content=body.ljust(4097)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(event("handshake-1") | {"validationUrl": "https://evil.example"}).encode(),
        json.dumps([event("handshake-2") | {"validationUrl": "https://evil.example"}]).encode(),
        json.dumps(event("handshake-3") | {"about": "validationUrl"}).encode(),
    ],
    ids=["event", "batch", "text"],
)
def test_a_signed_event_that_speaks_of_a_validation_url_is_an_event(client: TestClient, body: bytes) -> None:
    answer = client.post("/main", content=body, headers=signed(body))
    assert (answer.status_code, answer.text) == (200, f"{TAKEN.sentence}\n")


@pytest.mark.parametrize(
    "body",
    [b'{"validationUrl"', b'"validationUrl"', b'["validationUrl"]', b"[" * 4000 + b'"validationUrl"'],
    ids=["broken", "text", "list", "deep"],
)
def test_what_speaks_of_a_validation_url_and_is_no_handshake_is_read_like_anything_else(
    client: TestClient, body: bytes
) -> None:
    assert client.post("/main", content=body).status_code == 401
    assert client.post("/main", content=body, headers=signed(body)).status_code == 400


def test_only_so_many_are_fetched_at_once(client: TestClient, host: AdobesHost) -> None:
    host.answers.clear()
    urls = [f"{host.validation_url}?id={UUID}&challenge={number:08d}{UUID[8:]}" for number in range(8)]
    statuses = [post(client, url) for url in urls]
    assert statuses == [200] * 4 + [429] * 4
    one_more = client.post("/main", content=json.dumps({"validationUrl": urls[-1]}))
    assert one_more.headers["retry-after"] == "10"
    assert post(client, urls[0]) == 200, "it is under way"
    host.answers.set()
    assert len(_asked(host, 4)) == 4


class Confirming:
    """What is asked for, in Adobe's place: ends once it may, and fails where that is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.may = asyncio.Event()
        self.trouble: Exception | None = None
        monkeypatch.setattr(module, "confirm", self)

    async def __call__(self, url: str) -> None:
        self.asked.append(url)
        await self.may.wait()
        if self.trouble is not None:
            raise self.trouble


async def begun(validations: Validations) -> None:
    """Start what is planned, and let it get as far as it can."""
    await validations.start()
    await asyncio.sleep(0)


def test_what_is_under_way_is_not_begun_twice_and_what_is_over_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def play() -> None:
        adobe, validations = Confirming(monkeypatch), Validations()
        for url in ("one", "one", "two"):
            assert validations.plan(url, 1000.0) == 0.0
            await begun(validations)
        assert adobe.asked == ["one", "two"]
        assert {task.get_name() for task in validations._running} == {"one", "two"}
        adobe.may.set()
        await asyncio.gather(*validations._running)
        await asyncio.sleep(0)
        assert validations._running == set()
        assert validations.plan("one", 1000.0) == 0.0
        await begun(validations)
        assert adobe.asked == ["one", "two", "one"]

    asyncio.run(play())
    assert "the webhook has been confirmed to Adobe" in caplog.text
    assert "ask Adobe again" not in caplog.text


def test_a_confirmation_that_fails_is_said_and_makes_room_for_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        adobe, validations = Confirming(monkeypatch), Validations()
        adobe.trouble = RuntimeError("Adobe's host does not answer.")
        adobe.may.set()
        for number in range(6):
            assert validations.plan(str(number), 1000.0) == 0.0
            await begun(validations)
            await asyncio.gather(*validations._running)

    asyncio.run(play())
    told = "the webhook could not be confirmed, ask Adobe again. Adobe's host does not answer."
    assert caplog.text.count(told) == 6


def test_nobody_can_make_this_host_ask_adobe_more_than_twelve_times_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play() -> list[float]:
        adobe, validations = Confirming(monkeypatch), Validations()
        adobe.may.set()

        async def waits(url: str, now: float) -> float:
            wait = validations.plan(url, now)
            await begun(validations)
            await asyncio.gather(*validations._running)
            return wait

        return [await waits(str(number), 1000.0) for number in range(13)] + [
            await waits("after five seconds", 1005.0),
            await waits("and at once", 1005.0),
        ]

    assert asyncio.run(play()) == [0.0] * 12 + [5.0, 0.0, 5.0]
