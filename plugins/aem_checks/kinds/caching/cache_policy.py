"""C1: do pages, libraries, images and JSON tell caches to keep them as long as they should, and private ones not?

Reads ``Cache-Control``, ``Surrogate-Control``, ``Vary`` and ``Set-Cookie`` of the recorded pages and client
libraries, and of a few images, models and persisted queries that it asks for. It would have caught the page behind
a permission check that Adobe's CDN kept and gave to everybody (experience-manager-dispatcher.en issue 64). A
private page that caches may share and a cookie on a cacheable page block; lifetimes outside of Adobe's defaults
are warnings. Lifetimes that were the same at the last verified release are meant, and only noted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from aem_checks.asks import Get, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import PATTERNS, Excuses, Pages, switch
from aem_checks.kinds.caching._cache_classes import (
    EXPECTED,
    CacheClass,
    Expected,
    class_of,
    models,
    referenced,
)
from aem_checks.kinds.caching._headers import read_policy
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath
from aem_checks.text import count, quoted
from aem_checks.urls import parts_of, plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_FILE = "cache_policy/headers.json"
_UNWANTED = frozenset({"user-agent", "cookie", "*"})
_PRIVATE_ANSWERS = frozenset({401, 403, 404})


class Lifetime(BaseModel):
    """How long answers of one class may be kept by a CDN."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: Duration = timedelta(0)
    """At least this long; ``0s`` asks for nothing."""
    most: Duration = timedelta(days=400)
    """At most this long."""


def _ask_little(lifetimes: Any, pages: Pages) -> bool:
    """Whether every class may have nearly any lifetime."""
    return lifetimes.keys() == EXPECTED.keys() and all(map(_is_lax, lifetimes, lifetimes.values()))


def _is_lax(kind: CacheClass, given: Lifetime) -> bool:
    """Whether both bounds are ten times laxer than Adobe's default, or none."""
    least, most = given.least.total_seconds(), given.most.total_seconds()
    usual = EXPECTED[kind]
    return 10 * least <= usual.least and most >= min(10 * usual.most, Lifetime().most.total_seconds())


_LIFETIMES = Excuses(
    _ask_little, "each class with a `least` and a `most` ten times laxer than Adobe's default, or none"
)


class CachePolicySettings(CheckSettings):
    private: tuple[str, ...] = ()
    """Paths, such as ``/us/en/members/account.html``, that only a visitor who has logged in may see. They are asked
    for without a login, and whatever they answer, no cache may share it. None by default: nobody can guess them."""
    lifetimes: Annotated[dict[CacheClass, Lifetime], _LIFETIMES] = Field(default_factory=dict)
    """Other lifetimes than Adobe's defaults, by class: ``{html: {least: 1m, most: 1h}}``. The classes are html,
    clientlib, coreimg, dam, model_json and persisted_query."""
    queries: tuple[PagePath, ...] = ()
    """Paths of persisted queries to ask for, below ``/graphql/execute.json/``; none by default."""
    samples: Annotated[int, switch(0)] = Field(default=3, ge=0, le=50)
    """Images, assets and models of each class that are asked for; 3, since all of a class share their rules."""
    cookies: Annotated[tuple[str, ...], PATTERNS] = ()
    """Names of cookies that cacheable pages may set, ``*`` standing for anything; none by default."""


