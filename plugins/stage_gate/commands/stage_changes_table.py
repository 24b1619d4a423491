"""What follows when stage is changed, before the tests, under them or after them? docs/stage-changes.md, from the rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from aem_checks.outcomes import CheckResult, Outcome, Severity
from stage_gate.rules.candidate import Candidate, changes, must_be_built_again
from stage_gate.rules.decision import Mode
from stage_gate.rules.plan import Plan, PlannedCheck, RecordedResult
from stage_gate.rules.surroundings import (
    READINGS,
    Fact,
    StageEvent,
    Surroundings,
    Unread,
    VariableSeen,
    Way,
    newly_unread,
)
from stage_gate.rules.verdict import judge

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "stage-changes.md"

_INTRODUCTION = """\
# What else can change stage, and what follows

<!-- Written by `python -m stage_gate docs` from stage_changes.py and verdict.py. A test holds this file to the code. -->

The tests prove a release only as long as nothing else changes stage. So what Cloud Manager shows of it is read when the
tests begin (`settle_stage`) and twice when an act is about to be sent, the last time just before the request. What
goes on makes a verdict inconclusive; so does a fact that can't be read. `settle_stage` looks again for a few minutes before it
tests into such a verdict.

*Build marker*: on each site a blocking `settled` compares what stage serves with the candidate, so that a test knows which code
answers. Without one, whatever may bring other code to stage ends in *build again*: start the pipeline anew.
"""
_FACTS = """\
## What is read, and what the credential needs for it

A fact that can't be read is never taken for "unchanged". If it was unread when the tests began, the verdict is
inconclusive; if it is unread at the approval and was not then, nothing is sent. A gate file may accept a fact by name
(`policy.accept_unread`), for a credential that lacks a right for good: nobody knows then what it would have told, and each
verdict, report and decision says so. A deployment may forbid that: `[stage_gate] minimum_facts`, names or `all`.
`python -m stage_gate doctor` tries each of them. Permissions are as Adobe documents them.
"""
_UNSEEN = """\
## What no API of Cloud Manager shows

- the AEM release of an environment, so an AEM update that no pipeline shows; each verdict states it;
- Edge Functions and pipeline-free redirects, which change what is served without any pipeline;
- the new value of a secret variable: name and type are compared, and that a change goes on;
- what a pipeline did that was made and deleted between two looks, or that led elsewhere at the first and was deleted before the
  second; one that led to stage and is gone is a change, and one that was edited is judged by where the steps of its executions
  led, as long as they are listed;
- a content copy from another program, where Cloud Manager lists it there alone;
- what authors edit, publish or install by hand on stage, and what other systems that it asks answer;
- a CDN of your own in front of stage.

A build marker shows what code answers whatever happened; the rest shows only in what the checks see.
"""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_HOST = "publish-p1-e2.adobeaemcloud.com"
_FLAG = VariableSeen(type="string", fingerprint="1")
Row = tuple[str, ...]


def document() -> str:
    """The whole document, the same for the same code."""
    heads = ("What", "When the tests begin", "At the approval", "Verdict", "Approval", "With a build marker")
    return "\n".join(
        [
            _INTRODUCTION,
            *_table(heads, _rows()),
            "",
            _FACTS,
            *_table(("Fact", "Nobody else tells", "Call", "The credential needs"), _fact_rows()),
            "",
            _UNSEEN,
        ]
    )


def _table(heads: Row, rows: Iterator[Row]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' for _ in heads)}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _stage(**changed: object) -> Surroundings:
    values: dict[str, object] = {"environment_id": "2", "hosts": (_HOST,), "variables": {"FLAG": _FLAG}}
    return Surroundings.model_validate(values | changed)


def _rows() -> Iterator[Row]:
    quiet = _stage()
    for way in Way:
        ended, running = (
            _stage(events=(StageEvent(way=way, id="1", pipeline="3", runs=runs),)) for runs in (False, True)
        )
        yield _row(way, "ended since the deployment", "the same", ended, ended)
        yield _row(way, "goes on", "ended", running, ended)
        yield _row(way, "nothing", "ended", quiet, ended)
        yield _row(way, "nothing", "goes on", quiet, running)
    changed = _stage(variables={"FLAG": VariableSeen(type="string", fingerprint="2")})
    changing = _stage(variables={"FLAG": _FLAG.model_copy(update={"changes": True})})
    yield _row("variables", "a change goes on", "changed", changing, changed)
    yield _row("variables", "read", "changed", quiet, changed)
    yield _row("variables", "read", "a change goes on", quiet, changing)
    restoring = _stage(status="restoring")
    yield _row("state of the environment", "not ready", "ready", restoring, quiet)
    yield _row("state of the environment", "ready", "not ready", quiet, restoring)
    yield _row("hosts of stage", "listed", "not listed any more", quiet, _stage(hosts=()))
    unread = _stage(unread=(Unread(fact=Fact.RESTORES, call="", why="", remedy=""),))
    yield _row("any fact of the table below", "unread", "read, nothing new", unread, quiet)
    yield _row("any fact of the table below", "read", "unread", quiet, unread)


def _row(what: str, then: str, now: str, tested: Surroundings, read: Surroundings) -> Row:
    verdict, marked = (_verdict(tested, marker) for marker in (False, True))
    approval, with_marker = (_approval(tested, read, marker) for marker in (False, True))
    both = "the same" if (verdict, approval) == (marked, with_marker) else f"{marked}; {with_marker}"
    return f"**{what}**", then, now, str(verdict), approval, both


def _candidate(stage: Surroundings) -> Candidate:
    return Candidate(
        program_id="1",
        pipeline_id="1",
        execution_id="1",
        trigger="MANUAL",
        stage_step_id="1",
        stage_deployed_at=_NOW,
        stage=stage,
    )


def _verdict(stage: Surroundings, marker: bool) -> Outcome:
    """Of a release whose one check has passed."""
    candidate, check = (
        _candidate(stage),
        PlannedCheck(
            key="key_pages",
            kind="key_pages",
            site="site",
            target="stage",
            severity=Severity.BLOCK,
            host=_HOST,
            settings_digest="",
        ),
    )
    plan = Plan(gate="", gate_digest="", mode=Mode.GUARD, made_at=_NOW, checks=(check,), build_marker=marker)
    result = CheckResult(
        key=check.key,
        kind=check.kind,
        site=check.site,
        target=check.target,
        severity=check.severity,
        outcome=Outcome.PASSED,
        examined=1,
        started_at=_NOW,
        finished_at=_NOW,
    )
    entry = RecordedResult(candidate_digest=candidate.digest, attempt=1, settings_digest="", result=result)
    return judge(plan, candidate, [entry]).outcome


def _approval(tested: Surroundings, read: Surroundings, marker: bool) -> str:
    then, now = _candidate(tested), _candidate(read)
    if _verdict(tested, marker) is not Outcome.PASSED:
        return "held" if must_be_built_again(then, marker) is None else "held: build again"
    if not changes(then, now) and not newly_unread(tested, read, ()):
        return "sent"
    return "held: test again" if must_be_built_again(now, marker) is None else "held: build again"


def _fact_rows() -> Iterator[Row]:
    for fact, reading in READINGS.items():
        yield f"`{fact}`", reading.question, f"`{reading.call}`", reading.permission
