"""B5: may scripts of other sites read what only the site's own may, and may those that are declared?

A page, its model and the token against forged requests are asked with a foreign ``Origin`` and with ``null``; an answer
that names such an origin and allows credentials blocks, since any site could then read as the visitor. Each
origin in ``origins`` has to be allowed by each path in ``paths``, and by a preflight request for GraphQL. An
answer for one origin that caches may keep needs ``Vary: Origin``, or the next visitor gets it for another. It
would have caught headers such as ``Access-Control-Allow-Origin: ${VAR_NAME}`` of a variable that an environment
lacks, so that the application of the team was refused (Adobe KA-35965).

Answers are asked past all caches, so that no foreign origin is left in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator

from aem_checks.check import CheckSettings, SiteCheck
from aem_checks.codes import faults
from aem_checks.kinds.availability._lifetime import lifetime_of
from aem_checks.kinds.security._pages import html_pages
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath, base_url
from aem_checks.text import quoted
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.response import Response
    from aem_checks.visit import Visit

FOREIGN = "https://evil.invalid"
_TOKEN = "/libs/granite/csrf/token.json"  # noqa: S105 - a path
_GRAPHQL = ("/graphql/", "/content/cq:graphql/", "/content/_cq_graphql/")


class CorsSettings(CheckSettings):
    origins: tuple[Annotated[str, AfterValidator(base_url)], ...] = ()
    """Origins of the team's applications that may read, such as ``https://app.example.com``."""
    paths: tuple[PagePath, ...] = ()
    """Paths that those origins read, such as a persisted query; the foreign origin is tried there as well."""


class Ask(NamedTuple):
    """One request with an Origin."""

    path: str
    origin: str
    declared: bool
    preflight: bool = False


class Cors(SiteCheck[CorsSettings]):
    kind = "cors"
    number = "B5"
    title = "Other origins"
    targets = frozenset({"stage", "production"})
    codes = faults(
        placeholder="the allowed origin is a placeholder that nothing replaced",
        foreign_with_credentials="any site may read as the visitor",
        foreign="any site may read, without the visitor's credentials",
        any_with_credentials="every origin is allowed with credentials, which browsers refuse",
        declared_refused="an origin that the gate file declares is not allowed",
        get_refused="a preflight request of a declared origin does not allow GET",
        vary="an answer for one origin may be kept for others, for want of Vary: Origin",
    )
    settings_type = CorsSettings

    async def run(self, visit: Visit) -> Judgement:
        rounds = await asyncio.gather(*(self._path(visit, path) for path in self._paths(visit)))
        return Judgement(
            examined=sum(examined for examined, _ in rounds),
            findings=tuple(finding for _, found in rounds for finding in found),
        )

    def _paths(self, visit: Visit) -> list[str]:
        page = visit.site.pages[0]
        models = [f"{each.removesuffix('.html')}.model.json" for each in html_pages(visit.site.pages, 1)]
        return list(dict.fromkeys((*self.settings.paths, page, *models, _TOKEN)))

    async def _path(self, visit: Visit, path: str) -> tuple[int, list[Finding]]:
        """Without an Origin first: a path that answers nobody says nothing about origins."""
        plain = await visit.client.get(uncached(visit.url(path)), tries=2)
        declared = path in self.settings.paths
        if (missing := unreached(plain, path)) is not None:
            return 0, [missing] if declared or path == visit.site.pages[0] else []
        asks = [Ask(path, FOREIGN, False), Ask(path, "null", False)]
        for origin in self.settings.origins if declared else ():
            asks.append(Ask(path, origin, True))
            if path.startswith(_GRAPHQL):
                asks.append(Ask(path, origin, True, preflight=True))
        answers = await asyncio.gather(*(_send(visit, ask) for ask in asks))
        findings = [
            found
            for ask, answer in zip(asks, answers, strict=True)
            for found in (_declared if ask.declared else _foreign)(ask, answer)
        ]
        return sum(answer.answered for answer in answers), findings


