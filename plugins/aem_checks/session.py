"""In which order do the checks of a gate file run on one target, when nobody but this process runs them?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from aem_checks.access import NO_ACCESS, AccessResolver
from aem_checks.browser.sharing import Sharing
from aem_checks.check import PageCheck
from aem_checks.client import Client
from aem_checks.coverage.recorded import CHOSEN, record_site
from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from aem_checks.runner import run_check
from aem_checks.visit import Visit

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.config import ConfiguredCheck
    from aem_checks.folders import Folder
    from aem_checks.sites import SiteConfig, Target

Report = Callable[[CheckResult], None]
FIRST = "settled"


async def run_site(
    site: SiteConfig,
    target: Target,
    checks: Sequence[ConfiguredCheck],
    *,
    resolver: AccessResolver,
    evidence: Folder,
    report: Report,
    baseline: Baseline | None = None,
) -> list[CheckResult]:
    """Run checks of one site: ``settled``, then the recording, then all others at once, the probes last.

    ``report`` hears of each result as it comes; ``baseline`` is what checks compare with. Raises ``AccessError``
    before anything is sent.
    """
    endpoint = site.endpoint(target)
    access = resolver(endpoint.access) if endpoint.access else NO_ACCESS
    async with Client.for_site(site, resolver) as client:
        visit = Visit(site, target, client, None, evidence, access, baseline=baseline)
        results = []
        for group in _groups(checks):
            if visit.recording is None and group[0].kind != FIRST:
                name = f"recording/{site.name}"
                made = await record_site(
                    site,
                    target,
                    client,
                    evidence / "recording" / site.name,
                    name=name,
                    evidence=evidence / CHOSEN / site.name,
                    baseline=baseline,
                )
                visit = replace(visit, recording=made)
            results += await _run_group(group, visit, report)
    return results


async def _run_group(group: Sequence[ConfiguredCheck], visit: Visit, report: Report) -> list[CheckResult]:
    """Checks that ask the site run side by side; those that judge pages in turn, which is as fast and saves memory.

    Those that look at pages in a browser share it.
    """
    judging = [check for check in group if issubclass(check.check_type, PageCheck)]
    asking = [check for check in group if check not in judging]

    async def in_turn() -> list[CheckResult]:
        return [await _run(check, visit, report) for check in judging]

    async with Sharing() as sharing:
        visits = [_seated(sharing, check, visit) for check in asking]
        side_by_side = asyncio.gather(
            *(_run(check, each, report) for check, each in zip(asking, visits, strict=True))
        )
        judged, asked = await asyncio.gather(in_turn(), side_by_side)
    by_key = {result.key: result for result in (*judged, *asked)}
    return [by_key[check.key] for check in group]


def _seated(sharing: Sharing, check: ConfiguredCheck, visit: Visit) -> Visit:
    return replace(visit, seat=sharing.seat()) if check.opens_pages else visit


async def _run(check: ConfiguredCheck, visit: Visit, report: Report) -> CheckResult:
    with visit.seat or nullcontext():
        result = await run_check(check.create(), visit, key=check.key)
    report(result)
    return result


def _groups(checks: Sequence[ConfiguredCheck]) -> list[list[ConfiguredCheck]]:
    first = [check for check in checks if check.kind == FIRST]
    last = [check for check in checks if check.check_type.last_on_host]
    others = [check for check in checks if check not in (*first, *last)]
    early = [check for check in others if check.after == "settled"]
    late = [check for check in others if check.after != "settled"]
    return [group for group in (first, early, late, last) if group]


def overall(results: Sequence[CheckResult]) -> Outcome:
    """What the blocking results amount to; without any it is inconclusive, never passed."""
    return worst(result.outcome for result in results if result.severity is Severity.BLOCK)
