"""Which sites are checked, by which checks with which settings, as a gate file says it?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from aem_checks.check import Check, CheckSettings, Target
from aem_checks.outcomes import Severity
from aem_checks.readable import readable_error
from aem_checks.sites import BuildMarker, Endpoint, SiteConfig, check_name
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
    "validate",
]

CHECK_KEYS = frozenset({"sites", "checks", "production_tests"})
"""The top-level names of a gate file that belong to the checks."""
GATE_KEYS = frozenset({"pipeline", "policy", "mode", "waits"})
"""The top-level names that belong to the release gate and mean nothing to the checks."""
PRODUCTION_TESTS = ("key_pages", "real_404", "client_libraries", "redirects")

ModelT = TypeVar("ModelT", bound=BaseModel)
Kinds = Mapping[str, type[Check[Any]]]


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
    return parse_check_plan(tree)


def refuse_unknown_keys(tree: Map, known: Iterable[str]) -> None:
    names = frozenset(known)
    for key in tree:
        if key not in names:
            raise ConfigError(
                *tree.key_places[key], f"{key!r} is unknown", suggestion(key, names | {"extends"})
            )


def parse_check_plan(tree: Map, kinds: Kinds | None = None) -> CheckPlan:
    """Read ``sites``, ``checks`` and ``production_tests`` of a gate file. Raises ``ConfigError``.

    Without ``kinds`` it knows those that are installed.
    """
    known = _installed_kinds(tree) if kinds is None else kinds
    sites = _parse_sites(tree)
    configured, off = _parse_settings(tree, known)
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
    return CheckPlan(sites, tuple(checks), off)


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


def validate(model: type[ModelT], tree: Map, path: tuple[str | int, ...], value: Any) -> ModelT:
    """Build ``model`` from ``value``, found at ``path`` of ``tree``. Raises ``ConfigError`` with the line.

    A model may resolve file names against ``folder`` of the context: where the file stands that names them.
    """
    try:
        return model.model_validate(value, context={"folder": Path(place_of(tree, path).file).parent})
    except ValidationError as error:
        raise readable_error(error, model, tree, path) from None


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


Configured = dict[str, tuple[type[Check[Any]], CheckSettings]]


def _parse_settings(tree: Map, kinds: Kinds) -> tuple[Configured, tuple[str, ...]]:
    """Settings by the name of the check, in the registry's order, and the kinds that are switched off."""
    written = tree["checks"] if tree.get("checks") is not None else Map(tree.place)
    if not isinstance(written, Map):
        raise ConfigError(
            *place_of(tree, ("checks",)),
            "'checks' maps kinds of checks to their settings",
            "Write 'key_pages: {}'.",
        )
    for name in written:
        if name not in kinds:
            raise ConfigError(
                *written.key_places[name],
                f"there is no kind of check called {name!r}",
                suggestion(name, kinds),
            )
    configured: Configured = {}
    for name, kind in kinds.items():
        if name not in written and not kind.default_on:
            continue
        value = written.get(name)
        if value is not False:
            configured.update(_settings_of(tree, name, kind, value))
    return configured, tuple(name for name in kinds if written.get(name) is False)


def _settings_of(tree: Map, name: str, kind: type[Check[Any]], value: Any) -> Configured:
    path = ("checks", name)
    if "name" in kind.settings_type.model_fields:
        return _named_settings(tree, name, kind, value)
    if value is None or value is True:
        value = {}
    if not isinstance(value, dict):
        raise ConfigError(
            *place_of(tree, path),
            f"{name} needs settings, not {value!r}",
            "Write 'NAME: value' lines below it, or 'false' to switch it off.",
        )
    return {name: (kind, validate(kind.settings_type, tree, path, value))}


def _named_settings(tree: Map, name: str, kind: type[Check[Any]], value: Any) -> Configured:
    """A kind that is configured several times, as suites are: a list, each item with its own ``name``."""
    place = place_of(tree, ("checks", name))
    if not isinstance(value, list) or not value:
        raise ConfigError(
            *place, f"{name} is a list, and each item needs a name", f"Write '{name}: [{{name: ...}}]'."
        )
    configured: Configured = {}
    for index, item in enumerate(value):
        path = ("checks", name, index)
        settings = validate(kind.settings_type, tree, path, item)
        try:
            key = f"{name}.{check_name(str(getattr(settings, 'name', '')))}"
        except ValueError as error:
            raise ConfigError(
                *place_of(tree, (*path, "name")), str(error).partition("; ")[0], "Choose a simpler name."
            ) from None
        if key in configured:
            raise ConfigError(
                *place_of(tree, (*path, "name")), f"two {name} have the same name", "Rename one of them."
            )
        configured[key] = (kind, settings)
    return configured


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
