"""What is monitoring told of releases? Counts and times through Airflow's own metrics, wherever these go."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stage_gate.evidence.ledger import LedgerCheck
    from stage_gate.evidence.seal import Sealed
    from stage_gate.telling.release import Release

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """One name under which something is counted or timed."""

    name: str
    kind: str
    """``counter`` or ``timer``."""
    tags: tuple[str, ...]
    """Besides ``gate``. An execution is no tag, since there is a new one with each release: logs name it."""
    meaning: str


VERDICTS = Metric("stage_gate.verdicts", "counter", ("outcome",), "attempts that were judged and sealed")
TO_VERDICT = Metric(
    "stage_gate.stage_to_verdict",
    "timer",
    ("outcome",),
    "from the end of the stage deployment to the seal of the first attempt",
)
CHECKS = Metric("stage_gate.checks", "counter", ("check", "outcome"), "results of checks that were sealed")
RERUNS = Metric("stage_gate.check_reruns", "counter", ("check",), "re-runs of a check within its attempt")
FLAKES = Metric("stage_gate.check_flakes", "counter", ("check",), "checks that passed only on a re-run")
DECISIONS = Metric(
    "stage_gate.decisions", "counter", ("decision",), "runs that ended with this decision, none with ``none``"
)
TO_DECISION = Metric(
    "stage_gate.stage_to_decision",
    "timer",
    ("decision",),
    "from the end of the stage deployment to the decision",
)
WAITED = Metric(
    "stage_gate.verdict_to_decision",
    "timer",
    ("decision",),
    "from the newest seal to the decision: what a release waited for windows, people and Cloud Manager",
)
METRICS = (VERDICTS, TO_VERDICT, CHECKS, RERUNS, FLAKES, DECISIONS, TO_DECISION, WAITED)

Told = tuple[Metric, "int | timedelta", Mapping[str, str]]
"""A metric, how many or how long, and its tags besides ``gate``."""


def of_verdict(sealed: Sealed) -> Iterator[Told]:
    """What a sealed attempt tells."""
    from stage_gate.evidence.ledger import entry_of

    tags = {"outcome": str(sealed.verdict.outcome)}
    yield VERDICTS, 1, tags
    deployed_at = sealed.candidate.stage_deployed_at
    if deployed_at is not None and sealed.attempt == 1:
        yield TO_VERDICT, sealed.sealed_at - deployed_at, tags
    for check in entry_of(sealed, {}).checks:
        yield from _of_check(check)


def _of_check(check: LedgerCheck) -> Iterator[Told]:
    yield CHECKS, 1, {"check": check.key, "outcome": str(check.outcome)}
    if check.runs > 1:
        yield RERUNS, check.runs - 1, {"check": check.key}
    if check.flaky:
        yield FLAKES, 1, {"check": check.key}


def of_end(release: Release) -> Iterator[Told]:
    """What the end of a run tells."""
    record, sealed = release.decision, release.sealed
    if record is None:
        yield DECISIONS, 1, {"decision": "none"}
        return
    tags = {"decision": str(record.decision)}
    yield DECISIONS, 1, tags
    if sealed is None:
        return
    if sealed.candidate.stage_deployed_at is not None:
        yield TO_DECISION, record.at - sealed.candidate.stage_deployed_at, tags
    if record.at >= sealed.sealed_at:
        yield WAITED, record.at - sealed.sealed_at, tags


def tell(gate: str, told: Iterator[Told]) -> None:
    """Hand them to Airflow. Never raises: a release does not depend on who watches it."""
    try:
        from airflow.sdk.observability import stats

        for metric, value, tags in told:
            named = {"gate": gate, **tags}
            if isinstance(value, timedelta):
                stats.timing(metric.name, value, tags=named)
            else:
                stats.incr(metric.name, value, tags=named)
    except Exception as error:  # noqa: BLE001 - whatever a backend of metrics raises
        log.warning("Metrics of this release are lost: %s: %s", type(error).__name__, error)
