"""Which requests make up each reading operation? Written once, without I/O, for tasks and triggers alike.

An operation is a generator: it yields a request, is sent the answer, and returns the result. A hook drives it
and looks after tokens, retries and time; a 429, a 5xx or a broken connection never gets this far.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from adobe_cloud_manager import environment_resources, models, resources
from adobe_cloud_manager.answers import Answer, read_json
from adobe_cloud_manager.exceptions import CredentialError, NotFound, UnexpectedAnswer
from adobe_cloud_manager.parsing import REL, listed, mapping, required_text, total_of
from adobe_cloud_manager.protocol import (
    api_path,
    content_range_total,
    log_location,
    next_link,
    tail_text,
    with_query,
)

PAGE = 20
"""Items on a page of executions, as Adobe's own library asks for."""
MOST_PAGES = 500
LONGEST_TAIL = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Get:
    """A GET of a path or link of the API; ``what`` names it in a sentence."""

    href: str
    what: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """A GET of a signed address outside the API, without any of Adobe's headers.

    Asks for the bytes ``start`` to ``end`` (inclusive); only the last ``keep`` bytes of the answer are kept.
    """

    url: str = field(repr=False)
    what: str
    start: int
    end: int | None
    keep: int


Request: TypeAlias = Get | Fetch


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
R = TypeVar("R", bound=_Identified)
Operation: TypeAlias = Generator[Request, Answer, T]


def tenant() -> Operation[resources.Tenant]:
    """The customer. Raises ``CredentialError`` where the credential sees none."""
    items = yield from _pages(api_path("tenants"), "the list of tenants", "tenants")
    if not items:
        raise CredentialError(
            "Cloud Manager shows this credential no tenant: add a Cloud Manager product profile to it in the "
            "Adobe Developer Console."
        )
    return resources.Tenant.parse(items[0])


def programs() -> Operation[tuple[resources.Program, ...]]:
    """All programs of the tenant; by the older ``/api/programs`` where the newer way answers 404."""
    what = "the list of programs"
    try:
        customer = yield from tenant()
        path = customer.links.get(f"{REL}programs") or api_path("tenant", customer.id, "programs")
        items = yield from _pages(path, what, "programs")
    except NotFound:
        items = yield from _pages(api_path("programs"), what, "programs")
    return tuple(resources.Program.parse(item) for item in items)


def program(program_id: str) -> Operation[resources.Program]:
    """One program. Raises ``UnexpectedAnswer`` where another one is answered."""
    path = api_path("program", program_id)
    return (yield from _item(path, f"program {program_id}", resources.Program.parse, program_id))


def pipelines(program_id: str) -> Operation[tuple[resources.Pipeline, ...]]:
    """All pipelines of a program."""
    path = api_path("program", program_id, "pipelines")
    items = yield from _pages(path, f"the pipelines of program {program_id}", "pipelines")
    return tuple(resources.Pipeline.parse(item) for item in items)


def pipeline(program_id: str, pipeline_id: str) -> Operation[resources.Pipeline]:
    """One pipeline. Raises ``UnexpectedAnswer`` where another one is answered."""
    path = api_path("program", program_id, "pipeline", pipeline_id)
    return (yield from _item(path, f"pipeline {pipeline_id}", resources.Pipeline.parse, pipeline_id))


def environments(program_id: str) -> Operation[tuple[environment_resources.Environment, ...]]:
    """All environments of a program."""
    path = api_path("program", program_id, "environments")
    items = yield from _pages(path, f"the environments of program {program_id}", "environments")
    return tuple(environment_resources.Environment.parse(item) for item in items)


def environment(program_id: str, environment_id: str) -> Operation[environment_resources.Environment]:
    """One environment. Raises ``UnexpectedAnswer`` where another one is answered."""
    path = api_path("program", program_id, "environment", environment_id)
    parse = environment_resources.Environment.parse
    return (yield from _item(path, f"environment {environment_id}", parse, environment_id))


def domain_mappings(
    program_id: str, environment_id: str
) -> Operation[tuple[environment_resources.DomainMapping, ...]]:
    """The domains of an environment: this list comes without ``_embedded`` and pages."""
    path = api_path("program", program_id, "environment", environment_id, "domain-mappings")
    items = yield from _pages(path, f"the domain mappings of environment {environment_id}", "domainMappings")
    return tuple(environment_resources.DomainMapping.parse(item) for item in items)


