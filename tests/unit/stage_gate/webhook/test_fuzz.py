"""Does the webhook keep its promises, whatever is sent? The short form of `make soak`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case

from unit.stage_gate.waiting import PATIENCE
from unit.stage_gate.webhook.conftest import AppOf, Stored
from unit.stage_gate.webhook.serving import served
from webhook_soak.play import play

OPERATIONS = ["get", "post"]
ANSWERS = {
    "get": {200, 400, 401, 404, 405, 413, 429},
    "post": {200, 400, 401, 403, 404, 405, 413, 429},
}


def test_a_thousand_bodies_leave_nothing_that_adobe_did_not_sign() -> None:
    seen = play(1000, 20261123)
    assert seen.stored >= 5, "some were really signed, or nothing was tried"
    assert seen.answers["POST 400"] > 100
    assert seen.answers["POST 403"] > 100
    assert seen.answers["GET 200"] > 5


def test_the_description_names_what_adobe_sends_and_every_answer(app_of: AppOf) -> None:
    document = app_of().openapi()
    assert document["info"]["title"] == "Stage Gate: Adobe I/O Events"
    assert list(document["paths"]) == ["/{registration}"]
    get, post = (document["paths"]["/{registration}"][method] for method in OPERATIONS)
    assert [each for each in get["parameters"] if each["in"] != "path"] == [
        {"name": "challenge", "in": "query", "required": True, "schema": {"type": "string", "format": "uuid"}}
    ]
    assert post["requestBody"] == {"required": True, "content": {"application/json": {"schema": {}}}}
    for operation in (get, post):
        described = {status: each["description"] for status, each in operation["responses"].items()}
        assert described.pop("200")
        assert described.pop("422", "FastAPI's own")
        assert described == {
            "400": "Malformed.",
            "401": "Not signed.",
            "403": "Forged, or for another client id.",
            "404": "No such registration.",
            "413": "Too long.",
            "429": "Too often; to be sent again.",
            "503": "Could not be stored or checked; to be sent again.",
        }
        assert list(operation["responses"]["200"]["content"]) == ["text/plain"]


@pytest.fixture
def url(app_of: AppOf) -> Iterator[str]:
    with served(app_of(per_second=10_000)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("method", OPERATIONS)
def test_what_schemathesis_makes_of_the_description_is_never_our_fault(
    method: str, url: str, app_of: AppOf, stored: Stored
) -> None:
    schema = schemathesis.openapi.from_dict(app_of().openapi())
    operation = schema["/{registration}"][method.upper()]
    seen: set[int] = set()

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Case) -> None:
        for name in ("main", case.path_parameters.get("registration", "main")):
            case.path_parameters["registration"] = name
            seen.add(case.call(base_url=url, timeout=PATIENCE).status_code)

    one()
    assert seen <= ANSWERS[method]
    assert len(seen) > 1
    assert stored.events() == []
