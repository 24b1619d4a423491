"""Which settings does each check have that a gate file switches on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aem_checks.check import Check, CheckSettings
from aem_checks.kinds import is_code_of_a_team
from aem_checks.readable import validate
from aem_checks.sites import check_name
from aem_checks.yaml_lines import KeyPath, Wrong, suggestion

OTHERS = "others"
"""Stands for every kind that a gate file does not name."""
Kinds = Mapping[str, type[Check[Any]]]


@dataclass(frozen=True)
class Configured:
    """One check that a gate file switches on."""

    kind: type[Check[Any]]
    settings: CheckSettings
    path: KeyPath
    """Where it is configured: below its kind, and for a kind that has several in its item."""


class SettingsReader:
    """Reads ``checks`` of a gate file. ``folder`` is where relative paths in settings start."""

    def __init__(self, written: object, kinds: Kinds, folder: Path) -> None:
        """Raises ``Wrong``."""
        self.kinds = kinds
        self.context = {"folder": str(folder)}
        self.written = _as_mapping(written)

    @property
    def switched_off(self) -> tuple[str, ...]:
        """Kinds that the file turns off, by name or all ``others`` together."""
        return tuple(name for name, kind in self.kinds.items() if self._is_turned_off(name, kind))

    def _is_turned_off(self, name: str, kind: type[Check[Any]]) -> bool:
        if name in self.written:
            return self.written[name] is False
        return kind.default_on and not self._others

    @property
    def _others(self) -> bool:
        """Whether kinds that the file does not name run with their defaults."""
        value = self.written.get(OTHERS, True)
        if not isinstance(value, bool):
            raise Wrong(
                ("checks", OTHERS),
                f"'{OTHERS}' is true or false, not {value!r}",
                f"Write '{OTHERS}: false' to run only the checks that are named here.",
            )
        return value

    def read(self) -> dict[str, Configured]:
        """All checks that are on, by name, in the registry's order. Raises ``Wrong``."""
        for name in self.written:
            if name not in self.kinds and name != OTHERS:
                raise Wrong(
                    ("checks", name),
                    f"there is no kind of check called {name!r}",
                    suggestion(name, {*self.kinds, OTHERS}),
                )
        configured: dict[str, Configured] = {}
        for name, kind in self.kinds.items():
            if name in self.written or (kind.default_on and self._others):
                configured.update(self._settings_of(name, kind, self.written.get(name)))
        return configured

    def _settings_of(self, name: str, kind: type[Check[Any]], value: Any) -> dict[str, Configured]:
        if value is False:
            return {}
        if "name" in kind.settings_type.model_fields:
            return self._named_settings(name, kind, value)
        if value is None or value is True:
            value = {}
        if not isinstance(value, dict):
            raise Wrong(
                ("checks", name),
                f"{name} needs settings, not {value!r}",
                "Write 'NAME: value' lines below it, or 'false' to switch it off.",
            )
        path = ("checks", name)
        return {name: Configured(kind, self._validate(kind, path, value), path)}

    def _named_settings(self, name: str, kind: type[Check[Any]], value: Any) -> dict[str, Configured]:
        """A kind that is configured several times, as suites are: a list, each item with its own ``name``."""
        if not isinstance(value, list) or not value:
            remedy = f"Write '{name}: [{{name: ...}}]'."
            raise Wrong(("checks", name), f"{name} is a list, and each item needs a name", remedy)
        configured: dict[str, Configured] = {}
        for index, item in enumerate(value):
            path = ("checks", name, index)
            settings = self._validate(kind, path, item)
            try:
                key = f"{name}.{check_name(str(getattr(settings, 'name', '')))}"
            except ValueError as error:
                raise Wrong((*path, "name"), *str(error).split("; ", 1)) from None
            if key in configured:
                raise Wrong((*path, "name"), f"two {name} have the same name", "Rename one of them.")
            configured[key] = Configured(kind, settings, path)
        return configured

    def _validate(self, kind: type[Check[Any]], path: KeyPath, value: Any) -> CheckSettings:
        settings = validate(kind.settings_type, path, value, self.context)
        if settings.isolation is not None:
            self._require_sense(kind, path, written=value.get("isolation"))
        return settings

    def _require_sense(self, kind: type[Check[Any]], path: KeyPath, written: Any) -> None:
        """Raise ``Wrong`` where isolation is accepted for no code of a team, or not by the gate file."""
        if written is None:
            raise Wrong(
                path,
                f"{kind.kind} says of itself that it need not be isolated",
                "Remove 'isolation' from its module: only a gate file can accept that.",
            )
        if not is_code_of_a_team(kind):
            raise Wrong(
                (*path, "isolation"),
                f"{kind.kind} runs no code of a team, so there is nothing to isolate",
                "Remove 'isolation' here; it is for suites and a team's own checks.",
            )


def _as_mapping(written: object) -> Mapping[str, Any]:
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise Wrong(("checks",), "'checks' maps kinds of checks to their settings", "Write 'key_pages: {}'.")
    return written
