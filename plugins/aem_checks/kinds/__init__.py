"""Which kinds of checks are there? Every module in the folders below and in a team's own folders is one.

The folders are chapters: checks of one concern, which a gate runs in one task. A kind is a module with one public
subclass of ``Check`` that sets ``kind``, ``number`` and ``title``. A team adds its own by dropping
such a module into a folder and naming that folder in the environment variable ``AEM_CHECKS_KINDS`` (several are separated
by ``:``). Modules are imported when the kinds are first asked for, at each Dag parse too, so they import parsers and clients
only inside functions. A team's own kinds judge in a process of their own (``aem_checks.isolated``).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from aem_checks.check import Check
from aem_checks.codes import trouble_with

FOLDERS_VARIABLE = "AEM_CHECKS_KINDS"
RESERVED_NAMES = frozenset({"cloud_manager", "others", "smoke_tests", "tasks"})
"""What a gate calls Cloud Manager's own results, the checks that it does not name, a person's, and Airflow tasks."""
_OWN = "aem_checks_kind_"
_HERE = Path(__file__).parent
_with_those_of_a_team: ContextVar[bool] = ContextVar("with_those_of_a_team", default=True)


class KindError(ImportError):
    """A module of a kind that cannot be used; the message names the file and what is wrong with it."""


def all_kinds(extra_folders: Iterable[str | Path] = ()) -> dict[str, type[Check[Any]]]:
    """Every kind by its name, in the order of the catalogue's numbers.

    Besides this package it looks into ``extra_folders`` and those that ``AEM_CHECKS_KINDS`` names. Raises
    ``KindError`` for a folder that is missing, a module that is no kind, and a name that is taken.
    """
    configured = os.environ.get(FOLDERS_VARIABLE, "") if _with_those_of_a_team.get() else ""
    named = [part for part in configured.split(os.pathsep) if part]
    folders = tuple(dict.fromkeys(str(folder) for folder in (*named, *extra_folders)))
    return dict(_collect(folders))


@contextmanager
def without_those_of_a_team() -> Iterator[None]:
    """Inside, ``AEM_CHECKS_KINDS`` counts for nothing: a process that only shows results imports no code of a team."""
    token = _with_those_of_a_team.set(False)
    try:
        yield
    finally:
        _with_those_of_a_team.reset(token)


@cache
def _collect(folders: tuple[str, ...]) -> dict[str, type[Check[Any]]]:
    kinds: dict[str, type[Check[Any]]] = {}
    for module, kind in (*own_kinds(), *_kinds_of_a_team(folders)):
        if kind.kind in RESERVED_NAMES:
            raise KindError(f"{module.__file__}: {kind.kind!r} means something else here; rename this kind")
        if file_of_own_kind(kind) is not None and kind.kind.removesuffix("_later") in chapters():
            raise KindError(f"{module.__file__}: {kind.kind!r} is the name of a chapter; rename this kind")
        if kind.kind in kinds:
            raise KindError(
                f"{module.__file__}: there is already a kind called {kind.kind!r}; rename this one"
            )
        kinds[kind.kind] = kind
    return dict(sorted(kinds.items(), key=lambda item: _place(item[1].number)))


@cache
def own_kinds() -> tuple[tuple[ModuleType, type[Check[Any]]], ...]:
    """The kinds of this package with their modules, which are the same as long as the process lives."""
    return tuple((module, _kind_in(module)) for module in map(importlib.import_module, own_modules()))


def _kinds_of_a_team(folders: tuple[str, ...]) -> Iterator[tuple[ModuleType, type[Check[Any]]]]:
    for folder in folders:
        if not Path(folder).is_dir():
            raise KindError(f"{folder} is no folder; correct {FOLDERS_VARIABLE}")
        for module in map(_import_file, _files(Path(folder))):
            yield module, _kind_in(module)


def own_modules() -> list[str]:
    """The names of the modules of this package that are kinds."""
    return [f"{__name__}.{name}.{path.stem}" for name in chapters() for path in _files(_HERE / name)]


def chapters() -> list[str]:
    """The names of all chapters."""
    return sorted(path.parent.name for path in _HERE.glob("*/__init__.py"))


def chapter_of(kind: type[Check[Any]]) -> str:
    """The chapter of a kind of this package: the folder that it is in."""
    return kind.__module__.split(".")[-2]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _import_file(path: Path) -> ModuleType:
    """Import a team's module under a name that depends on where it is, so that equal names do not clash."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"{_OWN}{digest}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise KindError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise KindError(f"{path} cannot be imported ({type(error).__name__}: {error})") from error
    return module


def file_of_own_kind(kind: type[Check[Any]]) -> Path | None:
    """The file of a team's own kind; ``None`` for a kind of this package."""
    if not kind.__module__.startswith(_OWN):
        return None
    return Path(str(sys.modules[kind.__module__].__file__))


def is_code_of_a_team(kind: type[Check[Any]]) -> bool:
    """Whether it runs what a team wrote: commands, or the team's own module."""
    return kind.runs_commands or file_of_own_kind(kind) is not None


def kind_of_file(path: Path) -> type[Check[Any]]:
    """Import one file of a team and return its kind. Raises ``KindError``."""
    return _kind_in(_import_file(path))


def _kind_in(module: ModuleType) -> type[Check[Any]]:
    found = [
        each
        for name, each in vars(module).items()
        if not name.startswith("_")
        and inspect.isclass(each)
        and issubclass(each, Check)
        and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise KindError(f"{module.__file__} has {len(found)} public checks; a kind has exactly one")
    kind = found[0]
    missing = [name for name in ("kind", "number", "title") if not getattr(kind, name, "")]
    if missing or inspect.isabstract(kind):
        lack = " and ".join(missing) if missing else "judge, which asks (docs/own-checks.md)"
        raise KindError(f"{module.__file__}: {kind.__name__} lacks {lack}")
    if trouble := trouble_with(kind.codes):
        raise KindError(f"{module.__file__}: 'codes' of {kind.__name__} {trouble}")
    return kind


def _place(number: str) -> tuple[bool, str, int, str]:
    """``A1`` < ``A2`` < ``A10`` < ``B1`` < ``2a``."""
    letters, digits = number.rstrip("0123456789"), number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return number[:1].isdigit(), letters, int(digits) if digits.isdigit() else 0, number
