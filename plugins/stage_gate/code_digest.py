"""Which code judged and decides? A digest of each package, so that evidence says what it was made with."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from aem_checks.kinds import FOLDERS_VARIABLE

PACKAGES = ("adobe_cloud_manager", "aem_checks", "stage_gate")


@cache
def code_digests() -> dict[str, str]:
    """SHA-256, as hexadecimal, of the Python source of each package, and of each folder of a team's own kinds."""
    plugins = Path(__file__).resolve().parent.parent
    folders = {name: plugins / name for name in PACKAGES}
    own = [Path(each) for each in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if each]
    folders |= {f"kinds in {folder.name}": folder for folder in own}
    return {name: _digest(folder) for name, folder in folders.items()}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
