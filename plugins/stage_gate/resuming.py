"""Does a run go on by itself that failed for want of something, now that it is back?

The reconciler begins a numbered attempt of it, at most three, each with its cause: never after a ticket was taken, and never
over a person's decision. It only notes why; ``pin_candidate``, with which the attempt begins and which holds the key, signs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.questions import Approval, approval_state
from aem_checks.outcomes import Outcome
from stage_gate import runs
from stage_gate.decision import Decision, Mode
from stage_gate.exclusive import ClaimUnsupported, probe
from stage_gate.files import EvidenceError
from stage_gate.memory import Memory
from stage_gate.observe import NotDeployed, read_surroundings
from stage_gate.record import RetestRecord, keep_retest, read_answer, read_decision
from stage_gate.retest import record_of
from stage_gate.timing import clock_doubt
from stage_gate.wanting import Want, forget, noted

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.evidence import Evidence
    from stage_gate.seal import Sealed
    from stage_gate.undecided import Guarded

MOST = 3
"""How often one release goes on by itself."""
_COUNT, _WHY = "went on", "why it goes on"


@dataclass(frozen=True)
class Resumption:
    """An attempt that begins because something is back."""

    want: Want
    number: int

    @property
    def sentence(self) -> str:
        return f"{self.want}, so stage is tested again by itself ({self.number} of {MOST})."


def resumption_of(guarded: Guarded, *, is_over: bool) -> Resumption | None:
    """What this run could go on for, ``None`` for nothing; whether that is back is for ``still_missing``.

    ``is_over``: no task of the run goes on. One that waits for a person, or holds, begins again only where its verdict is
    that nobody could tell. Raises ``EvidenceError`` and ``NotRemembered``.
    """
    memory = Memory.of(guarded)
    want, before = noted(memory), memory.recall(_COUNT)
    number = _counted(before.text) + 1 if before else 1
    if want is None or number > MOST or not _may_decide(guarded):
        return None
    sealed = _newest_seal(guarded.evidence)
    if not is_over and (sealed is None or sealed.verdict.outcome is not Outcome.INCONCLUSIVE):
        return None
    return None if _is_decided(guarded.evidence, sealed) else Resumption(want, number)


def _counted(text: str) -> int:
    """What counts as often where the note is none of ours: a run is begun too seldom rather than for ever."""
    return int(text) if text.isdecimal() and len(text) < 4 else MOST


def _may_decide(guarded: Guarded) -> bool:
    """Whether the gate could still decide about it."""
    waits = approval_state(guarded.execution).state is Approval.WAITING
    if guarded.gate.mode is not Mode.GUARD or not waits or guarded.may_have_acted or not guarded.is_pinned:
        return False
    return not guarded.evidence.read_pin().report_only


def _newest_seal(evidence: Evidence) -> Sealed | None:
    attempt = evidence.latest_sealed()
    return evidence.load_seal(attempt) if attempt else None


def _is_decided(evidence: Evidence, sealed: Sealed | None) -> bool:
    """Whether somebody answered to the newest verdict, or the record says more than that the gate holds.

    Signed or not: here, what can't be verified speaks against going on.
    """
    answer = read_answer(evidence)
    if answer is not None and sealed is not None and answer.seal_digest == sealed.digest:
        return True
    record = read_decision(evidence)
    return record is not None and record.decision not in (Decision.HELD, Decision.SUPERSEDED)


def still_missing(guarded: Guarded, hook: CloudManagerHook) -> str:
    """What speaks against going on now, as a sentence; empty where all is there that an attempt needs."""
    try:
        probe(guarded.evidence.store)
        seen = read_surroundings(hook, guarded.execution, guarded.gate.pipeline.source_pipeline)
    except (ClaimUnsupported, OSError, EvidenceError, CloudManagerError, NotDeployed) as error:
        return str(error)
    passing = [each.sentence for each in seen.unread_but(guarded.gate.policy.accept_unread) if each.passing]
    return clock_doubt(hook.clock_offset) or " ".join(passing)


def begin(guarded: Guarded, resumption: Resumption) -> None:
    """Begin the attempt: counted and explained before, and wanting nothing any more afterwards.

    Raises ``NotRemembered``, since what can't be counted is not begun, and ``AirflowException`` where Airflow refuses.
    """
    memory = Memory.of(guarded)
    memory.remember(_COUNT, str(resumption.number))
    memory.remember(_WHY, resumption.sentence)
    try:
        runs.start(guarded.gate.name, guarded.execution_id, again=True)
    except AirflowException:
        memory.remember(_WHY)
        raise
    forget(memory)


def keep_why(evidence: Evidence, memory: Memory) -> RetestRecord | None:
    """Put on record why the run goes on, before its next attempt begins; ``None`` where it does not go on by itself.

    Where no attempt was sealed, the same attempt goes on, and there is nothing to do away with. Raises ``EvidenceError`` and
    ``NotRemembered``.
    """
    why, sealed = memory.recall(_WHY), _newest_seal(evidence)
    if why is None or not why.text:
        return None
    record = keep_retest(evidence, record_of(sealed, why.text, datetime.now(UTC))) if sealed else None
    memory.remember(_WHY)
    return record
