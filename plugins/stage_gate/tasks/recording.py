"""How are the pages of a gate's sites recorded? Once for an attempt on stage; the page checks judge this recording.

A try records into a folder of its own, and hands that over only where no other try has done so meanwhile: a worker that
Airflow took for dead must not put another recording in the place of the one that was judged.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.testing import folder_of, open_access, require_deployed, site_folder
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from aem_checks.baseline import Baseline
    from aem_checks.sites import SiteConfig, Target
    from stage_gate.acting.run import GateRun
    from stage_gate.tasks.keeping import Keeper

log = logging.getLogger(__name__)

_COPIED_AT_ONCE = 8
"""Files that are handed over side by side, since an object store takes its time for each."""


class RecordProductionPages(GateTask):
    """Fetch the pages of every site of production once, after its deployment."""

    ui_color = "#e6f4ea"

    def work(self, run: GateRun, context: Context) -> None:
        require_deployed(run, "production")
        folder = folder_of(run, "production")
        for site in run.gate.sites:
            if site.production is not None:
                _record(run, site, "production", site_folder(folder, site.name))


def record_stage(run: GateRun, keeper: Keeper) -> None:
    """Record every site of stage, unless a try of this task has done so: it may have been judged by now.

    Raises ``AirflowFailException`` for a site that can't be opened, and where another attempt was begun meanwhile,
    ``EvidenceError`` where this one was sealed.
    """
    from stage_gate.evidence.store import TEST_AGAIN

    _require_open(run, keeper)
    for site in run.gate.sites:
        name, kept = f"recording of {site.name}", site_folder(folder_of(run, "stage"), site.name)
        before = _index_in(kept)
        if before is not None and keeper.owns(name, before):
            log.warning(
                "The pages of %s were recorded by an earlier try, and that stands. %s", site.name, TEST_AGAIN
            )
            continue
        with TemporaryDirectory(prefix="recording-") as own:
            _record(run, site, "stage", Path(own), _baseline(run, site, keeper.attempt))
            _require_open(run, keeper)
            _hand_over(keeper, name, Path(own), kept, before)


def _require_open(run: GateRun, keeper: Keeper) -> None:
    newest = run.evidence.open_attempt()
    if newest != keeper.attempt:
        raise AirflowFailException(f"Nothing is recorded: attempt {newest} was begun meanwhile.")


def _index_in(kept: Path) -> bytes | None:
    """What marks a complete recording; ``None`` where there is none. Raises ``EvidenceError`` where nobody can tell."""
    from aem_checks.recording import INDEX
    from stage_gate.evidence.files import exists, look_anew, read

    look_anew(kept)
    path = kept / "recording" / INDEX
    return read(path) if exists(path) else None


def _hand_over(keeper: Keeper, name: str, own: Path, kept: Path, before: bytes | None) -> None:
    """Put what this try recorded where it is judged; its index comes last.

    ``before``: the index that lay there when the try began, of a recording that is none of this task. Raises
    ``AirflowFailException`` where another one lies there now, ``GivenUpError``, ``EvidenceError``.
    """
    from aem_checks.recording import INDEX
    from stage_gate.evidence.exclusive import create_exclusively
    from stage_gate.evidence.files import EvidenceError

    index, target = own / "recording" / INDEX, kept / "recording" / INDEX
    content = index.read_bytes()
    if _index_in(kept) != before:
        raise _recorded_meanwhile(name)
    keeper.note(name, content)
    try:
        _copy((path for path in sorted(own.rglob("*")) if path.is_file() and path != index), own, kept)
        if before is not None:
            target.unlink()
        create_exclusively(target, content)
    except FileExistsError:
        raise _recorded_meanwhile(name) from None
    except OSError as error:
        raise EvidenceError(f"The {name} can't be kept: {error}", passing=True) from error


def _recorded_meanwhile(name: str) -> AirflowFailException:
    from stage_gate.evidence.store import TEST_AGAIN

    return AirflowFailException(f"The {name} is not kept: another try kept its own meanwhile. {TEST_AGAIN}")


def _copy(files: Iterable[Path], own: Path, kept: Path) -> None:
    def copy(path: Path) -> None:
        target = kept.joinpath(*path.relative_to(own).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())

    with ThreadPoolExecutor(_COPIED_AT_ONCE) as pool:
        list(pool.map(copy, files))


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
    run: GateRun, site: SiteConfig, target: Target, kept: Path, baseline: Baseline | None = None
) -> None:
    from aem_checks.access import AccessError

    try:
        asyncio.run(_fetch(run, site, target, kept, baseline))
    except AccessError as error:
        raise AirflowFailException(f"{site.name} is not recorded: {log_line(error)}.") from None


async def _fetch(
    run: GateRun, site: SiteConfig, target: Target, kept: Path, baseline: Baseline | None
) -> None:
    from aem_checks.client import Client
    from aem_checks.coverage.recorded import record_site

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
