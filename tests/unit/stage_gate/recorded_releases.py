"""A store of recorded releases, as many as wanted: real recordings of the simulator's stage, sealed by the real code.

Pages are fetched and judged for real, and some checks ask the site, once without a defect and once with one; each release
gets a copy under its own execution. The others are given a passed result, so that a big store is written in seconds.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aem_checks.access import NO_ACCESS
from aem_checks.browser.sharing import Sharing
from aem_checks.client import Client
from aem_checks.config import ConfiguredCheck
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from simulator import Simulator
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.planning import plan_of
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import Keys
from stage_gate.evidence.store import Evidence
from stage_gate.rules.candidate import Candidate, Surroundings, host_of
from stage_gate.rules.cloud_manager_results import SEEN, Seen, judge_results
from stage_gate.rules.decision import Action, Decision
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.plan import RecordedResult
from stage_gate.rules.verdict import judge
from unit.aem_checks.browser.fake_browser import FakeBrowser, throwing
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import result

FIRST = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
"""When the first release was sealed; each further one a day later."""
EVERY_BAD_ONE = 10
"""One release of so many has the defect."""
PAGES = frozenset(
    (
        *("client_libraries", "head_regression", "host_leaks", "indexing", "key_pages", "placeholders"),
        *("structure", "structured_data"),
    )
)
"""Kinds that look at the recording alone."""
ASKING = frozenset({"robots", "cors", "real_404"})
"""Kinds that ask the site."""
LOOKING = "page_errors"
"""A kind that looks at pages in a browser: on each a script of another party throws."""
THEIRS = "widgets.example.com"
_DECISIONS = {Action.APPROVE: Decision.APPROVED, Action.HALT: Decision.HALTED}


@dataclass(frozen=True)
class Recorded:
    """What was seen of one build: its files in a folder, and the results of its checks."""

    folder: Path
    results: tuple[CheckResult, ...]


def record_releases(
    store: Path,
    gate: Gate,
    simulator: Simulator,
    count: int,
    *,
    scratch: Path,
    defect: str = "unresolved_placeholder",
    keys: Keys = KEYS,
) -> list[str]:
    """Write `count` sealed and decided releases of this gate into the store; returns their execution ids."""
    simulator.set_site("stage", defects=set())
    good = _see(gate, scratch / "good")
    simulator.set_site("stage", defects={defect})
    bad = _see(gate, scratch / "bad")
    simulator.set_site("stage", defects=set())
    ids = [str(2_000_000 + number) for number in range(count)]
    for number, execution in enumerate(ids):
        seen = bad if number % EVERY_BAD_ONE == EVERY_BAD_ONE - 1 else good
        _write(Evidence(store, gate.name, execution, keys), gate, seen, FIRST + timedelta(days=number))
    return ids


def _see(gate: Gate, folder: Path) -> Recorded:
    """Record the pages of every site and judge them; `folder` is like that of an attempt."""
    results = [each for site in gate.sites for each in asyncio.run(_visit(gate, site.name, folder))]
    return Recorded(folder, tuple(results))


async def _visit(gate: Gate, name: str, folder: Path) -> list[CheckResult]:
    site, kept = gate.site(name), folder / "sites" / name
    async with Client.for_site(site, lambda name: NO_ACCESS, rate_limit=RateLimit(1e9)) as client:
        recording = await record(site, "stage", client, kept / "recording")
        visit = Means(site=site, target="stage", client=client, recording=recording, evidence=kept)
        return [
            await _run(check, visit)
            if check.kind in (*PAGES, *ASKING, LOOKING)
            else result(check.key, kind=check.kind, site=check.site, severity=check.severity)
            for check in gate.stage_checks
            if check.site == name
        ]


async def _run(check: ConfiguredCheck, visit: Means) -> CheckResult:
    pages = {path: throwing("theirs is null", f"https://{THEIRS}/w.js") for path in visit.pages}
    async with Sharing(FakeBrowser(pages).opens) as sharing:
        return await run_check(check.create(), replace(visit, seat=sharing.seat()), key=check.key)


def _write(evidence: Evidence, gate: Gate, seen: Recorded, at: datetime) -> None:
    candidate = _candidate(gate, evidence.folder.name.removeprefix("execution-"), at)
    pin = _pin(gate, candidate, at)
    evidence.write_pin(pin)
    plan = plan_of(gate, pin, at, NO_DEMANDS)
    attempt = evidence.begin_attempt(plan, candidate)
    folder = evidence.attempt_folder(attempt)
    shutil.copytree(seen.folder, folder, dirs_exist_ok=True)
    of_cloud_manager = Seen(began_at=at, read_at=at, unread="Cloud Manager was not asked.")
    (folder / SEEN).write_text(of_cloud_manager.model_dump_json())
    digests = {check.key: check.settings_digest for check in plan.checks}
    for each in (*seen.results, *judge_results(gate.policy.cloud_manager, of_cloud_manager)):
        evidence.write_result(attempt, _bound(candidate, attempt, digests[each.key], each))
    sealed = evidence.seal(attempt, judge, at)
    write_decision(evidence, _decision(gate, sealed, at + timedelta(minutes=1)))


def _bound(candidate: Candidate, attempt: int, digest: str, found: CheckResult) -> RecordedResult:
    return RecordedResult(
        candidate_digest=candidate.digest, attempt=attempt, settings_digest=digest, result=found
    )


def _candidate(gate: Gate, execution: str, at: datetime) -> Candidate:
    return Candidate(
        program_id=gate.pipeline.program,
        pipeline_id=gate.pipeline.pipeline,
        execution_id=execution,
        trigger="MANUAL",
        stage_step_id=f"9{execution}",
        stage_deployed_at=at - timedelta(minutes=20),
        stage=Surroundings(
            environment_id="1", hosts=tuple(sorted({host_of(site.stage.url) for site in gate.sites}))
        ),
    )


def _pin(gate: Gate, candidate: Candidate, at: datetime) -> Pin:
    return Pin(
        gate=gate.name,
        gate_digest=gate.digest,
        gate_content=gate.content,
        program_id=candidate.program_id,
        pipeline_id=candidate.pipeline_id,
        execution_id=candidate.execution_id,
        trigger="MANUAL",
        pinned_at=at - timedelta(hours=1),
    )


def _decision(gate: Gate, sealed: Sealed, at: datetime) -> DecisionRecord:
    decision = _DECISIONS.get(gate.policy.rules.action(sealed.verdict.outcome), Decision.HELD)
    return DecisionRecord(
        decision=decision,
        sentence=f"{decision.capitalize()}. {sealed.verdict.summary}",
        by="Stage Gate",
        at=at,
        outcome=sealed.verdict.outcome,
        seal_digest=sealed.digest,
        production_reached=decision is Decision.APPROVED,
    )
