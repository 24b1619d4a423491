"""How is the go-live step of one pinned execution approved or rejected: at most once, and only that step?

The only module of this package that sends an acting PUT to a step. It knows two bodies, "approved" true and
false; it never overrides a metric, schedules, resumes, promotes or starts anything
(``advancing-and-cancelling-steps.md`` in github.com/AdobeDocs/cloudmanager-api-docs lists them all).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import (
    ActRefused,
    CloudManagerError,
    CredentialError,
    ForeignLink,
    NotSent,
)
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Approval, approval_state
from adobe_cloud_manager.vocabulary import PRODUCTION, Action, ExecutionStatus, StepStatus

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.protocol import Receipt

NOTHING_HAPPENED = (NotSent, ActRefused, CredentialError, ForeignLink)
"""What the hook raises when it is certain that nothing was carried out; anything else leaves it open."""


class Verb(StrEnum):
    """What can be done to the go-live step."""

    APPROVE = "approve"
    REJECT = "reject"


class ActKind(StrEnum):
    """What is known after the one request."""

    ACKNOWLEDGED = "acknowledged"
    """Cloud Manager acknowledged it, and the step was then seen in the state that was asked for."""
    UNKNOWN_BUT_SEEN = "unknown_but_seen"
    """The answer was lost; the step was then seen in that state, whoever brought it there."""
    UNRESOLVED = "unresolved"
    """The step was not seen in that state. Nobody may send again; a person has to look."""


class NotActionable(CloudManagerError):
    """There is nothing to act on, so nothing was sent: the sentence says what was found instead."""


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """What became of the one request."""

    kind: ActKind
    sentence: str
    status_seen: str
    """The last status of the step that was seen; empty if it could not be read back."""
    request_id: str | None = None
    """Adobe's ``x-request-id`` of the answer, if there was one."""


Claim = Callable[[StepState], None]
"""Raises if this candidate was already claimed; called before anything is sent."""
BeforeSend = Callable[[Execution, StepState], None]
"""The last check on what was read just now; raises to refuse."""


def act_once(
    hook: CloudManagerHook,
    program_id: str,
    pipeline_id: str,
    execution_id: str,
    verb: Verb | str,
    *,
    claim: Claim,
    before_send: BeforeSend,
    read_back_for: float,
    read_back_every: float = 5.0,
) -> ActOutcome:
    """Approve or reject the go-live step of one execution with exactly one PUT.

    Reads the execution, claims, reads it again, asks ``before_send``, sends, and reads the step back until it
    shows the decision or ``read_back_for`` seconds have passed, soon at first and then every
    ``read_back_every`` seconds.

    Raises ``NotActionable`` where there is no such step to act on or it changed while it was claimed,
    whatever ``claim`` and ``before_send`` raise, the error of a reading before the request, and ``NotSent``,
    ``ActRefused``, ``CredentialError`` or ``ForeignLink`` where certainly nothing was carried out. In each of
    these cases nothing was changed. Once a byte may have left, it returns.
    """
    pinned, verb = PinnedExecution.of(program_id, pipeline_id, execution_id), Verb(verb)
    step = step_to_act_on(_read(hook, pinned), pinned, verb)
    claim(step)
    execution = _read(hook, pinned)
    again = step_to_act_on(execution, pinned, verb)
    if (again.path, again.id) != (step.path, step.id):
        raise NotActionable(f"The approval of {pinned} is another step than the one that was claimed.")
    before_send(execution, again)
    answer = send_once(hook, again, verb)
    return read_back(hook, pinned, verb, answer, seconds=read_back_for, every=read_back_every)


def step_to_act_on(execution: Execution, pinned: PinnedExecution, verb: Verb) -> StepState:
    """The one step that ``verb`` may be sent to. Raises ``NotActionable``, saying what is there instead.

    It is an approval for production, of the pinned execution by its ids and by the path of its link, it
    waits, and Cloud Manager offers the link to this credential.
    """
    stranger = pinned.disowns(execution)
    if stranger is not None:
        raise NotActionable(stranger)
    waiting = [step for step in execution.waiting_steps if _is_go_live(step)]
    if execution.is_terminal or len(waiting) != 1:
        found = f"{len(waiting)} approvals wait" if len(waiting) > 1 else approval_state(execution).sentence
        raise NotActionable(f"No single approval for production waits in {pinned}: {found}")
    step = waiting[0]
    link = link_for(step, verb)
    if link is None:
        raise NotActionable(
            f"Cloud Manager offers no link to {verb} {step.name} of {pinned}; does the credential have the "
            "permission Production Deployments Approve/Reject?"
        )
    if step.execution_id != pinned.execution_id or not pinned.owns_link(link, _LINK_ENDS[verb]):
        raise NotActionable(f"The link to {verb} {step.name} does not belong to {pinned}; nothing was sent.")
    return step


