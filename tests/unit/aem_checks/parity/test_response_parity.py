"""K4: stage and production of a small site, alike and different."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.parity._likeness import look
from aem_checks.kinds.parity.response_parity import ResponseParity, ResponseParitySettings
from aem_checks.outcomes import Cause, Severity
from aem_checks.response import Response, make_headers
from unit.aem_checks.small_site import Answer, SmallSite, bad, outcome, visit

SECURE = {"Content-Type": "text/html", "X-Frame-Options": "SAMEORIGIN"}
PLAIN = {"Content-Type": "text/html"}
PATHS = ["/us/en.html", "/us/en/a.html", "/us/en/b.html"]


def page(title: str = "Home", clientlib: str = "site", robots: str = "index") -> str:
    return (
        f'<html><head><title>{title}</title><meta name="robots" content="{robots}">'
        f'<link rel="stylesheet" href="/etc.clientlibs/wknd/{clientlib}.lc-{"ab12" * 8}-lc.min.css"></head></html>'
    )


def site(**changed: Answer) -> dict[str, Answer]:
    """Three pages and their sitemap; ``changed`` by the last letter of the path."""
    urls = "".join(f"<url><loc>{path}</loc></url>" for path in PATHS)
    pages: dict[str, Answer] = {path: (200, page(), SECURE) for path in PATHS}
    pages |= {f"/us/en/{name}.html": answer for name, answer in changed.items()}
    return {"/sitemap.xml": (200, f"<urlset>{urls}</urlset>", {"Content-Type": "text/xml"}), **pages}


def check(**settings: Any) -> ResponseParity:
    return ResponseParity(ResponseParitySettings(**settings))


PAGES = ("/us/en.html", "/us/en/a.html")


def test_equal_sites_pass(tmp_path: Path) -> None:
    production = SmallSite(site())
    judgement = visit(check(), tmp_path, site(), production, pages=PAGES)
    assert judgement.findings == ()
    assert judgement.examined == 3
    assert not any("stage-gate" in path for path in production.paths)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ((200, page(title="Other"), SECURE), "title differs"),
        ((200, page(clientlib="old"), SECURE), "clientlibs differs"),
        ((200, page(robots="noindex"), SECURE), "robots differs"),
        ((200, page(), PLAIN), "headers differs"),
        ((200, page(), {"Content-Type": "text/plain", "X-Frame-Options": "DENY"}), "content type differs"),
        ((301, "", {"Location": "/x", **SECURE}), "status differs"),
    ],
)
def test_each_difference_is_a_warning(tmp_path: Path, stage: Answer, words: str) -> None:
    judgement = visit(check(), tmp_path, site(b=stage), site(), pages=PAGES)
    assert outcome(check(), judgement) == "warn failed product"
    assert words in bad(judgement)[0].sentence
    assert "/us/en/b.html" in bad(judgement)[0].sentence


def test_what_the_gate_file_ignores_is_ignored(tmp_path: Path) -> None:
    lenient = check(ignore=["robots"])
    stage = site(b=(200, page(robots="noindex"), SECURE))
    assert outcome(lenient, visit(lenient, tmp_path, stage, site(), pages=PAGES)) == "warn passed"


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_a_key_page_that_only_production_serves_blocks(tmp_path: Path, status: int) -> None:
    judgement = visit(check(), tmp_path, site(a=(status, "no")), site(), pages=PAGES)
    assert outcome(check(), judgement) == "block failed product"
    assert bad(judgement)[0].severity is Severity.BLOCK


def test_another_page_that_only_production_serves_is_a_warning(tmp_path: Path) -> None:
    judgement = visit(check(), tmp_path, site(b=(404, "no")), site(), pages=PAGES)
    assert outcome(check(), judgement) == "warn failed product"


def test_a_page_that_both_lack_is_alike(tmp_path: Path) -> None:
    gone: Answer = (404, "no")
    assert bad(visit(check(), tmp_path, site(a=gone), site(a=gone), pages=PAGES)) == []


def test_a_stage_that_refuses_is_inconclusive_and_not_different(tmp_path: Path) -> None:
    judgement = visit(check(), tmp_path, lambda path: (405, "allow list"), site(), pages=PAGES)
    assert outcome(check(), judgement).startswith("warn inconclusive")
    assert {finding.cause for finding in judgement.findings} == {Cause.NETWORK}
    assert judgement.examined == 0


def test_hosts_of_the_site_are_no_difference() -> None:
    html = '<link rel="canonical" href="https://{host}/us/en.html">'
    hosts = frozenset({"stage.example", "www.example"})
    both = [
        look(
            Response(f"https://{host}/", 200, make_headers(PLAIN), html.format(host=host).encode()), hosts, ()
        )
        for host in sorted(hosts)
    ]
    assert both[0] == both[1]
    assert both[0].canonical == "/us/en.html"


def test_redirects_to_the_own_host_are_alike() -> None:
    hosts = frozenset({"stage.example", "www.example"})
    for host in hosts:
        headers = make_headers({"Location": f"https://{host}/us/en.html?stage-gate=1"})
        assert look(Response(f"https://{host}/", 301, headers), hosts, ()).redirect == "/us/en.html"


def test_a_missing_sitemap_is_inconclusive_but_key_pages_are_compared(tmp_path: Path) -> None:
    production = {path: answer for path, answer in site().items() if path != "/sitemap.xml"}
    judgement = visit(check(), tmp_path, site(a=(404, "no")), production, pages=PAGES)
    assert judgement.examined == 2
    assert outcome(check(), judgement) == "block failed product"
    alike = visit(check(), tmp_path, site(), production, pages=PAGES)
    assert outcome(check(), alike) == "warn inconclusive product"


def test_a_site_without_production_is_inconclusive(tmp_path: Path) -> None:
    assert outcome(check(), visit(check(), tmp_path, site())) == "warn inconclusive check"


def test_the_number_of_pages_is_limited_and_spread(tmp_path: Path) -> None:
    urls = "".join(f"<url><loc>/p{n}.html</loc></url>" for n in range(1000))
    production = SmallSite(
        lambda path: (200, f"<urlset>{urls}</urlset>") if "xml" in path else (200, page(), PLAIN)
    )
    stage = SmallSite(lambda path: (200, page(), PLAIN))
    judgement = visit(check(urls=10), tmp_path, stage, production)
    assert judgement.examined == 11
    assert {"/p0.html", "/p900.html"} <= set(production.paths)


def test_the_same_difference_on_many_pages_is_one_finding(tmp_path: Path) -> None:
    def without_header(path: str) -> Answer:
        return 200, page(), PLAIN

    judgement = visit(check(), tmp_path, without_header, site(), pages=PAGES)
    assert [finding.subject for finding in bad(judgement)] == ["headers of 3 pages"]
