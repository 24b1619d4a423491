"""What does one look at everything around a gate show? The reading part of ``doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from adobe_cloud_manager.exceptions import CloudManagerError, CredentialError, NotFound, PermissionDenied
from aem_checks.access import AccessError, AccessResolver
from aem_checks.access_names import names_in
from aem_checks.sites import Endpoint, Target
from stage_gate.commands import doctor
from stage_gate.commands.diagnosis import Diagnosis, bad, good, unknown
from stage_gate.commands.doctor import examine_addresses, examine_browser
from stage_gate.commands.doctor_facts import examine_facts
from stage_gate.commands.doctor_store import examine_store
from stage_gate.commands.site_probe import ask, source_address
from stage_gate.configuration.connection_use import SiteAccess, refuse_to_tell
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import GateFileError, load_gate, reach_of
from stage_gate.configuration.notify_settings import Notify
from stage_gate.rules.candidate import host_of
from stage_gate.rules.decision import Mode

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.models import EnvironmentUrl, Execution, Pipeline

T = TypeVar("T")
_PROFILE = (
    "Add the credential to a Cloud Manager product profile in the Admin Console: Developer with Content Copy Manage, or "
    "Deployment Manager."
)


def examine(path: Path, *, timeout: float = 15.0) -> Iterator[Diagnosis]:
    """Every line of the report, each as soon as it is known. ``timeout`` in seconds for each request."""
    try:
        gate = load_gate(path)
        access = SiteAccess(reach_of(path, gate))
    except GateFileError as error:
        yield bad("Gate file", f"{error.file}:{error.line}: {error.problem}", error.remedy)
        return
    yield good(
        "Gate file", f"{path} describes gate {gate.name!r} with {len(gate.stage_checks)} checks of stage"
    )
    yield from examine_store(gate)
    yield from examine_limits()
    yield from examine_freezes(gate)
    yield from doctor.judge_reach(reached_by(gate), access.reach.patterns)
    yield from examine_notifiers(gate)
    yield from examine_exposure(gate)
    yield from examine_browser(gate)
    yield from examine_addresses(gate)
    yield from examine_cloud_manager(gate, timeout)
    yield from examine_sites(gate, access, timeout)


def examine_freezes(gate: Gate) -> Iterator[Diagnosis]:
    """Whether the deployment's calendar, if it names one, can be read here, and what it says now."""
    from stage_gate.configuration.calendar import read_freezes
    from stage_gate.configuration.settings import freezes
    from stage_gate.configuration.timing import zone_of

    file = freezes()
    if file is None:
        return
    calendar = read_freezes(file, zone_of(gate))
    opening = calendar.at(datetime.now(UTC))
    if calendar.problem or not (opening.is_open or opening.opens_at):
        said, _, remedy = opening.sentence.rpartition(". ")
        yield bad("Freezes", f"{said}, for every gate", remedy)
    else:
        yield good("Freezes", f"{file} is read. {opening.sentence}")


def reached_by(gate: Gate) -> list[str]:
    """The connections that a gate opens something with, and the hosts or checks that get what is in them."""
    ends = [end for site in gate.sites for end in site.endpoints]
    found = [f"{end.access} at {', '.join(sorted(end.hosts))}" for end in ends if end.access]
    found += [f"{name} in {check.kind}" for check in gate.plan.checks for _, name in names_in(check.settings)]
    return list(dict.fromkeys(found))


def examine_notifiers(gate: Gate) -> Iterator[Diagnosis]:
    """Whether people can be told by the connections that the gate names for it. Nobody is told anything."""
    for channel in Notify.model_fields:
        told = getattr(gate.settings.notify, channel)
        if told is None:
            continue
        remedy = f"Add the Airflow connection {told.connection!r}, or correct 'notify.{channel}.connection:'."
        try:
            refuse_to_tell(channel, told.connection)
        except AccessError as error:
            yield bad("Notify", f"{channel} tells nobody: {error}", remedy)
        except Exception as error:  # noqa: BLE001 - each secrets backend has errors of its own, which may quote secrets
            problem = f"connection {told.connection!r} can't be read ({type(error).__name__})"
            yield bad("Notify", f"{channel} tells nobody: {problem}", remedy)
        else:
            yield good("Notify", f"connection {told.connection!r} is there, and of the type for {channel}")


def examine_limits() -> Iterator[Diagnosis]:
    """Whether rate and budget hold for all machines together, where there may be several."""
    from adobe_cloud_manager.settings import Settings
    from stage_gate.configuration.settings import limits

    stores: dict[str, Callable[[], str]] = {
        "stage_gate": limits,
        "adobe_cloud_manager": lambda: Settings.load().limits,
    }
    for section, read in stores.items():
        try:
            yield from _judge_limits(section, read())
        except (ValueError, CloudManagerError) as error:
            yield bad("Limits", str(error), f"Correct [{section}] limits.")


