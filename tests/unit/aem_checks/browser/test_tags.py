"""Does N1 see which tags a page really loads? The simulator's defects are in tests/catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.browser.tags import Tags, TagsSettings
from unit.aem_checks.browser.browser_house import House, bad, outcome
from unit.aem_checks.page_site import page, text

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LAUNCH = {"name": "Launch", "stage": "launch-EN1-staging.min.js", "production": "launch-EN1.min.js"}
LAYER = "<script>adobeDataLayer = [{event: 'cmp:show'}]</script>"


def check(**settings: object) -> Tags:
    return Tags(TagsSettings.model_validate(settings))


def embed(name: str) -> str:
    return f'<script async src="https://assets.adobedtm.example/{name}"></script>'


@pytest.mark.parametrize(
    ("body", "subjects", "weighs"),
    [
        (LAYER + embed("launch-EN1-staging.min.js"), [], "warn passed"),
        (LAYER, ["/ Launch"], "block failed"),
        (
            LAYER + embed("launch-EN1-staging.min.js") + embed("launch-EN1-development.min.js"),
            ["/ development library"],
            "warn failed",
        ),
        (LAYER + embed("launch-EN1.min.js"), ["/ Launch"], "warn failed"),
        (
            embed("launch-EN1-staging.min.js") + "<script>adobeDataLayer = []</script>",
            ["/ adobeDataLayer"],
            "block failed",
        ),
        (
            LAYER + embed("launch-EN1-staging.min.js") + "<style id=at-body-style>body{opacity:0}</style>",
            ["/ hidden"],
            "block failed",
        ),
    ],
)
def test_what_every_page_needs_is_there(
    browsing: House, tmp_path: Path, body: str, subjects: list[str], weighs: str
) -> None:
    result = browsing.check(check(tags=[LAUNCH]), tmp_path, {"/": page(body)}, pages=("/",))
    assert [finding.subject for finding in bad(result)] == subjects
    assert outcome(result) == weighs


def test_tags_that_wait_for_consent_are_seen_after_it(browsing: House, tmp_path: Path) -> None:
    body = (
        "<button id=yes onclick=\"adobeDataLayer=[1]; fetch('/collect?page=1')\">Yes</button>"
        "<script>window.other = 1</script>"
    )
    answers = {"/": page(body), "/collect": text("ok")}
    assert bad(browsing.check(check(accept="#yes", beacon="/collect"), tmp_path, answers, pages=("/",))) == []
    result = browsing.check(check(beacon="/collect"), tmp_path, answers, pages=("/",))
    assert [finding.subject for finding in bad(result)] == ["/ adobeDataLayer", "/ page view"]
