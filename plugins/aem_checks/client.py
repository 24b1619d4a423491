"""How is a site asked politely? The one place that sends requests for checks.

It says who it is, keeps the rate limit of each host, follows no redirect by itself, and contacts only the
hosts of its site: anything else raises ``HostNotAllowed`` before a byte is sent. Addresses that may not be asked
are refused when connecting (``network_guard``). The environment's proxies are used, log-ins of the worker are not.
Errors of the network are values (``Response.error``).
URLs are sent as they are written, so that ``/content/../libs`` arrives as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt

from aem_checks.access import NO_ACCESS, Access, AccessResolver
from aem_checks.network_errors import describe_error
from aem_checks.network_guard.connecting import guarded_resolver
from aem_checks.network_guard.outer_proxy import outer_proxy
from aem_checks.network_guard.rule import Rule
from aem_checks.patience import is_worth_waiting
from aem_checks.rate_limit import RateLimit
from aem_checks.response import Response, make_headers
from aem_checks.urls import (
    CACHE_BUSTER,
    acceptable,
    as_written,
    host_of,
    origin_of,
    plain_url,
    uncached,
)

if TYPE_CHECKING:
    from aem_checks.sites import SiteConfig

USER_AGENT = "AEM-Stage-Gate/1.0 (release checks of the site's own team)"
MAX_BODY = 10 * 1024 * 1024
"""Bytes of a body that are read, after decompression."""
MAX_HOPS = 5


class HostNotAllowed(ValueError):
    """A URL whose host is not one of the site's own."""


class Client:
    """An asynchronous HTTP client for the hosts of one site. Use it as ``async with``.

    ``origins`` maps each URL whose host may be contacted to the credentials for it. Credentials are sent to
    exactly that scheme, host and port; plain http beside https on the same host is contacted without them.
    """

    def __init__(
        self,
        origins: Mapping[str, Access],
        *,
        rate_limit: RateLimit | None = None,
        rule: Rule | None = None,
        connections: int = 8,
        timeout: float = 30.0,
        max_body: int = MAX_BODY,
        backoff: float = 1.0,
    ) -> None:
        """Raises ``AccessError`` for credentials that may not go to their host.

        ``rule``: at which addresses hosts may be asked, by default public ones and those that are written as numbers;
        ``connections``: requests in flight at once; ``timeout``: seconds for one whole answer;
        ``max_body``: bytes; ``backoff``: seconds before the second try, doubled before each further one."""
        self._access = {origin_of(url): access.at(url) for url, access in origins.items()}
        self._hosts = {host for origin in self._access for host in acceptable(origin)}
        self._secrets = frozenset().union(*(access.secrets for access in origins.values()))
        self._rate_limit = rate_limit or RateLimit()
        self._rule = rule or Rule.of(origins)
        self._connections = connections
        self._timeout = timeout
        self._max_body = max_body
        self._backoff = backoff
        self._in_flight = asyncio.Semaphore(connections)
        self._proxies: dict[str, SplitResult | None] = {}
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def for_site(cls, site: SiteConfig, resolver: AccessResolver, **options: Any) -> Self:
        """A client for the hosts of a site, each with its own credentials, at the site's own rate.

        Raises ``AccessError`` when a connection that the site names cannot be read, or opens another host.
        """
        origins: dict[str, Access] = {}
        for endpoint in site.endpoints:
            access = resolver(endpoint.access) if endpoint.access else NO_ACCESS
            origins |= {url: access for url in (endpoint.url, endpoint.origin) if url}
        options.setdefault("rate_limit", RateLimit(site.requests_per_second))
        options.setdefault("rule", Rule.for_site(site))
        return cls(origins, **options)

    def beside(self, origins: Mapping[str, Access], rule: Rule) -> Client:
        """A client for other hosts that the gate file names, with the same limits and time-outs."""
        return Client(
            origins,
            rate_limit=self._rate_limit,
            rule=rule,
            timeout=self._timeout,
            max_body=self._max_body,
            backoff=self._backoff,
        )

    @property
    def rate_limit(self) -> RateLimit:
        """The limit that it keeps."""
        return self._rate_limit

    async def __aenter__(self) -> Self:
        self._proxies = {origin: _proxy_of(origin) for origin in self._hosts}
        through = frozenset(proxy.hostname or "" for proxy in self._proxies.values() if proxy)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                enable_cleanup_closed=True,
                resolver=guarded_resolver(self._rule, through),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            timeout=aiohttp.ClientTimeout(total=self._timeout, connect=min(10.0, self._timeout)),
            trust_env=False,  # which would send what ~/.netrc holds
            max_line_size=32768,
            max_field_size=32768,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def allows(self, url: str) -> bool:
        """Whether the URL's host is one that this client may contact."""
        try:
            return origin_of(url) in self._hosts
        except ValueError:
            return False

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        tries: int = 1,
        per_second: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one request, given on to aiohttp
    ) -> Response:
        """Send one GET; see ``request``."""
        return await self.request(
            "GET", url, headers=headers, tries=tries, per_second=per_second, timeout=timeout
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tries: int = 1,
        per_second: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one request, given on to aiohttp
    ) -> Response:
        """Send a request and return what came back, whatever it is.

        ``tries``: how often at most, after a missing answer, 429 or 5xx, with growing pauses, or those that
        Retry-After asks for where they are over in time (``patience.within``). ``per_second``: a slower pace for this
        kind of request, 1 for probes. ``timeout``: seconds for one whole answer. Raises ``HostNotAllowed`` for a
        foreign host and ``RuntimeError`` when closed.
        """
        if not self.allows(url):
            raise HostNotAllowed(f"{url[:200]!r} is not on a host of this site, so it is not requested")
        limit = aiohttp.ClientTimeout(total=timeout) if timeout is not None else None
        send = partial(self._once, method, url, headers or {}, body, per_second, limit)
        first = await send()
        if tries > 1 and _may_be_better_next_time(first):
            return await self._try_again(first, send, tries)
        return first

    async def _try_again(
        self, first: Response, send: Callable[[], Awaitable[Response]], tries: int
    ) -> Response:
        """Go on after the answer to the first try; good answers are spared what this costs, half a request's time."""
        known = [first]

        async def attempt() -> Response:
            return known.pop() if known else await send()

        retrying = AsyncRetrying(
            retry=retry_if_result(_may_be_better_next_time),
            stop=stop_after_attempt(tries),
            wait=self._pause,
            retry_error_callback=_last_response,
        )
        answer: Response = await retrying(attempt)
        return answer

    async def follow(
        self,
        url: str,
        *,
        hops: int = MAX_HOPS,
        tries: int = 1,
        headers: Mapping[str, str] | None = None,
        within: frozenset[str] | None = None,
    ) -> tuple[Response, ...]:
        """GET and follow redirects within the site: every answer in order, at least one.

        It stops at the first answer that is no redirect, leads to a foreign host, leads to a URL seen before,
        or is number ``hops`` + 1. Where the first URL carries a cache-buster, each further one does too.
        ``within`` narrows the hosts (``host`` or ``host:port``) down, for example to those of one target.
        """
        chain = [await self.get(url, tries=tries, headers=headers)]
        bust = CACHE_BUSTER in url
        while len(chain) <= hops and (target := chain[-1].location) is not None:
            target = target.partition("#")[0]
            target = uncached(target) if bust and CACHE_BUSTER not in target else target
            if not self.allows(target) or (within is not None and host_of(target) not in within):
                break
            if any(plain_url(target) == plain_url(seen.url) for seen in chain):
                break
            chain.append(await self.get(target, tries=tries, headers=headers))
        return tuple(chain)

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        per_second: float | None,
        timeout: aiohttp.ClientTimeout | None,  # noqa: ASYNC109
    ) -> Response:
        if self._session is None:
            raise RuntimeError("the client is closed: use it inside 'async with'")
        origin = origin_of(url)
        async with self._in_flight:
            await self._rate_limit.acquire(origin.partition("://")[2], per_second=per_second)
            sent = {**self._access.get(origin, NO_ACCESS).request_headers, **headers}
            options: dict[str, Any] = {"headers": sent, "data": body, "allow_redirects": False}
            if proxy := self._proxies[origin]:
                options["proxy"] = proxy.geturl()
            if timeout is not None:
                options["timeout"] = timeout
            exchange = _Exchange(method, url, self._rule, self._max_body, self._secrets)
            return await exchange.run(self._session, options)

    def _pause(self, state: RetryCallState) -> float:
        growing = self._backoff * 2.0 ** (state.attempt_number - 1)
        last = state.outcome.result() if state.outcome else None
        return max(growing, last.retry_after if last is not None else 0.0)


