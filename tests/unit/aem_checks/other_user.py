"""A folder that another user can reach, and whether this machine lets a test become another user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534
PLUGINS = Path(__file__).parents[3] / "plugins"


def _runs_for_nobody(python: str) -> bool:
    """Whether user nobody can run this Python with all that the tests import."""
    paths = [str(PLUGINS), *(os.path.abspath(path) for path in sys.path if path)]
    program = f"import sys; sys.path[:] = {paths!r} + sys.path; import pydantic, aiohttp, aem_checks.inside"
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(  # type: ignore[call-overload]
            [python, "-I", "-B", "-c", program], cwd="/", env={}, capture_output=True, timeout=300, **other
        )
    except OSError:
        return False
    return bool(done.returncode == 0)


PYTHON = next((each for each in (sys.executable, "/usr/bin/python3") if _runs_for_nobody(each)), "")
"""A Python that user nobody can run too; empty where there is none."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
needs_python_for_all = pytest.mark.skipif(
    not PYTHON, reason="this Python or this repository is in a folder that only its owner may enter"
)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder below the system's temporary one that all users may read, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
