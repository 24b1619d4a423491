"""Sitemaps: indexes, packed files, bombs, and what is not one."""

from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path

import pytest

from aem_checks import sitemaps
from aem_checks.access import NO_ACCESS
from aem_checks.asking import ask_live
from aem_checks.client import Client
from aem_checks.rate_limit import RateLimit
from aem_checks.sitemaps import Sitemap, SitemapError, parse_sitemap, read_sitemaps
from unit.aem_checks.small_site import Answer, SmallSite

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*urls: str) -> str:
    return f"<urlset {NAMESPACE}>" + "".join(f"<url><loc>{url}</loc></url>" for url in urls) + "</urlset>"


def index(*urls: str) -> str:
    return (
        f"<sitemapindex {NAMESPACE}>"
        + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
        + "</sitemapindex>"
    )


def read(folder: Path, answers: dict[str, Answer]) -> Sitemap:
    async def run() -> Sitemap:
        async with (
            SmallSite(answers).running() as url,
            Client({url: NO_ACCESS}, rate_limit=RateLimit(1000, folder=folder), backoff=0.01) as client,
        ):
            found = await ask_live(read_sitemaps(url, client.allows), client)
            return Sitemap(
                {page.removeprefix(url): None for page in found.urls}, found.problems, found.unreached
            )

    return asyncio.run(run())


def test_an_index_is_followed_and_packed_files_are_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(urlset("/us/a.html", "/us/b.html").encode())
    answers: dict[str, Answer] = {
        "/sitemap.xml": (
            200,
            index("/en.xml", "/us.xml.gz", "/sitemap.xml", "https://elsewhere.example/x.xml"),
        ),
        "/en.xml": (200, urlset("/en/a.html", "/us/a.html")),
        "/us.xml.gz": (200, packed),
    }
    found = read(tmp_path, answers)
    assert list(found.urls) == ["/en/a.html", "/us/a.html", "/us/b.html"]
    assert found.problems == []


def test_robots_txt_says_where_the_sitemap_is(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        "/robots.txt": (200, "User-agent: *\nSitemap: /content/map.xml", {"Content-Type": "text/plain"}),
        "/content/map.xml": (200, urlset("/a")),
    }
    assert list(read(tmp_path, answers).urls) == ["/a"]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "status 404"),
        ({"/sitemap.xml": (200, "<html>home</html>")}, "root element html"),
        ({"/sitemap.xml": (200, "<urlset><url>")}, "not well-formed"),
        ({"/sitemap.xml": (403, "no")}, "status 403"),
    ],
)
def test_a_missing_or_broken_sitemap_is_a_problem(
    tmp_path: Path, answers: dict[str, Answer], problem: str
) -> None:
    found = read(tmp_path, answers)
    assert found.urls == {}
    assert problem in found.problems[0]


def test_an_endless_index_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_FILES", 5)
    answers: dict[str, Answer] = {"/sitemap.xml": (200, index("/1.xml"))}
    answers |= {f"/{n}.xml": (200, index(f"/{n + 1}.xml")) for n in range(1, 20)}
    assert read(tmp_path, answers).problems == ["only 5 files and 0 URLs were read"]


def test_an_entity_bomb_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE urlset [<!ENTITY e0 "x">{entities}]><urlset><url><loc>&e11;</loc></url></urlset>'
    started = time.thread_time()
    with pytest.raises(SitemapError):
        parse_sitemap(bomb.encode())
    assert time.thread_time() - started < 2


def test_a_packed_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 1024)
    with pytest.raises(SitemapError, match="longer than"):
        parse_sitemap(gzip.compress(b"x" * 100_000))


@pytest.mark.parametrize(
    "data", [b"\x1f\x8bnonsense", gzip.compress(b"<urlset/>", mtime=0)[:-6]], ids=["nonsense", "cut off"]
)
def test_a_damaged_archive_is_refused(data: bytes) -> None:
    with pytest.raises(SitemapError):
        parse_sitemap(data)


def test_an_archive_of_several_members_is_one_file() -> None:
    rows = b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/x</loc></url></urlset>'
    packed = gzip.compress(rows[:40]) + gzip.compress(rows[40:]) + b"\0" * 16
    assert parse_sitemap(packed) == (["https://a.example/x"], [])


def test_a_sitemap_named_by_what_is_no_address_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        "/robots.txt": (
            200,
            "Sitemap: https://$[env:DOMAIN]/a.xml\nSitemap: /map.xml",
            {"Content-Type": "text/plain"},
        ),
        "/map.xml": (200, urlset("/a")),
    }
    found = read(tmp_path, answers)
    assert list(found.urls) == ["/a"]
    assert "names the host $[env:DOMAIN], a placeholder that nothing replaced" in found.problems[0]