def ip_allow_list_bindings(program_id: str) -> Operation[tuple[environment_resources.AllowListBinding, ...]]:
    """Every IP allow list of a program with each environment that it is bound to.

    The specification has the bindings inside of the lists; where they are not, each list is asked for its own.
    """
    what = f"the IP allow lists of program {program_id}"
    found: list[environment_resources.AllowListBinding] = []
    for item in (yield from _pages(api_path("program", program_id, "ipAllowlists"), what, "ipAllowlists")):
        name, bindings = required_text(item, "name", "an IP allow list"), item.get("bindings")
        if not isinstance(bindings, list):
            path = api_path("program", program_id, "ipAllowlist", required_text(item, "id", what), "bindings")
            bindings = yield from _pages(path, f"the bindings of {what}", "ipAllowlistBindings")
        found += [environment_resources.AllowListBinding.parse(each, name) for each in bindings]
    return tuple(found)


def advanced_networking(
    program_id: str, environment_id: str
) -> Operation[tuple[environment_resources.AdvancedNetworking, ...]]:
    """The advanced networking configurations of an environment; none where it has none (404)."""
    path = api_path("program", program_id, "environment", environment_id, "advancedNetworking")
    what = f"the advanced networking of environment {environment_id}"
    try:
        items = yield from _pages(path, what, "networkingConfigurations")
    except NotFound:
        return ()
    return tuple(environment_resources.AdvancedNetworking.parse(item) for item in items)


def restore_points(
    program_id: str, environment_id: str
) -> Operation[tuple[environment_resources.RestorePoint, ...]]:
    """The backups of an environment, with the AEM release of each."""
    path = api_path("program", program_id, "environment", environment_id, "restorePoints")
    what = f"the restore points of environment {environment_id}"
    items = yield from _pages(path, what, "restorePointsDetails")
    return tuple(environment_resources.RestorePoint.parse(item) for item in items)


def content_flows(program_id: str) -> Operation[tuple[environment_resources.ContentFlow, ...]]:
    """Every content copy between environments of a program."""
    path = with_query(api_path("program", program_id, "contentFlows"), start=0, limit=PAGE)
    items = yield from _pages(path, f"the content copies of program {program_id}", "contentFlows")
    return tuple(environment_resources.ContentFlow.parse(item) for item in items)


def restore_executions(
    program_id: str, environment_id: str
) -> Operation[tuple[environment_resources.RestoreExecution, ...]]:
    """Every restore of an environment from a backup."""
    path = api_path("program", program_id, "environment", environment_id, "restoreExecutions")
    what = f"the restores of environment {environment_id}"
    items = yield from _pages(with_query(path, start=0, limit=PAGE), what, "restoreExecutions")
    return tuple(environment_resources.RestoreExecution.parse(item) for item in items)


def executions(program_id: str, pipeline_id: str, limit: int) -> Operation[tuple[models.Execution, ...]]:
    """The newest ``limit`` executions of a pipeline, the newest first.

    Raises ``UnexpectedAnswer`` where one says that it is of another pipeline.
    """
    path = api_path("program", program_id, "pipeline", pipeline_id, "executions")
    path = with_query(path, start=0, limit=max(1, min(limit, PAGE)))
    items = yield from _pages(path, f"the executions of pipeline {pipeline_id}", "executions", limit)
    found = tuple(models.Execution.parse(item) for item in items)
    stranger = next((each for each in found if each.pipeline_id not in ("", pipeline_id)), None)
    if stranger is not None:
        raise UnexpectedAnswer(
            f"Cloud Manager was asked for executions of pipeline {pipeline_id} and answered {stranger.id} of "
            f"{stranger.pipeline_id}."
        )
    return found


def execution(program_id: str, pipeline_id: str, execution_id: str) -> Operation[models.Execution]:
    """One execution. Raises ``UnexpectedAnswer`` where another one is answered."""
    path = api_path("program", program_id, "pipeline", pipeline_id, "execution", execution_id)
    return (yield from _item(path, f"execution {execution_id}", models.Execution.parse, execution_id))


def current_execution(program_id: str, pipeline_id: str) -> Operation[models.Execution | None]:
    """The execution that runs or waits now; ``None`` where none does (404)."""
    path = api_path("program", program_id, "pipeline", pipeline_id, "execution")
    try:
        return (yield from _item(path, f"the current execution of {pipeline_id}", models.Execution.parse))
    except NotFound:
        return None


def step_state(step: models.StepState) -> Operation[models.StepState]:
    """The step as it is now."""
    what = f"step {step.step_id} of execution {step.execution_id}"
    found = yield from _item(step.links.get("self") or step.path, what, models.StepState.parse)
    if (found.step_id, found.phase_id) != (step.step_id, step.phase_id):
        raise UnexpectedAnswer(f"Cloud Manager was asked for {what} and answered step {found.step_id}.")
    return found


