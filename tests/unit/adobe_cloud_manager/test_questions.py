"""What does each snapshot mean: every status of every step, and executions at random?"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_cloud_manager.models import Execution, ExecutionStatus, StepState, StepStatus
from adobe_cloud_manager.questions import (
    Approval,
    ApprovalState,
    Goal,
    approval_state,
    counted_from,
    culprit,
    dead_end,
    deadline_of,
    describe,
    describe_wait,
    goal_step,
    is_reached,
    last_step_seen,
    time_last,
    time_to,
    why_unheld,
)
from unit.adobe_cloud_manager.local_cloud_manager import (
    ENDED,
    NAMES,
    execution,
    execution_json,
    step_json,
)

GOALS = list(Goal)
DEPLOYMENTS = [Goal.STAGE_DEPLOYMENT, Goal.PRODUCTION_DEPLOYMENT]
STEP_OF = {
    Goal.STAGE_DEPLOYMENT: "deploy:stage",
    Goal.PRODUCTION_APPROVAL: "approval",
    Goal.DECISION: "approval",
    Goal.PRODUCTION_DEPLOYMENT: "deploy:prod",
}
BAD = ["ERROR", "FAILED", "CANCELLED", "ROLLED_BACK", "ROLLING_BACK"]
STATUSES = [*StepStatus, "SOMETHING_NEW", ""]
EXECUTION_STATUSES = [*ExecutionStatus, "SOMETHING_NEW"]


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """Any steps in any order, any statuses, known or not."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=14))
    steps = [step_json(name, draw(st.sampled_from(STATUSES))) for name in names]
    for step in steps:
        if draw(st.integers(0, 9)) == 0:
            step["action"] = "aNewAction"
        if draw(st.integers(0, 9)) == 0:
            step.pop("environmentType", None)
    status = draw(st.sampled_from(EXECUTION_STATUSES))
    return Execution.parse(execution_json(status=status) | {"_embedded": {"stepStates": steps}})


@given(executions(), st.sampled_from(GOALS))
def test_a_goal_is_reached_or_lost_or_open_never_two_at_once(seen: Execution, goal: Goal) -> None:
    reached, lost = is_reached(seen, goal), dead_end(seen, goal)
    assert not (reached and lost)
    if seen.is_terminal:
        assert reached or lost
    if lost is not None:
        assert lost.endswith((".", "?"))
        assert seen.id in lost


@given(executions(), st.sampled_from(DEPLOYMENTS))
def test_only_a_finished_deploy_step_of_the_right_environment_is_a_deployment(
    seen: Execution, goal: Goal
) -> None:
    kind = "stage" if goal is Goal.STAGE_DEPLOYMENT else "prod"
    deploys = [s.status for s in seen.steps if s.action == "deploy" and s.environment_type == kind]
    if is_reached(seen, goal):
        assert "FINISHED" in deploys
        assert set(deploys) <= frozenset(StepStatus)


@given(executions())
def test_nothing_but_a_finished_production_approval_reads_as_approved(seen: Execution) -> None:
    state = approval_state(seen)
    assert state.sentence.endswith((".", "?"))
    if state.state is Approval.APPROVED:
        assert seen.production_approval is not None
        assert seen.production_approval.status == "FINISHED"
    if state.state is Approval.WAITING:
        assert not seen.is_terminal
        assert seen.production_approval in seen.waiting_steps
    if state.state is Approval.UNPLACED:
        assert not seen.is_terminal
        assert seen.production_approval is None
    if state.state is Approval.ABSENT:
        assert not seen.is_terminal
        assert why_unheld(seen) is not None
    if seen.is_terminal:
        assert state.is_over


@given(executions())
def test_every_snapshot_can_be_described(seen: Execution) -> None:
    assert "\n" not in describe(seen)
    for step in seen.waiting_steps:
        assert "waits for a person" in describe_wait(step)
    for goal in GOALS:
        found = culprit(seen, goal)
        assert found is None or found.failed


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("status", ["NOT_STARTED", "RUNNING", "WAITING", "SOMETHING_NEW"])
def test_while_the_execution_runs_no_open_or_unknown_status_is_a_dead_end(goal: Goal, status: str) -> None:
    for name in NAMES:
        assert dead_end(execution(name, status, without=()), goal) is None, name


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("status", BAD)
def test_a_failed_step_on_the_way_is_a_dead_end_at_once(goal: Goal, status: str) -> None:
    way = NAMES.index(STEP_OF[goal]) + 1
    for name in NAMES[:way]:
        seen = execution(name, status, without=())
        if name == "contentAudit":
            continue
        assert f"is {status}" in (dead_end(seen, goal) or ""), name
        assert culprit(seen, goal) == seen.steps[NAMES.index(name)], name
    for name in NAMES[way:]:
        seen = execution(name, status, without=())
        assert dead_end(seen, goal) is None, name
        assert is_reached(seen, goal), name


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("ended", ENDED)
def test_an_ended_execution_has_reached_its_goal_or_says_why_not(goal: Goal, ended: str) -> None:
    for name, status in itertools.product(NAMES, STATUSES):
        seen = execution(name, status, ended, without=())
        target = goal_step(seen, goal)
        assert target is not None
        assert is_reached(seen, goal) is (target.status == "FINISHED"), (name, status)
        assert (dead_end(seen, goal) is None) is (target.status == "FINISHED"), (name, status)


