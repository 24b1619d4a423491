"""Recordings made of nothing but HTML, for checks that judge heads: no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aem_checks.check import Check
from aem_checks.outcomes import Finding, Judgement, Outcome
from aem_checks.recording import Page, Recording
from aem_checks.response import Response, make_headers
from unit.aem_checks.judged_pages import judge_pages

STAGE, PRODUCTION = "https://stage.wknd.example", "https://www.wknd.example"
GOOD = {
    "title": "<title>Surfing | WKND</title>",
    "description": '<meta name="description" content="Waves and where they are.">',
    "canonical": f'<link rel="canonical" href="{PRODUCTION}/a.html">',
    "og:title": '<meta property="og:title" content="Surfing">',
    "h1": "<h1>Surfing</h1>",
}
"""The parts of a page that nobody can complain of."""


def html(*extra: str, **changed: str) -> str:
    """A good page with parts replaced (``title=""`` leaves one out) and more in its head."""
    parts = GOOD | {name.replace("_", ":"): value for name, value in changed.items()}
    heading = parts.pop("h1")
    return f"<html><head>{''.join(parts.values())}{''.join(extra)}</head><body>{heading}</body></html>"


def recording(pages: Mapping[str, str | Response], *, target: Any = "stage", hosts: bool = True) -> Recording:
    """The answers of these paths; ``hosts``: whether the gate file names production."""
    base, other = (STAGE, PRODUCTION) if target == "stage" else (PRODUCTION, STAGE)
    made = [Page(path, base + path, (_answer(base + path, answer),)) for path, answer in pages.items()]
    others = frozenset({other.removeprefix("https://")}) if hosts else frozenset()
    return Recording("wknd", target, base, frozenset({base.removeprefix("https://")}), others, tuple(made))


def answer(text: str, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(f"{STAGE}/x", status, make_headers({"Content-Type": "text/html", **named}), text.encode())


def _answer(url: str, given: str | Response) -> Response:
    return replace(answer(given) if isinstance(given, str) else given, url=url)


def judge(
    check: Check[Any],
    now: str | Response | Mapping[str, str | Response],
    before: str | Response | Mapping[str, str | Response] | None = None,
    **options: Any,
) -> Judgement:
    """What a check says of one page ``/a.html``, or of several, beside those of the last verified release."""
    made = recording(_pages(now), **options)
    old = recording(_pages(before), **options) if before is not None else None
    return judge_pages(check, made, old)


def _pages(given: str | Response | Mapping[str, str | Response]) -> Mapping[str, str | Response]:
    return {"/a.html": given} if isinstance(given, str | Response) else given


def weight(check: Check[Any], judgement: Judgement) -> str:
    """``block failed`` and the like."""
    severity, outcome, _ = judgement.weigh(check.settings.severity or check.severity)
    return f"{severity} {outcome}"


def bad(judgement: Judgement) -> list[Finding]:
    return [finding for finding in judgement.findings if finding.outcome is not Outcome.PASSED]
