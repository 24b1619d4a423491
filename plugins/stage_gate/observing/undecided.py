"""Has a run ended without a decision while its approval still waits in Cloud Manager? Then nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adobe_cloud_manager.questions import approval_state
from adobe_cloud_manager.unasked import unplaced_approval
from stage_gate.evidence.claims import Rights
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import (
    CARRIED_OUT,
    counts,
    halt_sentence,
    read_answers,
    read_decision,
    standing_halt,
)
from stage_gate.rules.decision import Decision, Mode

if TYPE_CHECKING:
    from adobe_cloud_manager.models import Execution
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.kept_decisions import StoredAnswer
    from stage_gate.evidence.pin import Pin
    from stage_gate.evidence.store import Evidence

_SEEN_TO_THE_END = CARRIED_OUT | {Decision.BYPASSED}


@dataclass(frozen=True)
class Guarded:
    """An execution that runs now, under a gate as its file says it now, and what the evidence has of it."""

    gate: Gate
    execution: Execution
    evidence: Evidence

    @property
    def execution_id(self) -> str:
        return self.execution.id

    @property
    def may_have_acted(self) -> bool:
        """A request about it may have left, by whichever gate."""
        pipeline = self.gate.pipeline
        rights = Rights(self.evidence.store, pipeline.program, pipeline.pipeline, self.execution_id)
        return rights.may_have_sent

    @property
    def began_nothing(self) -> bool:
        """Nothing was pinned and nothing sent, so that its run may begin again without doing anything twice."""
        return not self.evidence.is_pinned and not self.may_have_acted


def may_begin_again(guarded: Guarded, now: datetime) -> bool:
    """Whether a run that failed before its pin begins again now: once an hour, by Airflow's own memory; it is noted there.

    Raises ``NotRemembered`` where that can't be noted: a run that begins again at every look would be a loop.
    """
    from stage_gate.observing.memory import Memory

    hour = f"began again {now:%Y-%m-%dT%H}"
    if not guarded.began_nothing or Memory.of(guarded).recall(hour) is not None:
        return False
    Memory.of(guarded).remember(hour)
    return True


def _waits_for_us(guarded: Guarded) -> bool:
    """Whether an approval waits that this gate watches: it decides, and the execution is not only reported."""
    if guarded.gate.mode is not Mode.GUARD or not approval_state(guarded.execution).is_asked:
        return False
    pin, _ = _pin(guarded)
    return pin is None or not pin.report_only or not counts(guarded.evidence, pin)


def paused(guarded: Guarded, dag_id: str) -> list[str]:
    """What is wrong where an approval waits and its Dag is paused, a sentence each; nothing where none waits for it."""
    if not _waits_for_us(guarded):
        return []
    return [
        f"The Dag {dag_id} is paused, so no task of the gate begins: nothing is decided, and nobody is reminded that execution "
        f"{guarded.execution_id} waits.",
        approval_state(guarded.execution).sentence,
        "Unpause the Dag in Airflow, or approve or reject it in Cloud Manager.",
    ]


def neglect(guarded: Guarded, run_id: str, state: str) -> list[str]:
    """What is wrong where a run is over and its approval waits all the same, a sentence each; else nothing.

    ``state`` is how the run ended. A gate in shadow mode decides nothing, and an execution that is only reported is
    none of its business.
    """
    if not _waits_for_us(guarded):
        return []
    waiting, (pin, unreadable) = approval_state(guarded.execution), _pin(guarded)
    decided, remedy = _decided(guarded), _remedy(guarded, pin, unreadable)
    if decided in _SEEN_TO_THE_END:
        told = f"Decided was: {decided}. Cloud Manager shows nothing of it."
    else:
        told = f"It is {decided}." if decided else "Nothing was decided."
    return [
        f"Run {run_id} of gate {guarded.gate.name} has ended ({state}) and production still waits: no task of the "
        f"gate watches execution {guarded.execution_id} any more. {told}",
        waiting.sentence,
        remedy,
    ]


def queued_long(guarded: Guarded, run_id: str, before: datetime) -> list[str]:
    """What is wrong where an approval waits since ``before``, or nobody knows since when, for a run that does not begin."""
    step = guarded.execution.production_approval or unplaced_approval(guarded.execution)
    since = (step.started_at or step.updated_at) if step else None
    if guarded.gate.mode is not Mode.GUARD or (since is not None and since > before):
        return []
    return [
        f"Run {run_id} of gate {guarded.gate.name} is queued and does not begin, so no task of the gate watches "
        f"execution {guarded.execution_id}.",
        approval_state(guarded.execution).sentence,
        "Do 16 of its runs go on? Where somebody made the run for a later time (run_after), delete it: the next look starts "
        "it anew.",
    ]


def _pin(guarded: Guarded) -> tuple[Pin | None, str]:
    if not guarded.evidence.is_pinned:
        return None, ""
    try:
        return guarded.evidence.read_pin(), ""
    except EvidenceError as error:
        return None, str(error)


def _decided(guarded: Guarded) -> Decision | None:
    """The decision on record, as far as it counts."""
    try:
        record = read_decision(guarded.evidence)
    except EvidenceError:
        return None
    return record.decision if record is not None and counts(guarded.evidence, record) else None


def _halt(guarded: Guarded) -> StoredAnswer | None:
    try:
        return standing_halt(read_answers(guarded.evidence))
    except EvidenceError:
        return None


def _remedy(guarded: Guarded, pin: Pin | None, unreadable: str) -> str:
    by_hand = "approve or reject it in Cloud Manager"
    if guarded.may_have_acted:
        return (
            "A request to Cloud Manager was sent for it, or may have been, and is never sent twice, so the gate can't "
            "decide any more: "
            f"{by_hand}."
        )
    if unreadable:
        return f"Its pin can't be believed: {unreadable} Find out why, or {by_hand}."
    if pin is None:
        return (
            "It never was pinned: read the log of pin_candidate, remove the cause, and clear that task with its "
            f"downstream tasks in this run. Or {by_hand}."
        )
    halt = _halt(guarded)
    if halt is not None:
        return f"{halt_sentence(halt)} If halt_production failed, clear it to carry the halt out."
    return (
        "To test again and decide, clear settle_stage with its downstream tasks in this run; to carry out a halt that was "
        f"held, clear halt_production; to hold on only, clear hold_production. Or {by_hand}."
    )