def test_the_experience_audit_stops_nothing_while_the_execution_runs() -> None:
    assert dead_end(execution("contentAudit", "FAILED"), Goal.PRODUCTION_APPROVAL) is None
    assert "FAILED" in (dead_end(execution("contentAudit", "FAILED", "FAILED"), Goal.DECISION) or "")


def test_a_failed_step_that_others_have_followed_did_not_stop_the_execution() -> None:
    seen = execution("uiTest", changes={"productTest": "FAILED"})
    assert dead_end(seen, Goal.PRODUCTION_APPROVAL) is None


def test_a_test_that_did_not_exist_stops_nothing() -> None:
    seen = execution("approval", "WAITING", changes={"functionalTest": "INCOMPLETE", "uiTest": "INCOMPLETE"})
    assert is_reached(seen, Goal.PRODUCTION_APPROVAL)


@pytest.mark.parametrize("goal", DEPLOYMENTS)
def test_an_incomplete_deployment_is_no_deployment(goal: Goal) -> None:
    seen = execution(STEP_OF[goal], "INCOMPLETE", "FINISHED")
    assert not is_reached(seen, goal)
    assert "INCOMPLETE" in (dead_end(seen, goal) or "")


@pytest.mark.parametrize("goal", GOALS)
def test_a_cancellation_under_way_is_a_dead_end(goal: Goal) -> None:
    assert "CANCELLING" in (dead_end(execution("build", status="CANCELLING"), goal) or "")


def test_twenty_seconds_of_running_after_the_last_step_change_nothing() -> None:
    assert is_reached(execution("deploy:prod", "FINISHED", "RUNNING"), Goal.PRODUCTION_DEPLOYMENT)
    assert dead_end(execution("contentAudit", "FINISHED", without=("approval",)), Goal.DECISION) is None


def test_a_pipeline_without_the_pause_says_what_to_tick() -> None:
    for seen in (
        execution("deploy:prod", "FINISHED", "FINISHED", without=("approval", "schedule")),
        execution("deploy:prod", "RUNNING", without=("approval", "schedule")),
    ):
        assert "Pause before deploying to Production" in (dead_end(seen, Goal.PRODUCTION_APPROVAL) or "")
        state = approval_state(seen)
        assert state.state is Approval.ENDED
        assert "Pause before deploying to Production" in state.sentence


def steps(*named: tuple[str, str, str], status: str = "RUNNING") -> Execution:
    """An execution with these steps: action, environment type (empty for none) and status."""
    made = [
        {"action": action, "status": now} | ({"environmentType": kind} if kind else {})
        for action, kind, now in named
    ]
    return Execution.parse(execution_json(status=status) | {"_embedded": {"stepStates": made}})


STAGED = (("build", "", "FINISHED"), ("deploy", "stage", "FINISHED"))
STAGING = (("build", "", "RUNNING"), ("deploy", "stage", "NOT_STARTED"))
LIVE = ("deploy", "prod", "NOT_STARTED")