def _judge_limits(section: str, url: str) -> Iterator[Diagnosis]:
    from adobe_cloud_manager.shared_slots import SharedSlots, StoreLost
    from stage_gate.configuration.settings import may_span_machines

    what = "the rate per host" if section == "stage_gate" else "the budget of Cloud Manager"
    if not url:
        if may_span_machines():
            remedy = f"Set [{section}] limits to the URL of a Redis that all workers reach."
            yield unknown("Limits", f"{what} holds for each machine alone, and tasks run on several", remedy)
        return
    try:
        SharedSlots(url).take("doctor", 1, 0.001)
    except StoreLost as error:
        remedy = f"Correct [{section}] limits; meanwhile each machine goes at a tenth of the rate."
        yield bad("Limits", f"the store of {what} can't be used: {error}", remedy)
    else:
        yield good("Limits", f"{what} holds for all machines together")


def examine_exposure(gate: Gate) -> Iterator[Diagnosis]:
    """What the team's suites and own checks could reach where this runs; nothing for a gate without any."""
    from stage_gate.observing.isolation import accepted, look_around, teams_checks, unaccepted

    if not teams_checks(gate):
        return
    found = look_around(gate)
    if not found:
        yield good("Suites", "nothing of Airflow was found in reach of suites and a team's own checks here")
    for exposure in found:
        stopped = unaccepted(gate, exposure) if gate.mode is Mode.GUARD else []
        if stopped:
            here = f"{exposure.sentence} So here guard mode does not run {', '.join(stopped)}."
            yield bad("Suites", here, exposure.remedy)
        else:
            yield unknown("Suites", exposure.sentence, exposure.remedy)
    for sentence in accepted(gate):
        yield unknown(
            "Suites", sentence, "Isolate the team's code as docs/isolation.md says, and remove that."
        )


def examine_cloud_manager(gate: Gate, timeout: float) -> Iterator[Diagnosis]:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

    hook = CloudManagerHook(gate.pipeline.connection, deadline=2 * timeout, request_timeout=timeout)
    try:
        account = hook.account
    except CloudManagerError as error:
        yield bad("Connection", str(error), "See the README's quick start for the fields of the connection.")
        return
    yield doctor.judge_scopes(account.credential.missing_scopes)
    yield examine_clock(account.settings.api_url, timeout)
    try:
        tenant = hook.get_tenant()
    except CloudManagerError as error:
        yield bad("Credential", str(error), _remedy(error))
        return
    yield good(
        "Credential",
        f"connection {gate.pipeline.connection!r} belongs to {tenant.description or tenant.name or tenant.id}",
    )
    if gate.pipeline.deciding != gate.pipeline.connection:
        yield _examine_deciding(gate, timeout)
    yield from _examine_pipeline(hook, gate)


def examine_clock(api_url: str, timeout: float) -> Diagnosis:
    answer = ask(api_url, private=True, seconds=timeout)  # the deployment itself says where
    return doctor.judge_clock(answer.date, datetime.now(UTC))


def _examine_deciding(gate: Gate, timeout: float) -> Diagnosis:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

    hook = CloudManagerHook(gate.pipeline.deciding, deadline=2 * timeout, request_timeout=timeout)
    found = _read(
        "Deciding credential",
        "the pipeline",
        lambda: hook.get_pipeline(gate.pipeline.program, gate.pipeline.pipeline),
    )
    return found[0]


def _examine_pipeline(hook: CloudManagerHook, gate: Gate) -> Iterator[Diagnosis]:
    program, pipeline_id = gate.pipeline.program, gate.pipeline.pipeline
    line, _ = _read("Program", f"program {program}", lambda: hook.get_program(program))
    yield line
    line, pipeline = _read(
        "Pipelines", f"pipeline {pipeline_id}", lambda: hook.get_pipeline(program, pipeline_id)
    )
    yield line
    if pipeline is None:
        return
    lines, source, tested = _examine_source(hook, gate)
    yield from lines
    yield doctor.judge_pair(pipeline, source) if source else doctor.judge_pipeline(pipeline)
    line, executions = _read(
        "Executions", "past executions", lambda: hook.list_executions(program, pipeline_id, limit=20)
    )
    yield line
    yield doctor.judge_pause(executions or (), gate.mode)
    yield doctor.judge_approve_right(gate.pipeline.deciding)
    ids: dict[Target, str | None] = {
        "stage": (source or pipeline).stage_environment_id,
        "production": pipeline.production_environment_id,
    }
    yield from _examine_environments(hook, gate, ids, (*(executions or ()), *tested))


