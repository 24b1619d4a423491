"""How is the package built, as others would install it? From a copy, so that nothing is left beside the sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ("pyproject.toml", "README.md", "LICENSE")


def build_package(folder: Path, *options: str) -> Path:
    """The wheel, in ``folder``, where the source distribution lies beside it. ``options`` are those of ``uv build``."""
    source = folder / "source"
    source.mkdir()
    for name in _SOURCES:
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "plugins", source / "plugins", ignore=ignored)
    command = [sys.executable, "-m", "uv", "build", "--quiet", *options, "-o", str(folder), str(source)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))
