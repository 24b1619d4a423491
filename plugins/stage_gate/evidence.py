"""Where is the proof of a decision, and is it still what it was? The evidence of one execution, file by file.

Layout below the store's root, one folder per gate and execution::

    <gate>/execution-<id>/pin.json               what was pinned when the run began
    <gate>/execution-<id>/attempt-1/candidate.json, plan.json, recording/, results/, verdict.json, manifest.json
    <gate>/execution-<id>/attempt-2/…             the same for a re-test
    <gate>/execution-<id>/answer-….json           what a person answered, bound to a seal
    <gate>/execution-<id>/decision.json, production/, report.html
    claims/…                                      one file per act, across all gates (``claims``)

The store is a local folder or any object store that Airflow's ``ObjectStoragePath`` reaches.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from aem_checks.outcomes import CheckResult, Outcome
from stage_gate.candidate import Candidate
from stage_gate.plan import Plan, RecordedResult
from stage_gate.verdict import Verdict

if TYPE_CHECKING:
    from stage_gate.pin import Pin

ModelT = TypeVar("ModelT", bound=BaseModel)

MANIFEST = "manifest.json"
_SAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class EvidenceError(RuntimeError):
    """Evidence is missing, unreadable or not what its seal says. Nothing may be approved on it."""


class Sealed(BaseModel):
    """What a verified seal contains, and the digest that names it."""

    digest: str
    attempt: int
    plan: Plan
    candidate: Candidate
    recorded: tuple[RecordedResult, ...]
    verdict: Verdict


def open_store(url: str) -> Path:
    """The root folder of an evidence store.

    ``url`` is a local path, ``file://…`` or an object store's URL such as ``s3://connection@bucket/folder``.
    Object stores come back as Airflow's ``ObjectStoragePath``, which behaves like a ``pathlib.Path``.
    """
    if url.startswith("file://"):
        url = url.removeprefix("file://")
    if "://" not in url:
        root = Path(url).expanduser()
        root.mkdir(parents=True, exist_ok=True)
        return root
    from airflow.sdk import ObjectStoragePath

    return cast(Path, ObjectStoragePath(url))


class Evidence:
    """The evidence of one execution under one gate."""

    def __init__(self, store: Path, gate: str, execution_id: str) -> None:
        self.store = store
        self.folder = store / gate / f"execution-{execution_id}"

    def attempt_folder(self, attempt: int) -> Path:
        return self.folder / f"attempt-{attempt}"

    def attempts(self) -> int:
        """How many attempts were begun; 0 before the first."""
        number = 0
        while (self.attempt_folder(number + 1) / "candidate.json").exists():
            number += 1
        return number

    def is_sealed(self, attempt: int) -> bool:
        return (self.attempt_folder(attempt) / MANIFEST).exists()

    def latest_sealed(self) -> int:
        """The number of the newest sealed attempt, provided that no newer one was begun; else 0.

        Once a re-test has begun, the seal of the attempt before it proves nothing any more.
        """
        newest = self.attempts()
        return newest if newest and self.is_sealed(newest) else 0

    def write_pin(self, pin: Pin) -> None:
        write(self.folder / "pin.json", _dump(pin))

    def read_pin(self) -> Pin:
        from stage_gate.pin import Pin

        return read_model(self.folder / "pin.json", Pin)

    def begin_attempt(self, plan: Plan, candidate: Candidate) -> int:
        """Open an attempt for this candidate: the open one while it holds no result, or the next number."""
        newest = self.attempts()
        is_untouched = newest and not (self.attempt_folder(newest) / "results").exists()
        attempt = newest if is_untouched and not self.is_sealed(newest) else newest + 1
        folder = self.attempt_folder(attempt)
        write(folder / "plan.json", _dump(plan))
        write(folder / "candidate.json", _dump(candidate))
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
        path = self.attempt_folder(attempt) / "results" / f"{safe_name(entry.result.key)}.json"
        if path.exists() and read_model(path, RecordedResult).result.outcome is Outcome.FAILED:
            raise EvidenceError(
                f"{entry.result.key} failed before in attempt {attempt}, and that stands. "
                "To test again, clear settle_stage with downstream tasks."
            )
        write(path, _dump(entry))
        return path

    def read_results(self, attempt: int) -> tuple[RecordedResult, ...]:
        """All results of an attempt; an unreadable file is an ``EvidenceError``, never a missing result."""
        folder = self.attempt_folder(attempt) / "results"
        if not folder.exists():
            return ()
        return tuple(read_model(path, RecordedResult) for path in _written(folder))

    def seal(self, attempt: int, verdict: Verdict) -> Sealed:
        """Write verdict and manifest of an attempt, read both back and verify them.

        Sealing a sealed attempt again changes nothing and returns what it says. Raises ``EvidenceError`` when
        what was read back is not what was written: without a durable seal nothing may be decided.
        """
        folder = self.attempt_folder(attempt)
        if not self.is_sealed(attempt):
            write(folder / "verdict.json", _dump(verdict))
            manifest = {"attempt": attempt, "files": dict(sorted(_digests(folder)))}
            write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
        return self.load_seal(attempt)

    def load_seal(self, attempt: int) -> Sealed:
        """Read a sealed attempt and verify every file against its manifest.

        Raises ``EvidenceError`` naming the first file that is missing, changed or not in the manifest.
        """
        folder = self.attempt_folder(attempt)
        text = read(folder / MANIFEST)
        files = _manifest_files(text, attempt)
        found = dict(_digests(folder))
        for name in sorted({*files, *found}):
            if files.get(name) != found.get(name):
                what = (
                    "is missing" if name not in found else "was added" if name not in files else "was changed"
                )
                raise EvidenceError(f"{name} of attempt {attempt} {what} after it was sealed.")
        return Sealed(
            digest=hashlib.sha256(text).hexdigest(),
            attempt=attempt,
            plan=self.read_plan(attempt),
            candidate=self.read_candidate(attempt),
            recorded=self.read_results(attempt),
            verdict=read_model(folder / "verdict.json", Verdict),
        )

    def write_production_result(self, result: CheckResult) -> None:
        write(self.folder / "production" / "results" / f"{safe_name(result.key)}.json", _dump(result))

    def read_production_results(self) -> tuple[CheckResult, ...]:
        folder = self.folder / "production" / "results"
        if not folder.exists():
            return ()
        return tuple(read_model(path, CheckResult) for path in _written(folder))


def _written(folder: Path) -> list[Path]:
    """The files that were written whole; what a killed worker left half written is none."""
    return sorted((path for path in folder.iterdir() if not path.name.endswith(".partial")), key=str)


def safe_name(name: str) -> str:
    """A name that is one path segment, whatever was in it."""
    return _SAFE_NAME.sub("_", name).strip(".") or "_"


def write(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing (locally; object stores do that themselves)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(path, Path) or type(path).__name__ == "ObjectStoragePath":
        path.write_bytes(content)
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path) -> bytes:
    """Read a file; raises ``EvidenceError`` with its name when it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error


def read_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read a file strictly as this model; raises ``EvidenceError`` when it is anything else."""
    try:
        return model.model_validate_json(read(path))
    except ValidationError as error:
        raise EvidenceError(f"{path} is not a {model.__name__}: {error}") from error


def _dump(model: BaseModel) -> bytes:
    return model.model_dump_json(indent=1).encode()


def _manifest_files(text: bytes, attempt: int) -> dict[str, str]:
    try:
        manifest: Any = json.loads(text)
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        if manifest["attempt"] != attempt:
            raise EvidenceError(
                f"The manifest of attempt {attempt} belongs to attempt {manifest['attempt']}."
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"The manifest of attempt {attempt} is corrupt: {error!r}") from error
    return files


def _digests(folder: Path, prefix: str = "") -> Iterator[tuple[str, str]]:
    for path in folder.iterdir():
        name = f"{prefix}{path.name}"
        if path.is_dir():
            yield from _digests(path, f"{name}/")
        elif name != MANIFEST and not path.name.endswith(".partial"):
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()
