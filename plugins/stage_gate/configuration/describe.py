"""What does a gate do, and what does it leave out, in words? The text of its Dag's Docs tab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aem_checks.browser.check import BrowserCheck
from aem_checks.check import Check
from aem_checks.config import ConfiguredCheck, SiteConfig
from aem_checks.durations import format_duration
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Severity
from stage_gate.configuration.describe_policy import code, describe_excuses, describe_windows
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.planning import smoke_tests_of
from stage_gate.configuration.policy import FollowUp, PolicySettings
from stage_gate.rules.decision import Action, Mode
from stage_gate.rules.plan import UNISOLATED
from stage_gate.rules.smoke_tests import key_of

_FOLLOWS = {
    Action.APPROVE: "production is approved",
    Action.HALT: "production is halted: the approval in Cloud Manager is rejected",
    Action.HOLD: "production is held: Cloud Manager keeps waiting for a person",
}


def describe(gate: Gate, minimum: Iterable[str] = ()) -> str:
    """Markdown that depends on its arguments alone, so that reading a file twice makes no new Dag version.

    ``minimum`` are the kinds of checks that the deployment wants to block in every gate.
    """
    parts = [
        _what_is_guarded(gate),
        *(_site(site) for site in gate.sites),
        _checks("Checks of stage", gate.stage_checks, gate.policy),
        _browsers(gate),
        _code_of_the_team(gate),
        _smoke_tests(gate),
        describe_absent(gate),
        _what_follows(gate),
        describe_windows(gate.policy),
        describe_excuses(gate, minimum),
        _production(gate),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def in_one_line(gate: Gate) -> str:
    """What is guarded, for Airflow's list of Dags."""
    sites = ", ".join(site.name for site in gate.sites)
    does = "approves or halts production" if gate.mode is Mode.GUARD else "watches and does nothing"
    pipeline = gate.pipeline
    return f"Guards pipeline {pipeline.pipeline} of program {pipeline.program}: tests stage of {sites}, then {does}."


def _what_is_guarded(gate: Gate) -> str:
    pipeline = gate.pipeline
    deciding = ""
    if pipeline.deciding != pipeline.connection:
        deciding = f" It decides with connection {code(pipeline.deciding)}."
    return (
        f"# Gate {gate.name}\n\n"
        f"Guards pipeline {code(pipeline.pipeline)} of program {code(pipeline.program)}, "
        f"read through connection {code(pipeline.connection)}.{deciding}{_source(gate)}\n\n{_mode(gate.mode)}"
    )


def _source(gate: Gate) -> str:
    source = gate.pipeline.source
    if source is None:
        return ""
    started = (
        f" A new execution of it that is FINISHED starts the guarded pipeline, with connection {code(source.connection)}."
        if source.start and source.connection
        else ""
    )
    return (
        f"\n\nThe guarded pipeline is production-only: what it releases has to be the last build that pipeline "
        f"{code(source.pipeline)} put on stage, and that is tested.{started}"
    )


def _mode(mode: Mode) -> str:
    if mode is Mode.GUARD:
        return "**Guard mode**: it approves or halts production as said below."
    return (
        "**Shadow mode**: it watches, tests and says what it would do. It never approves or halts anything."
    )


def _site(site: SiteConfig) -> str:
    lines = [f"## Site {site.name}", f"- stage: {code(site.stage.url)}{_access(site.stage.access)}"]
    if site.production:
        lines.append(f"- production: {code(site.production.url)}{_access(site.production.access)}")
    if site.author:
        lines.append(f"- author of stage: {code(site.author.url)}{_access(site.author.access)}")
    lines.append(f"- pages: {', '.join(code(page) for page in site.pages)}")
    if site.coverage:
        lines.append(
            f"- and at most {site.coverage.pages} more that show, with these, every component of stage; "
            f"{site.coverage.look_at} pages of its sitemap are looked at for that"
        )
    if site.allow_hosts:
        lines.append(
            f"- hosts of others that a browser may load from: {', '.join(map(code, site.allow_hosts))}"
        )
    lines.append(f"- at most {site.requests_per_second:g} requests a second to each host")
    lines.append(_marker(site))
    return "\n".join(lines)


def _access(connection: str | None) -> str:
    return f", opened with connection {code(connection)}" if connection else ""


def _marker(site: SiteConfig) -> str:
    marker = site.build_marker
    if marker is None:
        return "- no build marker: which build answered is not verified"
    where = (
        f"header {code(marker.header)}"
        if marker.header
        else f"meta element {code(marker.meta)}"
        if marker.meta
        else "body"
    )
    return f"- build marker: {where} of {code(marker.path)} has to name the {marker.equals.replace('_', ' ')}"


def _checks(title: str, checks: Iterable[ConfiguredCheck], policy: PolicySettings) -> str:
    rows = [_row(check, policy) for check in checks]
    if not rows:
        return ""
    head = "| check | looks at | if it fails | starts when | time limit |\n|---|---|---|---|---|"
    return "\n".join([f"## {title}", "", head, *rows])


