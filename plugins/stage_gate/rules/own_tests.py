"""Which Airflow tasks of a team test a release, and what do the parts of a mapped one amount to? Pure rules.

A test of a team's own is a planned check of kind ``tasks``. What was declared of it is pinned when the run begins; its
result is written by the task itself when it really ends, and no state or XCom of Airflow stands in for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aem_checks.codes import faults
from aem_checks.durations import Duration
from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from aem_checks.text import count
from stage_gate.rules.plan import OWN_TESTS, RecordedResult

CODES = faults(
    assertion="an assertion of the test failed",
    case_failed="a case of its reports failed",
    ended="it broke off, or its end contradicts its reports",
    unexamined="it ended well and did not say what it examined",
    no_report="it wrote no report of this run",
    no_case="no case of its reports was executed",
    unknown_word="a report says of a case what is not known to be passed, failed or skipped",
    control_characters="a note: a report was read without characters that XML forbids",
    contradiction="a report contradicts itself",
    unreadable="a report can't be used",
    parts="parts of a mapped test are missing, or contradict each other",
    examined="a note: what the test says that it examined",
)
"""What a test of a team's own can amount to."""
DEFAULT_WITHIN = timedelta(minutes=30)
_LISTED = 10

After = Literal["settled", "cloud_manager_tests"]
"""When a test begins: with a settled stage, or once Cloud Manager's own tests of stage are over."""


class OwnTest(BaseModel):
    """What a Dag file declares of one test: a part of the pin, and so of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.-]+$")
    """Its task id, without that of the group of all such tests."""
    site: str
    severity: Severity = Severity.BLOCK
    within: Duration = Field(default=DEFAULT_WITHIN, ge=timedelta(seconds=1))
    """How long it may take, its re-run included."""
    after: After = "settled"
    reports: str = ""
    """Where its JUnit reports are: a pattern of files; empty for a test without any."""
    examines: int = Field(default=0, ge=0)
    """How many things it examines when it ends well, by its author's word; 0 where it says so itself, or its reports do."""
    mapped: bool = False
    """Whether it is expanded into parts, each with a result of its own."""
    unisolated: bool = False
    """Whether its author accepts that it runs where the key or the deciding credential is in reach."""

    @property
    def key(self) -> str:
        return key_of(self.name)

    @property
    def digest(self) -> str:
        """SHA-256, as hexadecimal, of all that was declared."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Part(BaseModel):
    """What one part of a mapped test found, as it lies in the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=0)
    total: int = Field(ge=1)
    """How many parts there were when it ended."""
    entry: RecordedResult


def key_of(name: str) -> str:
    """The key of a test in the plan: ``tasks.cypress``."""
    return f"{OWN_TESTS}.{name}"


def wholes(parts: Iterable[Part]) -> Iterator[RecordedResult]:
    """The result of each mapped test of which there are parts."""
    by_key: dict[str, list[Part]] = {}
    for part in parts:
        by_key.setdefault(part.entry.result.key, []).append(part)
    return (_whole(found) for found in by_key.values())


def _whole(parts: Sequence[Part]) -> RecordedResult:
    ordered = sorted(parts, key=lambda each: each.index)
    doubt = _doubt(ordered)
    entry = ordered[0].entry.model_copy(update={"result": _together([each.entry.result for each in ordered])})
    return entry.without_answer("parts", f"{entry.result.key} {doubt}") if doubt else entry


def _doubt(parts: Sequence[Part]) -> str:
    """Why these parts make no whole, as the end of a sentence; empty where they do."""
    totals = sorted({each.total for each in parts})
    if len(totals) > 1:
        return f"was expanded into {totals[0]} parts and into {totals[-1]}, so nobody can tell which are all. {_TEST_AGAIN}"
    if len({(each.entry.candidate_digest, each.entry.settings_digest) for each in parts}) > 1:
        return f"has parts that were found for different releases or settings. {_TEST_AGAIN}"
    indexes = [each.index for each in parts]
    twice = sorted({index for index in indexes if indexes.count(index) > 1})
    if twice:
        return f"gave more than one result for part {_listed(twice)}. {_TEST_AGAIN}"
    missing = sorted(set(range(totals[0])) - set(indexes))
    if missing or len(indexes) > totals[0]:
        return (
            f"has {count(totals[0], 'part')}, and {_listed(missing or indexes)} gave no result that counts: a part that "
            f"was marked, or lost its worker, has none. {_TEST_AGAIN}"
        )
    return ""


_TEST_AGAIN = (
    "To do: look at its parts in Airflow, and clear settle_stage with its downstream tasks to test again."
)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_LISTED]))
    return f"{shown} and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else shown


def _together(results: Sequence[CheckResult]) -> CheckResult:
    """What the parts amount to: the gravest outcome of those that weigh most."""
    severity = Severity.BLOCK if any(each.severity is Severity.BLOCK for each in results) else Severity.WARN
    weighing = [each for each in results if each.severity is severity]
    outcome = worst(each.outcome for each in weighing)
    gravest = next(each for each in weighing if each.outcome is outcome)
    return gravest.model_copy(
        update={
            "severity": severity,
            "cause": None if outcome is Outcome.PASSED else gravest.cause,
            "examined": sum(each.examined for each in results),
            "findings": tuple(finding for each in results for finding in each.findings),
            "attempts": max(each.attempts for each in results),
            "flaky": any(each.flaky for each in results),
            "started_at": min(each.started_at for each in results),
            "finished_at": max(each.finished_at for each in results),
        }
    )
