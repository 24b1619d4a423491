"""Which test cases does a JUnit XML report really list, and how did each end?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from aem_checks.junit_cases import Case, CaseState, last_tries, merged
from aem_checks.junit_totals import SUITES, contradictions
from aem_checks.junit_words import FAILED, FAILURES, FLAKY, RERUN, End, ends_of, named
from aem_checks.junit_xml import MAX_REPORT_BYTES, ReportError, parse, readable

__all__ = ["MAX_REPORT_BYTES", "Case", "CaseState", "Report", "ReportError", "combine", "read_report"]

MAX_ELEMENTS = 500_000
"""Of one report: what takes seconds to read, and no suite of a team writes."""
_MAX_MESSAGE = 2000
_MAX_NAME = 2000
_ROOTS = frozenset({"testsuites", "testsuite"})
_SPELLED = _ROOTS | {"testcase"}
_OF_A_FAILED_TRY = re.compile(
    r"\[\[ATTACHMENT\|[^\]\r\n]{0,500}"
    r"(?:-retry[0-9]{1,3}[/\\]|[/\\]test-failed-[0-9]{1,3}\.png\]|[/\\]error-context\.md\])"
)
"""What a case of Playwright names in its output when a try of it failed."""


@dataclass(frozen=True, slots=True)
class Report:
    """The cases that a report lists, and the contradictions between its listing and its own totals."""

    cases: tuple[Case, ...] = ()
    contradictions: tuple[str, ...] = ()
    replaced: int = 0
    """Characters that XML forbids, such as those of colours, without which it was read."""

    def count(self, state: CaseState) -> int:
        return Counter(case.state for case in self.cases)[state]

    @property
    def executed(self) -> int:
        """Cases that are known to have run to their end."""
        return self.count(CaseState.PASSED) + self.count(CaseState.FAILED)

    @property
    def failed(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.state is CaseState.FAILED)

    @property
    def unknown(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.state is CaseState.UNKNOWN)

    @property
    def flaky(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.flaky)

    def of_success(self) -> Report:
        """The same report, of a command that ended well: a case whose tries it lists one by one is one case.

        Only where the suite counts them as one: the rows of a table of data, and the methods of a class that runs once
        for each row, are listed in the same way, and one of them that failed is a failure.
        """
        return replace(self, cases=tuple(merged(self.cases)))


def combine(reports: Iterable[Report]) -> Report:
    """All cases of several reports as one."""
    found = tuple(reports)
    return Report(
        tuple(case for report in found for case in report.cases),
        tuple(line for report in found for line in report.contradictions),
        sum(report.replaced for report in found),
    )


def read_report(data: bytes) -> Report | None:
    """Recount the cases of a report; ``None`` for well-formed XML of another kind, such as a coverage report.

    Totals (``tests=``, ``failures=``) are never trusted: wherever a ``testcase`` stands, it is counted by
    what it says of itself. Raises ``ReportError`` for XML that is not well-formed, larger than
    ``MAX_REPORT_BYTES``, or a test report with a document type, whose entities could expand without end.
    """
    parsed = parse(data)
    tree = parsed.root
    if etree.QName(tree).localname not in _ROOTS:
        return None
    if tree.getroottree().docinfo.doctype:
        raise ReportError("it has a document type declaration, which no test report needs; it was not read")
    if tree.tag not in _ROOTS:
        raise ReportError(f"its root element {tree.tag} is not one of JUnit")
    if tree.xpath("count(//*)") > MAX_ELEMENTS:
        raise ReportError(f"it has more than {MAX_ELEMENTS:,} elements; let the suite write several reports")
    if (strange := next(_written_otherwise(tree), None)) is not None:
        raise ReportError(
            f"it writes <{strange}>, which JUnit spells otherwise; what is in there was not read"
        )
    listed = {element: _case(element) for element in tree.iter("{*}testcase")}
    cases = (*last_tries(listed), *_failures_beside_cases(tree))
    ends = {element: End(case.state.value) for element, case in listed.items()}
    return Report(cases, tuple(contradictions(tree, ends)), parsed.replaced)


def _case(element: Any) -> Case:
    said = tuple(ends_of(element))
    worst = next((end for end in End if any(each is end for each, _ in said)), End.PASSED)
    flaky = worst is End.FLAKY or (worst is End.PASSED and _was_retried(element))
    state = CaseState.PASSED if flaky else CaseState(worst.value)
    words = " and ".join(dict.fromkeys(word for end, word in said if end is End.UNKNOWN))
    told = words if state is CaseState.UNKNOWN else _message(element) if flaky or worst is End.FAILED else ""
    return Case(_name(element), state, told[:_MAX_MESSAGE], flaky)


def _was_retried(element: Any) -> bool:
    """Whether Playwright says so beside the case, as it does without ``includeRetries``; not where it is to fail."""
    to_fail = any(each.get("name") == "fail" for each in element.iterfind("{*}properties/{*}property"))
    outputs = (child.text or "" for child in element.iterchildren("{*}system-out"))
    return not to_fail and any(_OF_A_FAILED_TRY.search(output) for output in outputs)


def _name(element: Any) -> str:
    parent = element.getparent()
    group = element.get("classname") or (parent.get("name") if parent is not None else None)
    name = element.get("name") or "(case without a name)"
    return readable(name if not group or name.startswith(group) else f"{group}: {name}")[:_MAX_NAME]


def _message(element: Any) -> str:
    told = (child for child in element.iterchildren(tag="*") if named(child.tag) in FAILED | FLAKY | RERUN)
    texts = (f"{child.get('message') or ''} {child.text or ''}" for child in told)
    return _one_line(" ".join(texts))


def _one_line(text: str) -> str:
    return " ".join(readable(text).split())[:_MAX_MESSAGE]


def _failures_beside_cases(tree: Any) -> Iterator[Case]:
    """Failures that hang on a suite, as reporters write when a suite's set-up breaks before any case."""
    for element in tree.iter("*"):
        if named(element.tag) in FAILURES and next(element.iterancestors("{*}testcase"), None) is None:
            suite = next(element.iterancestors(*SUITES))
            text = f"{element.get('message') or ''} {element.text or ''}"
            name = f"{suite.get('name') or '(suite without a name)'}: outside of any case"
            yield Case(readable(name)[:_MAX_NAME], CaseState.FAILED, _one_line(text))


def _written_otherwise(tree: Any) -> Iterator[str]:
    """Cases and suites that are none to a reader who knows how JUnit spells them: ``TestCase``."""
    for element in tree.iter("*"):
        name = etree.QName(element).localname
        if name not in _SPELLED and named(name) in _SPELLED:
            yield name[:60]
