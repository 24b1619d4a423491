"""What does a gate promise to check for its candidate, and what does it excuse while it does?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from aem_checks.outcomes import Severity
from stage_gate.configuration.smoke_tests import digest_of, split
from stage_gate.rules.candidate import host_of
from stage_gate.rules.cloud_manager_results import planned_results
from stage_gate.rules.plan import OWN_TESTS, SMOKE_TESTS, Excuse, FlakeRules, Plan, PlannedCheck, Waiver
from stage_gate.rules.smoke_tests import key_of

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck, SiteConfig
    from stage_gate.configuration.gate import Gate
    from stage_gate.configuration.policy import ExcuseSettings, PolicySettings
    from stage_gate.configuration.smoke_tests import SmokeTest
    from stage_gate.evidence.pin import Pin
    from stage_gate.rules.demands import Demands
    from stage_gate.rules.own_tests import OwnTest

READS_THE_MARKER = "settled"
"""The kind that compares the build marker with the candidate."""


def plan_of(gate: Gate, pin: Pin, now: datetime, demands: Demands) -> Plan:
    """The plan, written down before the first check runs.

    Waivers and quarantines that have ended by ``now`` are not in it, so that what they excused blocks again.
    """
    policy = gate.policy.in_force_on(now.date())
    own = (_own_test(gate, each) for each in pin.own_tests)
    planned = [*_planned_checks(gate, policy), *(_excused(policy, each) for each in own)]
    asked, covered = split(gate.settings.smoke_tests, planned)
    return Plan(
        gate=gate.name,
        gate_digest=pin.gate_digest,
        mode=str(gate.mode),
        made_at=now,
        checks=(*planned, *(_excused(policy, _asked_of_people(gate, each)) for each in asked)),
        covered=covered,
        waivers=tuple(
            Waiver(
                check=each.check,
                code=each.code,
                subject=each.subject,
                owner=each.owner,
                until=each.until,
                why=each.why,
            )
            for each in policy.waivers
        ),
        flakes=FlakeRules(reruns=policy.flakes.reruns, count_as=policy.flakes.count_as),
        minimum=demands.checks,
        accept_unread=tuple(each for each in policy.accept_unread if each not in demands.facts),
        build_marker=all(_is_read(site, planned) for site in gate.sites),
    )


def smoke_tests_of(gate: Gate) -> tuple[list[SmokeTest], dict[str, tuple[str, ...]]]:
    """The manual smoke tests that may have to be asked, and those that checks cover, as the gate file says it now."""
    if gate.settings.smoke_tests is None:
        return [], {}
    return split(gate.settings.smoke_tests, _planned_checks(gate, gate.policy))


def _planned_checks(gate: Gate, policy: PolicySettings) -> list[PlannedCheck]:
    """All checks but those that a person answers."""
    return [
        *(_planned(gate, policy, check) for check in gate.plan.checks),
        *(_excused(policy, check) for check in planned_results(policy.cloud_manager)),
    ]


def _asked_of_people(gate: Gate, question: SmokeTest) -> PlannedCheck:
    """A smoke test in the plan: tied to the stage host of the site that the person looks at."""
    settings = gate.settings.smoke_tests
    assert settings is not None, "there is a question"
    site = gate.site(question.site) if question.site else gate.sites[0]
    host, asked = host_of(site.stage.identity), host_of(site.stage.url)
    return PlannedCheck(
        key=key_of(question.name),
        kind=SMOKE_TESTS,
        site=site.name,
        target="stage",
        severity=question.severity,
        host=host,
        asked=asked if asked != host else "",
        settings_digest=digest_of(settings, question),
    )


def _own_test(gate: Gate, test: OwnTest) -> PlannedCheck:
    """An Airflow task of a team in the plan: tied to the stage host of its site."""
    site = gate.site(test.site)
    host, asked = host_of(site.stage.identity), host_of(site.stage.url)
    return PlannedCheck(
        key=test.key,
        kind=OWN_TESTS,
        site=site.name,
        target="stage",
        severity=test.severity,
        unisolated=test.unisolated,
        host=host,
        asked=asked if asked != host else "",
        settings_digest=test.digest,
    )


def _is_read(site: SiteConfig, planned: Iterable[PlannedCheck]) -> bool:
    """Whether a check that blocks compares this site's build marker: a marker that is only written proves nothing."""
    return site.build_marker is not None and any(
        check.kind == READS_THE_MARKER
        and check.site == site.name
        and check.target == "stage"
        and check.blocks
        for check in planned
    )


def _planned(gate: Gate, policy: PolicySettings, check: ConfiguredCheck) -> PlannedCheck:
    quarantine = policy.quarantine_of(check.key)
    host, asked = _host(gate, check), host_of(gate.site(check.site).endpoint(check.target).url)
    return PlannedCheck(
        key=check.key,
        kind=check.kind,
        site=check.site,
        target=check.target,
        severity=check.severity,
        dry_run=check.settings.dry_run,
        quarantine=_excuse(quarantine) if quarantine else None,
        unisolated=check.accepts_exposure,
        host=host,
        asked=asked if asked != host else "",
        settings_digest=check.settings_digest,
        may_block=check.severity is Severity.WARN and not check.capped,
    )


def _excused(policy: PolicySettings, check: PlannedCheck) -> PlannedCheck:
    quarantine = policy.quarantine_of(check.key)
    return check.model_copy(update={"quarantine": _excuse(quarantine)}) if quarantine else check


def _excuse(written: ExcuseSettings) -> Excuse:
    return Excuse(owner=written.owner, until=written.until, why=written.why)


def _host(gate: Gate, check: ConfiguredCheck) -> str:
    """The host that has to belong to the environment: behind the customer's own CDN, that of AEM's own address."""
    endpoint = gate.site(check.site).endpoint(check.target)
    return host_of(endpoint.origin or endpoint.url)
