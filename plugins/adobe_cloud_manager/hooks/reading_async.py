"""How is a reading operation carried out with aiohttp: the same rules as with requests, without blocking?"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_base

from adobe_cloud_manager.answers import Answer, error_of
from adobe_cloud_manager.hooks.account import Account
from adobe_cloud_manager.hooks.async_session import AsyncSession
from adobe_cloud_manager.hooks.patience import Deadline, Logger, is_retryable, pause, retry_sentence
from adobe_cloud_manager.hooks.reading import REFUSED
from adobe_cloud_manager.hooks.token_fetch import obtain_token_async
from adobe_cloud_manager.operations import Fetch, Get, Operation, Request
from adobe_cloud_manager.protocol import log_headers
from adobe_cloud_manager.tokens import TOKENS, Token

T = TypeVar("T")


class AsyncReader:
    """Drives one operation; use it once. Times in seconds."""

    def __init__(
        self,
        account: Account,
        deadline: Deadline,
        session: AsyncSession,
        *,
        request_timeout: float,
        backoff: wait_base,
        log: Logger,
    ) -> None:
        self._account = account
        self._deadline = deadline
        self._session = session
        self._request_timeout = request_timeout
        self._backoff = backoff
        self._log = log

    async def run(self, operation: Operation[T]) -> T:
        """The operation's result. Raises whatever its answers mean, retryable errors after the last try."""
        try:
            request = next(operation)
            while True:
                request = operation.send(await self._persistently(request))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _persistently(self, request: Request) -> Answer:
        retrying = AsyncRetrying(
            stop=self._deadline.stop,
            wait=pause(self._backoff),
            retry=retry_if_exception(is_retryable),
            before_sleep=self._announce,
            reraise=True,
        )
        return await retrying(self._once, request)

    def _announce(self, state: RetryCallState) -> None:
        self._log.info(retry_sentence(state))

    async def _once(self, request: Request) -> Answer:
        answer = await (self._fetch(request) if isinstance(request, Fetch) else self._get(request))
        if answer.status == 429 or answer.status >= 500:
            who = "The log storage" if isinstance(request, Fetch) else "Cloud Manager"
            raise error_of(answer, request.what, who=who)
        return answer

    async def _get(self, request: Get) -> Answer:
        """GET with a token; one that is refused is renewed once, if that can help."""
        url = self._account.url(request.href)
        token = await self._token()
        answer = await self._send(url, token, request.what)
        if answer.status not in REFUSED or not TOKENS.give_up(self._account.token_key, token):
            return answer
        fresh = await self._token()
        answer = await self._send(url, fresh, request.what)
        if answer.status in REFUSED:
            TOKENS.refused_when_new(self._account.token_key, fresh)
        return answer

    async def _token(self) -> Token:
        account = self._account
        return await obtain_token_async(
            self._session, account.credential, account.settings.ims_url, self._timeout
        )

    async def _send(self, url: str, token: Token, what: str) -> Answer:
        await asyncio.sleep(await asyncio.to_thread(self._account.turn, self._deadline))
        headers = self._account.headers(token)
        answer = await self._session.get(url, headers, self._timeout, f"asking Cloud Manager for {what}")
        return answer.without(token.value)

    async def _fetch(self, request: Fetch) -> Answer:
        """GET a signed address in a session of its own, which never held a header of Adobe's."""
        headers = log_headers(request.start, request.end)
        what = f"fetching {request.what}"
        async with AsyncSession() as session:
            return await session.get(request.url, headers, self._timeout, what, keep=request.keep)

    @property
    def _timeout(self) -> float:
        return max(0.001, min(self._request_timeout, self._deadline.left))
