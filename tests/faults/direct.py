"""How does the simulator answer without a socket? Its own application is called; only the wire is left out.

For the requests that no fault may strike: their way over a socket costs more than all that is shown with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import requests
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_writer import HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from simulator import Simulator

_NOWHERE: Any = SimpleNamespace(ssl_context=None, peername=None, sockname=None)


class Direct:
    """Answers GET requests to the simulator's API as its server would."""

    def __init__(self, simulator: Simulator) -> None:
        self._loop = asyncio.new_event_loop()
        self._app = simulator._services._runners[0].app
        self._base = simulator.api_url

    def close(self) -> None:
        self._loop.close()

    def answer(self, url: str, headers: Mapping[str, str]) -> requests.Response | None:
        """The answer; ``None`` where the request leads elsewhere."""
        if not url.startswith(self._base):
            return None
        handled = self._handled(url.removeprefix(self._base), headers)
        status, found, body = self._loop.run_until_complete(handled)
        response = requests.Response()
        response.url, response.status_code, response._content = url, status, body
        response.headers.update(found, Date=formatdate(usegmt=True))
        return response

    async def _handled(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        received = web.Request(_message(path, headers), EMPTY_PAYLOAD, _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE)
        answer = await self._app._handle(received)
        await self._app.on_response_prepare.send(received, answer)
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        return answer.status, dict(answer.headers), answer.body


def _message(path: str, headers: Mapping[str, str]) -> RawRequestMessage:
    return RawRequestMessage(
        method="GET",
        path=path,
        version=HttpVersion11,
        headers=CIMultiDictProxy(CIMultiDict(headers)),
        raw_headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        should_close=False,
        compression=None,
        upgrade=False,
        chunked=False,
        url=URL(path, encoded=True),
    )
