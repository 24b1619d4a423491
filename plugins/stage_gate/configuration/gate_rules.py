"""Does what a gate's policy names exist, is it still in force, and does it leave what the deployment insists on?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.codes import Codes, is_common, whole_codes
from aem_checks.config import CheckPlan, ConfiguredCheck, accesses_in, refuse_access
from aem_checks.durations import format_duration
from aem_checks.excuses import overlooked_by
from aem_checks.yaml_lines import ConfigError, KeyPath, Wrong, suggestion
from stage_gate.configuration.calendar import read_calendar
from stage_gate.configuration.notify_settings import Notify
from stage_gate.configuration.policy import ExcuseSettings, PolicySettings, Quarantine
from stage_gate.configuration.reach import Reach, refusal_to_tell
from stage_gate.rules.plan import PROVES_NOTHING
from stage_gate.rules.surroundings import READINGS, Fact

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate, GateSettings

_LONGEST_EXCUSE = timedelta(days=366)
_MINIMUM = "[stage_gate] minimum_checks"
REQUIRE_ISOLATION = "[stage_gate] require_isolation"


class OutOfDate(ConfigError):
    """The file was right when it was written; time, the calendar beside it or a newer version has made it wrong."""


class WrongByNow(Wrong):
    """What was right when it was written."""

    error = OutOfDate


KindCodes = tuple[str, Codes]
"""A kind and the codes that it declares."""
Rule = tuple[str, int, ExcuseSettings]
"""``quarantine`` or ``waivers``, where in that list, and what is written there."""


def excuses(policy: PolicySettings) -> Iterator[Rule]:
    """Every quarantine and waiver with its place in the file."""
    for index, quarantine in enumerate(policy.quarantine):
        yield "quarantine", index, quarantine
    for index, waiver in enumerate(policy.waivers):
        yield "waivers", index, waiver


def refuse_unknown_checks(policy: PolicySettings, known: Collection[str]) -> None:
    """Raise ``Wrong`` for a quarantine or waiver of a check that this gate does not have."""
    for where, index, excused in excuses(policy):
        if excused.check not in known:
            raise Wrong(
                ("policy", where, index, "check"),
                f"policy.{where} number {index + 1} names {excused.check!r}, and this gate has no such check",
                suggestion(excused.check, known),
            )


def refuse_unknown_codes(policy: PolicySettings, known: Mapping[str, KindCodes]) -> None:
    """Raise ``Wrong`` for a waiver of a fault that its check can't name, or that nobody may accept unseen.

    ``known`` is by the key of the check.
    """
    for index, waiver in enumerate(policy.waivers):
        codes = whole_codes(*known[waiver.check])
        if not waiver.code or waiver.code in codes:
            continue
        problem, remedy = f"{waiver.check} has no such code", suggestion(waiver.code, codes)
        if is_common(waiver.code):
            problem = "no waiver accepts what was not seen or not judged"
            remedy = f"Do what the finding says, or use 'quarantine'. A waiver can name {', '.join(sorted(codes))}."
        path = ("policy", "waivers", index, "code")
        named = f"policy.waivers number {index + 1} names the code {waiver.code!r}"
        raise Wrong(path, f"{named}, and {problem}", remedy)


def refuse_without_code(policy: PolicySettings, known: Mapping[str, KindCodes]) -> None:
    """Raise ``WrongByNow`` for the first waiver that names no fault."""
    for index, waiver in enumerate(policy.waivers):
        if not waiver.code:
            codes = ", ".join(sorted(whole_codes(*known[waiver.check])))
            raise WrongByNow(
                ("policy", "waivers", index),
                f"policy.waivers number {index + 1} of {waiver.check} names no code, so it waives nothing",
                f"Write 'code:' with the fault that is meant, as the report shows it. {waiver.check} has {codes}.",
            )


def refuse_expired(policy: PolicySettings, today: date) -> None:
    """Raise ``WrongByNow`` for the first quarantine or waiver that has ended."""
    for where, index, excused in excuses(policy):
        if not excused.holds_on(today):
            thing = "quarantine" if isinstance(excused, Quarantine) else "waiver"
            raise WrongByNow(
                ("policy", where, index, "until"),
                f"the {thing} of {excused.check} (owner {excused.owner}) ended on {excused.until}, "
                "so the check blocks again",
                f"Remove it, or let {excused.owner} set a new date after {today} for 'until'.",
            )


def refuse_endless(policy: PolicySettings, today: date) -> None:
    """Raise ``Wrong`` for the first quarantine or waiver that ends in more than 366 days."""
    latest = today + _LONGEST_EXCUSE
    for where, index, excused in excuses(policy):
        if excused.until > latest:
            raise Wrong(
                ("policy", where, index, "until"),
                f"policy.{where} number {index + 1} excuses {excused.check} until {excused.until}, "
                f"which is more than {_LONGEST_EXCUSE.days} days away",
                f"Write a day up to {latest}; it can be renewed when it ends.",
            )


def refuse_wrong_smoke_tests(settings: GateSettings, plan: CheckPlan, known: Collection[str]) -> None:
    """Raise ``Wrong`` for a smoke test of an unknown site or check, or one that outlasts the evidence.

    ``known`` are the keys of all checks of stage, Cloud Manager's own among them.
    """
    smoke = settings.smoke_tests
    if smoke is None:
        return
    sites = [site.name for site in plan.sites]
    for index, question in enumerate(smoke.questions):
        path = ("smoke_tests", "questions", index)
        if question.site is not None and question.site not in sites:
            problem = (
                f"smoke test {question.name} is about site {question.site!r}, and this gate has no such site"
            )
            raise Wrong((*path, "site"), problem, suggestion(question.site, sites))
        for number, key in enumerate(question.covered_by):
            if key not in known:
                problem = (
                    f"smoke test {question.name} is covered by {key!r}, and no check of stage is called so"
                )
                raise Wrong((*path, "covered_by", number), problem, suggestion(key, known))
    if smoke.within >= settings.policy.evidence_lives:
        raise Wrong(
            ("smoke_tests", "within"),
            f"people have {format_duration(smoke.within)} to answer, and a verdict lives "
            f"{format_duration(settings.policy.evidence_lives)} from the beginning of the tests on",
            "Shorten smoke_tests.within, or lengthen policy.evidence_lives.",
        )


def names_connections(gate: Gate) -> bool:
    """Whether the gate names connections to open a site or to tell people."""
    return gate.settings.notify != Notify() or any(accesses_in(gate.plan))


def refuse_reach(gate: Gate, reach: Reach) -> None:
    """Raise ``Wrong`` for a connection that the gate names to open a site, or to tell people, and may not."""
    refuse_access(gate.plan, reach.refusal)
    for channel in Notify.model_fields:
        told = getattr(gate.settings.notify, channel)
        if told is not None and (found := refusal_to_tell(reach.uses, told.connection)):
            path = ("notify", channel, "connection")
            problem = f"notify.{channel}.connection names the connection {told.connection!r}, and {found[0]}"
            raise Wrong(path, problem, found[1])


def refuse_stage_on_production(plan: CheckPlan) -> None:
    """Raise ``Wrong`` where a site asks for stage what is another site's production."""
    live = {host: site.name for site in plan.sites if site.production for host in site.production.hosts}
    for index, site in enumerate(plan.sites):
        for host in sorted(site.stage.hosts & live.keys()):
            raise Wrong(
                ("sites", index, "stage"),
                f"stage of site {site.name} is asked at {host}, which is production of site {live[host]}",
                "Give stage its own address: what production answers says nothing of the release.",
            )


