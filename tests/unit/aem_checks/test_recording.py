"""Is a recording complete, free of secrets, and judged the same without the network?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from aiohttp import web

from aem_checks.check import CheckSettings
from aem_checks.kinds.caching.client_libraries import ClientLibraries
from aem_checks.recording import Recording, RecordingError, record
from aem_checks.stored_response import BodyError
from unit.aem_checks.judged_pages import judge_pages
from unit.aem_checks.page_site import SCRIPT, STYLE, PageSite, page, status, text

pytestmark = pytest.mark.asyncio


async def _record(site: PageSite, folder, **settings) -> Recording:
    async with site.client() as client:
        return await record(site.config(**settings), "stage", client, folder)


async def test_pages_are_asked_past_all_caches_and_libraries_once_as_a_visitor_does(tmp_path):
    async with PageSite({"/us/en.html": page()}) as site:
        recording = await _record(site, tmp_path, pages=["/", "/us/en.html"])
    asked = [request.path_qs for request in site.requests]
    assert sum("stage-gate=" in path for path in asked) == 2
    assert asked.count(STYLE) == asked.count(SCRIPT) == 1
    assert [each.path for each in recording.pages] == ["/", "/us/en.html"]
    assert set(recording.resources) == {site.url + STYLE, site.url + SCRIPT}


async def test_a_loaded_recording_equals_the_fresh_one_and_is_judged_the_same(tmp_path):
    answers = {SCRIPT: status(404), "/": page("Zürich", headers={"Set-Cookie": "login-token=abc; Path=/"})}
    async with PageSite(answers) as site:
        fresh = await _record(site, tmp_path)
    loaded = Recording.load(tmp_path, name=fresh.name)
    pairs = list(zip(fresh.responses, loaded.responses, strict=True))
    for one, other in pairs:
        assert (one.url, one.status, one.body, one.error) == (
            other.url,
            other.status,
            other.body,
            other.error,
        )
        assert list(one.headers.items()) == list(other.headers.items())
    check = ClientLibraries(CheckSettings())
    assert judge_pages(check, fresh) == judge_pages(check, loaded)


async def test_cookie_values_and_credentials_are_not_kept(tmp_path):
    headers = [("Set-Cookie", "login-token=abc123; Path=/; HttpOnly"), ("X-AEM-Edge-Key", "key123")]
    answers = {
        "/": lambda _: web.Response(text="<html>" + "x" * 600, content_type="text/html", headers=headers)
    }
    async with PageSite(answers) as site:
        recording = await _record(site, tmp_path)
    index = (tmp_path / "index.json").read_text()
    assert "abc123" not in index
    assert "key123" not in index
    assert recording.pages[0].final.headers["Set-Cookie"] == "login-token=[not kept]; Path=/; HttpOnly"


async def test_nothing_on_other_hosts_is_fetched(tmp_path):
    async with PageSite() as other:
        head = f'<script src="{other.url}/x.js"></script><link rel=stylesheet href="//cdn.invalid/y.css">'
        async with PageSite({"/": page(head=head)}) as site:
            recording = await _record(site, tmp_path)
    assert other.requests == []
    assert [ref.url for ref in recording.pages[0].references if not ref.on_site] == [
        f"{other.url}/x.js",
        "http://cdn.invalid/y.css",
    ]


async def test_redirects_to_production_are_not_followed_from_stage(tmp_path):
    async with PageSite() as production:
        answers = {"/": lambda _: web.Response(status=302, headers={"Location": production.url + "/"})}
        async with PageSite(answers) as site, site.client() as client:
            client._hosts.add(production.url)
            config = site.config(production=production.url)
            recording = await record(config, "stage", client, tmp_path)
    assert production.requests == []
    assert recording.pages[0].final.status == 302


async def test_an_unreachable_site_is_recorded_as_such(tmp_path):
    async with PageSite() as site:
        config = site.config()
        client = site.client()
    async with client:
        recording = await record(config, "stage", client, tmp_path, tries=1)
    assert not Recording.load(tmp_path).pages[0].final.answered
    assert "no connection" in recording.pages[0].final.error


async def test_a_changed_or_missing_body_is_noticed(tmp_path):
    async with PageSite() as site:
        recording = await _record(site, tmp_path)
    body = tmp_path / "bodies" / recording.pages[0].final.sha256
    body.write_bytes(b"forged")
    with pytest.raises(RecordingError, match="has changed"):
        Recording.load(tmp_path)
    body.unlink()
    with pytest.raises(RecordingError, match="incomplete"):
        Recording.load(tmp_path)


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 99}', '{"format": 1}', "null"])
async def test_a_damaged_index_is_named(tmp_path, damage):
    (tmp_path / "index.json").write_text(damage)
    with pytest.raises(RecordingError, match=r"index\.json"):
        Recording.load(tmp_path)


async def test_an_index_cannot_lead_out_of_its_folder(tmp_path):
    async with PageSite() as site:
        await _record(site, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    index["pages"][0]["hops"][0]["sha256"] = "../../../etc/passwd"
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(RecordingError, match="no SHA-256"):
        Recording.load(tmp_path)


async def test_a_page_is_parsed_once_for_all_checks(tmp_path):
    async with PageSite() as site:
        recording = await _record(site, tmp_path)
    final = recording.pages[0].final
    assert final.document is final.document


async def test_passing_trouble_is_tried_again(tmp_path):
    count = 0

    def flaky(request):
        nonlocal count
        count += 1
        return status(503)(request) if count < 3 else page()(request)

    async with PageSite({"/": flaky}) as site:
        recording = await _record(site, tmp_path)
    assert recording.pages[0].final.status == 200


async def test_what_is_no_html_has_no_references(tmp_path):
    async with PageSite({"/data.json": text('{"a": "<script src=/x.js>"}', "application/json")}) as site:
        recording = await _record(site, tmp_path, pages=["/data.json"])
    assert recording.pages[0].references == ()


async def test_bodies_stay_in_the_folder_and_are_compared_when_they_are_read(tmp_path):
    async with PageSite() as site:
        fresh = await _record(site, tmp_path)
    for recording in (fresh, Recording.load(tmp_path)):
        final = recording.pages[0].final
        assert "body" not in vars(final)
        assert final.size == len(final.body) > 500
        assert final.document.css_first("title").text() == "WKND"
    (tmp_path / "bodies" / final.sha256).write_bytes(b"forged")
    with pytest.raises(BodyError, match="has changed"):
        final.body  # noqa: B018 - reading is what fails


async def test_a_recording_is_copied_with_its_bodies(tmp_path):
    async with PageSite() as site:
        recording = await _record(site, tmp_path / "one")
    changed = replace(recording.pages[0].final, status=201)
    assert changed.body == recording.pages[0].final.body
    replace(recording, pages=(replace(recording.pages[0], hops=(changed,)),)).save(tmp_path / "two")
    copy = Recording.load(tmp_path / "two")
    assert (copy.pages[0].final.status, copy.pages[0].final.body) == (201, changed.body)


async def test_an_index_that_hides_a_body_is_noticed(tmp_path):
    async with PageSite() as site:
        await _record(site, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    index["pages"][0]["hops"][0]["bytes"] = 0
    (tmp_path / "index.json").write_text(json.dumps(index))
    assert Recording.load(tmp_path).pages[0].final.size > 500
