"""What changes stage, or has changed it since it was tested? Two looks at its surroundings, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adobe_cloud_manager.environment_resources import READY
from stage_gate.rules.surroundings import (
    ELSEWHERE,
    NONE,
    Fact,
    Source,
    StageEvent,
    Surroundings,
    VariableSeen,
    Way,
)

_PIPELINE = (
    "Pipeline {pipeline} runs {words} just now.",
    "Pipeline {pipeline} has run {words} on stage since the tests began.",
)
_SENTENCES: Mapping[Way, tuple[str, str]] = {
    Way.AEM_UPDATE: (
        "An AEM update changes stage just now: {words}.",
        "An AEM update has changed stage since the tests began: {words}.",
    ),
    Way.CONTENT_COPY: (
        "Content is copied into stage just now: {words}.",
        "Content was copied into stage since the tests began: {words}.",
    ),
    Way.RESTORE: (
        "Stage is restored from a backup just now: {words}.",
        "Stage was restored from a backup since the tests began: {words}.",
    ),
    Way.OWN_RELEASE: (
        "Pipeline {pipeline}, whose deployment is tested, runs again just now: {words}.",
        "Pipeline {pipeline}, whose deployment was tested, has run again since the tests began: {words}.",
    ),
    Way.OTHER_RELEASE: _PIPELINE,
    Way.DEPLOYMENT: _PIPELINE,
}
"""On something that goes on, and on something that has ended and was not there when the tests began."""


def told(event: StageEvent) -> str:
    """A sentence on what happened to stage, or happens."""
    goes_on, ended = _SENTENCES[event.way]
    return (goes_on if event.runs else ended).format(pipeline=event.pipeline, words=event.words)


def goes_on(seen: Surroundings) -> list[str]:
    """Sentences on what changed stage just when this was read."""
    return [
        *_not_ready(seen),
        *(told(each) for each in seen.events if each.runs),
        *_variables_in_change(seen),
    ]


def surrounding_changes(then: Surroundings, now: Surroundings) -> list[str]:
    """Sentences on everything that differs between stage as it was tested and as it was read again.

    What could not be read then can't be compared; that it could not be read is for the verdict to weigh. What can't be
    read now and could then is for ``surroundings.newly_unread``.
    """
    return [
        *_source_changes(then.source, now.source),
        *_environment_changes(then, now),
        *goes_on(now),
        *map(told, _new(then, now)),
        *_forgotten(then, now),
        *_variable_changes(then, now),
    ]


def _not_ready(seen: Surroundings) -> Iterator[str]:
    if seen.status != READY and seen.has_read(Fact.ENVIRONMENT):
        yield (
            f"Stage environment {seen.environment_id} is {seen.status or 'in no state that Cloud Manager tells'}, "
            f"not {READY}."
        )


def _variables_in_change(seen: Surroundings) -> Iterator[str]:
    changing = sorted(name for name, variable in seen.variables.items() if variable.changes)
    if changing:
        yield f"Variables of stage are being changed just now: {', '.join(changing)}."


def _new(then: Surroundings, now: Surroundings) -> list[StageEvent]:
    """What has ended and was not there then, or had not ended: it changed stage under the tests or after them."""
    ended = [each for each in then.events if not each.runs]
    return [each for each in now.events if not each.runs and not any(map(each.is_same, ended))]


def _source_changes(then: Source | None, now: Source | None) -> list[str]:
    if then == now:
        return []
    was, found = then or "no execution of another pipeline", now or "none"
    if str(was) == str(found):
        return [f"What Cloud Manager says of {found}, which was tested on stage, is not what it said then."]
    return [f"Tested on stage was {was}, and what goes to production comes from {found} now."]


def _environment_changes(then: Surroundings, now: Surroundings) -> list[str]:
    sentences = []
    if then.environment_id != now.environment_id:
        sentences.append(f"The stage environment was {then.environment_id} and is {now.environment_id} now.")
    if now.has_read(Fact.ENVIRONMENT) and now.has_read(Fact.DOMAIN_MAPPINGS):
        sentences += [
            f"{host} was a host of the stage environment, and Cloud Manager {now.listed_as(host)} now."
            for host in sorted(set(then.hosts) - set(now.hosts))
        ]
    return sentences


def _forgotten(then: Surroundings, now: Surroundings) -> Iterator[str]:
    """A pipeline that is gone, or whose last way to stage is told differently now without an event that explains it.

    One that led elsewhere may go: then as now it had nothing to do with stage.
    """
    for pipeline, before in sorted(then.other_pipelines.items()):
        after = now.other_pipelines.get(pipeline)
        unread = any(
            each.fact is Fact.OTHER_PIPELINES and each.subject in ("", pipeline) for each in now.unread
        )
        if before in (after, ELSEWHERE) or unread or now.latest_of(pipeline) is not None:
            continue
        if after is None:
            yield (
                f"Cloud Manager no longer lists pipeline {pipeline}, which led to stage, so nobody knows what it has done "
                "there since the tests began."
            )
        elif before != NONE:
            yield (
                f"Cloud Manager no longer shows what pipeline {pipeline} last did to stage: it was execution {before}, and "
                f"is {after} now."
            )


def _variable_changes(then: Surroundings, now: Surroundings) -> Iterator[str]:
    if not (then.has_read(Fact.ENVIRONMENT_VARIABLES) and now.has_read(Fact.ENVIRONMENT_VARIABLES)):
        return
    names = sorted({*then.variables, *now.variables})
    changed = [
        name for name in names if _settled(then.variables.get(name)) != _settled(now.variables.get(name))
    ]
    if changed:
        yield f"Variables of stage were changed since the tests began: {', '.join(changed)}."


def _settled(variable: VariableSeen | None) -> tuple[str, str] | None:
    return (variable.type, variable.fingerprint) if variable is not None else None
