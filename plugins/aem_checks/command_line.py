"""What do the command lines have in common? How they end, and what they say of themselves."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "aem-stage-gate"
BROKEN = 70
"""The program itself failed (EX_SOFTWARE of sysexits.h): it says nothing about a site or a gate."""
INTERRUPTED = 130
UNREAD = 141
"""Whoever read the output went away, as ``head`` does: what a shell says of a program that SIGPIPE ended."""


def ended(work: Callable[[], int], interrupted: str = "interrupted") -> int:
    """The exit code of a command, whatever it raises; standard error has the traceback of what nobody expected."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        sys.stderr.write(f"{interrupted}\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nor does the interpreter say so at its end
        return UNREAD
    except Exception:  # noqa: BLE001 - 1 would say that a check failed, or something about the gate
        traceback.print_exc()
        return BROKEN


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
