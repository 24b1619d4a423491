"""Is a client library missing, or did a publish node of the other build answer while nodes roll?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aem_checks.client import Client
    from aem_checks.response import Response

_MOST = 10
"""Libraries that are asked for again; where more are missing, it is not the rolling."""


async def ask_again(
    fetched: dict[str, tuple[Response, ...]], hosts: frozenset[str], client: Client
) -> dict[str, tuple[Response, ...]]:
    """The answers, those with 404 asked for again, one after the other, as a visitor does.

    While nodes roll, one does not know the libraries of the other's build (Adobe, *Caching in AEM as a Cloud
    Service*, strict versioning). What is missing stays missing, and so does what a cache kept as missing.
    """
    lost = [url for url, hops in fetched.items() if hops[-1].status == 404]
    for url in lost[:_MOST]:
        for _ in range(3):
            fetched[url] = await client.follow(url, within=hosts)
            if fetched[url][-1].status != 404:
                break
    return fetched
