"""Which mistakes would the schedules notice? Each mutant replaces one named piece of the real code by a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.hooks import cloud_manager as hook_module
from adobe_cloud_manager.hooks.plain_session import PlainSession, answer_head
from aem_checks.outcomes import Outcome
from faults.promises import Promise
from faults.scene import Scene
from stage_gate.acting import right, road
from stage_gate.acting.right import Basis, Right
from stage_gate.acting.road import Road
from stage_gate.evidence import seal
from stage_gate.evidence.claims import Claim, Rights
from stage_gate.evidence.seal import Manifest, Sealed, read_results
from stage_gate.evidence.signing import Signature
from stage_gate.rules import decision, verdict
from stage_gate.rules.decision import Decision, Event, Phase
from stage_gate.rules.verdict import Verdict, judge

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """A mistake, how to make it, and the promise that it breaks."""

    name: str
    make: Callable[[Patch], None]
    breaks: Promise


def trust_an_xcom(patch: Patch) -> None:
    """The outcome is what a task before says, not what the sealed results amount to."""

    def basis(self: Right, wanted: Decision) -> Basis:
        told = real(self, wanted)
        passed = told.sealed.verdict.model_copy(update={"outcome": Outcome.PASSED})
        return Basis(told.sealed.model_copy(update={"verdict": passed}), told.answer)

    real = Right.basis
    patch.setattr(Right, "basis", basis)
    patch.setattr(right, "judge", lambda *_: Verdict(outcome=Outcome.PASSED, summary="Passed."))


def resend_on_waiting(patch: Patch) -> None:
    """The step still waits after an unknown answer, so it is tried again."""
    patch.setitem(decision._AFTER, (Phase.UNKNOWN, Event.NOT_SEEN), Phase.TICKETED)


def ignore_the_sibling(patch: Patch) -> None:
    patch.setattr(right, "changes", lambda pinned, now: [])


def forget_what_cannot_be_read(patch: Patch) -> None:
    """Unreadable is taken for unchanged."""
    patch.setattr(right, "newly_unread", lambda then, now, accepted: [])


def follow_a_307(patch: Patch) -> None:
    class Following(PlainSession):
        get_redirect_target = requests.Session.get_redirect_target

    def put(url: str, *, headers: dict[str, str], body: bytes, timeout: float, what: str) -> Answer:
        with Following() as session:
            response = session.put(url, data=body, headers=headers, timeout=timeout)
        return answer_head(response, response.content)

    patch.setattr(hook_module, "put_once", put)


def skip_the_re_read(patch: Patch) -> None:
    def confirm(self: Road) -> Event:
        self.looked_around_at = self.looked_at = self.act.monotonic()
        return Event.ALLOWED

    patch.setattr(Road, "_confirm", confirm)


def take_the_first_waiting_step(patch: Patch) -> None:
    def first(execution: object, pinned: object, verb: object) -> object:
        return execution.waiting_steps[0]  # type: ignore[attr-defined]

    patch.setattr(road, "step_to_act_on", first)


def accept_an_empty_plan(patch: Patch) -> None:
    def lenient(outcomes: object) -> Outcome:
        found = list(outcomes)  # type: ignore[call-overload]
        return real(found) if found else Outcome.PASSED

    real = verdict.worst
    patch.setattr(verdict, "worst", lenient)
    patch.setattr(verdict, "_gaps", lambda plan, candidate: [])
    patch.setattr(right.Right, "_is_as_pinned", lambda self, sealed: True)


def treat_missing_as_passed(patch: Patch) -> None:
    def answer(plan: object, check: object, candidate: object, recorded: list[object]) -> object:
        if not any(entry.result.key == check.key for entry in recorded):  # type: ignore[attr-defined]
            return verdict._Answer(key=check.key, outcome=Outcome.PASSED, sentences=())  # type: ignore[attr-defined]
        return real(plan, check, candidate, recorded)  # type: ignore[arg-type]

    real = verdict._answer
    patch.setattr(verdict, "_answer", answer)


def keep_tickets_apart(patch: Patch) -> None:
    """Each process keeps claims and tickets of its own, so two of them have two."""

    def own(right: Right) -> Rights:
        pin = right.pin
        store = right.evidence.store / "of" / uuid4().hex
        return Rights(store, pin.program_id, pin.pipeline_id, pin.execution_id, right.evidence.keys)

    patch.setattr(road, "_rights", own)
    patch.setattr(Scene, "ticket_file", property(lambda scene: _newest(scene.store / "of")))


def give_up_after_a_death(patch: Patch) -> None:
    """A claim that is there counts as one of somebody else, whoever took it."""
    patch.setattr(Claim, "is_of", lambda self, dag_id, run_id: False)


def send_without_a_ticket(patch: Patch) -> None:
    def take(self: Road) -> Event:
        return Event.WON

    patch.setattr(Road, "_take_ticket", take)


def _newest(folder: Path) -> Path:
    files = (
        [file for file in folder.glob("*/tickets/*.json") if not file.name.startswith(".")]
        if folder.exists()
        else []
    )
    return max(files, key=lambda file: file.stat().st_mtime_ns, default=folder / "none.json")


def seal_after_the_put(patch: Patch) -> None:
    """The act rests on results that nobody has sealed yet."""

    def basis(self: Right, wanted: Decision) -> Basis:
        if self.evidence.latest_sealed():
            return real(self, wanted)
        return Basis(_unsealed(self), None)

    real = Right.basis
    patch.setattr(Right, "basis", basis)
    patch.setattr(Scene, "judge_and_seal", lambda scene, who: None)


def _unsealed(given: Right) -> Sealed:
    attempt = given.evidence.attempts()
    folder = given.evidence.attempt_folder(attempt)
    plan, candidate = given.evidence.read_plan(attempt), given.evidence.read_candidate(attempt)
    recorded = read_results(folder, attempt)
    found = judge(plan, candidate, recorded)
    manifest = Manifest(
        what="seal of a verdict",
        gate=plan.gate,
        execution_id=candidate.execution_id,
        attempt=attempt,
        sealed_at=plan.made_at,
        gate_digest=plan.gate_digest,
        candidate_digest=candidate.digest,
        verdict=found,
        code={},
        files={},
    )
    return Sealed(
        digest="none",
        signature=Signature.TRUSTED,
        key="",
        manifest=manifest,
        plan=plan,
        candidate=candidate,
        recorded=recorded,
        verdict=found,
    )


def believe_any_signature(patch: Patch) -> None:
    """A seal by anybody will do."""

    def read(folder: Path, attempt: int, keys: object, looks: object = None) -> Sealed:
        return real(folder, attempt, keys, looks).model_copy(update={"signature": Signature.TRUSTED})  # type: ignore[arg-type]

    real = seal.read_seal
    patch.setattr("stage_gate.evidence.store.read_seal", read)


def forget_the_clock(patch: Patch) -> None:
    patch.setattr(right, "clock_doubt", lambda offset: None)


MUTANTS = (
    Mutant("trust an XCom", trust_an_xcom, Promise.VERDICT),
    Mutant("resend on WAITING", resend_on_waiting, Promise.NO_RESEND),
    Mutant("ignore the sibling", ignore_the_sibling, Promise.UNTOUCHED),
    Mutant("forget what can't be read", forget_what_cannot_be_read, Promise.KNOWN),
    Mutant("follow a 307", follow_a_307, Promise.ONLY_PINNED),
    Mutant("skip the re-read", skip_the_re_read, Promise.LOOKED),
    Mutant("take the first waiting step", take_the_first_waiting_step, Promise.ONLY_PINNED),
    Mutant("accept an empty plan", accept_an_empty_plan, Promise.VERDICT),
    Mutant("treat missing as passed", treat_missing_as_passed, Promise.VERDICT),
    Mutant("keep tickets apart", keep_tickets_apart, Promise.CLAIMED),
    Mutant("send without a ticket", send_without_a_ticket, Promise.CLAIMED),
    Mutant("give up after a death", give_up_after_a_death, Promise.GOES_ON),
    Mutant("seal after the PUT", seal_after_the_put, Promise.SEALED),
    Mutant("believe any signature", believe_any_signature, Promise.SEALED),
    Mutant("forget the clock", forget_the_clock, Promise.CLOCK),
)