class _Fault(NamedTuple):
    """What is wrong with a lifetime, and what was expected."""

    code: str
    expected: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One answer and the class that it belongs to."""

    kind: CacheClass
    path: str
    response: Response


class CachePolicy(Check[CachePolicySettings]):
    """Asks as a visitor does, so that the headers are those that visitors get."""

    kind = "cache_policy"
    number = "C1"
    title = "Caches keep what they should"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        private_shared="caches may share a page that only a visitor who has logged in may see",
        cookie="a page that caches may keep sets a cookie",
        too_short="a CDN may keep an answer for too short a time",
        too_long="a CDN may keep an answer for too long",
        not_immutable="a client library is not immutable, although its name changes with its content",
        contradiction="an answer is both public and private",
        vary="answers vary so that hardly any visitor gets a cached one",
    )
    settings_type = CachePolicySettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        seen = [*_recorded(visit), *(yield from self._asked(visit))]
        good = [each for each in seen if each.response.ok]
        before = _read_before(visit)
        findings = [
            *self._cookies(good),
            *(yield from self._private(visit)),
            *self._by_class(good, before),
            *_unwanted_vary(good),
        ]
        findings += [found for each in seen if (found := _not_judged(each)) is not None]
        _keep(good, visit)
        return Judgement(
            examined=len(good) + len(self.settings.private),
            findings=shortened(findings, severity=self.weight),
        )

    def _asked(self, visit: Visit) -> Steps[list[_Seen]]:
        """A few images, assets and models that the pages lead to, and the queries of the settings."""
        wanted = (yield from referenced(visit.recording)) if visit.recording else {}
        chosen: list[tuple[CacheClass, str]] = [
            (kind, url) for kind, urls in wanted.items() for url in urls[: self.settings.samples]
        ]
        if visit.recording:
            chosen += [("model_json", url) for url in models(visit.recording)[: self.settings.samples]]
        chosen += [("persisted_query", visit.url(path)) for path in self.settings.queries]
        answers = yield from ask_all(Get(url, tries=2) for _, url in chosen)
        return [_Seen(kind, _path(url), answer) for (kind, url), answer in zip(chosen, answers, strict=True)]

    def _private(self, visit: Visit) -> Steps[list[Finding]]:
        paths = self.settings.private
        answers = yield from ask_all(Get(visit.url(path), tries=2) for path in paths)
        judged = (_private_answer(path, answer) for path, answer in zip(paths, answers, strict=True))
        return [finding for finding in judged if finding is not None]

    def _cookies(self, seen: Sequence[_Seen]) -> Iterator[Finding]:
        for each in seen:
            policy = read_policy(each.response)
            names = [
                value.partition("=")[0].strip() for value in each.response.headers.getall("Set-Cookie", [])
            ]
            strange = [
                n for n in names if not any(fnmatchcase(n, allowed) for allowed in self.settings.cookies)
            ]
            if each.kind == "html" and strange and policy.is_shared:
                yield _cookie(each, strange, policy.written)

    def _by_class(self, seen: Sequence[_Seen], before: Mapping[str, str]) -> Iterator[Finding]:
        """Answers of one class with the same headers and the same fault make one finding."""
        groups: dict[tuple[CacheClass, _Fault, str], list[_Seen]] = {}
        for each in seen:
            for fault in self._faults(each):
                groups.setdefault((each.kind, fault, read_policy(each.response).written), []).append(each)
        for (kind, fault, written), group in groups.items():
            known = all(before.get(each.path) == written for each in group)
            yield _lifetime(kind, fault, written, group, known=known)

    def _faults(self, each: _Seen) -> Iterator[_Fault]:
        policy, expected = read_policy(each.response), self._expected(each.kind)
        lasts = policy.shared if policy.is_shared else 0
        if lasts is not None and lasts < expected.least and (lasts or expected.least):
            yield _Fault("too_short", f"at least {_words(expected.least)} in the CDN")
        elif policy.is_shared and (policy.shared or 0) > expected.most:
            yield _Fault("too_long", f"at most {_words(expected.most)} in the CDN")
        elif expected.immutable and "immutable" not in policy.directives:
            yield _Fault("not_immutable", "immutable, since the name changes with the content")
        if {"public", "private"} <= policy.directives:
            yield _Fault("contradiction", "either public or private")

    def _expected(self, kind: CacheClass) -> Expected:
        given = self.settings.lifetimes.get(kind)
        if given is None:
            return EXPECTED[kind]
        least, most = (round(each.total_seconds()) for each in (given.least, given.most))
        return Expected(least, most, EXPECTED[kind].immutable)


def _recorded(visit: Visit) -> Iterator[_Seen]:
    """The pages and client libraries of the recording."""
    if visit.recording is None:
        return
    for page in visit.recording.pages:
        if page.final.is_html or not page.final.ok:
            yield _Seen("html", page.path, page.final)
    for url, response in visit.recording.resources.items():
        if class_of(path := _path(url)) == "clientlib":
            yield _Seen("clientlib", path, response)


def _private_answer(path: str, answer: Response) -> Finding | None:
    """A refusal is what a private page gives a stranger; only one that caches may share is wrong."""
    refused_by_address = is_unreached(answer) and answer.status not in _PRIVATE_ANSWERS
    if refused_by_address:
        return unreached(answer, path)
    policy = read_policy(answer)
    if not policy.is_shared or (answer.status == 404 and (policy.shared or 0) <= 60):
        return None
    return Finding(
        code="private_shared",
        subject=path,
        sentence=f"{path} is private and answers a visitor without login with {describe(answer)} and Cache-Control "
        f"{quoted(policy.written or 'none')}, which a CDN keeps and gives to everybody; expected private or "
        "no-store. To do: set 'Cache-Control: private' for it in the virtual host.",
        expected="private or no-store",
        actual=policy.written,
        severity=Severity.BLOCK,
    )


def _cookie(each: _Seen, names: Sequence[str], written: str) -> Finding:
    told = ", ".join(quoted(name, 60) for name in names[:5])
    return Finding(
        code="cookie",
        subject=each.path,
        sentence=f"{each.path} sets {count(len(names), 'cookie')} ({told}) and may be cached ({quoted(written)}): "
        "a CDN either gives one visitor's cookie to all, or never keeps the page; expected no cookie. To do: see "
        "the servlet or filter that sets it, or name the cookie under 'cookies'.",
        expected="no Set-Cookie on a cacheable page",
        actual=f"Set-Cookie: {told}",
        severity=Severity.BLOCK,
    )


def _lifetime(
    kind: CacheClass, fault: _Fault, written: str, group: Sequence[_Seen], *, known: bool
) -> Finding:
    first = group[0]
    actual = quoted(written) if written else "no Cache-Control"
    told = f"{count(len(group), 'answer')} of class {kind}, such as {quoted(first.path, 200)}, have {actual}"
    if known:
        return Finding(
            code=fault.code,
            subject=f"lifetime of {kind}",
            sentence=f"{told}, as at the last verified release; Adobe's default would be {fault.expected}.",
            outcome=Outcome.PASSED,
        )
    return Finding(
        code=fault.code,
        subject=f"lifetime of {kind}",
        sentence=f"{told}; expected {fault.expected}. To do: see the headers in the virtual host, or set 'lifetimes'.",
        expected=fault.expected,
        actual=written or "no Cache-Control",
        severity=Severity.WARN,
        evidence=_FILE,
    )


def _unwanted_vary(seen: Sequence[_Seen]) -> Iterator[Finding]:
    for name in sorted(_UNWANTED):
        group = [each.path for each in seen if name in read_policy(each.response).vary]
        if group:
            yield Finding(
                code="vary",
                subject=f"Vary: {name}",
                sentence=f"{count(len(group), 'answer')}, such as {quoted(group[0], 200)}, vary by {name}, so that "
                "hardly any visitor gets a cached one; expected no such Vary. To do: remove it from the virtual "
                "host.",
                expected=f"no Vary: {name}",
                actual=f"Vary: {name}",
                severity=Severity.WARN,
                evidence=_FILE,
            )


def _not_judged(each: _Seen) -> Finding | None:
    if each.kind == "html" or each.kind == "persisted_query":
        refused = unreached(each.response, each.path)
        if refused is not None or each.response.ok:
            return refused
        return Finding(
            code="not_judged",
            subject=each.path,
            sentence=f"{each.path} answers with {describe(each.response)}, so its cache headers are not judged. To "
            "do: see key_pages and persisted_queries.",
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.PRODUCT,
        )
    return None


def _read_before(visit: Visit) -> dict[str, str]:
    """Cache-Control by path at the last verified release."""
    kept = visit.baseline.read(_FILE) if visit.baseline else None
    try:
        found = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _keep(seen: Sequence[_Seen], visit: Visit) -> None:
    visit.keep(_FILE, json.dumps({each.path: read_policy(each.response).written for each in seen}, indent=1))


def _path(url: str) -> str:
    parts = parts_of(plain_url(url))
    return parts.path or "/"


def _words(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))
