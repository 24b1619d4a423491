"""Testing stage: settle, record the pages, run the checks. Each result goes into the evidence and nowhere else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from stage_gate.acting.wanting import Want, is_last_try, note, notes_want
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from airflow.sdk import Context

    from aem_checks.access import Access
    from aem_checks.baseline import Baseline
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult, Finding
    from aem_checks.sites import SiteConfig, Target
    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.gate import Gate
    from stage_gate.rules.surroundings import Fact, Surroundings
    from stage_gate.tasks.keeping import Keeper


SETTLED = "settled"
"""The kind of check that ``settle_stage`` runs by itself, before any other."""


class SettleStage(BaseOperator):
    """Complete the candidate, open an attempt and wait until stage answers steadily."""

    ui_color = "#e6f4ea"

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file

    @notes_want
    def execute(self, context: Context) -> None:
        from stage_gate.acting.run import GateRun
        from stage_gate.configuration.planning import plan_of
        from stage_gate.configuration.settings import demands
        from stage_gate.evidence.baseline import NONE_YET, with_baseline
        from stage_gate.observing.isolation import forecast
        from stage_gate.tasks.keeping import Keeper

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        candidate = run.read_candidate()
        stage = candidate.stage
        plan = plan_of(run.gate, run.pin, datetime.now(UTC), demands())
        self._wait_for_what_passes(stage, plan.accept_unread, context)
        plan = with_baseline(plan, candidate, run.evidence, run.reached_production)
        attempt = run.evidence.begin_attempt(plan, candidate)
        self.log.info(
            "Attempt %d tests %s on environment %s.", attempt, candidate, candidate.stage.environment_id
        )
        self.log.info("Compared with: %s.", plan.baseline or NONE_YET)
        for sentence in (
            *stage.never_told,
            *stage.goes_on,
            *(each.sentence for each in stage.unread),
            *plan.baseline_notes,
        ):
            self.log.warning("%s", sentence)
        for sentence in forecast(run.gate):
            self.log.warning("%s", sentence)
        for check in settling_checks(run.gate):
            say(self.log, test_stage(run, check, Keeper(context, run.evidence, attempt)))

    def _wait_for_what_passes(self, stage: Surroundings, accepted: Iterable[Fact], context: Context) -> None:
        """Raise ``AirflowException``, so that the next try looks again, while the tests could prove nothing.

        The last try tests all the same: its verdict says what was in the way.
        """
        passing = [each.sentence for each in stage.unread_but(accepted) if each.passing]
        if (passing or stage.goes_on) and not is_last_try(context):
            raise AirflowException(" ".join([*stage.goes_on, *passing, "Looking again in a moment."]))
        note(self.gate_file, context, Want.CLOUD_MANAGER if passing else None)


class RecordPages(BaseOperator):
    """Fetch the pages of every site once and keep them; the page checks judge this recording."""

    ui_color = "#e6f4ea"

    def __init__(self, *, gate_file: str, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file
        self.target = target

    @notes_want
    def execute(self, context: Context) -> None:
        from aem_checks.access import AccessError
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        require_deployed(run, self.target)
        folder = folder_of(run, self.target)
        for site in run.gate.sites:
            try:
                if self.target == "stage":
                    self._record_once(run, site, folder, context)
                elif site.production is not None:
                    asyncio.run(self._record(run, site, folder, None))
            except AccessError as error:
                raise AirflowFailException(f"{site.name} is not recorded: {log_line(error)}.") from None

    def _record_once(self, run: GateRun, site: SiteConfig, folder: Path, context: Context) -> None:
        """Record a site of stage, unless a try of this task has done so: it may have been judged by now."""
        from aem_checks.recording import INDEX
        from stage_gate.evidence.files import read
        from stage_gate.evidence.store import TEST_AGAIN
        from stage_gate.tasks.keeping import Keeper

        keeper = Keeper(context, run.evidence, run.evidence.open_attempt())
        name, index = f"recording of {site.name}", site_folder(folder, site.name) / "recording" / INDEX
        if index.exists() and keeper.owns(name, read(index)):
            self.log.warning(
                "The pages of %s were recorded by an earlier try, and that stands. %s", site.name, TEST_AGAIN
            )
            return
        asyncio.run(self._record(run, site, folder, self._baseline(run, site)))
        keeper.note(name, read(index))

    def _baseline(self, run: GateRun, site: SiteConfig) -> Baseline | None:
        """Whose choice of pages is preferred; a baseline that can't be believed any more stops the checks, not this."""
        from stage_gate.evidence.baseline import open_baseline
        from stage_gate.evidence.files import EvidenceError

        if site.coverage is None:
            return None
        try:
            opened = open_baseline(run.evidence, run.evidence.read_plan(run.evidence.open_attempt()))
            return opened.of_site(site.name) if opened else None
        except EvidenceError as error:
            self.log.warning("No earlier choice of pages is preferred: %s", error)
            return None

    async def _record(self, run: GateRun, site: SiteConfig, folder: Path, baseline: Baseline | None) -> None:
        from aem_checks.client import Client
        from aem_checks.coverage.recorded import record_site

        kept = site_folder(folder, site.name)
        async with Client.for_site(site, partial(_open, run)) as client:
            recording = await record_site(
                site, self.target, client, kept / "recording", evidence=kept, baseline=baseline
            )
        count = len(list(recording.responses))
        self.log.info(
            "Recorded %d responses for %d pages of %s (%s).",
            count,
            len(recording.pages),
            site.name,
            self.target,
        )


