"""How does a team's project run as a suite, against a simulated AEM?"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.kinds.suites.suites import Suites, SuitesSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from contract import npm
from simulator.aem import AemEnvironment
from unit.simulator.aem_visitor import served


def from_npm(source: Path, folder: Path) -> Path:
    """A folder of the project's own: only the libraries are those of every other test process too."""
    folder.mkdir()
    for file in source.iterdir():
        shutil.copyfile(file, folder / file.name)
    (folder / "node_modules").symlink_to(npm.installed(source) / "node_modules")
    return folder


def run(project: Path, aem: AemEnvironment, evidence: Path, **settings: Any) -> CheckResult:
    """The suite's result on a site that is served for as long as it runs; a failure is not confirmed."""
    given = {"name": project.name, "folder": str(project), "run": "npm test", "within": "10m", **settings}
    suite = Suites(SuitesSettings.model_validate(given))
    with served(aem.app()) as publish:
        url = f"http://127.0.0.1:{publish.port}"
        aem.set_urls(publish=url, author=url)
        site = SiteConfig.model_validate({"name": "larkfell", "stage": url, "pages": ["/us/en.html"]})
        return asyncio.run(_visited(suite, site, evidence))


async def _visited(check: Suites, site: SiteConfig, evidence: Path) -> CheckResult:
    async with Client.for_site(site, lambda name: NO_ACCESS) as client:
        return await run_check(check, Means(site, "stage", client, None, evidence), may_rerun=lambda: False)