def link_for(step: StepState, verb: Verb) -> str | None:
    """The link that ``verb`` is sent to: advance to approve, cancel to reject."""
    return step.advance_link if verb is Verb.APPROVE else step.cancel_link


_LINK_ENDS = {Verb.APPROVE: "advance", Verb.REJECT: "cancel"}


def _is_go_live(step: StepState) -> bool:
    return step.action == Action.APPROVAL and step.environment_type == PRODUCTION


def _read(hook: CloudManagerHook, pinned: PinnedExecution) -> Execution:
    return hook.get_execution(pinned.program_id, pinned.pipeline_id, pinned.execution_id)


def send_once(hook: CloudManagerHook, step: StepState, verb: Verb) -> Receipt | Exception:
    """Send the one PUT: Cloud Manager's receipt, or the error where nobody knows whether it was carried out.

    Raises ``NotSent``, ``ActRefused``, ``CredentialError`` or ``ForeignLink`` where certainly nothing was
    carried out. Whatever it returns, nobody may send again.
    """
    try:
        if verb is Verb.APPROVE:
            return hook.advance(step, {"approved": True})
        return hook.cancel(step, {"approved": False})
    except NOTHING_HAPPENED:
        raise
    except Exception as error:  # noqa: BLE001 - whatever went wrong, a byte of it may have left
        return error


def read_back(
    hook: CloudManagerHook,
    pinned: PinnedExecution,
    verb: Verb,
    answer: Receipt | Exception,
    *,
    seconds: float,
    every: float = 5.0,
) -> ActOutcome:
    """What came of the request: read until the step shows a decision of either kind, or the time is over.

    It looks soon at first and then every ``every`` seconds, for at most ``seconds``. Never raises.
    """
    shown: Execution | None = None
    until, pause = time.monotonic() + seconds, every / 16
    while True:
        try:
            execution = _read(hook, pinned)
            shown = execution if pinned.disowns(execution) is None else shown
        except (CloudManagerError, OSError):
            pass
        if (shown is not None and approval_state(shown).is_over) or time.monotonic() >= until:
            return _outcome(pinned, verb, answer, shown, seconds)
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(every, pause * 2)


def _shows(execution: Execution, verb: Verb) -> bool:
    """Whether it shows what was asked for.

    The statuses after a rejection are not documented, so any end but an approval shows one, unless production
    began all the same, or the execution went well to its end without any rejected step.
    """
    state = approval_state(execution).state
    if verb is Verb.APPROVE:
        return state is Approval.APPROVED
    ended_by_it = state is Approval.ENDED and execution.status != ExecutionStatus.FINISHED
    return (state is Approval.REJECTED or ended_by_it) and not any(map(_reaches_production, execution.steps))


def _reaches_production(step: StepState) -> bool:
    """Whether it is a deployment that has begun, or may have, and leads to production, or does not say where."""
    if step.action != Action.DEPLOY or step.environment_type not in (PRODUCTION, None):
        return False
    was_never_begun = step.status == StepStatus.NOT_STARTED or (
        step.status == StepStatus.CANCELLED and step.started_at is None
    )
    return not was_never_begun


def _outcome(
    pinned: PinnedExecution,
    verb: Verb,
    answer: Receipt | Exception,
    shown: Execution | None,
    seconds: float,
) -> ActOutcome:
    state = approval_state(shown) if shown else None
    seen = state.sentence if state else "The step could not be read back."
    status = state.status if state else ""
    request_id = getattr(answer, "request_id", None)
    if isinstance(answer, Exception):
        said, kind = f"The answer to the request to {verb} was lost ({answer})", ActKind.UNKNOWN_BUT_SEEN
    else:
        said, kind = f"Cloud Manager acknowledged the request to {verb}", ActKind.ACKNOWLEDGED
    if shown is not None and _shows(shown, verb):
        return ActOutcome(kind, f"{said}. {seen}", status, request_id)
    sentence = (
        f"{said}, and within {seconds:g} s {pinned} did not show it. {seen} It is not sent again: "
        f"look at {pinned.ui_link()} and decide there."
    )
    return ActOutcome(ActKind.UNRESOLVED, sentence, status, request_id)