def metrics(step: models.StepState) -> Operation[tuple[resources.Metric, ...]]:
    """The quality metrics of a step; none where it has no such link, or where the answer is ``{}`` or 404."""
    if not step.metrics_link:
        return ()
    what = f"the metrics of step {step.step_id}"
    answer = yield Get(step.metrics_link, what)
    items = [] if answer.status == 404 else listed(read_json(answer, what), "metrics", what)
    return tuple(resources.Metric.parse(item) for item in items)


def artifacts(step: models.StepState) -> Operation[tuple[resources.Artifact, ...]]:
    """The files that a step left behind."""
    href = f"{step.links.get('self') or step.path}/artifacts"
    items = yield from _pages(href, f"the artifacts of step {step.step_id}", "artifacts")
    return tuple(resources.Artifact.parse(item) for item in items)


def environment_variables(
    program_id: str, environment_id: str
) -> Operation[tuple[environment_resources.Variable, ...]]:
    """An environment's variables, without their values."""
    path = api_path("program", program_id, "environment", environment_id, "variables")
    items = yield from _pages(path, f"the variables of environment {environment_id}", "variables")
    return tuple(environment_resources.Variable.parse(item) for item in items)


def pipeline_variables(
    program_id: str, pipeline_id: str
) -> Operation[tuple[environment_resources.Variable, ...]]:
    """A pipeline's variables, without their values."""
    path = api_path("program", program_id, "pipeline", pipeline_id, "variables")
    items = yield from _pages(path, f"the variables of pipeline {pipeline_id}", "variables")
    return tuple(environment_resources.Variable.parse(item) for item in items)


def step_log(step: models.StepState, file: str | None, tail: int, *, allow_loopback: bool) -> Operation[str]:
    """The last ``tail`` bytes of a step's log; empty where there is none yet.

    The storage behind the redirect understands ``bytes=N-`` but not every one understands ``bytes=-N``, so
    the first answer tells the length and a long log takes a second request.
    """
    if not step.logs_link:
        return ""
    tail = max(1, min(tail, LONGEST_TAIL))
    what = f"the log of step {step.action} ({step.step_id})"
    answer = yield Get(with_query(step.logs_link, file=file) if file else step.logs_link, what)
    if answer.status == 404:
        return ""
    url = log_location(answer, what, allow_loopback=allow_loopback)
    first = yield Fetch(url, what, 0, tail - 1, tail)
    total = content_range_total(first.headers)
    if first.status == 206 and total is not None and total > tail:
        last = yield Fetch(url, what, total - tail, None, tail)
        if last.status in (200, 206):
            return tail_text(last.body, tail, cut=True)
    return _log_text(first, tail, what)


def _log_text(answer: Answer, tail: int, what: str) -> str:
    if answer.status in (404, 416):
        return ""
    if answer.status not in (200, 206):
        raise UnexpectedAnswer(f"The storage of {what} answered {answer.status}.", status=answer.status)
    return tail_text(answer.body, tail, cut=answer.cut)


def _item(href: str, what: str, parse: Callable[[object], R], wanted: str | None = None) -> Operation[R]:
    """Raises ``UnexpectedAnswer`` where another one than the ``wanted`` is answered."""
    found = parse(read_json((yield Get(href, what)), what))
    if wanted is not None and found.id != wanted:
        raise UnexpectedAnswer(f"Cloud Manager was asked for {what} and answered {found.id}.")
    return found


def _pages(href: str, what: str, name: str, limit: int | None = None) -> Operation[list[Mapping[str, Any]]]:
    """The items of a list, until a page brings nothing new: a ``next`` link follows even the last.

    Raises ``UnexpectedAnswer`` where these are fewer than Cloud Manager says that there are.
    """
    items: dict[str, Mapping[str, Any]] = {}
    visited: set[str] = set()
    total = 0
    following: str | None = href
    while following and following not in visited:
        if len(visited) >= MOST_PAGES:
            raise UnexpectedAnswer(f"Cloud Manager answered {what} in more than {MOST_PAGES} pages.")
        visited.add(following)
        document = read_json((yield Get(following, what)), what)
        total = max(total, total_of(document))
        before = len(items)
        for item in listed(document, name, what):
            items.setdefault(_identity(item, what), item)
        if len(items) == before or (limit is not None and len(items) >= limit):
            break
        following = next_link(document)
    if len(items) < (total if limit is None else min(total, limit)):
        raise UnexpectedAnswer(
            f"Cloud Manager answered {what} with {len(items)} of the {total} that it says there are."
        )
    return list(items.values())[:limit]


def _identity(item: object, what: str) -> str:
    found = mapping(item, f"an item of {what}")
    return str(found["id"]) if found.get("id") else json.dumps(found, sort_keys=True)
