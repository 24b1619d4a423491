"""Where is the proof of a decision, and is it still what it was? The evidence of one execution, file by file.

Layout below the store's root, one folder per gate and execution::

    <gate>/execution-<id>/pin.json               what was pinned when the run began
    <gate>/execution-<id>/attempt-1/candidate.json, plan.json, sites/, results/, results-replaced/,
                                                 smoke-tests/, cloud_manager.json, verdict.json, manifest.json
    <gate>/execution-<id>/attempt-2/…             the same for a re-test
    <gate>/execution-<id>/retest-2.json          who wanted attempt 2, and why
    <gate>/execution-<id>/answer-….json           what a person answered, bound to a seal and signed
    <gate>/execution-<id>/decision.json, production/, report.html
    <gate>/ledger/…                              how each check fared, one file per sealed attempt (``ledger``)
    claims/…                                      one file per act, across all gates (``claims``)

The store is a local folder or any object store that Airflow's ``ObjectStoragePath`` reaches.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult, Outcome
from stage_gate.candidate import Candidate
from stage_gate.files import EvidenceError, dump, read_model, safe_name, write, written
from stage_gate.plan import Plan, RecordedResult
from stage_gate.seal import MANIFEST, Sealed, read_results, read_seal, write_seal
from stage_gate.signed import read_signed, signed_file
from stage_gate.signing import NO_KEYS, Keys
from stage_gate.smoke_answers import FOLDER as SMOKE_ANSWERS
from stage_gate.smoke_answers import with_answers
from stage_gate.verdict import Verdict

if TYPE_CHECKING:
    from stage_gate.pin import Pin


_ATTEMPT = re.compile(r"attempt-([1-9][0-9]{0,5})")
_EXECUTION = re.compile(r"execution-([0-9]+)")


def executions_of(store: Path, gate: str) -> list[str]:
    """Ids of the recorded executions of a gate, oldest first."""
    folder = store / gate
    if not folder.exists():
        return []
    found = (_EXECUTION.fullmatch(path.name) for path in folder.iterdir())
    return sorted((match[1] for match in found if match), key=int)


class Evidence:
    """The evidence of one execution under one gate."""

    def __init__(self, store: Path, gate: str, execution_id: str, keys: Keys = NO_KEYS) -> None:
        self.store = store
        self.gate: str | None = gate
        self.execution_id: str | None = execution_id
        self.keys = keys
        self.folder = store / gate / f"execution-{execution_id}"

    def attempt_folder(self, attempt: int) -> Path:
        return self.folder / f"attempt-{attempt}"

    def attempts(self) -> int:
        """The number of the newest attempt that was begun; 0 before the first.

        Its folder counts, whatever is left in it: an attempt that lost its files must not bring back the one before.
        """
        if not self.folder.exists():
            return 0
        names = (_ATTEMPT.fullmatch(path.name) for path in self.folder.iterdir())
        return max((int(name[1]) for name in names if name), default=0)

    def is_sealed(self, attempt: int) -> bool:
        return (self.attempt_folder(attempt) / MANIFEST).exists()

    def latest_sealed(self) -> int:
        """The number of the newest sealed attempt, provided that no newer one was begun; else 0.

        Once a re-test has begun, the seal of the attempt before it proves nothing any more.
        """
        newest = self.attempts()
        return newest if newest and self.is_sealed(newest) else 0

    def write_pin(self, pin: Pin) -> None:
        write(self.folder / "pin.json", signed_file(pin, pin.gate, pin.execution_id, self.keys))

    def read_pin(self) -> Pin:
        """What was pinned; its ``signature`` says what that is worth. Raises ``EvidenceError``."""
        from stage_gate.pin import Pin

        path = self.folder / "pin.json"
        pin = read_signed(path, Pin, self.keys, self.gate, self.execution_id)
        if (pin.gate, pin.execution_id) != (self.gate or pin.gate, self.execution_id or pin.execution_id):
            raise EvidenceError(
                f"{path} pins execution {pin.execution_id} under gate {pin.gate}, not this one."
            )
        return pin

    def begin_attempt(self, plan: Plan, candidate: Candidate) -> int:
        """Open an attempt for this candidate: the open one while it holds no result, or the next number."""
        newest = self.attempts()
        before = self.attempt_folder(newest)
        is_untouched = newest and not any((before / each).exists() for each in ("results", SMOKE_ANSWERS))
        attempt = newest if is_untouched and not self.is_sealed(newest) else newest + 1
        folder = self.attempt_folder(attempt)
        write(folder / "plan.json", dump(plan))
        write(folder / "candidate.json", dump(candidate))
        return attempt

    def open_attempt(self) -> int:
        """The attempt that is being tested now.

        Raises ``EvidenceError`` when there is none: results can't be added to a sealed attempt.
        """
        attempt = self.attempts()
        if attempt == 0:
            raise EvidenceError("No attempt was begun: settle_stage has not written a candidate.")
        if self.is_sealed(attempt):
            raise EvidenceError(
                f"Attempt {attempt} is sealed and can't take new results. "
                "To test again, clear settle_stage with downstream tasks."
            )
        return attempt

    def read_plan(self, attempt: int) -> Plan:
        return read_model(self.attempt_folder(attempt) / "plan.json", Plan)

    def read_candidate(self, attempt: int) -> Candidate:
        return read_model(self.attempt_folder(attempt) / "candidate.json", Candidate)

    def write_result(self, attempt: int, entry: RecordedResult) -> Path:
        """Keep a result; one that it replaces is kept beside it, and its runs are counted on.

        Raises ``EvidenceError`` where the check failed before: that stands.
        """
        path = self.attempt_folder(attempt) / "results" / f"{safe_name(entry.result.key)}.json"
        if path.exists():
            before = read_model(path, RecordedResult)
            if before.result.outcome is Outcome.FAILED:
                raise EvidenceError(
                    f"{entry.result.key} failed before in attempt {attempt}, and that stands. "
                    "To test again, clear settle_stage with downstream tasks."
                )
            entry = self._replacing(attempt, before, entry)
        write(path, dump(entry))
        return path

    def _replacing(self, attempt: int, before: RecordedResult, entry: RecordedResult) -> RecordedResult:
        folder = self.attempt_folder(attempt) / "results-replaced"
        name = safe_name(before.result.key)
        number = next(n for n in count(1) if not (folder / f"{name}-{n}.json").exists())
        write(folder / f"{name}-{number}.json", dump(before))
        runs = before.result.attempts + entry.result.attempts
        return entry.model_copy(update={"result": entry.result.model_copy(update={"attempts": runs})})

    def read_results(self, attempt: int) -> tuple[RecordedResult, ...]:
        """All results of an attempt; an unreadable file is an ``EvidenceError``, never a missing result."""
        folder = self.attempt_folder(attempt)
        return with_answers(read_results(folder), folder, attempt, self.keys, self.gate, self.execution_id)

    def seal(self, attempt: int, verdict: Verdict, now: datetime | None = None) -> Sealed:
        """Write verdict and manifest of an attempt, read both back and verify them.

        Sealing a sealed attempt again changes nothing and returns what it says. Raises ``EvidenceError`` when
        what was read back is not what was written: without a durable seal nothing may be decided.
        """
        if not self.is_sealed(attempt):
            write_seal(
                self.attempt_folder(attempt),
                attempt,
                self.read_plan(attempt),
                self.read_candidate(attempt),
                verdict,
                now or datetime.now(UTC),
                self.keys,
            )
        return self.load_seal(attempt)

    def load_seal(self, attempt: int) -> Sealed:
        """Read a sealed attempt and verify it, as ``seal.read_seal`` does. Raises ``EvidenceError``."""
        return read_seal(self.attempt_folder(attempt), attempt, self.keys)

    def write_production_result(self, result: CheckResult) -> None:
        write(self.folder / "production" / "results" / f"{safe_name(result.key)}.json", dump(result))

    def read_production_results(self) -> tuple[CheckResult, ...]:
        folder = self.folder / "production" / "results"
        return tuple(read_model(path, CheckResult) for path in written(folder))
