"""What do the tickets that lie with the evidence of an execution say of what was decided there?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stage_gate.commands.diagnosis import Diagnosis, bad, good
from stage_gate.evidence.claims import Rights, Ticket, read_taken
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import DONE, TICKET, DecisionRecord
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.store import Evidence

ASK = "Ask whoever runs Stage Gate for the original in the evidence store, and who could write there."
KEY = "Name the public key: --key, as `python -m stage_gate key --public` prints it where it was signed."


def _ticket_in_store(files: Evidence, sealed: Sealed) -> Path:
    """Where the ticket lies, if this lies in the evidence store."""
    pinned = sealed.candidate
    rights = Rights(files.folder.parent.parent, pinned.program_id, pinned.pipeline_id, pinned.execution_id)
    return rights.place(Ticket)


def ticketed(files: Evidence, record: DecisionRecord, sealed: Sealed) -> Diagnosis:
    """Whether the ticket to this act was taken before it: by the copy here, or in the store that this lies in."""
    pinned, told = sealed.candidate, f"the ticket to what was {record.decision}"
    kept = _ticket_in_store(files, sealed)
    path = next((each for each in (files.folder / TICKET, kept) if each.exists()), None)
    if path is None:
        return bad(
            "ticket",
            f"{told} was taken before, and it is not here",
            f"It is {TICKET} in the folder of the execution, and tickets/{kept.name} in the evidence store. {ASK}",
        )
    try:
        ticket = read_taken(path, Ticket, files.keys)
    except EvidenceError as error:
        return bad("ticket", str(error), ASK)
    if not ticket.is_trusted:
        return bad("ticket", f"{told} was taken by run {ticket.run_id}, but that is {ticket.signature}", KEY)
    is_meant = ticket.is_for(record.decision, sealed.digest, pinned.execution_id)
    if not is_meant or ticket.at > record.at:
        return bad(
            "ticket",
            f"what is here is the ticket to what was {ticket.decision}, at {ticket.at:%Y-%m-%d %H:%M:%S %Z}",
            ASK,
        )
    return good("ticket", f"{told} was taken once, by run {ticket.run_id} of {ticket.dag_id}; signed")


def carried_out_after_all(
    files: Evidence, record: DecisionRecord, seals: Sequence[Sealed]
) -> Iterator[Diagnosis]:
    """What speaks against nothing having been carried out where that is what was noted."""
    counts = f"and what counts as decided is that it was {record.decision}"
    for name in (DONE, TICKET):
        if (files.folder / name).exists():
            yield bad(name, f"it is here, {counts}", ASK)
    kept = _ticket_in_store(files, seals[-1]) if seals else None
    if kept is not None and kept.exists():
        yield bad(
            "ticket",
            f"tickets/{kept.name} is in the evidence store, so a request may have been sent, {counts}",
            f"See in Cloud Manager what became of the release. If the gate decided it, the record of that is missing: {ASK}",
        )
