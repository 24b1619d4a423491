"""The report tells the story, and nothing that a site says is more than text in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from aem_checks.outcomes import Finding, Outcome
from stage_gate.configuration.flaky import Proposal
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence.kept_decisions import DecisionRecord
from stage_gate.evidence.ledger import read_ledger, write_entry
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import Decision
from stage_gate.rules.plan import PinnedBaseline, PlannedCheck, RecordedResult, Waiver
from stage_gate.rules.verdict import judge
from stage_gate.telling.release import Release
from stage_gate.telling.report import render_report
from unit.stage_gate.kept_releases import keep
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, finding, plan, planned, recorded, result
from unit.stage_gate.test_dags import GATE

HOSTILE = "<script>alert(1)</script>{{ conn.x.password }}<img src=x onerror=alert(1)>"


def release(
    folder: Path,
    sentence: str = "/us/en.html answered 500.",
    *others: PlannedCheck,
    findings: Sequence[Finding] = (),
    beside: Sequence[RecordedResult] = (),
) -> Release:
    (folder / "wknd.yaml").write_text(yaml.safe_dump(GATE))
    gate = load_gate(folder / "wknd.yaml")
    pin = Pin(
        gate="wknd",
        gate_digest=gate.digest,
        gate_content=gate.content,
        program_id="12345",
        pipeline_id="678901",
        execution_id="2345678",
        trigger="MANUAL",
        pinned_at=NOW,
    )
    evidence = Evidence(folder, "wknd", "2345678")
    what = plan(planned("key_pages"), *others)
    evidence.begin_attempt(what, CANDIDATE)
    entry = recorded(result("key_pages", Outcome.FAILED, findings=tuple(findings) or (finding(sentence),)))
    for each in (entry, *beside):
        evidence.write_result(1, each)
    sealed = evidence.seal(1, judge)
    decision = DecisionRecord(
        decision=Decision.HALTED,
        sentence=sentence,
        by="Stage Gate",
        at=datetime.now(UTC),
        outcome=Outcome.FAILED,
    )
    return Release(
        gate_name="wknd",
        execution_id="2345678",
        folder=str(evidence.folder),
        pin=pin,
        gate=gate,
        sealed=sealed,
        decision=decision,
    )


def test_the_report_tells_candidate_verdict_checks_and_decision(tmp_path: Path) -> None:
    page = render_report(release(tmp_path))
    for told in (
        "execution 2345678",
        "Halted by Stage Gate at ",
        "key_pages",
        CANDIDATE.commit_id or "",
    ):
        assert told in page


def test_code_of_a_team_that_may_run_un_isolated_is_told_among_what_is_excused(tmp_path: Path) -> None:
    on_production = planned("production.own", target="production", unisolated=True)
    page = render_report(
        release(tmp_path, "It is red.", planned("suites.e2e", unisolated=True), on_production)
    )
    excused = page.partition("<h2>Excused</h2>")[2].partition("<h2>")[0]
    assert "suites.e2e may run un-isolated: accepted in the gate file." in excused
    assert "production.own may run un-isolated: accepted in the gate file." in excused
    assert "un-isolated" in page.partition("<h3>Good to know</h3>")[2].partition("<h2>")[0]


def test_the_report_shows_code_and_subject_of_each_finding_as_a_waiver_names_them(tmp_path: Path) -> None:
    page = render_report(release(tmp_path))
    assert "<code>key_pages.bad</code> /us/en.html" in page


def test_the_report_folds_the_same_fault_of_further_pages_and_what_follows_from_another_finding(
    tmp_path: Path,
) -> None:
    url = "https://stage.wknd.test"
    pages = [
        finding(f"{path} is gone.", subject=f"{url}{path}", code="key_pages.status") for path in ("/a", "/b")
    ]
    unseen = finding(
        "/a can't be seen.", subject="/a", code="visual.not_judged", outcome=Outcome.INCONCLUSIVE
    )
    looks = recorded(result("visual", Outcome.INCONCLUSIVE, findings=(unseen,)))
    told = release(tmp_path, "x", planned("visual"), findings=pages, beside=[looks])
    page = render_report(told).partition("<h2>What speaks against it</h2>")[2]
    likewise = page.partition("<details><summary>Likewise (key_pages.status): /b.</summary>")
    assert "/a is gone." in likewise[0]
    assert "/b is gone." in likewise[2].partition("</details>")[0]
    follows = page.partition(f"<details><summary>1 finding follows from key_pages: {url}/a</summary>")[2]
    assert "/a can&#39;t be seen." in follows.partition("</details>")[0]
    assert f"1 finding of 1 check follows from key_pages: {url}/a: visual (1)" in render_report(told)


def test_the_report_lists_what_is_excused_in_whatever_way(tmp_path: Path) -> None:
    told = release(tmp_path)
    assert told.sealed is not None
    assert "<h2>Excused</h2>" not in render_report(told)
    excuse = {
        "check": "key_pages",
        "subject": "/a",
        "owner": "bob",
        "until": date(2027, 1, 1),
        "why": "known",
    }
    old, new = Waiver(**excuse), Waiver(code="key_pages.status", **excuse)
    told = replace(
        told, sealed=told.sealed.model_copy(update={"plan": plan(planned("key_pages"), waivers=(old, new))})
    )
    (tmp_path / "wknd.yaml").write_text(
        yaml.safe_dump({**GATE, "checks": {"structure": {"exempt": ["/<b>/campaign/*"]}}})
    )
    page = render_report(replace(told, gate=load_gate(tmp_path / "wknd.yaml")))
    excused = page.partition("<h2>Excused</h2>")[2].partition("<h2>")[0]
    assert "key_pages, findings key_pages.status about /a, are waived: owner bob" in excused
    assert "a waiver about /a names no code, so it waives nothing: owner bob" in excused
    assert "checks.structure.exempt is /&lt;b&gt;/campaign/*" in excused


def test_what_a_site_says_stays_text(tmp_path: Path) -> None:
    page = render_report(release(tmp_path, HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_report_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = render_report(release(tmp_path))
    assert "default-src 'none'" in page
    for reaching_out in ("src=", "<link", "url(", "@import", "<script"):
        assert reaching_out not in page


def test_the_report_tells_what_was_compared_with_what_is_known_since_and_what_is_flaky(
    tmp_path: Path,
) -> None:
    failed = result("key_pages", Outcome.FAILED, findings=(finding(),))
    for execution in ("2000001", "2000002"):
        sealed = keep(tmp_path / "before", execution, results=(failed,))
        write_entry(Evidence(tmp_path / "before", "wknd", execution, KEYS), sealed)
    ledger = read_ledger(tmp_path / "before", "wknd", KEYS)
    told = release(tmp_path)
    assert told.sealed is not None
    pinned = PinnedBaseline(execution_id="1999999", attempt=1, seal_digest="d", sealed_at=NOW)
    plan = told.sealed.plan.model_copy(
        update={"baseline": pinned, "baseline_notes": ("Execution 2 is not.",)}
    )
    told = replace(
        told,
        sealed=told.sealed.model_copy(update={"plan": plan}),
        ledger=ledger,
        flaky=[Proposal("key_pages", 3, 10, NOW.date())],
    )
    page = render_report(told)
    for wanted in (
        "execution 1999999 of 2026-11-02",
        "Execution 2 is not.",
        "0 of 2 passed",
        "known since execution 2000001",
        "key_pages was flaky in 3 of the last 10 releases.",
    ):
        assert wanted in page
