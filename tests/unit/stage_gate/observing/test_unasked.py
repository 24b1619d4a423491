"""What does a gate do with a release of which no approval says that it is production's? It says so, and never acts."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from structlog.testing import capture_logs

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.models import Execution
from adobe_cloud_manager.questions import Approval, approval_state
from adobe_cloud_manager.unasked import steps_to_production, unplaced_approval
from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.wanting import Held
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor import judge_pause
from stage_gate.evidence.pin import run_id_of
from stage_gate.evidence.signing import public_key
from stage_gate.observing.observe import go_live
from stage_gate.observing.undecided import Guarded, neglect, queued_long
from stage_gate.rules.decision import Decision, GoLive, Mode, Policy, Step, next_step
from stage_gate.tasks.acts import RecordBypass
from stage_gate.tasks.pin import PinCandidate, why_not_held
from stage_gate.tasks.waits import HoldProduction, waits_since
from stage_gate.telling.notify import Event
from unit.adobe_cloud_manager.test_questions import LIVE, STAGED, STAGING, UNTYPED, approval, steps
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.tasks.test_waits import context, signing, slack, told, wait_of, waits_run
from unit.stage_gate.waiting import until

__all__ = ["signing", "slack"]

UNHELD = "678902"
LET_THROUGH = ("approval", "", "FINISHED")


@pytest.fixture
def scenario() -> str:
    return "unasked"


@pytest.fixture
def untyped(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    """A release whose approval waits and does not say for which environment."""
    return Release(simulator, tmp_path, release="untyped")


def seen(release: Release) -> Execution:
    return release.hook.get_execution(release.pin.program_id, release.pin.pipeline_id, release.execution_id)


class Unheld:
    """A release of a pipeline that lists a schedule and no approval, under a gate that would act."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.gate_file = folder / "larkfell.yaml"
        self.gate_file.write_text(
            f"pipeline: {{program: '{simulator.program_id}', pipeline: '{UNHELD}'}}\n"
            "mode: guard\n"
            "sites: [{name: larkfell, stage: 'https://stage.simulated.invalid', pages: [/]}]\n"
            "notify: {slack: {connection: slack, channel: '#releases'}}\n"
        )
        self.simulator = simulator
        self.execution_id = simulator.start_execution("good", pipeline=UNHELD)
        self.context: Any = {
            "run_id": run_id_of(self.execution_id),
            "dag": SimpleNamespace(dag_id="stage_gate.larkfell", get_task=lambda name: name),
        }

    def wait_for_the_schedule(self) -> Execution:
        hook = CloudManagerHook()

        def read() -> Execution:
            return hook.get_execution(self.simulator.program_id, UNHELD, self.execution_id)

        until(lambda: any(step.action == "schedule" for step in read().waiting_steps), "the schedule waits")
        return read()

    def pin(self) -> list[str]:
        pin = PinCandidate(
            task_id="pin_candidate", gate_file=str(self.gate_file), waits=["wait"], fold="fold"
        )
        with capture_logs() as said:
            assert pin.choose_branch(self.context) == ["wait"]
        return [entry["event"] % entry.get("positional_args", ()) for entry in said]


@pytest.fixture
def unheld(simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch) -> Unheld:
    assert KEYS.private is not None
    public = base64.b64encode(public_key(KEYS.private)).decode()
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__TRUSTED_KEYS", public)
    return Unheld(simulator, tmp_path)


def test_people_are_told_at_the_pin_that_nothing_can_be_held(unheld: Unheld, slack: Heard) -> None:
    said = unheld.pin()
    [line] = [each for each in said if "This gate cannot hold production" in each]
    assert "has no approval among its 11 steps" in line
    [(event, text)] = told(slack)
    assert event == Event.ALARM
    assert "Pause before deploying to Production" in text


