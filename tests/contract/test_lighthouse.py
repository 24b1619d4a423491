"""Does web_vitals measure with npm's Lighthouse, by the gate's rules, and can it be judged again without one?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.access import Access
from aem_checks.asking import ask_then
from aem_checks.browser.finding import NoChromium, find_chromium
from aem_checks.browser.lighthouse import VARIABLE
from aem_checks.kinds.browser.web_vitals import WebVitals, WebVitalsSettings
from aem_checks.outcomes import CheckResult
from aem_checks.sites import SiteConfig
from aem_checks.told import read
from aem_checks.visit import Visit
from contract import npm
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, house
from unit.aem_checks.page_site import html


def _is_there() -> bool:
    try:
        return bool(find_chromium())
    except NoChromium:
        return False


pytestmark = [
    *npm.needs_node,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not _is_there(), reason="Chromium is not installed: Lighthouse was not tried"),
]
PATIENT = {"lcp": 600_000, "tbt": 600_000}
"""Times mean nothing on a machine that runs other tests meanwhile; the layout's movement is the same everywhere."""
SECRET = "a-secret-of-stage"


@pytest.fixture
def browsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv(VARIABLE, str(npm.installed(Path(__file__).with_name("lighthouse"))))
    with house(tmp_path) as made:
        yield made


def check(**settings: Any) -> WebVitals:
    usual = {"runs": 1, "budgets": PATIENT, "measured_by": "lighthouse", "within": "30m"}
    return WebVitals(WebVitalsSettings.model_validate({**usual, **settings}))


def notes(result: CheckResult) -> str:
    return " ".join(each.sentence for each in result.findings if each not in bad(result))


def test_the_median_of_the_runs_counts_the_report_is_kept_and_it_is_judged_again_alike(
    browsing: House, tmp_path: Path
) -> None:
    moving = environment("stage", "build-1", "late_banner")
    measuring = check(runs=3, block={"cls": 0.1})
    result = browsing.check(measuring, tmp_path, moving)
    assert [(each.subject, str(each.severity)) for each in bad(result)] == [(f"{KEY} cls", "block")], (
        result.sentences
    )
    assert "Lighthouse 12.2.3 measured" in notes(result)
    report = json.loads((tmp_path / bad(result)[0].evidence).read_bytes())
    kept = json.loads((tmp_path / "web_vitals/vitals.json").read_bytes())
    assert report["lighthouseVersion"] == "12.2.3"
    assert kept["measured_by"] == "lighthouse"
    assert report["audits"]["largest-contentful-paint"]["numericValue"] == kept["pages"][KEY]["lcp"]
    told = read(tmp_path, "web_vitals")
    assert told is not None
    assert len(told.exchanges) == 3
    site = SiteConfig.model_validate({"name": "larkfell", "stage": "http://127.0.0.1", "pages": [KEY]})
    again = ask_then(measuring.judge(Visit(site, "stage")), told.exchanges)
    measured = [each for each in result.findings if each.subject != "re-run"]
    assert [each.sentence for each in again.findings] == [each.sentence for each in measured]


def test_credentials_reach_the_site_and_no_other_host_and_stand_in_no_report(
    browsing: House, tmp_path: Path
) -> None:
    heard: list[tuple[str, str | None]] = []

    def answer(request: web.BaseRequest) -> web.StreamResponse:
        heard.append((request.path, request.headers.get("X-Stage-Key")))
        echo = request.headers.get("X-Stage-Key", "")
        return web.Response(
            text=html(f"<p>{echo}</p><img src='http://elsewhere.example/a.png'>"), content_type="text/html"
        )

    result = browsing.check(
        check(), tmp_path, {"/": answer}, pages=("/",), access=Access({"X-Stage-Key": SECRET})
    )
    assert bad(result) == [], result.sentences
    assert set(heard) == {("/", SECRET)}
    assert "elsewhere.example" in notes(result)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "evidence" not in path.name]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_page_that_lighthouse_cannot_measure_is_no_answer(browsing: House, tmp_path: Path) -> None:
    gone = {"/": lambda _: web.Response(status=500, text="no")}
    (finding,) = bad(browsing.check(check(), tmp_path, gone, pages=("/",)))
    assert str(finding.outcome) == "inconclusive"
    assert "ERRORED_DOCUMENT_REQUEST" in finding.sentence
