"""How do the simulator's tests call its Cloud Manager API? As a client with a token, over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import requests

from simulator import Simulator
from simulator.scenario import SCOPES

REL = "http://ns.adobe.com/adobecloud/rel/"
LONG = 100.0  # seconds that a step takes in a scenario where the tests move the time


def slow_scenario(**release: Any) -> dict[str, Any]:
    """Every step takes 100 s and nothing moves by itself: tests skip from state to state."""
    keys = ("validate", "build", "codeQuality", "buildImage", "deploy stage", "productTest", "functionalTest")
    steps: dict[str, Any] = dict.fromkeys((*keys, "uiTest", "contentAudit", "deploy prod"), LONG)
    steps |= release.pop("steps", {})
    timing = {"tail": 20.0, "act": 10.0, "rollback": 30.0}
    return {"sites": False, "timing": timing, "releases": {"good": {"steps": steps, **release}}}


class Caller:
    """One technical account of a simulator."""

    def __init__(self, sim: Simulator, *, scopes: tuple[str, ...] = SCOPES, **headers: str) -> None:
        self.sim = sim
        token = self.token(sim, scopes=scopes).json()["access_token"]
        given = {
            "x-gw-ims-org-id": sim.org_id,
            "x-api-key": sim.client_id,
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
        }
        self.headers = {**given, **{key.replace("_", "-"): value for key, value in headers.items()}}

    @staticmethod
    def token(
        sim: Simulator, *, client_id: str = "", secret: str = "", scopes: tuple[str, ...] = SCOPES
    ) -> requests.Response:
        form = {
            "client_id": client_id or sim.client_id,
            "client_secret": secret or sim.client_secret,
            "grant_type": "client_credentials",
            "scope": ",".join(scopes),
        }
        return requests.post(f"{sim.ims_url}/ims/token/v3", data=form, timeout=60)

    @property
    def pipeline(self) -> str:
        return f"/api/program/{self.sim.program_id}/pipeline/{self.sim.pipeline_id}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._request("GET", path, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self._request("PUT", path, json=body, **options)

    def execution(self, execution_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"{self.pipeline}/execution/{execution_id}").json()
        return answer

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        url = self.sim.api_url + path
        headers = {**self.headers, **options.pop("headers", {})}
        return requests.request(method, url, headers=headers, timeout=60, allow_redirects=False, **options)


def exchange(sim: Simulator, *, key: str | None = None, **changed: Any) -> requests.Response:
    """The JWT exchange as Adobe's client for AEM does it, with claims changed; None leaves one out."""
    integration = sim.service_credentials()["integration"]
    account, host = integration["technicalAccount"], integration["imsEndpoint"]
    claims = {
        "exp": int(time.time()) + 300,
        "iss": integration["org"],
        "sub": integration["id"],
        "aud": f"https://{host}/c/{account['clientId']}",
        f"https://{host}/s/{integration['metascopes']}": True,
    } | changed
    given = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode(given, key or integration["privateKey"], algorithm="RS256")
    form = {"client_id": account["clientId"], "client_secret": account["clientSecret"], "jwt_token": token}
    return requests.post(f"{sim.ims_url}/ims/exchange/jwt", data=form, timeout=60)


def step_of(execution: dict[str, Any], action: str, environment: str | None = None) -> dict[str, Any]:
    """The step state of that action; with an environment type, of that environment."""
    found = [
        step
        for step in execution["_embedded"]["stepStates"]
        if step["action"] == action and environment in (None, step.get("environmentType"))
    ]
    assert len(found) == 1, f"{len(found)} steps {action} {environment}"
    return dict(found[0])


def rels(step: dict[str, Any]) -> set[str]:
    """The short names of the links that depend on the state."""
    names = {name.rpartition("/")[2] for name in step["_links"]}
    return names - {"execution", "pipeline", "program"}


def eventually(question: Callable[[], Any], *, within: float = 90.0, what: str = "it") -> Any:
    """The first answer that is true; fails when there is none within the time (seconds), and says `what` is missing."""
    end = time.monotonic() + within
    while not (answer := question()):
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        time.sleep(0.01)
    return answer
