"""How do the newest releases of a gate stand, at a glance? A few small files each, read once as long as they stay the same.

No file of an attempt is looked at but its manifest: whether all of them are the sealed ones is for the page of the release.
Of a release that is over and not the newest, only the decision is read, and again only when something in its folders came
or went.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from aem_checks.outcomes import Outcome
from stage_gate.evidence.files import EvidenceError, driver_of, exists, read_model
from stage_gate.evidence.kept_decisions import DONE, NOTED, QuestionAsked, read_decision, read_record
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import MANIFEST, Manifest, read_manifest
from stage_gate.evidence.signing import Keys, Signature
from stage_gate.evidence.store import Evidence, executions_of
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.decision import Decision, Mode
from stage_gate.telling.release import END, doubt_of, mode_of, read_end
from stage_gate.telling.standing import Facts, Standing, Tone, standing_of

T = TypeVar("T")
LAST = 20
"""Releases that a line marks."""
_REMEMBERED = 50_000
"""Files whose content is remembered at most."""


@dataclass(frozen=True)
class Glance:
    """One release at a glance."""

    execution_id: str
    standing: Standing
    pin: Pin | None = None
    outcome: Outcome | None = None
    reason: str = ""
    """The first reason against it."""
    more: int = 0
    """How many reasons there are besides."""
    version: str = ""
    commit_id: str = ""
    asked_at: datetime | None = None
    """Since when people are asked about the newest verdict, and have not answered."""
    held_at: datetime | None = None
    """Since when nobody has decided."""

    @property
    def since(self) -> datetime | None:
        return self.pin.pinned_at if self.pin else None


class Memory:
    """What files said, by their path, until size or time of the file is another. Of an object store nothing is kept."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, ...], Any]] = {}
        self._lock = threading.Lock()

    def mark(self, folder: Path, look: Callable[[], Glance]) -> Glance:
        """How a release stands, from memory where it is over and nothing has come to its folder or gone."""
        return self._recall(folder, _came_or_went(folder), look, lambda found: found.standing.is_over)

    def once(self, path: Path, look: Callable[[], T]) -> T:
        """What ``look`` finds in this file, from memory where the file is the same. Raises as ``look`` does."""
        return self._recall(path, _stamp(path), look, lambda found: True)

    def _recall(
        self, path: Path, stamp: tuple[int, ...], look: Callable[[], T], lasts: Callable[[T], bool]
    ) -> T:
        """By the stamp of what was looked at; without one nothing is known, nor kept."""
        known = self._known.get(str(path))
        if stamp and known is not None and known[0] == stamp:
            remembered: T = known[1]
            return remembered
        found = look()
        if stamp and lasts(found):
            self._keep(str(path), stamp, found)
        return found

    def _keep(self, name: str, stamp: tuple[int, ...], found: object) -> None:
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[name] = (stamp, found)


def _came_or_went(folder: Path) -> tuple[int, ...]:
    """When something came to this folder or went last."""
    return _stamp(folder)[:1]


def _stamp(path: Path) -> tuple[int, ...]:
    """Time and size; nothing of an object store, which can't tell, and of what is not there."""
    if driver_of(path) is not None:
        return ()
    try:
        seen = path.stat()
    except OSError:
        return ()
    return seen.st_mtime_ns, seen.st_size


@dataclass(frozen=True)
class _Sealed:
    """What a page wants of a manifest, which lists hundreds of files."""

    outcome: Outcome
    summary: str
    reasons: int
    first: str
    sealed_at: datetime
    digest: str
    signature: Signature


def glances(store: Path, gate: str, keys: Keys, memory: Memory, last: int = LAST) -> list[Glance]:
    """The newest releases, the newest first, all at full length. Raises ``EvidenceError`` where the store does not answer."""
    newest = reversed(executions_of(store, gate)[-last:])
    return [glance(Evidence(store, gate, each, keys), memory) for each in newest]


def line_of_glances(store: Path, gate: str, keys: Keys, memory: Memory, last: int = LAST) -> list[Glance]:
    """The same for a line with marks: of those before the newest only how they stand. Raises as ``glances`` does."""
    found = [Evidence(store, gate, each, keys) for each in reversed(executions_of(store, gate)[-last:])]
    return (
        [glance(each, memory) for each in found[:1]]
        + [
            memory.mark(each.folder, lambda each=each: _mark(each, memory))  # type: ignore[misc]
            for each in found[1:]
        ]
    )


def _mark(evidence: Evidence, memory: Memory) -> Glance:
    """How a release stands, from its decision alone where one counts; it is believed as in guard mode."""
    try:
        record, doubt = _decision(evidence, Mode.GUARD, memory)
    except EvidenceError:
        record, doubt = None, ""
    if record is None or doubt:
        return glance(evidence, memory)
    facts = Facts(mode=Mode.GUARD, pinned_at=record.at, decision=record)
    return Glance(str(evidence.execution_id), standing_of(facts))


