"""K2: which variables and secrets does the stage environment have that production lacks?

Values are not part of an image and no step of a pipeline tests them: a variable that production lacks leaves
its placeholder in the configuration there (help/implementing/cloud-manager/environment-variables and
help/implementing/deploying/configuring-osgi of Adobe's documentation). Only names are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aem_checks.check import CheckSettings, SiteCheck
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.visit import Visit

FACT = "environment_variables"


class EnvironmentVariablesSettings(CheckSettings):
    """Which names may be on stage only."""

    allow: tuple[str, ...] = ()
    """Names that only stage needs; ``*`` and ``?`` stand for any characters."""


class EnvironmentVariables(SiteCheck[EnvironmentVariablesSettings]):
    """Compares names that Cloud Manager lists; ``visit.facts`` holds them, since a check cannot ask."""

    kind = "environment_variables"
    number = "K2"
    title = "Variables that stage has and production lacks"
    settings_type = EnvironmentVariablesSettings

    async def run(self, visit: Visit) -> Judgement:
        stage, production = (_names(visit.facts.get(FACT), target) for target in ("stage", "production"))
        if stage is None or production is None:
            return _unknown(
                [name for name, known in (("stage", stage), ("production", production)) if known is None]
            )
        missing = sorted(stage - production)
        findings = [_missing(name) for name in missing if not self._allowed(name)]
        waived = [name for name in missing if self._allowed(name)]
        if waived:
            findings.append(_waived(waived))
        # Two lists were read, so that no variables at all is an answer and not silence.
        return Judgement(examined=max(1, len(stage)), findings=tuple(findings))

    def _allowed(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.settings.allow)


def _names(fact: Any, target: str) -> frozenset[str] | None:
    names = fact.get(target) if isinstance(fact, Mapping) else None
    if isinstance(names, str) or not isinstance(names, Iterable):
        return None
    return frozenset(str(name) for name in names)


def _unknown(targets: list[str]) -> Judgement:
    where = " and ".join(targets)
    finding = Finding(
        subject=f"variables of {where}",
        sentence=f"The names of the variables of {where} could not be read from Cloud Manager, so they were not "
        "compared. To do: give the gate's credential access to the variables of both environments.",
        expected="the names of the variables of both environments",
        actual=f"none for {where}",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
    )
    return Judgement(examined=0, findings=(finding,))


def _missing(name: str) -> Finding:
    return Finding(
        subject=name,
        sentence=f"The variable {quoted(name)} is set for stage but not for production: what uses it works here "
        "and breaks there. To do: set it for production in Cloud Manager, or list it under 'allow:'.",
        expected="set for production",
        actual="set for stage only",
    )


def _waived(names: list[str]) -> Finding:
    return Finding(
        subject="allowed differences",
        sentence=f"{count(len(names), 'variable')} of stage may be missing on production by the gate file: "
        f"{', '.join(quoted(name) for name in names[:10])}.",
        outcome=Outcome.PASSED,
    )
