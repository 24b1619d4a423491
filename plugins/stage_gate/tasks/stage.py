"""Before stage is tested: it settles, and its pages are recorded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from stage_gate.acting.wanting import Want, is_last_try, note
from stage_gate.rules.stage_changes import goes_on
from stage_gate.rules.surroundings import NEVER_TOLD
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.testing import (
    folder_of,
    open_access,
    require_deployed,
    say,
    site_folder,
    test_stage,
)
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from airflow.sdk import Context

    from aem_checks.baseline import Baseline
    from aem_checks.sites import SiteConfig, Target
    from stage_gate.acting.run import GateRun
    from stage_gate.rules.surroundings import Fact, Surroundings


class SettleStage(GateTask):
    """Complete the candidate, open an attempt and wait until stage answers steadily."""

    ui_color = "#e6f4ea"

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.configuration.chapters import settling_checks
        from stage_gate.configuration.planning import plan_of
        from stage_gate.configuration.settings import demands
        from stage_gate.evidence.baseline import NONE_YET, with_baseline
        from stage_gate.observing.isolation import forecast
        from stage_gate.tasks.keeping import Keeper

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
            NEVER_TOLD,
            *goes_on(stage),
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
        changing = goes_on(stage)
        if (passing or changing) and not is_last_try(context):
            raise AirflowException(" ".join([*changing, *passing, "Looking again in a moment."]))
        note(self.gate_file, context, Want.CLOUD_MANAGER if passing else None)


class RecordPages(GateTask):
    """Fetch the pages of every site once and keep them; the page checks judge this recording."""

    ui_color = "#e6f4ea"

    def __init__(self, *, gate_file: str, target: Target, **kwargs: Any) -> None:
        super().__init__(gate_file=gate_file, **kwargs)
        self.target = target

    def work(self, run: GateRun, context: Context) -> None:
        from aem_checks.access import AccessError

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
        async with Client.for_site(site, partial(open_access, run)) as client:
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
