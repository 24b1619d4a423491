"""Does what a gate file, and the deployment, say of a team's own Airflow tasks fit what its Dag file declares?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.outcomes import Severity
from aem_checks.yaml_lines import ConfigError, suggestion
from stage_gate.configuration.gate_rules import excuses
from stage_gate.rules.plan import OWN_TESTS

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.configuration.policy import PolicySettings
    from stage_gate.rules.own_tests import OwnTest

_MINIMUM = "[stage_gate] minimum_checks"


def excused_own_tests(policy: PolicySettings) -> Iterator[str]:
    """Keys of such tests in quarantine, or with a waiver: the Dag file says whether there are tests of that name."""
    return (each.check for _, _, each in excuses(policy) if each.check.startswith(f"{OWN_TESTS}."))


def refuse_wrong_own_tests(
    gate: Gate, file: Path, tests: Iterable[OwnTest], minimum: Collection[str]
) -> None:
    """Raise ``ConfigError`` for an excuse of a test that is not declared, and for less than the deployment wants.

    ``tests`` are all that the gate's Dag file declares; none where it has no such file.
    """
    declared = {each.key: each for each in tests}
    excused = set(excused_own_tests(gate.policy))
    for key in sorted(excused - declared.keys()):
        remedy = (
            suggestion(key, declared)
            if declared
            else "Declare it in a Dag file with gate_dag, or take it out."
        )
        raise ConfigError(str(file), 0, f"policy names {key!r}, and no Dag file declares such a test", remedy)
    if OWN_TESTS in minimum:
        _refuse_less(file, declared.values(), excused)


def _refuse_less(file: Path, tests: Collection[OwnTest], excused: Collection[str]) -> None:
    weak = [each.key for each in tests if each.severity is not Severity.BLOCK or each.key in excused]
    if tests and not weak:
        return
    what = f"{weak[0]} only warns, or is excused" if weak else "this gate has no test that is an Airflow task"
    raise ConfigError(
        str(file),
        0,
        f"{_MINIMUM} of this deployment wants {OWN_TESTS} to block in every gate, and {what}",
        "Declare one with gate_dag (docs/own-tasks.md), and let each block.",
    )