@pytest.mark.parametrize(
    ("seen", "state", "unheld"),
    [
        (steps(*STAGED, ("schedule", "prod", "WAITING"), LIVE), Approval.ABSENT, True),
        (steps(*STAGED, ("schedule", "", "WAITING"), LIVE), Approval.ABSENT, True),
        (steps(*STAGED, ("schedule", "prod", "FINISHED"), LIVE), Approval.ABSENT, True),
        (steps(*STAGED, ("managed", "prod", "WAITING"), LIVE), Approval.ABSENT, True),
        (steps(*STAGED, ("schedule", "prod", "NOT_STARTED"), LIVE), Approval.PENDING, True),
        (steps(*STAGING, LIVE), Approval.PENDING, True),
        (steps(("artifactPreparation", "", "RUNNING"), LIVE), Approval.PENDING, True),
        (steps(*STAGED, ("schedule", "prod", "POSTPONED"), LIVE), Approval.PENDING, True),
        (steps(*STAGED), Approval.PENDING, False),
        (steps(), Approval.PENDING, False),
        (steps(("validate", "", "RUNNING"), ("codeQuality", "", "NOT_STARTED")), Approval.PENDING, False),
        (steps(("build", "", "FINISHED"), ("deploy", "dev", "RUNNING")), Approval.PENDING, False),
        (
            steps(*STAGED, ("approval", "stage", "FINISHED"), ("managed", "prod", "WAITING"), LIVE),
            Approval.PENDING,
            False,
        ),
        (
            steps(*STAGED, ("approval", "prod", "NOT_STARTED"), ("managed", "prod", "NOT_STARTED"), LIVE),
            Approval.PENDING,
            False,
        ),
        (
            steps(*STAGED, ("schedule", "prod", "WAITING"), ("approval", "prod", "NOT_STARTED"), LIVE),
            Approval.PENDING,
            False,
        ),
        (steps(*STAGED, ("schedule", "prod", "CANCELLED"), LIVE), Approval.ENDED, True),
        (steps(*STAGED, ("schedule", "prod", "WAITING"), LIVE, status="CANCELLED"), Approval.ENDED, False),
    ],
    ids=[
        "the schedule waits",
        "the schedule says no environment",
        "it is scheduled",
        "Adobe's engineer is waited for",
        "nothing behind the approval's place has begun",
        "still building",
        "production-only",
        "an unknown status has begun nothing",
        "steps of production are not listed yet",
        "no step is listed yet",
        "code quality only",
        "no production",
        "an approval of stage: Managed Services, and not known well enough",
        "an approval that is to come",
        "schedule before approval",
        "the schedule was cancelled",
        "the execution is over",
    ],
)
def test_an_execution_without_an_approval_says_so_when_it_is_certain(
    seen: Execution, state: Approval, unheld: bool
) -> None:
    assert approval_state(seen).state is state
    assert (why_unheld(seen) is not None) is unheld


def test_what_nothing_holds_is_said_with_what_waits_and_what_to_tick() -> None:
    said = approval_state(steps(*STAGED, ("schedule", "prod", "WAITING"), LIVE)).sentence
    assert said.startswith(
        "Execution 2345678 has no approval among its 4 steps, so nothing can hold production."
    )
    assert "the production deployment has to be scheduled or cancelled" in said
    assert "Pause before deploying to Production" in said


UNTYPED = ("approval", "", "WAITING")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (steps(*STAGED, UNTYPED, LIVE), Approval.UNPLACED),
        (steps(("artifactPreparation", "", "FINISHED"), UNTYPED, LIVE), Approval.UNPLACED),
        (steps(*STAGED, UNTYPED, LIVE, status="CANCELLED"), Approval.ENDED),
        (steps(*STAGED, ("approval", "", "NOT_STARTED"), LIVE), Approval.PENDING),
        (steps(UNTYPED, *STAGING, LIVE), Approval.PENDING),
        (steps(*STAGED, UNTYPED, ("approval", "prod", "NOT_STARTED"), LIVE), Approval.PENDING),
        (steps(*STAGED, ("approval", "", "FINISHED"), LIVE), Approval.PENDING),
        (
            steps(*STAGED, ("approval", "", "FINISHED"), ("schedule", "prod", "WAITING"), LIVE),
            Approval.ABSENT,
        ),
        (steps(*STAGED, ("approval", "", "FINISHED"), ("deploy", "prod", "RUNNING")), Approval.ENDED),
        (steps(*STAGED, ("approval", "", "CANCELLED"), LIVE), Approval.ENDED),
    ],
    ids=[
        "it waits",
        "production-only",
        "the execution is over",
        "it is to come",
        "stage is not deployed yet, so it is about stage",
        "another one says that it is production's",
        "somebody let it through",
        "and the schedule waits",
        "and production is deployed",
        "somebody rejected it",
    ],
)
def test_an_approval_that_does_not_say_for_which_environment_is_never_taken_for_production_s(
    seen: Execution, state: Approval
) -> None:
    found = approval_state(seen)
    assert found.state is state
    assert "Pause before deploying" not in found.sentence


def test_an_approval_without_an_environment_says_who_has_to_look() -> None:
    said = approval_state(steps(*STAGED, UNTYPED, LIVE)).sentence
    assert "does not say for which environment (no environmentType)" in said
    assert "look at it in Cloud Manager and decide there" in said
    of_stage = StepState.parse({"action": "approval", "status": "WAITING", "environmentType": "stage"})
    assert "stage has to be approved or rejected" in describe_wait(of_stage)


def test_a_pipeline_without_a_stage_deployment_is_asked_about() -> None:
    seen = execution("buildImage", "FINISHED", "FINISHED", without=tuple(NAMES[4:]))
    assert "production pipeline" in (dead_end(seen, Goal.STAGE_DEPLOYMENT) or "")


