"""Does a team's Playwright project run as it is, in a real Chromium, and does its failure show its screenshot?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aem_checks.outcomes import CheckResult, Outcome
from contract import npm, team_suite
from contract.team_suite import from_npm
from simulator.aem import AemEnvironment
from unit.simulator.aem_visitor import environment

CHROMIUM = shutil.which("chromium")
pytestmark = [
    *npm.needs_node,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
PROJECT = Path(__file__).parent / "playwright-suite"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return from_npm(PROJECT, tmp_path / "playwright")


def run(project: Path, aem: AemEnvironment, evidence: Path) -> CheckResult:
    return team_suite.run(project, aem, evidence, environment={"CHROMIUM": CHROMIUM})


def test_a_project_that_passes_is_recounted(project: Path, tmp_path: Path) -> None:
    result = run(project, environment(), tmp_path)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 2), result.sentences


def test_a_failure_of_the_site_fails_it_and_shows_the_screenshot(project: Path, tmp_path: Path) -> None:
    result = run(project, environment("stage", "build-1", "page_500"), tmp_path)
    failed = [each for each in result.findings if each.outcome is Outcome.FAILED]
    assert (result.outcome, result.examined) == (Outcome.FAILED, 2), result.sentences
    assert "magazine has a title" in failed[0].sentence
    assert (tmp_path / failed[0].evidence).read_bytes().startswith(PNG)
