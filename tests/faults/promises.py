"""What must never happen, whatever fails? Checked after every step, from the simulator's log and the kept truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faults.actor import Actor, Crash, Step
from faults.kinds import At
from faults.scene import Scene
from simulator.request_log import RecordedRequest
from stage_gate.configuration.timing import MOST_CLOCK_OFFSET
from stage_gate.rules.decision import Decision, Event

BOUND = 16
"""Steps within which a try comes to its end: five looks and five requests that came too late, and what is around."""


class Promise(StrEnum):
    """What is promised. A violation names the one that was broken."""

    ONE_REQUEST = "at most one request per step, in all"
    NO_RESEND = "after a request whose fate is unknown never another one"
    NOT_BOTH = "never both advance and cancel"
    ONLY_PINNED = "only the go-live step of the pinned execution"
    LOOKED = "nothing is sent that was not read afresh after the claim"
    WAITED = "the step waited at the last look"
    UNTOUCHED = "nothing else had changed stage at the last look"
    KNOWN = "nothing about stage was unreadable at the last look that was read when it was tested"
    CLOCK = "the clock was Cloud Manager's at the last look"
    SEALED = "the newest attempt had a valid, signed seal at the last look"
    VERDICT = "the sealed results, or an answer bound to them, gave the right to this act"
    CLAIMED = "the sender holds the one ticket, and its run the one claim"
    SEEN = "on record only what was seen"
    OURS = "ours only what was acknowledged and then seen"
    GOES_ON = "a task that died before its ticket ends as if it had not"
    ENDS = "decided, or held with a sentence, within a bound"


class Violation(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: Promise, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


@dataclass(frozen=True)
class Look:
    """What was true at the end of a task's last look."""

    read: bool
    waits: bool
    sealed: bool
    entitled: bool
    touched: bool
    known: bool
    clock_off: bool


