"""E5: does each page keep its structured data, and can it be read?

Parses every JSON-LD block and collects its types, with those of microdata. It would have caught a JSON-LD block
that a template escapes as HTML: visitors see nothing of it, and rich results are gone until somebody reads the
search console. No public report of an AEM site names such a case; any change of a template can make one. Types
that pages had at the last verified release have to stay. What it does not see: whether a search engine likes the
properties inside a type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import plain, quoted

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.reading import ReadPage
    from aem_checks.recording import Recording
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_MOST_BLOCKS = 50
_MOST_NODES = 10_000
_LONGEST_TYPE = 80


class StructuredDataSettings(CheckSettings):
    required: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Types that pages have to have, by path, ``*`` standing for anything:
    ``{/us/en/products/*: [Product]}``. None by default: then only those of the last verified release."""


class StructuredData(Check[StructuredDataSettings]):
    """Reads the JSON-LD and the microdata types of the recorded pages."""

    kind = "structured_data"
    number = "E5"
    title = "Structured data is readable and kept"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        unreadable="a JSON-LD block is no JSON",
        no_type="a JSON-LD block has no type",
        missing="a page lacks a type that the gate file requires",
        lost="a page lost a type that it had at the last verified release",
    )
    reads_recording = True
    settings_type = StructuredDataSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording = visit.recorded
        not_judged, findings = list[Finding](), list[Finding]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            not_judged += unjudged(page, recording)
            if page.is_good:
                types, problems = read_types(page.final)
                findings += [_broken(page, problem, recording) for problem in problems]
                findings += self._missing(page, types, recording)
        if visit.baseline is None or visit.baseline.recording is None:
            findings.append(
                _note(recording, "There is no verified release to compare structured data with yet.")
            )
        return Judgement(
            examined=len(recording.good_pages),
            findings=shortened((*not_judged, *findings), severity=self.weight),
        )

    def _missing(self, page: ReadPage, types: frozenset[str], recording: Recording) -> Iterator[Finding]:
        required = {
            name
            for pattern, names in self.settings.required.items()
            if fnmatchcase(page.path, pattern)
            for name in names
        }
        before = read_types(page.before.final)[0] if page.before is not None else frozenset()
        for name in sorted((required | before) - types):
            if name in required:
                yield _lost("missing", page, name, "asked for by 'required'", types, recording)
            else:
                yield _lost("lost", page, name, "there at the last verified release", types, recording)


class Problem(NamedTuple):
    """What is wrong with a block of JSON-LD, as the end of a sentence."""

    code: str
    words: str


def read_types(response: Response) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """The types that a page declares, and what is wrong with its JSON-LD."""
    types: set[str] = set()
    problems: list[Problem] = []
    for node in _blocks(response):
        try:
            found = set(_types_in(json.loads(node.text())))
        except (ValueError, RecursionError) as error:
            problems.append(Problem("unreadable", f"is no JSON ({plain(str(error), 120)})"))
            continue
        types |= found
        if not found:
            problems.append(Problem("no_type", "has no @type"))
    for node in response.document.css("[itemtype]"):
        types |= {_short(each) for each in (node.attributes.get("itemtype") or "").split()}
    return frozenset(types), tuple(problems)


def _blocks(response: Response) -> list[LexborNode]:
    """The JSON-LD elements of a page, up to a limit."""
    scripts = response.document.css("script[type]")
    found = (node for node in scripts if _media_type(node) == "application/ld+json")
    return list(islice(found, _MOST_BLOCKS))


def _media_type(node: LexborNode) -> str:
    return (node.attributes.get("type") or "").partition(";")[0].strip().lower()


def _types_in(value: Any) -> Iterator[str]:
    """Every ``@type`` at any depth, without recursion, up to a limit."""
    waiting = [value]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        current = waiting.pop()
        if isinstance(current, list):
            waiting += current[:_MOST_NODES]
        elif isinstance(current, dict):
            named = current.get("@type")
            several = named if isinstance(named, list) else [named]
            yield from (_short(each) for each in several if isinstance(each, str) and each.strip())
            waiting += [each for each in current.values() if isinstance(each, dict | list)]


def _short(name: str) -> str:
    """``https://schema.org/Product`` and ``schema:Product`` are ``Product``."""
    return name.strip().rpartition("/")[2].rpartition(":")[2][:_LONGEST_TYPE]


def _broken(page: ReadPage, problem: Problem, recording: Recording) -> Finding:
    return Finding(
        code=problem.code,
        subject=page.path,
        sentence=f"{page.path}: a JSON-LD block {problem.words}; expected JSON with a type. To do: see how the "
        "template writes it; inside <script> nothing is escaped as HTML.",
        expected="JSON with a type",
        actual=problem.words,
        evidence=recording.evidence(page.final),
    )


def _lost(
    code: str, page: ReadPage, name: str, why: str, types: frozenset[str], recording: Recording
) -> Finding:
    has = ", ".join(quoted(each, _LONGEST_TYPE) for each in sorted(types)[:10]) or "none"
    return Finding(
        code=code,
        subject=f"{name} of {page.path}",
        sentence=f"{page.path} declares no structured data of type {quoted(name)}, {why}; its types are {has}. "
        "To do: see the component that writes it.",
        expected=name,
        actual=has,
        evidence=recording.evidence(page.final),
    )


def _note(recording: Recording, sentence: str) -> Finding:
    return Finding(
        code="nothing_to_compare", subject=recording.base_url, sentence=sentence, outcome=Outcome.PASSED
    )
