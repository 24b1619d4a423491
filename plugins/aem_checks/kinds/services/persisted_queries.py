"""G2: do the GraphQL queries that apps depend on answer with data?

What each status means is described in help/headless/graphql-api/persisted-queries-troubleshoot of Adobe's
documentation. Answers stay in the CDN for two hours by default, so queries are asked past all caches. It would
have caught applications without content since a field of a model had a new name, or a query was not published
(Adobe KA-21792).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aem_checks.asks import Get, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import below
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import unreached
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

ENDPOINT = "/graphql/execute.json/"
_UNCACHEABLE = frozenset({"no-store", "private", "no-cache"})


class PersistedQuery(BaseModel):
    """One query with the values it is asked with; in a gate file a mapping, or just its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Configuration and query, such as ``wknd/adventures-all``, or the whole path of the request."""
    variables: dict[str, str | int | float | bool] = {}
    """The values of its variables, by their names."""
    min_items: Annotated[int, below(1)] = Field(default=1, ge=0)
    """How many content fragments the answer has to hold, over all lists in it."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def path(self) -> str:
        """The path of the request, variables encoded: ``...%3Bslug%3Dbali``."""
        path = self.name if self.name.startswith("/") else ENDPOINT + self.name
        return path + "".join(
            f"%3B{_encoded(name)}%3D{_encoded(value)}" for name, value in self.variables.items()
        )


class PersistedQueriesSettings(CheckSettings):
    """The queries."""

    queries: tuple[PersistedQuery, ...] = Field(min_length=1)
    """The queries; where there are no variables, just the name, such as ``wknd/adventures-all``."""


class PersistedQueries(Check[PersistedQueriesSettings]):
    """Asks each query once and judges status, errors, number of items and cache headers."""

    kind = "persisted_queries"
    number = "G2"
    title = "Persisted GraphQL queries"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the names of the persisted queries that the site's applications use"
    codes = faults(
        status="a query does not answer 200",
        no_json="a query answers with something else than a JSON object",
        errors="a query answers with errors",
        no_data="a query answers without data",
        too_few="a query answers with fewer items than it has to",
        not_cacheable="the CDN may not keep the answer of a query",
    )
    settings_type = PersistedQueriesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        asked = yield from together(_ask(query, visit) for query in self.settings.queries)
        findings = [finding for query, response in asked for finding in _judge(query, response, visit)]
        return Judgement(examined=sum(response.answered for _, response in asked), findings=tuple(findings))


def _ask(query: PersistedQuery, visit: Visit) -> Steps[tuple[PersistedQuery, Response]]:
    return query, (yield from ask(Get(visit.url(query.path), tries=3, past_caches=True)))


def _judge(query: PersistedQuery, response: Response, visit: Visit) -> Iterator[Finding]:
    refusal = unreached(response, query.path)
    if refusal is not None:
        yield refusal
        return
    problem = _problem(query, response)
    if problem is not None:
        proof = visit.keep(f"persisted_queries/{response.sha256[:16]}.txt", response.body)
        yield _finding(query, problem, evidence=proof)
    elif (warning := _cache_problem(response)) is not None:
        yield _finding(query, warning, severity=Severity.WARN)


class Problem(NamedTuple):
    """What is wrong with an answer, and what to do."""

    code: str
    expected: str
    actual: str
    remedy: str


def _problem(query: PersistedQuery, response: Response) -> Problem | None:
    """``None`` when the answer is good."""
    if response.status != 200:
        return Problem("status", "status 200", f"status {response.status}", _why(response))
    answer = _parse(response)
    if answer is None:
        kind = quoted(response.content_type or "no content type")
        actual = f"{kind}, {len(response.body)} bytes"
        return Problem("no_json", "a JSON object", actual, "see what answers instead of publish")
    if answer.get("errors"):
        actual = f"errors: {quoted(_first_error(answer['errors']), 300)}"
        remedy = "compare the query with the content fragment model; a field may be renamed"
        return Problem("errors", "no errors", actual, remedy)
    if not isinstance(answer.get("data"), Mapping):
        remedy = "see what answers instead of AEM's GraphQL"
        return Problem("no_data", "an object under 'data'", "an answer without data", remedy)
    found = count_items(answer["data"])
    if found < query.min_items:
        expected = f"at least {count(query.min_items, 'item')}"
        remedy = "publish the content fragments, or lower 'min_items:'"
        return Problem("too_few", expected, count(found, "item"), remedy)
    return None


def _why(response: Response) -> str:
    if response.status == 404 and "no suitable endpoint" in response.text[:10_000].lower():
        return "create or publish the GraphQL endpoint of this configuration; AEM found no suitable one"
    if response.status == 404:
        return "publish the query, and let the dispatcher's filters pass GET /graphql/execute.json"
    if response.status == 400:
        return "correct the query's name and variables in the gate file; AEM misses the path or a variable"
    if response.status >= 500:
        return "read the publish error log; the GraphQL engine failed"
    if response.location is not None:
        return f"see why it redirects to {quoted(response.location)}"
    return "open the URL and see what answers"


def _parse(response: Response) -> dict[str, Any] | None:
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _first_error(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    return str(first.get("message", first) if isinstance(first, Mapping) else first)


def count_items(data: Any) -> int:
    """Content fragments in an answer: entries of ``items`` and ``edges``, and each ``item`` that is there."""
    if not isinstance(data, Mapping):
        return 0
    return sum(_count_results(result) for result in data.values())


def _count_results(result: Any) -> int:
    if not isinstance(result, Mapping):
        return 0
    lists = sum(len(result[key]) for key in ("items", "edges") if isinstance(result.get(key), list))
    return lists + (1 if result.get("item") else 0)


def _cache_problem(response: Response) -> Problem | None:
    written = ", ".join(response.headers.getall("Cache-Control", []))
    directives = {part.strip().partition("=")[0].lower() for part in written.split(",")}
    if written and not directives & _UNCACHEABLE:
        return None
    actual = f"Cache-Control {quoted(written)}" if written else "no Cache-Control"
    remedy = "set the cache headers of the persisted query"
    return Problem("not_cacheable", "an answer that the CDN may keep", actual, remedy)


def _finding(
    query: PersistedQuery, problem: Problem, *, evidence: str = "", severity: Severity | None = None
) -> Finding:
    return Finding(
        code=problem.code,
        subject=query.path,
        sentence=f"The persisted query {quoted(query.path, 300)} gave {problem.actual} instead of {problem.expected}. "
        f"To do: {problem.remedy}.",
        expected=problem.expected,
        actual=problem.actual,
        severity=severity,
        evidence=evidence,
    )


def _encoded(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text, safe="")
