"""Is a run a success, and why? A pure rule from how everything ended to one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import Decision, Mode


@dataclass(frozen=True)
class End:
    """What ``publish_report`` knows when it sets the state of the run."""

    mode: Mode
    decision: Decision | None
    outcome: Outcome | None
    production_reached: bool = False
    """Production was deployed, or is being deployed, whoever let it."""
    production_deployed: bool = False
    """Cloud Manager says that the deployment to production is finished."""
    production: Outcome | None = None
    """Of the production tests; ``None`` where none were planned or production was not reached."""
    production_planned: bool = False
    claimed: bool = False
    """The right to act was taken: a request may have left although no decision is on record."""
    let_through: bool = False
    """In guard mode: it only reported because production had been approved before."""
    seen_now: str = ""
    """What Cloud Manager said of production last, where an act was begun and its end is not on record."""
    reported_only: bool = False
    """The run only reported: an AEM update, or a run that pointed at the execution's own run."""


def run_succeeded(end: End) -> tuple[bool, str]:
    """Whether the run is a success, and the sentence that says so.

    Success is short: reported, halted, superseded, rejected by a person, shadow with a verdict, and production
    reached with a passed verdict (or a person's override) and passed production tests. Everything else is a
    failed run.
    """
    if end.reported_only and end.let_through:
        return False, "Not guarded: production was let through before this gate saw the execution."
    if end.reported_only:
        return True, "This run had nothing to decide."
    if end.decision is None:
        return _undecided(end)
    if end.decision is Decision.SUPERSEDED:
        return True, "Superseded: the execution ended before a decision was due; production was not touched."
    if end.decision is Decision.HALTED:
        return True, "Halted: production was not touched."
    if end.decision is Decision.HELD and not end.claimed:
        return False, "Held: the gate did not decide and production was not touched by it."
    if end.decision is Decision.HELD:
        return False, _unclear(end)
    if not end.production_reached:
        return True, f"{end.decision.capitalize()}: production was rejected in Cloud Manager."
    if end.decision is Decision.APPROVED and end.outcome is not Outcome.PASSED:
        verdict = end.outcome or Outcome.INCONCLUSIVE
        return False, f"Approved although the verdict is {verdict}: find out how, and look at production."
    if end.decision is Decision.BYPASSED and end.mode is Mode.GUARD and end.outcome is not Outcome.PASSED:
        verdict = end.outcome or Outcome.INCONCLUSIVE
        return False, f"Bypassed: production was approved elsewhere although the verdict is {verdict}."
    return _after_production(end)


def _undecided(end: End) -> tuple[bool, str]:
    if end.mode is Mode.SHADOW and end.outcome is not None:
        return True, f"Shadow: the verdict is {end.outcome} and nothing was done."
    if end.claimed:
        return False, _unclear(end)
    return False, "Undecided: the gate reached no decision; production was not touched by it."


def _unclear(end: End) -> str:
    seen = f"{end.seen_now} " if end.seen_now else ""
    came = "left no record of how it ended" if end.decision is None else "what came of it is not proven"
    return (
        f"Unclear: the gate began to act and {came}. {seen}"
        "Look at the execution in Cloud Manager, then clear the acting task: it sends nothing again."
    )


def _after_production(end: End) -> tuple[bool, str]:
    decided = str(end.decision).capitalize()
    if not end.production_deployed:
        return (
            False,
            f"{decided}, but the production deployment is not finished: see wait_for_production_deployment.",
        )
    if not end.production_planned:
        return True, f"{decided}; no production tests are configured."
    if end.production is Outcome.PASSED:
        return True, f"{decided}, and the production tests passed."
    found = end.production or Outcome.INCONCLUSIVE
    return False, f"{decided}, but the production tests are {found}."
