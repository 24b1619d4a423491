"""Who may act? A claim is created once per go-live step in the evidence store, before the act, by whoever is first."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from pydantic import AwareDatetime, Field

from stage_gate.exclusive import ClaimUnsupported as ClaimUnsupported
from stage_gate.exclusive import create_exclusively, require_exclusive_create
from stage_gate.files import safe_name
from stage_gate.signed import SignedRecord, read_signed, signed_file
from stage_gate.signing import Keys


class ClaimTaken(RuntimeError):
    """Somebody holds the claim already: this act was sent, or may have been, and must not be sent again."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            f"{claim.act} was claimed for this step at {claim.at:%Y-%m-%d %H:%M:%S %Z} by run {claim.run_id} of {claim.dag_id}; "
            f"an act is sent once and never again.{claim.doubt}"
        )
        self.claim = claim


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
    word: str = Field(default_factory=lambda: uuid4().hex)
    """One that no other claim has: who takes one knows it again by it, whatever the store answered."""

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
    require_exclusive_create(path)
    try:
        create_exclusively(path, signed_file(claim, _ANY_GATE, claim.execution_id, keys))
    except FileExistsError:
        raise ClaimTaken(_read(path, keys)) from None
