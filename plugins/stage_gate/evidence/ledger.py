"""How did each check fare, release after release? One signed file per sealed attempt, kept when evidence is thrown away.

Layout below the store's root, next to the gate's evidence::

    <gate>/ledger/execution-<id>-attempt-<n>.json

``judge`` writes one when it has sealed an attempt. It needs nothing but the file to be read; whatever a key of this
reader did not sign is left out, and said, where keys are known at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from aem_checks.text import plain
from stage_gate.evidence.files import EvidenceError, read, write, written
from stage_gate.evidence.signing import SignedRecord, read_signed, signed_file

if TYPE_CHECKING:
    from stage_gate.evidence.seal import Sealed
    from stage_gate.evidence.signing import Keys
    from stage_gate.evidence.store import Evidence

FOLDER = "ledger"

MEASURES = "measures.json"
"""``sites/<site>/<topic>/measures.json`` of an attempt is a flat JSON object of numbers, which the ledger takes over."""

MOST_FINDINGS = 50
"""Findings of one check that are kept; the rest is counted."""

MOST_MEASURES = 200
"""Numbers of one attempt that are kept."""

_SUBJECT_AT_MOST = 200

_NAME = re.compile(r"execution-([1-9][0-9]{0,19})-attempt-([1-9][0-9]{0,5})\.json")

_MEASURED = re.compile(rf"sites/([^/]+)/([^/]+)/{re.escape(MEASURES)}")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerFinding(_Row):
    """One finding, recognised in other releases by its fingerprint."""

    fingerprint: str
    code: str
    subject: str
    outcome: Outcome
    severity: Severity | None = None


class LedgerCheck(_Row):
    """How one check of the plan ended."""

    key: str
    kind: str
    site: str
    target: str
    severity: Severity
    outcome: Outcome
    cause: Cause | None = None
    examined: int = Field(ge=0)
    seconds: float
    """From its start to its end."""
    runs: int = Field(ge=1)
    """1 plus its re-runs."""
    flaky: bool
    findings: tuple[LedgerFinding, ...] = ()
    """Of those that are no mere notes, at most ``MOST_FINDINGS``."""
    findings_in_all: int = 0


class LedgerEntry(SignedRecord):
    """One sealed attempt, in short."""

    gate: str
    execution_id: str
    attempt: int
    sealed_at: AwareDatetime
    seal_digest: str
    outcome: Outcome
    """Of the verdict."""
    commit_id: str = ""
    artifacts_version: str = ""
    checks: tuple[LedgerCheck, ...] = ()
    measures: Mapping[str, float] = Field(default_factory=dict)
    """Numbers by ``<site>/<topic>/<name>``."""

    def check(self, key: str) -> LedgerCheck | None:
        """How the check with this key ended; ``None`` where it gave no result."""
        return next((check for check in self.checks if check.key == key), None)


@dataclass(frozen=True)
class Ledger:
    """The attempts of a gate, oldest first, and what could not be believed."""

    gate: str
    entries: tuple[LedgerEntry, ...] = ()
    refused: tuple[str, ...] = ()
    """A sentence on each file that was left out."""

    @property
    def releases(self) -> tuple[LedgerEntry, ...]:
        """The newest attempt of each execution, oldest first."""
        return tuple({entry.execution_id: entry for entry in self.entries}.values())

    def before(self, execution_id: str) -> Ledger:
        """The same without this execution and later ones."""
        kept = tuple(each for each in self.entries if int(each.execution_id) < int(execution_id))
        return Ledger(self.gate, kept, self.refused)

    def history(self, key: str) -> Iterator[tuple[LedgerEntry, LedgerCheck]]:
        """Each release in which the check gave a result, oldest first."""
        for entry in self.releases:
            check = entry.check(key)
            if check is not None:
                yield entry, check

    def trend(self, measure: str) -> Iterator[tuple[LedgerEntry, float]]:
        """Each release that has this number, oldest first."""
        for entry in self.releases:
            if measure in entry.measures:
                yield entry, entry.measures[measure]


def fingerprint(key: str, subject: str, code: str) -> str:
    """What names a finding in every release: 16 hexadecimal digits of its check, its subject and its code."""
    told = f"{key}\0{subject}\0{code}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def entry_of(sealed: Sealed, measures: Mapping[str, float] | None = None) -> LedgerEntry:
    """A sealed attempt in short."""
    manifest, candidate = sealed.manifest, sealed.candidate
    return LedgerEntry(
        gate=manifest.gate,
        execution_id=manifest.execution_id,
        attempt=manifest.attempt,
        sealed_at=manifest.sealed_at,
        seal_digest=sealed.digest,
        outcome=sealed.verdict.outcome,
        commit_id=candidate.commit_id or "",
        artifacts_version=candidate.artifacts_version or "",
        checks=tuple(_check(entry.result) for entry in sealed.recorded),
        measures=dict(measures or {}),
    )


def _check(result: CheckResult) -> LedgerCheck:
    told = [finding for finding in result.findings if finding.outcome is not Outcome.PASSED]
    return LedgerCheck(
        key=result.key,
        kind=result.kind,
        site=result.site,
        target=result.target,
        severity=result.severity,
        outcome=result.outcome,
        cause=result.cause,
        examined=result.examined,
        seconds=round((result.finished_at - result.started_at).total_seconds(), 3),
        runs=result.attempts,
        flaky=result.flaky,
        findings=tuple(_finding(result.key, finding) for finding in told[:MOST_FINDINGS]),
        findings_in_all=len(told),
    )


def _finding(key: str, finding: Finding) -> LedgerFinding:
    return LedgerFinding(
        fingerprint=fingerprint(key, finding.subject, finding.code),
        code=finding.code,
        subject=plain(finding.subject, _SUBJECT_AT_MOST),
        outcome=finding.outcome,
        severity=finding.severity,
    )


def write_entry(evidence: Evidence, sealed: Sealed) -> Path:
    """Enter a sealed attempt, signed where this process can. Raises ``EvidenceError`` when it can't be written."""
    entry = entry_of(sealed, read_measures(evidence.attempt_folder(sealed.attempt), sealed))
    name = f"execution-{entry.execution_id}-attempt-{entry.attempt}.json"
    path = evidence.store / entry.gate / FOLDER / name
    write(path, signed_file(entry, entry.gate, entry.execution_id, evidence.keys))
    return path


