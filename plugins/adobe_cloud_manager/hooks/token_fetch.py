"""How is an access token fetched from IMS, once for all that need it?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import requests
from airflow.sdk.log import amask_secret, mask_secret

from adobe_cloud_manager.answers import network_error
from adobe_cloud_manager.auth import Credential, ServiceCredentials, TokenRequest, parse_token
from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.hooks.plain_session import answer_head, plain_session
from adobe_cloud_manager.protocol import USER_AGENT
from adobe_cloud_manager.settings import Settings
from adobe_cloud_manager.tokens import TOKENS, Token

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.async_session import AsyncSession

_HEADERS = {"accept": "application/json", "user-agent": USER_AGENT}
log = logging.getLogger(__name__)


def obtain_token(credential: Credential, ims_url: str, timeout: float) -> Token:
    """A valid token, from the cache or from IMS within ``timeout`` seconds.

    Raises ``CredentialError`` where IMS refuses, ``Unavailable`` or ``RateLimited`` where it cannot answer.
    """
    key = credential.key(ims_url)
    if token := TOKENS.get(key):
        return token
    with TOKENS.lock(key):
        if token := TOKENS.get(key):
            return token
        token = TOKENS.put(key, _post(credential.token_request(ims_url, TOKENS.clock()), timeout))
    mask_secret(token.value)
    return token


def _post(request: TokenRequest, timeout: float) -> Token:
    with plain_session() as session:
        try:
            response = session.post(
                request.url, data=request.form, headers=_HEADERS, timeout=timeout, allow_redirects=False
            )
        except (requests.RequestException, OSError, ValueError) as cause:
            raise _network(cause, request) from None
    return parse_token(answer_head(response, response.content), request, TOKENS.clock())


async def obtain_token_async(
    session: AsyncSession, credential: Credential, ims_url: str, within: float
) -> Token:
    """As ``obtain_token``, without blocking the event loop."""
    key = credential.key(ims_url)
    if token := TOKENS.get(key):
        return token
    async with TOKENS.async_lock(key):
        if token := TOKENS.get(key):
            return token
        request = credential.token_request(ims_url, TOKENS.clock())
        what = f"the token request for {request.what}"
        answer = await session.post_form(request.url, request.form, _HEADERS, within, what)
        token = TOKENS.put(key, parse_token(answer, request, TOKENS.clock()))
    await amask_secret(token.value)
    return token


def _network(cause: BaseException, request: TokenRequest) -> CloudManagerError:
    return network_error(cause, f"the token request for {request.what}")


def author_token(document: str, *, timeout: float = 30.0) -> Token:
    """A bearer token for an AEM author, of the service-credentials JSON that its Developer Console issues.

    Warns in the log from 30 days before the certificate ends. Raises as ``obtain_token``.
    """
    credentials = ServiceCredentials.parse(document)
    mask_secret(credentials.client_secret)
    mask_secret(credentials.private_key)
    if warning := credentials.expiry_warning(TOKENS.clock()):
        log.warning(warning)
    return obtain_token(credentials, Settings.load().ims_url, timeout)
