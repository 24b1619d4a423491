"""Which executions are only reported, and when is it too early to say so?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from adobe_cloud_manager.models import Action, Execution
from stage_gate.tasks.pin import reason_to_report_only
from unit.adobe_cloud_manager.local_cloud_manager import execution


def early(found: Execution) -> Execution:
    """As Cloud Manager may show it before all its steps are listed."""
    return replace(found, steps=found.steps[:2])


def odd(found: Execution) -> Execution:
    """Its deployments don't say where they lead."""
    steps = (replace(s, environment_type=None) if s.action == Action.DEPLOY else s for s in found.steps)
    return replace(found, steps=tuple(steps))


@pytest.mark.parametrize("look", [early, odd])
@pytest.mark.parametrize("status", ["NOT_STARTED", "RUNNING", "CANCELLING", "A_NEW_ONE"])
def test_an_execution_that_goes_on_may_yet_show_its_stage_deployment(look: object, status: str) -> None:
    assert callable(look)
    with pytest.raises(AirflowException, match=f"is {status}.*no deployment to stage.*asks again") as again:
        reason_to_report_only(look(execution("build", status=status)))
    assert not isinstance(again.value, AirflowFailException), "a retry has to ask again"


@pytest.mark.parametrize("status", ["FINISHED", "CANCELLED", "ERROR", "FAILED"])
def test_an_execution_that_ended_without_a_stage_deployment_is_reported(status: str) -> None:
    assert "no stage deployment" in reason_to_report_only(early(execution("build", status=status)))


@pytest.mark.parametrize("trigger", ["PUSH_UPGRADES", "RE_EXECUTE"])
def test_what_is_no_release_is_reported_from_its_first_steps_on(trigger: str) -> None:
    assert trigger in reason_to_report_only(early(execution("build", trigger=trigger)))


def test_a_release_is_decided() -> None:
    assert reason_to_report_only(execution("build")) == ""
    assert reason_to_report_only(execution("approval", "WAITING")) == ""
    assert "nothing is left to decide" in reason_to_report_only(execution("deploy:prod"))
