"""Does a test of a team's own keep its distance from what can decide? Never beside the key or the deciding credential.

Its operator runs in the process of its task, so that what a connection holds there is in its hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stage_gate.rules.decision import Mode
from stage_gate.rules.not_run import nothing_seen
from stage_gate.rules.plan import OWN_TESTS

if TYPE_CHECKING:
    from aem_checks.outcomes import CheckResult
    from stage_gate.acting.run import GateRun
    from stage_gate.rules.own_tests import OwnTest


def refusal(run: GateRun, test: OwnTest) -> CheckResult | None:
    """The result of a test that must not run here, ``None`` for one that may; asked before any of its code starts."""
    if run.gate.mode is not Mode.GUARD or _is_accepted(test):
        return None
    found = list(_in_reach(run))
    return _not_run(test, found) if found else None


def _is_accepted(test: OwnTest) -> bool:
    from stage_gate.configuration.settings import demands

    return test.unisolated and not demands().isolation


def _in_reach(run: GateRun) -> Iterator[str]:
    """What of that which decides this worker can open."""
    if run.evidence.keys.can_sign:
        yield "the signing key"
    for name in dict.fromkeys(run.gate.pipeline.acting):
        if _opens(name):
            yield f"connection {name}, which can decide"


def _opens(name: str) -> bool:
    """Also where nobody can tell."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return False
    except Exception:  # noqa: BLE001 - whatever a secrets backend raises, it did not say that there is none
        return True
    return True


def _not_run(test: OwnTest, found: list[str]) -> CheckResult:
    now = datetime.now(UTC)
    sentence = (
        f"{test.key} was not run: in guard mode a team's code runs away from what can decide, and this worker can open "
        f"{' and '.join(found)}. To do: give the tasks that decide a queue and a worker of their own, with these "
        "connections in its environment alone (docs/deployment.md), or write isolation='accepted' where the test is "
        "declared."
    )
    return nothing_seen(OWN_TESTS, "not_isolated", test.name, [sentence]).as_result(
        test.severity,
        capped=True,
        key=test.key,
        kind=OWN_TESTS,
        site=test.site,
        target="stage",
        started_at=now,
        finished_at=now,
    )