def _row(check: ConfiguredCheck, policy: PolicySettings) -> str:
    limit = format_duration(check.settings.within)
    cells = (code(check.key), _cell(check.check_type.title), _weight(check, policy), _when(check), limit)
    return f"| {' | '.join(cells)} |"


def _weight(check: ConfiguredCheck, policy: PolicySettings) -> str:
    quarantine = policy.quarantine_of(check.key)
    if quarantine is not None:
        return f"is reported (quarantine until {quarantine.until})"
    if check.settings.dry_run:
        return "is reported (dry run)"
    return "**blocks**" if check.severity is Severity.BLOCK else "warns"


def _when(check: ConfiguredCheck) -> str:
    if check.target == "production":
        return "production is deployed"
    return "stage has settled" if check.after == "settled" else "Cloud Manager's own tests are over"


def _browsers(gate: Gate) -> str:
    """What the checks that open pages need of a worker, and what becomes of them without it."""
    kinds = [check for check in gate.stage_checks if issubclass(check.check_type, BrowserCheck)]
    if not kinds:
        return ""
    stops = [check.key for check in kinds if check.blocks]
    without = (
        f"{', '.join(map(code, stops))} then hold{'s' if len(stops) == 1 else ''} the release as any blocking check does"
        if stops
        else "the report says so and the gate goes on, unless a check says `severity: block`"
    )
    return (
        f"{', '.join(code(check.key) for check in kinds)} open pages in Chromium. On a worker without one they are "
        f"inconclusive: {without}."
    )


def _code_of_the_team(gate: Gate) -> str:
    """Which checks run what the team wrote, and which of them the gate file lets run un-isolated."""
    keys = [check.key for check in gate.plan.checks if check.is_code_of_a_team]
    if not keys:
        return ""
    accepted = [f"{code(check.key)} {UNISOLATED}" for check in gate.plan.checks if check.accepts_exposure]
    rule = "Guard mode runs it isolated from the gate; on a worker that can't it is inconclusive, with what to do."
    return " ".join([f"Code of the team: {', '.join(map(code, keys))}. {rule}", *accepted])


def _smoke_tests(gate: Gate) -> str:
    """What people are asked, and what they are not asked any more."""
    settings = gate.settings.smoke_tests
    if settings is None:
        return ""
    asked, covered = smoke_tests_of(gate)
    lines = [
        "## Questions to people",
        f"Once the checks of stage are over and none of those that block has failed, "
        f"{', '.join(code(user) for user in settings.ask)} are asked what no check covers. After "
        f"{format_duration(settings.within)} without an answer the check is inconclusive.",
        "",
        *(
            f"- {code(key_of(each.name))} ({'**blocks**' if each.severity is Severity.BLOCK else 'warns'}): "
            f"{_cell(each.question)}"
            for each in asked
        ),
        *(
            f"- {code(key)} is not asked: {', '.join(map(code, checks))} find out the same"
            for key, checks in covered.items()
        ),
    ]
    return "\n".join(lines)


def _what_follows(gate: Gate) -> str:
    return "\n".join(
        [
            "## What follows",
            f"- **passed**, every blocking check passed: {_follow_up(gate.policy.passed)}.",
            f"- **failed**, a blocking check failed: {_follow_up(gate.policy.failed)}.",
            f"- **inconclusive**, a blocking check gave no answer: {_follow_up(gate.policy.inconclusive)}.",
            "",
            f"It waits {format_duration(gate.waits.stage_deployment)} for the stage deployment and "
            f"{format_duration(gate.waits.approval)} for the production approval. When in doubt it holds.",
        ]
    )


def _follow_up(follow_up: FollowUp) -> str:
    if follow_up.action is not Action.ASK:
        return _FOLLOWS[follow_up.action]
    silence = "held" if follow_up.silence == "hold" else "halted"
    people = ", ".join(code(user) for user in follow_up.ask)
    within = format_duration(follow_up.within)
    return f"{people} are asked; after {within} without an answer production is {silence}"


def _production(gate: Gate) -> str:
    table = _checks("Checks of production, after its deployment", gate.production_checks, gate.policy)
    if not table:
        return "No check runs on production after its deployment."
    return f"{table}\n\nA failure there raises the alarm and lists the ways back. It never acts by itself."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def describe_absent(gate: Gate, kinds: Mapping[str, type[Check[Any]]] | None = None) -> str:
    """A list in Markdown, by default of the installed kinds; empty where the gate has them all."""
    known = all_kinds() if kinds is None else kinds
    planned = {check.kind for check in gate.plan.checks}
    lines = [_line(kind, gate) for name, kind in known.items() if name not in planned]
    if not lines:
        return ""
    return "\n".join(["## Not checked", "", *lines])


def _line(kind: type[Check[Any]], gate: Gate) -> str:
    what = f"- {code(kind.kind)}, {_text(kind.title)}: "
    if kind.kind in gate.plan.switched_off:
        return f"{what}switched off in the gate file"
    return f"{what}needs {_text(kind.needs) or 'settings in the gate file'}"


def _text(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
