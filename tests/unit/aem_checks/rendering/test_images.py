"""D3 on small pages: what is asked for, what is decoded, and what each answer amounts to."""

from __future__ import annotations

import asyncio
import io
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.addresses import candidates
from aem_checks.kinds.rendering import _decoding
from aem_checks.kinds.rendering._media import find_media
from aem_checks.kinds.rendering.images import Images, ImagesSettings
from aem_checks.outcomes import CheckResult, Outcome, Severity
from aem_checks.response import Response, make_headers
from aem_checks.urls import path_of
from unit.aem_checks.page_site import STYLE, Answer, PageSite, check_page_site, page, run_on, status, text


@cache
def picture(kind: str = "PNG", size: tuple[int, int] = (64, 64)) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def file(body: bytes, content_type: str, code: int = 200) -> Answer:
    return lambda _: web.Response(body=body, content_type=content_type, status=code)


def check(**settings: Any) -> Images:
    return Images(ImagesSettings.model_validate(settings))


def judge(folder: Path, markup: str, answers: dict[str, Answer], **settings: Any) -> CheckResult:
    return run_on({"/": page(markup), **answers}, check(**settings), folder)


GOOD = file(picture(), "image/png")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(404), "status 404"),
        (status(403), "status 403"),
        (status(500), "status 500"),
        (file(b"", "image/png"), "0 bytes"),
        (file(b"\x89PNG\r\n\x1a\nnothing", "image/png"), "cannot"),
        (file(picture("JPEG")[:900], "image/jpeg"), "cannot"),
        (file(picture()[:-800], "image/png"), "cannot"),
        (file(b"<html>", "image/svg+xml"), "without <svg"),
        (text("<html>lost?</html>", "text/html"), "text/html"),
        (lambda _: web.Response(status=302, headers={"Location": "/a.png"}), "status 302"),
    ],
)
def test_a_bad_image_of_a_named_page_blocks(tmp_path: Path, answer: Answer, words: str) -> None:
    result = judge(tmp_path, '<img src="/a.png">', {"/a.png": answer})
    assert (result.severity, result.outcome) == (Severity.BLOCK, Outcome.FAILED)
    assert result.findings[0].subject == "/a.png"
    assert words in result.findings[0].sentence
    assert [path_of(each) for each in result.findings[0].about] == ["/a.png"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP"])
def test_images_of_all_usual_kinds_are_decoded(tmp_path: Path, kind: str) -> None:
    result = judge(tmp_path, "<img src=/a>", {"/a": file(picture(kind), f"image/{kind.lower()}")})
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (file(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"), "passed"),
        (file(b"whatever", "image/jxl"), "passed"),
        (file(picture(), "image/jpeg"), "passed"),
        (lambda _: web.Response(status=302, headers={"Location": "https://blobs.example/x"}), "passed"),
        (status(405), "inconclusive"),
        (status(429), "inconclusive"),
    ],
)
def test_what_is_no_failure_of_the_site_does_not_fail(tmp_path: Path, answer: Answer, outcome: str) -> None:
    result = judge(tmp_path, "<img src=/a><img src=/b>", {"/a": answer, "/b": GOOD})
    assert result.outcome == outcome, result.sentences


def test_a_type_that_is_not_the_files_own_is_a_warning(tmp_path: Path) -> None:
    result = judge(tmp_path, "<img src=/a>", {"/a": file(picture(), "image/jpeg")})
    assert [finding.severity for finding in result.findings] == [Severity.WARN]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (file(b"%PDF-1.7 ...", "application/pdf"), "passed"),
        (file(b"%PDF-1.7 ...", "application/pdf", 206), "passed"),
        (file(b"PK\x03\x04...", "application/octet-stream"), "passed"),
        (file(b"<html>", "application/pdf"), "failed"),
        (file(b"%PDF", "text/html"), "failed"),
        (status(404), "failed"),
    ],
)
def test_documents_are_told_by_their_first_bytes(tmp_path: Path, answer: Answer, outcome: str) -> None:
    result = judge(tmp_path, '<a href="/sheet.pdf?x=1">Sheet</a>', {"/sheet.pdf": answer})
    assert result.outcome == outcome


