"""How are the pages of a gate's sites recorded? Once for an attempt on stage; the page checks judge this recording."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.testing import folder_of, open_access, require_deployed, site_folder
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from aem_checks.baseline import Baseline
    from aem_checks.sites import SiteConfig, Target
    from stage_gate.acting.run import GateRun
    from stage_gate.tasks.keeping import Keeper

log = logging.getLogger(__name__)


class RecordProductionPages(GateTask):
    """Fetch the pages of every site of production once, after its deployment."""

    ui_color = "#e6f4ea"

    def work(self, run: GateRun, context: Context) -> None:
        require_deployed(run, "production")
        folder = folder_of(run, "production")
        for site in run.gate.sites:
            if site.production is not None:
                _record(run, site, "production", folder)


def record_stage(run: GateRun, keeper: Keeper) -> None:
    """Record every site of stage, unless a try of this task has done so: it may have been judged by now.

    Raises ``AirflowFailException`` for a site that can't be opened, and where another attempt was begun meanwhile,
    ``EvidenceError`` where this one was sealed.
    """
    from aem_checks.recording import INDEX
    from stage_gate.evidence.files import read
    from stage_gate.evidence.store import TEST_AGAIN

    newest, folder = run.evidence.open_attempt(), folder_of(run, "stage")
    if newest != keeper.attempt:
        raise AirflowFailException(f"Nothing is recorded: attempt {newest} was begun meanwhile.")
    for site in run.gate.sites:
        name, index = f"recording of {site.name}", site_folder(folder, site.name) / "recording" / INDEX
        if index.exists() and keeper.owns(name, read(index)):
            log.warning(
                "The pages of %s were recorded by an earlier try, and that stands. %s", site.name, TEST_AGAIN
            )
            continue
        _record(run, site, "stage", folder, _baseline(run, site, keeper.attempt))
        keeper.note(name, read(index))


def _baseline(run: GateRun, site: SiteConfig, attempt: int) -> Baseline | None:
    """Whose choice of pages is preferred; a baseline that can't be believed any more stops the checks, not this."""
    from stage_gate.evidence.baseline import open_baseline
    from stage_gate.evidence.files import EvidenceError

    if site.coverage is None:
        return None
    try:
        opened = open_baseline(run.evidence, run.evidence.read_plan(attempt))
        return opened.of_site(site.name) if opened else None
    except EvidenceError as error:
        log.warning("No earlier choice of pages is preferred: %s", error)
        return None


def _record(
    run: GateRun, site: SiteConfig, target: Target, folder: Path, baseline: Baseline | None = None
) -> None:
    from aem_checks.access import AccessError

    try:
        asyncio.run(_fetch(run, site, target, folder, baseline))
    except AccessError as error:
        raise AirflowFailException(f"{site.name} is not recorded: {log_line(error)}.") from None


async def _fetch(
    run: GateRun, site: SiteConfig, target: Target, folder: Path, baseline: Baseline | None
) -> None:
    from aem_checks.client import Client
    from aem_checks.coverage.recorded import record_site

    kept = site_folder(folder, site.name)
    async with Client.for_site(site, partial(open_access, run)) as client:
        recording = await record_site(
            site, target, client, kept / "recording", evidence=kept, baseline=baseline
        )
    log.info(
        "Recorded %d responses for %d pages of %s (%s).",
        len(list(recording.responses)),
        len(recording.pages),
        site.name,
        target,
    )
