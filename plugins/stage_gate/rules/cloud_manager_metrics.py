"""What do the metrics of one of Cloud Manager's steps amount to: its own judgement, and a gate's limits? Pure.

Metrics, their severities and comparators: ``Metric`` in ``swagger-specs/api.yaml`` and
``understanding-metric-data.md`` in github.com/AdobeDocs/cloudmanager-api-docs. Values are strings there, letters A
(best) to E for ratings, and a metric may come twice with different severities.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adobe_cloud_manager.resources import Metric
from aem_checks.outcomes import Cause, Finding, Outcome, Severity

RATINGS = "ABCDE"
_NAMES = {
    "security_rating": "Security rating",
    "reliability_rating": "Reliability rating",
    "sqale_rating": "Maintainability rating",
    "coverage": "Coverage",
    "skipped_tests": "Number of skipped tests",
    "open_issues": "Number of open issues",
    "duplicated_lines_density": "Share of duplicated lines",
    "performance": "Performance score",
    "accessibility": "Accessibility score",
    "best-practices": "Best practices score",
    "seo": "SEO score",
}
_COMPARATORS = {
    "GT": "more than",
    "GTE": "at least",
    "LT": "less than",
    "LTE": "at most",
    "EQ": "exactly",
    "NEQ": "anything but",
}
_INFORMATIONAL = "informational"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a gate wants of one metric: a number, or a rating from A to E."""

    value: float | str
    at_least: bool = True
    """Whether more is better; a rating is always "this or better"."""

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return f"{self.value} or better"
        return f"{'at least' if self.at_least else 'at most'} {self.value:g}"

    def is_kept_by(self, actual: str) -> bool | None:
        """Whether the value keeps to it; ``None`` where the value can't be read."""
        if isinstance(self.value, str):
            rating = actual.strip().upper()
            known = len(rating) == 1 and rating in RATINGS
            return RATINGS.index(rating) <= RATINGS.index(self.value) if known else None
        number = _number(actual)
        if number is None:
            return None
        return number >= self.value if self.at_least else number <= self.value


def own_limits(metrics: Sequence[Metric], limits: Mapping[str, Limit], link: str) -> list[Finding]:
    """Where the metrics miss the gate's own limits; a metric that is absent or unreadable is no answer."""
    return [finding for kpi, limit in limits.items() for finding in _against(metrics, kpi, limit, link)]


def adobes_judgement(
    metrics: Iterable[Metric], link: str, *, accept_overridden: bool, informational_counts: bool = False
) -> list[Finding]:
    """What Cloud Manager itself says did not pass.

    An unknown severity counts like an important one. What is only informational, or was overridden where that is
    accepted, becomes a note that changes nothing.
    """
    return [
        _failed(metric, link, accept_overridden=accept_overridden, informational_counts=informational_counts)
        for metric in metrics
        if not metric.passed
    ]


def _against(metrics: Sequence[Metric], kpi: str, limit: Limit, link: str) -> list[Finding]:
    values = list(dict.fromkeys(metric.actual_value for metric in metrics if metric.kpi == kpi))
    found = [_verdict(kpi, value, limit, link) for value in values]
    if not values:
        sentence = f"Cloud Manager gives no {_name(kpi)}, and the gate wants {limit}. {link}"
        found = [_finding("no_metric", kpi, sentence, Outcome.INCONCLUSIVE, expected=str(limit))]
    return [finding for finding in found if finding is not None]


def _verdict(kpi: str, actual: str, limit: Limit, link: str) -> Finding | None:
    kept = limit.is_kept_by(actual)
    if kept:
        return None
    if kept is None:
        sentence = f"{_name(kpi)} is {actual[:40]!r}, which can't be compared: the gate wants {limit}. {link}"
        unknown = Outcome.INCONCLUSIVE
        return _finding("unreadable", kpi, sentence, unknown, expected=str(limit), actual=actual)
    sentence = f"{_name(kpi)} is {actual}, and the gate wants {limit}. {link}"
    return _finding("limit", kpi, sentence, Outcome.FAILED, expected=str(limit), actual=actual)


def _failed(metric: Metric, link: str, *, accept_overridden: bool, informational_counts: bool) -> Finding:
    comparator = _COMPARATORS.get(metric.comparator, metric.comparator)
    expected = f"{comparator} {metric.expected_value}".strip() or "something else"
    overridden = "; a person overrode it" if metric.override else ""
    sentence = (
        f"{_name(metric.kpi)} is {metric.actual_value or 'without a value'}, and Cloud Manager expects {expected} "
        f"({metric.severity or 'no severity'}){overridden}. {link}"
    )
    only_informs = metric.severity == _INFORMATIONAL and not informational_counts
    note = only_informs or (metric.override and accept_overridden)
    outcome = Outcome.PASSED if note else Outcome.FAILED
    actual = metric.actual_value
    return _finding("metric", metric.kpi, sentence, outcome, expected=expected, actual=actual)


def _finding(
    code: str, kpi: str, sentence: str, outcome: Outcome, *, expected: str = "", actual: str = ""
) -> Finding:
    return Finding(
        code=code,
        subject=kpi or "a metric without a name",
        sentence=sentence.strip(),
        expected=expected,
        actual=actual,
        outcome=outcome,
        cause=Cause.CLOUD_MANAGER if outcome is Outcome.INCONCLUSIVE else Cause.PRODUCT,
        severity=Severity.WARN if outcome is Outcome.PASSED else None,
    )


def _name(kpi: str) -> str:
    return _NAMES.get(kpi, f"The metric {kpi or 'without a name'}")


def _number(text: str) -> float | None:
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
