"""What does Cloud Manager know that a check needs and cannot ask for?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from adobe_cloud_manager.exceptions import CloudManagerError

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.models import Execution
    from aem_checks.config import ConfiguredCheck
    from stage_gate.evidence.pin import Pin
    from stage_gate.rules.candidate import Candidate

log = logging.getLogger(__name__)
Rows = list[dict[str, Any]]


class Release(Protocol):
    """The release that is tested, and how it is read: a run of the gate."""

    @property
    def reading(self) -> CloudManagerHook: ...
    @property
    def pin(self) -> Pin: ...

    def read_execution(self) -> Execution: ...


Gather = Callable[[Release, str], Any]
"""From the run and the id of an environment to what is known of it. Raises ``CloudManagerError``."""


def facts_for(run: Release, check: ConfiguredCheck, candidate: Candidate | None) -> dict[str, Any]:
    """The candidate's commit and artifacts, and by fact and target what this kind of check compares.

    A target that cannot be read is absent: the check says so.
    """
    facts: dict[str, Any] = {
        "commit_id": candidate.commit_id if candidate else None,
        "artifacts_version": candidate.artifacts_version if candidate else None,
    }
    gatherers = GATHERERS.get(check.kind, {})
    if gatherers:
        environments = environments_of(run, candidate)
        facts |= {name: _by_target(run, name, gather, environments) for name, gather in gatherers.items()}
    return facts


def _by_target(run: Release, name: str, gather: Gather, environments: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for target, environment in environments.items():
        try:
            found[target] = gather(run, environment)
        except CloudManagerError as error:
            what = name.replace("_", " ")
            log.warning("The %s of %s (environment %s) can't be read: %s", what, target, environment, error)
    return found


def environments_of(run: Release, candidate: Candidate | None) -> dict[str, str]:
    """The environment of each target, as far as Cloud Manager says: that of stage as it was pinned for the tests."""
    execution = run.read_execution()
    if candidate:
        stage = candidate.stage.environment_id
    else:
        stage = (step.environment_id or "") if (step := execution.stage_deployment) else ""
    production = (step.environment_id or "") if (step := execution.production_deployment) else ""
    return {target: each for target, each in (("stage", stage), ("production", production)) if each}


def _variables(run: Release, environment: str) -> Rows:
    """Names, types and services; values are never read."""
    found = run.reading.list_environment_variables(run.pin.program_id, environment)
    return [{"name": each.name, "type": each.type, "service": each.service} for each in found]


def _aem_release(run: Release, environment: str) -> str:
    """That of the newest backup: Cloud Manager's public API names it nowhere else. Empty where there is none."""
    points = run.reading.list_restore_points(run.pin.program_id, environment)
    known = [point for point in points if point.aem_release and point.deployed_at is not None]
    newest = max(known, key=lambda point: str(point.deployed_at), default=None)
    return newest.aem_release if newest is not None else ""


def _allow_lists(run: Release, environment: str) -> Rows:
    bindings = run.reading.list_ip_allow_list_bindings(run.pin.program_id)
    return [
        {"name": each.name, "tier": each.tier, "status": each.status}
        for each in bindings
        if each.environment_id == environment
    ]


def _domains(run: Release, environment: str) -> Rows:
    found = run.reading.list_domain_mappings(run.pin.program_id, environment)
    return [{"name": each.domain_name, "tier": each.tier, "status": each.status} for each in found]


def _networking(run: Release, environment: str) -> Rows:
    found = run.reading.list_advanced_networking(run.pin.program_id, environment)
    return [
        {
            "enabled": each.enabled,
            "ports": list(each.port_forwards),
            "non_proxy_hosts": list(each.non_proxy_hosts),
        }
        for each in found
    ]


def _content_copies(run: Release, environment: str) -> Rows:
    """Those onto this environment, whatever they came from."""
    return [
        {
            "id": each.id,
            "content_set": each.content_set,
            "source": each.source_environment_id,
            "status": each.status,
            "is_over": each.is_over,
            "begun": f"{each.created_at:%Y-%m-%d %H:%M} UTC" if each.created_at else "",
            "ended": f"{each.updated_at:%Y-%m-%d %H:%M} UTC" if each.is_over and each.updated_at else "",
        }
        for each in run.reading.list_content_flows(run.pin.program_id)
        if each.target_environment_id == environment
    ]


GATHERERS: Mapping[str, Mapping[str, Gather]] = {
    "environment_variables": {"environment_variables": _variables},
    "aem_version": {"aem_release": _aem_release},
    "irreversible_content": {"content_copies": _content_copies},
    "network_parity": {
        "ip_allow_lists": _allow_lists,
        "domain_mappings": _domains,
        "advanced_networking": _networking,
    },
}
"""Which facts each kind of check is handed, beside those of the candidate."""
