"""What would stop this gate? Pure judgements of what was read; ``doctor_visit`` does the reading."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from adobe_cloud_manager.models import Execution, Pipeline
from adobe_cloud_manager.unasked import unplaced_approval
from aem_checks.browser.check import BrowserCheck
from aem_checks.browser.finding import REMEDY, NoChromium, find_chromium
from aem_checks.browser.lighthouse import REMEDY as LIGHTHOUSE_REMEDY
from aem_checks.browser.lighthouse import NoLighthouse, find_lighthouse
from aem_checks.network_guard.connecting import allowed_addresses
from aem_checks.network_guard.outer_proxy import outer_proxy
from aem_checks.network_guard.rule import NotAllowed, Rule
from aem_checks.sites import Endpoint, SiteConfig, Target
from aem_checks.text import plain
from aem_checks.urls import DEFAULT_PORTS
from stage_gate.commands.diagnosis import Diagnosis, State, bad, good, unknown
from stage_gate.commands.site_probe import SiteAnswer
from stage_gate.configuration.gate import Gate
from stage_gate.rules.candidate import host_of
from stage_gate.rules.decision import Mode

MAX_SKEW_SECONDS = 30

_NO_IMAGE = frozenset({"front-end", "web-tier", "config", "production without a build phase"})

_PAUSE_REMEDY = (
    "In Cloud Manager edit the production pipeline and switch on 'Pause before deploying to Production' "
    "(go-live approval)."
)


def judge_scopes(missing: Sequence[str]) -> Diagnosis:
    if missing:
        return bad(
            "Scopes",
            f"the connection does not ask for {', '.join(missing)}",
            "Remove 'scopes' from the connection's extra, or list all scopes that the credential's page shows.",
        )
    return good("Scopes", "the connection asks for all that Cloud Manager needs")


def judge_reach(reached: Sequence[str], patterns: Sequence[str]) -> Iterator[Diagnosis]:
    """What a gate file hands to the hosts and checks that it names, and what it could hand to them."""
    opened = f"opens sites with {', '.join(reached)}" if reached else "opens no site with a connection"
    yield good("Reach", f"this gate {opened}")
    if patterns:
        yield good("Reach", f"gates can open sites with the connections {', '.join(patterns)} only")
        return
    yield unknown(
        "Reach",
        "a gate file can name any connection of type HTTP or Generic and the host that gets what is in it",
        "Set [stage_gate] site_connections (AIRFLOW__STAGE_GATE__SITE_CONNECTIONS) to the names of those that open sites, "
        "such as wknd_*, and let each of them name its host.",
    )


def judge_pipeline(pipeline: Pipeline) -> Diagnosis:
    """Whether there is anything between stage and production that this pipeline does."""
    label = f"{pipeline.name!r} is a pipeline of kind {pipeline.kind!r}"
    if pipeline.kind == "full stack production":
        return good("Pipeline", label)
    if not (pipeline.stage_environment_id and pipeline.production_environment_id):
        return bad(
            "Pipeline",
            f"{label}: it does not deploy to stage and then to production",
            "Guard the production pipeline; 'python -m stage_gate init' lists those that can be guarded.",
        )
    if pipeline.kind in _NO_IMAGE:
        return good(
            "Pipeline", f"{label}: it builds no image and Cloud Manager runs no tests in it; that is normal"
        )
    return unknown("Pipeline", f"{label}, which is not known here", "Try the gate in shadow mode first.")


def judge_pair(pipeline: Pipeline, source: Pipeline) -> Diagnosis:
    """Whether one of a split pair stops before production and the other one deploys to stage alone."""
    label = f"{source.name!r} ({source.id}) tests on stage what {pipeline.name!r} ({pipeline.id}) takes to production"
    remedy = "Name the production-only pipeline as 'pipeline' and the stage-only one as 'source.pipeline'."
    if pipeline.stage_environment_id or not pipeline.production_environment_id:
        return bad("Pipeline", f"{pipeline.name!r} is a pipeline of kind {pipeline.kind!r}", remedy)
    if source.production_environment_id or not source.stage_environment_id:
        return bad("Pipeline", f"the source {source.name!r} is a pipeline of kind {source.kind!r}", remedy)
    return good("Pipeline", label)


def judge_pause(executions: Iterable[Execution], mode: Mode) -> Diagnosis:
    """Whether the pipeline pauses before production, as its newest execution with a production part shows.

    Cloud Manager's API does not tell the option itself.
    """
    for execution in executions:
        if execution.production_approval is not None:
            return good("Go-live pause", f"on: execution {execution.id} has an approval before production")
        if unplaced_approval(execution) is not None:
            detail = f"execution {execution.id} has an approval that does not say for which environment it is"
            remedy = "The gate holds there and never acts: decide in Cloud Manager, and tell Adobe's support."
            return unknown("Go-live pause", detail, remedy)
        if execution.production_deployment is not None and not execution.is_aem_update:
            detail = f"off: execution {execution.id} deploys to production without an approval step"
            if mode is Mode.GUARD:
                return bad("Go-live pause", f"{detail}, so this gate can hold nothing", _PAUSE_REMEDY)
            return unknown(
                "Go-live pause", f"{detail}; in shadow mode stage is tested all the same", _PAUSE_REMEDY
            )
    return unknown(
        "Go-live pause",
        "no past execution tells whether the pipeline pauses before production",
        "Look in Cloud Manager that 'Pause before deploying to Production' is on.",
    )


def judge_approve_right(connection: str) -> Diagnosis:
    """The right to approve shows only in use, and using it is an approval."""
    return unknown(
        "Right to approve",
        f"whether connection {connection!r} may approve and reject can't be tried without doing it",
        "Give its product profile the permission 'Production Deployments Approve/Reject' "
        "(Deployment Manager, Program Manager and Business Owner have it).",
    )


def judge_hosts(gate: Gate, target: Target, own: frozenset[str], other: frozenset[str]) -> list[Diagnosis]:
    """Whether the addresses of the sites belong to the pipeline's environment of this target.

    ``own`` are the hosts of that environment, ``other`` those of the pipeline's other environment.
    """
    found = []
    for site in gate.sites:
        endpoint = site.stage if target == "stage" else site.production
        if endpoint is not None:
            what = f"Host of {target}, site {site.name}"
            found.append(_judge_host(what, endpoint, target, own, other))
            if target == "stage" and host_of(endpoint.identity) in own:
                found += _judge_asked(what, host_of(endpoint.url), gate, own)
    return found


def _judge_asked(what: str, asked: str, gate: Gate, own: frozenset[str]) -> list[Diagnosis]:
    """A host that stands before AEM's own: only Cloud Manager's list or a build marker shows that stage answers there."""
    if asked in own or all(site.build_marker for site in gate.sites):
        return []
    detail = (
        f"it is asked at {asked}, which Cloud Manager does not list for the stage environment of the pipeline"
    )
    remedy = "Map that domain to stage in Cloud Manager, ask stage at its own host, or name a 'build_marker' for every site."
    if gate.mode is Mode.GUARD:
        return [bad(what, f"{detail}, so its checks prove nothing", remedy)]
    return [unknown(what, f"{detail}; in guard mode its checks would prove nothing", remedy)]


def _judge_host(
    what: str, endpoint: Endpoint, target: Target, own: frozenset[str], other: frozenset[str]
) -> Diagnosis:
    host = host_of(endpoint.identity)
    if host in own:
        return good(what, f"{host} belongs to the {target} environment of the pipeline")
    known = f"Its hosts are {', '.join(sorted(own))}" if own else "No host of it could be read"
    if host in other:
        remedy = f"{known}. Write one of them; were stage and production swapped?"
        return bad(what, f"{host} belongs to the pipeline's other environment, not to {target}", remedy)
    if target == "production":
        return unknown(
            what,
            f"{host} is not listed for the production environment",
            f"{known}. Behind your own CDN: name AEM's address as 'origin:'.",
        )
    remedy = (
        f"{known}. Write one of them, or name AEM's address as 'origin:' where your own CDN stands before it."
    )
    return bad(what, f"{host} does not belong to the stage environment of the pipeline", remedy)


def judge_answer(what: str, answer: SiteAnswer, source: str, *, access: str | None) -> Diagnosis:
    """What the answer of a site to this machine means for the gate's checks."""
    here = f"asked from {source}" if source else "no route from here"
    if not answer.status:
        return bad(
            what,
            f"{answer.url} gave no answer: {answer.error} ({here})",
            "Check host name, DNS, route and firewall.",
        )
    said = f"{answer.url} answers {answer.status} ({here})"
    if answer.status == 405:
        remedy = (
            f"405 is how an AEM IP allow list refuses. Add the public address of this machine (here it is {source or 'unknown'}, "
            "a router may show another) to the allow list of the environment in Cloud Manager."
        )
        return bad(what, said, remedy)
    if answer.status in (401, 403):
        return bad(what, said, _access_remedy(access))
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "")
        return good(what, f"{said}, a redirect to {plain(target, 200)!r}")
    if answer.status == 404:
        return bad(what, said, "Correct the first path under 'pages:'.")
    if answer.status >= 400:
        return bad(what, said, "Repair the site first; the gate would find the same.")
    return good(what, said)


