"""Does each defect of the simulated site show its own symptom, and no other?"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator.aem import DEFECTS, AemEnvironment
from simulator.aem.defects import PAGE, REGISTRY, SITEMAP_PAGE, SLOW
from simulator.aem.exchange import Reply
from unit.simulator import (
    author_symptoms,
    browsing_symptoms,
    cache_symptoms,
    content_symptoms,
    crawler_symptoms,
    front_symptoms,
)
from unit.simulator.aem_visitor import Clock, ask, built_by, environment, served

UNKNOWN = "/us/en/no-such-page-4711.html"
QUERY = "/graphql/execute.json/larkfell/adventures-all"


def _page(aem: AemEnvironment) -> Reply:
    return ask(aem, PAGE)


def _library(aem: AemEnvironment, extension: str) -> Reply:
    body = ask(aem, "/us/en/gear.html").body.decode()
    start = body.index("/etc.clientlibs/larkfell/clientlibs/clientlib-site.lc-")
    if extension == "js":
        start = body.rindex("/etc.clientlibs/larkfell/clientlibs/clientlib-site.lc-")
    return ask(aem, body[start : body.index('"', start)])


def _shows(text: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: _page(aem).status == 200 and text.encode() in _page(aem).body


def _answers(target: str, status: int) -> Callable[[AemEnvironment], bool]:
    return lambda aem: ask(aem, target).status == status


def _hops(aem: AemEnvironment) -> list[str]:
    """The paths that the vanity path leads over, four at most."""
    path, seen = "/routes", list[str]()
    while len(seen) < 4 and "location" in (reply := ask(aem, path)).headers:
        path = reply.headers["location"].removeprefix(aem.publish_url)
        seen.append(path)
    return seen


def _items(aem: AemEnvironment) -> int:
    reply = ask(aem, QUERY)
    data = json.loads(reply.body).get("data") if reply.status == 200 else None
    return len(data["adventureList"]["items"]) if data else -1


def _is_not_gzip(reply: Reply) -> bool:
    if reply.headers.get("content-encoding") != "gzip":
        return False
    with pytest.raises(OSError, match="Unknown compression method"):
        gzip.decompress(reply.body)
    return True


def _has(aem: AemEnvironment, text: bytes, *, without: bytes) -> bool:
    page = _page(aem)
    return page.status == 200 and text in page.body and without not in page.body


def _toggles(aem: AemEnvironment) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(aem, "/etc.clientlibs/toggles.json").body)
    return told


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "page_500": _answers(PAGE, 500),
    "page_missing": _answers(PAGE, 404),
    "login_redirect": lambda aem: "login.html" in _page(aem).headers.get("location", ""),
    "empty_page": lambda aem: _page(aem).status == 200 and len(_page(aem).body) < 200,
    "wrong_content_type": lambda aem: _page(aem).headers["content-type"].startswith("text/plain"),
    "missing_header": lambda aem: "x-frame-options" not in ask(aem, "/us/en.html").headers,
    "noindex": _shows('content="noindex'),
    "sitemap_page_5xx": _answers(SITEMAP_PAGE, 503),
    "unresolved_placeholder": _shows("$[env:LARKFELL_NEWSLETTER_URL]"),
    "unresolved_placeholder_header": lambda aem: "${" in _page(aem).headers["content-security-policy"],
    "localhost_link": _shows("http://localhost:4502/"),
    "author_link": _shows("https://author-p"),
    "undefined_host": _shows("https://undefined/"),
    "stage_host_in_canonical": lambda aem: (
        f'"canonical" href="{aem.publish_url}/'.encode() in _page(aem).body
    ),
    "soft_404": _answers(UNKNOWN, 200),
    "not_found_redirects": _answers(UNKNOWN, 302),
    "stack_trace_on_404": lambda aem: b"java.lang.NullPointerException" in ask(aem, UNKNOWN).body,
    "cached_error": lambda aem: ask(aem, UNKNOWN).headers.get("cache-control") == "max-age=86400",
    "querybuilder_open": lambda aem: b'"hits":' in ask(aem, "/bin/querybuilder.json?path=/content").body,
    "crxde_open": lambda aem: b"CRXDE Lite" in ask(aem, "/crx/de/index.jsp").body,
    "felix_console_open": lambda aem: b"Web Console" in ask(aem, "/system/console").body,
    "home_users_json_open": lambda aem: b'"jcr:primaryType"' in ask(aem, "/home.1.json").body,
    "waf_block": _answers("/etc.xml", 403),
    "waf_block_406": _answers("/etc.xml", 406),
    "clientlib_404": lambda aem: _library(aem, "css").status == 404,
    "clientlib_empty": lambda aem: _library(aem, "js").body == b"",
    "clientlib_wrong_mime": lambda aem: (
        _library(aem, "css").status == 200 and "html" in _library(aem, "css").headers["content-type"]
    ),
    "redirect_lost": _answers("/routes", 404),
    "redirect_loop": lambda aem: len(_hops(aem)) == 4,
    "redirect_two_hops": lambda aem: _hops(aem) == ["/ways", "/us/en/adventures.html"],
    "persisted_query_404": _answers(QUERY, 404),
    "persisted_query_errors": lambda aem: b'"errors"' in ask(aem, QUERY).body,
    "persisted_query_empty": lambda aem: _items(aem) == 0,
    "slow": lambda aem: _page(aem).delay == SLOW,
    "garbage": lambda aem: _is_not_gzip(_page(aem)),
    **author_symptoms.SYMPTOMS,
    **browsing_symptoms.SYMPTOMS,
    **front_symptoms.SYMPTOMS,
    **crawler_symptoms.SYMPTOMS,
    **cache_symptoms.SYMPTOMS,
    **content_symptoms.SYMPTOMS,
    "never_settles": lambda aem: len({built_by(ask(aem, f"/us/en.html?{turn}")) for turn in range(4)}) == 2,
    "toggle_lost": lambda aem: len(_toggles(aem)["enabled"]) == 2,
    "later_aem": lambda aem: _toggles(aem)["release"].startswith("2026.12."),
    "later_java": lambda aem: json.loads(ask(aem, "/etc.clientlibs/larkfell/java.json").body)[
        "java"
    ].startswith("25."),
    "teaser_without_links": lambda aem: _has(aem, b"cmp-teaser__title", without=b"cmp-teaser__title-link"),
    "product_data_lost": lambda aem: _has(aem, b"cmp-title", without=b"ld+json"),
    "model_field_lost": lambda aem: b"richText" not in ask(aem, PAGE.replace(".html", ".model.json")).body,
    "restless": _shows("csrf-token"),
}


def _seen(aem: AemEnvironment) -> set[str]:
    return {name for name, symptom in SYMPTOMS.items() if symptom(aem)}


def test_every_defect_has_a_symptom_here_and_a_sentence_of_its_own() -> None:
    assert set(SYMPTOMS) == DEFECTS
    assert all(found.says.endswith(".") for found in REGISTRY.values())
    assert len({found.says for found in REGISTRY.values()}) == len(REGISTRY)


def test_a_clean_site_shows_no_symptom() -> None:
    assert _seen(environment()) == set()


def test_a_clean_production_shows_its_own_host_in_canonical_links_and_nothing_else() -> None:
    assert _seen(environment("production")) == {"stage_host_in_canonical"}


@pytest.mark.parametrize("name", sorted(DEFECTS - {"never_settles"}))
def test_a_defect_shows_its_symptom_and_no_other(name: str) -> None:
    assert _seen(environment("stage", "build-1", name)) == {name}


def test_nodes_that_never_settle_answer_for_two_builds_by_turns() -> None:
    """A library of one build is not found on the node of the other: a consequence of strict versioning."""
    seen = _seen(environment("stage", "build-1", "never_settles"))
    assert {"never_settles"} <= seen <= {"never_settles", "clientlib_404"}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_can_be_switched_on_and_off_while_the_build_runs(name: str) -> None:
    clock = Clock()
    aem = environment(clock=clock)
    assert not SYMPTOMS[name](aem)
    aem.set_defects({name})
    clock.now += 1_000_000.0
    assert SYMPTOMS[name](aem)
    aem.set_defects(set())
    clock.now += 1_000_000.0
    assert not SYMPTOMS[name](aem)


def test_defects_of_one_build_show_together() -> None:
    broken = {"querybuilder_open", "clientlib_404", "unresolved_placeholder"}
    assert _seen(environment("stage", "build-2", *broken)) == broken


def test_the_placeholder_reaches_landing_pages_and_their_json() -> None:
    aem = environment("stage", "build-1", "unresolved_placeholder")
    hit = [ask(aem, f"/us/en/{name}").body for name in ("gear.html", "adventures.html", "gear.model.json")]
    assert all(b"$[env:LARKFELL_NEWSLETTER_URL]" in body for body in hit)
    assert b"$[env:" not in ask(aem, "/us/en.html").body


def test_the_query_builder_opens_for_its_own_path_only() -> None:
    aem = environment("stage", "build-1", "querybuilder_open")
    assert ask(aem, "/bin/querybuilder.json.css?path=/content").status == 404
    assert ask(aem, "/bin/querybuilder.feed").status == 404


def test_a_firewall_leaves_the_site_itself_alone() -> None:
    aem = environment("stage", "build-1", "waf_block")
    served_well = ("/", PAGE, "/libs/granite/csrf/token.json", "/etc.clientlibs/toggles.json", "/sitemap.xml")
    assert {ask(aem, path).status for path in served_well} == {200}
    assert ask(aem, UNKNOWN).status == 404
    assert ask(aem, "/us/en.infinity.json").status == 403


def test_a_cached_error_comes_from_the_cdn_the_second_time() -> None:
    aem = environment("stage", "build-1", "cached_error")
    assert [ask(aem, UNKNOWN).headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
    clean = environment()
    assert [ask(clean, UNKNOWN).headers["x-cache"] for _ in range(2)] == ["MISS", "MISS"]


def test_garbage_goes_over_the_wire_as_a_gzip_that_is_none() -> None:
    with served(environment("stage", "build-1", "garbage").app()) as visitor:
        answer = visitor.get(PAGE, accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    with pytest.raises(OSError, match="Unknown compression method"):
        gzip.decompress(answer.body)


def test_an_unknown_defect_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="'clientlib_405'; the nearest name is 'clientlib_404'"):
        environment("stage", "build-1", "clientlib_405")
    with pytest.raises(ValueError, match="the nearest name is 'soft_404'"):
        environment().set_defects({"soft404"})
