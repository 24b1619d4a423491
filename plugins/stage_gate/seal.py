"""Is this attempt sealed, and does everything in it still say what it said then?

The seal is ``manifest.json`` of an attempt: what was judged, with which gate and which code, the verdict, and a
SHA-256 of every other file, signed. Its own digest names it. It needs nothing but its folder and the public key
to be verified: ``python -m stage_gate verify``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from aem_checks.outcomes import Outcome
from stage_gate.candidate import Candidate
from stage_gate.code_digest import code_digests
from stage_gate.files import PARTIAL, EvidenceError, dump, read, read_model, write, written
from stage_gate.plan import Plan, RecordedResult
from stage_gate.signing import Keys, Signature, open_signed, sign
from stage_gate.smoke_answers import with_answers
from stage_gate.verdict import Verdict

MANIFEST = "manifest.json"
_SEAL = "seal of a verdict"


class Manifest(BaseModel):
    """What is signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    """Always ``seal of a verdict``: a signature for something else is none for this."""
    gate: str
    execution_id: str
    attempt: int
    sealed_at: AwareDatetime
    gate_digest: str
    candidate_digest: str
    outcome: Outcome
    code: Mapping[str, str]
    """SHA-256 of the source of each package that judged."""
    files: Mapping[str, str]
    """SHA-256 of every file of the attempt but this one."""


class Sealed(BaseModel):
    """What a verified seal contains, and the digest that names it."""

    model_config = ConfigDict(frozen=True)

    digest: str
    signature: Signature
    key: str
    manifest: Manifest
    plan: Plan
    candidate: Candidate
    recorded: tuple[RecordedResult, ...]
    verdict: Verdict

    @property
    def attempt(self) -> int:
        return self.manifest.attempt

    @property
    def sealed_at(self) -> datetime:
        return self.manifest.sealed_at


def write_seal(
    folder: Path, attempt: int, plan: Plan, candidate: Candidate, verdict: Verdict, now: datetime, keys: Keys
) -> None:
    """Write verdict and manifest of an attempt. Raises ``EvidenceError`` when they can't be written."""
    write(folder / "verdict.json", dump(verdict))
    manifest = Manifest(
        what=_SEAL,
        gate=plan.gate,
        execution_id=candidate.execution_id,
        attempt=attempt,
        sealed_at=now,
        gate_digest=plan.gate_digest,
        candidate_digest=candidate.digest,
        outcome=verdict.outcome,
        code=code_digests(),
        files=dict(sorted(_digests(folder))),
    )
    write(folder / MANIFEST, sign(manifest.model_dump(mode="json"), keys))


def read_seal(folder: Path, attempt: int, keys: Keys) -> Sealed:
    """Read a sealed attempt and verify its signature, and every file against its manifest.

    Raises ``EvidenceError`` naming the first file that is missing, changed or not in the manifest, or what in
    them contradicts the manifest.
    """
    text = read(folder / MANIFEST)
    opened = open_signed(text, keys, f"The manifest of attempt {attempt}")
    manifest = _manifest(json.dumps(opened.content), attempt)
    _require_same_files(manifest, folder)
    sealed = Sealed(
        digest=hashlib.sha256(text).hexdigest(),
        signature=opened.signature,
        key=opened.key,
        manifest=manifest,
        plan=read_model(folder / "plan.json", Plan),
        candidate=read_model(folder / "candidate.json", Candidate),
        recorded=with_answers(
            read_results(folder), folder, attempt, keys, manifest.gate, manifest.execution_id
        ),
        verdict=read_model(folder / "verdict.json", Verdict),
    )
    _require_one_story(sealed)
    return sealed


def read_manifest(folder: Path, attempt: int, keys: Keys) -> tuple[str, Manifest, Signature]:
    """Digest, content and worth of a seal; the files that it lists are not looked at. Raises ``EvidenceError``."""
    text = read(folder / MANIFEST)
    opened = open_signed(text, keys, f"The manifest of attempt {attempt}")
    return hashlib.sha256(text).hexdigest(), _manifest(json.dumps(opened.content), attempt), opened.signature


def read_results(folder: Path) -> tuple[RecordedResult, ...]:
    """All results of checks; an unreadable file is an ``EvidenceError``, never a missing result."""
    return tuple(read_model(path, RecordedResult) for path in written(folder / "results"))


def _manifest(content: str, attempt: int) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise EvidenceError(f"The manifest of attempt {attempt} is corrupt: {error}") from error
    if manifest.attempt != attempt or manifest.what != _SEAL:
        raise EvidenceError(
            f"The manifest of attempt {attempt} is the {manifest.what}, attempt {manifest.attempt}."
        )
    return manifest


def _require_same_files(manifest: Manifest, folder: Path) -> None:
    found = dict(_digests(folder))
    for name in sorted({*manifest.files, *found}):
        if manifest.files.get(name) != found.get(name):
            absent, added = name not in found, name not in manifest.files
            what = "is missing" if absent else "was added" if added else "was changed"
            raise EvidenceError(f"{name} of attempt {manifest.attempt} {what} after it was sealed.")


def _require_one_story(sealed: Sealed) -> None:
    """The signed summary and the files agree; a person reads the one and the rules follow the other."""
    manifest = sealed.manifest
    told = (manifest.gate, manifest.gate_digest, manifest.execution_id, manifest.candidate_digest)
    found = (
        sealed.plan.gate,
        sealed.plan.gate_digest,
        sealed.candidate.execution_id,
        sealed.candidate.digest,
    )
    if told != found or manifest.outcome is not sealed.verdict.outcome:
        raise EvidenceError(f"The manifest of attempt {manifest.attempt} contradicts the files it seals.")


def _digests(folder: Path, prefix: str = "") -> Iterator[tuple[str, str]]:
    for path in folder.iterdir():
        name = f"{prefix}{path.name}"
        if path.is_dir():
            yield from _digests(path, f"{name}/")
        elif name != MANIFEST and not path.name.endswith(PARTIAL):
            yield name, hashlib.sha256(read(path)).hexdigest()
