"""K2: will production have every variable and secret that the release and stage have?

Values are not part of an image and no step of a pipeline tests them: a variable that production lacks leaves its
placeholder in the configuration there (help/implementing/cloud-manager/environment-variables and
help/implementing/deploying/configuring-osgi of Adobe's documentation). Names, types and services of both
environments are compared as Cloud Manager lists them. With a checkout the names that the release uses are read
from its source too: OSGi configurations, the CDN's YAML and Apache's files.

It would have caught issue 1120 of Adobe's project archetype, where stage and production shared what each needed for
itself, and every release whose new variable was set for stage alone.

It does not see whether a value is right. A name that only an optional feature uses is a false alarm: list it under
``allow:``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from aem_checks.asks import Fact, ask
from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, not_read
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.git import CheckoutError
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.parity._variables import Use
    from aem_checks.visit import Visit

FACT = "environment_variables"
_TARGETS = ("stage", "production")


class EnvironmentVariablesSettings(CheckoutSettings):
    """Which names may be missing, and where the release's source is."""

    allow: Annotated[tuple[str, ...], PATTERNS] = ()
    """Names that production may lack; ``*`` and ``?`` stand for any characters."""


class Variable(NamedTuple):
    """What Cloud Manager says of a variable; its value is never read."""

    name: str
    type: str = ""
    service: str = ""


class EnvironmentVariables(Check[EnvironmentVariablesSettings]):
    """Compares what Cloud Manager lists."""

    kind = "environment_variables"
    number = "K2"
    title = "Variables that stage or the release has and production lacks"
    codes = faults(
        stage_only="a variable is set for stage and not for production",
        not_set="the release uses a variable that an environment does not have",
        differs="a variable is of another type, or for other services, on production",
        allowed="a note: variables may be missing on production by the gate file",
        unread="the names of the variables could not be read",
    )
    settings_type = EnvironmentVariablesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        told = yield from ask(Fact(FACT))
        lists = {target: _variables(told, target) for target in _TARGETS}
        unknown = [target for target, known in lists.items() if known is None]
        if unknown:
            return _unknown(unknown)
        stage, production = (lists[target] or frozenset() for target in _TARGETS)
        findings = [*self._missing(stage, production), *_different(stage, production)]
        findings += yield from self._used({"stage": _names(stage), "production": _names(production)})
        # Two lists were read, so that no variables at all is an answer and not silence.
        return Judgement(examined=max(1, len(stage)), findings=shortened(findings, severity=self.weight))

    def _missing(self, stage: frozenset[Variable], production: frozenset[Variable]) -> Iterator[Finding]:
        missing = sorted(_names(stage) - _names(production))
        yield from (_only_on_stage(name) for name in missing if not self._allowed(name))
        waived = [name for name in missing if self._allowed(name)]
        if waived:
            yield _waived(waived)

    def _used(self, known: Mapping[str, frozenset[str]]) -> Steps[list[Finding]]:
        """What the source needs and an environment lacks; what stage alone has was said before."""
        from aem_checks.kinds.parity._variables import uses

        if self.settings.checkout is None:
            return []
        try:
            found = yield from uses()
        except CheckoutError as error:
            return [not_read(error)]
        needed: dict[tuple[str, str], list[Use]] = {}
        for use in found:
            for target in sorted(use.environments):
                lacking = use.name not in known[target] and not use.has_default
                said = target == "production" and use.name in known["stage"]
                if lacking and not said and not self._allowed(use.name):
                    needed.setdefault((target, use.name), []).append(use)
        return [_not_set(target, name, places) for (target, name), places in sorted(needed.items())]

    def _allowed(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.settings.allow)


def _variables(fact: Any, target: str) -> frozenset[Variable] | None:
    listed = fact.get(target) if isinstance(fact, Mapping) else None
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        return None
    return frozenset(_variable(each) for each in listed)


def _variable(told: Any) -> Variable:
    if isinstance(told, Mapping):
        return Variable(*(str(told.get(part) or "") for part in Variable._fields))
    return Variable(str(told))


def _names(variables: Iterable[Variable]) -> frozenset[str]:
    return frozenset(variable.name for variable in variables)


def _different(stage: frozenset[Variable], production: frozenset[Variable]) -> Iterator[Finding]:
    """A name that both have, as a secret here and as plain text there, or for other services."""
    for name in sorted(_names(stage) & _names(production)):
        here = sorted(
            f"{v.type} for {v.service or 'all services'}" for v in stage if v.name == name and v.type
        )
        there = sorted(
            f"{v.type} for {v.service or 'all services'}" for v in production if v.name == name and v.type
        )
        if here and there and here != there:
            yield Finding(
                code="differs",
                subject=f"{name} differs",
                sentence=f"The variable {quoted(name)} is {quoted(', '.join(here))} on stage and "
                f"{quoted(', '.join(there))} on production: what reads it may get nothing there. To do: set it alike "
                "in Cloud Manager.",
                expected=f"production: {', '.join(here)}",
                actual=f"production: {', '.join(there)}",
                severity=Severity.WARN,
            )


def _unknown(targets: list[str]) -> Judgement:
    where = " and ".join(targets)
    finding = Finding(
        code="unread",
        subject=f"variables of {where}",
        sentence=f"The names of the variables of {where} could not be read from Cloud Manager, so they were not "
        "compared. To do: give the gate's credential access to the variables of both environments.",
        expected="the names of the variables of both environments",
        actual=f"none for {where}",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
    )
    return Judgement(examined=0, findings=(finding,))


def _only_on_stage(name: str) -> Finding:
    return Finding(
        code="stage_only",
        subject=name,
        sentence=f"The variable {quoted(name)} is set for stage but not for production: what uses it works here "
        "and breaks there. To do: set it for production in Cloud Manager, or list it under 'allow:'.",
        expected="set for production",
        actual="set for stage only",
    )


def _not_set(target: str, name: str, places: list[Use]) -> Finding:
    paths = sorted({use.path for use in places})
    more = f" and {count(len(paths) - 1, 'file')} more" if len(paths) > 1 else ""
    kind = "secret" if any(use.secret for use in places) else "variable"
    return Finding(
        code="not_set",
        subject=f"{name} on {target}",
        sentence=f"The release uses the {kind} {quoted(name)} in {quoted(paths[0], 200)}{more} without a default, and "
        f"{target} has no such variable: its placeholder would stay in the configuration there. To do: set it for "
        f"{target} in Cloud Manager, give it a default, or list it under 'allow:'.",
        expected=f"set for {target}",
        actual="not set",
        severity=None if target == "production" else Severity.WARN,
    )


def _waived(names: list[str]) -> Finding:
    return Finding(
        code="allowed",
        subject="allowed differences",
        sentence=f"{count(len(names), 'variable')} of stage may be missing on production by the gate file: "
        f"{', '.join(quoted(name) for name in names[:10])}.",
        outcome=Outcome.PASSED,
    )