def refuse_closed_for_ever(policy: PolicySettings, today: date, folder: Path) -> None:
    """Raise ``WrongByNow`` for windows that do not open, and for a calendar file that can't be read."""
    if policy.windows is None:
        return
    calendar = read_calendar(policy.windows, folder)
    opening = calendar.at(datetime.combine(today, time(), UTC))
    part = "calendar" if policy.windows.calendar is not None else "open"
    if not opening.is_open and opening.opens_at is None:
        problem, _, remedy = opening.sentence.rpartition(": " if ": correct" in opening.sentence else ". ")
        raise WrongByNow(("policy", "windows", part), problem, remedy[:1].upper() + remedy[1:])


def refuse_no_proof(plan: CheckPlan, policy: PolicySettings) -> None:
    """Raise ``Wrong`` where no check of stage blocks: such a gate could prove nothing."""
    if any(_blocks(check, policy) and check.kind not in PROVES_NOTHING for check in plan.on("stage")):
        return
    raise Wrong(
        ("checks",),
        "no check of stage blocks, so this gate could prove nothing",
        "Leave at least one check with 'severity: block', without 'dry_run: true' and out of quarantine.",
    )


def refuse_less_than_minimum(
    plan: CheckPlan, policy: PolicySettings, minimum: Iterable[str], known: Collection[str]
) -> None:
    """Raise ``Wrong`` where a check that the deployment insists on does not block, or is waived."""
    for kind in minimum:
        if kind not in known:
            raise Wrong(
                ("checks",),
                f"{_MINIMUM} names {kind!r}, and there is no such kind of check",
                f"Correct that setting of the deployment. {suggestion(kind, known)}",
            )
        checks = [check for check in plan.on("stage") if check.kind == kind]
        if not checks:
            raise _below_minimum(("checks", kind), kind, "is not switched on")
        for check in checks:
            _refuse_weakened(check, policy)
            _refuse_hollow(check, plan.site(check.site).pages)


