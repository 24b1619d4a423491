"""What does an aiohttp session look like that adds nothing of its own to what we send?"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import aiohttp
from requests.utils import get_environ_proxies, select_proxy
from yarl import URL

from adobe_cloud_manager.answers import Answer, network_error
from adobe_cloud_manager.hooks.plain_session import Tail

_CHUNK = 65536
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AsyncSession:
    """GETs and form POSTs without cookies, redirects or stored log-ins; proxies of the environment stay."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=_AUTOMATIC, trust_env=False
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(
        self, url: str, headers: Mapping[str, str], within: float, what: str, *, keep: int | None = None
    ) -> Answer:
        """GET in ``within`` seconds; with ``keep``, only that many bytes of the end of the body.

        Raises ``Unavailable`` where no complete answer came.
        """
        return await self._request("GET", url, headers, within, what, keep=keep)

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], within: float, what: str
    ) -> Answer:
        """POST a form in ``within`` seconds. Raises ``Unavailable`` where no complete answer came."""
        body = aiohttp.FormData(dict(form))
        typed = {**headers, "content-type": "application/x-www-form-urlencoded"}
        return await self._request("POST", url, typed, within, what, body=body)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        within: float,
        what: str,
        *,
        body: aiohttp.FormData | None = None,
        keep: int | None = None,
    ) -> Answer:
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                proxy=select_proxy(url, get_environ_proxies(url)),
                timeout=aiohttp.ClientTimeout(total=within),
            ) as response:
                return await _answer(response, keep)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as cause:
            raise network_error(cause, what) from None


async def _answer(response: aiohttp.ClientResponse, keep: int | None) -> Answer:
    headers = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
    if keep is None:
        return Answer(response.status, headers, await response.read())
    tail = Tail(keep)
    async for chunk in response.content.iter_chunked(_CHUNK):
        if not tail.add(chunk):
            break
    return Answer(response.status, headers, tail.body, tail.cut)
