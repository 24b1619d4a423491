"""What does a task do, step by step, from what is pinned to what is on record, or to the sentence why production is held?

What to do next and what follows from it is the table in ``decision``; here is how each command is carried out.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.golive import (
    NOTHING_HAPPENED,
    ActKind,
    ActOutcome,
    Verb,
    read_back,
    send_once,
    step_to_act_on,
)
from adobe_cloud_manager.models import Execution, StepState
from stage_gate.acting.sent_before import refusal_of_ticket
from stage_gate.acting.wanting import Held, Want, want_of
from stage_gate.evidence.claims import Claim, ClaimT, ClaimUnsupported, Rights, Ticket
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import DecisionRecord, read_decision
from stage_gate.evidence.seal import code_digests
from stage_gate.observing.observe import NotDeployed
from stage_gate.rules.decision import OVERRIDE, Command, Decision, Event, Phase, after, command

if TYPE_CHECKING:
    from adobe_cloud_manager.protocol import Receipt
    from stage_gate.acting.act import Act
    from stage_gate.acting.right import Basis, Right
    from stage_gate.rules.surroundings import Surroundings

log = logging.getLogger(__name__)

MOST_BETWEEN = 2.0
"""Seconds between the beginning of the last look at the step and the request; later, it looks again."""
MOST_AROUND = 10.0
"""Seconds between the beginning of the last look at what else could have changed stage, and the request."""
MOST_LOOKS = 5
_READ_BACK_EVERY = timedelta(seconds=5)

_VERB_OF = {
    Decision.APPROVED: Verb.APPROVE,
    Decision.OVERRIDDEN: Verb.APPROVE,
    Decision.HALTED: Verb.REJECT,
}
_UNPROVEN = (EvidenceError, ClaimUnsupported, CloudManagerError, NotDeployed, OSError)
"""What stands against an act when it is raised before anything was sent."""


class Road:
    """One walk from ``pinned`` to ``recorded`` or ``held``; each method carries out one command."""

    def __init__(self, act: Act, decision: Decision) -> None:
        self.act = act
        self.right = act.right
        self.decision = decision
        self.verb = _VERB_OF[decision]
        self.rights = _rights(act.right)
        self.why_held = ""
        self.want: Want | None = None
        self.step: StepState | None = None
        self.looked_around_at = self.looked_at = 0.0
        self.looks = 0
        self.receipt: Receipt | Exception = RuntimeError(
            "a try of this task before this one may have sent it"
        )
        self.outcome: ActOutcome | None = None
        self.sent_before = False
        self.has_ticket = False
        self._basis: Basis | None = None
        self.surroundings: Surroundings | None = None
        """Stage at the last look."""

    def walk(self) -> DecisionRecord:
        phase = Phase.PINNED
        sent = False
        while (doing := command(phase)) is not None:
            try:
                event = self._carry_out(doing)
            except _UNPROVEN as error:
                event, self.want = self._refuse(str(error)), want_of(error)
            phase = after(phase, event)
            sent = sent or phase in (Phase.ACKNOWLEDGED, Phase.UNKNOWN)
            log.debug("%s: %s, so it is %s.", doing, event, phase)
        if phase is Phase.HELD:
            earlier = "" if sent else self._earlier_ticket()
            spent = (
                " Its ticket is spent, so the gate sends nothing any more."
                if self.has_ticket and not sent
                else ""
            )
            why = f"Production is held: {self.why_held}{spent}{earlier}"
            raise Held(why, may_have_left=sent or bool(earlier), want=self.want)
        return self._record()

    def _earlier_ticket(self) -> str:
        """What to add where a try of this run before this one had the ticket: it may have sent the request."""
        try:
            ticket = self.rights.held(Ticket)
        except EvidenceError as error:
            return f" Whether it was sent before can't be told: {error}"
        mine = (self.act.dag_id, self.act.run_id)
        if ticket is None or self.has_ticket or (ticket.dag_id, ticket.run_id) != mine:
            return ""
        return (
            f" But this run took the ticket to {ticket.act} at {ticket.at:%Y-%m-%d %H:%M:%S %Z}, so a request may have "
            f"been sent then: look at the execution in Cloud Manager.{ticket.doubt}"
        )

    def _carry_out(self, doing: Command) -> Event:
        match doing:
            case Command.PROVE:
                return self._prove()
            case Command.CLAIM:
                return self._take_claim()
            case Command.CONFIRM:
                return self._confirm()
            case Command.TAKE_TICKET:
                return self._take_ticket()
            case Command.SEND:
                return self._send()
            case Command.READ_BACK:
                return self._read_back()

    def _refuse(self, why: str) -> Event:
        self.why_held = why
        return Event.REFUSED

    def _refused(self, execution: Execution, surroundings: Surroundings) -> Event | None:
        """What follows where the right does not hold on what was read just now, ``None`` where it does.

        What speaks against the act may be its own effect, where another try of this task has just sent it.
        """
        refusal = self.right.refusal(self.decision, self.basis, execution, surroundings)
        if refusal is None:
            return None
        ticket = None if self.has_ticket else self.rights.held(Ticket)
        if ticket is not None:
            return self._follow(ticket)
        self.want = refusal.want
        return self._refuse(refusal.sentence)

    @property
    def basis(self) -> Basis:
        assert self._basis is not None, "every command follows a proof"
        return self._basis

    def _prove(self) -> Event:
        """Read the execution afresh, load and verify the seal, recompute the verdict, read what stands around."""
        execution = self.right.read_execution()
        self._basis = self.right.basis(self.decision)
        if self.decision is Decision.OVERRIDDEN and self._basis.answer is None:
            return self._refuse(f"Nobody has answered {OVERRIDE} to this verdict.")
        ticket = self.rights.held(Ticket)
        if ticket is not None:
            return self._follow(ticket)
        surroundings = self.right.read_surroundings(execution)
        if (refused := self._refused(execution, surroundings)) is not None:
            return refused
        self.step = step_to_act_on(execution, self.act.pinned, self.verb)
        return Event.ALLOWED

    def _follow(self, ticket: Ticket) -> Event:
        """What follows from a ticket that lies there: if it is for this very act, only what came of it can be read."""
        if not self._is_ours(ticket):
            return self._refuse(f"{ticket} Decide in Cloud Manager.")
        refusal = refusal_of_ticket(self.decision, self.basis, self.right.gate.policy.rules)
        if refusal:
            return self._refuse(refusal)
        self.sent_before = True
        return Event.SENT_BEFORE

    def _take_claim(self) -> Event:
        taken = self.rights.take(self._new(Claim))
        if taken is None:
            log.info("Claimed the right to act: %s", self.rights.place(Claim))
            return Event.WON
        if taken.is_of(self.act.dag_id, self.act.run_id):
            log.info("This run had claimed the right to act already, and nothing was sent: going on.")
            return Event.RESUMED
        self.why_held = f"{taken} Decide in Cloud Manager."
        return Event.TAKEN

    def _confirm(self) -> Event:
        """Log in, read the surroundings of stage and then the step once more, the step last: nothing else may delay."""
        self.looks += 1
        if self.looks > MOST_LOOKS:
            return self._refuse(
                f"Cloud Manager answers too slowly: {MOST_LOOKS} times in a row more than {MOST_BETWEEN:g} s passed "
                f"between the last look at the step and the request, or {MOST_AROUND:g} s since the look at stage. "
                "It was not sent. Decide in Cloud Manager."
            )
        basis = self.right.basis(self.decision)
        if basis != self.basis:
            return self._refuse(
                "Verdict or answer are not those any more that the right was proven on, so nothing was sent."
            )
        self.act.deciding.log_in()
        self.looked_around_at = self.act.monotonic()
        self.surroundings = self.right.read_surroundings(self.right.read_execution())
        self.looked_at = self.act.monotonic()
        execution = self.right.read_execution()
        if (refused := self._refused(execution, self.surroundings)) is not None:
            return refused
        again = step_to_act_on(execution, self.act.pinned, self.verb)
        assert self.step is not None, "a claim follows a proof"
        if (again.path, again.id) != (self.step.path, self.step.id):
            return self._refuse("The approval is another step than the one that was claimed.")
        self.step = again
        return Event.ALLOWED

    def _take_ticket(self) -> Event:
        """The last thing before the request: whoever finds a ticket has to think that it was sent."""
        if self._is_late():
            return Event.LATE
        taken = self.rights.take(self._new(Ticket))
        if taken is None:
            self.has_ticket = True
            log.info("Took the ticket to %s: %s", self.verb, self.rights.place(Ticket))
            return Event.WON
        if self._is_ours(taken):
            self.sent_before = True
            return Event.SENT_BEFORE
        self.why_held = f"{taken} Decide in Cloud Manager."
        return Event.TAKEN

    def _is_late(self) -> bool:
        """Whether the last looks are too long ago for a request to rest on them."""
        now = self.act.monotonic()
        passed, around = now - self.looked_at, now - self.looked_around_at
        if passed <= MOST_BETWEEN and around <= MOST_AROUND:
            return False
        log.warning(
            "%.1f s passed since the look at the step and %.1f s since that at stage; again.", passed, around
        )
        return True

    def _send(self) -> Event:
        assert self.step is not None, "nothing is sent that was not confirmed"
        if self._is_late():
            return Event.LATE
        passed = self.act.monotonic() - self.looked_at
        log.info("Sending the one request to %s, %.0f ms after the last look.", self.verb, passed * 1000)
        try:
            self.receipt = send_once(self.act.deciding, self.step, self.verb)
        except NOTHING_HAPPENED as error:
            return self._refuse(f"The request had no effect. {error} Decide in Cloud Manager.")
        return Event.LOST if isinstance(self.receipt, Exception) else Event.ACCEPTED

    def _read_back(self) -> Event:
        waits = self.right.gate.waits
        self.outcome = read_back(
            self.right.reading,
            self.act.pinned,
            self.verb,
            self.receipt,
            seconds=waits.read_back.total_seconds(),
            every=min(_READ_BACK_EVERY, waits.poll or _READ_BACK_EVERY).total_seconds(),
        )
        if self.outcome.kind is not ActKind.UNRESOLVED:
            return Event.SEEN
        self.why_held = self.outcome.sentence
        return Event.NOT_SEEN

    def _is_ours(self, ticket: Ticket) -> bool:
        """Whether it is for this very act on this seal, as by a try of this task that died or goes on beside it.

        Without a trusted signature it is nobody's: it blocks, and what follows is not taken for one's own.
        """
        return ticket.is_for(self.decision, self.basis.sealed.digest, self.right.pin.execution_id)

    def _new(self, kind: type[ClaimT]) -> ClaimT:
        assert self.step is not None, "a claim follows a proof"
        pin = self.right.pin
        return kind(
            act=self.verb,
            decision=self.decision,
            program_id=pin.program_id,
            pipeline_id=pin.pipeline_id,
            execution_id=pin.execution_id,
            step_id=self.step.step_id,
            seal_digest=self.basis.sealed.digest,
            dag_id=self.act.dag_id,
            run_id=self.act.run_id,
            at=self.right.now(),
            sends_with_ticket=True,
        )

    def _record(self) -> DecisionRecord:
        outcome, sealed = self.outcome, self.basis.sealed
        assert outcome is not None, "a record follows a look back"
        known = self._known() if self.sent_before else None
        if known is not None and known.decision is self.decision:
            log.info("This was done and recorded already; nothing was sent again.")
            return known
        if sealed.manifest.code != code_digests():
            log.warning(
                "The code is not the one that judged: Stage Gate or a kind of check was changed since."
            )
        person = self.basis.answer
        why = f" {person.by} answered {person.option}: {person.reason}" if person else ""
        accepted = f" Accepted: {', '.join(person.accepts)}." if person and person.accepts else ""
        ours = outcome.kind is ActKind.ACKNOWLEDGED
        return DecisionRecord(
            decision=self.decision,
            sentence=f"{outcome.sentence} {sealed.verdict.summary}{why}{accepted}{self._unread()}",
            by=(person.by if person else "Stage Gate") if ours else "unattributed",
            at=self.right.now(),
            outcome=sealed.verdict.outcome,
            seal_digest=sealed.digest,
            production_reached=self.decision is not Decision.HALTED,
            request_id=outcome.request_id or "",
        )

    def _known(self) -> DecisionRecord | None:
        """What is on record already; what can't be read there is written anew."""
        try:
            return read_decision(self.right.evidence)
        except EvidenceError as error:
            log.warning("What is on record can't be read, so it is recorded anew: %s", error)
            return None

    def _unread(self) -> str:
        """What nobody knew of stage at the last look, as the end of a sentence: halting asks no file to accept it."""
        facts = sorted({each.fact for each in self.surroundings.unread}) if self.surroundings else []
        accepted = "" if self.decision is Decision.HALTED else ", and accepted"
        return f" Not known of stage{accepted}: {', '.join(facts)}." if facts else ""


def _rights(right: Right) -> Rights:
    pin, evidence = right.pin, right.evidence
    return Rights(evidence.store, pin.program_id, pin.pipeline_id, pin.execution_id, evidence.keys)
