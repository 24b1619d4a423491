"""Can Adobe find out that the webhook is ours, and can nobody else use that?"""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from unit.stage_gate.waiting import until
from unit.stage_gate.webhook.adobe import OTHER_UUID, UUID, AdobesHost
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
def test_nothing_but_a_uuid_is_echoed(client: TestClient, query: str) -> None:
    answer = client.get(f"/main?{query}")
    assert answer.status_code == 400
    assert "script" not in answer.text


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


def test_only_so_many_are_fetched_at_once(client: TestClient, host: AdobesHost) -> None:
    host.answers.clear()
    urls = [f"{host.validation_url}?id={UUID}&challenge={number:08d}{UUID[8:]}" for number in range(8)]
    statuses = [post(client, url) for url in urls]
    assert statuses == [200] * 4 + [429] * 4
    assert post(client, urls[0]) == 200, "it is under way"
    host.answers.set()
    assert len(_asked(host, 4)) == 4
