"""What the doctor says of what it read; the reading itself is tested in test_cli.py against the simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adobe_cloud_manager.models import Execution, Phase, Pipeline, StepState
from stage_gate.commands.diagnosis import Diagnosis, State, bad, exit_code, good, summary, unknown
from stage_gate.commands.doctor import (
    judge_answer,
    judge_approve_right,
    judge_clock,
    judge_hosts,
    judge_pause,
    judge_pipeline,
    judge_scopes,
    milder,
)
from stage_gate.commands.site_probe import SiteAnswer
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.decision import Mode

STAGE = frozenset({"publish-p1-e2.adobeaemcloud.com", "stage.wknd.site"})
PRODUCTION = frozenset({"publish-p1-e3.adobeaemcloud.com", "www.wknd.site"})
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def gate(folder: Path, stage: str, production: str = "https://www.wknd.site") -> Gate:
    file = folder / "wknd.yaml"
    sites = f"sites:\n  - {{name: wknd, stage: {stage}, production: {production}, pages: [/]}}\n"
    file.write_text("pipeline: {program: 1, pipeline: 2}\n" + sites, encoding="utf-8")
    return load_gate(file)


def deploy(environment: str) -> Phase:
    return Phase(name="DEPLOY", type="DEPLOY", environment_id="7", environment_type=environment)


BUILD = Phase(name="BUILD", type="BUILD")


def step(action: str, environment: str, status: str = "FINISHED") -> StepState:
    return StepState("1", "1", "1", "9", "2", "1", action, status, environment_type=environment)


def execution(*steps: StepState, number: str = "9", trigger: str = "MANUAL") -> Execution:
    return Execution(number, "1", "2", "FINISHED", trigger=trigger, steps=steps)


STAGE_STEP, APPROVAL, PRODUCTION_STEP = (
    step("deploy", "stage"),
    step("approval", "prod"),
    step("deploy", "prod"),
)


@pytest.mark.parametrize(
    ("phases", "kind", "state"),
    [
        ((BUILD, deploy("stage"), deploy("prod")), "", State.GOOD),
        ((deploy("stage"), deploy("prod")), "FRONT_END", State.GOOD),
        ((deploy("stage"), deploy("prod")), "CONFIG", State.GOOD),
        ((BUILD,), "", State.BAD),
        ((BUILD, deploy("dev")), "", State.BAD),
        ((), "", State.BAD),
    ],
)
def test_only_a_pipeline_from_stage_to_production_can_be_guarded(
    phases: tuple[Phase, ...], kind: str, state: State
) -> None:
    found = judge_pipeline(Pipeline("2", "1", "Production", type=kind, phases=phases))
    assert found.state is state
    assert bool(found.remedy) is (state is State.BAD)


def test_the_pause_shows_in_the_newest_execution_that_tells() -> None:
    paused = execution(STAGE_STEP, APPROVAL, PRODUCTION_STEP, number="10")
    straight = execution(STAGE_STEP, PRODUCTION_STEP, number="11")
    build_failed = execution(step("build", "", "FAILED"), number="12")
    update = execution(STAGE_STEP, PRODUCTION_STEP, number="13", trigger="PUSH_UPGRADES")
    assert judge_pause([build_failed, update, paused, straight], Mode.GUARD).state is State.GOOD
    off = judge_pause([build_failed, straight, paused], Mode.GUARD)
    assert (off.state, "execution 11" in off.detail) == (State.BAD, True)
    assert "Pause before deploying to Production" in off.remedy


def test_without_the_pause_a_shadow_gate_still_tests_and_without_history_nobody_knows() -> None:
    assert judge_pause([execution(STAGE_STEP, PRODUCTION_STEP)], Mode.SHADOW).state is State.UNKNOWN
    assert judge_pause([], Mode.GUARD).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("stage", "state", "words"),
    [
        ("https://publish-p1-e2.adobeaemcloud.com", State.GOOD, "belongs to the stage"),
        ("https://stage.wknd.site", State.GOOD, "belongs to the stage"),
        ("https://publish-p1-e3.adobeaemcloud.com", State.BAD, "swapped"),
        ("https://publish-p9-e9.adobeaemcloud.com", State.BAD, "does not belong to the stage"),
    ],
)
def test_a_stage_host_of_another_environment_stops_the_gate(
    tmp_path: Path, stage: str, state: State, words: str
) -> None:
    found = judge_hosts(gate(tmp_path, stage), "stage", STAGE, PRODUCTION)
    assert [each.state for each in found] == [state]
    assert words in str(found[0])


@pytest.mark.parametrize(
    ("mode", "marker", "states"),
    [
        ("guard", False, [State.GOOD, State.BAD]),
        ("shadow", False, [State.GOOD, State.UNKNOWN]),
        ("guard", True, [State.GOOD]),
    ],
)
def test_a_cdn_of_one_s_own_before_stage_needs_a_build_marker(
    tmp_path: Path, mode: str, marker: bool, states: list[State]
) -> None:
    behind = "{url: 'https://cdn.wknd.site', origin: 'https://publish-p1-e2.adobeaemcloud.com'}"
    gate(tmp_path, behind)
    file = tmp_path / "wknd.yaml"
    text = f"{file.read_text()}mode: {mode}\n"
    file.write_text(text.replace("pages: [/]", "pages: [/], build_marker: {meta: build}") if marker else text)
    found = judge_hosts(load_gate(file), "stage", STAGE, PRODUCTION)
    assert [each.state for each in found] == states
    assert all("cdn.wknd.site" in str(each) for each in found[1:])


def test_a_production_host_that_is_not_listed_is_only_asked_about(tmp_path: Path) -> None:
    unlisted = gate(tmp_path, "https://stage.wknd.site", "https://www.wknd.example")
    assert judge_hosts(unlisted, "production", PRODUCTION, STAGE)[0].state is State.UNKNOWN
    swapped = gate(tmp_path, "https://a.example", "https://stage.wknd.site")
    assert judge_hosts(swapped, "production", PRODUCTION, STAGE)[0].state is State.BAD


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (SiteAnswer("https://s/", 200), State.GOOD, ["answers 200", "asked from 10.0.0.1"]),
        (SiteAnswer("https://s/", 301, {"location": "/us"}), State.GOOD, ["redirect to '/us'"]),
        (SiteAnswer("https://s/", 405), State.BAD, ["IP allow list", "10.0.0.1"]),
        (SiteAnswer("https://s/", 401), State.BAD, ["access:"]),
        (SiteAnswer("https://s/", 403), State.BAD, ["access:"]),
        (SiteAnswer("https://s/", 404), State.BAD, ["pages:"]),
        (SiteAnswer("https://s/", 503), State.BAD, ["Repair"]),
        (
            SiteAnswer("https://s/", error="no connection (Connection refused)"),
            State.BAD,
            ["gave no answer", "refused"],
        ),
    ],
)
def test_what_a_site_answers_is_explained(answer: SiteAnswer, state: State, words: list[str]) -> None:
    found = judge_answer("Stage", answer, "10.0.0.1", access=None)
    assert found.state is state
    assert all(word in str(found) for word in words), str(found)


def test_refused_credentials_point_to_the_connection_that_holds_them() -> None:
    found = judge_answer("Stage", SiteAnswer("https://s/", 401), "10.0.0.1", access="wknd_stage")
    assert "'wknd_stage'" in found.remedy


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.GOOD), (-30, State.GOOD), (31, State.BAD), (-3600, State.BAD)]
)
def test_a_clock_more_than_thirty_seconds_off_is_wrong(seconds: int, state: State) -> None:
    found = judge_clock(NOW, NOW + timedelta(seconds=seconds))
    assert found.state is state
    assert str(abs(seconds)) in found.detail


def test_what_cannot_be_known_is_said_to_be_so() -> None:
    assert judge_clock(None, NOW).state is State.UNKNOWN
    assert judge_approve_right("cm").state is State.UNKNOWN
    assert "Approve/Reject" in judge_approve_right("cm").remedy


def test_missing_scopes_are_named() -> None:
    assert judge_scopes(()).state is State.GOOD
    assert "read_pc.dma_aem_ams" in judge_scopes(("read_pc.dma_aem_ams",)).detail


def test_one_bad_line_decides_the_exit_code_and_doubts_do_not() -> None:
    fine: list[Diagnosis] = [good("a", "b"), unknown("c", "d")]
    assert (exit_code(fine), summary(fine)) == (
        0,
        "Nothing found that would stop this gate; 1 could not be found out.",
    )
    spoilt = [*fine, bad("e", "f", "do this")]
    assert (exit_code(spoilt), summary(spoilt)) == (1, "1 of 3 would stop this gate.")
    assert str(spoilt[2]) == "✘ e: f\n    → do this"
    assert milder(spoilt[2]).state is State.UNKNOWN