def glance(evidence: Evidence, memory: Memory) -> Glance:
    """One release. What can't be read or believed is said; nothing is raised."""
    execution_id = str(evidence.execution_id)
    try:
        return _glance(evidence, execution_id, memory)
    except EvidenceError as error:
        return Glance(execution_id, Standing("can't be read", Tone.BAD, str(error)))


def _glance(evidence: Evidence, execution_id: str, memory: Memory) -> Glance:
    if not evidence.is_pinned:
        return Glance(
            execution_id, Standing("not pinned", Tone.QUIET, "There is a folder, and no pin in it.")
        )
    pin = memory.once(evidence.folder / "pin.json", evidence.read_pin)
    mode = mode_of(pin, None)
    attempt = evidence.attempts()
    sealed = _seal(evidence, attempt, memory)
    decision, doubt = _decision(evidence, mode, memory)
    trouble = doubt or _unproven(pin, sealed, mode)
    candidate = _candidate(evidence, attempt, memory)
    ended = memory.once(evidence.folder / END, lambda: read_end(evidence))
    late = ended is not None and not ended.well and (sealed is None or ended.at >= sealed.sealed_at)
    facts = Facts(
        mode=mode,
        pinned_at=pin.pinned_at,
        attempt=attempt,
        outcome=sealed.outcome if sealed else None,
        summary=sealed.summary if sealed else "",
        sealed_at=sealed.sealed_at if sealed else None,
        trouble=trouble,
        decision=decision,
        report_only=pin.report_only,
        ended_badly=ended.sentence if ended and late else "",
    )
    held = decision is not None and decision.decision is Decision.HELD
    return Glance(
        execution_id,
        standing_of(facts),
        pin,
        outcome=sealed.outcome if sealed else None,
        reason=sealed.first if sealed else "",
        more=max(0, sealed.reasons - 1) if sealed else 0,
        version=(candidate.artifacts_version if candidate else None) or "",
        commit_id=(candidate.commit_id if candidate else None) or "",
        asked_at=_asked_at(evidence, sealed, memory) if held and sealed else None,
        held_at=decision.at if held and decision else None,
    )


def _unproven(pin: Pin, sealed: _Sealed | None, mode: Mode) -> str:
    """Why guard mode, which believes signatures alone, does not believe this."""
    if mode is Mode.GUARD and not pin.is_trusted:
        return f"The pin is {pin.signature}: nothing of this release is believed here."
    if mode is Mode.GUARD and sealed is not None and sealed.signature is not Signature.TRUSTED:
        return f"The seal can't be trusted: it is {sealed.signature}."
    return ""


def _seal(evidence: Evidence, attempt: int, memory: Memory) -> _Sealed | None:
    folder = evidence.attempt_folder(attempt)
    if attempt == 0 or not exists(folder / MANIFEST):
        return None

    def look() -> _Sealed:
        digest, manifest, signature = read_manifest(folder, attempt, evidence.keys)
        return _short(digest, manifest, signature)

    return memory.once(folder / MANIFEST, look)


def _short(digest: str, manifest: Manifest, signature: Signature) -> _Sealed:
    verdict = manifest.verdict
    first = verdict.reasons[0] if verdict.reasons else ""
    return _Sealed(
        verdict.outcome, verdict.summary, len(verdict.reasons), first, manifest.sealed_at, digest, signature
    )


def _decision(evidence: Evidence, mode: Mode, memory: Memory) -> tuple[Any, str]:
    """The decision on record, and why none counts. Of two files the newer decides whether memory still holds."""
    done, noted = evidence.folder / DONE, evidence.folder / NOTED
    path = done if exists(done) and not exists(noted) else noted
    if not exists(path):
        return None, ""
    record = (
        read_decision(evidence)
        if exists(done) and exists(noted)
        else memory.once(path, lambda: read_decision(evidence))
    )
    doubt = doubt_of(record, mode) if record else ""
    return (None, doubt) if doubt else (record, "")


def _candidate(evidence: Evidence, attempt: int, memory: Memory) -> Candidate | None:
    path = evidence.attempt_folder(attempt) / "candidate.json"
    if attempt == 0:
        return None
    try:
        return memory.once(path, lambda: read_model(path, Candidate))
    except (EvidenceError, ValidationError):
        return None


def _asked_at(evidence: Evidence, sealed: _Sealed, memory: Memory) -> datetime | None:
    """Since when somebody is asked about this verdict; ``None`` where nobody is, or it is answered."""
    if exists(evidence.folder / "answer.json") and _answered(evidence, sealed):
        return None
    for task in ("ask_release_manager", "ask_for_hotfix"):
        path = evidence.folder / "asked" / f"{task}-{sealed.digest[:20]}.json"
        if exists(path):
            return memory.once(path, lambda at=path: read_record(at, QuestionAsked, evidence)).at  # type: ignore[misc]
    return None


def _answered(evidence: Evidence, sealed: _Sealed) -> bool:
    from stage_gate.evidence.kept_decisions import read_answers

    return any(each.seal_digest == sealed.digest for each in read_answers(evidence))
