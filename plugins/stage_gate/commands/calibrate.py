"""What would this gate say of stage as it is today, and what would have to be waived for it to begin?

Runs the gate's checks on stage and, where they are harmless there, on production: nothing is deployed, decided or
written but the evidence in a temporary folder. Exit codes: 0 nothing would block, 1 something would, 2 wrong usage.
"""

from __future__ import annotations

import getpass
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from aem_checks.access import AccessError
from aem_checks.codes import is_common
from aem_checks.config import ConfigError
from aem_checks.interruptible import run_interruptible
from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from aem_checks.text import plain
from stage_gate.commands.comparing import Today
from stage_gate.configuration.connection_use import SiteAccess
from stage_gate.configuration.gate_file import load_gate_for_run, reach_of
from stage_gate.configuration.policy import Quarantine, WaiverSettings
from stage_gate.rules.gate_values import person
from stage_gate.rules.leniency import weigh
from stage_gate.rules.plan import Plan, RecordedResult

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


DAYS = 30
"""How long a proposed waiver holds, by default: long enough to mend a thing, short enough to remember it."""

MOST_WAIVERS = 10
"""Waivers of one check; beyond that its whole quarantine is proposed."""


@dataclass(frozen=True)
class Standing:
    """One thing that stands against a release today."""

    check: str
    finding: Finding
    on_production: bool | None
    """Whether production shows the same; ``None`` where the check did not look there."""

    @property
    def where(self) -> str:
        if self.on_production is None:
            return "stage (production was not looked at)"
        return "stage and production" if self.on_production else "stage only"


@dataclass
class Proposal:
    """What to write into the gate file so that a release like today's would pass, and what no waiver can do."""

    waivers: list[WaiverSettings] = field(default_factory=list)
    quarantine: list[Quarantine] = field(default_factory=list)
    """Checks whose findings can't be waived one by one."""
    insisted: list[str] = field(default_factory=list)
    """Checks that the deployment wants to block in every gate: nothing of them can be excused."""
    unanswered: list[Standing] = field(default_factory=list)
    """Blocking checks without an answer: somebody has to make it possible to look."""


def standing(
    plan: Plan, stage: Iterable[CheckResult], production: Mapping[str, CheckResult]
) -> list[Standing]:
    """What blocks on stage, check by check, and is not excused by the plan already.

    ``production`` are the results there, by the key of the check on stage.
    """
    excused = {check.key for check in plan.stage_checks if check.dry_run or check.quarantine}
    found = []
    for result in (_weighed(plan, each) for each in stage if each.key not in excused):
        if result.severity is Severity.BLOCK and result.outcome is not Outcome.PASSED:
            there = production.get(result.key)
            found += [Standing(result.key, each, _is_there(each, there)) for each in _against(result)]
    return found


def propose(
    found: Sequence[Standing],
    owner: str,
    today: date,
    *,
    days: int = DAYS,
    insisted: Collection[str] = (),
) -> Proposal:
    """Waivers for all that failed, a quarantine where there are too many of one check or one can't be written.

    ``insisted`` are the keys of checks that can't be excused.
    """
    proposal = Proposal()
    until = today + timedelta(days=days)
    for check in dict.fromkeys(each.check for each in found):
        own = [each for each in found if each.check == check]
        failed = [each for each in own if each.finding.outcome is Outcome.FAILED]
        proposal.unanswered += [each for each in own if each.finding.outcome is not Outcome.FAILED]
        faults = {(each.finding.code, each.finding.subject): each for each in failed}
        written = {fault: _waiver(each, owner, until, today) for fault, each in faults.items()}
        waivers = [each for each in written.values() if each is not None]
        if written and check in insisted:
            proposal.insisted.append(check)
        elif len(written) > MOST_WAIVERS or len(waivers) < len(written):
            why = f"{len(written)} things failed when the gate was calibrated on {today}."
            proposal.quarantine.append(Quarantine(check=check, owner=owner, until=until, why=why))
        else:
            proposal.waivers += waivers
    return proposal


def _weighed(plan: Plan, result: CheckResult) -> CheckResult:
    """As the verdict would count it: without what is waived already, and flaky as the gate wants it."""
    entry = RecordedResult(candidate_digest="", attempt=1, settings_digest="", result=result)
    return weigh(plan, entry).entry.result


def _against(result: CheckResult) -> list[Finding]:
    """The findings that block; where a result names none, one that stands for it."""
    blocking = [
        each
        for each in result.findings
        if each.outcome is not Outcome.PASSED and each.severity is not Severity.WARN
    ]
    if blocking:
        return blocking
    sentence = f"{result.key} is {result.outcome} and examined {result.examined} things."
    code = f"{result.kind}.no_answer"
    return [Finding(code=code, subject=result.key, sentence=sentence, outcome=Outcome.INCONCLUSIVE)]


def _is_there(finding: Finding, production: CheckResult | None) -> bool | None:
    """Whether production shows the same fault; URLs are compared without their host."""
    if production is None or production.outcome is Outcome.INCONCLUSIVE:
        return None
    there = {
        (each.code, _without_host(each.subject))
        for each in production.findings
        if each.outcome is finding.outcome
    }
    return (finding.code, _without_host(finding.subject)) in there


def _without_host(subject: str) -> str:
    scheme, mark, rest = subject.partition("://")
    return rest[rest.find("/") :] if mark and scheme in ("http", "https") and "/" in rest else subject


def _waiver(each: Standing, owner: str, until: date, today: date) -> WaiverSettings | None:
    """``None`` where none can be written: the subject says nothing, or the code names what was not seen."""
    finding = each.finding
    if is_common(finding.code):
        return None
    why = f"So on {each.where} when the gate was calibrated on {today}."
    told = {
        "check": each.check,
        "code": finding.code,
        "subject": finding.subject,
        "owner": owner,
        "until": until,
        "why": why,
    }
    try:
        return WaiverSettings.model_validate(told)
    except ValidationError:
        return None
