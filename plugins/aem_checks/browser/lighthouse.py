"""Which Lighthouse is on this machine, and does its Node run it? Nothing is downloaded here.

It is npm's package ``lighthouse``, from 12 on: ``npm install --global lighthouse@12.2.3`` for Node 18 and 20. The one that
``AEM_CHECKS_LIGHTHOUSE`` names is taken before one on the path.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "AEM_CHECKS_LIGHTHOUSE"
"""An environment variable with the folder of npm's package, or of the project that it is installed in."""
REMEDY = f"run 'npm install --global lighthouse@12.2.3' on the worker, or name its folder in {VARIABLE}"
_OLDEST = 12
_SECONDS = 30


class NoLighthouse(RuntimeError):
    """There is none that can run; the message is the end of a sentence."""


@dataclass(frozen=True)
class Lighthouse:
    """A Lighthouse that can be run."""

    root: Path
    """The package's folder."""
    node: str
    version: str


def find_lighthouse() -> Lighthouse:
    """The one that ``AEM_CHECKS_LIGHTHOUSE`` names, else the one on the path. Blocks; raises ``NoLighthouse``."""
    root = _root()
    package = _package(root)
    version, engines = str(package.get("version", "")), package.get("engines")
    if _number(version) < (_OLDEST,):
        raise NoLighthouse(f"{root} is Lighthouse {version[:20]}; {_OLDEST} is the oldest that is used")
    node = shutil.which("node")
    if node is None:
        raise NoLighthouse(f"there is no Node on this machine to run {root}")
    wanted, has = str(engines.get("node", "") if isinstance(engines, dict) else ""), _node_version(node)
    if _number(has) < _number(wanted):
        raise NoLighthouse(f"Lighthouse {version[:20]} wants Node {wanted[:20]}, and {node} is {has[:20]}")
    return Lighthouse(root, node, version[:20])


def _root() -> Path:
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        for folder in (Path(named), Path(named) / "node_modules" / "lighthouse"):
            if _is_lighthouse(folder):
                return folder.resolve()
        raise NoLighthouse(f"{VARIABLE} names {named!r}, which has no Lighthouse; correct it, or remove it")
    command = shutil.which("lighthouse")
    found = next(filter(_is_lighthouse, Path(command).resolve().parents), None) if command else None
    if found is None:
        raise NoLighthouse("there is no Lighthouse on this machine")
    return found


def _is_lighthouse(folder: Path) -> bool:
    try:
        return _package(folder).get("name") == "lighthouse"
    except NoLighthouse:
        return False


def _package(folder: Path) -> dict[str, Any]:
    try:
        package = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError) as error:
        raise NoLighthouse(f"{folder} is no package of npm ({type(error).__name__})") from error
    return package if isinstance(package, dict) else {}


def _node_version(node: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - Node itself
            [node, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoLighthouse(f"{node} does not start ({type(error).__name__})") from error
    return done.stdout.strip()


def _number(version: str) -> tuple[int, ...]:
    """``v20.11.1`` and ``>=18.20`` as numbers; empty, and so the least of all, for what is none."""
    found = re.search(r"\d+(?:\.\d+){0,2}", version)
    return tuple(map(int, found.group().split("."))) if found else ()
