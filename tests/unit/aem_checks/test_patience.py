"""A site that asks for a pause is waited for, where there is time for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from aiohttp import web

from aem_checks import client
from aem_checks.access import Access
from aem_checks.patience import within
from aem_checks.rate_limit import RateLimit
from aem_checks.reach import describe
from aem_checks.response import Response, make_headers
from unit.aem_checks.page_site import PageSite


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Wed, 21 Oct 2026 07:30:00 GMT", 120),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_until_a_time(header: str, seconds: float) -> None:
    asked = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    response = Response("https://a.example/", 503, make_headers({"Retry-After": header}), fetched_at=asked)
    assert response.retry_after == seconds
    assert Response("https://a.example/", 500, response.headers, fetched_at=asked).retry_after == 0


@pytest.mark.parametrize(("limit", "tries"), [(600.0, 2), (60.0, 1)])
def test_a_pause_is_waited_for_where_the_check_has_the_time(
    limit: float, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def run(site: PageSite) -> Response:
        async with site, client.Client({site.url: Access()}, rate_limit=RateLimit(5000)) as asked:
            with within(limit):
                return await asked.get(site.url + "/busy", tries=3)

    monkeypatch.setattr(client, "AsyncRetrying", partial(client.AsyncRetrying, sleep=sleep))
    answers = iter([web.Response(status=503, headers={"Retry-After": "120"}), web.Response(text="here")])
    site = PageSite({"/busy": lambda _: next(answers)})
    response = asyncio.run(run(site))
    assert len(site.requests) == tries
    assert slept == ([120.0] if tries > 1 else [])
    assert ("asks to wait 120 s" in describe(response)) is (tries == 1)
