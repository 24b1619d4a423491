"""What do Slack, PagerDuty and a mail server hear? Local servers that speak their protocols and keep what came."""

from __future__ import annotations

import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from unit.stage_gate.waiting import PATIENCE


@dataclass
class Heard:
    """What came, in the order in which it came."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    """The header of each request that had one."""
    passwords: list[str] = field(default_factory=list)
    """What mail clients logged in with; any password is taken."""


@contextmanager
def web_listener(answer: dict[str, Any], status: int = 200) -> Iterator[tuple[str, Heard]]:
    """A server that keeps each JSON body and always gives the same answer."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.authorizations += filter(None, [self.headers["Authorization"]])
            heard.bodies.append({"path": self.path, **json.loads(body)})
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()


class AnyPort(Controller):
    """A controller that finds out which port it was given."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_listener() -> Iterator[tuple[int, Heard]]:
    """A mail server that keeps what it takes; yields its port."""
    heard = Heard()

    class Keeper:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            heard.recipients.append(list(envelope.rcpt_tos))
            heard.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
            return "250 OK"

    def take_down(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        if isinstance(login, LoginPassword):
            heard.passwords.append(login.password.decode())
        return AuthResult(success=True)

    controller = AnyPort(
        Keeper(),
        hostname="127.0.0.1",
        port=0,
        ready_timeout=PATIENCE,
        authenticator=take_down,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield controller.port, heard
    finally:
        controller.stop()
