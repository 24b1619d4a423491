"""Does a run go on by itself that failed for want of something, now that it is back?

The reconciler begins a numbered attempt of it, at most three, each with its cause: never after a ticket was taken, never over
a person's decision, and never over a verdict that failed. The evidence store counts them, whichever Airflow looks. What is
missing is only noted; ``pin_candidate``, with which the attempt begins and which holds the key, says so and signs it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow.sdk.exceptions import AirflowException

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.questions import Approval, approval_state
from aem_checks.outcomes import Outcome
from stage_gate.acting import runs
from stage_gate.acting.retest import record_of
from stage_gate.acting.wanting import Want, forget, noted
from stage_gate.configuration.timing import clock_doubt
from stage_gate.evidence.exclusive import ClaimUnsupported, create_exclusively, probe
from stage_gate.evidence.files import EvidenceError, exists, look_anew
from stage_gate.evidence.kept_decisions import (
    RetestRecord,
    counts,
    keep_retest,
    read_answers,
    read_decision,
    standing_halt,
)
from stage_gate.evidence.signing import Signature
from stage_gate.observing.memory import Memory
from stage_gate.observing.observe import NotDeployed, read_surroundings
from stage_gate.rules.decision import RETEST, Decision, Mode

if TYPE_CHECKING:
    from pathlib import Path

    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.evidence.kept_decisions import StoredAnswer
    from stage_gate.evidence.seal import Sealed
    from stage_gate.evidence.store import Evidence
    from stage_gate.observing.undecided import Guarded

log = logging.getLogger(__name__)

MOST = 3
"""How often one release goes on by itself."""
_WHY = "why it goes on"


@dataclass(frozen=True)
class Resumption:
    """An attempt that begins because something is back."""

    want: Want
    number: int

    @property
    def sentence(self) -> str:
        return f"{self.want}, so stage is tested again by itself ({self.number} of {MOST})."

    @property
    def note(self) -> str:
        return f"{self.want.name} {self.number}"


_NOTES = {
    each.note: each for each in (Resumption(want, turn) for want in Want for turn in range(1, MOST + 1))
}


def resumption_of(guarded: Guarded, *, is_over: bool) -> Resumption | None:
    """What this run could go on for, ``None`` for nothing; whether that is back is for ``still_missing``.

    ``is_over``: no task of the run goes on. One that waits for a person, or holds, begins again only where its verdict is
    that nobody could tell. Raises ``EvidenceError`` and ``NotRemembered``.
    """
    want, number = noted(Memory.of(guarded)), _next_turn(guarded.evidence)
    if want is None or number is None or not _may_decide(guarded):
        return None
    sealed = _newest_seal(guarded.evidence)
    if not is_over and (sealed is None or sealed.verdict.outcome is not Outcome.INCONCLUSIVE):
        return None
    return None if _is_decided(guarded.evidence, sealed) else Resumption(want, number)


def _next_turn(evidence: Evidence) -> int | None:
    """The first turn that nobody has taken. A file that somebody put there only brings the alarm sooner."""
    look_anew(evidence.folder)
    return next((turn for turn in range(1, MOST + 1) if not exists(_turn(evidence, turn))), None)


def _turn(evidence: Evidence, number: int) -> Path:
    return evidence.folder / "went-on" / f"{number}.txt"


def _may_decide(guarded: Guarded) -> bool:
    """Whether the gate could still decide about it."""
    waits = approval_state(guarded.execution).state is Approval.WAITING
    if (
        guarded.gate.mode is not Mode.GUARD
        or not waits
        or guarded.may_have_acted
        or not guarded.evidence.is_pinned
    ):
        return False
    return not guarded.evidence.read_pin().report_only


def _newest_seal(evidence: Evidence) -> Sealed | None:
    """The newest seal that there is: an attempt that was only begun, or a folder that somebody made, hides none.

    Raises ``EvidenceError`` for one that no trusted key signed: anybody may have put it before the one that counts.
    """
    attempt = evidence.sealed_last()
    sealed = evidence.load_seal(attempt) if attempt else None
    if sealed is not None and sealed.signature is not Signature.TRUSTED:
        raise EvidenceError(f"the seal of attempt {attempt} is {sealed.signature}.")
    return sealed


def _is_decided(evidence: Evidence, sealed: Sealed | None) -> bool:
    """Whether the newest verdict failed, somebody answered since, or the record says more than that the gate holds.

    Signed or not: here, what can't be verified speaks against going on. Only who wanted another attempt has not decided.
    """
    record, answers = read_decision(evidence), read_answers(evidence)
    if record is not None and record.decision not in (Decision.HELD, Decision.SUPERSEDED):
        return True
    if standing_halt(answers) is not None:
        return True
    if not answers or _is_outdated(answers[-1], sealed):
        return sealed is not None and sealed.verdict.outcome is Outcome.FAILED
    return answers[-1].option != RETEST or not counts(evidence, answers[-1])


def _is_outdated(answer: StoredAnswer, sealed: Sealed | None) -> bool:
    """Whether another attempt was sealed after the answer was given."""
    return sealed is not None and answer.seal_digest != sealed.digest and answer.at < sealed.sealed_at


def still_missing(guarded: Guarded, hook: CloudManagerHook) -> str:
    """What speaks against going on now, as a sentence; empty where all is there that an attempt needs."""
    try:
        probe(guarded.evidence.store)
        seen = read_surroundings(hook, guarded.execution, guarded.gate.pipeline.source_pipeline)
    except (ClaimUnsupported, OSError, EvidenceError, CloudManagerError, NotDeployed) as error:
        return str(error)
    passing = [each.sentence for each in seen.unread_but(guarded.gate.policy.accept_unread) if each.passing]
    return clock_doubt(hook.clock_offset) or " ".join(passing)


def _take_turn(evidence: Evidence, resumption: Resumption) -> None:
    path = _turn(evidence, resumption.number)
    try:
        create_exclusively(path, f"{resumption.sentence}\n{uuid4().hex}\n".encode())
    except OSError as error:
        raise EvidenceError(
            f"{path} can't be created, or another Airflow was faster: {error}", passing=True
        ) from error


def begin(guarded: Guarded, resumption: Resumption) -> None:
    """Begin the attempt: counted and explained before, and wanting nothing any more afterwards.

    Whoever creates the file of the turn has it; it is spent also where Airflow refuses, which may have begun it all the
    same. Raises ``EvidenceError`` where it can't be had, ``NotRemembered``, and ``AirflowException`` where Airflow refuses.
    """
    memory = Memory.of(guarded)
    memory.remember(_WHY, resumption.note)
    try:
        _take_turn(guarded.evidence, resumption)
        runs.start(guarded.gate.name, guarded.execution_id, again=True)
    except (EvidenceError, AirflowException):
        memory.remember(_WHY)
        raise
    forget(memory)


def keep_why(evidence: Evidence, memory: Memory) -> RetestRecord | None:
    """Put on record why the run goes on, before its next attempt begins; ``None`` where it does not go on by itself.

    Where no attempt was sealed, the same attempt goes on, and there is nothing to do away with. What is signed is a sentence
    of this code's alone. Raises ``EvidenceError`` and ``NotRemembered``.
    """
    why = memory.recall(_WHY)
    if why is None or not why.text:
        return None
    resumption, sealed, record = _NOTES.get(why.text), _newest_seal(evidence), None
    if resumption is None:
        log.warning("Why this run goes on is not put on record: %r is no cause that a gate notes.", why.text)
    elif sealed is not None:
        record = keep_retest(evidence, record_of(sealed, resumption.sentence, datetime.now(UTC)))
    memory.remember(_WHY)
    return record