class _Exchange:
    """One request and its answer; keeps what has arrived when the rest fails."""

    def __init__(self, method: str, url: str, rule: Rule, max_body: int, hidden: frozenset[str]) -> None:
        self._method, self._url, self._rule = method, url, rule
        self._max_body, self._hidden = max_body, hidden
        self._status = 0
        self._headers = make_headers()
        self._chunks: list[bytes] = []
        self._truncated = False
        self._first_byte = 0.0

    async def run(self, session: aiohttp.ClientSession, options: dict[str, Any]) -> Response:
        started = time.perf_counter()
        error = None
        try:
            target = as_written(self._url)
            self._rule.require_host(target.raw_host or "", target.port or 0)
            async with session.request(self._method, target, **options) as answer:
                self._first_byte = time.perf_counter() - started
                self._status = answer.status
                self._headers = make_headers(
                    (name, self._hide(value)) for name, value in answer.headers.items()
                )
                await self._read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            error = self._hide(describe_error(problem))
        return Response(
            url=self._url,
            status=self._status,
            headers=self._headers,
            body=self._hide_bytes(b"".join(self._chunks)),
            elapsed=time.perf_counter() - started,
            first_byte=self._first_byte,
            error=error,
            truncated=self._truncated,
            method=self._method,
        )

    async def _read(self, answer: aiohttp.ClientResponse) -> None:
        size = 0
        async for chunk in answer.content.iter_any():
            self._chunks.append(chunk[: self._max_body - size])
            size += len(chunk)
            if size > self._max_body:
                self._truncated = True
                answer.close()
                return

    def _hide(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[hidden]")
        return text

    def _hide_bytes(self, body: bytes) -> bytes:
        for secret in self._hidden:
            body = body.replace(secret.encode(), b"[hidden]")
        return body


def _proxy_of(origin: str) -> SplitResult | None:
    scheme, _, place = origin.partition("://")
    return outer_proxy(scheme, place.rpartition(":")[0])


def _may_be_better_next_time(response: Response) -> bool:
    if not response.answered or response.error is not None:
        return True
    return response.status in {429, *range(500, 600)} and is_worth_waiting(response)


def _last_response(state: RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()
