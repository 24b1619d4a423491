"""What does a person try out before a release, as a gate file says it: the list of manual smoke tests?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator

from aem_checks.excuses import switch
from aem_checks.outcomes import Severity
from aem_checks.sites import Name, PagePath
from stage_gate.rules.gate_values import GateModel, Wait, Words, people
from stage_gate.rules.plan import PlannedCheck
from stage_gate.rules.smoke_tests import key_of

_EXAMPLE = "{ask: [alice, bob], questions: [{name: basket, question: ...}]}"


class SmokeTest(GateModel):
    """One question for a person. It is a check of stage: its answer counts as that check's result."""

    name: Name
    """Short name in task ids and reports: the check is called `smoke_tests.NAME`."""
    question: Words
    """What to try out and what has to happen, so that `Works` and `Broken` are clear answers."""
    page: PagePath | None = None
    """Path where to begin; the question shows its address on stage."""
    site: str | None = None
    """Which of several sites it is about; the first one where absent."""
    covered_by: tuple[str, ...] = ()
    """Keys of checks that together find out the same. While all of them run and count, nobody is asked."""
    severity: Annotated[Severity, switch(Severity.WARN, everything=True)] = Severity.BLOCK
    """`block` or `warn`; what warns is only covered by checks that run, what blocks only by checks that block."""


class SmokeTests(GateModel):
    """Questions that people answer after the checks of stage. Silence is no consent: then the check is inconclusive."""

    ask: tuple[str, ...] = Field(min_length=1)
    """Airflow users who may answer. Whoever started the execution is not asked."""
    within: Wait = timedelta(hours=4)
    """How long each question stays; after that it has no answer."""
    questions: tuple[SmokeTest, ...] = Field(min_length=1)

    @field_validator("ask", mode="before")
    @classmethod
    def _somebody(cls, value: Any) -> Any:
        return people(value, _EXAMPLE)

    @field_validator("questions")
    @classmethod
    def _once_each(cls, value: tuple[SmokeTest, ...]) -> tuple[SmokeTest, ...]:
        names = [each.name for each in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two smoke tests are called {twice}; rename one of them")
        return value


def digest_of(settings: SmokeTests, question: SmokeTest) -> str:
    """SHA-256 of a question and of who may answer it."""
    told = f"{key_of(question.name)} {question.model_dump_json()} {sorted(settings.ask)}"
    return hashlib.sha256(told.encode()).hexdigest()


def split(
    settings: SmokeTests | None, planned: Iterable[PlannedCheck]
) -> tuple[list[SmokeTest], dict[str, tuple[str, ...]]]:
    """The questions that are asked, and those that are not: key to the checks that answer it.

    A question is covered while every check that it names is planned and counts: for a question that blocks, a check
    that blocks, out of quarantine; for one that warns, a check that is no mere dry run.
    """
    if settings is None:
        return [], {}
    checks = {check.key: check for check in planned}
    asked, covered = [], dict[str, tuple[str, ...]]()
    for question in settings.questions:
        if question.covered_by and all(_counts(checks.get(key), question) for key in question.covered_by):
            covered[key_of(question.name)] = question.covered_by
        else:
            asked.append(question)
    return asked, covered


def _counts(check: PlannedCheck | None, question: SmokeTest) -> bool:
    if check is None or check.target != "stage" or check.quarantine is not None or check.dry_run:
        return False
    return check.blocks or question.severity is Severity.WARN