def _examine_source(
    hook: CloudManagerHook, gate: Gate
) -> tuple[list[Diagnosis], Pipeline | None, tuple[Execution, ...]]:
    """The stage-only pipeline of a production-only one, and its past executions, where the gate file names it."""
    program, source = gate.pipeline.program, gate.pipeline.source_pipeline
    if source is None:
        return [], None, ()
    first, pipeline = _read("Source", f"pipeline {source}", lambda: hook.get_pipeline(program, source))
    second, executions = _read(
        "Source", "its past executions", lambda: hook.list_executions(program, source, limit=20)
    )
    return [first, second], pipeline, executions or ()


def _examine_environments(
    hook: CloudManagerHook,
    gate: Gate,
    ids: Mapping[Target, str | None],
    executions: tuple[Execution, ...],
) -> Iterator[Diagnosis]:
    hosts: dict[Target, frozenset[str]] = {}
    if ids["stage"] is not None:
        yield from examine_facts(hook, gate, ids["stage"])
    for target, environment_id in ids.items():
        if environment_id is None:
            continue
        lines, hosts[target] = _examine_environment(hook, gate, target, environment_id, executions)
        yield from lines
    stage, production = hosts.get("stage", frozenset()), hosts.get("production", frozenset())
    yield from doctor.judge_hosts(gate, "stage", stage, production)
    yield from doctor.judge_hosts(gate, "production", production, stage)


def _examine_environment(
    hook: CloudManagerHook, gate: Gate, target: Target, environment_id: str, executions: tuple[Execution, ...]
) -> tuple[list[Diagnosis], frozenset[str]]:
    program = gate.pipeline.program
    named = f"{target} environment {environment_id}"
    first, environment = _read("Environment", named, lambda: hook.get_environment(program, environment_id))
    domains, mappings = _read(
        "Domains", f"domains of the {named}", lambda: hook.list_domain_mappings(program, environment_id)
    )
    urls = [each.url for each in addresses_of_environment(executions, environment_id)]
    if environment is not None:
        urls += [environment.author_url or "", environment.publish_url or "", environment.preview_url or ""]
    hosts = {host_of(url) for url in urls if url}
    hosts.update(each.domain_name.lower() for each in mappings or () if each.is_host_of(environment_id))
    return [first, domains], frozenset(hosts - {""})


def addresses_of_environment(
    executions: tuple[Execution, ...], environment_id: str
) -> tuple[EnvironmentUrl, ...]:
    """What the newest deployment to an environment said of its addresses."""
    for execution in executions:
        for step in execution.steps:
            if step.environment_id == environment_id and step.environment_urls:
                return step.environment_urls
    return ()


def _read(what: str, thing: str, read: Callable[[], T]) -> tuple[Diagnosis, T | None]:
    try:
        value = read()
    except CloudManagerError as error:
        if isinstance(error, PermissionDenied | NotFound | CredentialError):
            return bad(what, f"{thing} can't be read: {error}", _remedy(error)), None
        return unknown(what, f"{thing} can't be read just now: {error}", "Try again later."), None
    return good(what, f"{thing} can be read"), value


def _remedy(error: CloudManagerError) -> str:
    if isinstance(error, PermissionDenied):
        return _PROFILE
    if isinstance(error, NotFound):
        return "Compare the ids in the gate file with Cloud Manager's address bar; 'python -m stage_gate init' lists them."
    if isinstance(error, CredentialError):
        return "Compare client id, secret and organisation with the credential's page in the Adobe Developer Console."
    return "Try again; if it stays, check the way from here to Adobe (proxy, firewall)."


def examine_sites(gate: Gate, access: AccessResolver, timeout: float) -> Iterator[Diagnosis]:
    for site in gate.sites:
        yield _examine_endpoint(f"Stage of site {site.name}", site.stage, site.pages[0], access, timeout)
        if site.production:
            what = f"Production of site {site.name}"
            found = _examine_endpoint(what, site.production, site.pages[0], access, timeout)
            yield doctor.milder(found)


def _examine_endpoint(
    what: str, endpoint: Endpoint, page: str, resolver: AccessResolver, timeout: float
) -> Diagnosis:
    try:
        access = resolver(endpoint.access).at(endpoint.url) if endpoint.access else None
    except AccessError as error:
        detail = f"connection {endpoint.access!r} can't be used: {error}"
        return bad(
            what,
            detail,
            error.remedy or f"Add the Airflow connection {endpoint.access!r}, or correct 'access:'.",
        )
    except Exception as error:  # noqa: BLE001 - each secrets backend has errors of its own, which may quote secrets
        detail = f"connection {endpoint.access!r} can't be read ({type(error).__name__})"
        return bad(what, detail, f"Add the Airflow connection {endpoint.access!r}, or correct 'access:'.")
    headers = access.request_headers if access else None
    answer = ask(endpoint.url + page, headers, private=endpoint.private, seconds=timeout)
    return doctor.judge_answer(what, answer, source_address(endpoint.url), access=endpoint.access)
