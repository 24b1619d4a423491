"""Sealed and decided releases in a store, made without any request: what baseline and ledger are read from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.recording import Page, Recording
from aem_checks.response import Response, make_headers
from stage_gate.evidence.files import write
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import Keys, public_key, read_key
from stage_gate.evidence.store import Evidence
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.decision import Decision
from stage_gate.rules.plan import PinnedBaseline
from stage_gate.rules.verdict import judge
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, plan, planned, recorded, result

STRANGER = Keys(private=read_key("bm90IHRoZSBrZXkgb2YgdGhlIHN0YWdlIGdhdGUhISE="))
"""Somebody's own key, in a process that believes it."""
assert KEYS.private is not None
READER = Keys(trusted=(public_key(KEYS.private),))
"""A worker that may check signatures and make none."""


def candidate_of(execution: str, **changes: object) -> Candidate:
    return CANDIDATE.model_copy(update={"execution_id": execution, **changes})


def recording_of(title: str, path: str = "/us/en.html") -> Recording:
    """A recording of one page with this title."""
    body = f"<!doctype html><html><head><title>{title}</title></head><body><h1>Gear</h1></body></html>"
    answer = Response(
        url=f"https://stage.example{path}",
        status=200,
        headers=make_headers([("Content-Type", "text/html;charset=utf-8")]),
        body=body.encode(),
        elapsed=0.1,
        fetched_at=NOW,
    )
    page = Page(path, answer.url, (answer,))
    hosts = frozenset({"stage.example"})
    return Recording("wknd", "stage", "https://stage.example", hosts, frozenset(), (page,), recorded_at=NOW)


def keep(
    store: Path,
    execution: str,
    *,
    keys: Keys = KEYS,
    decision: Decision | None = Decision.APPROVED,
    results: tuple[CheckResult, ...] = (),
    files: Mapping[str, bytes] | None = None,
    title: str = "Gear",
    attempts: int = 1,
    at: datetime | None = None,
    baseline: PinnedBaseline | None = None,
    **candidate: object,
) -> Sealed:
    """Test, seal and decide a release of gate ``wknd``; returns its newest seal."""
    evidence = Evidence(store, "wknd", execution, keys)
    at = at or NOW + timedelta(days=int(execution) % 1000)
    found = results or (result("key_pages"),)
    tested = candidate_of(execution, **candidate)
    promised = plan(
        *(planned(each.key, each.severity, kind=each.kind) for each in found), made_at=at, baseline=baseline
    )
    begun = evidence.attempts()
    for number in range(begun + 1, begun + attempts + 1):
        assert evidence.begin_attempt(promised, tested) == number
        folder = evidence.attempt_folder(number)
        recording_of(title).save(folder / "sites" / "wknd" / "recording")
        for name, content in (files or {}).items():
            write(folder.joinpath(*name.split("/")), content)
        for each in found:
            entry = recorded(each, attempt=number, candidate_digest=tested.digest)
            evidence.write_result(number, entry)
        sealed = evidence.seal(number, judge, at)
    if decision is not None:
        write_decision(evidence, decided(sealed, decision))
    return sealed


def decided(sealed: Sealed, decision: Decision, outcome: Outcome | None = None) -> DecisionRecord:
    """The record as the gate writes it: what was decided elsewhere names no seal."""
    ours = decision in (Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED)
    return DecisionRecord(
        decision=decision,
        sentence="As decided.",
        by="Stage Gate" if ours else "Cloud Manager",
        at=sealed.sealed_at + timedelta(minutes=1),
        outcome=outcome or sealed.verdict.outcome,
        seal_digest=sealed.digest if ours else "",
        production_reached=decision in (Decision.APPROVED, Decision.OVERRIDDEN, Decision.BYPASSED),
    )