def test_only_the_beginning_of_a_document_and_the_headers_of_further_sizes_are_asked_for(
    tmp_path: Path,
) -> None:
    async def run() -> list[tuple[str, str, str]]:
        markup = (
            '<a href=/a.pdf>A</a><img src=/a.png srcset="/a.png 1x, /b.png 2x"><video src=/c.mp4></video>'
        )
        answers = {"/": page(markup), "/a.pdf": file(b"%PDF-", "application/pdf"), "/a.png": GOOD,
                   "/b.png": GOOD, "/c.mp4": file(b"", "video/mp4")}  # fmt: skip
        async with PageSite(answers) as site:
            result = await check_page_site(site, check(), tmp_path)
            assert result.outcome is Outcome.PASSED, result.sentences
            return [
                (r.method, r.path, r.headers.get("Range", "")) for r in site.requests if r.path[1:2] in "abc"
            ]

    asked = asyncio.run(run())
    assert sorted(asked)[:2] == [("GET", "/", ""), ("GET", "/a.pdf", "bytes=0-1023")]
    assert sorted(asked)[2:] == [("GET", "/a.png", ""), ("HEAD", "/b.png", ""), ("HEAD", "/c.mp4", "")]


def test_a_site_that_refuses_head_is_asked_with_get(tmp_path: Path) -> None:
    def without_head(request: web.BaseRequest) -> web.Response:
        return (
            web.Response(status=405)
            if request.method == "HEAD"
            else web.Response(body=picture(), content_type="image/png")
        )

    result = judge(tmp_path, '<img srcset="/a.png 1x">', {"/a.png": without_head})
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1)


def test_templates_and_other_hosts_are_named_but_not_asked_for(tmp_path: Path) -> None:
    markup = '<img src="/x.coreimg{.width}.jpeg"><img src="https://cdn.example/a.png"><img src="/a.png">'
    result = judge(tmp_path, markup, {"/a.png": GOOD})
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1)
    notes = " ".join(result.sentences)
    assert "1 file on other hosts" in notes
    assert "1 URL that a script has yet to fill in" in notes


def test_the_core_components_template_is_filled_with_its_widths(tmp_path: Path) -> None:
    markup = '<div data-cmp-src="/x.coreimg{.width}.png" data-cmp-widths="100,200,1600"></div>'
    answers = {"/x.coreimg.100.png": GOOD, "/x.coreimg.1600.png": status(404)}
    result = judge(tmp_path, markup, answers)
    assert [finding.subject for finding in result.findings] == ["/x.coreimg.1600.png"]


@pytest.mark.parametrize(
    "head",
    ['<link rel=icon href="/lost.ico">', '<meta property="og:image" content="/lost.png">'],
)
def test_what_visitors_do_not_see_is_a_warning(tmp_path: Path, head: str) -> None:
    result = run_on({"/": page("<img src=/a.png>", head), "/a.png": GOOD}, check(), tmp_path)
    assert (result.outcome, [f.severity for f in result.findings]) == (Outcome.PASSED, [Severity.WARN])


def test_images_in_style_sheets_are_a_warning(tmp_path: Path) -> None:
    css = text("a{background:url('/lost.png')} @font-face{src:url(/f.woff2)}", "text/css")
    result = judge(tmp_path, "<img src=/a.png>", {"/a.png": GOOD, STYLE: css})
    assert [(f.subject, f.severity) for f in result.findings] == [("/lost.png", Severity.WARN)]


def test_pages_without_files_are_no_answer(tmp_path: Path) -> None:
    result = judge(tmp_path, "<p>words</p>", {})
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)


