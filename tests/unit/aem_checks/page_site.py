"""A small real web site with pages and client libraries, for checks that judge pages: what does it answer?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from aem_checks.access import NO_ACCESS, Access
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig

HASH = "181cd4102f7f49aa30eea548a7715c31"
STYLE = f"/etc.clientlibs/wknd/clientlibs/clientlib-site.lc-{HASH}-lc.min.css"
SCRIPT = f"/etc.clientlibs/wknd/clientlibs/clientlib-site.lc-{HASH}-lc.min.js"
Answer = Callable[[web.BaseRequest], Any]


def html(body: str = "", head: str = "") -> str:
    libraries = (
        f'<link rel="stylesheet" href="{STYLE}" type="text/css"><script async src="{SCRIPT}"></script>'
    )
    filler = "<p>Surfing, climbing and camping.</p>" * 20
    return (
        f"<!DOCTYPE html><html lang=en><head><title>WKND</title>{libraries}{head}</head>"
        f"<body>{body}{filler}</body></html>"
    )


def page(body: str = "", head: str = "", **options: Any) -> Answer:
    return lambda _: web.Response(text=html(body, head), content_type="text/html", **options)


def text(content: str, content_type: str = "text/plain", **options: Any) -> Answer:
    return lambda _: web.Response(text=content, content_type=content_type, **options)


def status(code: int, **options: Any) -> Answer:
    return lambda _: web.Response(status=code, **options)


@dataclass
class PageSite:
    """Paths and what they answer; ``requests`` lists all that came in. Unknown paths answer a branded 404."""

    answers: dict[str, Answer] = field(default_factory=dict)
    everything: Answer | None = None
    requests: list[web.BaseRequest] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.shutdown()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        usual = {
            STYLE: text("body{margin:0}", "text/css"),
            SCRIPT: text("(function(){})()", "application/javascript"),
            "/": page(),
        }
        answer = self.everything or {**usual, **self.answers}.get(request.path) or page("lost?", status=404)
        result = answer(request)
        return await result if isinstance(result, Awaitable) else result  # type: ignore[no-any-return]

    def config(self, **settings: Any) -> SiteConfig:
        defaults = {"name": "wknd", "stage": self.url, "pages": ["/"], "requests_per_second": 1000}
        return SiteConfig.model_validate({**defaults, **settings})

    def client(self, access: Access = NO_ACCESS, **options: Any) -> Client:
        return Client({self.url: access}, **{"rate_limit": RateLimit(5000), "backoff": 0.01, **options})


async def check_page_site(
    site: PageSite, check: Check[Any], folder: Path, *, facts: dict[str, Any] | None = None, **settings: Any
) -> CheckResult:
    """Record a running site and run one check on it, as a gate does."""
    config = site.config(**settings)
    async with site.client() as client:
        recording = await record(config, "stage", client, folder / "recording")
        visit = Means(config, "stage", client, recording, folder, facts=facts or {})
        return await run_check(check, visit)


def run_on(
    answers: dict[str, Answer],
    check: Check[Any],
    folder: Path,
    *,
    everything: Answer | None = None,
    **settings: Any,
) -> CheckResult:
    """Start a site with these answers, record it, run one check and stop it."""

    async def run() -> CheckResult:
        async with PageSite(answers, everything) as site:
            return await check_page_site(site, check, folder, **settings)

    return asyncio.run(run())
