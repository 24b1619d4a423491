"""What is on the other side? Signed bodies by the simulator's keys, a server of public keys, and this side's app."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adobe_cloud_manager.settings import Settings
from simulator.io_events.signing import key_pair, signed_headers
from stage_gate.configuration.event_registrations import Registration

OURS = Registration("main", "client-of-ours", "secret_of_ours")
OTHER = Registration("other", "client-of-the-other")
REGISTRATIONS = {each.name: each for each in (OURS, OTHER)}
SUBJECT = "12345/678901/42"
UUID = "7a1c1f3e-9d3c-4f6b-8b43-0c6c1c1f7b11"
OTHER_UUID = "0c1de3a8-4f0e-4c4d-9d0e-2f4f4a7c9b55"


def event(event_id: str, *, client_id: str = OURS.client_id, subject: str = SUBJECT) -> dict[str, Any]:
    """One event in its wrapping, in the newer spelling."""
    program, pipeline, execution = subject.split("/")
    kind = "https://ns.adobe.com/experience/cloudmanager/"
    return {
        "eventid": event_id,
        "recipientclientid": client_id,
        "event": {
            "@id": f"urn:oeid:cloudmanager:{event_id}",
            "@type": f"{kind}event/started",
            "activitystreams:published": "2026-11-23T08:00:00.000Z",
            "activitystreams:object": {
                "@id": f"https://cloudmanager.adobe.io/api/program/{program}/pipeline/{pipeline}/execution/{execution}"
            },
            "xdmEventEnvelope:objectType": f"{kind}pipeline-execution",
        },
    }


def body_of(*events: dict[str, Any]) -> bytes:
    """One event as an object, several as a batch."""
    return json.dumps(events[0] if len(events) == 1 else list(events)).encode()


def signed(body: bytes, *, first: int = 0, second: int = 1) -> dict[str, str]:
    """The headers of a delivery: the numbers are of the simulator's key pairs; -1 is a stranger's."""
    return signed_headers(body, key_pair(first), key_pair(second)) | {"content-type": "application/json"}


def under_true_paths(body: bytes) -> dict[str, str]:
    """A stranger's signatures under the names of Adobe's keys."""
    forged, true = signed(body, first=-1, second=-1), signed(body)
    return forged | {name: value for name, value in true.items() if name.endswith("path")}


HANGS = 60.0
"""Seconds for which a host that does not answer keeps whoever asks waiting."""


@dataclass
class AdobesHost:
    """A host of public keys and of the validation address; `asked` is every path that was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    """Of these, what was answered."""
    answers: threading.Event = field(default_factory=threading.Event)
    """Cleared: it accepts requests and does not answer."""

    @property
    def settings(self) -> Settings:
        return Settings(event_keys_url=self.url, event_validation_url=self.validation_url)

    @property
    def validation_url(self) -> str:
        return f"{self.url}/csm/registrations/validate"


@contextmanager
def adobes_host(pairs: Sequence[int] = (0, 1)) -> Iterator[AdobesHost]:
    """A local server that has the public keys of these pairs."""
    host = AdobesHost()
    host.answers.set()
    pems = {key_pair(number).path: key_pair(number).pem for number in pairs}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            host.answers.wait(HANGS)
            host.answered.append(self.path)
            known = self.path.startswith("/csm/") or self.path in pems
            content = pems.get(self.path, b"")
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        host.answers.set()
        server.shutdown()
        server.server_close()