class Promises:
    """Watches one schedule."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.looks: dict[int, Look | None] = {}
        self.sent: list[tuple[int, str]] = []
        self.acknowledged: set[int] = set()
        self.seen: dict[int, str] = {}
        self.recorded: set[str] = set()
        """Gates in whose evidence the decision was put on record."""
        self.counted = 0
        self.steps: list[Step] = []

    def watch(self, actor: Actor, step: Step) -> None:
        """Check what one step of one task did. Raises ``Violation``."""
        self.steps.append(step)
        if step.at is At.SEAL:
            self.looks[step.who] = None
            self.acknowledged.discard(step.who)
        if step.at is At.CLAIM:
            self._note(step, self.scene.claim_file, self.scene.claims)
        if step.at is At.TICKET:
            self._note(step, self.scene.ticket_file, self.scene.tickets)
        if step.at is At.CONFIRM:
            self.looks[step.who] = self._look(step) if step.event is Event.ALLOWED else None
        self._check_requests(step)
        if step.at is At.READ_BACK:
            self.seen[step.who] = self.scene.backstage.approval(self.scene.execution_id).status
        if step.at is At.RECORD and step.event == "done":
            self._check_record(actor, step)
            self.recorded.add(self.scene.gates[step.who].name)
        if actor.taken > BOUND:
            raise Violation(Promise.ENDS, f"task {actor.who} has taken {actor.taken} steps")

    def _note(self, step: Step, file: Path, taken: list[tuple[int, Decision]]) -> None:
        """Who has taken it, and for what, seen in the store right then: also where the task died before it knew."""
        if file.exists() and (not taken or step.event is Event.WON):
            record = json.loads(file.read_text())["signed"]["record"]
            taken.append((step.who, Decision(record["decision"])))

    def _look(self, step: Step) -> Look:
        scene, who = self.scene, step.who
        newest = scene.truths[who].newest
        asked = [each for each in scene.backstage.requests[step.requests :] if each.method == "GET"]
        offset = scene.house.hooks[who][0].clock_offset
        return Look(
            read=bool(asked) and asked[-1].path.endswith(f"/execution/{scene.execution_id}"),
            waits=scene.backstage.approval(scene.execution_id).status == "WAITING",
            sealed=newest.sealed and newest.genuine,
            entitled=scene.may(who),
            touched=newest.touched,
            known=newest.blind or not scene.unreadable,
            clock_off=offset is None or abs(offset) > MOST_CLOCK_OFFSET,
        )

    def _check_requests(self, step: Step) -> None:
        requests = self.scene.backstage.requests
        new, self.counted = requests[self.counted :], len(requests)
        for request in new:
            if request.method not in ("GET", "HEAD") and request.service == "api":
                self._check_sent(step, request)
        if ("PUT", 202) in step.statuses:
            self.acknowledged.add(step.who)

    def _check_sent(self, step: Step, request: RecordedRequest) -> None:
        what = f"task {step.who} sent {request.method} {request.path} in its step {step.at}"
        path, _, verb = request.path.rpartition("/")
        if path != self.scene.path or request.method != "PUT" or verb not in ("advance", "cancel"):
            raise Violation(Promise.ONLY_PINNED, what)
        earlier = [each for _, each in self.sent]
        self.sent.append((step.who, verb))
        if earlier:
            self._blame(step, what, earlier, verb)
        self._check_right(step, what, verb)

    def _blame(self, step: Step, what: str, earlier: list[str], verb: str) -> None:
        if verb not in earlier:
            raise Violation(Promise.NOT_BOTH, what)
        own = [who for who, _ in self.sent].count(step.who) > 1
        if own and step.who not in self.acknowledged:
            raise Violation(Promise.NO_RESEND, what)
        raise Violation(Promise.ONE_REQUEST, what)

    def _check_right(self, step: Step, what: str, verb: str) -> None:
        decision = self.scene.schedule.sides[step.who].decision
        look = self.looks.get(step.who)
        if look is None or not look.read:
            raise Violation(Promise.LOOKED, what)
        for promise, kept in (
            (Promise.SEALED, look.sealed),
            (Promise.VERDICT, look.entitled and verb == _VERB[decision]),
            (Promise.WAITED, look.waits),
            (Promise.UNTOUCHED, not look.touched),
            (Promise.KNOWN, look.known),
            (Promise.CLOCK, not look.clock_off),
            (Promise.CLAIMED, self.scene.tickets == [(step.who, decision)] and self._has_claim(step.who)),
        ):
            if not kept:
                raise Violation(promise, f"{what}; {look}")

    def _has_claim(self, who: int) -> bool:
        return len(self.scene.claims) == 1 and self.scene.is_same_run(who, self.scene.claims[0][0])

    def went_on(self, actor: Actor, tries: list[Actor]) -> None:
        """Check a task that nothing but deaths has stopped, its own or those of its run's other try.

        Of two tries at once one sends; the other one looks for no time at all here, and may hold. Raises ``Violation``.
        """
        others = [who for who, _ in self.scene.claims if not self.scene.is_same_run(actor.who, who)]
        is_spent = bool(self.scene.tickets) and not self.sent
        is_recorded = any(each.ends[-1].record is not None for each in tries)
        if self.scene.may(actor.who) and not others and not is_spent and not is_recorded:
            raise Violation(Promise.GOES_ON, f"task {actor.who} ended with {actor.ends[-1]}")

    def ended(self, actor: Actor) -> None:
        """Check how a try of a task ended. Raises ``Violation``."""
        end = actor.ends[-1]
        if end.record is None and not isinstance(end.error, Crash) and len(end.sentence) < 20:
            raise Violation(Promise.ENDS, f"task {actor.who} ended with {end.error!r}")

    def _check_record(self, actor: Actor, step: Step) -> None:
        record = actor.record
        assert record is not None, "the step before made one"
        approval = self.scene.backstage.approval(self.scene.execution_id)
        approved = approval.status == "FINISHED" and (approval.input or {}).get("approved") is True
        rejected = approval.status in ("CANCELLED", "FAILED")
        if not (rejected if record.decision is Decision.HALTED else approved):
            raise Violation(
                Promise.SEEN, f"{record.decision} is on record while the step is {approval.status}"
            )
        if actor.who not in self.seen:
            raise Violation(Promise.SEEN, f"{record.decision} is on record and nobody looked")
        is_ours = record.by != "unattributed"
        if is_ours and not any(who == actor.who for who, _ in self.sent) and not self._was_recorded(actor):
            raise Violation(Promise.OURS, f"{record.decision} by {record.by}, and nothing was sent")
        if is_ours and actor.who not in self.acknowledged and not self._was_recorded(actor):
            raise Violation(Promise.OURS, f"{record.decision} by {record.by}, and nothing was acknowledged")

    def _was_recorded(self, actor: Actor) -> bool:
        """An earlier try, or the other run of the same gate, had put it on record."""
        return self.scene.gates[actor.who].name in self.recorded


_VERB = {Decision.APPROVED: "advance", Decision.OVERRIDDEN: "advance", Decision.HALTED: "cancel"}
