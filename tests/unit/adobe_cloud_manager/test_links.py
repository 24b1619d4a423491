"""Does the button on a task lead to its execution in Cloud Manager's UI, and nowhere else?"""

from __future__ import annotations

from typing import Any

import pytest

from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.operators.approval import ApproveGoLiveOperator
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.sensors.milestones import StageDeploymentSensor


def link_of(execution_id: Any) -> str:
    task = StageDeploymentSensor(task_id="wait", program_id="1", pipeline_id="2", execution_id=execution_id)
    key: Any = None
    return CloudManagerExecutionLink().get_link(task, ti_key=key)


def test_the_link_leads_to_the_page_of_the_execution() -> None:
    page = (
        "https://experience.adobe.com/#/cloud-manager/pipelineexecution.html/program/1/pipeline/2/execution/3"
    )
    assert link_of("3") == page


@pytest.mark.parametrize("execution_id", [None, "", "{{ a_template }}", "3/../4", "javascript:alert(1)"])
def test_without_an_id_there_is_no_link(execution_id: Any) -> None:
    assert link_of(execution_id) == ""


def test_the_tenant_may_be_named_and_is_escaped() -> None:
    pinned = PinnedExecution("1", "2", "3")
    assert pinned.ui_link("acme").startswith("https://experience.adobe.com/#/@acme/cloud-manager/")
    assert "/@a%2Fb/" in pinned.ui_link("a/b")


def test_sensors_and_operators_have_the_button() -> None:
    for kind in (StageDeploymentSensor, ApproveGoLiveOperator):
        assert [type(link) for link in kind.operator_extra_links] == [CloudManagerExecutionLink]