def test_files_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    markup = "".join(f"<img src=/{number}.png>" for number in range(5))
    result = judge(tmp_path, markup, {f"/{number}.png": GOOD for number in range(5)}, most=2)
    assert result.examined == 2
    assert "3 files beyond" in " ".join(result.sentences)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    import zlib

    from simulator.aem import media

    good = media.png("x", 1, 1)
    header = good.index(b"IHDR")
    huge = (60000).to_bytes(4, "big") * 2
    chunk = b"IHDR" + huge + good[header + 12 : header + 17]
    bomb = good[:header] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + good[header + 21 :]
    result = judge(tmp_path, "<img src=/a.png>", {"/a.png": file(bomb, "image/png")})
    assert [finding.severity for finding in result.findings] == [Severity.WARN]


def test_an_icon_with_a_huge_picture_inside_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = picture(size=(40, 40))
    header = struct.pack("<HHH4B2H2I", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inside), 22)
    monkeypatch.setattr(_decoding, "MOST_PIXELS", 1000)
    result = judge(tmp_path, "<img src=/a.ico>", {"/a.ico": file(header + inside, "image/x-icon")})
    assert [finding.severity for finding in result.findings] == [Severity.WARN]
    assert "more than 1000 pixels" in result.sentences[0]


def test_a_redirect_to_a_host_that_is_not_asked_is_no_examined_file(tmp_path: Path) -> None:
    def to_the_login(_: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "https://login.example/"})

    result = judge(tmp_path, "<img src=/a.png>", {"/a.png": to_the_login})
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)
    assert "login.example" in " ".join(result.sentences)


@pytest.mark.parametrize(
    ("srcset", "urls"),
    [
        ("/a.png", ["/a.png"]),
        ("/a.png 1x, /b.png 2x", ["/a.png", "/b.png"]),
        ("/a.png, /b.png 2x", ["/a.png", "/b.png"]),
        ("/is/image/X?rect=0,0,5,5 200w,\n /b.png 2x", ["/is/image/X?rect=0,0,5,5", "/b.png"]),
        ("", []),
        (" , ,", []),
    ],
)
def test_srcset_is_taken_apart_as_browsers_do(srcset: str, urls: list[str]) -> None:
    assert list(candidates(srcset)) == urls


def test_a_base_element_moves_relative_urls() -> None:
    body = b'<base href="https://cdn.example/x/"><img src="a.png"><img src="data:image/png;base64,AA">'
    response = Response("https://stage.example/", 200, make_headers({"Content-Type": "text/html"}), body)
    assert [media.url for media in find_media(response)] == ["https://cdn.example/x/a.png"]


def test_files_on_production_are_not_asked_for_when_stage_is_judged(tmp_path: Path) -> None:
    async def run() -> tuple[CheckResult, int]:
        async with PageSite({"/a.png": GOOD}) as production:
            markup = f'<img src="{production.url}/a.png"><img src="/b.png">'
            async with PageSite({"/": page(markup), "/b.png": GOOD}) as site:
                result = await check_page_site(site, check(), tmp_path, production=production.url)
                return result, len(production.requests)

    result, asked = asyncio.run(run())
    assert (result.outcome, result.examined, asked) == (Outcome.PASSED, 1, 0)
    assert "1 file on other hosts" in " ".join(result.sentences)


@pytest.mark.parametrize(
    "src", ["https://$[env:DOMAIN]/a.png", "http://[/a.png", "https://a.example:99999/a.png"]
)
def test_an_image_whose_address_is_none_is_a_broken_one(tmp_path: Path, src: str) -> None:
    result = judge(tmp_path, f'<img src="{src}">', {})
    assert (result.severity, result.outcome) == (Severity.BLOCK, Outcome.FAILED)
    assert (result.findings[0].code, result.findings[0].subject) == ("images.address", "/a.png")
    assert "since it names the" in result.findings[0].sentence