async def _send(visit: Visit, ask: Ask) -> Response:
    url = uncached(visit.url(ask.path))
    if not ask.preflight:
        return await visit.client.get(url, headers={"Origin": ask.origin}, tries=2)
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "content-type"}
    return await visit.client.request("OPTIONS", url, headers={"Origin": ask.origin, **asked}, tries=2)


def _foreign(ask: Ask, answer: Response) -> Iterator[Finding]:
    """A refusal of the whole request is as good as a missing header."""
    if not answer.answered:
        if (missing := unreached(answer, ask.path)) is not None:
            yield missing
        return
    allowed, credentials = _allowed(answer)
    if "$" in allowed:
        remedy = "set the variable for this environment, or give it a default"
        yield _finding("placeholder", ask, "no placeholder", f"allows {quoted(allowed)}", remedy)
    elif allowed == ask.origin and credentials:
        remedy = "list the allowed origins in the CORS policy instead of echoing what is asked"
        actual = f"allows {quoted(allowed)} with credentials: any site can read as the visitor"
        yield _finding("foreign_with_credentials", ask, "no such origin", actual, remedy)
    elif allowed == ask.origin:
        actual = f"allows {quoted(allowed)}, without credentials"
        remedy = "list the allowed origins, or answer '*' where everybody may read"
        yield _finding("foreign", ask, "no such origin", actual, remedy, Severity.WARN)
    elif allowed == "*" and credentials:
        actual = "allows every origin with credentials, which browsers refuse"
        expected, remedy = "'*' or credentials", "remove one of the two headers"
        yield _finding("any_with_credentials", ask, expected, actual, remedy, Severity.WARN)


def _declared(ask: Ask, answer: Response) -> Iterator[Finding]:
    what = "a preflight request" if ask.preflight else "a request"
    if not answer.answered or answer.status == 429:
        if (missing := unreached(answer, ask.path)) is not None:
            yield missing
        return
    allowed, _ = _allowed(answer)
    remedy = "add the origin to the CORS policy or virtual host of this environment (Adobe KA-35965)"
    if answer.status >= 400 or allowed not in ("*", ask.origin):
        said = f"allows {quoted(allowed)}" if allowed else "allows no origin"
        actual = f"{what} of {quoted(ask.origin)} gets {describe(answer)} and {said}"
        yield _finding("declared_refused", ask, f"{quoted(ask.origin)} to be allowed", actual, remedy)
    elif ask.preflight and not _allows_get(answer):
        methods = quoted(answer.headers.get("Access-Control-Allow-Methods", ""))
        actual = f"{what} gets the methods {methods}"
        remedy = "allow GET in the CORS policy"
        yield _finding("get_refused", ask, "GET among the methods", actual, remedy)
    elif allowed == ask.origin and not ask.preflight and _kept_for_all(answer):
        actual = "caches may keep the answer for one origin, and it has no 'Vary: Origin'"
        remedy = "send 'Vary: Origin' with it, so that no other origin gets it"
        yield _finding("vary", ask, "Vary: Origin", actual, remedy)


def _allowed(answer: Response) -> tuple[str, bool]:
    allowed = ", ".join(answer.headers.getall("Access-Control-Allow-Origin", [])).strip()
    return allowed, answer.headers.get("Access-Control-Allow-Credentials", "").strip().lower() == "true"


def _allows_get(answer: Response) -> bool:
    """GET is allowed without being named, except where methods are listed."""
    methods = answer.headers.get("Access-Control-Allow-Methods")
    return methods is None or bool({"GET", "*"} & {part.strip().upper() for part in methods.split(",")})


def _kept_for_all(answer: Response) -> bool:
    varies = {part.strip().lower() for part in ", ".join(answer.headers.getall("Vary", [])).split(",")}
    return bool(lifetime_of(answer.headers)) and not varies & {"origin", "*"}


def _finding(
    code: str, ask: Ask, expected: str, actual: str, remedy: str, severity: Severity | None = None
) -> Finding:
    return Finding(
        code=code,
        subject=f"{ask.path} for {ask.origin}{' (preflight)' if ask.preflight else ''}",
        sentence=f"{ask.path}, asked from {quoted(ask.origin)}: {actual}; expected {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
        severity=severity,
    )
