"""What is stage besides what pipelines make of it: its state and hosts, variables, content copies, restores?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from adobe_cloud_manager.environment_resources import (
    READY,
    ContentFlow,
    DomainMapping,
    Environment,
    RestoreExecution,
    Variable,
)
from adobe_cloud_manager.exceptions import CloudManagerError, UnexpectedAnswer
from adobe_cloud_manager.models import StepState
from adobe_cloud_manager.vocabulary import STAGE
from stage_gate.observing.side_by_side import ask_all
from stage_gate.rules.surroundings import READINGS, Fact, StageEvent, Unread, VariableSeen, Way

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook


@dataclass(kw_only=True)
class StageState:
    """What was found, in the words of ``surroundings.Surroundings``."""

    urls: list[str] = field(default_factory=list)
    """The environment's own addresses."""
    domains: list[str] = field(default_factory=list)
    """Names that lead to it."""
    unsettled_domains: dict[str, str] = field(default_factory=dict)
    status: str = READY
    variables: dict[str, VariableSeen] = field(default_factory=dict)
    events: list[StageEvent] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def readings_of(
    hook: CloudManagerHook, program_id: str, environment_id: str
) -> Mapping[Fact, Callable[[], Any]]:
    """What is asked for each fact about an environment."""
    return {
        Fact.ENVIRONMENT: partial(hook.get_environment, program_id, environment_id),
        Fact.DOMAIN_MAPPINGS: partial(hook.list_domain_mappings, program_id, environment_id),
        Fact.ENVIRONMENT_VARIABLES: partial(hook.list_environment_variables, program_id, environment_id),
        Fact.CONTENT_COPIES: partial(hook.list_content_flows, program_id),
        Fact.RESTORES: partial(hook.list_restore_executions, program_id, environment_id),
    }


def read_stage(hook: CloudManagerHook, program_id: str, step: StepState) -> StageState:
    """The environment that ``step``, its deployment, leads to, and what can't be read of it."""
    environment_id, since = step.environment_id or "", step.finished_at
    seen = StageState(urls=[each.url for each in step.environment_urls])
    notes: Mapping[Fact, Callable[[Any], None]] = {
        Fact.ENVIRONMENT: partial(_environment, seen),
        Fact.DOMAIN_MAPPINGS: partial(_domains, seen, environment_id),
        Fact.ENVIRONMENT_VARIABLES: partial(_variables, seen),
        Fact.CONTENT_COPIES: partial(_copies, seen, environment_id, since),
        Fact.RESTORES: partial(_restores, seen, since),
    }
    readings = readings_of(hook, program_id, environment_id)
    answers = ask_all(partial(_answer, ask) for ask in readings.values())
    for fact, answer in zip(readings, answers, strict=True):
        try:
            if isinstance(answer, CloudManagerError):
                raise answer
            notes[fact](answer)
        except CloudManagerError as error:
            call = READINGS[fact].call.format(program=program_id, environment=environment_id)
            seen.unread.append(Unread.because(error, fact, call))
    return seen


def _answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except CloudManagerError as error:
        return error


def _environment(seen: StageState, environment: Environment) -> None:
    if environment.type not in ("", STAGE):
        raise UnexpectedAnswer(
            f"Cloud Manager says that environment {environment.id} is of type {environment.type!r}."
        )
    seen.urls += [
        url for url in (environment.author_url, environment.publish_url, environment.preview_url) if url
    ]
    if not environment.status:
        raise UnexpectedAnswer("Cloud Manager does not say in which state the environment is.")
    seen.status = environment.status


def _domains(seen: StageState, environment_id: str, mappings: tuple[DomainMapping, ...]) -> None:
    own = [each for each in mappings if each.leads_to(environment_id)]
    seen.domains += [each.domain_name.lower() for each in own if each.is_in_effect]
    seen.unsettled_domains = {
        each.domain_name.lower(): each.status for each in own if each.domain_name.lower() not in seen.domains
    }


def _variables(seen: StageState, variables: tuple[Variable, ...]) -> None:
    for each in variables:
        name = f"{each.service} {each.name}" if each.service else each.name
        seen.variables[name] = VariableSeen(
            type=each.type, fingerprint=each.fingerprint, changes=each.is_changing
        )


def _copies(
    seen: StageState, environment_id: str, since: datetime | None, flows: tuple[ContentFlow, ...]
) -> None:
    for flow in flows:
        if flow.target_environment_id == environment_id and _may_be_later(flow, since):
            what = f"{flow.content_set!r}" if flow.content_set else "a content set without a name"
            told = f"content copy {flow.id} ({what} from environment {flow.source_environment_id}, {_times(flow)})"
            seen.events.append(StageEvent(way=Way.CONTENT_COPY, id=flow.id, runs=not flow.is_over, told=told))


def _restores(seen: StageState, since: datetime | None, restores: tuple[RestoreExecution, ...]) -> None:
    for each in restores:
        if _may_be_later(each, since):
            told = f"restore {each.id} ({_times(each)})"
            seen.events.append(StageEvent(way=Way.RESTORE, id=each.id, runs=not each.is_over, told=told))


def _may_be_later(change: ContentFlow | RestoreExecution, since: datetime | None) -> bool:
    """Whether it may have changed stage after ``since``: it did not end before, as far as its times say."""
    return not change.is_over or since is None or change.updated_at is None or change.updated_at > since


def _times(change: ContentFlow | RestoreExecution) -> str:
    parts = [f"begun {change.created_at:%Y-%m-%d %H:%M:%S} UTC"] if change.created_at else []
    parts.append(change.status or "no status")
    if change.is_over and change.updated_at:
        parts[-1] += f" {change.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    return ", ".join(parts)
