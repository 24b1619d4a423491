"""The report tells the story, and nothing that a site says is more than text in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import yaml

from aem_checks.outcomes import Outcome
from stage_gate.configuration.gate_file import load_gate
from stage_gate.decision import Decision, Mode
from stage_gate.ending import End
from stage_gate.evidence import Evidence
from stage_gate.pin import Pin
from stage_gate.record import DecisionRecord
from stage_gate.report import render_report
from stage_gate.story import Story
from stage_gate.verdict import judge
from unit.stage_gate.samples import CANDIDATE, NOW, finding, plan, planned, recorded, result
from unit.stage_gate.test_dags import GATE

HOSTILE = "<script>alert(1)</script>{{ conn.x.password }}<img src=x onerror=alert(1)>"


def story(folder: Path, sentence: str = "/us/en.html answered 500.") -> Story:
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
    what = plan(planned("key_pages"))
    evidence.begin_attempt(what, CANDIDATE)
    entry = recorded(result("key_pages", Outcome.FAILED, findings=(finding(sentence),)))
    evidence.write_result(1, entry)
    sealed = evidence.seal(1, judge(what, CANDIDATE, [entry]))
    decision = DecisionRecord(
        decision=Decision.HALTED,
        sentence=sentence,
        by="Stage Gate",
        at=datetime.now(UTC),
        outcome=Outcome.FAILED,
    )
    end = End(Mode.GUARD, Decision.HALTED, Outcome.FAILED)
    return Story(pin, gate, sealed, "", decision, (), end, str(evidence.folder))


def test_the_report_tells_candidate_verdict_checks_and_decision(tmp_path: Path) -> None:
    page = render_report(story(tmp_path), "Halted: production was not touched.")
    for told in (
        "execution 2345678",
        "Halted: production was not touched.",
        "key_pages",
        CANDIDATE.commit_id or "",
    ):
        assert told in page


def test_what_a_site_says_stays_text(tmp_path: Path) -> None:
    page = render_report(story(tmp_path, HOSTILE), "Halted.")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_report_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = render_report(story(tmp_path), "Halted.")
    assert "default-src 'none'" in page
    for reaching_out in ("src=", "href=", "url(", "@import"):
        assert reaching_out not in page
