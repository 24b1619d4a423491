"""Is the simulated AEM site built like a real one, and does it behave like one?"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from simulator.aem import Build
from simulator.aem.content import site
from simulator.aem.dispatcher import REDIRECTS, allows
from simulator.aem.exchange import Ask
from unit.simulator.aem_visitor import Clock, Visitor, ask, built_by, environment, served

PROBES = Path(__file__).with_name("probe_paths.txt").read_text().splitlines()
NAMESPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with served(environment().app()) as found:
        yield found


# Anatomy


def _linked(body: bytes) -> set[str]:
    """Paths that a page refers to, without templates for widths and without other hosts."""
    tree = LexborHTMLParser(body)
    values = [node.attributes.get("href") or node.attributes.get("src") for node in tree.css("[href], [src]")]
    sets = [
        part.split()[0] for node in tree.css("[srcset]") for part in str(node.attributes["srcset"]).split(",")
    ]
    return {value for value in [*values, *sets] if value and value.startswith("/") and "{" not in value}


def test_every_link_image_library_and_document_of_every_page_answers_200() -> None:
    aem = environment()
    pages = site(12).pages.values()
    linked = set().union(*(_linked(ask(aem, page.url).body) for page in pages))
    assert {path: ask(aem, path).status for path in linked if ask(aem, path).status != 200} == {}
    kinds = {ask(aem, path).headers["content-type"].partition(";")[0] for path in linked}
    assert {
        "text/html",
        "text/css",
        "application/javascript",
        "image/jpeg",
        "image/png",
        "application/pdf",
    } <= kinds


def test_there_are_six_templates_in_two_languages_and_at_least_forty_pages_each() -> None:
    pages = site().pages.values()
    assert {page.template for page in pages} == {
        "home",
        "landing",
        "article",
        "adventure",
        "search",
        "contact",
    }
    assert [sum(page.locale.root == root for page in pages) for root in ("/us/en", "/de/de")] == [44, 44]
    assert len(site(2000).pages) == 4000


def test_a_head_has_what_search_engines_read() -> None:
    aem = environment(pages=12)
    aem.public_url = "https://www.example.org"
    tree = LexborHTMLParser(ask(aem, "/de/de/adventures.html").body)
    link = "https://www.example.org/de/de/adventures.html"
    canonical = tree.css_first('link[rel="canonical"]')
    assert canonical is not None
    assert canonical.attributes["href"] == link
    assert [each.attributes["hreflang"] for each in tree.css("link[hreflang]")] == [
        "en-US",
        "de-DE",
        "x-default",
    ]
    assert {each.attributes["property"] for each in tree.css('meta[property^="og:"]')} >= {
        "og:title",
        "og:image",
    }
    script = tree.css_first('script[type="application/ld+json"]')
    assert script is not None
    assert json.loads(script.text())["url"] == link
    assert tree.css_first("html[lang=de-DE] title") is not None


def test_images_come_as_renditions_with_a_template_for_widths() -> None:
    body = ask(environment(), "/us/en.html").body.decode()
    assert "image.coreimg.90{.width}.jpeg/" in body
    source = (
        "/content/larkfell/us/en/_jcr_content/root/container/image.coreimg.90.{}.jpeg/1763800000000/en.jpeg"
    )
    small, large = (ask(environment(), source.format(width)).body for width in (320, 1600))
    assert small[:3] == large[:3] == b"\xff\xd8\xff"
    assert small[-2:] == large[-2:] == b"\xff\xd9"
    assert len(small) < len(large)
    assert ask(environment(), source.format(333)).status == 404


def test_client_libraries_carry_the_hash_of_their_build_and_only_it_is_found() -> None:
    old, new = environment(), environment("stage", "build-2")
    libraries = [path for path in _linked(ask(old, "/us/en.html").body) if ".lc-" in path]
    assert all(re.search(r"\.lc-[0-9a-f]{32}-lc\.min\.(css|js)$", path) for path in libraries)
    gone = [path for path in libraries if ask(new, path).status == 404]
    assert sorted(path.rsplit(".", 1)[-1] for path in gone) == ["css", "js"]
    assert all("clientlib-site" in path for path in gone)
    empty = next(path for path in libraries if "lc-d41d8cd98f00b204e9800998ecf8427e-lc" in path)
    assert (ask(old, empty).status, ask(old, empty).body) == (200, b"")


def test_the_sitemap_lists_every_page_and_each_answers() -> None:
    aem = environment()
    index = etree.fromstring(ask(aem, "/sitemap.xml").body)
    maps = [
        str(each.text).removeprefix(aem.publish_url) for each in index.findall("s:sitemap/s:loc", NAMESPACE)
    ]
    assert maps == ["/us/en.sitemap.xml", "/de/de.sitemap.xml"]
    trees = [etree.fromstring(ask(aem, path).body) for path in maps]
    urls = [str(each.text) for tree in trees for each in tree.findall("s:url/s:loc", NAMESPACE)]
    assert len(urls) == 24
    assert {ask(aem, url.removeprefix(aem.publish_url)).status for url in urls} == {200}


def test_only_production_lets_crawlers_in() -> None:
    assert b"Disallow: /\n" in ask(environment(), "/robots.txt").body
    assert b"Allow: /\n" in ask(environment("production"), "/robots.txt").body


def test_services_answer_json_with_their_cache_headers() -> None:
    aem = environment()
    token = ask(aem, "/libs/granite/csrf/token.json")
    assert (token.status, token.headers["cache-control"]) == (200, "no-cache, no-store, must-revalidate")
    assert json.loads(ask(aem, "/etc.clientlibs/toggles.json").body)["enabled"]
    assert json.loads(ask(aem, "/us/en/gear.model.json").body)[":items"]["title"]["text"] == "Gear"
    assert json.loads(ask(aem, "/etc.clientlibs/larkfell/build.json").body) == {"build": "build-1"}
    assert ask(aem, "/system/probes/health").status == 200
    found = ask(aem, "/us/en/search.searchresults.json/_jcr_content/root/container/search?fulltext=camping")
    assert [hit["title"] for hit in json.loads(found.body)] == ["Wild camping near Corven Tarn"] * 2


def test_persisted_queries_take_variables_in_the_path() -> None:
    aem = environment()
    root = "/graphql/execute.json/larkfell"
    everything = ask(aem, f"{root}/adventures-all")
    assert "s-maxage=7200" in everything.headers["cache-control"]
    assert len(json.loads(everything.body)["data"]["adventureList"]["items"]) == 2
    one = ask(aem, f"{root}/adventure-by-slug%3Bslug%3Dcamping-corven-tarn")
    assert (
        json.loads(one.body)["data"]["adventureList"]["items"][0]["title"] == "Wild camping near Corven Tarn"
    )
    german = ask(aem, f"{root}/articles-by-locale%3Blocale%3Dde-DE")
    assert "Zelten bei" in german.body.decode()
    assert [ask(aem, path).status for path in (f"{root}/unheard-of", "/graphql/execute.json")] == [404, 400]


def test_redirects_lead_in_one_hop_to_a_page() -> None:
    aem = environment()
    for path, (target, status) in REDIRECTS.items():
        reply = ask(aem, path)
        assert (reply.status, reply.headers["location"]) == (status, aem.publish_url + target)
        assert ask(aem, target).status == 200
    upgraded = ask(aem, "/us/en.html", **{"x-forwarded-proto": "http"})
    assert (upgraded.status, upgraded.headers["location"][:8]) == (301, "https://")


# What must not answer


@pytest.mark.parametrize("path", PROBES)
def test_the_dispatcher_denies_what_must_not_be_public(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status == 404
    assert b"not on our map" in answer.body


def test_static_extensions_pass_the_filter_anywhere_and_publish_says_404() -> None:
    asked = [Ask("GET", *path.partition("?")[::2]) for path in PROBES]
    assert [each.path for each in asked if allows(each)] == [
        "/bin/querybuilder.json.css",
        "/bin/querybuilder.json;%0aa.css",
        "/content.json;%0aa.css",
    ]


def test_unknown_pages_get_the_branded_page_in_their_language_with_a_real_404() -> None:
    aem = environment()
    english, german = (ask(aem, f"{root}/no-such-page.html") for root in ("/us/en", "/de/de"))
    assert (english.status, german.status) == (404, 404)
    assert b"not on our map" in english.body
    assert "nicht auf unserer Karte" in german.body.decode()
    assert "cache-control" not in english.headers


def test_nothing_but_reading_reaches_publish(visitor: Visitor) -> None:
    assert {visitor.get("/us/en.html", method=each).status for each in ("POST", "PUT", "DELETE")} == {404}
    head = visitor.get("/us/en.html", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 1000


# Dispatcher, CDN


def test_the_virtual_host_and_the_cdn_show_in_the_headers(visitor: Visitor) -> None:
    headers = visitor.get("/us/en/about.html").headers
    assert headers["x-vhost"] == "publish"
    assert headers["x-cache"] == "MISS"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert visitor.get("/us/en/about.html").headers["x-cache"] == "HIT"


def test_pages_travel_compressed_when_the_client_asks(visitor: Visitor) -> None:
    packed, plain = visitor.get("/us/en/gear.html", accept_encoding="gzip"), visitor.get("/us/en/gear.html")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/us/en.html", "max-age=300"),
        (
            "/content/dam/larkfell/logo.png",
            "max-age=86400, stale-while-revalidate=43200, stale-if-error=43200",
        ),
        ("/etc.clientlibs/larkfell/build.json", "no-cache, no-store, must-revalidate"),
    ],
)
def test_each_kind_of_file_has_its_cache_policy(path: str, policy: str) -> None:
    assert ask(environment(), path).headers["cache-control"] == policy


def test_the_cdn_keeps_a_page_for_its_lifetime_in_compressed_time() -> None:
    clock = Clock()
    aem = environment(clock=clock, time_scale=60.0)
    assert ask(aem, "/us/en.html").headers["x-cache"] == "MISS"
    clock.now = 4.0
    assert (ask(aem, "/us/en.html").headers["x-cache"], ask(aem, "/us/en.html").headers["age"]) == (
        "HIT",
        "240",
    )
    clock.now = 5.0
    assert ask(aem, "/us/en.html").headers["x-cache"] == "MISS"


def test_a_parameter_makes_another_cache_entry_unless_it_is_marketing() -> None:
    aem = environment()
    ask(aem, "/us/en.html")
    assert ask(aem, "/us/en.html?utm_source=letter").headers["x-cache"] == "HIT"
    assert ask(aem, "/us/en.html?cachebuster=1").headers["x-cache"] == "MISS"
    assert ask(aem, "/us/en.html?cachebuster=1").headers["x-cache"] == "HIT"


# Deployments


def test_a_deployment_rolls_the_nodes_one_by_one_and_both_builds_answer_meanwhile() -> None:
    aem = environment()

    async def half_a_deployment() -> None:
        rolling = asyncio.create_task(aem.deploy(Build("build-2"), 1.0))
        for _ in range(500):
            if aem.state()["nodes"] == ["build-2", "build-1"]:
                break
            await asyncio.sleep(0.01)
        rolling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rolling

    asyncio.run(half_a_deployment())
    assert {built_by(ask(aem, f"/us/en.html?turn={turn}")) for turn in range(4)} == {"build-1", "build-2"}
    asyncio.run(aem.deploy(Build("build-2"), 0.0))
    assert {built_by(ask(aem, f"/us/en.html?again={turn}")) for turn in range(4)} == {"build-2"}


def test_a_deployment_does_not_flush_the_cdn() -> None:
    clock = Clock()
    aem = environment(clock=clock)
    ask(aem, "/us/en.html")
    asyncio.run(aem.deploy(Build("build-2"), 0.0))
    assert built_by(ask(aem, "/us/en.html")) == "build-1"
    assert built_by(ask(aem, "/us/en.html?fresh")) == "build-2"
    clock.now = 6.0
    assert built_by(ask(aem, "/us/en.html")) == "build-2"


def test_mutable_content_arrives_after_the_code() -> None:
    aem = environment()
    assert ask(aem, "/us/en/season.html").status == 200
    asyncio.run(aem.deploy(Build("build-2"), 0.0))
    assert ask(aem, "/us/en/season.html?early").status == 404
    assert ask(aem, "/us/en.html?early").status == 200
    aem.install_mutable_content()
    assert ask(aem, "/us/en/season.html?late").status == 200


def test_the_state_names_builds_nodes_and_defects() -> None:
    aem = environment("stage", "build-1", "soft_404")
    state = aem.state()
    assert (state["build"], state["nodes"], state["defects"]) == (
        "build-1",
        ["build-1", "build-1"],
        ["soft_404"],
    )
    json.dumps(state)