def refuse_accepted_facts(policy: PolicySettings, minimum: Collection[Fact]) -> None:
    """Raise ``Wrong`` where a fact may be unread that the deployment insists on."""
    for index, fact in enumerate(policy.accept_unread):
        if fact in minimum:
            raise Wrong(
                ("policy", "accept_unread", index),
                f"policy.accept_unread names {fact}, and [stage_gate] minimum_facts of this deployment wants it to be read "
                "for every release",
                f"Take it out, and give the credential {READINGS[fact].permission}.",
            )


def refuse_unisolated(plan: CheckPlan) -> None:
    """Raise ``Wrong`` where the gate file accepts an exposure that the deployment lets no gate accept."""
    for check in plan.checks:
        if check.accepts_exposure:
            raise Wrong(
                (*check.path, "isolation"),
                f"{check.key} may not run un-isolated: {REQUIRE_ISOLATION} of this deployment lets no gate accept that",
                "Remove 'isolation: accepted', and run it on a worker that isolates a team's code (docs/isolation.md).",
            )


def _refuse_weakened(check: ConfiguredCheck, policy: PolicySettings) -> None:
    for where, index, excused in excuses(policy):
        if excused.check == check.key:
            what = "is in quarantine" if where == "quarantine" else "is waived"
            raise _below_minimum(("policy", where, index, "check"), check.key, what)
    if not check.blocks:
        what = "is a dry run" if check.settings.dry_run else "only warns"
        part = "dry_run" if check.settings.dry_run else "severity"
        path = (*check.path, part)
        raise _below_minimum(path, check.key, what)


def _refuse_hollow(check: ConfiguredCheck, pages: Sequence[str]) -> None:
    """Raise ``Wrong`` where the settings of the check overlook everything, or nearly."""
    path = check.path
    for each in overlooked_by(check.settings, pages):
        if each.everything:
            what = f"excuses everything with {each.name}: {each.shown or 'nothing'}"
            raise _below_minimum((*path, *each.path), check.key, what)
    if together := check.settings.judges_nothing():
        raise _below_minimum(path, check.key, f"judges nothing with {together}")


def _below_minimum(path: KeyPath, check: str, what: str) -> Wrong:
    return Wrong(
        path,
        f"{check} {what}, and {_MINIMUM} of this deployment wants it to block in every gate",
        "Let it block: 'severity: block', no 'dry_run', no quarantine, no waiver, and no setting "
        "that overlooks everything (docs/checks.md, 'Excuses').",
    )


def _blocks(check: ConfiguredCheck, policy: PolicySettings) -> bool:
    return check.blocks and policy.quarantine_of(check.key) is None
