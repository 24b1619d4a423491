"""B4: do answers carry the headers by which browsers protect visitors, and none that production has lost on stage?

Every recorded page, and each path under ``also``, has to say who may frame it (``X-Frame-Options`` or
``frame-ancestors`` of its ``Content-Security-Policy``), that types are not guessed (``X-Content-Type-Options``), how
much of an address is passed on (``Referrer-Policy``) and, over https, that only https will do
(``Strict-Transport-Security``). One that is missing or has no effect warns. One that production sends and stage
lost blocks, each header by itself, even if another one does the same. It would have caught sites that strangers
can show inside of their own, the clickjacking that Adobe's security checklist warns of
(AdobeDocs/experience-manager-dispatcher.en, security-checklist).

A false alarm where a CDN of the team's own adds the header for production only: name it in ``waive``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Follow, Get, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import half_of, switch, without
from aem_checks.kinds.security import _headers
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import is_unreached, unreached
from aem_checks.sites import PagePath
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_SHOWN = 3
_COMPARED = (*_headers.SEEN, "frame-ancestors")


class SecurityHeadersSettings(CheckSettings):
    require: Annotated[tuple[_headers.Name, ...], without(*_headers.NAMES)] = tuple(_headers.NAMES)
    """The headers that have to be there; ``frame-ancestors`` stands for it or ``X-Frame-Options``."""
    also: tuple[PagePath, ...] = ()
    """Further paths that need ``X-Content-Type-Options``: assets, and redirects to stored files."""
    waive: Annotated[tuple[str, ...], half_of(lambda: _COMPARED)] = ()
    """Headers that stage may lack although production has them, as in a finding."""
    compared_pages: Annotated[int, switch(0, everything=True)] = Field(default=3, ge=0, le=50)
    """How many pages are asked on production to compare; headers come from few virtual hosts."""


class SecurityHeaders(Check[SecurityHeadersSettings]):
    kind = "security_headers"
    number = "B4"
    title = "Security headers"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        missing="a header that has to be there is missing or has no effect",
        lost="production sends a header that stage lacks",
    )
    settings_type = SecurityHeadersSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        if visit.recording is None:
            return Judgement(examined=0, findings=(_no_recording(),))
        finals = {page.path: page.final for page in visit.recording.pages}
        also = yield from ask_all(
            Get(visit.url(path), tries=2, past_caches=True) for path in self.settings.also
        )
        pages = {path: answer for path, answer in finals.items() if not is_unreached(answer)}
        extra = dict(zip(self.settings.also, also, strict=True))
        refused = [unreached(answer, path) for path, answer in {**finals, **extra}.items()]
        findings = [found for found in refused if found is not None]
        findings += self._missing(pages, {p: a for p, a in extra.items() if not is_unreached(a)})
        if visit.target == "stage" and visit.site.production is not None:
            findings += yield from self._lost(visit, pages)
        proof = visit.keep(f"security_headers/{visit.target}.txt", _as_text({**pages, **extra}))
        return Judgement(
            examined=len(pages),
            findings=tuple(each.model_copy(update={"evidence": proof}) for each in findings),
        )

    def _missing(self, pages: dict[str, Response], also: dict[str, Response]) -> Iterator[Finding]:
        for name in self.settings.require:
            rule = _headers.NAMES[name]
            judged = {**pages, **also} if name == "X-Content-Type-Options" else pages
            wrong = {path: words for path, answer in judged.items() if (words := rule(answer))}
            if wrong:
                yield _missing(name, wrong, len(judged))

    def _lost(self, visit: Visit, pages: dict[str, Response]) -> Steps[list[Finding]]:
        compared = list(pages)[: self.settings.compared_pages]
        production = visit.site.endpoint("production")
        answers = yield from ask_all(
            Follow(production.url + path, within=production.hosts, tries=2, past_caches=True)
            for path in compared
        )
        findings, lost = [], dict[str, list[str]]()
        for path, chain in zip(compared, answers, strict=True):
            if (missing := unreached(chain[-1], f"production's {path}")) is not None:
                findings.append(missing.model_copy(update={"severity": Severity.WARN}))
                continue
            for name in _headers.lost(pages[path], chain[-1], over_https=_both_https(visit)):
                if name not in self.settings.waive:
                    lost.setdefault(name, []).append(path)
        return [*findings, *(_lost(name, paths) for name, paths in lost.items())]


def _both_https(visit: Visit) -> bool:
    return visit.endpoint.url.startswith("https:") or not visit.site.endpoint("production").url.startswith(
        "https:"
    )


def _missing(name: _headers.Name, wrong: dict[str, str], judged: int) -> Finding:
    first = next(iter(wrong.values()))
    return Finding(
        code="missing",
        subject=name,
        sentence=f"{name}: {first} on {len(wrong)} of {count(judged, 'answer')} ({_some(wrong)}). "
        "To do: set it in the virtual host, with 'Header always set', so that errors and redirects have it.",
        expected=_headers.EXPECTED[name],
        actual=first,
    )


def _lost(name: str, paths: list[str]) -> Finding:
    return Finding(
        code="lost",
        subject=f"{name} (production has it)",
        sentence=f"Production sends {name} and stage does not, on {_some(paths)}: this release may lose it. "
        "To do: compare the virtual host of this release with that of production, or waive the header.",
        expected=f"{name}, as on production",
        actual="no such header",
        severity=Severity.BLOCK,
    )


def _some(paths: Iterable[str]) -> str:
    known = list(paths)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(quoted(path)[1:-1] for path in known[:_SHOWN]) + more


def _as_text(answers: dict[str, Response]) -> str:
    lines = []
    for path, answer in answers.items():
        lines.append(f"{path}: status {answer.status}")
        for name in _headers.SEEN:
            lines += [f"  {name}: {value}" for value in answer.headers.getall(name, [])]
    return "\n".join(lines) + "\n"


def _no_recording() -> Finding:
    return Finding(
        code="no_recording",
        subject="recording",
        sentence="There is no recording of the pages to judge. To do: record the pages first.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
