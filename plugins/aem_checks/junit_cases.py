"""What is a test case of a report, and which of the listed ones are tries of one and the same?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from aem_checks.junit_totals import total

_TELL_APART = ("classname", "name", "class", "package", "file", "line", "hostname", "url")


class CaseState(StrEnum):
    """How one test case ended. A case that says nothing of its end has passed: that is JUnit's convention."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    """It says something of its end that nobody knows: neither run nor passed, as far as one can tell."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test case: ``name`` is qualified by its class or suite; ``message`` says why it failed."""

    name: str
    state: CaseState
    message: str = ""
    """Why it failed, or a try of it where it is flaky; the words that nobody knows."""
    flaky: bool = False
    """Whether it passed only when it was tried again."""
    tries_of: tuple[str, ...] = field(default=(), compare=False)
    """Shared by cases that are tries of one, if the command ended well; empty where that can't be known."""


def last_tries(listed: Mapping[Any, Case]) -> Iterator[Case]:
    """The cases, by their elements, without earlier tries that are listed like cases and did not fail.

    pytest-rerunfailures lists a try that failed like a case that passed, and only the suite's number of cases gives it
    away; WebdriverIO lists it as skipped, with what went wrong.
    """
    suites: dict[Any, list[Any]] = {}
    for element in listed:
        suites.setdefault(element.getparent(), []).append(element)
    for place, (suite, elements) in enumerate(suites.items()):
        yield from _of_suite(str(place), suite, elements, listed)


def merged(cases: Iterable[Case]) -> Iterator[Case]:
    """One flaky case where all tries but the last failed; of a command that ended well."""
    tries: dict[object, list[Case]] = {}
    for place, case in enumerate(cases):
        tries.setdefault(case.tries_of or place, []).append(case)
    for *before, last in tries.values():
        failed = before and all(case.state is CaseState.FAILED for case in before)
        if failed and last.state is CaseState.PASSED:
            yield replace(last, flaky=True, message=before[0].message)
        else:
            yield from (*before, last)


def _of_suite(place: str, suite: Any, elements: list[Any], listed: Mapping[Any, Case]) -> Iterator[Case]:
    named: dict[tuple[str, ...], list[Any]] = {}
    for nameless, element in enumerate(elements):
        key = tuple(element.get(name, "") for name in _TELL_APART)
        named.setdefault(key if element.get("name") else (str(nameless),), []).append(element)
    repeated = len(elements) - len(named)
    counts_cases = 0 < repeated == len(elements) - (total(suite, "tests") or 0)
    for key, tries in named.items():
        *before, last = (listed[element] for element in tries)
        if before and all(
            _is_told_as_a_try(element, listed[element], counts_cases) for element in tries[:-1]
        ):
            yield replace(
                last, flaky=last.state is CaseState.PASSED, message=last.message or _error(tries[0])
            )
        else:
            tries_of = (place, *key) if before and counts_cases else ()
            yield from (replace(case, tries_of=tries_of) for case in (*before, last))


def _is_told_as_a_try(element: Any, case: Case, counts_cases: bool) -> bool:
    if case.state is CaseState.PASSED:
        return counts_cases
    return case.state is CaseState.SKIPPED and bool(_error(element))


def _error(element: Any) -> str:
    return " ".join((element.findtext("{*}system-err") or "").split())[:300]
