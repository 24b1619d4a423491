"""What is said of a team's own Airflow tasks on the Docs tab of their gate?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aem_checks.durations import format_duration
from aem_checks.outcomes import Severity
from stage_gate.configuration.describe_policy import code

if TYPE_CHECKING:
    from stage_gate.rules.own_tests import OwnTest


def describe_own_tests(tests: Iterable[OwnTest]) -> str:
    """A section in Markdown; it depends on its arguments alone."""
    lines = [_line(each) for each in tests]
    if not lines:
        return ""
    head = (
        "## Airflow tasks of the team\n"
        "The Dag file of this gate declares them; each is a check with a result that its task writes itself.\n"
    )
    return "\n".join([head, *lines]) + "\n"


def _line(test: OwnTest) -> str:
    weight = "**blocks**" if test.severity is Severity.BLOCK else "warns"
    parts = [f"at most {format_duration(test.within)}"]
    if test.mapped:
        parts.append("mapped: every part counts")
    if test.reports:
        parts.append(f"reports in {code(test.reports)}")
    if test.after != "settled":
        parts.append("after Cloud Manager's own tests")
    if test.unisolated:
        parts.append("may run un-isolated: accepted in its Dag file")
    return f"- {code(test.key)} of site {code(test.site)} ({weight}): {', '.join(parts)}"