class RunCheck(BaseOperator):
    """Run one planned check. One that blocks, or whose findings do, fails its task; the verdict is not taken here."""

    def __init__(self, *, gate_file: str, key: str, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file
        self.key = key
        self.target = target

    @notes_want
    def execute(self, context: Context) -> None:
        from aem_checks.outcomes import Outcome, Severity
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        check = next((each for each in run.gate.plan.checks if each.key == self.key), None)
        if check is None:
            raise AirflowFailException(
                f"{self.key} is not among the checks that were pinned when this run began."
            )
        result = self._run(run, check, context)
        say(self.log, result)
        if result.outcome is not Outcome.PASSED and (check.blocks or result.severity is Severity.BLOCK):
            raise AirflowFailException(
                f"{self.key} is {result.outcome}: {log_line((result.sentences or ['nothing was examined'])[0])}"
            )

    def _run(self, run: GateRun, check: ConfiguredCheck, context: Context) -> CheckResult:
        if self.target == "stage":
            return self._test_once(run, check, context)
        require_deployed(run, self.target)
        return asyncio.run(
            _visit(run, check, folder_of(run, self.target), run.evidence.write_production_result)
        )

    def _test_once(self, run: GateRun, check: ConfiguredCheck, context: Context) -> CheckResult:
        """Run it, unless a try of this task has its result in the newest attempt."""
        from stage_gate.evidence.files import EvidenceError
        from stage_gate.tasks.keeping import Keeper

        keeper = Keeper(context, run.evidence, run.evidence.attempts())
        standing = keeper.standing(check.key)
        if standing is not None:
            return standing
        try:
            run.evidence.open_attempt()
        except EvidenceError as error:
            raise AirflowFailException(f"{check.key} was not run. {error}") from error
        return test_stage(run, check, keeper)


def settling_checks(gate: Gate) -> list[ConfiguredCheck]:
    """The checks that ``settle_stage`` itself runs: they say when the others may begin."""
    return [check for check in gate.stage_checks if check.kind == SETTLED]


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


def test_stage(run: GateRun, check: ConfiguredCheck, keeper: Keeper) -> CheckResult:
    """Run a check on stage and keep its result, bound to the candidate of the attempt. Raises ``EvidenceError``."""
    from stage_gate.rules.plan import RecordedResult

    attempt = keeper.attempt
    candidate = run.evidence.read_candidate(attempt)

    def keep(result: CheckResult) -> None:
        entry = RecordedResult(
            candidate_digest=candidate.digest,
            attempt=attempt,
            settings_digest=check.settings_digest,
            result=result,
        )
        keeper.keep(entry)

    return asyncio.run(_visit(run, check, run.evidence.attempt_folder(attempt), keep))


async def _visit(
    run: GateRun, check: ConfiguredCheck, folder: Path, keep: Callable[[CheckResult], None]
) -> CheckResult:
    """Run one check on its site and target; ``keep`` has the result before anything late is waited for."""
    from aem_checks.access import NO_ACCESS, AccessError
    from aem_checks.client import Client
    from aem_checks.recording import Recording
    from aem_checks.runner import run_check
    from aem_checks.visit import Visit
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
    try:
        baseline = baseline_for(run.evidence, run.evidence.attempts(), check)
    except EvidenceError as error:
        result = not_compared(check, error)
        keep(result)
        return result
    site = run.gate.site(check.site)
    endpoint = site.endpoint(check.target)
    evidence = site_folder(folder, site.name)
    recorded = evidence / "recording"
    resolver = partial(_open, run)
    try:
        access = resolver(endpoint.access) if endpoint.access else NO_ACCESS
        opened = Client.for_site(site, resolver)
    except AccessError as error:
        why = f"{check.key} was not run: {error}. To do: give the site a connection of its own, or correct this one."
        result = not_run(check, "no_connection", site.name, [why])
        keep(result)
        return result
    async with opened as client:
        visit = Visit(
            site=site,
            target=check.target,
            client=client,
            recording=Recording.load(recorded) if recorded.exists() else None,
            evidence=evidence,
            access=access,
            resolver=resolver,
            facts=facts_for(run, check),
            baseline=baseline,
        )
        result = await run_check(check.create(), visit, key=check.key, may_rerun=may_rerun)
    found = [_in_attempt(finding, site.name) for finding in result.findings]
    result = result.model_copy(update={"findings": tuple(found)})
    keep(result)
    return result


def _open(run: GateRun, name: str) -> Access:
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


def say(log: Any, result: CheckResult) -> None:
    """Write a result into the task log: findings in a group, the outcome last."""
    from aem_checks.text import count

    found = count(len(result.findings), "finding")
    if result.findings:
        log.info("::group::%s: %s", result.key, found)
        for finding in result.findings:
            told = (log_line(finding.code), log_line(finding.subject), log_line(finding.sentence))
            log.info("%s %s [%s] %s", finding.outcome, *told)
        log.info("::endgroup::")
    log.info(
        "%s on %s is %s: examined %d, %s, %s%s.",
        result.key,
        result.target,
        result.outcome,
        result.examined,
        found,
        count(result.attempts, "run"),
        f", cause: {result.cause}" if result.cause else "",
    )
