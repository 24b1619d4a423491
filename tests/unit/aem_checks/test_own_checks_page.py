"""Does the check that docs/own-checks.md shows work as it stands there, with its test?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aem_checks.kinds import KindError, all_kinds

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kind, test = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "own-checks.md").read_text(), re.DOTALL)
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "stores.py").write_text(kind)
    (tmp_path / "test_stores.py").write_text(test)
    return tmp_path


def test_its_test_passes(folder: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            "test_stores.py",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(folder / "kinds")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 passed" in ended.stdout


def test_it_is_a_kind_among_the_others(folder: Path) -> None:
    kinds = all_kinds([folder / "kinds"])
    assert kinds["stores"].title == "The store finder knows the stores"
    assert len(kinds) == len(all_kinds()) + 1


def test_a_kind_that_does_not_judge_is_none(folder: Path) -> None:
    (folder / "kinds" / "stores.py").write_text(
        "from aem_checks.check import Check\n"
        "class Silent(Check):\n    kind, number, title = 'silent', '9', 'Silent'\n"
    )
    with pytest.raises(KindError, match="Silent lacks judge, which asks"):
        all_kinds([folder / "kinds"])


def test_a_kind_may_not_be_called_like_a_chapter(folder: Path) -> None:
    path = folder / "kinds" / "stores.py"
    path.write_text(path.read_text().replace('"stores", "1"', '"security", "1"'))
    with pytest.raises(KindError, match="'security' is the name of a chapter"):
        all_kinds([folder / "kinds"])
