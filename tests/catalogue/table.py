"""Which rows does the table check × failure have? Those of all ``seeds_<topic>.py`` beside this file."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from aem_checks.browser.check import BrowserCheck
from aem_checks.kinds import all_kinds
from catalogue.seeds import Clean, Seed


@cache
def seeds() -> tuple[Seed, ...]:
    """All failures with the checks that have to catch them, by kind."""
    found = (seed for module in _modules() for seed in importlib.import_module(module).SEEDS)
    return tuple(sorted(found, key=lambda seed: seed.kind))


@cache
def clean() -> tuple[Clean, ...]:
    """All checks of the clean site, by kind."""
    found = (row for module in _modules() for row in importlib.import_module(module).CLEAN)
    return tuple(sorted(found, key=lambda row: row.kind))


def needs_chromium(row: Seed | Clean) -> bool:
    """Whether the check of a row opens pages in a browser."""
    return issubclass(all_kinds()[row.kind], BrowserCheck)


def _modules() -> list[str]:
    return [f"catalogue.{path.stem}" for path in sorted(Path(__file__).parent.glob("seeds_*.py"))]
