"""How does one check run in a task, and where does its result go? Into the evidence and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from aem_checks.access import Access
    from aem_checks.browser.seat import Seat
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult, Finding
    from aem_checks.sites import Target
    from stage_gate.acting.run import GateRun
    from stage_gate.tasks.keeping import Keeper


def folder_of(run: GateRun, target: Target) -> Path:
    """Where recording and files of a target's checks are kept."""
    if target == "stage":
        return run.evidence.attempt_folder(run.evidence.open_attempt())
    return run.evidence.folder / "production"


def require_deployed(run: GateRun, target: Target) -> None:
    """Raise ``AirflowFailException`` before production is deployed: its old build would be judged."""
    step = run.read_execution().production_deployment if target == "production" else None
    if target == "production" and (step is None or not step.is_finished):
        raise AirflowFailException(
            f"Production is not deployed ({step.status if step else 'no such step'}), so there is nothing to test there."
        )


class Beside:
    """What checks share that run together: recordings are read and verified once, and their pages looked at in lock-step."""

    def __init__(self, checks: Iterable[ConfiguredCheck] = ()) -> None:
        from aem_checks.reading import Walk

        self.walk = Walk(check.key for check in checks if check.reads_pages)
        self._made: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def once(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made by whoever comes first. Raises what it raises."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]


def test_stage(run: GateRun, check: ConfiguredCheck, keeper: Keeper) -> CheckResult:
    """Run a check on stage by itself; see ``visit_stage``."""
    return asyncio.run(visit_stage(run, check, keeper))


async def visit_stage(
    run: GateRun,
    check: ConfiguredCheck,
    keeper: Keeper,
    seat: Seat | None = None,
    beside: Beside | None = None,
) -> CheckResult:
    """Run a check on stage and keep its result, bound to the candidate of the attempt. Raises ``EvidenceError``."""
    folder = run.evidence.attempt_folder(keeper.attempt)
    keep = partial(keeper.keep, settings_digest=check.settings_digest)
    return await visit_site(run, check, folder, keep, seat, beside)


async def visit_site(
    run: GateRun,
    check: ConfiguredCheck,
    folder: Path,
    keep: Callable[[CheckResult], None],
    seat: Seat | None = None,
    beside: Beside | None = None,
) -> CheckResult:
    """Run one check on its site and target; ``keep`` has the result before anything late is waited for.

    ``seat``: where it asks for pages in a browser that others use, too.
    """
    from aem_checks.access import NO_ACCESS, AccessError
    from aem_checks.client import Client
    from aem_checks.means import Means
    from aem_checks.recording import Recording
    from aem_checks.runner import run_check
    from stage_gate.evidence.baseline import baseline_for, not_compared
    from stage_gate.evidence.claims import take_rerun
    from stage_gate.evidence.files import EvidenceError
    from stage_gate.observing.facts import facts_for
    from stage_gate.observing.isolation import refusal
    from stage_gate.rules.not_run import not_run

    def may_rerun() -> bool:
        return take_rerun(folder, run.gate.policy.flakes.reruns, check.key)

    if (refused := refusal(run.gate, check)) is not None:
        keep(refused)
        return refused
    beside, attempt = beside or Beside(), run.evidence.attempts()
    try:
        baseline = beside.once(("baseline", attempt), lambda: baseline_for(run.evidence, attempt, check))
    except EvidenceError as error:
        result = not_compared(check, error)
        keep(result)
        return result
    site = run.gate.site(check.site)
    endpoint = site.endpoint(check.target)
    evidence = site_folder(folder, site.name)
    recorded = evidence / "recording"
    resolver = partial(open_access, run)
    try:
        access = resolver(endpoint.access) if endpoint.access else NO_ACCESS
        opened = Client.for_site(site, resolver)
    except AccessError as error:
        why = f"{check.key} was not run: {error}. To do: give the site a connection of its own, or correct this one."
        result = not_run(check, "no_connection", site.name, [why])
        keep(result)
        return result
    async with opened as client:
        means = Means(
            site=site,
            target=check.target,
            client=client,
            recording=beside.once(recorded, lambda: Recording.load(recorded)) if recorded.exists() else None,
            evidence=evidence,
            access=access,
            resolver=resolver,
            facts=facts_for(run, check),
            baseline=baseline,
            seat=seat,
            begin=beside.walk.of(check.key),
        )
        result = await run_check(check.create(), means, key=check.key, may_rerun=may_rerun)
    found = [_in_attempt(finding, site.name) for finding in result.findings]
    result = result.model_copy(update={"findings": tuple(found)})
    keep(result)
    return result


def open_access(run: GateRun, name: str) -> Access:
    """What is in a connection; what may be opened is read only where something is."""
    return run.site_access(name)


def site_folder(folder: Path, site: str) -> Path:
    """What belongs to one site: its recording and the files of its checks."""
    return folder / "sites" / site


def _in_attempt(finding: Finding, site: str) -> Finding:
    """A finding whose evidence is named from the attempt's folder on, not from the site's."""
    if not finding.evidence:
        return finding
    return finding.model_copy(update={"evidence": f"sites/{site}/{finding.evidence}"})