def approval(status: str, ends: str = "RUNNING", prod: str = "NOT_STARTED", **more: Any) -> Execution:
    document = execution_json("approval", status, ends, changes={"deploy:prod": prod})
    for step in document["_embedded"]["stepStates"]:
        if step["action"] == "approval":
            step.update(more)
    return Execution.parse(document)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (approval("NOT_STARTED"), Approval.PENDING),
        (approval("WAITING"), Approval.WAITING),
        (approval("FINISHED"), Approval.APPROVED),
        (approval("FINISHED", prod="RUNNING"), Approval.APPROVED),
        (approval("FINISHED", "FAILED", prod="FAILED"), Approval.APPROVED),
        (approval("FINISHED", "CANCELLED", details={"input": {"approved": True}}), Approval.APPROVED),
        (approval("FINISHED", "CANCELLED"), Approval.ENDED),
        (approval("FINISHED", "CANCELLING"), Approval.ENDED),
        (approval("FINISHED", details={"input": {"approved": False}}), Approval.REJECTED),
        (approval("CANCELLED"), Approval.REJECTED),
        (approval("CANCELLED", "CANCELLED"), Approval.REJECTED),
        (approval("FAILED", "FAILED"), Approval.REJECTED),
        (approval("ROLLED_BACK"), Approval.REJECTED),
        (approval("WAITING", "CANCELLED"), Approval.ENDED),
        (approval("WAITING", "FINISHED"), Approval.ENDED),
        (approval("NOT_STARTED", "CANCELLED"), Approval.ENDED),
        (approval("NOT_STARTED", "CANCELLING"), Approval.ENDED),
        (approval("RUNNING"), Approval.UNCLEAR),
        (approval("EXPIRED"), Approval.UNCLEAR),
        (approval(""), Approval.UNCLEAR),
        (approval("EXPIRED", "CANCELLED"), Approval.ENDED),
        (approval("INCOMPLETE"), Approval.UNCLEAR),
        (approval("INCOMPLETE", "FINISHED"), Approval.ENDED),
    ],
    ids=lambda value: None,
)
def test_how_the_approval_stands(seen: Execution, state: Approval) -> None:
    assert approval_state(seen).state is state


WAITS = [
    ("codeQuality", "important quality metric", "2026-11-16 10:02 UTC (14 days)"),
    ("approval", "approved or rejected", "2026-11-16 10:09 UTC (14 days)"),
    ("schedule", "scheduled or cancelled", "2026-11-16 10:10 UTC (14 days)"),
    (
        "deploy:prod",
        "promoted or cancelled",
        "goes on by itself, as far as Adobe documents it, at 2026-11-02 13:11 UTC at the latest",
    ),
    ("buildImage", "does not know the step", "2026-11-16 10:03 UTC (14 days)"),
]


@pytest.mark.parametrize(("name", "what", "until"), WAITS)
def test_a_wait_says_what_waits_for_whom_until_when_and_where(name: str, what: str, until: str) -> None:
    step = StepState.parse(step_json(name, "WAITING"))
    sentence = describe_wait(step, "https://experience.adobe.com/x")
    assert step.name in sentence
    assert what in sentence
    assert until in sentence
    assert sentence.endswith(" https://experience.adobe.com/x")


def test_without_any_time_the_wait_still_names_its_fourteen_days() -> None:
    step = StepState.parse({"action": "codeQuality", "status": "WAITING"})
    assert deadline_of(step) is None
    assert "within 14 days" in describe_wait(step)


def test_a_canary_goes_on_after_the_shorter_of_the_two_times_that_adobe_states() -> None:
    step = StepState.parse({"action": "deploy", "environmentType": "prod", "status": "WAITING"})
    assert "3 hours after the pause began at the latest" in describe_wait(step)


def test_code_quality_has_no_start_so_its_last_change_counts() -> None:
    waiting = step_json("codeQuality", "WAITING")
    del waiting["startedAt"]
    assert deadline_of(StepState.parse(waiting)) == datetime(2026, 11, 16, 10, 2, 30, tzinfo=UTC)


def test_where_an_execution_is_reads_as_a_sentence() -> None:
    assert describe(execution("deploy:stage")) == "execution 2345678 is RUNNING, Deploy to Stage is RUNNING"
    assert describe(execution("validate", "NOT_STARTED")) == "execution 2345678 is RUNNING, no step has begun"
    assert describe(execution(status="PAUSED")) == (
        "execution 2345678 is PAUSED (a status this version does not know), Build & Unit Testing (build) is RUNNING"
    )
    assert describe(execution("build", "FINISHED", "FAILED")) == (
        "execution 2345678 is FAILED, Build & Unit Testing (build) is FINISHED"
    )
    waiting = last_step_seen(execution("approval", "WAITING", changes={"contentAudit": "RUNNING"}))
    assert waiting is not None
    assert waiting.action == "approval"


