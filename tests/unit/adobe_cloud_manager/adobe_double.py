"""Adobe on this machine, answer by answer: for tests of what goes over the wire."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from unit.adobe_cloud_manager.local_server import LocalServer, Received, reply

ORG = "0123456789ABCDEF01234567@AdobeOrg"
Answering = bytes | Callable[[Received], bytes]


@dataclass
class Adobe:
    """IMS and Cloud Manager on one port. ``routes`` maps paths to an answer, or to a list used up in turn."""

    client_id: str = field(default_factory=lambda: f"client-{uuid.uuid4().hex}")
    client_secret: str = field(default_factory=lambda: f"p8e-{uuid.uuid4().hex}")
    routes: dict[str, Answering | list[Answering]] = field(default_factory=dict)
    token_answers: list[bytes] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    server: LocalServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = LocalServer(self.respond)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def calls(self) -> list[Received]:
        """Requests to the API, without those to IMS."""
        return [request for request in self.server.requests if not request.path.startswith("/ims/")]

    @property
    def token_calls(self) -> list[Received]:
        return [request for request in self.server.requests if request.path.startswith("/ims/")]

    def connection(self, **changes: Any) -> str:
        """An Airflow connection to it, as JSON for the environment."""
        fields = {
            "conn_type": "adobe_cloud_manager",
            "login": self.client_id,
            "password": self.client_secret,
            "extra": {"org_id": ORG},
        }
        return json.dumps(fields | changes)

    def environment(self) -> dict[str, str]:
        """What leads Airflow here."""
        return {
            "AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL": self.url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL": self.url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "10000",
            "AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT": self.connection(),
        }

    def respond(self, request: Received) -> bytes:
        if request.path.startswith("/ims/"):
            return self._token()
        answer = self.routes.get(request.path, reply(404))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer(request) if callable(answer) else answer

    def _token(self) -> bytes:
        if self.token_answers:
            return self.token_answers.pop(0)
        self.tokens.append(f"token-{uuid.uuid4().hex}")
        return reply(200, {"access_token": self.tokens[-1], "token_type": "bearer", "expires_in": 86399})
