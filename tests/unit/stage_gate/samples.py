"""Values that the tests of the gate's rules start from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from adobe_cloud_manager.exceptions import PermissionDenied
from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.plan import Plan, PlannedCheck, RecordedResult
from stage_gate.rules.surroundings import READINGS, Fact, StageEvent, Surroundings, Unread, VariableSeen, Way

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
STAGE_HOST = "publish-p12345-e7654321.adobeaemcloud.com"

CANDIDATE = Candidate(
    program_id="12345",
    pipeline_id="678901",
    execution_id="2345678",
    trigger="MANUAL",
    stage_step_id="90030",
    stage_deployed_at=NOW - timedelta(minutes=5),
    commit_id="0123456789abcdef",
    artifacts_version="2026.1102.090000.0002345678",
    stage=Surroundings(
        environment_id="7654321",
        hosts=(STAGE_HOST,),
        other_pipelines={"678902": "77"},
        variables={"FLAG": VariableSeen(type="string", fingerprint="b5bea41b6c623f7c")},
    ),
)


def around(**changed: object) -> Candidate:
    """The candidate with another stage around it."""
    return CANDIDATE.model_copy(update={"stage": CANDIDATE.stage.model_copy(update=changed)})


def event(way: Way, number: str = "88", *, runs: bool = False, pipeline: str = "678902") -> StageEvent:
    of_pipeline = way not in (Way.CONTENT_COPY, Way.RESTORE)
    return StageEvent(way=way, id=number, runs=runs, pipeline=pipeline if of_pipeline else "")


def unread(fact: Fact, subject: str = "") -> Unread:
    call = READINGS[fact].call.format(program="12345", environment="7654321", pipeline=subject or "678901")
    return Unread.because(PermissionDenied("Cloud Manager answered 403."), fact, call, subject=subject)


def planned(key: str = "key_pages", severity: Severity = Severity.BLOCK, **changes: object) -> PlannedCheck:
    values: dict[str, object] = {
        "key": key,
        "kind": key,
        "site": "wknd",
        "target": "stage",
        "severity": severity,
        "host": STAGE_HOST,
        "settings_digest": f"settings of {key}",
    }
    return PlannedCheck.model_validate(values | changes)


def plan(*checks: PlannedCheck, build_marker: bool = True, **changes: object) -> Plan:
    values: dict[str, object] = {
        "gate": "wknd",
        "gate_digest": "gate",
        "mode": "guard",
        "made_at": NOW,
        "checks": checks,
        "build_marker": build_marker,
    }
    return Plan.model_validate(values | changes)


def finding(sentence: str = "/us/en.html answered 500.", **changes: object) -> Finding:
    return Finding.model_validate({"subject": "/us/en.html", "sentence": sentence} | changes)


def result(key: str = "key_pages", outcome: Outcome = Outcome.PASSED, **changes: Any) -> CheckResult:
    """What a check said; a finding that names no code has ``<kind>.bad``."""
    values: dict[str, Any] = {
        "key": key,
        "kind": key,
        "site": "wknd",
        "target": "stage",
        "severity": Severity.BLOCK,
        "outcome": outcome,
        "cause": {Outcome.PASSED: None, Outcome.FAILED: Cause.PRODUCT, Outcome.INCONCLUSIVE: Cause.NETWORK}[
            outcome
        ],
        "examined": 3,
        "findings": () if outcome is Outcome.PASSED else (finding(outcome=outcome),),
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=2),
    }
    values |= changes
    named = {"code": f"{values['kind']}.bad"}
    values["findings"] = tuple(f if f.code else f.model_copy(update=named) for f in values["findings"])
    return CheckResult.model_validate(values)


def recorded(check: CheckResult | None = None, **changes: object) -> RecordedResult:
    check = check or result()
    values: dict[str, object] = {
        "candidate_digest": CANDIDATE.digest,
        "attempt": 1,
        "settings_digest": f"settings of {check.key}",
        "result": check,
    }
    return RecordedResult.model_validate(values | changes)


def freeze() -> str:
    """A calendar that lets nothing through from yesterday to the day after tomorrow."""
    first, last = (f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d}" for days in (-1, 3))
    event = f"UID:1\nDTSTAMP:{first}T000000Z\nDTSTART;VALUE=DATE:{first}\nDTEND;VALUE=DATE:{last}\nSUMMARY:Black Friday\n"
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:tests\nBEGIN:VEVENT\n{event}END:VEVENT\nEND:VCALENDAR\n"
