"""What goes over the wire? A real server on a free port that keeps every byte and answers as it is told."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

SILENCE = b"<close without an answer>"
RESET = b"<reset the connection>"
HANG = b"<never answer>"


@dataclass(frozen=True)
class Received:
    """One request as it arrived; ``connection`` counts the connections of the server."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def header_names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}

    @property
    def path(self) -> str:
        return self.target.split("?")[0]


Respond = Callable[[Received], bytes]


def reply(
    status: int = 200,
    document: object = None,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A complete HTTP answer; with ``document`` its JSON."""
    sent = dict(headers or {})
    if document is not None:
        body = json.dumps(document).encode()
        sent = {"Content-Type": "application/json"} | sent
    sent = {"Content-Length": str(len(body))} | sent
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"HTTP/1.1 {status} Word\r\n{head}\r\n".encode() + body


class LocalServer:
    """Serves ``respond`` on 127.0.0.1 until it is closed; connections are kept alive."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.requests: list[Received] = []
        self.connections = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def paths(self, method: str = "GET") -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as stream:
            while True:
                try:
                    request = _read(stream, number)
                except (OSError, ValueError):
                    return
                if request is None:
                    return
                self.requests.append(request)
                if not self._answer(connection, self.respond(request)):
                    return
                if (request.header("connection") or "").lower() == "close":
                    return

    def _answer(self, connection: socket.socket, answer: bytes) -> bool:
        if answer == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer == HANG:
            self._over.wait()
        elif answer != SILENCE:
            connection.sendall(answer)
            return answer.startswith(b"HTTP/1.1 ") and b"Connection: close" not in answer
        return False


def _read(stream: object, number: int) -> Received | None:
    line = stream.readline().decode("latin-1").strip()  # type: ignore[attr-defined]
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers: list[tuple[str, str]] = []
    while text := stream.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
        name, _, value = text.partition(":")
        headers.append((name, value.strip()))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    body = stream.read(length) if length else b""  # type: ignore[attr-defined]
    return Received(method, target, headers, body, number)
