"""Is this attempt sealed, and does everything in it still say what it said then?

The seal is ``manifest.json`` of an attempt: what was judged, with which gate and which code, the verdict, and a
SHA-256 of every other file, signed. Its own digest names it. It needs nothing but its folder and the public key
to be verified: ``python -m stage_gate verify``.

It is created once, in one step, by whichever task that judges is first, and of files that were read after they were
listed: so it says of one set of files what they amount to, whoever writes or judges at the same moment.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from aem_checks.kinds import FOLDERS_VARIABLE
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.files import (
    PARTIAL,
    EvidenceError,
    SealedFolder,
    look_anew,
    read,
    read_model,
    written,
)
from stage_gate.evidence.signing import Keys, Signature, open_signed, sign
from stage_gate.evidence.smoke_answers import with_answers
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.own_tests import Part, wholes
from stage_gate.rules.plan import Plan, RecordedResult
from stage_gate.rules.verdict import Verdict

if TYPE_CHECKING:
    from aem_checks.folders import Folder

log = logging.getLogger(__name__)

VerdictOf = Callable[[Plan, Candidate, Sequence[RecordedResult]], Verdict]
"""What is made of an attempt: ``verdict.judge``."""

MANIFEST = "manifest.json"
PARTS = "parts"
"""The folder with what each part of a mapped test found."""

_SEAL = "seal of a verdict"

_LOOKS = 5
"""How often what came in while it was judged is judged as well."""


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
    verdict: Verdict
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
    """As it was sealed; what the results amount to now is for whoever rests on it to find out."""

    @property
    def attempt(self) -> int:
        return self.manifest.attempt

    @property
    def sealed_at(self) -> datetime:
        return self.manifest.sealed_at


def write_seal(
    folder: Path,
    attempt: int,
    told: tuple[str | None, str | None],
    verdict_of: VerdictOf,
    now: datetime,
    keys: Keys,
) -> None:
    """Judge an attempt and seal it; ``told`` are gate and execution. Where it is sealed by now, that seal stands.

    Raises ``EvidenceError`` for what can't be read, and where the seal can't be written.
    """
    for _ in range(_LOOKS):
        files = dict(_digests(folder))
        plan, candidate, recorded = _contents(SealedFolder(folder, files), attempt, keys, told)
        manifest = Manifest(
            what=_SEAL,
            gate=plan.gate,
            execution_id=candidate.execution_id,
            attempt=attempt,
            sealed_at=now,
            gate_digest=plan.gate_digest,
            candidate_digest=candidate.digest,
            verdict=verdict_of(plan, candidate, recorded),
            code=code_digests(),
            files=dict(sorted(files.items())),
        )
        if set(files) == {name for name, _ in _files(folder)}:
            break
    else:
        raise EvidenceError(
            f"Files of attempt {attempt} keep coming while it is judged: which task writes them?"
        )
    try:
        create_exclusively(folder / MANIFEST, sign(manifest.model_dump(mode="json"), keys))
    except FileExistsError:
        log.info("Attempt %d was sealed by another task meanwhile, and that seal stands.", attempt)
    except OSError as error:
        raise EvidenceError(
            f"The seal of attempt {attempt} can't be written: {error}", passing=True
        ) from error


def read_seal(folder: Path, attempt: int, keys: Keys) -> Sealed:
    """Read a sealed attempt and verify its signature, and every file against its manifest.

    Raises ``EvidenceError`` naming the first file that is missing, changed or not in the manifest, or what in
    them contradicts the manifest.
    """
    text = read(folder / MANIFEST)
    opened = open_signed(text, keys, f"The manifest of attempt {attempt}")
    manifest = _manifest(json.dumps(opened.content), attempt)
    _require_same_files(manifest, folder)
    told = (manifest.gate, manifest.execution_id)
    plan, candidate, recorded = _contents(SealedFolder(folder, manifest.files), attempt, keys, told)
    sealed = Sealed(
        digest=hashlib.sha256(text).hexdigest(),
        signature=opened.signature,
        key=opened.key,
        manifest=manifest,
        plan=plan,
        candidate=candidate,
        recorded=recorded,
        verdict=manifest.verdict,
    )
    _require_one_story(sealed)
    return sealed


def require_trusted(sealed: Sealed) -> Sealed:
    """The seal, as guard mode wants it: signed by a trusted key. Raises ``EvidenceError``."""
    if sealed.signature is not Signature.TRUSTED:
        raise EvidenceError(
            f"the seal of attempt {sealed.attempt} is {sealed.signature}; if the gate wrote it, set [stage_gate] "
            "trusted_keys on every worker."
        )
    return sealed


def read_manifest(folder: Path, attempt: int, keys: Keys) -> tuple[str, Manifest, Signature]:
    """Digest, content and worth of a seal; the files that it lists are not looked at. Raises ``EvidenceError``."""
    text = read(folder / MANIFEST)
    opened = open_signed(text, keys, f"The manifest of attempt {attempt}")
    return hashlib.sha256(text).hexdigest(), _manifest(json.dumps(opened.content), attempt), opened.signature


def read_results(folder: Folder, attempt: int) -> tuple[RecordedResult, ...]:
    """All results of checks; an unreadable file is an ``EvidenceError``, never a missing result.

    What was found in another attempt is no answer in this one.
    """
    found = [read_model(path, RecordedResult) for path in written(folder / "results")]
    found += wholes(read_model(path, Part) for path in written(folder / PARTS))
    return tuple(entry if entry.attempt == attempt else _strange(entry, attempt) for entry in found)


def _strange(entry: RecordedResult, attempt: int) -> RecordedResult:
    return entry.without_answer(
        "other_attempt",
        f"What is kept as the result of {entry.result.key} was found in attempt {entry.attempt}, not in attempt "
        f"{attempt}, so it counts for nothing. To do: find out who put it here, and test stage again.",
    )


def _contents(
    folder: SealedFolder, attempt: int, keys: Keys, told: tuple[str | None, str | None]
) -> tuple[Plan, Candidate, tuple[RecordedResult, ...]]:
    """What is judged, as these very files say it. Raises ``EvidenceError``."""
    return (
        read_model(folder / "plan.json", Plan),
        read_model(folder / "candidate.json", Candidate),
        with_answers(read_results(folder, attempt), folder, attempt, keys, *told),
    )


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
    if told != found:
        raise EvidenceError(f"The manifest of attempt {manifest.attempt} contradicts the files it seals.")


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    return ((name, hashlib.sha256(read(path)).hexdigest()) for name, path in _files(folder))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of an attempt but the manifest, by its name from there on."""
    look_anew(folder)
    yield from _below(folder, "")


def _below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in folder.iterdir():
        name = f"{prefix}{path.name}"
        if path.is_dir():
            yield from _below(path, f"{name}/")
        elif name != MANIFEST and not path.name.endswith(PARTIAL):
            yield name, path


PACKAGES = ("adobe_cloud_manager", "aem_checks", "stage_gate")


@cache
def code_digests() -> dict[str, str]:
    """SHA-256, as hexadecimal, of the Python source of each package, and of each folder of a team's own kinds."""
    plugins = Path(__file__).resolve().parents[2]
    folders = {name: plugins / name for name in PACKAGES}
    own = [Path(each) for each in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if each]
    folders |= {f"kinds in {folder.name}": folder for folder in own}
    return {name: _digest(folder) for name, folder in folders.items()}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
