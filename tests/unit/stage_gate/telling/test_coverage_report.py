"""Does the report say which components were tested by which check, which never are, and how that went on?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from aem_checks.coverage.record import Coverage, Point
from aem_checks.coverage.recorded import keep
from aem_checks.outcomes import Outcome, Severity
from stage_gate.configuration.describe import describe
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence.ledger import Ledger
from stage_gate.evidence.seal import Sealed
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.telling.coverage_report import SiteCoverage, manual_sentences, read_coverages
from stage_gate.telling.rendering import render
from unit.stage_gate.samples import NOW, plan, planned, recorded, result

COVERAGE = Coverage(
    site="wknd",
    at=NOW,
    source="the sitemap of https://stage.example",
    listed=900,
    pages={
        "/": ("component:teaser", "template:home"),
        "/form.html": ("component:form-text",),
        "/shop.html": ("component:basket", "component:teaser"),
    },
    unusable={"/gone.html": "status 404"},
    named=("/",),
    chosen=("/form.html",),
    is_least=False,
    missed=("component:basket",),
    lost=("component:carousel",),
    since="execution 1 of 2026-10-01",
    history=(
        Point(release="execution 1 of 2026-10-01", at=NOW - timedelta(days=30), seen=9, shown=7, pages=4),
    ),
)


def gate(folder: Path, **content: Any) -> Gate:
    file = folder / "wknd.yaml"
    told = {
        "pipeline": {"program": "1", "pipeline": "2"},
        "sites": [{"name": "wknd", "stage": "https://stage.example", "pages": ["/"], "coverage": {}}],
        "checks": {"others": False, "key_pages": {}, "host_leaks": {}, "real_404": {}},
        **content,
    }
    file.write_text(yaml.safe_dump(told))
    return load_gate(file, demands=NO_DEMANDS)


def sealed(*results: Any) -> Sealed:
    return cast("Sealed", SimpleNamespace(recorded=[recorded(each) for each in results]))


def section(folder: Path, coverage: Coverage = COVERAGE) -> str:
    keep(coverage, folder / "sites" / "wknd")
    results = (
        result("key_pages"),
        result("host_leaks", Outcome.INCONCLUSIVE, severity=Severity.WARN),
        result("real_404"),
    )
    return shown(read_coverages(folder, gate(folder), sealed(*results)))


def shown(sites: tuple[SiteCoverage, ...] = (), manual: list[str] | None = None) -> str:
    return render("coverage.html", coverages=sites, manual=manual)


def test_a_component_is_tested_by_the_checks_that_looked_at_a_page_with_it(tmp_path: Path) -> None:
    html = section(tmp_path)
    row = next(each for each in html.split("<tr>") if "component:form-text" in each)
    assert "/form.html" in row
    assert "key_pages" in row
    assert "host_leaks" not in row, "it gave no answer"
    assert "real_404" not in row, "it looks at no recorded page"


def test_what_is_on_no_recorded_page_is_never_tested(tmp_path: Path) -> None:
    html = section(tmp_path)
    assert "3 of 4 components and templates that stage shows were tested, on 2 pages." in html
    assert "Never tested: component:basket." in html
    assert "Seen at execution 1 of 2026-10-01 and on no page now: component:carousel." in html


def test_the_trend_has_the_releases_before_and_this_one(tmp_path: Path) -> None:
    html = section(tmp_path)
    assert "<td>execution 1 of 2026-10-01</td><td>2026-10-03</td><td>9</td><td>7</td><td>4</td>" in html
    assert "<td>this one</td><td>2026-11-02</td><td>4</td><td>3</td><td>2</td>" in html


def test_a_page_or_component_with_markup_in_its_name_stays_text(tmp_path: Path) -> None:
    bad = "/<script>alert(1)</script>{{ conn.x.password }}"
    hostile = COVERAGE.model_copy(
        update={"pages": {bad: ("<img src=x>",)}, "named": (bad,), "problems": ("<b>bold</b>",)}
    )
    html = section(tmp_path, hostile)
    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_a_site_whose_pages_are_not_chosen_has_no_section(tmp_path: Path) -> None:
    assert shown(read_coverages(tmp_path, gate(tmp_path), sealed(result()))) == ""


def test_the_list_of_manual_smoke_tests_is_seen_to_shrink() -> None:
    asked = planned("smoke_tests.basket", kind="smoke_tests")
    promised = plan(planned(), asked, covered={"smoke_tests.search": ("search",)})
    checks = [SimpleNamespace(kind="smoke_tests"), SimpleNamespace(kind="key_pages")]
    releases = [SimpleNamespace(checks=[*checks, checks[0]]), SimpleNamespace(checks=checks)]
    html = shown(manual=manual_sentences(promised, cast("Ledger", SimpleNamespace(releases=releases))))
    assert "1 of 2 are asked of a person: smoke_tests.basket." in html
    assert "smoke_tests.search is not asked: search find out the same." in html
    assert "oldest first: 2, 1." in html
    assert shown(manual=manual_sentences(plan(planned()), Ledger("wknd"))) == ""


def test_the_docs_tab_says_what_is_chosen_and_what_people_are_asked(tmp_path: Path) -> None:
    questions = [
        {"name": "basket", "question": "Does the basket | take a tent?"},
        {"name": "home", "question": "Is the home page there?", "covered_by": ["key_pages"]},
    ]
    smoke = {"ask": ["alice", "bob"], "questions": questions}
    text = describe(gate(tmp_path, smoke_tests=smoke))
    assert "at most 20 more that show, with these, every component of stage" in text
    assert "`alice`, `bob` are asked what no check covers" in text
    assert "- `smoke_tests.basket` (**blocks**): Does the basket \\| take a tent?" in text
    assert "- `smoke_tests.home` is not asked: `key_pages` find out the same" in text
    assert "Questions to people" not in describe(gate(tmp_path))
