"""What a plan promises of a gate file: whether the build marker is read, and where requests really go."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.configuration.planning import plan_of, smoke_tests_of
from stage_gate.evidence.pin import Pin
from stage_gate.rules.demands import NO_DEMANDS, Demands
from stage_gate.rules.plan import Excuse, FlakeRules, PinnedBaseline, Plan, PlannedCheck, Waiver
from stage_gate.rules.surroundings import Fact
from stage_gate.rules.verdict import judge
from unit.stage_gate.samples import CANDIDATE, NOW, STAGE_HOST, recorded, result

MARKED = {"name": "a", "stage": f"https://{STAGE_HOST}", "pages": ["/"], "build_marker": {"meta": "build"}}


def gate_file(folder: Path, sites: list[object], **content: object) -> Path:
    file = folder / "wknd.yaml"
    told = {"pipeline": {"program": "12345", "pipeline": "678901"}, "sites": sites, **content}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def planned(folder: Path, sites: list[object], **content: object) -> Plan:
    return plan_at(NOW, load(folder, sites, **content))


def load(folder: Path, sites: list[object], **content: object) -> Gate:
    return load_gate(gate_file(folder, sites, **content), demands=NO_DEMANDS, today=NOW.date())


def plan_at(now: datetime, gate: Gate, demands: Demands = NO_DEMANDS) -> Plan:
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
    return plan_of(gate, pin, now, demands)


def quarantined(key: str) -> dict[str, object]:
    until = str(NOW.date() + timedelta(days=3))
    return {"policy": {"quarantine": [{"check": key, "owner": "alice", "until": until, "why": "broken"}]}}


UNTIL = NOW.date() + timedelta(days=3)
EXCUSE = Excuse(owner="alice", until=UNTIL, why="WKND-1")
KNOWN = {"owner": "alice", "until": str(UNTIL), "why": "WKND-1"}
BEHIND = {"url": "https://stage.wknd.site", "origin": f"https://{STAGE_HOST}"}
SITES: list[object] = [
    {**MARKED, "stage": BEHIND, "production": "https://www.wknd.site"},
    {**MARKED, "name": "b", "build_marker": None},
]
EVERYTHING: dict[str, object] = {
    "mode": "guard",
    "checks": {
        "others": False,
        "settled": {},
        "robots": {"severity": "warn", "dry_run": True},
        "suites": [{"name": "e2e", "folder": "ui.tests", "run": "npm test", "isolation": "accepted"}],
    },
    "policy": {
        "flakes": {"reruns": 7, "count_as": "inconclusive"},
        "accept_unread": ["restores", "content_copies"],
        "waivers": [{"check": "a.robots", "code": "robots.open", "subject": "/robots.txt", **KNOWN}],
        "quarantine": [
            {"check": key, **KNOWN} for key in ("a.robots", "cloud_manager.ui_tests", "smoke_tests.basket")
        ],
    },
    "smoke_tests": {
        "ask": ["alice"],
        "questions": [
            {"name": "basket", "question": "Can you buy a jacket?", "site": "b", "severity": "warn"},
            {"name": "search", "question": "Is the jacket found?"},
            {"name": "answers", "question": "Does the site answer?", "covered_by": ["a.settled"]},
        ],
    },
}
"""A gate file that says something of all that a plan holds."""


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    (tmp_path / "ui.tests").mkdir()
    return load(tmp_path, SITES, **EVERYTHING)


def promised(plan: Plan) -> dict[str, PlannedCheck]:
    """Each check by its key, without the digest of its settings."""
    assert all(len(check.settings_digest) == 64 for check in plan.checks)
    return {check.key: check.model_copy(update={"settings_digest": ""}) for check in plan.checks}


def test_a_plan_holds_all_that_its_gate_file_and_the_deployment_say(gate: Gate) -> None:
    insisted = Demands(checks=("settled",), facts=frozenset({Fact.CONTENT_COPIES}))
    plan = plan_at(NOW, gate, insisted)
    assert plan.model_copy(update={"checks": ()}) == Plan(
        gate="wknd",
        gate_digest=gate.digest,
        mode="guard",
        made_at=NOW,
        checks=(),
        waivers=(Waiver(check="a.robots", code="robots.open", subject="/robots.txt", **EXCUSE.model_dump()),),
        flakes=FlakeRules(reruns=7, count_as=Outcome.INCONCLUSIVE),
        minimum=("settled",),
        accept_unread=(Fact.RESTORES,),
        build_marker=False,
        covered={"smoke_tests.answers": ("a.settled",)},
    )


@pytest.mark.parametrize(
    ("settings", "may_block"),
    [
        ({}, True),
        ({"severity": "warn"}, False),
        ({"severity": "block"}, False),
        ({"dry_run": True}, False),
    ],
)
def test_what_warns_by_its_kind_alone_can_find_what_blocks(
    tmp_path: Path, settings: dict[str, object], *, may_block: bool
) -> None:
    graver = {key: value for key, value in settings.items() if key == "severity"}
    own = {"others": False, "settled": {}, "real_404": {}, "page_errors": settings}
    policy = {"cloud_manager": {"ui_tests": graver}}
    plan = planned(tmp_path, [{"stage": f"https://{STAGE_HOST}", "pages": ["/"]}], checks=own, policy=policy)
    checks = {check.key: check for check in plan.checks}
    assert checks["page_errors"].may_block is may_block
    assert checks["cloud_manager.ui_tests"].may_block is (graver == {})
    assert not checks["settled"].may_block


def test_each_check_is_planned_with_the_site_and_the_host_that_it_asks_and_with_its_excuse(
    gate: Gate,
) -> None:
    checks = promised(plan_at(NOW, gate))
    assert list(checks) == [
        *(f"{site}.{kind}" for site in "ab" for kind in ("settled", "robots", "suites.e2e")),
        "cloud_manager.code_quality",
        "cloud_manager.product_tests",
        "cloud_manager.functional_tests",
        "cloud_manager.ui_tests",
        "cloud_manager.experience_audit",
        "smoke_tests.basket",
        "smoke_tests.search",
    ]
    of_a = PlannedCheck(
        key="a.settled",
        kind="settled",
        site="a",
        target="stage",
        severity=Severity.BLOCK,
        host=STAGE_HOST,
        asked="stage.wknd.site",
        settings_digest="",
    )
    of_b = of_a.model_copy(update={"key": "b.settled", "site": "b", "asked": ""})
    robots = {"kind": "robots", "severity": Severity.WARN, "dry_run": True}
    asked = {"kind": "smoke_tests"}
    assert checks["a.settled"] == of_a
    assert checks["b.settled"] == of_b
    assert checks["a.robots"] == of_a.model_copy(update={"key": "a.robots", **robots, "quarantine": EXCUSE})
    assert checks["b.robots"] == of_b.model_copy(update={"key": "b.robots", **robots})
    assert checks["a.suites.e2e"] == of_a.model_copy(
        update={"key": "a.suites.e2e", "kind": "suites", "unisolated": True}
    )
    assert checks["smoke_tests.search"] == of_a.model_copy(update={"key": "smoke_tests.search", **asked})
    assert checks["smoke_tests.basket"] == of_b.model_copy(
        update={"key": "smoke_tests.basket", **asked, "severity": Severity.WARN, "quarantine": EXCUSE}
    )
    excused = {key for key, check in checks.items() if check.quarantine}
    assert excused == {"a.robots", "cloud_manager.ui_tests", "smoke_tests.basket"}


def test_what_has_ended_by_the_time_the_plan_is_made_excuses_nothing(gate: Gate) -> None:
    last, after = (plan_at(NOW + timedelta(days=days), gate) for days in (3, 4))
    assert len(last.waivers) == 1
    assert len([check for check in last.checks if check.quarantine]) == 3
    assert after.waivers == ()
    assert [check.key for check in after.checks if check.quarantine] == []


def test_smoke_tests_of_a_gate_are_those_to_be_asked_and_those_that_checks_cover(
    gate: Gate, tmp_path: Path
) -> None:
    asked, covered = smoke_tests_of(gate)
    assert [question.name for question in asked] == ["basket", "search"]
    assert covered == {"smoke_tests.answers": ("a.settled",)}
    (tmp_path / "without").mkdir()
    assert smoke_tests_of(load(tmp_path / "without", SITES)) == ([], {})


@pytest.mark.parametrize(
    ("content", "is_read"),
    [
        ({}, True),
        ({"checks": {"settled": False}}, False),
        ({"checks": {"settled": {"severity": "warn"}}}, False),
        ({"checks": {"settled": {"dry_run": True}}}, False),
        (quarantined("settled"), False),
    ],
)
def test_a_build_marker_counts_only_where_a_check_that_blocks_compares_it(
    tmp_path: Path, content: dict[str, object], is_read: bool
) -> None:
    assert planned(tmp_path, [MARKED], **content).build_marker is is_read


def test_each_site_needs_its_own_build_marker(tmp_path: Path) -> None:
    unmarked = {**MARKED, "name": "b", "build_marker": None}
    both: list[object] = [MARKED, {**MARKED, "name": "b"}]
    assert planned(tmp_path, both).build_marker
    assert not planned(tmp_path, [MARKED, unmarked]).build_marker
    assert not planned(tmp_path, both, **quarantined("b.settled")).build_marker


def test_a_build_marker_that_is_compared_on_production_proves_nothing_of_stage(tmp_path: Path) -> None:
    site = {**MARKED, "production": "https://www.wknd.site"}
    plan = planned(tmp_path, [site], production_tests=["settled"], **quarantined("settled"))
    blocking = [check.key for check in plan.checks if check.kind == "settled" and check.blocks]
    assert blocking == ["production.settled"]
    assert not plan.build_marker


def test_an_address_that_only_origin_ties_to_stage_is_told_in_the_verdict(tmp_path: Path) -> None:
    behind = {"url": "https://stage.wknd.site", "origin": f"https://{STAGE_HOST}"}
    site = {"name": "a", "stage": behind, "pages": ["/"]}
    plan = planned(tmp_path, [site])
    assert {check.host for check in plan.stage_checks if check.site} == {STAGE_HOST}
    told = "a is asked at stage.wknd.site, which only 'origin' in the gate file ties to stage"
    assert any(told in each for each in judge(plan, CANDIDATE, []).warnings)
    proven = planned(tmp_path, [{**site, "build_marker": {"meta": "build"}}])
    assert not any(told in each for each in judge(proven, CANDIDATE, []).warnings)
    assert not any("origin" in each for each in judge(planned(tmp_path, [MARKED]), CANDIDATE, []).warnings)


def test_stage_is_never_asked_at_the_production_of_another_site(tmp_path: Path) -> None:
    crossed = {"url": "https://www.wknd.site", "origin": f"https://{STAGE_HOST}"}
    sites: list[object] = [
        {**MARKED, "production": "https://www.wknd.site"},
        {"name": "b", "stage": crossed, "pages": ["/"]},
    ]
    file = gate_file(tmp_path, sites)
    with pytest.raises(
        GateFileError, match=r"stage of site b is asked at www\.wknd\.site, which is production"
    ):
        load_gate(file, demands=NO_DEMANDS)


def test_what_a_plan_does_not_say_is_the_careful_answer() -> None:
    """Evidence of before there was a field still has its plan, and it means the same."""
    check = {"key": "robots", "kind": "robots", "site": "a", "target": "stage", "severity": "block"}
    said = {"gate": "wknd", "gate_digest": "g", "mode": "guard", "made_at": NOW, "build_marker": False}
    plan = Plan.model_validate(said | {"checks": [check | {"host": "h", "settings_digest": "s"}]})
    assert plan.model_dump(exclude={*said, "checks"}) == {
        "waivers": (),
        "flakes": {"reruns": 5, "count_as": Outcome.PASSED},
        "minimum": (),
        "accept_unread": (),
        "covered": {},
        "baseline": None,
        "baseline_notes": (),
    }
    [planned_check] = plan.checks
    assert planned_check.model_dump(exclude={*check, "host", "settings_digest"}) == {
        "dry_run": False,
        "quarantine": None,
        "unisolated": False,
        "asked": "",
        "may_block": False,
    }
    assert planned_check.blocks
    assert Waiver(check="robots", subject="*", **EXCUSE.model_dump()).code == ""


@pytest.mark.parametrize(
    "milder", [{"severity": Severity.WARN}, {"dry_run": True}, {"quarantine": EXCUSE}], ids=str
)
def test_a_check_blocks_only_where_nothing_makes_it_milder(gate: Gate, milder: dict[str, object]) -> None:
    check = promised(plan_at(NOW, gate))["a.settled"]
    assert check.blocks
    assert not check.model_copy(update=milder).blocks


def test_checks_of_production_are_none_of_stage(gate: Gate) -> None:
    settled = plan_at(NOW, gate).checks[0]
    later = settled.model_copy(update={"target": "production"})
    both = plan_at(NOW, gate).model_copy(update={"checks": (settled, later)})
    assert both.stage_checks == (settled,)


def test_an_excuse_holds_to_the_end_of_its_last_day_and_says_who_answers_for_it() -> None:
    assert EXCUSE.holds_on(UNTIL)
    assert not EXCUSE.holds_on(UNTIL + timedelta(days=1))
    assert str(EXCUSE) == "owner alice, until 2026-11-05: WKND-1"


BASELINE = {"execution_id": "2345677", "attempt": 1, "seal_digest": "a" * 64, "sealed_at": NOW}


def test_a_baseline_is_one_attempt_of_one_execution() -> None:
    assert str(PinnedBaseline.model_validate(BASELINE)) == "execution 2345677 of 2026-11-02"
    for number in ("1", "9" * 20):
        assert PinnedBaseline.model_validate(BASELINE | {"execution_id": number}).execution_id == number


@pytest.mark.parametrize(
    "odd",
    [
        *({"execution_id": each} for each in ("", "0", "01", "x1", "1x", "../1", "1" * 21)),
        {"attempt": 0},
        {"sealed_at": NOW.replace(tzinfo=None)},
    ],
    ids=str,
)
def test_a_baseline_that_names_no_attempt_is_none(odd: dict[str, object]) -> None:
    """Its number becomes a part of a path."""
    with pytest.raises(ValidationError):
        PinnedBaseline.model_validate(BASELINE | odd)


def test_a_result_that_counts_for_nothing_says_why_and_has_looked_at_nothing() -> None:
    entry = recorded(result("key_pages", examined=7))
    weakened = entry.without_answer("unbelieved", "Nobody signed it.")
    assert weakened.model_copy(update={"result": entry.result}) == entry
    assert (weakened.result.outcome, weakened.result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert weakened.result.examined == 0
    assert weakened.result.findings == (
        Finding(
            code="key_pages.unbelieved",
            subject="key_pages",
            sentence="Nobody signed it.",
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
        ),
    )
    assert weakened.result.key == "key_pages"
