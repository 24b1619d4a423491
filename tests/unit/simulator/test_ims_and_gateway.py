"""Who gets a token from the simulated IMS, and who is let through to the API?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Simulator
from simulator.scenario import SCOPES
from unit.simulator.caller import Caller, exchange, slow_scenario


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    credentials = [
        {},
        {"client_id": "simulated-reader", "profile": "developer"},
        {"client_id": "simulated-nobody", "profile": "none"},
        {"client_id": "simulated-few", "scopes": SCOPES[:2]},
    ]
    with Simulator.start({**slow_scenario(), "credentials": credentials}) as simulator:
        yield simulator


def test_a_token_lives_for_seconds(sim: Simulator) -> None:
    answer = Caller.token(sim)
    assert answer.json()["expires_in"] == 86399
    assert answer.json()["token_type"] == "bearer"
    assert answer.headers["X-Simulated"] == "true"


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": "simulated-unknown"}, 400, "invalid_client"),
        ({"secret": "simulated-wrong"}, 401, "invalid_client"),
        ({"scopes": ()}, 400, "invalid_scope"),
        ({"client_id": "simulated-few"}, 400, "invalid_scope"),
    ],
)
def test_a_wrong_credential_is_told_what_is_wrong(
    sim: Simulator, changed: dict[str, Any], status: int, error: str
) -> None:
    answer = Caller.token(sim, **changed)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_credential_that_looks_real_is_refused_and_not_kept(sim: Simulator) -> None:
    answer = Caller.token(sim, client_id="0123456789abcdef0123456789abcdef", secret="p8e-REAL-LOOKING")
    assert "simulated credentials only" in answer.json()["error_description"]
    assert not any(b"REAL-LOOKING" in request.body for request in sim.requests)
    headers = {"Authorization": "Bearer eyJ-REAL-LOOKING", "x-api-key": sim.client_id}
    refused = requests.get(f"{sim.api_url}/api/programs", headers=headers, timeout=60)
    assert refused.status_code == 401
    query = {"client_id": "0123", "client_secret": "p8e-REAL-LOOKING"}
    requests.post(f"{sim.ims_url}/ims/token/v3", params=query, timeout=60)
    requests.get(f"{sim.api_url}/api/programs", auth=("someone", "REAL-LOOKING"), timeout=60)
    assert "REAL-LOOKING" not in repr(sim.requests)


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("Authorization", None, 403, "403010"),
        ("x-api-key", None, 403, "403000"),
        ("x-gw-ims-org-id", None, 400, "400003"),
        ("x-gw-ims-org-id", "other@AdobeOrg", 403, "403025"),
        ("x-api-key", "simulated-other", 403, "403003"),
        ("Authorization", "Bearer simulated-token-invented", 401, "401013"),
    ],
)
def test_the_gateway_wants_its_three_headers(
    sim: Simulator, header: str, value: str | None, status: int, code: str
) -> None:
    answer = Caller(sim).get("/api/programs", headers={header: value})
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_an_expired_token_meets_403_and_a_new_one_works() -> None:
    with Simulator.start({**slow_scenario(), "timing": {"token": 60.0}}) as sim:
        caller = Caller(sim)
        assert caller.get("/api/programs").status_code == 200
        sim.skip(61)
        assert caller.get("/api/programs").status_code == 403
        assert Caller(sim).get("/api/programs").status_code == 200


def test_a_token_with_fewer_scopes_and_an_account_without_a_profile_are_unauthorized(sim: Simulator) -> None:
    few = Caller(sim, scopes=SCOPES[:3]).get("/api/programs")
    assert (few.status_code, few.json()["title"]) == (403, "User unauthorized.")
    token = Caller.token(sim, client_id="simulated-nobody").json()["access_token"]
    nobody = Caller(sim, x_api_key="simulated-nobody", Authorization=f"Bearer {token}")
    assert nobody.get("/api/programs").json()["title"] == "User unauthorized."


def test_a_developer_reads_and_does_not_act(sim: Simulator) -> None:
    token = Caller.token(sim, client_id="simulated-reader").json()["access_token"]
    reader = Caller(sim, x_api_key="simulated-reader", Authorization=f"Bearer {token}")
    assert reader.get("/api/programs").status_code == 200
    assert reader.put(f"{reader.pipeline}/execution").status_code == 403


def test_the_jwt_exchange_answers_in_milliseconds(sim: Simulator) -> None:
    answer = exchange(sim)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 86399000


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": None},
        {"iss": "other@AdobeOrg"},
        {"sub": "somebody"},
        {"aud": "https://ims-na1.adobelogin.com/c/other"},
        {"https://ims-na1.adobelogin.com/s/ent_aem_cloud_api": None},
    ],
)
def test_the_jwt_exchange_checks_every_claim(sim: Simulator, changed: dict[str, Any]) -> None:
    assert exchange(sim, **changed).status_code == 400


def test_the_jwt_exchange_checks_the_signature(sim: Simulator) -> None:
    with Simulator.start(slow_scenario()) as other:
        foreign = other.service_credentials()["integration"]["privateKey"]
    assert exchange(sim, key=foreign).status_code == 400
