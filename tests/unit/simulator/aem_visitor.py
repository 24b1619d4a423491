"""How do tests of the simulated AEM site visit it? Over a real port, or straight through its front door."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestServer

from simulator.aem import AemEnvironment, Build
from simulator.aem.exchange import Ask, Reply


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def environment(
    name: Any = "stage", build: str = "build-1", *defects: str, **settings: Any
) -> AemEnvironment:
    settings = {"pages": 12, **settings}
    return AemEnvironment(
        name, Build(build, frozenset(defects)), program_id="12345", environment_id="67890", **settings
    )


def ask(aem: AemEnvironment, target: str, **headers: str) -> Reply:
    """One GET through CDN, dispatcher and publish, without a network."""
    path, _, query = target.partition("?")
    return aem.answer(Ask("GET", path, query, headers))


def built_by(reply: Reply) -> str:
    return reply.body.partition(b'name="build" content="')[2].partition(b'"')[0].decode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Visitor:
    """A client that sends paths exactly as written."""

    port: int

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


@contextmanager
def served(application: Any) -> Iterator[Visitor]:
    """The application on a free port of 127.0.0.1, in a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = TestServer(application)
    try:
        asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(30)
        assert server.port is not None
        yield Visitor(server.port)
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
