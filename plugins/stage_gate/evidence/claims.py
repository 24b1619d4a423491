"""Who may act, and who may send? A claim and a ticket are created once per candidate in the evidence store, by whoever is first.

The claim is the right of one run to act on the candidate. The ticket is taken immediately before the one request: where
there is none, nothing was sent. A re-run of a flaky check is taken likewise, of a budget that all tasks of a release share.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from pydantic import AwareDatetime, Field

from stage_gate.evidence.exclusive import ClaimUnsupported as ClaimUnsupported
from stage_gate.evidence.exclusive import create_exclusively, require_exclusive_create
from stage_gate.evidence.files import EvidenceError, exists, safe_name
from stage_gate.evidence.signing import NO_KEYS, Keys, SignedRecord, find_signed, read_signed, signed_file

_ANY_GATE = ""
"""A claim belongs to an execution, whichever gate takes it."""


class Claim(SignedRecord):
    """The right of a run to act on one candidate, and what it was about to do when it took it."""

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
    sends_with_ticket: bool = False
    """Nothing is sent on it without a ticket; what was claimed before there were tickets may have been sent."""

    def __str__(self) -> str:
        """Why nobody else may act, as a sentence."""
        return (
            f"{self.act} was {self._done} at {self.at:%Y-%m-%d %H:%M:%S %Z} by run {self.run_id} of {self.dag_id}; "
            f"an act is sent once and never again.{self.doubt}"
        )

    @property
    def _done(self) -> str:
        return "claimed for this step"

    @property
    def doubt(self) -> str:
        """What speaks against it, empty where a trusted key signed it."""
        return "" if self.is_trusted else f" That file is {self.signature}: find out who could write it."

    def is_of(self, dag_id: str, run_id: str) -> bool:
        """Whether this very run took it, and nothing can have been sent on it without a ticket."""
        mine = (self.dag_id, self.run_id) == (dag_id, run_id)
        return mine and self.is_trusted and self.sends_with_ticket


class Ticket(Claim):
    """The right to send one request. Whoever took it may have sent it."""

    @property
    def _done(self) -> str:
        return "sent, or about to be,"

    def is_for(self, decision: str, seal_digest: str, execution_id: str) -> bool:
        """Whether it is for this very act on this very seal, by a trusted key."""
        mine = (self.decision, self.seal_digest, self.execution_id) == (decision, seal_digest, execution_id)
        return mine and self.is_trusted


ClaimT = TypeVar("ClaimT", bound=Claim)


def read_taken(path: Path, kind: type[ClaimT], keys: Keys) -> ClaimT:
    """A claim or ticket, or a copy of one. Raises ``EvidenceError`` for a broken one."""
    return read_signed(path, kind, keys, _ANY_GATE, None)


@dataclass(frozen=True)
class Rights:
    """Claim and ticket of one candidate, whatever gate, Airflow, address or step asks, for each decision alike."""

    store: Path
    program_id: str
    pipeline_id: str
    execution_id: str
    keys: Keys = NO_KEYS

    def place(self, kind: type[Claim]) -> Path:
        """Its one file of this kind."""
        folder = "tickets" if kind is Ticket else "claims"
        name = f"program-{self.program_id}-pipeline-{self.pipeline_id}-execution-{self.execution_id}.json"
        return self.store / folder / safe_name(name)

    @property
    def may_have_sent(self) -> bool:
        """Whether the ticket was taken, by whichever gate, and whoever signed it; also where nobody can tell."""
        try:
            return self._is_taken(Ticket)
        except EvidenceError:
            return True

    def held(self, kind: type[ClaimT]) -> ClaimT | None:
        """What was taken, ``None`` where there is nothing. Raises ``EvidenceError`` for a broken one, or if nobody can tell.

        It blocks whoever signed it; as one's own it counts only if it is trusted.
        """
        return find_signed(self.place(kind), kind, self.keys, _ANY_GATE, None)

    def take(self, record: ClaimT) -> ClaimT | None:
        """Create the claim or ticket, durably and exclusively; what is there instead where somebody was faster.

        Raises ``ClaimUnsupported`` when the store can't promise exclusiveness, ``EvidenceError`` for a broken one.
        """
        path = self.place(type(record))
        require_exclusive_create(path)
        try:
            create_exclusively(path, signed_file(record, _ANY_GATE, record.execution_id, self.keys))
        except FileExistsError:
            return self._read(type(record))
        return None

    def _is_taken(self, kind: type[Claim]) -> bool:
        return exists(self.place(kind))

    def _read(self, kind: type[ClaimT]) -> ClaimT:
        return read_taken(self.place(kind), kind, self.keys)


RERUNS = "reruns"


def take_rerun(folder: Path, budget: int, key: str) -> bool:
    """Take one of ``budget`` re-runs below ``folder`` for the check ``key``; ``False`` when all are taken.

    Each is a file that only one task can create, so that tasks which ask at the same moment never take more
    than there are. Raises ``OSError`` where they can't be counted.
    """
    taken = {"check": key, "at": datetime.now(UTC).isoformat()}
    for number in range(1, budget + 1):
        path = folder / RERUNS / str(number)
        if path.exists():
            continue
        try:
            create_exclusively(path, json.dumps(taken).encode())
        except FileExistsError:
            if not path.exists():
                raise
            continue
        return True
    return False
