"""Which sites are checked, by which checks with which settings, as a gate file says it?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aem_checks.access_names import named_for_else, names_in, same_to_airflow
from aem_checks.check import Check, CheckSettings
from aem_checks.check_settings import Configured, Kinds, SettingsReader
from aem_checks.kinds import is_code_of_a_team
from aem_checks.outcomes import Severity
from aem_checks.readable import dotted, validate
from aem_checks.sites import BuildMarker, Endpoint, SiteConfig, Target
from aem_checks.yaml_lines import ConfigError, KeyPath, Wrong, load_extended, suggestion

__all__ = [
    "CHECK_KEYS",
    "GATE_KEYS",
    "BuildMarker",
    "CheckPlan",
    "ConfigError",
    "ConfiguredCheck",
    "Endpoint",
    "SiteConfig",
    "load_check_plan",
    "parse_check_plan",
]

CHECK_KEYS = frozenset({"sites", "checks", "production_tests"})
"""The top-level names of a gate file that belong to the checks."""
GATE_KEYS = frozenset({"pipeline", "policy", "mode", "waits", "notify", "smoke_tests"})
"""The top-level names that belong to the release gate and mean nothing to the checks."""
OWN_CONNECTION = "Give it a connection of its own, of type HTTP or Generic."
Refusal = tuple[str, str]
"""Why a connection may not be used for this, as the second half of a sentence, and what to do."""
PRODUCTION_TESTS = ("key_pages", "real_404", "client_libraries", "redirects")


@dataclass(frozen=True, slots=True)
class ConfiguredCheck:
    """One check of one site on one target, with everything it needs to know."""

    key: str
    """Unique in a gate, stable, and a valid Airflow task id: ``key_pages``, ``wknd-us.suites.cypress``,
    and for production ``production.key_pages``."""
    kind: str
    site: str
    target: Target
    settings: CheckSettings
    severity: Severity
    """What the gate file says, else the kind's default."""
    after: Literal["settled", "cloud_manager_tests"]
    check_type: type[Check[Any]]
    path: KeyPath
    """Where the gate file configures it, or would."""

    @property
    def name(self) -> str:
        """The key without its target, for a task inside the target's own group."""
        return self.key.removeprefix("production.") if self.target == "production" else self.key

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCK and not self.settings.dry_run

    @property
    def capped(self) -> bool:
        """Whether the gate file limits how grave a finding can be."""
        return self.settings.severity is not None or self.settings.dry_run

    @property
    def is_code_of_a_team(self) -> bool:
        """Whether it is a suite or a team's own check."""
        return is_code_of_a_team(self.check_type)

    @property
    def opens_pages(self) -> bool:
        """Whether it looks at pages in a browser from this process, and so can share it with others."""
        return self.check_type.opens_pages and not self.is_code_of_a_team

    @property
    def reads_pages(self) -> bool:
        """Whether it looks at recorded pages in this process, and so can do it together with others."""
        return self.check_type.reads_recording and not self.is_code_of_a_team

    @property
    def accepts_exposure(self) -> bool:
        """Whether the gate file accepts that this code of a team can't be isolated from the gate."""
        return self.settings.isolation is not None

    @property
    def settings_digest(self) -> str:
        """SHA-256 of kind and settings, the same in every process."""
        told = {
            "kind": self.kind,
            "after": self.after,
            "severity": self.severity,
            "settings": self.settings.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def create(self) -> Check[Any]:
        return self.check_type(self.settings)


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """The sites of a gate file and all checks of them, in a stable order."""

    sites: tuple[SiteConfig, ...]
    checks: tuple[ConfiguredCheck, ...]
    switched_off: tuple[str, ...] = ()
    """Kinds that the file turns off with ``false``."""

    def site(self, name: str) -> SiteConfig:
        """Raises ``KeyError`` for an unknown name."""
        return next((site for site in self.sites if site.name == name), None) or _no_site(name)

    def on(self, target: Target) -> tuple[ConfiguredCheck, ...]:
        return tuple(check for check in self.checks if check.target == target)


def _no_site(name: str) -> SiteConfig:
    raise KeyError(name)


def load_check_plan(path: str | Path) -> CheckPlan:
    """Read sites and checks of a gate file. Raises ``ConfigError``."""
    document = load_extended(path)
    with document.locating():
        refuse_unknown_keys(document.content, CHECK_KEYS | GATE_KEYS)
        plan = parse_check_plan(document.content, folder=Path(path).parent)
        used = {same_to_airflow(name): where for name, where in named_for_else(document.content, CHECK_KEYS)}
        refuse_access(plan, lambda name: _used_by_the_gate(used.get(same_to_airflow(name))))
    return plan


def _used_by_the_gate(where: str | None) -> Refusal | None:
    return None if where is None else (f"it is that of {where}", OWN_CONNECTION)


def refuse_access(plan: CheckPlan, refusal: Callable[[str], Refusal | None]) -> None:
    """Raise ``Wrong`` for the first connection that shall open something for a check and may not.

    ``refusal`` says of a name why it may not, and what to do.
    """
    for where, name in accesses_in(plan):
        if found := refusal(name):
            raise Wrong(where, f"{dotted(where)} names the connection {name!r}, and {found[0]}", found[1])


def accesses_in(plan: CheckPlan) -> Iterator[tuple[KeyPath, str]]:
    """Every connection that sites and checks of a file name to open something with, and where it is written."""
    for index, site in enumerate(plan.sites):
        for inside, name in names_in(site):
            yield ("sites", index, *inside), name
    for check in plan.checks:
        for inside, name in names_in(check.settings):
            yield (*check.path, *inside), name


def refuse_unknown_keys(content: Iterable[str], known: Iterable[str]) -> None:
    names = frozenset(known)
    for key in content:
        if key not in names:
            raise Wrong((key,), f"{key!r} is unknown", suggestion(key, names | {"extends"}))


def parse_check_plan(content: Mapping[str, Any], kinds: Kinds | None = None, *, folder: Path) -> CheckPlan:
    """Read ``sites``, ``checks`` and ``production_tests`` of a gate file. Raises ``Wrong``.

    Without ``kinds`` it knows those that are installed. ``folder`` is where relative paths in settings start.
    """
    known = _installed_kinds() if kinds is None else kinds
    sites = _parse_sites(content.get("sites"))
    reader = SettingsReader(content.get("checks"), known, folder)
    configured = reader.read()
    on_production = _production_tests(content, known, configured)
    checks = []
    for site in sites:
        prefix = f"{site.name}." if len(sites) > 1 else ""
        for name, each in configured.items():
            if "stage" in each.kind.targets:
                checks.append(_configure(prefix + name, each, site, "stage"))
        for name, each in configured.items():
            if site.production and each.kind.kind in on_production:
                checks.append(_configure(f"production.{prefix}{name}", each, site, "production"))
    return CheckPlan(sites, tuple(checks), reader.switched_off)


def _installed_kinds() -> Kinds:
    from aem_checks.kinds import KindError, all_kinds

    try:
        return all_kinds()
    except KindError as error:
        raise Wrong(
            None, f"no check can be configured: {error}", "Correct that module, or remove it."
        ) from error


def _configure(key: str, configured: Configured, site: SiteConfig, target: Target) -> ConfiguredCheck:
    kind, settings = configured.kind, configured.settings
    return ConfiguredCheck(
        key=key,
        kind=kind.kind,
        site=site.name,
        target=target,
        settings=settings,
        severity=settings.severity or kind.severity,
        after=settings.after or kind.after,
        check_type=kind,
        path=configured.path,
    )


def _parse_sites(written: object) -> tuple[SiteConfig, ...]:
    if not isinstance(written, list) or not written:
        raise Wrong(
            ("sites",),
            "a list of at least one site is needed under 'sites'",
            "Write 'sites:' and below it '- stage: https://...' with 'pages: [/]'.",
        )
    sites: list[SiteConfig] = []
    for index, value in enumerate(written):
        site = validate(SiteConfig, ("sites", index), value)
        if any(site.name == other.name for other in sites):
            raise Wrong(
                ("sites", index, "name"), f"two sites are called {site.name!r}", "Give each its own 'name:'."
            )
        sites.append(site)
    return tuple(sites)


def _production_tests(
    content: Mapping[str, Any], kinds: Kinds, configured: Mapping[str, Configured]
) -> frozenset[str]:
    """The kinds that also run on production after its deployment."""
    if "production_tests" not in content:
        return frozenset(PRODUCTION_TESTS)
    written = content["production_tests"]
    if not isinstance(written, list):
        raise Wrong(
            ("production_tests",),
            "'production_tests' is a list of kinds of checks",
            f"Write 'production_tests: [{', '.join(PRODUCTION_TESTS)}]', or [] for none.",
        )
    active = {each.kind.kind for each in configured.values()}
    for index, name in enumerate(written):
        path = ("production_tests", index)
        if name not in kinds:
            raise Wrong(path, f"there is no kind of check called {name!r}", suggestion(str(name), kinds))
        if name not in active:
            remedy = f"Configure it under 'checks:', or remove {name} here."
            raise Wrong(path, f"{name} is not switched on", remedy)
        if "production" not in kinds[name].targets:
            possible = [k for k in kinds if "production" in kinds[k].targets]
            raise Wrong(path, f"{name} cannot run on production", f"Choose among {', '.join(possible)}.")
    return frozenset(written)
