"""A waiver names check, code and subject: what a gate file may say, and what of it reaches the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from aem_checks.kinds.search_engines.robots import Robots, RobotsSettings
from aem_checks.outcomes import CheckResult, Outcome
from stage_gate.configuration.describe import describe
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import (
    GateFileError,
    OutOfDate,
    gate_from_content,
    load_gate,
    load_gate_for_run,
)
from stage_gate.configuration.planning import plan_of
from stage_gate.dag_bag import build_dags
from stage_gate.evidence.pin import Pin
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.leniency import weigh
from stage_gate.rules.plan import Plan
from stage_gate.rules.verdict import judge
from unit.aem_checks.page_site import page, run_on, status
from unit.stage_gate.samples import CANDIDATE, NOW, STAGE_HOST, recorded

TODAY = date(2026, 11, 22)
WAIVER = {
    "check": "robots",
    "code": "robots.open",
    "subject": "/robots.txt",
    "owner": "bob",
    "until": "2026-12-01",
    "why": "WKND-2",
}
OLD = {name: value for name, value in WAIVER.items() if name != "code"}
"""As waivers were written before there were codes."""


def content(*waivers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "wknd", "stage": f"https://{STAGE_HOST}", "pages": ["/"]}],
        "policy": {"waivers": [dict(each) for each in waivers]},
        **more,
    }


def file_of(folder: Path, *waivers: Mapping[str, Any], **more: Any) -> Path:
    file = folder / "wknd.yaml"
    file.write_text(yaml.safe_dump(content(*waivers, **more), sort_keys=False), encoding="utf-8")
    return file


def refusal(folder: Path, *waivers: Mapping[str, Any], **more: Any) -> GateFileError:
    with pytest.raises(GateFileError) as caught:
        load_gate(file_of(folder, *waivers, **more), today=TODAY, demands=NO_DEMANDS)
    return caught.value


def plan_for(gate: Gate) -> Plan:
    pin = Pin(
        gate=gate.name,
        gate_digest=gate.digest,
        gate_content=gate.content,
        program_id="12345",
        pipeline_id="678901",
        execution_id="2345678",
        trigger="MANUAL",
        pinned_at=NOW,
    )
    return plan_of(gate, pin, NOW, NO_DEMANDS)


@pytest.fixture(scope="module")
def unavailable(tmp_path_factory: pytest.TempPathFactory) -> CheckResult:
    """What the check says of a robots.txt that answers 500."""
    folder = tmp_path_factory.mktemp("robots")
    return run_on({"/": page(), "/robots.txt": status(500)}, Robots(RobotsSettings()), folder)


@pytest.mark.parametrize(
    ("code", "outcome"), [("robots.open", Outcome.FAILED), ("robots.unavailable", Outcome.PASSED)]
)
def test_to_waive_that_stage_lets_crawlers_in_is_not_to_waive_that_the_file_answers_500(
    tmp_path: Path, unavailable: CheckResult, code: str, outcome: Outcome
) -> None:
    assert [(f.code, f.subject) for f in unavailable.findings] == [("robots.unavailable", "/robots.txt")]
    plan = plan_for(load_gate(file_of(tmp_path, {**WAIVER, "code": code}), today=TODAY, demands=NO_DEMANDS))
    assert weigh(plan, recorded(unavailable)).entry.result.outcome is outcome


def test_a_waiver_without_a_code_is_refused_and_the_codes_of_its_kind_are_listed(tmp_path: Path) -> None:
    error = refusal(tmp_path, OLD)
    assert isinstance(error, OutOfDate)
    assert (error.line, "names no code, so it waives nothing" in error.problem) == (11, True)
    for code in ("robots.open", "robots.shut", "robots.unavailable", "robots.html"):
        assert code in error.remedy
    assert "no_answer" not in error.remedy


@pytest.mark.parametrize(
    ("code", "problem", "remedy"),
    [
        ("robots.opn", "robots has no such code", "Did you mean robots.open?"),
        ("open", "robots has no such code", "robots.open"),
        ("links.broken", "robots has no such code", "robots.unavailable"),
        ("robots.no_answer", "no waiver accepts what was not seen or not judged", "quarantine"),
        ("robots.more", "no waiver accepts what was not seen or not judged", "robots.open"),
    ],
)
def test_a_code_that_the_kind_does_not_have_is_refused(
    tmp_path: Path, code: str, problem: str, remedy: str
) -> None:
    error = refusal(tmp_path, {**WAIVER, "code": code})
    assert error.line == 12
    assert problem in error.problem
    assert remedy in error.remedy
    with pytest.raises(GateFileError, match="names the code"):
        load_gate_for_run(file_of(tmp_path, {**WAIVER, "code": code}), today=TODAY, demands=NO_DEMANDS)


def test_the_line_of_a_wrong_code_is_right_beside_waivers_that_have_ended(tmp_path: Path) -> None:
    file = file_of(tmp_path, {**WAIVER, "until": "2026-01-01"}, {**WAIVER, "code": "robots.opn"})
    with pytest.raises(GateFileError, match=r"number 2 names the code 'robots\.opn'") as caught:
        load_gate_for_run(file, today=TODAY, demands=NO_DEMANDS)
    assert "robots.opn" in file.read_text().splitlines()[caught.value.line - 1]


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ("cloud_manager.code_quality", "cloud_manager.metric"),
        ("smoke_tests.basket", "smoke_tests.broken"),
        ("suites.cypress", "suites.case_failed"),
        ("production.key_pages", "key_pages.status"),
    ],
)
def test_every_check_that_can_be_excused_has_codes(tmp_path: Path, check: str, code: str) -> None:
    more = {
        "sites": [
            {"name": "wknd", "stage": f"https://{STAGE_HOST}", "production": "https://w.site", "pages": ["/"]}
        ],
        "checks": {"suites": [{"name": "cypress", "folder": "ui", "run": "npm test"}]},
        "smoke_tests": {"ask": ["alice"], "questions": [{"name": "basket", "question": "Does it work?"}]},
    }
    named = {**WAIVER, "check": check, "code": code}
    gate = load_gate(file_of(tmp_path, named, **more), today=TODAY, demands=NO_DEMANDS)
    assert gate.policy.waivers[0].code == code
    assert code in refusal(tmp_path, {**OLD, "check": check}, **more).remedy


def test_a_teams_check_without_codes_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "kinds"
    own.mkdir()
    (own / "own.py").write_text(
        "from aem_checks.check import Check, CheckSettings\n"
        "class Own(Check[CheckSettings]):\n"
        "    kind, number, title = 'own', 'Z1', 'Our own'\n"
        "    def judge(self, visit): ...\n"
    )
    monkeypatch.setenv("AEM_CHECKS_KINDS", str(own))
    waiver = {**WAIVER, "check": "own"}
    assert "own.finding" in refusal(tmp_path, {**waiver, "code": "own.slow"}, checks={"own": {}}).remedy
    file = file_of(tmp_path, {**waiver, "code": "own.finding"}, checks={"own": {}})
    assert load_gate(file, today=TODAY, demands=NO_DEMANDS).policy.waivers


def test_a_gate_with_an_old_waiver_still_guards_and_a_dag_says_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(tmp_path, {**OLD, "until": str((datetime.now(UTC) + timedelta(days=3)).date())})
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__GATES_FOLDER", str(tmp_path))
    dags = {dag.dag_id: dag for dag in build_dags().values()}
    assert {"stage_gate.wknd", "stage_gate.wknd.invalid"} <= dags.keys()
    assert "robots.unavailable" in (dags["stage_gate.wknd.invalid"].doc_md or "")
    assert "it names no code, so it waives nothing" in (dags["stage_gate.wknd"].doc_md or "")


def test_what_a_run_pinned_before_there_were_codes_is_read_waives_nothing_and_says_so(
    tmp_path: Path, unavailable: CheckResult
) -> None:
    gate = gate_from_content("wknd", content(OLD), folder=tmp_path)
    plan = plan_for(gate)
    assert plan.waivers[0].code == ""
    verdict = judge(plan, CANDIDATE, [recorded(unavailable)])
    assert "robots" in verdict.not_passed
    assert any(
        "names no code, so it waives nothing" in w and "robots.unavailable" in w for w in verdict.warnings
    )
    assert "it names no code, so it waives nothing" in describe(gate)
