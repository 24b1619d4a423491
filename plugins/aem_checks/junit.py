"""Which test cases does a JUnit XML report really list, and how did each end?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase
from lxml import etree

MAX_REPORT_BYTES = 32 * 1024 * 1024
_MAX_MESSAGE = 2000
_FAILED_WORDS = frozenset({"failed", "fail", "failure", "broken", "error", "errored", "timedout"})
_SKIPPED_WORDS = frozenset({"skipped", "notrun", "disabled", "ignored", "pending", "todo"})


class ReportError(ValueError):
    """The file claims to be a test report, or cannot be read at all; what it says is not to be trusted."""


class CaseState(StrEnum):
    """How one test case ended. A case that says nothing of its end has passed: that is JUnit's convention."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case: ``name`` is qualified by its class or suite; ``message`` says why it failed."""

    name: str
    state: CaseState
    message: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The cases that a report lists, and the contradictions between its listing and its own totals."""

    cases: tuple[Case, ...] = ()
    contradictions: tuple[str, ...] = ()

    def count(self, state: CaseState) -> int:
        return Counter(case.state for case in self.cases)[state]

    @property
    def executed(self) -> int:
        return len(self.cases) - self.count(CaseState.SKIPPED)

    @property
    def failed(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.state is CaseState.FAILED)


def combine(reports: Iterable[Report]) -> Report:
    """All cases of several reports as one."""
    found = tuple(reports)
    return Report(
        tuple(case for report in found for case in report.cases),
        tuple(line for report in found for line in report.contradictions),
    )


def read_report(data: bytes) -> Report | None:
    """Recount the cases of a report; ``None`` for well-formed XML of another kind, such as a coverage report.

    Totals (``tests=``, ``failures=``) are never trusted: wherever a ``testcase`` stands, it is counted by
    what it contains. Raises ``ReportError`` for XML that is not well-formed, larger than
    ``MAX_REPORT_BYTES``, or a test report with a document type, whose entities could expand without end.
    """
    root = _parse(data)
    if etree.QName(root).localname not in {"testsuites", "testsuite"}:
        return None
    if root.getroottree().docinfo.doctype:
        raise ReportError("it has a document type declaration, which no test report needs; it was not read")
    try:
        document = JUnitXml.fromroot(root)
    except JUnitXmlError as error:
        raise ReportError(f"its root element {root.tag} is not one of JUnit") from error
    tree = document._elem
    cases = (*_cases(tree), *_failures_beside_cases(tree))
    return Report(cases, tuple(_contradictions(tree, cases)))


def _parse(data: bytes) -> Any:
    if len(data) > MAX_REPORT_BYTES:
        raise ReportError(f"it is larger than {MAX_REPORT_BYTES // 1024 // 1024} MiB")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReportError(f"it is not well-formed XML: {error}") from error


def _cases(tree: Any) -> Iterator[Case]:
    for element in tree.iter("testcase"):
        case = TestCase.fromelem(element)  # type: ignore[no-untyped-call]
        state = _state(case)
        yield Case(_name(element), state, _message(case) if state is CaseState.FAILED else "")


def _state(case: Any) -> CaseState:
    words = {(case._elem.get(key) or "").lower().replace("-", "") for key in ("status", "result")}
    results = case.result
    if any(isinstance(result, Failure | Error) for result in results) or words & _FAILED_WORDS:
        return CaseState.FAILED
    if any(isinstance(result, Skipped) for result in results) or words & _SKIPPED_WORDS:
        return CaseState.SKIPPED
    return CaseState.PASSED


def _name(element: Any) -> str:
    parent = element.getparent()
    group = element.get("classname") or (parent.get("name") if parent is not None else None)
    name = element.get("name") or "(case without a name)"
    return name if not group or name.startswith(group) else f"{group}: {name}"


def _message(case: Any) -> str:
    texts = (
        f"{result.message or ''} {result.text or ''}"
        for result in case.result
        if not isinstance(result, Skipped)
    )
    return " ".join(" ".join(texts).split())[:_MAX_MESSAGE]


def _failures_beside_cases(tree: Any) -> Iterator[Case]:
    """Failures that hang on a suite, as reporters write when a suite's set-up breaks before any case."""
    for suite in tree.iter("testsuite", "testsuites"):
        for element in suite.iterchildren("failure", "error"):
            text = f"{element.get('message') or ''} {element.text or ''}"
            name = f"{suite.get('name') or '(suite without a name)'}: outside of any case"
            yield Case(name, CaseState.FAILED, " ".join(text.split())[:_MAX_MESSAGE])


def _contradictions(tree: Any, cases: Iterable[Case]) -> Iterator[str]:
    """Suites that declare more failures than the whole report lists; the list may have been cut off."""
    listed = sum(case.state is CaseState.FAILED for case in cases)
    for suite in tree.iter("testsuite", "testsuites"):
        declared = _number(suite.get("failures")) + _number(suite.get("errors"))
        if declared > listed:
            name = suite.get("name") or "(suite without a name)"
            yield f"{name} declares {declared} failures, but the report lists {listed} failed cases"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0
