"""Which kinds of checks does a gate not have, why, and what does each need?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aem_checks.check import Check
from aem_checks.kinds import all_kinds
from stage_gate.configuration.describe_policy import code
from stage_gate.configuration.gate import Gate


def describe_absent(gate: Gate, kinds: Mapping[str, type[Check[Any]]] | None = None) -> str:
    """A list in Markdown, by default of the installed kinds; empty where the gate has them all."""
    known = all_kinds() if kinds is None else kinds
    planned = {check.kind for check in gate.plan.checks}
    lines = [_line(kind, gate) for name, kind in known.items() if name not in planned]
    if not lines:
        return ""
    return "\n".join(["## Not checked", "", *lines])


def _line(kind: type[Check[Any]], gate: Gate) -> str:
    what = f"- {code(kind.kind)}, {_text(kind.title)}: "
    if kind.kind in gate.plan.switched_off:
        return f"{what}switched off in the gate file"
    return f"{what}needs {_text(kind.needs) or 'settings in the gate file'}"


def _text(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
