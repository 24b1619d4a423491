"""What is installed here, and how was it called? What a command line says of itself."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "aem-stage-gate"


def versions(*others: str) -> str:
    """One line with the versions of this distribution, of others that are named, and of Python."""
    told = (f"{name} {_version(name)}" for name in (DISTRIBUTION, *others))
    return ", ".join((*told, f"Python {platform.python_version()}"))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def called_as(package: str) -> str:
    """The words that a person typed: the script's name, or ``python -m`` with the package."""
    script = package.replace("_", "-")
    return script if Path(sys.argv[0]).name == script else f"python -m {package}"
