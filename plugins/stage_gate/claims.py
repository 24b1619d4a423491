"""Who may act? A claim is created once per go-live step in the evidence store, before the act, by whoever is first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import AwareDatetime

from stage_gate.files import safe_name
from stage_gate.signed import SignedRecord, read_signed, signed_file
from stage_gate.signing import Keys

CONDITIONAL_STORES = frozenset({"s3", "gs", "gcs", "abfs", "abfss"})
"""Object stores whose file system creates a file only if it is absent (If-None-Match or its like)."""


class ClaimTaken(RuntimeError):
    """Somebody holds the claim already: this act was sent, or may have been, and must not be sent again."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            f"{claim.act} was claimed for this step at {claim.at:%Y-%m-%d %H:%M:%S %Z} by run {claim.run_id} of {claim.dag_id}; "
            f"an act is sent once and never again.{claim.doubt}"
        )
        self.claim = claim


class ClaimUnsupported(RuntimeError):
    """The evidence store can't create a file exclusively, so two runs could both act."""


_ANY_GATE = ""
"""A claim belongs to an execution, whichever gate takes it."""


class Claim(SignedRecord):
    """The right to send one act for one step."""

    act: str
    """``approve`` or ``reject``."""
    decision: str
    """For which decision: an override is no approval, although both send the same."""
    program_id: str
    pipeline_id: str
    execution_id: str
    step_id: str
    seal_digest: str
    dag_id: str
    run_id: str
    at: AwareDatetime

    @property
    def doubt(self) -> str:
        """What speaks against it, empty where a trusted key signed it."""
        return "" if self.is_trusted else f" That claim is {self.signature}: find out who could write it."


def claim_path(store: Path, program_id: str, pipeline_id: str, execution_id: str) -> Path:
    """The one file for this candidate, whatever gate, Airflow, address or step asks, for approve and reject alike."""
    name = f"program-{program_id}-pipeline-{pipeline_id}-execution-{execution_id}.json"
    return store / "claims" / safe_name(name)


def is_claimed(store: Path, program_id: str, pipeline_id: str, execution_id: str) -> bool:
    """Whether the right to act on this candidate was taken, by whichever gate, and whoever signed it."""
    return claim_path(store, program_id, pipeline_id, execution_id).exists()


def held_claim(path: Path, keys: Keys) -> Claim | None:
    """The claim that was taken, ``None`` where there is none. Raises ``EvidenceError`` for a broken one.

    It blocks whoever signed it; as one's own it counts only if it is trusted.
    """
    return _read(path, keys) if path.exists() else None


def _read(path: Path, keys: Keys) -> Claim:
    return read_signed(path, Claim, keys, _ANY_GATE, None)


def take(path: Path, claim: Claim, keys: Keys) -> None:
    """Create the claim, durably and exclusively.

    Raises ``ClaimTaken`` when it exists, ``ClaimUnsupported`` when the store can't promise exclusiveness.
    """
    try:
        create_exclusively(path, signed_file(claim, _ANY_GATE, claim.execution_id, keys))
    except FileExistsError:
        raise ClaimTaken(_read(path, keys)) from None


def require_exclusive_create(store: Path) -> None:
    """Raise ``ClaimUnsupported`` unless claims can be taken in this store; ``guard`` mode asks before it waits."""
    protocol = _protocol(store)
    if protocol and protocol not in CONDITIONAL_STORES:
        raise ClaimUnsupported(
            f"The evidence store {store} ({protocol}) can't create a file only if it is absent, so two runs could both act. "
            f"Use a local folder or one of {', '.join(sorted(CONDITIONAL_STORES))}, or mode: shadow."
        )


def _protocol(path: Path) -> str:
    """The protocol of an object store path, empty for a local folder."""
    protocol = getattr(path, "protocol", "")
    return "" if protocol in ("", "file", "local") else str(protocol)


def create_exclusively(path: Path, content: bytes) -> None:
    """Create a file durably; raises ``FileExistsError`` when it exists, ``ClaimUnsupported`` as ``take`` does."""
    require_exclusive_create(path)
    if _protocol(path):
        file_system: Any = path.fs  # type: ignore[attr-defined]
        file_system.pipe_file(str(path.path), content, mode="create")  # type: ignore[attr-defined]
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(str(whole), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(whole, path)  # fails if the name is taken, and whoever reads it finds it whole
    finally:
        whole.unlink()
    folder = os.open(str(path.parent), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
