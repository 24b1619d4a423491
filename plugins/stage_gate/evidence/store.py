"""Where is the proof of a decision, and is it still what it was? The evidence of one execution, file by file.

Layout below the store's root, one folder per gate and execution::

    <gate>/execution-<id>/pin.json               what was pinned when the run began
    <gate>/execution-<id>/attempt-1/candidate.json, plan.json, sites/, reruns/, results/, parts/,
                                                 smoke-tests/, cloud_manager.json, manifest.json
    <gate>/execution-<id>/attempt-2/…             the same for a re-test
    <gate>/execution-<id>/retest-2.json          who wanted attempt 2, and why
    <gate>/execution-<id>/answer-….json           what a person answered, bound to a seal and signed
    <gate>/execution-<id>/decision.json, noted.json, ticket.json, production/, report.html
    <gate>/execution-<id>/asked/, told/          since when people are asked, and who tells them
    <gate>/execution-<id>/went-on/1.txt to 3.txt  how often the run went on by itself
    <gate>/ledger/…                              how each check fared, one file per sealed attempt (``ledger``)
    claims/, tickets/                            one file per candidate, across all gates (``claims``)
    starts/                                      what was started, and when all pipelines were asked

A result that is there already stays, and the next one is kept beside it: ``key_pages.json``, ``key_pages~2.json``.

The store is a local folder or any object store that Airflow's ``ObjectStoragePath`` reaches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult
from stage_gate.evidence.exclusive import beside, create_beside, create_exclusively
from stage_gate.evidence.files import (
    EvidenceError,
    dump,
    exists,
    listed,
    look_anew,
    read_model,
    safe_name,
    write,
    written,
)
from stage_gate.evidence.seal import (
    MANIFEST,
    Sealed,
    VerdictOf,
    looks_at,
    read_manifest,
    read_results,
    read_seal,
    write_seal,
)
from stage_gate.evidence.signing import NO_KEYS, Keys, find_signed, keep_first
from stage_gate.evidence.smoke_answers import with_answers
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.plan import Plan, RecordedResult

if TYPE_CHECKING:
    from stage_gate.evidence.looks import Looks
    from stage_gate.evidence.pin import Pin


RESULTS = "results"
_RENEWED = frozenset({"plan.json", "candidate.json", "reruns"})
"""What may lie in the folder of an attempt that is begun again: nothing else is judged by it."""
TEST_AGAIN = (
    "To test again, clear settle_stage with its downstream tasks, or answer Re-test where that is asked."
)
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]{0,5})")
_EXECUTION = re.compile(r"execution-([0-9]+)")


def executions_of(store: Path, gate: str) -> list[str]:
    """Ids of the recorded executions of a gate, oldest first."""
    found = (_EXECUTION.fullmatch(path.name) for path in listed(store / gate))
    return sorted((match[1] for match in found if match), key=int)


class Evidence:
    """The evidence of one execution under one gate."""

    def __init__(self, store: Path, gate: str, execution_id: str, keys: Keys = NO_KEYS) -> None:
        self.store = store
        self.gate: str | None = gate
        self.execution_id: str | None = execution_id
        self.keys = keys
        self.folder = store / gate / f"execution-{execution_id}"
        self._looks: dict[int, Looks] = {}

    def attempt_folder(self, attempt: int) -> Path:
        return self.folder / f"attempt-{attempt}"

    def attempts(self) -> int:
        """The number of the newest attempt that was begun; 0 before the first."""
        return max(self.attempt_numbers(), default=0)

    def is_sealed(self, attempt: int) -> bool:
        look_anew(self.folder)
        return exists(self.attempt_folder(attempt) / MANIFEST)

    def attempt_numbers(self) -> list[int]:
        """The numbers of the attempts that were begun, the newest last.

        A folder counts, whatever is left in it: an attempt that lost its files must not bring back the one before.
        """
        names = (_ATTEMPT.fullmatch(path.name) for path in listed(self.folder))
        return sorted(int(name[1]) for name in names if name)

    def latest_sealed(self) -> int:
        """The number of the newest sealed attempt, provided that no newer one was begun; else 0.

        Once a re-test has begun, the seal of the attempt before it proves nothing any more.
        """
        newest = self.attempts()
        return newest if newest and self.is_sealed(newest) else 0

    def sealed_last(self) -> int:
        """The number of the newest attempt that is sealed, whatever was begun after it; 0 where none is.

        Nothing is proven by that seal, but what was said of it was said.
        """
        return next((number for number in reversed(self.attempt_numbers()) if self.is_sealed(number)), 0)

    def write_pin(self, pin: Pin) -> Pin:
        """Pin for good; returns what is pinned, which another task may have been first with. Raises ``EvidenceError``."""
        return keep_first(self.folder / "pin.json", pin, self.keys, pin.gate, pin.execution_id)

    @property
    def is_pinned(self) -> bool:
        """Whether a run of this execution has begun, whatever its pin is worth."""
        return exists(self.folder / "pin.json")

    def read_pin(self) -> Pin:
        """What was pinned; its ``signature`` says what that is worth. Raises ``EvidenceError``."""
        pin = self.find_pin()
        if pin is None:
            raise EvidenceError(
                f"{self.folder / 'pin.json'} can't be read: there is no such file", passing=True
            )
        return pin

    def find_pin(self) -> Pin | None:
        """The same, ``None`` where no run of this execution has begun. Raises ``EvidenceError``."""
        from stage_gate.evidence.pin import Pin

        path = self.folder / "pin.json"
        pin = find_signed(path, Pin, self.keys, self.gate, self.execution_id)
        if pin is None:
            return None
        if (pin.gate, pin.execution_id) != (self.gate or pin.gate, self.execution_id or pin.execution_id):
            raise EvidenceError(
                f"{path} pins execution {pin.execution_id} under gate {pin.gate}, not this one."
            )
        return pin

    def begin_attempt(self, plan: Plan, candidate: Candidate) -> int:
        """Open an attempt for this candidate: the open one while nothing was kept in it, or the next number.

        What is kept in the folder of an attempt belongs to its candidate, so no other one is ever tested there.
        """
        attempt = self.attempts()
        if not (attempt and self._is_untouched(attempt, candidate)):
            attempt = self._open_after(attempt, candidate)
        write(self.attempt_folder(attempt) / "plan.json", dump(plan))
        return attempt

    def _open_after(self, attempt: int, candidate: Candidate) -> int:
        """The first number after this one that nobody has opened: of two who test at once, each has its own."""
        for number in count(attempt + 1):
            path = self.attempt_folder(number) / "candidate.json"
            try:
                create_exclusively(path, dump(candidate))
            except FileExistsError:
                continue
            except OSError as error:
                raise EvidenceError(f"{path} can't be written: {error}", passing=True) from error
            if self._holds_nothing(number):  # else the very same candidate was opened and tested there
                return number
        raise AssertionError("numbers do not end")

    def _holds_nothing(self, attempt: int) -> bool:
        return {path.name for path in written(self.attempt_folder(attempt))} <= _RENEWED

    def _is_untouched(self, attempt: int, candidate: Candidate) -> bool:
        if not self._holds_nothing(attempt):
            return False
        try:
            return self.read_candidate(attempt).digest == candidate.digest
        except EvidenceError:
            return False

    def open_attempt(self) -> int:
        """The attempt that is being tested now.

        Raises ``EvidenceError`` when there is none: results can't be added to a sealed attempt.
        """
        attempt = self.attempts()
        if attempt == 0:
            raise EvidenceError("No attempt was begun: settle_stage has not written a candidate.")
        self._require_unsealed(attempt)
        return attempt

    def _require_unsealed(self, attempt: int) -> None:
        if self.is_sealed(attempt):
            raise EvidenceError(f"Attempt {attempt} is sealed and can't take new results. {TEST_AGAIN}")

    def read_plan(self, attempt: int) -> Plan:
        return read_model(self.attempt_folder(attempt) / "plan.json", Plan)

    def read_candidate(self, attempt: int) -> Candidate:
        return read_model(self.attempt_folder(attempt) / "candidate.json", Candidate)

    def write_result(self, attempt: int, entry: RecordedResult) -> Path:
        """Keep the result of a check: the first stands. Any other one is kept beside it, and the check has no answer.

        Raises ``EvidenceError`` as ``add`` does.
        """
        return self.add(attempt, entry.result.key, dump(entry), RESULTS)

    def add(self, attempt: int, name: str, content: bytes, *folders: str) -> Path:
        """Add ``name.json`` to what will be judged; where one has its name, it is kept beside it.

        Raises ``EvidenceError`` where the attempt is sealed. One that is sealed at this very moment, without this
        file, is not spoilt by it: nobody has judged it, so it is taken back.
        """
        self._require_unsealed(attempt)
        try:
            path = create_beside(self.attempt_folder(attempt).joinpath(*folders), safe_name(name), content)
        except OSError as error:
            raise EvidenceError(
                f"{name} of attempt {attempt} can't be kept: {error}", passing=True
            ) from error
        if self.is_sealed(attempt) and "/".join((*folders, path.name)) not in self._sealed_files(attempt):
            path.unlink()
            raise EvidenceError(
                f"Attempt {attempt} was sealed while {name} was written, so it is not among what was judged and "
                f"counts for nothing. {TEST_AGAIN}"
            )
        return path

    def _sealed_files(self, attempt: int) -> Mapping[str, str]:
        return read_manifest(self.attempt_folder(attempt), attempt, self.keys)[1].files

    def kept(self, attempt: int, name: str, *folders: str) -> list[Path]:
        """What was added under this name, the first of it first; one is as it should be."""
        return list(beside(self.attempt_folder(attempt).joinpath(*folders), safe_name(name)))

    def read_results(self, attempt: int) -> tuple[RecordedResult, ...]:
        """All results of an attempt; an unreadable file is an ``EvidenceError``, never a missing result."""
        folder = self.attempt_folder(attempt)
        found = read_results(folder, attempt)
        return with_answers(found, folder, attempt, self.keys, self.gate, self.execution_id)

    def seal(self, attempt: int, verdict_of: VerdictOf, now: datetime | None = None) -> Sealed:
        """Judge an attempt and seal what it amounts to; read the seal back and verify it.

        Sealing a sealed attempt again changes nothing and returns what it says. Raises ``EvidenceError`` when
        what was read back is not what was written: without a durable seal nothing may be decided.
        """
        if not self.is_sealed(attempt):
            folder, told = self.attempt_folder(attempt), (self.gate, self.execution_id)
            looks = self._looks_at(attempt)
            write_seal(folder, attempt, told, verdict_of, now or datetime.now(UTC), self.keys, looks)
        return self.load_seal(attempt)

    def load_seal(self, attempt: int) -> Sealed:
        """Read a sealed attempt and verify it, as ``seal.read_seal`` does. Raises ``EvidenceError``."""
        return read_seal(self.attempt_folder(attempt), attempt, self.keys, self._looks_at(attempt))

    def _looks_at(self, attempt: int) -> Looks:
        """What was read of an attempt through this very evidence, which lasts as long as a task does."""
        return self._looks.setdefault(attempt, looks_at(self.attempt_folder(attempt)))

    def write_production_result(self, result: CheckResult) -> None:
        """Keep the result of a test of production; those before it stay beside it. Raises ``EvidenceError``."""
        try:
            create_beside(self.folder / "production" / RESULTS, safe_name(result.key), dump(result))
        except OSError as error:
            raise EvidenceError(f"{result.key} of production can't be kept: {error}", passing=True) from error

    def read_production_results(self) -> tuple[CheckResult, ...]:
        """The newest result of each test of production: nothing is approved on it, and a person may look again."""
        folder = self.folder / "production" / RESULTS
        found = [read_model(path, CheckResult) for path in written(folder)]
        newest = {result.key: result for result in sorted(found, key=lambda each: each.finished_at)}
        return tuple(newest[key] for key in sorted(newest))
