"""Does a team's Playwright project run as it is, in a real Chromium, and does its failure show its screenshot?"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.kinds.suites.suites import Suites, SuitesSettings
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit
from contract import npm
from simulator.aem import AemEnvironment
from unit.simulator.aem_visitor import environment, served

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
    """A folder of the project's own: only the libraries are those of every other test process too."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("package.json", "playwright.config.js", "site.spec.js"):
        shutil.copyfile(PROJECT / name, folder / name)
    (folder / "node_modules").symlink_to(npm.installed(PROJECT) / "node_modules")
    return folder


def run(project: Path, aem: AemEnvironment, evidence: Path) -> CheckResult:
    settings = SuitesSettings.model_validate(
        {
            "name": "playwright",
            "folder": str(project),
            "run": "npm test",
            "within": "10m",
            "environment": {"CHROMIUM": CHROMIUM},
        }
    )
    with served(aem.app()) as publish:
        url = f"http://127.0.0.1:{publish.port}"
        aem.set_urls(publish=url, author=url)
        site = SiteConfig.model_validate({"name": "larkfell", "stage": url, "pages": ["/us/en.html"]})
        return asyncio.run(_visited(Suites(settings), site, evidence))


async def _visited(check: Suites, site: SiteConfig, evidence: Path) -> CheckResult:
    async with Client.for_site(site, lambda name: NO_ACCESS) as client:
        visit = Visit(site, "stage", client, None, evidence)
        return await run_check(check, visit, may_rerun=lambda: False)


def test_a_project_that_passes_is_recounted(project: Path, tmp_path: Path) -> None:
    result = run(project, environment(), tmp_path)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 2), result.sentences


def test_a_failure_of_the_site_fails_it_and_shows_the_screenshot(project: Path, tmp_path: Path) -> None:
    result = run(project, environment("stage", "build-1", "page_500"), tmp_path)
    failed = [each for each in result.findings if each.outcome is Outcome.FAILED]
    assert (result.outcome, result.examined) == (Outcome.FAILED, 2), result.sentences
    assert "magazine has a title" in failed[0].sentence
    assert (tmp_path / failed[0].evidence).read_bytes().startswith(PNG)