def milder(found: Diagnosis) -> Diagnosis:
    """The same about production: what is wrong there spoils the tests after the release, not the gate."""
    return replace(found, state=State.UNKNOWN) if found.state is State.BAD else found


def _access_remedy(access: str | None) -> str:
    if access:
        return f"Check login, password, edge key or token in the Airflow connection {access!r}, and firewall rules."
    return "The site is protected: put its credentials into an Airflow connection and name it with 'access:'."


def judge_clock(server: datetime | None, here: datetime) -> Diagnosis:
    """Both times aware. More than 30 s apart, tokens and the order of events can't be trusted."""
    if server is None:
        return unknown("Clock", "Cloud Manager's answer names no time to compare with")
    seconds = round((here - server).total_seconds())
    if abs(seconds) <= MAX_SKEW_SECONDS:
        return good("Clock", f"{abs(seconds)} s from Adobe's")
    way = "ahead of" if seconds > 0 else "behind"
    return bad(
        "Clock",
        f"this machine is {abs(seconds)} s {way} Adobe's clock",
        "Switch on time synchronisation (NTP).",
    )


def examine_browser(gate: Gate) -> Iterator[Diagnosis]:
    """Which Chromium the checks would use here; nothing for a gate that opens no pages."""
    keys = [check.key for check in gate.plan.checks if issubclass(check.check_type, BrowserCheck)]
    if not keys:
        return
    named = ", ".join(keys)
    try:
        found = find_chromium()
        yield good("Chromium", f"{found.version()} ({found.origin}, {found.path}) opens pages for {named}")
    except NoChromium as error:
        detail, _, remedy = str(error).partition(": ")
        to_do = remedy or REMEDY
        to_do = f"{to_do[0].upper()}{to_do[1:]}. Without that these checks are inconclusive: {named}."
        yield unknown("Chromium", detail, to_do)
    yield from _lighthouse(gate)