def past(number: str, minutes: int | None, status: str = "FAILED") -> Execution:
    """An execution whose stage deployment took so long, or failed then."""
    document = execution_json("deploy:stage", "FAILED" if minutes is None else "FINISHED", status, id=number)
    for step in document["_embedded"]["stepStates"]:
        if step.get("finishedAt"):
            step["finishedAt"] = f"2026-11-02T10:{minutes or 59}:00.000+0000"
    return Execution.parse(document)


def test_how_long_it_took_comes_from_the_newest_execution_that_went_well() -> None:
    history = [
        past("9", 11, "RUNNING"),
        past("8", 12, "FAILED"),
        past("7", 13, "FINISHED"),
        past("6", 14, "FINISHED"),
    ]
    assert time_last(history, Goal.STAGE_DEPLOYMENT, besides="9") == timedelta(minutes=13)
    assert time_last(history[:2], Goal.STAGE_DEPLOYMENT, besides="9") == timedelta(minutes=12)
    assert time_last(history[:1], Goal.STAGE_DEPLOYMENT, besides="9") is None
    assert time_to(execution("build"), Goal.STAGE_DEPLOYMENT) is None
    assert time_to(execution("approval", "FINISHED"), Goal.PRODUCTION_APPROVAL) == timedelta(minutes=9)
    assert time_to(execution("deploy:prod", "FINISHED"), Goal.PRODUCTION_DEPLOYMENT) == timedelta(seconds=30)


NO_PAUSE = (
    "The pipeline does not pause before production: tick 'Pause before deploying to Production' in the pipeline's "
    "settings in Cloud Manager, or nothing can hold a release."
)
APPROVAL = "Application for Approval (approval)"


@pytest.mark.parametrize(
    ("seen", "state", "status", "sentence"),
    [
        (
            approval("WAITING"),
            Approval.WAITING,
            "WAITING",
            f"{APPROVAL} of execution 2345678 waits for a person: production has to be approved or rejected, until "
            "2026-11-16 10:09 UTC (14 days).",
        ),
        (
            approval("FINISHED"),
            Approval.APPROVED,
            "FINISHED",
            f"Production was approved: {APPROVAL} of execution 2345678 is FINISHED.",
        ),
        (
            approval("FINISHED", "CANCELLED"),
            Approval.ENDED,
            "FINISHED",
            f"{APPROVAL} of execution 2345678 is FINISHED, but the execution is CANCELLED and its production deployment "
            "never began: nothing shows that production was approved.",
        ),
        (
            approval("FINISHED", details={"input": {"approved": False}}),
            Approval.REJECTED,
            "FINISHED",
            f"Production was rejected: {APPROVAL} of execution 2345678 was answered with no.",
        ),
        (
            approval("CANCELLED", "FAILED"),
            Approval.REJECTED,
            "CANCELLED",
            f"Production was not approved: {APPROVAL} of execution 2345678 is CANCELLED, the execution is FAILED.",
        ),
        (
            approval("NOT_STARTED"),
            Approval.PENDING,
            "NOT_STARTED",
            "Execution 2345678 has not reached its approval for production.",
        ),
        (
            approval("EXPIRED"),
            Approval.UNCLEAR,
            "EXPIRED",
            f"{APPROVAL} of execution 2345678 shows EXPIRED, which is no decision.",
        ),
        (
            approval(""),
            Approval.UNCLEAR,
            "",
            f"{APPROVAL} of execution 2345678 shows no status, which is no decision.",
        ),
        (
            approval("WAITING", "CANCELLED"),
            Approval.ENDED,
            "WAITING",
            f"Execution 2345678 ended CANCELLED while {APPROVAL} is WAITING: its production approval did not happen.",
        ),
        (
            steps(*STAGED, UNTYPED, LIVE),
            Approval.UNPLACED,
            "WAITING",
            f"{APPROVAL} of execution 2345678 waits for a person: it does not say for which environment (no "
            "environmentType), so nothing here approves or rejects it; look at it in Cloud Manager and decide there, "
            "within 14 days of the moment it began to wait.",
        ),
        (
            steps(*STAGED, ("approval", "", "FINISHED"), ("schedule", "prod", "WAITING"), LIVE),
            Approval.ABSENT,
            "",
            f"Nothing holds production of execution 2345678: {APPROVAL}, which does not say for which environment it "
            "was, is FINISHED. Schedule Production Deployment (schedule) of execution 2345678 waits for a person: the "
            "production deployment has to be scheduled or cancelled, within 14 days of the moment it began to wait.",
        ),
        (
            steps(*STAGED, ("schedule", "prod", ""), ("managed", "prod", "FINISHED"), LIVE),
            Approval.ABSENT,
            "",
            "Execution 2345678 has no approval among its 5 steps, so nothing can hold production. Schedule Production "
            f"Deployment (schedule) is without a status. {NO_PAUSE}",
        ),
        (
            steps(*STAGED, ("schedule", "prod", "FINISHED"), ("managed", "prod", "WAITING"), LIVE),
            Approval.ABSENT,
            "",
            "Execution 2345678 has no approval among its 5 steps, so nothing can hold production. the step 'managed' of "
            "execution 2345678 waits for a person: Adobe's customer success engineer has to start the deployment, "
            f"within 14 days of the moment it began to wait. {NO_PAUSE}",
        ),
        (
            steps(*STAGED, ("schedule", "prod", "FINISHED"), LIVE),
            Approval.ABSENT,
            "",
            "Execution 2345678 has no approval among its 4 steps, so nothing can hold production. Schedule Production "
            f"Deployment (schedule) is FINISHED. {NO_PAUSE}",
        ),
        (
            steps(*STAGED, ("deploy", "prod", "RUNNING")),
            Approval.ENDED,
            "",
            f"Deploy to Production of execution 2345678 is RUNNING: no approval step. {NO_PAUSE}",
        ),
        (
            steps(*STAGED, ("approval", "", "FINISHED"), ("deploy", "prod", "RUNNING")),
            Approval.ENDED,
            "",
            f"Deploy to Production of execution 2345678 is RUNNING: {APPROVAL}, which does not say for which "
            "environment it was, is FINISHED.",
        ),
    ],
    ids=lambda value: value if isinstance(value, Approval) else "",
)
def test_how_the_approval_stands_is_told_in_a_sentence(
    seen: Execution, state: Approval, status: str, sentence: str
) -> None:
    found = approval_state(seen)
    assert (found.state, found.status, found.sentence) == (state, status, sentence)


