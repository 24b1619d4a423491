"""What would this gate say of stage as it is today, and what would have to be waived for it to begin?

Runs the gate's checks on stage and, where they are harmless there, on production: nothing is deployed, decided or
written but the evidence in a temporary folder. Exit codes: 0 nothing would block, 1 something would, 2 wrong usage.
"""

from __future__ import annotations

import getpass
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from aem_checks.access import AccessError
from aem_checks.config import ConfigError
from aem_checks.interruptible import run_interruptible
from aem_checks.outcomes import CheckResult, Severity
from aem_checks.text import plain
from stage_gate.commands.comparing import Today
from stage_gate.commands.proposing import Proposal, Standing, propose, standing
from stage_gate.configuration.connection_use import SiteAccess
from stage_gate.configuration.gate_file import load_gate_for_run, reach_of
from stage_gate.rules.gate_values import person

if TYPE_CHECKING:
    import argparse

    from aem_checks.access import AccessResolver
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult
    from aem_checks.sites import SiteConfig, Target
    from stage_gate.configuration.gate import Gate

_LONGEST = 400

_SHOWN = 20

_LONGEST_WAIVER = 366

_ORDER = ("check", "code", "subject", "owner", "until", "why")


class WrongUsage(ValueError):
    """What was asked for can't be done; the message says what would be right."""


def run(options: argparse.Namespace) -> int:
    """Run the checks, say what would block, and print what to add to the gate file."""
    from airflow.sdk.exceptions import AirflowException

    from stage_gate.commands.given import gate_file

    try:
        today, checks, owner = _asked(options)
        evidence = Path(tempfile.mkdtemp(prefix="stage_gate-calibrate-"))
        resolver = SiteAccess(reach_of(gate_file(options.gate, options.folder), today.gate))
        stage, production = run_interruptible(_run_all(today.gate, checks, evidence, resolver))
    except (ConfigError, AccessError, AirflowException, OSError, WrongUsage) as error:
        print(f"Nothing was found out. {error}", file=sys.stderr)
        return 2
    found = standing(today.plan, stage, production)
    insisted = {check.key for check in checks if check.kind in today.demands.checks}
    day = today.now.date()
    proposal = propose(found, owner, day, days=options.days, insisted=insisted)
    print("\n".join(_report(today.gate, stage, found, proposal)))
    print(f"\nEvidence: {evidence}")
    return int(bool(found))


def _asked(options: argparse.Namespace) -> tuple[Today, list[ConfiguredCheck], str]:
    """The gate as it is now, the checks to run and who answers. Raises ``ConfigError`` and ``WrongUsage``."""
    from stage_gate.commands.given import gate_file
    from stage_gate.configuration.settings import demands

    if not 1 <= options.days <= _LONGEST_WAIVER:
        raise WrongUsage(f"A waiver holds 1 to {_LONGEST_WAIVER} days, not {options.days}.")
    try:
        owner = person(options.owner or getpass.getuser())
    except ValueError as error:
        raise WrongUsage(f"--owner: {error}.") from error
    file = gate_file(options.gate, options.folder)
    if not file.is_file():
        raise WrongUsage(f"There is no gate file {file}.")
    demanded = demands()
    gate = load_gate_for_run(file, demands=demanded)
    today = Today(gate, file.parent, demanded, datetime.now(UTC), recorded_as=gate.name)
    return today, _chosen(gate, options.only), owner


def _chosen(gate: Gate, only: Sequence[str]) -> list[ConfiguredCheck]:
    """The checks of stage. Raises ``WrongUsage`` for a kind that is not among them."""
    kinds = {check.kind for check in gate.stage_checks}
    unknown = sorted({*only} - kinds)
    if unknown:
        there = ", ".join(sorted(kinds))
        raise WrongUsage(f"{', '.join(unknown)} is not planned on stage; there are {there}.")
    return [check for check in gate.stage_checks if not only or check.kind in only]


