"""Do WebdriverIO, Cypress' reporter and Surefire write what the gate reads: passes, retries and skipped cases?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aem_checks.outcomes import RETRIED, CheckResult, Outcome
from contract.team_suite import from_npm, run
from unit.simulator.aem_visitor import environment

HERE = Path(__file__).parent
CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
DEBIANS_MAVEN = Path("/usr/share/maven-repo")
SUREFIRE = DEBIANS_MAVEN / "org/apache/maven/plugins/maven-surefire-plugin/2.22.3"
MAVEN = (
    f'cp -rs {DEBIANS_MAVEN} "$TMPDIR/m2" && '
    'mvn -o -B -q -Dmaven.repo.local="$TMPDIR/m2" -Dit.publish.url="$AEM_PUBLISH_URL" test'
)
ON_A_RETRY = "had 1 of 2 executed cases that passed only on a further try"


def assert_passed_on_a_retry(result: CheckResult) -> None:
    assert (result.outcome, result.examined, result.flaky) == (Outcome.PASSED, 2, True), result.sentences
    (note,) = [each for each in result.findings if each.code == f"suites.{RETRIED}"]
    assert ON_A_RETRY in note.sentence
    assert "settles" in note.sentence


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.skipif(
    not (shutil.which("npm") and CHROMIUM and CHROMEDRIVER), reason="no npm, Chromium or its driver"
)
def test_webdriverio_runs_as_it_is_and_its_retries_are_told(tmp_path: Path) -> None:
    project = from_npm(HERE / "wdio-suite", tmp_path / "wdio")
    programs = {"CHROMIUM": CHROMIUM, "CHROMEDRIVER": CHROMEDRIVER}
    assert_passed_on_a_retry(run(project, environment(), tmp_path, environment=programs))


@pytest.mark.node
@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")
def test_the_reporter_of_cypress_is_read_with_what_it_leaves_out(tmp_path: Path) -> None:
    project = from_npm(HERE / "cypress-suite", tmp_path / "cypress")
    assert_passed_on_a_retry(run(project, environment(), tmp_path))
    broken = run(project, environment("stage", "build-1", "page_500"), tmp_path / "broken")
    assert (broken.outcome, broken.examined) == (Outcome.FAILED, 2), broken.sentences


@pytest.mark.skipif(not (shutil.which("mvn") and SUREFIRE.is_dir()), reason="no Maven with Debian's Surefire")
def test_a_maven_project_runs_with_surefire_and_its_reruns_are_told(tmp_path: Path) -> None:
    project = tmp_path / "maven"
    shutil.copytree(HERE / "maven-suite", project)
    settings = {"run": MAVEN, "reports": ["target/surefire-reports"]}
    assert_passed_on_a_retry(run(project, environment(), tmp_path, **settings))
    broken = run(project, environment("stage", "build-1", "page_500"), tmp_path / "broken", **settings)
    assert (broken.outcome, broken.examined) == (Outcome.FAILED, 2), broken.sentences
