"""Do the go-live operators refuse without a proof and a claim, and act once with them?"""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from adobe_cloud_manager.operators.approval import (
    ApproveGoLiveOperator,
    GoLiveOperator,
    RejectGoLiveOperator,
)
from unit.adobe_cloud_manager.local_cloud_manager import (
    EXECUTION,
    PIPELINE,
    PROGRAM,
    Json,
    LocalCloudManager,
    Reply,
    execution_json,
)

WAITING = execution_json("approval", "WAITING")


def nothing(*_: Any) -> None:
    """A proof or claim that raises nothing."""


def operator(kind: type[GoLiveOperator], **more: Any) -> GoLiveOperator:
    ids = {"program_id": PROGRAM, "pipeline_id": PIPELINE, "execution_id": EXECUTION}
    return kind(task_id="act", **{**ids, "read_back_for": 0.2, **more})


@pytest.mark.parametrize("kind", [ApproveGoLiveOperator, RejectGoLiveOperator])
@pytest.mark.parametrize(
    "given", [{}, {"authorise": nothing}, {"claim": nothing}], ids=["neither", "no claim", "no proof"]
)
def test_without_a_proof_and_a_claim_nothing_is_read_claimed_or_sent(
    cloud_manager: LocalCloudManager, kind: type[GoLiveOperator], given: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match="has no right to"):
        operator(kind, **given).execute({})
    assert cloud_manager.requests == []


@pytest.mark.parametrize(
    ("kind", "after", "body"),
    [
        (ApproveGoLiveOperator, execution_json("deploy:prod"), {"approved": True}),
        (RejectGoLiveOperator, execution_json("approval", "CANCELLED", "CANCELLED"), {"approved": False}),
    ],
)
def test_with_both_it_acts_once_and_returns_what_it_saw(
    cloud_manager: LocalCloudManager, kind: type[GoLiveOperator], after: Json, body: Json
) -> None:
    cloud_manager.looks = [WAITING, WAITING, after]
    result = operator(kind, authorise=nothing, claim=nothing).execute({})
    assert result["kind"] == "acknowledged"
    assert [sent for _, _, sent in cloud_manager.acts] == [body]


def test_a_subclass_supplies_proof_and_claim_and_a_refusal_sends_nothing(
    cloud_manager: LocalCloudManager,
) -> None:
    asked: list[str] = []

    class Guarded(ApproveGoLiveOperator):
        def claim(self, step: Any, context: Any) -> None:
            asked.append("claim")

        def authorise(self, execution: Any, step: Any, context: Any) -> None:
            asked.append("authorise")
            raise AirflowFailException("the verdict is not passed")

    cloud_manager.looks = [WAITING]
    with pytest.raises(AirflowFailException, match="the verdict is not passed"):
        operator(Guarded).execute({})
    assert asked == ["claim", "authorise"]
    assert cloud_manager.acts == []


def test_nothing_to_act_on_is_said_and_not_tried_again(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [execution_json("deploy:prod")]
    with pytest.raises(AirflowFailException, match=r"Nothing was sent to approve production.*was approved"):
        operator(ApproveGoLiveOperator, authorise=nothing, claim=nothing).execute({})


def test_an_effect_that_is_not_seen_fails_the_task_and_says_what_to_do(
    cloud_manager: LocalCloudManager,
) -> None:
    cloud_manager.looks = [WAITING]
    cloud_manager.act = lambda verb, body: Reply(cut=True)
    with pytest.raises(AirflowFailException, match="It is not sent again: look at https://experience"):
        operator(ApproveGoLiveOperator, authorise=nothing, claim=nothing).execute({})
    assert len(cloud_manager.acts) == 1


def test_ids_that_are_none_are_refused(cloud_manager: LocalCloudManager) -> None:
    with pytest.raises(AirflowFailException, match="nothing to approve"):
        operator(ApproveGoLiveOperator, authorise=nothing, claim=nothing, execution_id="None").execute({})
    assert cloud_manager.requests == []
