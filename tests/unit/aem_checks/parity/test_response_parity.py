"""K4: stage and production of a small site, alike and different."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from aem_checks.baseline import Baseline
from aem_checks.kinds.parity._parity_settings import ResponseParitySettings
from aem_checks.kinds.parity.response_parity import ResponseParity
from aem_checks.outcomes import Cause, Judgement, Severity
from aem_checks.parity.facts import Reader
from aem_checks.parity.rules import Normaliser
from aem_checks.response import Response, make_headers
from unit.aem_checks.small_site import JSON, Answer, SmallSite, bad, outcome, visit

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
    judgement = visit(check(), tmp_path, site(), site(), pages=PAGES)
    assert judgement.findings == ()
    assert judgement.examined == 3


def test_production_is_asked_as_visitors_ask_then_past_its_caches_and_stage_once(tmp_path: Path) -> None:
    production, stage = SmallSite(site()), SmallSite(site())
    visit(check(model_json="off"), tmp_path, stage, production, pages=PAGES)
    asked = [path.partition("=")[0] for path in production.paths if path.startswith("/us/en/a")]
    assert sorted(asked) == ["/us/en/a.html", "/us/en/a.html?stage-gate"]
    assert len([path for path in stage.paths if path.startswith("/us/en/a")]) == 1


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ((200, page(title="Other"), SECURE), "title differs"),
        ((200, page(clientlib="old"), SECURE), "clientlibs differs"),
        ((200, page(robots="noindex"), SECURE), "robots differs"),
        ((200, page(), PLAIN), "header X-Frame-Options differs"),
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
    reader = Reader(Normaliser(hosts))
    both = [
        reader.read(Response(f"https://{h}/", 200, make_headers(PLAIN), html.format(host=h).encode()))
        for h in sorted(hosts)
    ]
    assert both[0] == both[1]
    assert ("canonical", "{host}/us/en.html") in both[0]


def test_redirects_to_the_own_host_are_alike() -> None:
    hosts = frozenset({"stage.example", "www.example"})
    for host in hosts:
        headers = make_headers({"Location": f"https://{host}/us/en.html?stage-gate=1"})
        read = Reader(Normaliser(hosts)).read(Response(f"https://{host}/", 301, headers))
        assert ("redirect", "{host}/us/en.html") in read


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

    judgement = visit(check(model_json="off"), tmp_path, without_header, site(), pages=PAGES)
    assert [finding.subject for finding in bad(judgement)] == ["header X-Frame-Options sent"]
    assert "differs on 3 of 3 pages" in bad(judgement)[0].sentence


def test_what_changes_from_answer_to_answer_is_noise(tmp_path: Path) -> None:
    turns = itertools.count()

    def rotating(path: str) -> Answer:
        if "xml" in path:
            return site()[path]
        return 200, page(title=f"Offer {next(turns) % 5}"), SECURE

    judgement = visit(check(), tmp_path, rotating, rotating, pages=PAGES)
    assert bad(judgement) == []
    assert "Noise, not judged" in judgement.findings[0].sentence
    assert "'title'" in judgement.findings[0].sentence


def test_a_difference_beneath_the_noise_is_found(tmp_path: Path) -> None:
    turns = itertools.count()

    def rotating(path: str) -> Answer:
        return 200, page(title=f"Offer {next(turns) % 3}"), SECURE

    def broken(path: str) -> Answer:
        return 200, page(title=f"Offer {next(turns) % 3}", clientlib="old"), SECURE

    judgement = visit(check(), tmp_path, broken, rotating, pages=PAGES)
    assert any("clientlibs differs" in finding.sentence for finding in bad(judgement))


def test_half_of_an_experiment_is_no_difference(tmp_path: Path) -> None:
    """Each answer shows one of two headings at random; a page that seems different is asked again."""
    chance = random.Random(4711)

    def experiment(path: str) -> Answer:
        if "xml" in path:
            return site()[path]
        return 200, page(title=chance.choice("AB")), SECURE

    assert bad(visit(check(rounds=20), tmp_path, experiment, experiment, pages=PAGES)) == []
    chance.seed(4711)
    unasked = visit(
        check(rounds=0, urls=100), tmp_path, experiment, experiment, pages=tuple(f"/{n}" for n in range(40))
    )
    assert bad(unasked) != []


def run_with_baseline(tmp_path: Path, before: dict[str, Answer], now: dict[str, Answer]) -> Judgement:
    """Stage as it was at the last verified release, then as it is now; production is the same both times."""
    visit(check(), tmp_path / "old", before, site(), pages=PAGES)
    kept = Baseline("execution 4711 of 2026-11-20", tmp_path / "old" / "evidence")
    return visit(check(), tmp_path / "new", now, site(), pages=PAGES, baseline=kept)


def test_what_stage_was_at_the_last_verified_release_already_is_drift(tmp_path: Path) -> None:
    drifted = site(b=(200, page(title="Copied long ago"), SECURE))
    judgement = run_with_baseline(tmp_path, drifted, drifted)
    assert bad(judgement) == []
    assert "Drift, not this release: 1 difference on 1 page" in judgement.findings[0].sentence
    assert "execution 4711 of 2026-11-20" in judgement.findings[0].sentence


def test_what_stage_was_not_at_the_last_verified_release_is_this_release(tmp_path: Path) -> None:
    drifted = site(b=(200, page(title="Copied long ago"), SECURE))
    now = site(b=(200, page(title="Copied long ago", clientlib="old"), SECURE))
    judgement = run_with_baseline(tmp_path, drifted, now)
    assert [finding.subject for finding in bad(judgement)] == ["clientlibs /etc.clientlibs/wknd/site.css"]
    assert "so this release did it" in bad(judgement)[0].sentence
    kept = json.loads((tmp_path / "new/evidence/response_parity/differences.json").read_text())
    assert [each["field"] for each in kept["drift"]] == ["title"]
    assert [each["field"] for each in kept["release"]] == ["clientlibs"]


def test_a_damaged_baseline_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "old" / "response_parity"
    folder.mkdir(parents=True)
    (folder / "stage.json.gz").write_bytes(b"\x1f\x8bnonsense")
    stage = site(b=(200, page(title="Other"), SECURE))
    judgement = visit(
        check(), tmp_path, stage, site(), pages=PAGES, baseline=Baseline("execution 1", tmp_path / "old")
    )
    assert "no verified release to compare with yet" in bad(judgement)[0].sentence


@pytest.mark.parametrize(
    "contract",
    [
        ["noindex"],
        [{"field": "robots", "because": "stage is private"}],
        [
            {
                "field": "robots",
                "production": "index",
                "stage": "no*",
                "paths": "/us/*",
                "because": "stage is private",
            }
        ],
    ],
)
def test_the_contract_allows_differences_and_says_so(tmp_path: Path, contract: list[Any]) -> None:
    stage = site(b=(200, page(robots="noindex"), SECURE))
    judgement = visit(check(contract=contract), tmp_path, stage, site(), pages=PAGES)
    assert bad(judgement) == []
    assert "Allowed by the contract on 1 page: 'robots" in judgement.findings[0].sentence


def test_the_contract_allows_nothing_more(tmp_path: Path) -> None:
    stage = site(b=(200, page(robots="nofollow"), SECURE))
    judgement = visit(check(contract=["noindex"]), tmp_path, stage, site(), pages=PAGES)
    assert [finding.subject for finding in bad(judgement)] == ["robots index"]


def test_hosts_of_other_services_may_have_counterparts(tmp_path: Path) -> None:
    def with_image(host: str) -> dict[str, Answer]:
        image = f'<meta property="og:image" content="https://{host}/is/image/1.jpg">'
        return site(b=(200, page().replace("</head>", f"{image}</head>"), SECURE))

    stage, production = with_image("dm-stage.example"), with_image("dm.example")
    assert bad(visit(check(), tmp_path, stage, production, pages=PAGES)) != []
    for lenient in (check(same_hosts={"dm-stage.example": "dm.example"}), check(contract=["host names"])):
        assert bad(visit(lenient, tmp_path, stage, production, pages=PAGES)) == []


def test_the_model_of_a_key_page_is_compared_by_component(tmp_path: Path) -> None:
    def model(*fields: str) -> dict[str, Answer]:
        teaser = {":type": "wknd/components/teaser", **dict.fromkeys(fields, "text")}
        body = json.dumps({":type": "wknd/components/page", ":items": {"teaser_812": teaser}})
        return {**site(), "/us/en.model.json": (200, body, JSON)}

    stage, production = model("title"), model("title", "linkURL")
    judgement = visit(check(), tmp_path, stage, production, pages=PAGES)
    assert [f.subject for f in bad(judgement)] == ["model wknd/components/teaser linkURL: text"]
    assert bad(visit(check(model_json="off"), tmp_path, stage, production, pages=PAGES)) == []


def test_what_was_not_compared_is_named(tmp_path: Path) -> None:
    judgement = visit(check(urls=1), tmp_path, site(), site(), pages=("/us/en.html",))
    assert "Not compared: 1 of 3 pages" in judgement.findings[0].sentence
    assert "/us/en/b.html" in judgement.findings[0].sentence


def test_hostile_values_are_quoted(tmp_path: Path) -> None:
    evil = page(title="<script>alert(1)</script>::endgroup:: {{ conn.x.password }}")
    judgement = visit(check(), tmp_path, site(b=(200, evil, SECURE)), site(), pages=PAGES)
    assert all("::endgroup::" not in finding.sentence for finding in judgement.findings)


GARBAGE = {
    "nothing": b"",
    "bytes": b"\xff\xfe\x00garbage",
    "brackets": b"<" * 100_000,
    "deep": b"<div>" * 20_000,
    "links": b'<a class="x" href="//[">' * 10_000,
    "braces": b"{" * 5_000,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_compared_and_crashes_nothing(tmp_path: Path, name: str) -> None:
    for headers in (PLAIN, JSON):
        stage = site(b=(200, GARBAGE[name], headers))
        judgement = visit(check(rounds=0), tmp_path, stage, site(), pages=PAGES)
        assert bad(judgement) != []