def test_two_approvals_without_an_environment_are_not_known_well_enough() -> None:
    let_through = ("approval", "", "FINISHED")
    assert why_unheld(steps(*STAGED, let_through, ("schedule", "prod", "WAITING"), LIVE)) is not None
    twice = steps(
        *STAGED, let_through, ("approval", "stage", "FINISHED"), ("schedule", "prod", "WAITING"), LIVE
    )
    assert why_unheld(twice) is None


def test_which_states_of_the_approval_are_over_and_in_which_somebody_is_asked() -> None:
    states = {each: ApprovalState(each, "") for each in Approval}
    over = {each for each, state in states.items() if state.is_over}
    assert over == {Approval.APPROVED, Approval.REJECTED, Approval.ABSENT, Approval.ENDED}
    assert {each for each, state in states.items() if state.is_asked} == {Approval.WAITING, Approval.UNPLACED}
    assert {goal for goal in Goal if goal.asks_for_approval} == {Goal.PRODUCTION_APPROVAL, Goal.DECISION}
    assert ApprovalState(Approval.PENDING, "").status == ""


BUILT = ("build", "", "FINISHED")


@pytest.mark.parametrize(
    ("seen", "goal", "sentence"),
    [
        (
            execution("codeQuality", "FAILED"),
            Goal.STAGE_DEPLOYMENT,
            "Code Scanning (codeQuality) of execution 2345678 is FAILED at 2026-11-02 10:02:30 UTC, so its stage "
            "deployment can't be reached. The code was rejected, by a metric or by a person: see the step's metrics and "
            "log.",
        ),
        (
            execution("build", "ROLLING_BACK"),
            Goal.DECISION,
            "Build & Unit Testing (build) of execution 2345678 is ROLLING_BACK, so its decision about production can't "
            "be reached. The log of the step tells why.",
        ),
        (
            execution("schedule", "CANCELLED", without=()),
            Goal.PRODUCTION_DEPLOYMENT,
            "Schedule Production Deployment (schedule) of execution 2345678 is CANCELLED at 2026-11-02 10:10:30 UTC, so "
            "its production deployment can't be reached. The scheduled production deployment was cancelled.",
        ),
        (
            execution("approval", "CANCELLED"),
            Goal.PRODUCTION_DEPLOYMENT,
            f"{APPROVAL} of execution 2345678 is CANCELLED at 2026-11-02 10:09:30 UTC, so its production deployment "
            "can't be reached. Production was rejected, or nobody decided in time.",
        ),
        (
            execution("build", status="CANCELLING"),
            Goal.PRODUCTION_APPROVAL,
            "Execution 2345678 is being cancelled (CANCELLING) before its production approval.",
        ),
        (
            steps(("deploy", "stage", ""), status="FAILED"),
            Goal.STAGE_DEPLOYMENT,
            "Execution 2345678 ended FAILED while Deploy to Stage is without a status: its stage deployment did not "
            "happen.",
        ),
        (
            steps(BUILT, status="CANCELLED"),
            Goal.STAGE_DEPLOYMENT,
            "Execution 2345678 ended CANCELLED before its stage deployment.",
        ),
        (
            steps(BUILT, status="FINISHED"),
            Goal.STAGE_DEPLOYMENT,
            "Execution 2345678 ended FINISHED without a step for its stage deployment. Is this a production pipeline "
            "that deploys to stage?",
        ),
        (
            steps(BUILT, status="FINISHED"),
            Goal.PRODUCTION_APPROVAL,
            f"Execution 2345678 ended FINISHED without a step for its production approval. {NO_PAUSE}",
        ),
        (
            steps(BUILT, status="FINISHED"),
            Goal.DECISION,
            f"Execution 2345678 ended FINISHED without a step for its decision about production. {NO_PAUSE}",
        ),
        (
            steps(BUILT, status="FINISHED"),
            Goal.PRODUCTION_DEPLOYMENT,
            "Execution 2345678 ended FINISHED without a step for its production deployment. Is this a pipeline that "
            "deploys to production?",
        ),
        (steps(BUILT, ("deploy", "prod", "RUNNING")), Goal.STAGE_DEPLOYMENT, None),
    ],
)
def test_why_a_goal_cannot_be_reached_is_told_in_a_sentence(
    seen: Execution, goal: Goal, sentence: str | None
) -> None:
    assert dead_end(seen, goal) == sentence


