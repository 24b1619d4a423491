"""Which sites are checked, by which checks with which settings, as a gate file says it?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aem_checks.access_names import named_for_else, names_in, same_to_airflow
from aem_checks.check import Check, CheckSettings
from aem_checks.check_settings import Configured, Kinds, SettingsReader
from aem_checks.kinds import is_code_of_a_team
from aem_checks.outcomes import Severity
from aem_checks.readable import Path as Where
from aem_checks.readable import dotted, validate
from aem_checks.sites import BuildMarker, Endpoint, SiteConfig, Target
from aem_checks.yaml_lines import ConfigError, Map, Seq, load_extended, place_of, suggestion

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
    tree = load_extended(path)
    refuse_unknown_keys(tree, CHECK_KEYS | GATE_KEYS)
    plan = parse_check_plan(tree)
    used = {same_to_airflow(name): where for name, where in named_for_else(tree, CHECK_KEYS)}
    refuse_access(tree, plan, lambda name: _used_by_the_gate(used.get(same_to_airflow(name))))
    return plan


def _used_by_the_gate(where: str | None) -> Refusal | None:
    return None if where is None else (f"it is that of {where}", OWN_CONNECTION)


def refuse_access(tree: Map, plan: CheckPlan, refusal: Callable[[str], Refusal | None]) -> None:
    """Raise ``ConfigError`` for the first connection that shall open something for a check and may not.

    ``refusal`` says of a name why it may not, and what to do.
    """
    for where, name in accesses_in(tree, plan):
        if found := refusal(name):
            problem = f"{dotted(where)} names the connection {name!r}, and {found[0]}"
            raise ConfigError(*place_of(tree, where), problem, found[1])


def accesses_in(tree: Map, plan: CheckPlan) -> Iterator[tuple[Where, str]]:
    """Every connection that sites and checks of a file name to open something with, and where it is written."""
    for index, site in enumerate(plan.sites):
        for inside, name in names_in(site):
            yield ("sites", index, *inside), name
    for check in plan.checks:
        for inside, name in names_in(check.settings):
            yield (*place_of_check(tree, check), *inside), name


def place_of_check(tree: Map, check: ConfiguredCheck) -> Where:
    """Where a check is configured: below its kind, and for a kind that has several in its item."""
    written = tree.get("checks", {}).get(check.kind)
    name = getattr(check.settings, "name", None)
    if isinstance(written, list):
        for index, item in enumerate(written):
            if isinstance(item, dict) and item.get("name") == name:
                return ("checks", check.kind, index)
    return ("checks", check.kind)


def refuse_unknown_keys(tree: Map, known: Iterable[str]) -> None:
    names = frozenset(known)
    for key in tree:
        if key not in names:
            raise ConfigError(
                *tree.key_places[key], f"{key!r} is unknown", suggestion(key, names | {"extends"})
            )


def parse_check_plan(tree: Map, kinds: Kinds | None = None, *, folder: Path | None = None) -> CheckPlan:
    """Read ``sites``, ``checks`` and ``production_tests`` of a gate file. Raises ``ConfigError``.

    Without ``kinds`` it knows those that are installed. ``folder`` is where relative paths in settings start;
    by default the folder of the file.
    """
    known = _installed_kinds(tree) if kinds is None else kinds
    sites = _parse_sites(tree)
    base = Path(tree.place.file).parent if folder is None else folder
    reader = SettingsReader(tree, known, base)
    configured = reader.read()
    on_production = _parse_production_tests(tree, known, configured)
    checks = []
    for site in sites:
        prefix = f"{site.name}." if len(sites) > 1 else ""
        for name, (kind, settings) in configured.items():
            if "stage" in kind.targets:
                checks.append(_configure(prefix + name, kind, site, "stage", settings))
        for name, (kind, settings) in configured.items():
            if site.production and kind.kind in on_production:
                checks.append(_configure(f"production.{prefix}{name}", kind, site, "production", settings))
    return CheckPlan(sites, tuple(checks), reader.switched_off)


def _installed_kinds(tree: Map) -> Kinds:
    from aem_checks.kinds import KindError, all_kinds

    try:
        return all_kinds()
    except KindError as error:
        problem = f"no check can be configured: {error}"
        raise ConfigError(tree.place.file, 0, problem, "Correct that module, or remove it.") from error


def _configure(
    key: str, kind: type[Check[Any]], site: SiteConfig, target: Target, settings: CheckSettings
) -> ConfiguredCheck:
    return ConfiguredCheck(
        key=key,
        kind=kind.kind,
        site=site.name,
        target=target,
        settings=settings,
        severity=settings.severity or kind.severity,
        after=settings.after or kind.after,
        check_type=kind,
    )


def _parse_sites(tree: Map) -> tuple[SiteConfig, ...]:
    written = tree.get("sites")
    if not isinstance(written, Seq) or not written:
        raise ConfigError(
            *place_of(tree, ("sites",)),
            "a list of at least one site is needed under 'sites'",
            "Write 'sites:' and below it '- stage: https://...' with 'pages: [/]'.",
        )
    sites: list[SiteConfig] = []
    for index, value in enumerate(written):
        site = validate(SiteConfig, tree, ("sites", index), value)
        if any(site.name == other.name for other in sites):
            raise ConfigError(
                *place_of(tree, ("sites", index, "name")),
                f"two sites are called {site.name!r}",
                "Give each its own 'name:'.",
            )
        sites.append(site)
    return tuple(sites)


def _parse_production_tests(tree: Map, kinds: Kinds, configured: Configured) -> frozenset[str]:
    """The kinds that also run on production after its deployment."""
    if "production_tests" not in tree:
        return frozenset(PRODUCTION_TESTS)
    written = tree["production_tests"]
    if not isinstance(written, Seq):
        raise ConfigError(
            *place_of(tree, ("production_tests",)),
            "'production_tests' is a list of kinds of checks",
            f"Write 'production_tests: [{', '.join(PRODUCTION_TESTS)}]', or [] for none.",
        )
    active = {kind.kind for kind, _ in configured.values()}
    for place, name in zip(written.item_places, written, strict=True):
        if name not in kinds:
            raise ConfigError(
                *place, f"there is no kind of check called {name!r}", suggestion(str(name), kinds)
            )
        if name not in active:
            raise ConfigError(
                *place, f"{name} is not switched on", f"Configure it under 'checks:', or remove {name} here."
            )
        if "production" not in kinds[name].targets:
            possible = [k for k in kinds if "production" in kinds[k].targets]
            raise ConfigError(
                *place, f"{name} cannot run on production", f"Choose among {', '.join(possible)}."
            )
    return frozenset(written)
