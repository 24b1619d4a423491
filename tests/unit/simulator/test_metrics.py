"""Do the steps have the metrics that the scenario wants, in Adobe's shape?"""

from __future__ import annotations

from typing import Any

import pytest

from simulator import Simulator
from unit.simulator.caller import LONG, REL, Caller, slow_scenario, step_of


def answer(action: str, plan: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    """Status and metrics by KPI of a step, once everything before the approval is over."""
    with Simulator.start(slow_scenario(steps={action: plan})) as sim:
        caller, execution_id = Caller(sim), sim.start_execution()
        sim.skip(20 * LONG)
        step = step_of(caller.execution(execution_id), action)
        response = caller.get(step["_links"][f"{REL}pipeline/metrics"]["href"])
    metrics = response.json().get("metrics", [])
    return response.status_code, {metric["kpi"]: metric for metric in metrics}


def test_a_metric_is_as_the_scenario_says_and_the_others_are_as_usual() -> None:
    plan = {"seconds": 1, "metrics": {"coverage": {"actual": "42.1", "passed": False, "override": True}}}
    status, metrics = answer("codeQuality", plan)
    assert status == 200
    coverage = metrics["coverage"]
    assert (coverage["actualValue"], coverage["expectedValue"]) == ("42.1", "50")
    assert (coverage["passed"], coverage["override"], coverage["severity"]) == (False, True, "important")
    assert metrics["sqale_rating"]["passed"] is True


def test_a_metric_that_is_new_is_added() -> None:
    _, metrics = answer("codeQuality", {"seconds": 1, "metrics": {"duplicated_lines_density": 7}})
    assert metrics["duplicated_lines_density"]["actualValue"] == "7"


def test_the_experience_audit_has_the_scores_of_adobes_fixture() -> None:
    _, metrics = answer("contentAudit", {"seconds": 1, "metrics": {"seo": 41}})
    assert set(metrics) == {"performance", "seo", "pwa", "accessibility", "best-practices"}
    assert metrics["seo"]["actualValue"] == "41"


@pytest.mark.parametrize(("how", "status"), [("empty", 200), ("missing", 404)])
@pytest.mark.parametrize("action", ["codeQuality", "contentAudit"])
def test_a_step_can_be_without_metrics(action: str, how: str, status: int) -> None:
    assert answer(action, {"seconds": 1, "no_metrics": how}) == (status, {})
