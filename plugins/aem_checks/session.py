"""In which order do the checks of a gate file run on one target, when nobody but this process runs them?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from aem_checks.access import NO_ACCESS, AccessResolver
from aem_checks.browser.sharing import Sharing
from aem_checks.client import Client
from aem_checks.coverage.recorded import CHOSEN, record_site
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from aem_checks.reading import Walk
from aem_checks.runner import run_check

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
        means = Means(site, target, client, None, evidence, access, baseline=baseline)
        results = []
        for group in _groups(checks):
            if means.recording is None and group[0].kind != FIRST:
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
                means = replace(means, recording=made)
            results += await _run_group(group, means, report)
    return results


async def _run_group(group: Sequence[ConfiguredCheck], means: Means, report: Report) -> list[CheckResult]:
    """All side by side: what they look at of the recorded pages, page by page, and those that open pages share a browser."""
    walk = Walk(check.key for check in group if check.reads_pages)
    async with Sharing() as sharing:
        seated = [_seated(sharing, check, replace(means, begin=walk.of(check.key))) for check in group]
        running = (_run(check, each, report, walk) for check, each in zip(group, seated, strict=True))
        return list(await asyncio.gather(*running))


def _seated(sharing: Sharing, check: ConfiguredCheck, means: Means) -> Means:
    return replace(means, seat=sharing.seat()) if check.opens_pages else means


async def _run(check: ConfiguredCheck, means: Means, report: Report, walk: Walk) -> CheckResult:
    try:
        with means.seat or nullcontext():
            result = await run_check(check.create(), means, key=check.key)
    finally:
        walk.leave(check.key)
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
