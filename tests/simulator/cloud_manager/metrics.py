"""Which metrics does a step have? Those of Adobe's fixtures, changed as the scenario says; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.execution import Step
from simulator.scenario import MetricPlan

WITH_METRICS = ("codeQuality", "contentAudit")


def metrics(step: Step) -> dict[str, Any] | None:
    """The answer to a question for a step's metrics; `{}` for steps without any, None for a 404."""
    plan, action = step.blueprint.plan, step.blueprint.action
    if plan.no_metrics == "missing":
        return None
    if step.status == "RUNNING" or action not in WITH_METRICS or plan.no_metrics == "empty":
        return {}
    usual = _audit() if action == "contentAudit" else _code_quality(step)
    names = {metric["kpi"] for metric in usual}
    listed = [_changed(metric, plan.metrics.get(metric["kpi"])) for metric in usual]
    fresh = [_metric(20 + n, kpi, "important", "0", "0") for n, kpi in enumerate(plan.metrics.keys() - names)]
    added = [_changed(metric, plan.metrics[metric["kpi"]]) for metric in fresh]
    return {"metrics": [*listed, *added]}


def _audit() -> list[dict[str, Any]]:
    scores = {"performance": "82", "seo": "82", "pwa": "63", "accessibility": "86", "best-practices": "100"}
    return [
        _metric(n, kpi, "informational", score, "80", passed=float(score) >= 80)
        for n, (kpi, score) in enumerate(scores.items())
    ]


def _code_quality(step: Step) -> list[dict[str, Any]]:
    failed, overridden = step.blueprint.plan.outcome == "failed", step.status == "FINISHED"
    return [
        _metric(0, "coverage", "important", "63.4", "50", failing=step.failing, overridden=overridden),
        _metric(1, "sqale_rating", "important", "A", "A", failing=step.failing, overridden=overridden),
        _metric(2, "security_rating", "critical", "E" if failed else "A", "B", passed=not failed),
        _metric(3, "open_issues", "informational", "3", "0", passed=False),
    ]


def _changed(metric: dict[str, Any], plan: MetricPlan | None) -> dict[str, Any]:
    if plan is None:
        return metric
    given: Mapping[str, Any] = {
        "actualValue": plan.actual,
        "expectedValue": plan.expected,
        "passed": plan.passed,
        "override": plan.override,
        "severity": plan.severity,
    }
    return {**metric, **{key: value for key, value in given.items() if value is not None}}


def _metric(
    number: int,
    kpi: str,
    severity: str,
    actual: str,
    expected: str,
    *,
    passed: bool = True,
    failing: frozenset[str] = frozenset(),
    overridden: bool = False,
) -> dict[str, Any]:
    failed = kpi in failing or not passed
    return {
        "id": str(69548 + number),
        "severity": severity,
        "passed": not failed,
        "override": failed and overridden and severity == "important",
        "actualValue": _worse(actual) if kpi in failing else actual,
        "expectedValue": expected,
        "comparator": "GTE",
        "kpi": kpi,
    }


def _worse(value: str) -> str:
    return "D" if value.isalpha() else "42.1"
