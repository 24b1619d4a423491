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
    from stage_gate.configuration.gate import Gate, GateSettings
    from stage_gate.configuration.policy import PolicySettings
    from stage_gate.rules.own_tests import OwnTest

_MINIMUM = "[stage_gate] minimum_checks"


def named_own_tests(settings: GateSettings) -> Iterator[str]:
    """Keys of such tests in a gate file: the Dag file says whether there are tests of that name."""
    yield from _excused(settings.policy)
    for question in settings.smoke_tests.questions if settings.smoke_tests else ():
        yield from filter(_is_own, question.covered_by)


def _excused(policy: PolicySettings) -> Iterator[str]:
    """Those in quarantine, or with a waiver."""
    return (each.check for _, _, each in excuses(policy) if _is_own(each.check))


def _is_own(key: str) -> bool:
    return key.startswith(f"{OWN_TESTS}.")


def refuse_wrong_own_tests(
    gate: Gate, file: Path, tests: Iterable[OwnTest], minimum: Collection[str]
) -> None:
    """Raise ``ConfigError`` for a test that is named and not declared, and for less than the deployment wants.

    ``tests`` are all that the gate's Dag file declares; none where it has no such file.
    """
    declared = {each.key: each for each in tests}
    for key in sorted(set(named_own_tests(gate.settings)) - declared.keys()):
        undeclared = "Declare it in a Dag file with gate_dag, or take it out."
        remedy = suggestion(key, declared) if declared else undeclared
        raise ConfigError(str(file), 0, f"it names {key!r}, and no Dag file declares such a test", remedy)
    if OWN_TESTS in minimum:
        _refuse_less(file, declared.values(), set(_excused(gate.policy)))


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
