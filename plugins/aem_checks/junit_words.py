"""How did one test case of a JUnit report end, in words that are known?

JUnit has no schema that all reporters follow: an end is told by elements inside of a case and by attributes of it. A
case passed where nothing says otherwise; a word that stands in none of these lists is handed on as it is, and judged by
nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FAILED = _words("""
    fail fails failed failing failure failures broken error errors errored erroneous fatal crash crashed panicked killed
    timedout timeout timeouts exception ko nok notok bad false no unexpected ambiguous undefined notrunnable rerunfailure
    rerunerror
""")
SKIPPED = _words("""
    skip skipped skipping notrun notexecuted notstarted notapplicable disabled disable ignored ignore pending todo aborted
    abort assumptionfailed assumptionfailure blocked deferred excluded filtered suppressed untested explicit deselected
    inactive notimplemented xfail xfailed
""")
PASSED = _words("""
    pass passes passed passing success successful succeeded ok okay good run ran executed completed complete finished done
    true yes expected fixed
""")
FLAKY = _words("""
    flaky flakey flake flakyfailure flakyfailures flakyerror flakyerrors passedonretry passedonrerun passedafterretry
    passedafterrerun
""")
"""A pass that was not the first try's."""
RERUN = frozenset({"rerunfailure", "rerunerror"})
"""A further try that failed as well."""
BESIDE = _words("""
    properties property systemout systemerr stdout stderr output log logs testcase attachments attachment screenshots
    screenshot video description documentation comment reason categories category traits trait tags tag labels label links
    link requirement requirements metadata meta time duration assertions
""")
"""Elements inside of a case that say nothing of its end."""
FAILURES = frozenset({"fail", "failed", "failure", "failures", "error", "errors", "exception"})
"""Elements that are a failure wherever they stand."""
_SAYING = frozenset({"status", "result", "outcome", "state", "verdict", "conclusion"})
"""Attributes of a case whose value is a word."""
_YES_IS_GOOD = frozenset({"success", "successful", "passed", "ok"})
_YES_IS_BAD = frozenset({"failed", "failure", "failures", "error", "errors", "broken", "timedout", "timeout"})
_OF_A_FAILURE = ("fail", "error", "exception", "crash")
"""How the names of attributes begin that tell of a failure, such as ``failure-message``."""
_YES_IS_NOT_RUN = frozenset(
    {"skipped", "skip", "ignored", "disabled", "aborted", "blocked", "pending", "todo", "notrun"}
)
_YES = frozenset({"true", "yes", "1"})
NO = frozenset({"", "false", "no", "0", "none", "null"})
_LONGEST_WORD = 60


class End(StrEnum):
    """What one word says."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    FLAKY = "flaky"
    PASSED = "passed"


def ends_of(case: Any) -> Iterator[tuple[End, str]]:
    """Each thing that a ``testcase`` element says of its end, as the report writes it; nothing where it says nothing."""
    for name, value in case.attrib.items():
        yield from _of_attribute(named(name), value.strip())
    yield from _of_elements(case)


def bare(word: str) -> str:
    """A word without case, blanks, hyphens and underscores: ``Timed-Out`` is ``timedout``."""
    return _bare(word[:_LONGEST_WORD])


@lru_cache(4096)
def _bare(word: str) -> str:
    return re.sub(r"[\s_-]+", "", word.lower())


def named(name: str) -> str:
    """The bare name of an element or an attribute, without its namespace."""
    return bare(name.rpartition("}")[2])


def of_word(word: str) -> End:
    """What a word says by itself."""
    known = bare(word)
    for end, words in (
        (End.FAILED, FAILED),
        (End.SKIPPED, SKIPPED),
        (End.FLAKY, FLAKY),
        (End.PASSED, PASSED),
    ):
        if known in words:
            return end
    return End.UNKNOWN


def _of_elements(parent: Any) -> Iterator[tuple[End, str]]:
    for child in parent.iterchildren(tag="*"):
        name = named(child.tag)
        if name in BESIDE:
            yield from _failures_within(child)
        else:
            yield of_word(name), f"<{_shown(child.tag)}>"


def _failures_within(element: Any) -> Iterator[tuple[End, str]]:
    """A failure stays one, however deep a reporter puts it; a case inside of a case speaks for itself."""
    if named(element.tag) == "testcase":
        return
    for inner in element.iterdescendants("*"):
        if named(inner.tag) in FAILURES and next(inner.iterancestors("{*}testcase"), None) is next(
            element.iterancestors("{*}testcase"), None
        ):
            yield End.FAILED, f"<{_shown(inner.tag)}>"


def _of_attribute(name: str, value: str) -> Iterator[tuple[End, str]]:
    if name in _SAYING and value:
        yield of_word(value), f"{name}={_shown(value)}"
    elif name == "flaky" and value.lower() not in NO:
        yield _if_yes(value, End.FLAKY), f"{name}={_shown(value)}"
    elif name == "executed" and value.lower() in NO:
        yield End.SKIPPED, f"{name}={_shown(value)}"
    elif name in _YES_IS_GOOD:
        yield _if_good(value), f"{name}={_shown(value)}"
    elif name in _YES_IS_BAD and value.lower() not in NO and not (name == "timeout" and _is_number(value)):
        yield End.FAILED, f"{name}={_shown(value)}"
    elif name.startswith(_OF_A_FAILURE) and value.lower() not in NO and name not in _YES_IS_BAD:
        yield End.UNKNOWN, f"{name}={_shown(value)}"
    elif name in _YES_IS_NOT_RUN and value.lower() not in NO:
        yield _if_yes(value, End.SKIPPED), f"{name}={_shown(value)}"


def _if_yes(value: str, end: End) -> End:
    return end if value.lower() in _YES or of_word(value) is end else End.UNKNOWN


def _if_good(value: str) -> End:
    if value.lower() in _YES:
        return End.PASSED
    return End.FAILED if value.lower() in NO else of_word(value)


def _is_number(value: str) -> bool:
    """Whether a time limit is meant, and not that it was passed."""
    return re.fullmatch(r"[0-9.]{1,20}(?:ms|s|m)?", value) is not None


def _shown(word: str) -> str:
    return word.rpartition("}")[2][:_LONGEST_WORD]