def _lighthouse(gate: Gate) -> Iterator[Diagnosis]:
    """Which Lighthouse measures; nothing for a gate that has nothing measured by one."""
    wanted = [check for check in gate.plan.checks if check.kind == "web_vitals"]
    settings = [getattr(check.settings, "measured_by", None) for check in wanted]
    if all(each == "chromium" for each in settings):
        return
    named = ", ".join(check.key for check in wanted)
    try:
        found = find_lighthouse()
        yield good("Lighthouse", f"{found.version} ({found.root}) measures for {named}")
    except NoLighthouse as error:
        without = "it has no answer" if "lighthouse" in settings else "Chromium alone measures"
        yield unknown(
            "Lighthouse", str(error), f"To have it, {LIGHTHOUSE_REMEDY}. Without one {without}: {named}."
        )


def examine_addresses(gate: Gate) -> Iterator[Diagnosis]:
    """Names of sites that resolve to addresses which no check contacts; nothing where all are as they should be."""
    for site in gate.sites:
        for endpoint in site.endpoints:
            if why := _refusal(site, endpoint):
                yield bad(
                    f"Address of {endpoint.host}",
                    why,
                    "Correct the name's DNS entry, or say that it is meant.",
                )


def _refusal(site: SiteConfig, endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.url)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    host = parts.hostname or ""
    if outer_proxy(parts.scheme, host) is not None:
        return ""  # it resolves the name
    try:
        asyncio.run(allowed_addresses(Rule.for_site(site), host, port))
    except NotAllowed as error:
        return str(error)
    except OSError:
        return ""  # that there is no answer is told where the site is asked
    return ""
