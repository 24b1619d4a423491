"""E1: sitemaps that are good, broken, empty, foreign, shrunk or absent."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from aem_checks.baseline import Baseline
from aem_checks.kinds.search_engines.sitemap import Sitemap, SitemapSettings
from unit.aem_checks.small_site import Answer, SmallSite, bad, outcome, visit

XML = {"Content-Type": "application/xml"}
ROBOTS = (200, "User-agent: *\nDisallow: /\nSitemap: /map.xml", {"Content-Type": "text/plain"})
PAGES = tuple(f"/p{number}.html" for number in range(10))


def check(**settings: Any) -> Sitemap:
    return Sitemap(SitemapSettings(**settings))


def urlset(*addresses: str) -> Answer:
    rows = "".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    return 200, f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>', XML


def index(*addresses: str) -> Answer:
    rows = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return (
        200,
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</sitemapindex>',
        XML,
    )


class Site(SmallSite):
    """Answers ``{own}`` in bodies with its own address, which a sitemap has to name."""

    def __init__(self, changed: dict[str, Answer], *, pages: tuple[str, ...] = PAGES) -> None:
        usual: dict[str, Answer] = {path: (200, "<html></html>") for path in pages}
        whole = {"/robots.txt": ROBOTS, "/map.xml": urlset(*("{own}" + path for path in pages)), **usual}
        super().__init__({**whole, **changed})

    async def handle(self, request: Any) -> Any:
        response = await super().handle(request)
        if isinstance(response.body, bytes):
            response.body = response.body.replace(b"{own}", f"http://{request.host}".encode())
        return response


def test_a_good_sitemap_passes_and_its_pages_are_asked_past_all_caches(tmp_path: Path) -> None:
    site = Site({})
    judgement = visit(check(), tmp_path, site)
    assert (outcome(check(), judgement), bad(judgement)) == ("block passed", [])
    assert all("stage-gate=" in path for path in site.paths)
    assert sum("/p" in path for path in site.paths) == 10


def test_an_index_and_what_it_names_are_read_packed_or_not(tmp_path: Path) -> None:
    packed = gzip.compress(str(urlset("{own}/p1.html")[1]).replace("{own}", "").encode())  # type: ignore[index]
    site = Site(
        {
            "/map.xml": index("{own}/one.xml", "/two.xml.gz"),
            "/one.xml": urlset("{own}/p0.html"),
            "/two.xml.gz": (200, packed, {"Content-Type": "application/octet-stream"}),
        }
    )
    judgement = visit(check(), tmp_path, site)
    assert judgement.examined == 3
    assert any(path.startswith("/p1.html") for path in site.paths)


@pytest.mark.parametrize(
    ("map_", "words"),
    [
        ((200, "<urlset><url><loc>/a?b=1&c=2</loc></url></urlset>", XML), "not well-formed XML"),
        ((200, "<html><body>Sorry", {"Content-Type": "text/html"}), "not well-formed XML"),
        ((200, "", XML), "not well-formed XML"),
        ((200, "<rss/>", XML), "root element rss"),
        ((200, '<!DOCTYPE x [<!ENTITY a "b">]><urlset/>', XML), "document type"),
        ((404, "gone"), "404"),
        ((503, "later"), "503"),
        (urlset(), "lists no page"),
        (index(), "lists no page"),
        (index("/lost.xml"), "named by /map.xml"),
    ],
)
def test_a_sitemap_that_cannot_be_used_blocks(tmp_path: Path, map_: Answer, words: str) -> None:
    judgement = visit(check(), tmp_path, Site({"/map.xml": map_}))
    assert outcome(check(), judgement) == "block failed product"
    assert words in bad(judgement)[0].sentence


def test_a_refusal_is_no_failure(tmp_path: Path) -> None:
    judgement = visit(check(), tmp_path, lambda path: (405, "allow list"))
    assert outcome(check(), judgement) == "block inconclusive network"
    assert judgement.examined == 0


def test_a_listed_page_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    for answer in ((404, "no"), (301, "", {"Location": "/p1.html"}), (500, "no")):
        judgement = visit(check(), tmp_path, Site({"/p3.html": answer}))  # type: ignore[dict-item]
        assert outcome(check(), judgement) == "block passed"
        assert [finding.subject for finding in bad(judgement)] == ["/p3.html"]


def test_the_sample_is_spread_over_the_whole_sitemap(tmp_path: Path) -> None:
    site = Site({})
    visit(check(sample=2), tmp_path, site)
    assert sorted(path.partition("?")[0] for path in site.paths if "/p" in path) == ["/p0.html", "/p5.html"]


@pytest.mark.parametrize(
    ("address", "words", "severity"),
    [
        ("http://localhost:4503/p1.html", "localhost:4503", "block"),
        ("https://author-p1-e2.adobeaemcloud.com/p1.html", "author-p1-e2", "block"),
        ("https://www.other.example/p1.html", "www.other.example", "warn"),
        ("/p1.html", "without a host", "warn"),
    ],
)
def test_foreign_addresses_are_named(tmp_path: Path, address: str, words: str, severity: str) -> None:
    judgement = visit(check(sample=0), tmp_path, Site({"/map.xml": urlset("{own}/p0.html", address)}))
    found = bad(judgement)
    assert len(found) == 1
    assert words in found[0].sentence
    assert outcome(check(), judgement) == ("block failed product" if severity == "block" else "block passed")


def test_a_foreign_host_that_the_settings_name_is_right(tmp_path: Path) -> None:
    site = Site({"/map.xml": urlset("{own}/p0.html", "https://www.other.example/p1.html")})
    assert bad(visit(check(hosts=("www.other.example",), sample=0), tmp_path, site)) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [(10, "block passed"), (9, "block passed"), (7, "block failed product"), (20, "block passed")],
)
def test_the_number_of_pages_is_compared_with_the_last_release(
    tmp_path: Path, now: int, expected: str
) -> None:
    visit(check(), tmp_path / "before", Site({}))
    before = Baseline("execution 4711 of 2026-11-20", tmp_path / "before" / "evidence")
    pages = tuple(f"/p{number}.html" for number in range(now))
    judgement = visit(check(sample=0), tmp_path, Site({}, pages=pages), baseline=before)
    assert outcome(check(), judgement) == expected
    assert [f.subject for f in bad(judgement)] == (["number of pages"] if now in (7, 20) else [])


def test_a_site_that_never_had_a_sitemap_is_warned_and_one_that_lost_it_blocked(tmp_path: Path) -> None:
    without = {path: (200, "<html></html>") for path in PAGES}
    assert outcome(check(), visit(check(), tmp_path, without)) == "block passed"
    assert bad(visit(check(), tmp_path, without))[0].subject == "/sitemap.xml"
    production = {"/sitemap.xml": urlset("/p1.html")}
    assert outcome(check(), visit(check(), tmp_path, without, production)) == "block failed product"


def test_a_sitemap_on_a_foreign_host_is_not_asked_for_and_production_is_left_alone(tmp_path: Path) -> None:
    production = SmallSite({})
    robots = (
        200,
        "Sitemap: https://www.foreign.example/map.xml\nSitemap: /map.xml",
        {"Content-Type": "text/plain"},
    )
    judgement = visit(check(), tmp_path, Site({"/robots.txt": robots}), production)
    assert bad(judgement) == []
    assert production.paths == []


def test_an_index_that_names_itself_and_thousands_of_files_ends(tmp_path: Path) -> None:
    many = index("/map.xml", *(f"/{number}.xml" for number in range(3000)))
    answers = {f"/{number}.xml": urlset("{own}/p1.html") for number in range(60)}
    judgement = visit(check(sample=0), tmp_path, Site({"/map.xml": many, **answers}))
    assert judgement.examined == 50
    assert any("were not read" in finding.sentence for finding in judgement.findings)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://$[env:DOMAIN]/a.xml", "names the host $[env:DOMAIN], a placeholder that nothing replaced"),
        ("https://www.example.com:99999/a.xml", "which is none"),
        ("http://[/a.xml", "names the host [, which is none"),
    ],
)
def test_an_index_that_names_no_address_fails_and_says_what_is_wrong(
    tmp_path: Path, address: str, fault: str
) -> None:
    site = Site({"/map.xml": index(address, "{own}/one.xml"), "/one.xml": urlset("{own}/p0.html")})
    judgement = visit(check(), tmp_path, site)
    assert outcome(check(), judgement) == "block failed product"
    (finding,) = bad(judgement)
    assert finding.code == "unreadable"
    assert fault in finding.sentence
    assert any(path.startswith("/p0.html") for path in site.paths), "the other sitemap is read all the same"


def test_robots_that_names_no_address_fails_and_the_usual_file_is_read(tmp_path: Path) -> None:
    robots = (200, "Sitemap: https://$[env:DOMAIN]/map.xml", {"Content-Type": "text/plain"})
    site = Site({"/robots.txt": robots, "/sitemap.xml": urlset("{own}/p0.html")})
    judgement = visit(check(), tmp_path, site)
    assert outcome(check(), judgement) == "block failed product"
    assert [each.subject for each in bad(judgement)] == ["robots.txt"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (("/p0.html", "/p1.html"), "no_host"),
        (("p0.html",), "no_host"),
        (("https:///p0.html",), "unreadable"),
        (("https://$[env:DOMAIN]/p0.html",), "unreadable"),
        (("https://author.internal/p0.html",), "internal_host"),
    ],
)
def test_a_sitemap_of_nothing_that_search_engines_keep_fails_like_an_empty_one(
    tmp_path: Path, entries: tuple[str, ...], code: str
) -> None:
    judgement = visit(check(), tmp_path, Site({"/map.xml": urlset(*entries)}))
    assert outcome(check(), judgement) == "block failed product"
    assert {"empty", code} <= {each.code for each in bad(judgement)}


def test_dropped_entries_weigh_as_missing_ones(tmp_path: Path) -> None:
    kept = tmp_path / "before" / "sitemap"
    kept.mkdir(parents=True)
    (kept / "pages.json").write_text('{"count": 10, "pages": []}')
    baseline = Baseline("execution 1", tmp_path / "before")
    entries = [f"{{own}}{path}" for path in PAGES[:5]] + [f"https://$[env:X]{path}" for path in PAGES[5:]]
    judgement = visit(check(), tmp_path, Site({"/map.xml": urlset(*entries)}), baseline=baseline)
    assert "fewer" in {each.code for each in bad(judgement)}


@pytest.mark.parametrize(
    ("namespace", "codes"),
    [("http://www.w3.org/1999/xhtml", []), ("https://www.w3.org/1999/xhtml", ["hreflang_namespace"])],
)
def test_hreflang_in_a_namespace_that_no_crawler_reads_is_told(
    tmp_path: Path, namespace: str, codes: list[str]
) -> None:
    link = '<xhtml:link rel="alternate" hreflang="de" href="{own}/p1.html"/>'
    text = (
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="{namespace}">'
        f"<url><loc>{{own}}/p0.html</loc>{link}</url></urlset>"
    )
    judgement = visit(check(), tmp_path, Site({"/map.xml": (200, text, XML)}))
    assert [each.code for each in bad(judgement)] == codes
    assert outcome(check(), judgement) == "block passed"
