"""Is this attempt sealed, and does everything in it still say what it said then?

The seal is ``manifest.json`` of an attempt: what was judged, with which gate and which code, the verdict, and a
SHA-256 of every other file, signed. Its own digest names it. It needs nothing but its folder and the public key
to be verified: ``python -m stage_gate verify``.

It is created once, in one step, by whichever task that judges is first, and of files that were read after they were
listed: so it says of one set of files what they amount to, whoever writes or judges at the same moment.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from aem_checks.kinds import FOLDERS_VARIABLE
from aem_checks.packed import Packed
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.files import EvidenceError, SealedFolder, read, read_model, written
from stage_gate.evidence.looks import MANIFEST as MANIFEST
from stage_gate.evidence.looks import Known, Looks, Trusted
from stage_gate.evidence.signing import Keys, Signature, open_signed, sign
from stage_gate.evidence.smoke_answers import FOLDER as SMOKE_TESTS
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

PARTS = "parts"
"""The folder with what each part of a mapped test found."""
_JUDGED = frozenset({"plan.json", "candidate.json"})
_JUDGED_FOLDERS = frozenset({"results", PARTS, SMOKE_TESTS})

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
    marks: Mapping[str, str] = Field(default_factory=dict)
    """The mark that an object store gave to the writing of each of them that was read; none on a disk."""
    judged: str = ""
    """The files that the verdict is made of, packed (ZIP, base64), where an object store marks them; none on a disk."""


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
    looks: Looks | None = None,
) -> None:
    """Judge an attempt and seal it; ``told`` are gate and execution. Where it is sealed by now, that seal stands.

    Raises ``EvidenceError`` for what can't be read, and where the seal can't be written.
    """
    looks = looks or looks_at(folder)
    for _ in range(_LOOKS):
        seen = looks.look()
        sealed = SealedFolder(folder, seen.digests, contents=seen.contents)
        plan, candidate, recorded = _contents(sealed, attempt, keys, told)
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
            files=dict(sorted(seen.digests.items())),
            marks=dict(sorted(seen.marks.items())),
            judged=base64.b64encode(Packed(dict(seen.contents)).pack()).decode() if seen.contents else "",
        )
        if set(seen.digests) == looks.names():
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


def read_seal(folder: Path, attempt: int, keys: Keys, looks: Looks | None = None) -> Sealed:
    """Read a sealed attempt and verify its signature, and every file against its manifest.

    ``looks``: what this task has read of the folder before. With it, and a seal of a trusted key, a file to which the
    store gives the mark that was sealed is not read; what the verdict is made of is in the seal as well.
    Raises ``EvidenceError`` naming the first file that is missing, changed or not in the manifest, or what in
    them contradicts the manifest.
    """
    text = read(folder / MANIFEST)
    opened = open_signed(text, keys, f"The manifest of attempt {attempt}")
    manifest = _manifest(json.dumps(opened.content), attempt)
    by_mark = looks is not None and opened.signature is Signature.TRUSTED
    seen = (looks or looks_at(folder)).look(_marked_by(manifest) if by_mark else _nothing_is_known)
    _require_same_files(manifest, seen.digests)
    told = (manifest.gate, manifest.execution_id)
    sealed_files = SealedFolder(folder, manifest.files, contents=seen.contents)
    plan, candidate, recorded = _contents(sealed_files, attempt, keys, told)
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


def looks_at(folder: Path) -> Looks:
    """What a task will read of an attempt."""
    return Looks(folder, _is_judged)


def _is_judged(name: str) -> bool:
    """Whether a file is what a verdict is made of."""
    return name in _JUDGED or name.split("/")[0] in _JUDGED_FOLDERS


def _marked_by(manifest: Manifest) -> Trusted:
    """What was sealed of a file whose mark is the sealed one: nobody has written it since it was read and sealed."""
    try:
        packed = Packed.unpack(base64.b64decode(manifest.judged), MANIFEST).files if manifest.judged else {}
    except ValueError as error:
        raise EvidenceError(f"The manifest of attempt {manifest.attempt} is corrupt: {error}") from error

    def known(name: str, mark: str) -> Known | None:
        if manifest.marks.get(name) != mark or (_is_judged(name) and name not in packed):
            return None
        content = packed.get(name)
        return manifest.files.get(name, "") if content is None else _digest_of(content), content

    return known


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _nothing_is_known(name: str, mark: str) -> None:
    return None


def _require_same_files(manifest: Manifest, found: Mapping[str, str]) -> None:
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
