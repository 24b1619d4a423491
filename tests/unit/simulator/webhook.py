"""Who gets the deliveries in tests of the simulator? A webhook on a port of its own that answers what it is told."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator import Simulator


@dataclass(frozen=True, slots=True)
class Received:
    """One POST as it came in; names of headers in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def paths(self) -> list[str]:
        """What its events are about."""
        items = self.json if isinstance(self.json, list) else [self.json]
        return [urlsplit(item["event"]["activitystreams:object"]["@id"]).path for item in items]


class Webhook:
    """`statuses` are answered in turn, then 200; `challenge` is how it answers one: text, json or nothing."""

    def __init__(self, *statuses: int, challenge: str = "text") -> None:
        self.statuses, self.challenge = list(statuses), challenge
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Webhook:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)["challenge"][0]
                if webhook.challenge == "json":
                    self._answer(200, json.dumps({"challenge": asked}), "application/json")
                else:
                    self._answer(200, asked if webhook.challenge == "text" else "", "text/plain")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                webhook.received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
                self._answer(webhook.statuses.pop(0) if webhook.statuses else 200, "", "text/plain")

            def _answer(self, status: int, text: str, content_type: str) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on stderr."""

        return Handler


def signatures(sim: Simulator, received: Received) -> list[bool]:
    """Which of the two signatures are good, with the public keys as they are served."""
    found = []
    for number in (1, 2):
        path = received.headers[f"x-adobe-public-key{number}-path"]
        key = serialization.load_pem_public_key(requests.get(sim.io_events.url + path, timeout=60).content)
        assert isinstance(key, rsa.RSAPublicKey)
        signature = base64.b64decode(received.headers[f"x-adobe-digital-signature-{number}"])
        try:
            key.verify(signature, received.body, padding.PKCS1v15(), hashes.SHA256())
            found.append(True)
        except InvalidSignature:
            found.append(False)
    return found
