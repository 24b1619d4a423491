"""How is a check tried without a site? By a table of answers: a test of a check is such a table and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from aem_checks.asking import lead
from aem_checks.asks import Abroad, Fact, Follow, Fresh, Get, Now, Question
from aem_checks.check import Check
from aem_checks.codes import with_codes
from aem_checks.outcomes import Judgement
from aem_checks.response import Response, make_headers
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit

STAGE = "https://stage.example.com"
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def answer(
    body: str | bytes = "", status: int = 200, *, error: str | None = None, **headers: str
) -> Response:
    """What a site answers; ``Content_Type="application/json"`` names a header. Status 0 and an ``error``: nothing came."""
    told = {"Content-Type": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = body.encode() if isinstance(body, str) else body
    return Response(url="", status=status, headers=make_headers(told.items()), body=content, error=error)


def rehearse(
    check: Check[Any],
    answers: Mapping[str, Response],
    *,
    facts: Mapping[str, Any] | None = None,
    **site: Any,
) -> Judgement:
    """What a check makes of a site that answers so: by path, with its query where it has one; else with status 404.

    ``site``: as in a gate file, such as ``pages=["/us/en.html"]``. Nothing is asked, kept or waited for.
    """
    config = SiteConfig.model_validate({"name": "site", "stage": STAGE, "pages": ["/"], **site})
    visit = Visit(config, "stage")
    numbers = count(1)

    def told(question: Question[Any]) -> Any:
        match question:
            case Get() | Follow() | Abroad():
                came = answers.get(_path(question.url)) or answer("", 404)
                named = Response(**{**vars(came), "url": question.url})
                return named if isinstance(question, Get) else (named,)
            case Fresh():
                return f"{next(numbers):016x}"
            case Now():
                return NOW
            case Fact():
                return (facts or {}).get(question.name)
        return None

    return with_codes(check.kind, check.codes, lead(check.judge(visit), told))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
