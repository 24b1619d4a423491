"""Is the go-live step of the pinned execution, and nothing else, acted on at most once?"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import adobe_cloud_manager
from adobe_cloud_manager.exceptions import (
    ActRefused,
    CloudManagerError,
    CredentialError,
    ForeignLink,
    NotSent,
    UnexpectedAnswer,
)
from adobe_cloud_manager.golive import ActKind, ActOutcome, NotActionable, Verb, act_once
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.models import Execution, StepState, StepStatus
from unit.adobe_cloud_manager.local_cloud_manager import (
    EXECUTION,
    NAMES,
    PIPELINE,
    PROGRAM,
    Json,
    LocalCloudManager,
    Reply,
    execution_json,
)
from unit.adobe_cloud_manager.virtual_time import Clock

WAITING = execution_json("approval", "WAITING")
APPROVED = execution_json("deploy:prod")
REJECTED = execution_json("approval", "CANCELLED", "CANCELLED")
PATH = f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/{EXECUTION}/phase/2/step/9"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """How often it is read back must not depend on how fast the machine is."""
    clock = Clock()
    monkeypatch.setattr("adobe_cloud_manager.golive.time", clock)
    return clock


class Claimed(Exception):
    """The candidate was claimed before."""


def nothing(*_: Any) -> None:
    """A claim or check that raises nothing."""


def act(verb: Verb = Verb.APPROVE, **more: Any) -> ActOutcome:
    given: dict[str, Any] = {
        "claim": nothing,
        "before_send": nothing,
        "read_back_for": 2.0,
        "read_back_every": 0.25,
    }
    return act_once(CloudManagerHook(), PROGRAM, PIPELINE, EXECUTION, verb, **given | more)


def applied(double: LocalCloudManager, after: Json, reply: Reply) -> None:
    """The PUT is carried out, whatever is answered."""

    def carry_out(verb: str, body: Json) -> Reply:
        double.looks = [WAITING, WAITING, after]
        return reply

    double.act = carry_out


@pytest.mark.parametrize(
    ("verb", "after", "request_sent", "status"),
    [
        (Verb.APPROVE, APPROVED, ("PUT", f"{PATH}/advance", {"approved": True}), "FINISHED"),
        (Verb.REJECT, REJECTED, ("PUT", f"{PATH}/cancel", {"approved": False}), "CANCELLED"),
    ],
)
def test_one_put_is_sent_and_its_effect_is_seen(
    cloud_manager: LocalCloudManager, verb: Verb, after: Json, request_sent: Any, status: str
) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, after, Reply(202, headers={"x-request-id": "r-1"}))
    outcome = act(verb)
    assert (outcome.kind, outcome.status_seen, outcome.request_id) == (ActKind.ACKNOWLEDGED, status, "r-1")
    assert cloud_manager.acts == [request_sent]


@pytest.mark.parametrize(
    "lost", [Reply(cut=True), Reply(500), Reply(503), Reply(307, headers={"location": PATH})]
)
@pytest.mark.parametrize(("verb", "after"), [(Verb.APPROVE, APPROVED), (Verb.REJECT, REJECTED)])
def test_a_lost_answer_is_resolved_by_reading_back(
    cloud_manager: LocalCloudManager, lost: Reply, verb: Verb, after: Json
) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, after, lost)
    outcome = act(verb)
    assert outcome.kind is ActKind.UNKNOWN_BUT_SEEN
    assert "was lost" in outcome.sentence
    assert len(cloud_manager.acts) == 1


@pytest.mark.parametrize("reply", [Reply(202), Reply(cut=True), Reply(500)])
@pytest.mark.parametrize("verb", list(Verb))
def test_a_step_that_goes_on_waiting_is_unresolved_and_nothing_is_sent_again(
    cloud_manager: LocalCloudManager, reply: Reply, verb: Verb
) -> None:
    cloud_manager.looks = [WAITING]
    cloud_manager.act = lambda _, body: reply
    outcome = act(verb, read_back_for=0.2)
    assert (outcome.kind, outcome.status_seen) == (ActKind.UNRESOLVED, "WAITING")
    lost = (
        "The answer to the request to {} was lost ("
        if reply.cut or reply.status == 500
        else "Cloud Manager acknowledged"
    )
    assert outcome.sentence.startswith(lost.format(verb))
    assert "within 0.2 s" in outcome.sentence
    assert "waits for a person" in outcome.sentence
    assert "It is not sent again: look at https://" in outcome.sentence
    assert len(cloud_manager.acts) == 1


def test_an_unresolved_request_can_be_asked_adobe_about(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING]
    cloud_manager.act = lambda _, body: Reply(202, headers={"x-request-id": "r-1"})
    assert act(read_back_for=0.2).request_id == "r-1"


@pytest.mark.parametrize(
    ("every", "pauses"),
    [
        ({"read_back_every": 8.0}, [0.5, 1.0, 2.0, 4.0, 8.0, 4.5]),
        ({}, [0.3125, 0.625, 1.25, 2.5, 5.0, 5.0, 5.0, 0.3125]),
    ],
    ids=["every 8 s", "by itself"],
)
def test_it_looks_soon_at_first_and_never_after_its_time(
    cloud_manager: LocalCloudManager, clock: Clock, every: dict[str, float], pauses: list[float]
) -> None:
    cloud_manager.looks = [WAITING]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    clock.sleep = sleep  # type: ignore[method-assign]
    ids, calls = (PROGRAM, PIPELINE, EXECUTION), {"claim": nothing, "before_send": nothing}
    act_once(CloudManagerHook(), *ids, Verb.APPROVE, **calls, read_back_for=20.0, **every)  # type: ignore[arg-type]
    assert slept == pauses


def test_it_looks_no_more_once_a_decision_is_seen(cloud_manager: LocalCloudManager, clock: Clock) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, APPROVED, Reply(202))
    begun = clock.now
    act()
    assert clock.now - begun < 0.1


def test_a_network_that_is_gone_while_reading_back_hides_nothing_and_breaks_nothing(
    cloud_manager: LocalCloudManager,
) -> None:
    cloud_manager.looks = [WAITING]
    hook = CloudManagerHook()
    sent: list[Any] = []

    def read(*ids: str) -> Execution:
        if sent:
            raise OSError("Network is unreachable")
        return CloudManagerHook.get_execution(hook, *ids)

    hook.get_execution = read  # type: ignore[method-assign]
    hook.advance = lambda step, body: sent.append(body)  # type: ignore[method-assign, assignment, return-value]
    outcome = act_once(
        hook, PROGRAM, PIPELINE, EXECUTION, "approve", claim=nothing, before_send=nothing, read_back_for=1
    )
    assert (outcome.kind, outcome.status_seen, sent) == (ActKind.UNRESOLVED, "", [{"approved": True}])
    assert "The step could not be read back." in outcome.sentence


@pytest.mark.parametrize(("verb", "after"), [(Verb.APPROVE, REJECTED), (Verb.REJECT, APPROVED)])
@pytest.mark.parametrize("reply", [Reply(202), Reply(cut=True)])
def test_a_step_that_went_the_other_way_is_no_success(
    cloud_manager: LocalCloudManager, verb: Verb, after: Json, reply: Reply
) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, after, reply)
    assert act(verb).kind is ActKind.UNRESOLVED


def without_approval(at: str, step: str, status: str, **changed: str) -> Json:
    return execution_json(at, step, status, without=("schedule", "approval"), changes=changed)


def _deploying(status: str, **changed: str | None) -> Json:
    """A rejected approval, and this deployment to production with these fields; ``None`` takes one out."""
    document = execution_json("approval", "CANCELLED", "CANCELLED", changes={"deploy:prod": status})
    [step] = [
        each
        for each in document["_embedded"]["stepStates"]
        if each.get("environmentType") == "prod" and each["action"] == "deploy"
    ]
    for name, value in changed.items():
        step.pop(name, None)
        step |= {} if value is None else {name: value}
    return document


def cancelled_unbegun() -> Json:
    return _deploying("CANCELLED", startedAt=None)


WENT_LIVE = {
    "production is deployed": without_approval("deploy:prod", "FINISHED", "FINISHED"),
    "production is being deployed": without_approval("deploy:prod", "RUNNING", "RUNNING"),
    "production was deployed in part": without_approval("deploy:prod", "FAILED", "FAILED"),
    "production is in an unknown status": without_approval("deploy:prod", "PONDERING", "CANCELLED"),
    "it ended well": without_approval("deploy:prod", "NOT_STARTED", "FINISHED"),
    "a deployment was cancelled after it began": _deploying("CANCELLED"),
    "a deployment runs that shows no beginning": _deploying("RUNNING", startedAt=None),
    "a deployment runs and does not say where": _deploying("RUNNING", environmentType=None),
    "a cancelled approval": execution_json("deploy:prod", "RUNNING", changes={"approval": "CANCELLED"}),
}


@pytest.mark.parametrize("name", WENT_LIVE)
@pytest.mark.parametrize("reply", [Reply(202), Reply(cut=True)])
def test_a_rejection_after_which_production_goes_on_is_no_success(
    cloud_manager: LocalCloudManager, name: str, reply: Reply
) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, WENT_LIVE[name], reply)
    assert act(Verb.REJECT, read_back_for=0.2).kind is ActKind.UNRESOLVED


@pytest.mark.parametrize(
    "after",
    [
        without_approval("deploy:prod", "NOT_STARTED", "CANCELLED"),
        execution_json("approval", "FINISHED", "CANCELLED"),
        cancelled_unbegun(),
    ],
    ids=["no approval step", "the approval is finished", "the deployment is cancelled unbegun"],
)
def test_a_rejection_may_show_as_any_end_before_production(
    cloud_manager: LocalCloudManager, after: Json
) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, after, Reply(202))
    assert act(Verb.REJECT, read_back_for=0.2).kind is ActKind.ACKNOWLEDGED


def test_an_unknown_status_after_the_put_is_no_success(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING]
    applied(cloud_manager, execution_json("approval", "PONDERING"), Reply(202))
    outcome = act(read_back_for=0.2)
    assert (outcome.kind, outcome.status_seen) == (ActKind.UNRESOLVED, "PONDERING")


def test_failed_reads_while_reading_back_do_not_hide_what_comes_after(
    cloud_manager: LocalCloudManager,
) -> None:
    cloud_manager.looks = [WAITING]

    def carry_out(verb: str, body: Json) -> Reply:
        cloud_manager.looks = [Reply(200, b"oops"), Reply(404), execution_json(id="1"), APPROVED]
        return Reply(202)

    cloud_manager.act = carry_out
    assert act().kind is ActKind.ACKNOWLEDGED


@pytest.mark.parametrize("foreign", ["id", "pipelineId", "programId"])
def test_another_execution_that_shows_the_decision_is_not_taken_for_the_pinned_one(
    cloud_manager: LocalCloudManager, foreign: str
) -> None:
    cloud_manager.looks = [WAITING]

    def carry_out(verb: str, body: Json) -> Reply:
        cloud_manager.looks = [APPROVED | {foreign: "1"}]
        return Reply(202)

    cloud_manager.act = carry_out
    outcome = act(read_back_for=0.2)
    assert (outcome.kind, outcome.status_seen) == (ActKind.UNRESOLVED, "")
    assert "The step could not be read back." in outcome.sentence


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
def test_a_definite_refusal_is_raised_and_not_sent_again(
    cloud_manager: LocalCloudManager, status: int
) -> None:
    cloud_manager.looks = [WAITING]
    cloud_manager.act = lambda verb, body: Reply(status, {"title": "no"})
    with pytest.raises(ActRefused):
        act()
    assert len(cloud_manager.acts) == 1


def test_what_was_claimed_before_is_not_sent(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING]

    def claimed(step: StepState) -> None:
        raise Claimed

    with pytest.raises(Claimed):
        act(claim=claimed)
    assert cloud_manager.acts == []


def test_the_last_check_sees_what_was_read_after_the_claim_and_may_refuse(
    cloud_manager: LocalCloudManager,
) -> None:
    order: list[str] = []
    cloud_manager.looks = [WAITING, WAITING | {"updatedAt": "2026-11-03T00:00:00.000+0000"}]

    def refuse(execution: Execution, step: StepState) -> None:
        assert execution.updated_at is not None
        order.append(f"checked {step.action}")
        raise PermissionError("the seal is broken")

    with pytest.raises(PermissionError):
        act(claim=lambda step: order.append(f"claimed {step.path}"), before_send=refuse)
    assert order == [f"claimed {PATH}", "checked approval"]
    assert cloud_manager.acts == []


@pytest.mark.parametrize("after", [APPROVED, REJECTED, execution_json("approval", "WAITING", "CANCELLED")])
def test_what_changes_between_claim_and_request_is_not_acted_on(
    cloud_manager: LocalCloudManager, after: Json
) -> None:
    cloud_manager.looks = [WAITING, after]
    with pytest.raises(NotActionable):
        act()
    assert cloud_manager.acts == []


def test_another_waiting_step_after_the_claim_is_not_acted_on(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING, _changed(stepId="77")]
    with pytest.raises(NotActionable, match="is another step than the one that was claimed"):
        act()
    assert cloud_manager.acts == []


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("name", [name for name in NAMES if name != "approval"])
def test_no_other_waiting_step_is_ever_acted_on(
    cloud_manager: LocalCloudManager, verb: Verb, name: str
) -> None:
    """Promise 4: no metric is overridden, nothing scheduled, resumed, promoted or cancelled."""
    cloud_manager.looks = [execution_json(name, "WAITING", without=())]
    with pytest.raises(NotActionable):
        act(verb)
    assert cloud_manager.acts == []


@pytest.mark.parametrize(
    "status", [*(s for s in StepStatus if s != "WAITING"), "SOMETHING_NEW", "waiting", ""]
)
def test_an_approval_in_any_other_status_is_not_acted_on(
    cloud_manager: LocalCloudManager, status: str
) -> None:
    cloud_manager.looks = [_changed(status=status)]
    with pytest.raises(NotActionable):
        act()
    assert cloud_manager.acts == []


def _links(target: str) -> Json:
    rel = "http://ns.adobe.com/adobecloud/rel/pipeline/"
    return {f"{rel}advance": {"href": target}, f"{rel}cancel": {"href": target.replace("advance", "cancel")}}


def _changed(**changes: Any) -> Json:
    """A waiting approval with some fields changed."""
    document = execution_json("approval", "WAITING")
    for step in document["_embedded"]["stepStates"]:
        if step["action"] == "approval":
            step.update(changes)
    return document


BASE = f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/{EXECUTION}"
FOREIGN = {
    "an approval of stage": _changed(environmentType="stage"),
    "an approval without an environment": _changed(environmentType=None),
    "no link": _changed(_links={}),
    "a link of another execution": _changed(_links=_links(PATH.replace(EXECUTION, "1") + "/advance")),
    "a link of another pipeline": _changed(_links=_links(PATH.replace(PIPELINE, "1") + "/advance")),
    "a link that climbs": _changed(_links=_links(f"{BASE}/phase/2/step/../../../../execution/1/advance")),
    "an escaped link": _changed(_links=_links(f"{BASE}/phase/2/step/9%2F..%2F8/advance")),
    "a link with a query": _changed(_links=_links(f"{PATH}/advance?override=true")),
    "a link to something else": _changed(_links=_links(f"{PATH}/reExecute")),
    "a link to another host": _changed(_links=_links("https://example.com/advance")),
    "a step of another execution": _changed(executionId="1"),
    "another execution": execution_json("approval", "WAITING", id="1"),
    "another pipeline's execution": WAITING | {"pipelineId": "1"},
    "another program's execution": WAITING | {"programId": "1"},
    "an execution that ended": execution_json("approval", "WAITING", "CANCELLED"),
    "no steps": WAITING | {"_embedded": {}},
    "two approvals": WAITING
    | {
        "_embedded": {
            "stepStates": WAITING["_embedded"]["stepStates"] + [_changed()["_embedded"]["stepStates"][9]]
        }
    },
}
NOT_ITS_OWN = r"The link to (approve|reject) .* does not belong to execution .*; nothing was sent\."
SAID = dict.fromkeys(FOREIGN, NOT_ITS_OWN) | {
    "an approval of stage": "has not reached its approval for production",
    "an approval without an environment": "No single approval for production waits in .* .no environmentType.",
    "no link": "no link to (approve|reject) .*; does the credential have the permission Production Deployments",
    "another execution": "asked for execution .* and answered 1",
    "another pipeline's execution": "answered with execution .* of pipeline 1 ",
    "another program's execution": "answered with execution .* in program 1 ",
    "an execution that ended": "ended CANCELLED",
    "no steps": "has not reached its approval for production",
    "two approvals": "No single approval for production waits in .*: 2 approvals wait",
}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_the_pinned_executions_waiting_approval_is_not_acted_on(
    cloud_manager: LocalCloudManager, name: str, verb: Verb
) -> None:
    cloud_manager.looks = [FOREIGN[name]]
    with pytest.raises((NotActionable, UnexpectedAnswer), match=SAID[name]):
        act(verb, claim=lambda step: pytest.fail("claimed"))
    assert cloud_manager.acts == []


def test_an_answer_that_cannot_be_read_sends_nothing(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [Reply(200, b"oops")]
    with pytest.raises(UnexpectedAnswer):
        act()
    assert cloud_manager.acts == []


@pytest.mark.parametrize("refusal", [NotSent, ActRefused, CredentialError, ForeignLink])
def test_a_hook_that_sends_nothing_says_so(
    cloud_manager: LocalCloudManager, refusal: type[CloudManagerError]
) -> None:
    cloud_manager.looks = [WAITING]
    hook = CloudManagerHook()

    def advance(step: StepState, body: object) -> None:
        raise refusal("Could not connect.")

    hook.advance = advance  # type: ignore[method-assign, assignment]
    with pytest.raises(refusal):
        act_once(
            hook, PROGRAM, PIPELINE, EXECUTION, "approve", claim=nothing, before_send=nothing, read_back_for=1
        )


def test_a_defect_while_sending_counts_as_sent(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING]
    hook = CloudManagerHook()

    def advance(step: StepState, body: object) -> None:
        cloud_manager.looks = [APPROVED]
        raise RuntimeError("a defect")

    hook.advance = advance  # type: ignore[method-assign, assignment]
    outcome = act_once(
        hook, PROGRAM, PIPELINE, EXECUTION, "approve", claim=nothing, before_send=nothing, read_back_for=1
    )
    assert (outcome.kind, outcome.request_id) == (ActKind.UNKNOWN_BUT_SEEN, None)


def test_an_unknown_verb_sends_nothing(cloud_manager: LocalCloudManager) -> None:
    with pytest.raises(ValueError, match="override"):
        act("override")  # type: ignore[arg-type]
    assert cloud_manager.requests == []


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_only_one_module_of_the_package_acts_and_it_knows_two_bodies() -> None:
    """Promise 4, in the source: who calls ``hook.advance`` or ``hook.cancel``, and with what."""
    bodies: list[tuple[str, str]] = []
    folder = Path(str(adobe_cloud_manager.__file__)).parent
    for file in folder.rglob("*.py"):
        for call in _calls(ast.parse(file.read_text())):
            assert isinstance(call.func, ast.Attribute)
            owner = call.func.value
            if call.func.attr in ("advance", "cancel") and isinstance(owner, ast.Name) and "hook" in owner.id:
                bodies.append((file.name, ast.unparse(call.args[1])))
    assert sorted(bodies) == [("golive.py", "{'approved': False}"), ("golive.py", "{'approved': True}")]


def test_no_code_of_the_package_can_spell_a_body_that_overrides_schedules_or_resumes() -> None:
    folder = Path(str(adobe_cloud_manager.__file__)).parent
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert not keys & {"override", "metrics", "resume", "start", "cancel"}, file
            if isinstance(node, ast.Constant):
                assert node.value not in ("IMMEDIATE", "SCHEDULED"), file


def test_the_claim_is_made_before_the_last_reading(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [WAITING]
    read_before: list[int] = []
    act(claim=lambda step: read_before.append(cloud_manager.count(EXECUTION)), read_back_for=0)
    assert read_before == [1]
    assert cloud_manager.count(EXECUTION) == 3
