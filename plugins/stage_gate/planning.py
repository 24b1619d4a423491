"""What does a gate promise to check for its candidate, and what does it excuse while it does?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from stage_gate.candidate import host_of
from stage_gate.cloud_manager_results import planned_results
from stage_gate.plan import Excuse, FlakeRules, Plan, PlannedCheck, Waiver

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck, SiteConfig
    from stage_gate.configuration.gate import Gate
    from stage_gate.configuration.policy import Excused, PolicySettings
    from stage_gate.pin import Pin

READS_THE_MARKER = "settled"
"""The kind that compares the build marker with the candidate."""


def plan_of(gate: Gate, pin: Pin, minimum: tuple[str, ...], now: datetime) -> Plan:
    """The plan, written down before the first check runs.

    ``minimum`` are the kinds that the deployment wants to block in every gate. Waivers and quarantines that have
    ended by ``now`` are not in it, so that what they excused blocks again.
    """
    policy = gate.policy.in_force_on(now.date())
    planned = [_planned(gate, policy, check) for check in gate.plan.checks]
    return Plan(
        gate=gate.name,
        gate_digest=pin.gate_digest,
        mode=str(gate.mode),
        made_at=now,
        checks=(
            *planned,
            *(_excused(policy, check) for check in planned_results(policy.cloud_manager)),
        ),
        waivers=tuple(
            Waiver(check=each.check, subject=each.subject, owner=each.owner, until=each.until, why=each.why)
            for each in policy.waivers
        ),
        flakes=FlakeRules(reruns=policy.flakes.reruns, count_as=policy.flakes.count_as),
        minimum=minimum,
        build_marker=all(_is_read(site, planned) for site in gate.sites),
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
        host=host,
        asked=asked if asked != host else "",
        settings_digest=check.settings_digest,
    )


def _excused(policy: PolicySettings, check: PlannedCheck) -> PlannedCheck:
    quarantine = policy.quarantine_of(check.key)
    return check.model_copy(update={"quarantine": _excuse(quarantine)}) if quarantine else check


def _excuse(excused: Excused) -> Excuse:
    return Excuse(owner=excused.owner, until=excused.until, why=excused.why)


def _host(gate: Gate, check: ConfiguredCheck) -> str:
    """The host that has to belong to the environment: behind the customer's own CDN, that of AEM's own address."""
    endpoint = gate.site(check.site).endpoint(check.target)
    return host_of(endpoint.origin or endpoint.url)
