"""A site on a free port that answers what a test tells it, and a visit of a check to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from aem_checks.access import NO_ACCESS, Access
from aem_checks.baseline import Baseline
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.house import House
from aem_checks.means import Means
from aem_checks.outcomes import Finding, Judgement, Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig, Target
from aem_checks.urls import plain_url

Answer = tuple[int, str | bytes] | tuple[int, str | bytes, Mapping[str, str]] | str
Answers = Callable[[str], Answer] | Mapping[str, Answer]
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


class SmallSite:
    """Answers by path and query as written, without the cache-buster; all else is a branded 404."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.paths: list[str] = []
        """Every path as it came over the wire."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.paths.append(request.message.path)
        answer = self._look_up(plain_url(request.message.path))
        if answer == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, body, headers = (*answer, HTML)[:3]  # type: ignore[misc]
        content = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=content, headers=headers)  # type: ignore[arg-type]

    def _look_up(self, path: str) -> Answer:
        if callable(self._answers):
            return self._answers(path)
        return self._answers.get(path, (404, "<html><title>Not found</title>Sorry, nothing here.</html>"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        runner = web.ServerRunner(web.Server(self.handle))
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        port = listener._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def visit(
    check: Check[Any],
    folder: Path,
    stage: SmallSite | Answers,
    production: SmallSite | Answers | None = None,
    *,
    pages: tuple[str, ...] = ("/",),
    target: Target = "stage",
    facts: Mapping[str, Any] | None = None,
    access: Access = NO_ACCESS,
    resolver: Callable[[str], Access] = lambda name: NO_ACCESS,
    author: str | None = None,
    baseline: Baseline | None = None,
) -> Judgement:
    """Run a check against stage and production as the answers say, and return its judgement."""

    async def run() -> Judgement:
        here = stage if isinstance(stage, SmallSite) else SmallSite(stage)
        there = production if isinstance(production, SmallSite) else SmallSite(production or {})
        async with here.running() as stage_url, there.running() as production_url:
            config: dict[str, Any] = {"name": "small", "stage": stage_url, "pages": pages}
            if production is not None:
                config["production"] = production_url
            if author is not None:
                config["author"] = author
            site = SiteConfig.model_validate(config)
            limit = RateLimit(1000, folder=folder / "rate")
            async with Client.for_site(site, resolver, rate_limit=limit, timeout=60, backoff=0.01) as client:
                evidence = folder / "evidence"
                return await House.lead(
                    check,
                    Means(site, target, client, None, evidence, access, facts or {}, resolver, baseline),
                )

    return asyncio.run(run())


def outcome(check: Check[Any], judgement: Judgement) -> str:
    """``block failed product`` and the like: what the judgement amounts to."""
    configured = check.settings.severity
    severity, result, cause = judgement.weigh(configured or check.severity, capped=configured is not None)
    return f"{severity} {result} {cause or ''}".strip()


def bad(judgement: Judgement) -> list[Finding]:
    """The findings that are not mere notes."""
    return [finding for finding in judgement.findings if finding.outcome is not Outcome.PASSED]
