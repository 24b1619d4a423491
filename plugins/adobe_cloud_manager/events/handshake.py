"""Is this Adobe I/O asking whether the webhook is ours, and what is the answer? Both forms of its handshake.

https://developer.adobe.com/events/docs/guides/ : a GET with ``challenge`` that has to be answered with it, or
a POST with a ``validationUrl`` that has to be fetched within 5 minutes.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LONGEST_URL = 2048
_WITHIN = 10.0


def challenge_of(value: object) -> str:
    """The challenge, unchanged, if it is a UUID. Raises ``ValueError``: nothing else is ever echoed."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value
    raise ValueError("The challenge is not a UUID.")


def validation_target(url: object, allowed: str) -> str:
    """The URL to fetch: ``allowed`` (the deployment's ``event_validation_url``) with the two UUIDs of ``url``.

    Raises ``ValueError`` where ``url`` differs from ``allowed`` in scheme, host, port or path, or has another
    query than ``id=<UUID>&challenge=<UUID>``. Nothing but the two UUIDs is taken from it.
    """
    if not isinstance(url, str) or len(url) > _LONGEST_URL or not url.startswith(f"{allowed}?"):
        raise ValueError("The validation URL does not lead to Adobe's validation address.")
    try:
        query = dict(_once(parse_qsl(urlsplit(url).query, strict_parsing=True, max_num_fields=2)))
    except ValueError:
        raise ValueError("The validation URL has an unexpected query.") from None
    if query.keys() != {"id", "challenge"} or "#" in url:
        raise ValueError("The validation URL has an unexpected query.")
    return f"{allowed}?id={challenge_of(query['id'])}&challenge={challenge_of(query['challenge'])}"


async def confirm(url: str) -> None:
    """Fetch what ``validation_target`` returned, within 10 seconds and without following redirects.

    Raises an error of the tree in ``exceptions`` where Adobe does not answer 2xx.
    """
    from adobe_cloud_manager.answers import error_of
    from adobe_cloud_manager.hooks.async_session import AsyncSession
    from adobe_cloud_manager.protocol import USER_AGENT

    what = "the validation of the webhook"
    headers = {"accept": "*/*", "user-agent": USER_AGENT}
    async with AsyncSession() as session:
        answer = await session.get(url, headers, _WITHIN, what, keep=4096)
    if not 200 <= answer.status < 300:
        raise error_of(answer, what, who="Adobe I/O Events")


def _once(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return pairs
