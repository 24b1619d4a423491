"""Do the checks of a run on one's own machine share their browser, while all others go on beside them?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import NO_ACCESS
from aem_checks.browser import sharing
from aem_checks.browser.open_page import DESKTOP
from aem_checks.config import load_check_plan
from aem_checks.session import run_site
from unit.aem_checks.browser.fake_browser import FakeBrowser, asking
from unit.aem_checks.page_site import PageSite

GATE = """
sites: [{{name: wknd, stage: "{url}", pages: [/]}}]
checks:
  others: false
  page_errors: {{}}
  page_weight: {{}}
  tags: {{data_layer: "", beacon: /views/}}
  key_pages: {{}}
  real_404: {{}}
"""


def test_all_that_open_pages_share_one_visit_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = FakeBrowser({"/": asking("https://stage.example.com/views/1")})
    monkeypatch.setattr(sharing, "_open_browser", browser.opens)

    async def scene() -> Any:
        async with PageSite() as site:
            (tmp_path / "gate.yaml").write_text(GATE.format(url=site.url))
            plan = load_check_plan(tmp_path / "gate.yaml")
            return await run_site(
                plan.sites[0],
                "stage",
                [each for each in plan.checks if each.target == "stage"],
                resolver=lambda _: NO_ACCESS,
                evidence=tmp_path,
                report=lambda _: None,
            )

    results = {each.key: each for each in asyncio.run(scene())}
    assert {"page_errors", "page_weight", "tags", "key_pages", "real_404"} <= results.keys()
    assert [results[key].examined for key in ("page_errors", "page_weight", "tags")] == [1, 1, 1]
    assert browser.opened == [("/", DESKTOP.width, False)]
