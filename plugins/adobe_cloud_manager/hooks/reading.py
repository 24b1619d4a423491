"""How is a reading operation carried out with requests: token, turn, retries, all before a deadline?"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import requests
from requests.adapters import BaseAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_base

from adobe_cloud_manager.answers import Answer, error_of, network_error
from adobe_cloud_manager.hooks.account import Account
from adobe_cloud_manager.hooks.patience import Deadline, Logger, is_retryable, pause, retry_sentence
from adobe_cloud_manager.hooks.plain_session import answer_head, plain_session, tail_of
from adobe_cloud_manager.hooks.token_fetch import obtain_token
from adobe_cloud_manager.operations import Fetch, Get, Operation, Request
from adobe_cloud_manager.protocol import log_headers
from adobe_cloud_manager.tokens import TOKENS, Token

T = TypeVar("T")
REFUSED = frozenset({401, 403})


class Reader:
    """Drives one operation; use it once. Times in seconds."""

    def __init__(
        self,
        account: Account,
        deadline: Deadline,
        *,
        request_timeout: float,
        backoff: wait_base,
        log: Logger,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._account = account
        self._deadline = deadline
        self._request_timeout = request_timeout
        self._backoff = backoff
        self._log = log
        self._session = plain_session(adapter)
        self.clock_offset: timedelta | None = None
        """This machine's clock minus the ``Date`` of the newest answer that named one, to about a second."""

    def run(self, operation: Operation[T]) -> T:
        """The operation's result. Raises whatever its answers mean, retryable errors after the last try."""
        with self._session:
            try:
                request = next(operation)
                while True:
                    request = operation.send(self._persistently(request))
            except StopIteration as end:
                result: T = end.value
                return result

    def _persistently(self, request: Request) -> Answer:
        retrying = Retrying(
            stop=self._deadline.stop,
            wait=pause(self._backoff),
            retry=retry_if_exception(is_retryable),
            before_sleep=self._announce,
            reraise=True,
        )
        return retrying(self._once, request)

    def _announce(self, state: RetryCallState) -> None:
        self._log.info(retry_sentence(state))

    def _once(self, request: Request) -> Answer:
        answer = self._fetch(request) if isinstance(request, Fetch) else self._get(request)
        if answer.status == 429 or answer.status >= 500:
            who = "The log storage" if isinstance(request, Fetch) else "Cloud Manager"
            raise error_of(answer, request.what, who=who)
        return answer

    def _get(self, request: Get) -> Answer:
        """GET with a token; one that is refused is renewed once, if that can help."""
        url = self._account.url(request.href)
        token = self._token()
        answer = self._send(url, token, request.what)
        if answer.status not in REFUSED or not TOKENS.give_up(self._account.token_key, token):
            return answer
        fresh = self._token()
        answer = self._send(url, fresh, request.what)
        if answer.status in REFUSED:
            TOKENS.refused_when_new(self._account.token_key, fresh)
        return answer

    def _token(self) -> Token:
        return obtain_token(self._account.credential, self._account.settings.ims_url, self._timeout)

    def _send(self, url: str, token: Token, what: str) -> Answer:
        if (wait := self._account.turn(self._deadline)) > 0:
            time.sleep(wait)
        headers = self._account.headers(token)
        try:
            response = self._session.get(url, headers=headers, timeout=self._timeout, allow_redirects=False)
        except (requests.RequestException, OSError, ValueError) as cause:
            raise network_error(cause, f"asking Cloud Manager for {what}") from None
        answer = answer_head(response, response.content)
        if answer.date is not None:
            self.clock_offset = datetime.now(UTC) - answer.date
        return answer.without(token.value)

    def _fetch(self, request: Fetch) -> Answer:
        """GET a signed address in a session of its own, which never held a header of Adobe's."""
        headers = log_headers(request.start, request.end)
        try:
            with (
                plain_session() as session,
                session.get(
                    request.url, headers=headers, timeout=self._timeout, allow_redirects=False, stream=True
                ) as response,
            ):
                return tail_of(response, request.keep)
        except (requests.RequestException, OSError, ValueError) as cause:
            raise network_error(cause, f"fetching {request.what}") from None

    @property
    def _timeout(self) -> float:
        return max(0.001, min(self._request_timeout, self._deadline.left))
