"""How is a journal read from Adobe: with which headers, token and limits, without blocking the triggerer?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.events.journal import Journal, Page
from adobe_cloud_manager.hooks.account import Account
from adobe_cloud_manager.hooks.async_session import AsyncSession
from adobe_cloud_manager.hooks.reading import REFUSED
from adobe_cloud_manager.hooks.token_fetch import obtain_token_async
from adobe_cloud_manager.protocol import USER_AGENT
from adobe_cloud_manager.tokens import TOKENS, Token

LARGEST_PAGE = 4 * 1024 * 1024
"""Bytes; Adobe's pages end at 1.5 MB."""
WITHIN = 30.0
"""Seconds for one request."""


class JournalReader:
    """Reads pages with the credential of a connection, which is asked for anew after every failure."""

    def __init__(self, session: AsyncSession, account: Callable[[], Awaitable[Account]]) -> None:
        self._session = session
        self._read_account = account
        self._account: Account | None = None

    async def read(self, journal: Journal, target: str) -> Page:
        """The page at ``target`` (path and query). Raises ``PositionExpired`` or another error of the tree."""
        try:
            return journal.read(await self._get(f"{journal.origin}{target}"))
        except Exception:
            self._account = None
            raise

    async def _get(self, url: str) -> Answer:
        """GET with a token; one that is refused is renewed once, if that can help."""
        account = self._account = self._account or await self._read_account()
        token = await self._token(account)
        answer = await self._send(account, url, token)
        if answer.status not in REFUSED or not TOKENS.give_up(account.token_key, token):
            return answer
        fresh = await self._token(account)
        answer = await self._send(account, url, fresh)
        if answer.status in REFUSED:
            TOKENS.refused_when_new(account.token_key, fresh)
        return answer

    async def _token(self, account: Account) -> Token:
        return await obtain_token_async(self._session, account.credential, account.settings.ims_url, WITHIN)

    async def _send(self, account: Account, url: str, token: Token) -> Answer:
        headers = {
            "accept": "application/json",
            "authorization": f"Bearer {token.value}",
            "user-agent": USER_AGENT,
            "x-api-key": account.credential.client_id,
            "x-ims-org-id": account.credential.org_id,
        }
        what = "reading the journal of Adobe I/O Events"
        answer = await self._session.get(url, headers, WITHIN, what, keep=LARGEST_PAGE)
        return answer.without(token.value)