async def _run_all(
    gate: Gate, checks: Sequence[ConfiguredCheck], evidence: Path, resolver: AccessResolver
) -> tuple[list[CheckResult], dict[str, CheckResult]]:
    """Results on stage, and those on production by the key on stage. One site and target after the other."""
    stage: list[CheckResult] = []
    production: dict[str, CheckResult] = {}
    for site in gate.sites:
        own = [check for check in checks if check.site == site.name]
        stage += await _run_site(site, "stage", own, evidence, resolver)
        if site.production is not None:
            there = [replace(each, target="production") for each in own if _is_harmless(each)]
            found = await _run_site(site, "production", there, evidence, resolver)
            production.update({result.key: result for result in found})
    return stage, production


def _is_harmless(check: ConfiguredCheck) -> bool:
    return "production" in check.check_type.targets


async def _run_site(
    site: SiteConfig,
    target: Target,
    checks: Sequence[ConfiguredCheck],
    evidence: Path,
    resolver: AccessResolver,
) -> list[CheckResult]:
    from aem_checks.session import run_site

    if not checks:
        return []
    print(f"{len(checks)} checks of {site.endpoint(target).url} ({target}):", flush=True)
    return await run_site(
        site,
        target,
        checks,
        resolver=resolver,
        evidence=evidence / target / site.name,
        report=lambda result: print(f"  {result.key}: {result.outcome}", flush=True),
    )


def _report(
    gate: Gate, stage: Sequence[CheckResult], found: Sequence[Standing], proposal: Proposal
) -> Iterator[str]:
    blocking = [result for result in stage if result.severity is Severity.BLOCK]
    yield ""
    if not found:
        warned = sum(len(result.findings) for result in stage if result.severity is Severity.WARN)
        yield f"Nothing would block: {len(blocking)} blocking checks passed. {warned} findings are warnings."
        return
    yield f"What would block a release of {gate.name} today:"
    yield from _stands(found)
    yield from _cannot(proposal)
    if proposal.waivers or proposal.quarantine:
        yield ""
        yield "Add this to the gate file, once somebody has read it. Each entry ends by itself; then it blocks again."
        yield ""
        yield _as_yaml(proposal).rstrip()
    only_stage = [each for each in found if each.on_production is False]
    if only_stage:
        yield ""
        yield (
            f"{len(only_stage)} of {len(found)} are on stage only: a release may have brought them, so look before "
            "you waive them."
        )


def _stands(found: Sequence[Standing]) -> Iterator[str]:
    for check in dict.fromkeys(each.check for each in found):
        own = [each for each in found if each.check == check]
        yield f"  {check}"
        for each in own[:_SHOWN]:
            told = plain(each.finding.sentence, _LONGEST)
            yield f"    {each.finding.outcome} on {each.where}: {told} [{each.finding.code}]"
        if len(own) > _SHOWN:
            yield f"    and {len(own) - _SHOWN} more"


def _cannot(proposal: Proposal) -> Iterator[str]:
    checks = dict.fromkeys(each.check for each in proposal.unanswered)
    if checks:
        yield ""
        yield (
            f"No waiver helps where there is no answer: {', '.join(checks)}. Do what the sentences above say, or switch "
            "the check off until then ('NAME: false', or 'severity: warn')."
        )
    if proposal.insisted:
        yield ""
        yield f"The deployment wants {', '.join(proposal.insisted)} to block in every gate, so it has to be mended."


def _as_yaml(proposal: Proposal) -> str:
    """The part of a gate file, ready to be pasted."""
    policy = {
        name: [_in_order(each.model_dump(mode="json")) for each in excused]
        for name, excused in (("waivers", proposal.waivers), ("quarantine", proposal.quarantine))
        if excused
    }
    return yaml.safe_dump({"policy": policy}, sort_keys=False, allow_unicode=True, width=1000)


def _in_order(written: dict[str, object]) -> dict[str, object]:
    """What it is about first, as people write it."""
    return {name: written[name] for name in _ORDER if name in written}