def test_only_a_step_up_to_the_goal_that_nothing_followed_stopped_it() -> None:
    behind = NAMES[NAMES.index("deploy:stage") + 1 :]
    for name in behind:
        seen = execution("build", changes={name: "FAILED"}, without=())
        assert culprit(seen, Goal.STAGE_DEPLOYMENT) is None, name
    followed = execution("functionalTest", changes={"productTest": "FAILED"})
    assert culprit(followed, Goal.PRODUCTION_APPROVAL) is None
    assert culprit(steps(("build", "", "FAILED")), Goal.STAGE_DEPLOYMENT) is not None


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (
            step_json("codeQuality", "WAITING"),
            "Code Scanning (codeQuality) of execution 2345678 waits for a person: an important quality metric failed and "
            "has to be overridden or rejected, until 2026-11-16 10:02 UTC (14 days).",
        ),
        (
            step_json("deploy:prod", "WAITING"),
            "Deploy to Production of execution 2345678 waits for a person: the paused deployment has to be promoted or "
            "cancelled, or Cloud Manager goes on by itself, as far as Adobe documents it, at 2026-11-02 13:11 UTC at the "
            "latest.",
        ),
        (
            {"action": "deploy", "environmentType": "prod", "executionId": "7", "status": "WAITING"},
            "Deploy to Production of execution 7 waits for a person: the paused deployment has to be promoted or "
            "cancelled, or Cloud Manager goes on by itself, as far as Adobe documents it, 3 hours after the pause began "
            "at the latest.",
        ),
        (
            step_json("buildImage", "WAITING"),
            "Build Images (buildImage) of execution 2345678 waits for a person: this version does not know the step; "
            "look at it in Cloud Manager, until 2026-11-16 10:03 UTC (14 days).",
        ),
    ],
)
def test_a_wait_is_told_in_a_sentence(step: dict[str, Any], sentence: str) -> None:
    assert describe_wait(StepState.parse(step)) == sentence


def test_a_step_that_was_changed_after_it_began_to_wait_counts_from_its_start() -> None:
    changed = step_json("approval", "WAITING", updatedAt="2026-11-09T10:00:00.000+0000")
    assert deadline_of(StepState.parse(changed)) == datetime(2026, 11, 16, 10, 9, tzinfo=UTC)


RAN, RUNS, WAITS_NOW, TO_COME = "FINISHED", "RUNNING", "WAITING", "NOT_STARTED"


@pytest.mark.parametrize(
    ("statuses", "place"),
    [
        ((RAN, RUNS, WAITS_NOW, WAITS_NOW), 2),
        ((RUNS, WAITS_NOW, RUNS, RAN), 1),
        ((RUNS, RUNS, RAN, TO_COME), 1),
        ((RAN, RAN, TO_COME, "SOMETHING_NEW"), 1),
        ((TO_COME, TO_COME, TO_COME, TO_COME), None),
    ],
)
def test_the_step_that_says_best_where_it_is_waits_or_runs_or_was_the_last(
    statuses: tuple[str, ...], place: int | None
) -> None:
    seen = steps(*((f"step{number}", "", status) for number, status in enumerate(statuses)))
    found = last_step_seen(seen)
    assert found == (None if place is None else seen.steps[place])


