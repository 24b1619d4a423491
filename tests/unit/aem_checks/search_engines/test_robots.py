"""E2: robots files that keep crawlers out of stage only, and those that don't."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aem_checks.baseline import Baseline
from aem_checks.house import House
from aem_checks.kinds.search_engines.robots import Robots, RobotsSettings
from aem_checks.means import Means
from aem_checks.outcomes import Judgement
from unit.aem_checks.page_site import PageSite, text
from unit.aem_checks.small_site import Answer, bad, outcome, visit

TEXT = {"Content-Type": "text/plain"}
CLOSED, OPEN = "User-agent: *\nDisallow: /\n", "User-agent: *\nAllow: /\n"
PAGES = ("/", "/us/en.html", "/us/en/a.html")


def check(**settings: Any) -> Robots:
    return Robots(RobotsSettings(**settings))


def judged(folder: Path, file: str | Answer, target: str = "stage", **settings: Any) -> tuple[str, list[str]]:
    answer: Answer = (200, file, TEXT) if isinstance(file, str) and file != "reset" else file
    answers = {"/robots.txt": answer}
    stage, production = (answers, {}) if target == "stage" else ({}, answers)
    made = check(**settings)
    judgement = visit(made, folder, stage, production, pages=PAGES, target=target)  # type: ignore[arg-type]
    return outcome(made, judgement), [finding.sentence for finding in bad(judgement)]


@pytest.mark.parametrize(("rules", "target"), [(CLOSED, "stage"), (OPEN, "production"), ("", "production")])
def test_files_as_they_should_be_pass(tmp_path: Path, rules: str, target: str) -> None:
    assert judged(tmp_path, rules, target) == ("block passed", [])


@pytest.mark.parametrize(
    "rules", [OPEN, "", "User-agent: Googlebot\nDisallow: /", "User-agent: *\nDisallow:"]
)
def test_an_open_stage_is_a_warning(tmp_path: Path, rules: str) -> None:
    result, sentences = judged(tmp_path, rules)
    assert result == "block passed"
    assert "expected 'Disallow: /'" in sentences[0]


def test_a_missing_file_lets_all_in(tmp_path: Path) -> None:
    assert judged(tmp_path, (404, "no"), "production") == ("block passed", [])
    assert "status 404" in judged(tmp_path, (404, "no"))[1][0]


@pytest.mark.parametrize("agent", ["*", "Googlebot", "bingbot"])
def test_a_production_that_keeps_a_search_engine_out_blocks(tmp_path: Path, agent: str) -> None:
    result, sentences = judged(tmp_path, f"User-agent: {agent}\nDisallow: /\n", "production")
    assert result == "block failed product"
    assert "every page" in sentences[0]


def test_a_production_that_forbids_some_pages_is_a_warning(tmp_path: Path) -> None:
    result, sentences = judged(tmp_path, "User-agent: *\nDisallow: /us/en/a\n", "production")
    assert result == "block passed"
    assert "forbids all crawlers 1 of 3 pages, such as '/us/en/a.html'" in sentences[0]


def test_stage_that_serves_productions_file_is_judged_as_production(tmp_path: Path) -> None:
    assert judged(tmp_path, OPEN, stage="open") == ("block passed", [])
    assert judged(tmp_path, CLOSED, stage="open")[0] == "block failed product"
    assert judged(tmp_path, OPEN, stage="any") == ("block passed", [])


def test_a_server_error_keeps_crawlers_out_and_blocks(tmp_path: Path) -> None:
    result, sentences = judged(tmp_path, (500, "no"), "production")
    assert result == "block failed product"
    assert "which crawlers take for 'Disallow: /'" in sentences[0]


def test_a_refusal_is_inconclusive(tmp_path: Path) -> None:
    assert judged(tmp_path, (405, "no"))[0] == "block inconclusive network"
    assert judged(tmp_path, "reset", "production")[0] == "block inconclusive network"


def test_a_page_instead_of_a_file_and_a_file_too_long_are_warned_of(tmp_path: Path) -> None:
    page: Answer = (200, "<!DOCTYPE html><html>home</html>", {"Content-Type": "text/html"})
    assert "is an HTML page" in judged(tmp_path, page, "production")[1][0]
    long = CLOSED + "# x\n" * 200_000
    assert "crawlers read the first" in judged(tmp_path, long)[1][0]


def test_bytes_that_are_no_text_are_survived(tmp_path: Path) -> None:
    assert judged(tmp_path, (200, b"\xff\xfe\x00" * 1000, TEXT), "production")[0] == "block passed"


def test_a_stage_behind_a_login_may_be_open(tmp_path: Path) -> None:
    """Crawlers have no login; the gate has one, named in the gate file."""

    async def run() -> Judgement:
        async with PageSite({"/robots.txt": text(OPEN)}) as site, site.client() as client:
            config = site.config(stage={"url": site.url, "access": "login"})
            return await House.lead(check(), Means(config, "stage", client, None, tmp_path))

    judgement = asyncio.run(run())
    assert bad(judgement) == []
    assert "its login keeps them out" in judgement.findings[0].sentence


def test_another_file_than_at_the_last_release_is_noted(tmp_path: Path) -> None:
    visit(check(), tmp_path / "before", {"/robots.txt": (200, CLOSED, TEXT)})
    before = Baseline("execution 4711 of 2026-11-20", tmp_path / "before" / "evidence")
    now = {"/robots.txt": (200, CLOSED + "\nDisallow: /x\n", TEXT)}
    judgement = visit(check(), tmp_path, now, baseline=before)
    assert bad(judgement) == []
    assert "another than at execution 4711" in judgement.findings[0].sentence


def redirect(where: str) -> Answer:
    return 302, "", {"Location": where}


@pytest.mark.parametrize(
    ("where", "code", "words"),
    [
        ("https://login.example.com/saml2?SAMLRequest=abc", "login", "to a log-in at"),
        ("https://ims-na1.adobelogin.com/ims/authorize", "login", "to a log-in at"),
        ("/libs/granite/core/content/login.html", "login", "to a log-in at"),
        ("https://www.other.example/robots.txt", "leaves_site", "off the site to"),
        ("/robots.txt", "endless_redirect", "in a circle"),
        ("https://$[env:DOMAIN]/robots.txt", "unreadable", "a placeholder that nothing replaced"),
    ],
)
@pytest.mark.parametrize("target", ["stage", "production"])
def test_a_file_that_leads_elsewhere_was_not_read_and_what_crawlers_make_of_it_is_said(
    tmp_path: Path, where: str, code: str, words: str, target: str
) -> None:
    answers: dict[str, Answer] = {
        "/robots.txt": redirect(where),
        "/libs/granite/core/content/login.html": (200, "<html>Sign in</html>", {"Content-Type": "text/html"}),
    }
    made = check()
    places = (answers, {}) if target == "stage" else ({}, answers)
    judgement = visit(made, tmp_path, *places, pages=PAGES, target=target)  # type: ignore[arg-type]
    (finding,) = bad(judgement)
    assert finding.code == code
    assert words in finding.sentence
    assert "no rules were read; crawlers" in finding.sentence
    unknown = code == "leaves_site" and target == "production"
    assert (outcome(made, judgement) == "block passed") is not unknown


def test_a_file_that_leads_to_another_of_the_site_is_read(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        "/robots.txt": redirect("/content/robots.txt"),
        "/content/robots.txt": (200, CLOSED, TEXT),
    }
    judgement = visit(check(), tmp_path, answers, {}, pages=PAGES)
    assert bad(judgement) == []
