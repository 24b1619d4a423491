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

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator

from aem_checks.asks import Get, ask, ask_all, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.kinds.availability._lifetime import lifetime_of
from aem_checks.kinds.security._pages import html_pages
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath, base_url
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
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


class Asked(NamedTuple):
    """One request with an Origin."""

    path: str
    origin: str
    declared: bool
    preflight: bool = False


class Cors(Check[CorsSettings]):
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

    def judge(self, visit: Visit) -> Steps[Judgement]:
        rounds = yield from together(self._path(visit, path) for path in self._paths(visit))
        return Judgement(
            examined=sum(examined for examined, _ in rounds),
            findings=tuple(finding for _, found in rounds for finding in found),
        )

    def _paths(self, visit: Visit) -> list[str]:
        page = visit.site.pages[0]
        models = [f"{each.removesuffix('.html')}.model.json" for each in html_pages(visit.site.pages, 1)]
        return list(dict.fromkeys((*self.settings.paths, page, *models, _TOKEN)))

    def _path(self, visit: Visit, path: str) -> Steps[tuple[int, list[Finding]]]:
        """Without an Origin first: a path that answers nobody says nothing about origins."""
        plain = yield from ask(Get(visit.url(path), tries=2, past_caches=True))
        declared = path in self.settings.paths
        if (missing := unreached(plain, path)) is not None:
            return 0, [missing] if declared or path == visit.site.pages[0] else []
        every = [Asked(path, FOREIGN, False), Asked(path, "null", False)]
        for origin in self.settings.origins if declared else ():
            every.append(Asked(path, origin, True))
            if path.startswith(_GRAPHQL):
                every.append(Asked(path, origin, True, preflight=True))
        answers = yield from ask_all(_request(visit, asked) for asked in every)
        findings = [
            found
            for asked, answer in zip(every, answers, strict=True)
            for found in (_declared if asked.declared else _foreign)(asked, answer)
        ]
        return sum(answer.answered for answer in answers), findings


def _request(visit: Visit, asked: Asked) -> Get:
    url, headers = visit.url(asked.path), {"Origin": asked.origin}
    if not asked.preflight:
        return Get(url, headers=headers, tries=2, past_caches=True)
    headers |= {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "content-type"}
    return Get(url, method="OPTIONS", headers=headers, tries=2, past_caches=True)


def _foreign(asked: Asked, answer: Response) -> Iterator[Finding]:
    """A refusal of the whole request is as good as a missing header."""
    if not answer.answered:
        if (missing := unreached(answer, asked.path)) is not None:
            yield missing
        return
    allowed, credentials = _allowed(answer)
    if "$" in allowed:
        remedy = "set the variable for this environment, or give it a default"
        yield _finding("placeholder", asked, "no placeholder", f"allows {quoted(allowed)}", remedy)
    elif allowed == asked.origin and credentials:
        remedy = "list the allowed origins in the CORS policy instead of echoing what is asked"
        actual = f"allows {quoted(allowed)} with credentials: any site can read as the visitor"
        yield _finding("foreign_with_credentials", asked, "no such origin", actual, remedy)
    elif allowed == asked.origin:
        actual = f"allows {quoted(allowed)}, without credentials"
        remedy = "list the allowed origins, or answer '*' where everybody may read"
        yield _finding("foreign", asked, "no such origin", actual, remedy, Severity.WARN)
    elif allowed == "*" and credentials:
        actual = "allows every origin with credentials, which browsers refuse"
        expected, remedy = "'*' or credentials", "remove one of the two headers"
        yield _finding("any_with_credentials", asked, expected, actual, remedy, Severity.WARN)


def _declared(asked: Asked, answer: Response) -> Iterator[Finding]:
    what = "a preflight request" if asked.preflight else "a request"
    if not answer.answered or answer.status == 429:
        if (missing := unreached(answer, asked.path)) is not None:
            yield missing
        return
    allowed, _ = _allowed(answer)
    remedy = "add the origin to the CORS policy or virtual host of this environment (Adobe KA-35965)"
    if answer.status >= 400 or allowed not in ("*", asked.origin):
        said = f"allows {quoted(allowed)}" if allowed else "allows no origin"
        actual = f"{what} of {quoted(asked.origin)} gets {describe(answer)} and {said}"
        yield _finding("declared_refused", asked, f"{quoted(asked.origin)} to be allowed", actual, remedy)
    elif asked.preflight and not _allows_get(answer):
        methods = quoted(answer.headers.get("Access-Control-Allow-Methods", ""))
        actual = f"{what} gets the methods {methods}"
        remedy = "allow GET in the CORS policy"
        yield _finding("get_refused", asked, "GET among the methods", actual, remedy)
    elif allowed == asked.origin and not asked.preflight and _kept_for_all(answer):
        actual = "caches may keep the answer for one origin, and it has no 'Vary: Origin'"
        remedy = "send 'Vary: Origin' with it, so that no other origin gets it"
        yield _finding("vary", asked, "Vary: Origin", actual, remedy)


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
    code: str, asked: Asked, expected: str, actual: str, remedy: str, severity: Severity | None = None
) -> Finding:
    return Finding(
        code=code,
        subject=f"{asked.path} for {asked.origin}{' (preflight)' if asked.preflight else ''}",
        sentence=f"{asked.path}, asked from {quoted(asked.origin)}: {actual}; expected {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
        severity=severity,
    )
