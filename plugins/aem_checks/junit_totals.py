"""Where do the totals of a test report contradict what it lists?

Totals may count cases, their tries, or the elements inside of them: all three are taken for true, and the listing counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from aem_checks.junit_words import FLAKY, NO, RERUN, SKIPPED, End, named, of_word

SUITES = ("{*}testsuite", "{*}testsuites")
_TRIES = FLAKY | RERUN | {"failure", "error"}
_SAYS_ITS_END = ("status", "result", "outcome", "success", "passed")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.0+)?")
_OF_FAILURES = ("failures", "errors")
_OF_FAILURES_OTHERWISE = ("failed", "failing", "fails", "failure", "error", "broken", "crashed")
_LISTED, _TRIED, _DECLARED = "listed", "tried", "declared"


def contradictions(tree: Any, ends: Mapping[Any, End]) -> Iterator[str]:
    """Suites that declare more cases, failures or cases that did not run than they list; the list may have been cut off.

    ``ends``: how each case of the report ended, by its element.
    """
    tallies = {suite: _tries_in(suite) for suite in tree.iter(*SUITES)}
    for case, end in ends.items():
        own = next((tallies[each] for each in case.iterancestors(*SUITES) if each in tallies), Counter())
        own.update((_LISTED, end))
        own.update(_tries_in(case))
    for suite in reversed(tallies):
        tallies[suite][_DECLARED] = max(total(suite, "tests") or 0, tallies[suite][_DECLARED])
        above = next((tallies[each] for each in suite.iterancestors(*SUITES) if each in tallies), None)
        if above is not None:
            above.update(tallies[suite])
    unlisted: dict[Any, int] = {}
    for suite, tally in tallies.items():
        around = next((unlisted[each] for each in suite.iterancestors(*SUITES) if each in unlisted), 0)
        unlisted[suite] = max(around, _not_run(suite) - tally[End.SKIPPED])
        yield from _of_suite(suite, tally, unlisted[suite])


def _tries_in(element: Any) -> Counter[str]:
    return Counter(_TRIED for child in element.iterchildren(tag="*") if named(child.tag) in _TRIES)


def _of_suite(suite: Any, tally: Mapping[str, int], unlisted: int) -> Iterator[str]:
    """``unlisted``: cases that did not run, as this suite or one around it counts them, and that are not listed.

    Mocha's reporter, which Cypress uses, counts them and leaves them out.
    """
    name = suite.get("name") or "(suite without a name)"
    cases, tries, failed, skipped = (tally[key] for key in (_LISTED, _TRIED, End.FAILED, End.SKIPPED))
    failures = _failures(suite)
    if failures > max(failed, tries):
        yield f"{name} declares {failures} failures, but the report lists {failed} failed cases"
    tests = total(suite, "tests") or 0
    if tests > cases + tries + unlisted:
        yield f"{name} declares {tests} cases, but the report lists {cases}"
    idle, everything = _not_run(suite), max(tally[_DECLARED], cases)
    if idle <= everything < idle + cases - skipped:
        yield f"{name} declares {idle} cases that did not run, but the report lists {skipped} such cases"
    for told in _unread(suite):
        yield f"{name} declares {told}, which is no number"
    word = _bad_word(suite)
    if word and not failed and not tries:
        yield f"{name} says {word} of itself, but the report lists no failed case"


def _not_run(suite: Any) -> int:
    """The largest of the totals of cases that did not run: several names may count the same ones."""
    return max((total(suite, name) or 0 for name in map(named, suite.attrib) if name in SKIPPED), default=0)


def _failures(suite: Any) -> int:
    """Failures and errors, by whatever name they are counted."""
    usual = sum(total(suite, name) or 0 for name in _OF_FAILURES)
    return max(usual, *(total(suite, name) or 0 for name in _OF_FAILURES_OTHERWISE))


def _unread(suite: Any) -> Iterator[str]:
    """The totals that can't be read, as the report writes them: they may count what is not listed."""
    for name, value in suite.attrib.items():
        if named(name) in {"tests", *_OF_FAILURES} | SKIPPED and total(suite, named(name)) is None:
            yield f"{named(name)}={value.strip()[:60]}"


def _bad_word(suite: Any) -> str:
    for name in _SAYS_ITS_END:
        value = suite.get(name, "").strip()
        if value and not value.isdecimal() and of_word(value) is End.FAILED:
            return f"{name}={value[:60]}"
    return ""


def total(suite: Any, name: str) -> int | None:
    """A total of a suite, whatever the case of its name; 0 where it says none, ``None`` where what it says is no number."""
    said = next((value for each, value in suite.attrib.items() if named(each) == name), "").strip()
    if _NUMBER.fullmatch(said):
        return int(said.partition(".")[0])
    return 0 if said.lower() in NO else None
