"""Which pages of a site are recorded? Those that it names and, where it says so, those that show all it is made of."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aem_checks.coverage.record import FILE, MEASURES, Coverage, coverage_of, read_coverage
from aem_checks.recording import record
from aem_checks.text import plain

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.client import Client
    from aem_checks.folders import Folder
    from aem_checks.recording import Recording
    from aem_checks.sites import SiteConfig, Target

log = logging.getLogger(__name__)

_LONGEST_LINE = 4000
CHOSEN = "chosen"
"""The folder of ``python -m aem_checks run`` that has a folder with the choice for each site; a gate has it beside
the recording."""


async def record_site(
    site: SiteConfig,
    target: Target,
    client: Client,
    folder: Folder,
    *,
    evidence: Folder,
    name: str | None = None,
    baseline: Baseline | None = None,
) -> Recording:
    """Choose pages, keep the choice in ``evidence``, and record them into ``folder`` as ``recording.record`` does.

    Pages are chosen on stage only: production is never crawled, and a page that is on stage alone would be an alarm
    there. The choice is judged like every other page. Not to be able to choose stops nothing: then the named pages are
    recorded with those of the baseline's choice, and ``coverage.json`` says why. Raises as ``record`` does.
    """
    coverage = await choose_pages(site, client, baseline) if target == "stage" and site.coverage else None
    if coverage is None:
        return await record(site, target, client, folder, name=name)
    await asyncio.to_thread(keep, coverage, evidence)
    return await record(site, target, client, folder, name=name, paths=coverage.recorded)


async def choose_pages(site: SiteConfig, client: Client, baseline: Baseline | None = None) -> Coverage:
    """Look at stage and choose. Takes a tenth of a second for each page that is looked at, at the usual rate."""
    from aem_checks.coverage.look import look_at_stage

    assert site.coverage is not None, "only asked where pages are chosen"
    before = await asyncio.to_thread(_before, baseline, site.name)
    kept = before.chosen if before else ()
    most, rate = site.coverage.look_at, site.requests_per_second
    log.info(
        "Coverage of %s: at most %d pages of %s are looked at, %g a second: %.0f s or more.",
        site.name,
        most,
        site.stage.url,
        rate,
        most / rate,
    )
    look = await look_at_stage(site, client, before=kept, at_most=most)
    release = baseline.release if baseline else ""
    now = datetime.now(UTC)
    coverage = await asyncio.to_thread(coverage_of, site, look, now, before, release)
    for sentence in told(coverage):
        log.info("%s", sentence)
    return coverage


def keep(coverage: Coverage, evidence: Folder) -> None:
    """Write the choice and its numbers into the evidence of the site. Blocks; raises what the folder raises."""
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / FILE).write_bytes(coverage.model_dump_json(indent=1).encode())
    numbers = evidence
    *folders, last = MEASURES.split("/")
    for each in folders:
        numbers = numbers / each
    numbers.mkdir(parents=True, exist_ok=True)
    (numbers / last).write_bytes(json.dumps(coverage.measures, indent=1).encode())


def told(coverage: Coverage) -> list[str]:
    """What a log says of a choice; paths are the site's words."""
    point = coverage.point
    asked = len(coverage.pages) + len(coverage.unusable)
    least = "the fewest that do" if coverage.is_least else "whether fewer would do is not proven"
    sentences = [
        f"Coverage of {coverage.site}: {asked} pages of {coverage.listed} in {coverage.source} were looked at and show "
        f"{point.seen} components and templates; {point.shown} of them are on the {point.pages} pages to record "
        f"({len(coverage.chosen)} chosen, {least})."
    ]
    if coverage.missed:
        sentences.append(
            f"On no page to record: {', '.join(coverage.missed[:20])}. To do: raise coverage.pages."
        )
    if coverage.lost:
        lost = ", ".join(coverage.lost[:20])
        sentences.append(f"Seen at {coverage.since} and on no page now: {lost}.")
    if coverage.broken:
        sentences.append(
            f"Chosen at {coverage.since}, no page now, recorded to be judged: {', '.join(coverage.broken[:20])}."
        )
    return [plain(each, _LONGEST_LINE) for each in (*sentences, *coverage.problems)]


def _before(baseline: Baseline | None, site: str) -> Coverage | None:
    if baseline is None:
        return None
    try:
        return read_coverage(baseline.read(FILE) or baseline.read(f"{CHOSEN}/{site}/{FILE}"))
    except (OSError, RuntimeError) as error:  # RuntimeError: the evidence was changed
        log.warning(
            "The choice of pages at %s can't be read, so none is preferred: %s", baseline.release, error
        )
        return None
