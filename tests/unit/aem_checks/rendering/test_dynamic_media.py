"""D5 against a site and a Dynamic Media host of its own: whose files pages use, and whether these arrive."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.kinds.rendering.dynamic_media import DynamicMedia, DynamicMediaSettings
from aem_checks.outcomes import CheckResult, Outcome
from simulator.aem import media
from unit.aem_checks.page_site import Answer, PageSite, check_page_site, page, status

GOOD = {
    "/is/image/WkndStage/ridge": lambda _: web.Response(
        body=media.jpeg("ridge", 64), content_type="image/jpeg"
    )
}


def judge(
    folder: Path, markup: str, files: dict[str, Answer] = GOOD, **settings: Any
) -> tuple[CheckResult, list[web.BaseRequest]]:
    """``{dm}`` in the markup is the host of Dynamic Media."""

    async def run() -> tuple[CheckResult, list[web.BaseRequest]]:
        async with (
            PageSite(files) as dynamic,
            PageSite({"/": page(markup.replace("{dm}", dynamic.url))}) as site,
        ):
            usual = {"stage": {"hosts": [dynamic.url], "company": "WkndStage"},
                     "production": {"hosts": ["images.wknd.example"], "company": "Wknd"}}  # fmt: skip
            check = DynamicMedia(DynamicMediaSettings.model_validate({**usual, **settings}))
            return await check_page_site(site, check, folder), dynamic.requests

    return asyncio.run(run())


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="{dm}/is/image/WkndStage/ridge?wid=600">',
        '<img srcset="{dm}/is/image/WkndStage/ridge?rect=0,0,9,9 600w">',
        '<div style="background:url({dm}/is/image/WkndStage/ridge)"></div>',
        '<div data-config=\'{"image":"{dm}/is/image/WkndStage/ridge"}\'></div>',
    ],
)
def test_a_file_of_this_environment_passes_wherever_it_is_named(tmp_path: Path, markup: str) -> None:
    result, asked = judge(tmp_path, markup)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1), result.sentences
    assert asked[0].path == "/is/image/WkndStage/ridge"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("{dm}/is/image/Wknd/ridge", "the company 'Wknd', that of the other environment"),
        ("{dm}/is/image/Stranger/ridge", "the company 'Stranger'"),
        ("https://images.wknd.example/is/image/Wknd/ridge", "that of the other environment"),
        ("https://s7d1.scene7.com/is/image/WkndStage/ridge", "the host 's7d1.scene7.com'"),
        ("https://undefined/adobe/dynamicmedia/deliver/dm-aid--1/ridge.jpg", "the host 'undefined'"),
    ],
)
def test_a_file_of_another_place_blocks_and_is_not_asked_for(tmp_path: Path, url: str, words: str) -> None:
    result, asked = judge(tmp_path, f'<img src="{url}">')
    assert (result.severity, result.outcome) == ("block", Outcome.FAILED)
    assert words in result.findings[0].sentence
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(404), "failed"),
        (status(403), "failed"),
        (status(200), "failed"),
        (status(429), "inconclusive"),
    ],
)
def test_each_answer_of_dynamic_media(tmp_path: Path, answer: Answer, outcome: str) -> None:
    files = {"/is/image/WkndStage/ridge": answer}
    result, _ = judge(tmp_path, '<img src="{dm}/is/image/WkndStage/ridge">', files)
    assert result.outcome == outcome, result.sentences


def test_a_video_is_asked_for_by_its_headers(tmp_path: Path) -> None:
    files = {"/is/content/WkndStage/film": lambda _: web.Response(body=b"", content_type="video/mp4")}
    result, asked = judge(tmp_path, '<video src="{dm}/is/content/WkndStage/film">', files)
    assert (result.outcome, asked[0].method) == (Outcome.PASSED, "HEAD")


def test_no_credential_of_the_site_reaches_dynamic_media(tmp_path: Path) -> None:
    _, asked = judge(tmp_path, '<img src="{dm}/is/image/WkndStage/ridge">')
    assert "Authorization" not in asked[0].headers


def test_a_url_that_a_script_fills_in_is_compared_but_not_asked_for(tmp_path: Path) -> None:
    markup = '<div data-cmp-src="{dm}/is/image/WkndStage/ridge?wid={.width}"></div>'
    result, asked = judge(tmp_path, markup)
    assert (result.outcome, asked) == (Outcome.PASSED, [])
    wrong, _ = judge(tmp_path, markup.replace("WkndStage", "Wknd"))
    assert wrong.outcome is Outcome.FAILED


def test_pages_without_dynamic_media_are_no_answer(tmp_path: Path) -> None:
    result, _ = judge(tmp_path, "<img src=/a.png>")
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)


def test_a_private_address_behind_a_name_is_not_contacted(tmp_path: Path) -> None:
    """A name in the gate file that resolves to this machine is refused when connecting."""
    stage = {"hosts": ["http://wknd.localhost:9"], "company": ""}
    result, _ = judge(tmp_path, '<img src="http://wknd.localhost:9/is/image/X/ridge">', stage=stage)
    assert result.outcome is Outcome.INCONCLUSIVE