def read_measures(folder: Path, sealed: Sealed) -> dict[str, float]:
    """The numbers in the sealed files ``sites/<site>/<topic>/measures.json``; what is no number is left out."""
    measures: dict[str, float] = {}
    for name, digest in sorted(sealed.manifest.files.items()):
        named = _MEASURED.fullmatch(name)
        if named is None:
            continue
        content = read(folder.joinpath(*name.split("/")))
        if hashlib.sha256(content).hexdigest() == digest:
            measures |= {plain(f"{named[1]}/{named[2]}/{key}", 200): n for key, n in _numbers(content)}
    return dict(list(measures.items())[:MOST_MEASURES])


def _numbers(content: bytes) -> Iterator[tuple[str, float]]:
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        return
    for key, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            yield key, float(value)


def read_ledger(store: Path, gate: str, keys: Keys, *, last: int | None = None) -> Ledger:
    """The attempts of the newest ``last`` executions of a gate, all by default. Never raises for a broken file.

    An entry counts if a trusted key signed it, or where no key is known here at all.
    """
    names = ((path, _NAME.fullmatch(path.name)) for path in written(store / gate / FOLDER))
    found = sorted((int(name[1]), int(name[2]), path) for path, name in names if name)
    newest = set(sorted({execution for execution, _, _ in found})[-last:] if last else ())
    entries: list[LedgerEntry] = []
    refused: list[str] = []
    for execution, attempt, path in found:
        if last and execution not in newest:
            continue
        try:
            entries.append(_read(path, gate, str(execution), attempt, keys))
        except EvidenceError as error:
            refused.append(plain(str(error)))
    return Ledger(gate, tuple(entries), tuple(refused))


def _read(path: Path, gate: str, execution: str, attempt: int, keys: Keys) -> LedgerEntry:
    entry = read_signed(path, LedgerEntry, keys, gate, execution)
    if (entry.gate, entry.execution_id, entry.attempt) != (gate, execution, attempt):
        raise EvidenceError(f"{path} is about another attempt than its name says.")
    if keys.believed and not entry.is_trusted:
        raise EvidenceError(f"{path} is {entry.signature}, so the ledger leaves it out.")
    return entry


def told_of(ledger: Ledger, key: str) -> str:
    """How a check fared in the releases before: ``8 of 10 passed, 2 flaky``; empty where it is new."""
    found = [check for _, check in ledger.history(key)]
    if not found:
        return ""
    counts = Counter(check.outcome for check in found)
    flaky = sum(check.flaky for check in found)
    return f"{counts[Outcome.PASSED]} of {len(found)} passed" + (f", {flaky} flaky" if flaky else "")


def known_since(ledger: Ledger, key: str, finding: Finding) -> str:
    """Since when a finding is known without a break: ``known since execution 4711``, ``new``; empty for a first release."""
    known = fingerprint(key, finding.subject, finding.code)
    since, checked = "", list(ledger.history(key))
    for entry, check in reversed(checked):
        if not any(each.fingerprint == known and each.outcome is finding.outcome for each in check.findings):
            break
        since = entry.execution_id
    if since:
        return f"known since execution {since}"
    return "new" if checked else ""
