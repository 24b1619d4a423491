"""How does a library come from npm? As its lock file pins it, once, under the repository's var/."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

CACHE = Path(__file__).parents[2] / "var" / "aio-lib"
PINNED = ("package.json", "package-lock.json")

needs_node = [
    pytest.mark.node,
    pytest.mark.skipif(
        shutil.which("node") is None or shutil.which("npm") is None,
        reason="Node is not installed: Adobe's JavaScript libraries were not tried against the simulator",
    ),
]


def installed(source: Path) -> Path:
    """A folder with the libraries of `source` installed, and with its scripts."""
    digest = hashlib.sha256()
    for name in PINNED:
        digest.update((source / name).read_bytes())
    folder = CACHE / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(str(folder) + ".lock"):
        if not (folder / "installed").exists():
            _install(source, folder)
        for script in source.glob("*.js"):
            if not _is_there(script, folder):
                shutil.copyfile(script, folder / script.name)
    return folder


def _is_there(script: Path, folder: Path) -> bool:
    """Whether Node may be reading this very script already."""
    there = folder / script.name
    return there.exists() and there.read_bytes() == script.read_bytes()


def _install(source: Path, folder: Path) -> None:
    for name in PINNED:
        shutil.copyfile(source / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"npm ci failed: {done.stderr[-2000:]}"
    (folder / "installed").touch()