def test_what_nothing_holds_is_a_bypass_before_production_has_begun(
    unheld: Unheld, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheld.pin()
    execution = unheld.wait_for_the_schedule()
    live = go_live(execution)
    assert (live.approval, live.production_begun) == (Approval.ABSENT, False)
    step, sentence = next_step(Outcome.FAILED, live, Policy(), Mode.GUARD)
    assert step is Step.RECORD_BYPASS
    assert "has to be scheduled or cancelled" in sentence
    assert "a release that is not proven is on its way to production" in sentence
    skipped: list[Any] = []
    monkeypatch.setattr(RecordBypass, "skip", lambda self, ti, tasks: skipped.append(tasks))
    RecordBypass(task_id="record_bypass", gate_file=str(unheld.gate_file), production="wait").execute(
        unheld.context
    )
    assert skipped == [], "production is watched to its end and tested"
    event, text = told(slack)[-1]
    assert event == Event.BYPASSED
    assert text.startswith("Alarm: Execution ")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_an_approval_without_an_environment_is_held_whatever_the_verdict(
    mode: Mode, outcome: Outcome | None
) -> None:
    live = GoLive(Approval.UNPLACED, "It does not say for which environment.")
    step, sentence = next_step(outcome, live, Policy(), mode)
    assert step is (Step.HOLD if mode is Mode.GUARD else Step.REPORT)
    assert sentence.endswith(live.sentence)


def test_an_approval_without_an_environment_is_never_sent_an_act(untyped: Release) -> None:
    assert approval_state(seen(untyped)).state is Approval.UNPLACED
    untyped.seal()
    for decision in (Decision.APPROVED, Decision.HALTED):
        with pytest.raises(Held, match="does not say for which environment"):
            untyped.act().perform(decision)
    assert untyped.puts == []


def test_a_hold_at_an_approval_without_an_environment_reminds_people(
    untyped: Release, tmp_path: Path
) -> None:
    assert waits_since(waits_run(untyped, tmp_path)) is not None
    with pytest.raises(TaskDeferred) as deferred:
        wait_of(HoldProduction, untyped, tmp_path).execute(context(untyped))
    assert deferred.value.trigger.wake_at is not None


def test_a_run_that_ended_while_such_an_approval_waits_is_an_alarm(untyped: Release) -> None:
    guarded = Guarded(untyped.gate, seen(untyped), untyped.evidence)
    assert "production still waits" in neglect(guarded, "execution-1", "failed")[0]
    assert queued_long(guarded, "execution-1", untyped.pin.pinned_at.replace(year=2099)) != []


def test_the_pin_and_the_doctor_say_what_an_approval_without_an_environment_means(untyped: Release) -> None:
    execution = seen(untyped)
    assert "never acts on it: approve or reject it in Cloud Manager" in why_not_held(execution)
    found = judge_pause([execution], Mode.GUARD)
    assert found.state is State.UNKNOWN
    assert "does not say for which environment" in found.detail


@pytest.mark.parametrize(
    ("seen", "place"),
    [
        (steps(*STAGED, UNTYPED, LIVE), 2),
        (steps(("artifactPreparation", "", "FINISHED"), UNTYPED, LIVE), 1),
        (steps(*STAGED, LET_THROUGH, UNTYPED, UNTYPED, LIVE), 3),
        (steps(*STAGED, LET_THROUGH, LET_THROUGH, LIVE), 3),
        (steps(UNTYPED, *STAGED, LET_THROUGH, LIVE), 3),
        (steps(UNTYPED, *STAGING, LIVE), None),
        (steps(*STAGED, UNTYPED, ("approval", "prod", "NOT_STARTED"), LIVE), None),
        (steps(*STAGED, ("approval", "stage", "WAITING"), LIVE), None),
        (steps(*STAGED, ("schedule", "", "WAITING"), LIVE), None),
    ],
    ids=[
        "it waits",
        "production-only",
        "of several the first that is open",
        "of several that are over the last",
        "one before the stage deployment and one behind it",
        "before the stage deployment it is about stage",
        "another one says that it is production's",
        "it says that it is stage's",
        "no approval at all",
    ],
)
def test_which_approval_may_be_production_s_and_does_not_say_so(seen: Execution, place: int | None) -> None:
    assert unplaced_approval(seen) is (None if place is None else seen.steps[place])


def test_schedule_engineer_and_deployment_lead_to_production_unless_they_say_that_they_lead_elsewhere() -> (
    None
):
    kinds = ("prod", "", "stage")
    actions = ("schedule", "managed", "deploy", "approval", "contentAudit")
    seen = steps(*((action, kind, "NOT_STARTED") for action in actions for kind in kinds))
    assert [(step.action, step.environment_type) for step in steps_to_production(seen)] == [
        ("schedule", "prod"),
        ("schedule", None),
        ("managed", "prod"),
        ("managed", None),
        ("deploy", "prod"),
    ]


@pytest.mark.parametrize(
    ("seen", "state", "begun"),
    [
        (steps(*STAGED), Approval.PENDING, False),
        (approval("WAITING"), Approval.WAITING, False),
        (approval("FINISHED"), Approval.APPROVED, False),
        (approval("FINISHED", prod="RUNNING"), Approval.APPROVED, True),
        (approval("FINISHED", "FINISHED", prod="POSTPONED"), Approval.APPROVED, False),
        (approval("WAITING", "CANCELLED"), Approval.ENDED, False),
        (approval("WAITING", "FINISHED"), Approval.ENDED, True),
        (steps(*STAGED, status="FINISHED"), Approval.ENDED, True),
    ],
    ids=[
        "no deployment to production is listed",
        "it waits",
        "approved",
        "production is deployed",
        "approved and over, and the deployment shows a status that nobody knows",
        "cancelled",
        "it went to its end although its approval waits",
        "it went to its end without a step of production",
    ],
)
def test_an_execution_that_went_to_its_end_undecided_may_have_touched_production(
    seen: Execution, state: Approval, begun: bool
) -> None:
    assert go_live(seen) == GoLive(state, approval_state(seen).sentence, begun)
