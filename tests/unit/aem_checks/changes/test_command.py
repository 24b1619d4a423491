"""Does ``python -m aem_checks changes`` tell a person and a program what changed?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aem_checks.cli import main
from unit.aem_checks.changes.aem_project import APPS, FILES, pom
from unit.aem_checks.git_repository import commit, git


@pytest.fixture
def wknd(tmp_path: Path) -> Path:
    commit(tmp_path, FILES)
    git(tmp_path, "tag", "v1")
    commit(tmp_path, {f"{APPS}/components/teaser/teaser.html": "<p/>", "pom.xml": pom(core="2.24.0")})
    return tmp_path


def test_a_person_is_told(wknd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", str(wknd), "v1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 files in 1 commit by 1 person: 1 component, 1 dependency (Core Components 2.23.4 → 2.24.0)",
        "  component: wknd/components/teaser",
        "  dependency: Core Components 2.23.4 → 2.24.0",
        "Components that show a change: wknd/components/hero, wknd/components/teaser",
        "Every page counts as changed:",
        "  a dependency changed: Core Components 2.23.4 → 2.24.0",
    ]


def test_a_program_is_told(wknd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", str(wknd), "v1", "HEAD", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"].startswith("2 files in 1 commit")
    assert {each["name"] for each in told["changes"]} == {
        "wknd/components/teaser",
        "Core Components 2.23.4 → 2.24.0",
    }
    assert told["commits"][0]["title"] == "A release"


@pytest.mark.parametrize("base", ["v2", "--exec=true", ""])
def test_a_commit_that_is_not_there_is_wrong_usage(
    wknd: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", str(wknd), "--", base]) == 2
    assert "has no" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", str(tmp_path / "gone"), "v1"]) == 2
    assert "there is no folder" in capsys.readouterr().err
