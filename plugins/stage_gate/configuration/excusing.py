"""Which settings of a gate overlook something, wherever its file says so? Found by their type, whatever they are called.

Quarantines, waivers and flakes are told with owner and end elsewhere: these are the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.excuses import Overlooked, overlooked_by

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate

_TOLD_ELSEWHERE = {("policy", "quarantine"), ("policy", "waivers"), ("policy", "flakes")}


def excusing_settings(gate: Gate) -> dict[str, Overlooked]:
    """By their place in the gate file, such as ``checks.structure.exempt``: those that the gate makes use of."""
    found: dict[str, Overlooked] = {}
    for check in gate.plan.checks:
        own_name = getattr(check.settings, "name", "")
        place = f"checks.{check.kind}.{own_name}" if own_name else f"checks.{check.kind}"
        for each in overlooked_by(check.settings, gate.site(check.site).pages):
            if each.everything or f"{place}.{each.name}" not in found:
                found[f"{place}.{each.name}"] = each
    for each in overlooked_by(gate.settings):
        if each.path[:2] not in _TOLD_ELSEWHERE:
            found[each.name] = each
    return found
