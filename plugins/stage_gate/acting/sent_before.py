"""Can a ticket that lies there be that of this very act, so that its effect in Cloud Manager is the gate's own?

By then the approval may not wait any more, so the whole right can't be proven again. What never changes can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.outcomes import Outcome
from stage_gate.evidence.signing import Signature
from stage_gate.rules.decision import Action, Decision
from stage_gate.rules.verdict import judge

if TYPE_CHECKING:
    from stage_gate.acting.right import Basis
    from stage_gate.rules.decision import Policy


def refusal_of_ticket(decision: Decision, basis: Basis, policy: Policy) -> str | None:
    """Why no ticket for this act can have been taken on this seal and answer, ``None`` where one can have been."""
    sealed, answer = basis.sealed, basis.answer
    outcome = judge(sealed.plan, sealed.candidate, sealed.recorded).outcome
    if sealed.signature is not Signature.TRUSTED:
        return f"The seal is {sealed.signature}, so nothing can have been sent on it."
    if answer is not None and not answer.is_trusted:
        return f"The answer of {answer.by} is {answer.signature}."
    if outcome is not sealed.verdict.outcome:
        return f"The sealed verdict is {sealed.verdict.outcome}, but the sealed results amount to {outcome}."
    if decision is Decision.APPROVED and outcome is not Outcome.PASSED:
        return f"The verdict is {outcome}; only passed can be approved, whatever ticket lies there."
    if decision is Decision.HALTED and answer is None and policy.action(outcome) is not Action.HALT:
        return f"The policy does not halt on {outcome}, whatever ticket lies there."
    return None
