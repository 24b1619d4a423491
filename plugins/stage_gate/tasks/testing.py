"""How does one check run in a task, and where does its result go? Into the evidence and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from aem_checks.access import Access, AccessError
    from aem_checks.baseline import Baseline
    from aem_checks.browser.seat import Seat
    from aem_checks.client import Client
    from aem_checks.config import ConfiguredCheck
    from aem_checks.means import Means
    from aem_checks.outcomes import CheckResult, Finding
    from aem_checks.recording import Recording
    from aem_checks.sites import Target
    from stage_gate.acting.run import GateRun
    from stage_gate.rules.candidate import Candidate
    from stage_gate.tasks.keeping import Keeper

MadeT = TypeVar("MadeT")


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
        self._lock = threading.RLock()

    def once(self, name: Hashable, make: Callable[[], MadeT]) -> MadeT:
        """What ``make`` gives, made by whoever comes first. Raises what it raises."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]  # type: ignore[no-any-return]


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
    from stage_gate.observing.isolation import refusal

    result = refusal(run.gate, check) or await _Site(run, check, folder, seat, beside or Beside()).test()
    keep(result)
    return result


@dataclass(frozen=True)
class _Site:
    """The site of one check, on its target."""

    run: GateRun
    check: ConfiguredCheck
    folder: Path
    seat: Seat | None
    beside: Beside

    async def test(self) -> CheckResult:
        """What comes of the check, with evidence as it is named from ``folder`` on."""
        from aem_checks.access import AccessError
        from aem_checks.runner import run_check
        from stage_gate.evidence.baseline import not_compared
        from stage_gate.evidence.files import EvidenceError

        try:
            baseline = self._baseline()
        except EvidenceError as error:
            return not_compared(self.check, error)
        try:
            access, opened = self._open()
        except AccessError as error:
            return self._not_opened(error)
        async with opened as client:
            means = self._means(client, access, baseline)
            result = await run_check(
                self.check.create(), means, key=self.check.key, may_rerun=self._may_rerun
            )
        found = tuple(_in_attempt(finding, self.check.site) for finding in result.findings)
        return result.model_copy(update={"findings": found})

    def _baseline(self) -> Baseline | None:
        """Raises ``EvidenceError``."""
        from stage_gate.evidence.baseline import baseline_for

        evidence = self.run.evidence
        name = ("baseline", self.check.site, self.check.target)
        return self.beside.once(name, lambda: baseline_for(evidence, self._attempt(), self.check))

    def _attempt(self) -> int:
        return self.beside.once("attempt", self.run.evidence.attempts)

    def _candidate(self) -> Candidate | None:
        attempt = self._attempt()
        return self.run.evidence.read_candidate(attempt) if attempt else None

    def _open(self) -> tuple[Access, Client]:
        """What opens the target, and a client for all of the site. Raises ``AccessError``."""
        from aem_checks.access import NO_ACCESS
        from aem_checks.client import Client

        site, resolver = self.run.gate.site(self.check.site), partial(open_access, self.run)
        name = site.endpoint(self.check.target).access
        return resolver(name) if name else NO_ACCESS, Client.for_site(site, resolver)

    def _not_opened(self, error: AccessError) -> CheckResult:
        from stage_gate.rules.not_run import not_run

        why = f"{self.check.key} was not run: {error}. To do: give the site a connection of its own, or correct this one."
        return not_run(self.check, "no_connection", self.check.site, [why])

    def _means(self, client: Client, access: Access, baseline: Baseline | None) -> Means:
        from aem_checks.means import Means
        from stage_gate.observing.facts import facts_for

        evidence = site_folder(self.folder, self.check.site)
        return Means(
            site=self.run.gate.site(self.check.site),
            target=self.check.target,
            client=client,
            recording=self._recording(evidence / "recording"),
            evidence=evidence,
            access=access,
            resolver=partial(open_access, self.run),
            facts=facts_for(self.run, self.check, self.beside.once("candidate", self._candidate)),
            baseline=baseline,
            seat=self.seat,
            begin=self.beside.walk.of(self.check.key),
        )

    def _recording(self, folder: Path) -> Recording | None:
        return self.beside.once(folder, lambda: _recording_in(folder))

    def _may_rerun(self) -> bool:
        from stage_gate.evidence.claims import take_rerun

        return take_rerun(self.folder, self.run.gate.policy.flakes.reruns, self.check.key)


def _recording_in(folder: Path) -> Recording | None:
    """The recording, its files read once; ``None`` where there is no such folder."""
    from aem_checks.folders import Remembering
    from aem_checks.recording import INDEX, Recording

    remembered = Remembering(folder)
    try:
        (remembered / INDEX).read_bytes()
    except FileNotFoundError:
        if not folder.exists():
            return None
    return Recording.load(remembered)


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
