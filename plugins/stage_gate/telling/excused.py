"""What does a gate forgive for now, of this release? Everything, whether it was needed this time or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult
from stage_gate.configuration.excusing import excusing_settings

if TYPE_CHECKING:
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.plan import Waiver
    from stage_gate.telling.release import Release


def excused(release: Release, sealed: Sealed) -> Iterator[str]:
    """Everything that the gate forgives for now, whether it was needed this time or not."""
    plan = sealed.plan
    yield from (f"{c.key} is in quarantine: {c.quarantine}" for c in plan.stage_checks if c.quarantine)
    yield from (c.exposed for c in plan.checks if c.unisolated)
    yield from map(_waived, plan.waivers)
    for place, each in (excusing_settings(release.gate) if release.gate else {}).items():
        yield f"{place} is {each.shown or 'empty'}"
    for entry in sealed.recorded:
        if entry.result.flaky:
            yield (f"{entry.result.key} {_how_flaky(entry.result)}; flaky counts as {plan.flakes.count_as}.")


def _how_flaky(result: CheckResult) -> str:
    return "passed cases only on a further try" if result.retried else "did not fail on its re-run as before"


def _waived(waiver: Waiver) -> str:
    if not waiver.code:
        return (
            f"{waiver.check}: a waiver about {waiver.subject} names no code, so it waives nothing: {waiver}"
        )
    return f"{waiver.check}, findings {waiver.code} about {waiver.subject}, are waived: {waiver}"