def test_the_time_to_a_goal_counts_from_the_creation_and_to_production_from_its_own_start() -> None:
    done = execution("deploy:prod", "FINISHED", "FINISHED")
    created = done.created_at
    started = done.steps[-1].started_at
    assert {goal: counted_from(done, goal) for goal in Goal} == {
        Goal.STAGE_DEPLOYMENT: created,
        Goal.PRODUCTION_APPROVAL: created,
        Goal.DECISION: created,
        Goal.PRODUCTION_DEPLOYMENT: started,
    }
    assert counted_from(steps(*STAGED), Goal.PRODUCTION_DEPLOYMENT) is None
    assert {goal: time_to(done, goal) for goal in Goal} == {
        Goal.STAGE_DEPLOYMENT: timedelta(minutes=4, seconds=30),
        Goal.PRODUCTION_APPROVAL: timedelta(minutes=9),
        Goal.DECISION: timedelta(minutes=9, seconds=30),
        Goal.PRODUCTION_DEPLOYMENT: timedelta(seconds=30),
    }
    assert time_to(steps(*STAGED), Goal.STAGE_DEPLOYMENT) is None, "it does not say when"
    at_once = execution("deploy:stage", "FINISHED", createdAt="2026-11-02T10:04:30.000+0000")
    assert time_to(at_once, Goal.STAGE_DEPLOYMENT) is None, "nothing is done in no time"
    untimed = execution("deploy:stage", "FINISHED", createdAt=None)
    assert time_to(untimed, Goal.STAGE_DEPLOYMENT) is None


@pytest.mark.parametrize("goal", [goal for goal in GOALS if goal is not Goal.PRODUCTION_APPROVAL])
def test_what_waits_is_reached_only_where_to_be_asked_is_the_goal(goal: Goal) -> None:
    assert not is_reached(execution(STEP_OF[goal], "WAITING"), goal)
    assert is_reached(execution("approval", "WAITING"), Goal.PRODUCTION_APPROVAL)


@pytest.mark.parametrize("status", ["NOT_STARTED", "RUNNING", "WAITING"])
def test_an_approval_without_an_environment_that_is_to_come_may_still_hold_production(status: str) -> None:
    seen = steps(*STAGED, ("approval", "", status), ("schedule", "prod", "WAITING"), LIVE)
    assert why_unheld(seen) is None
    assert approval_state(seen).state is not Approval.ABSENT


def test_a_step_that_failed_behind_the_goal_did_not_stop_the_way_to_it() -> None:
    seen = steps(("build", "", "FINISHED"), ("deploy", "stage", "RUNNING"), ("securityTest", "", "FAILED"))
    assert dead_end(seen, Goal.STAGE_DEPLOYMENT) is None


def test_an_experience_audit_that_failed_last_is_named_once_the_execution_is_over() -> None:
    seen = steps(*STAGED, ("contentAudit", "", "FAILED"), status="FAILED")
    told = dead_end(seen, Goal.PRODUCTION_APPROVAL)
    assert told is not None
    assert "is FAILED" in told
    assert "so its" in told


def test_a_deployment_that_begun_beside_an_open_approval_is_no_pipeline_without_the_pause() -> None:
    seen = steps(*STAGED, ("approval", "prod", "NOT_STARTED"), ("deploy", "prod", "RUNNING"))
    assert dead_end(seen, Goal.PRODUCTION_APPROVAL) is None


def test_the_time_to_a_goal_is_none_where_it_failed_or_has_no_step() -> None:
    assert time_to(past("1", None), Goal.STAGE_DEPLOYMENT) is None
    assert time_to(steps(("build", "", "FINISHED")), Goal.STAGE_DEPLOYMENT) is None


@pytest.mark.parametrize(
    ("history", "minutes"),
    [
        ([past("3", 30), past("2", 10)], 30),
        ([past("3", 10), past("2", 30)], 10),
        ([past("3", None, "FINISHED"), past("2", 10)], 10),
        ([past("3", None), past("2", 10)], 10),
    ],
    ids=["the newest is slower", "the newest is faster", "the newest did not deploy", "the newest failed"],
)
def test_of_those_that_reached_the_goal_the_newest_counts(history: list[Execution], minutes: int) -> None:
    assert time_last(history, Goal.STAGE_DEPLOYMENT, besides="9") == timedelta(minutes=minutes)
