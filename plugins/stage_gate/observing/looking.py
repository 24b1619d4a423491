"""What does every guarded pipeline run just now? One call per pipeline, and none waits for another that is slow."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.models import Execution
    from stage_gate.configuration.gate import Gate

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Pipelines that are asked at the same time."""
PATIENCE = 20.0
"""Seconds for one pipeline with all retries; the next look comes soon enough."""
PATIENCE_WITH_BUDGET = 80.0
"""The same where too much was asked: a minute later there is room again, and the next look would begin with the same ones."""

FEW = 25
"""So many guarded pipelines are asked at every event: it may tell of one and another one's may be lost."""
ALL_AT_MOST_EVERY = timedelta(minutes=1)
"""How often events have all of more pipelines asked. A release sends some thirty events: each has its own asked."""


@dataclass(frozen=True)
class Asked:
    """One pipeline, and the connection that reads it."""

    connection: str
    program_id: str
    pipeline_id: str


@dataclass(frozen=True)
class Seen:
    """What a pipeline answered: an execution, nothing, or why it can't be asked."""

    asked: Asked
    execution: Execution | None
    trouble: str = ""


def load_gates(paths: Iterable[Path]) -> tuple[list[Gate], dict[str, str]]:
    """The gates of these files, and what is wrong with each file that is none, by its name."""
    from stage_gate.configuration.gate_file import load_gate_for_run

    gates: list[Gate] = []
    troubles: dict[str, str] = {}
    for path in paths:
        try:
            gates.append(load_gate_for_run(path))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one gate, the others have to start
            troubles[path.stem] = f"{path.name}: {error}"
    return gates, troubles


def pipelines_of(gates: Iterable[Gate], named: Iterable[str] | None = None) -> dict[Asked, list[Gate]]:
    """Each guarded pipeline once, with its gates; of them those that are ``named`` (``program/pipeline/…``), if given."""
    wanted = None if named is None else {tuple(subject.split("/")[:2]) for subject in named}
    found: dict[Asked, list[Gate]] = {}
    for gate in gates:
        pipeline = gate.pipeline
        if wanted is None or (pipeline.program, pipeline.pipeline) in wanted:
            found.setdefault(Asked(pipeline.connection, pipeline.program, pipeline.pipeline), []).append(gate)
    return found


def all_are_due(pipelines: int, store: Path, now: datetime) -> bool:
    """Whether an event has all pipelines asked and not only its own: they are few, or the last time is a minute ago.

    The note of that is a plain file: one that somebody forged keeps events from having all asked, and never the timer,
    which asks all of them whatever it says.
    """
    if pipelines <= FEW:
        return True
    try:
        last = datetime.fromisoformat(_all_asked(store).read_text())
        return not timedelta() <= now - last < ALL_AT_MOST_EVERY
    except (OSError, ValueError, TypeError):
        return True


def note_all_asked(store: Path, now: datetime) -> None:
    """Remember when all were asked; where that can't be written, the next event has all asked again."""
    from stage_gate.evidence.files import EvidenceError, write

    try:
        write(_all_asked(store), now.isoformat().encode())
    except EvidenceError as error:
        log.warning("It could not be noted that all pipelines were asked: %s", error)


def _all_asked(store: Path) -> Path:
    return store / "starts" / "all-asked.txt"


def look(pipelines: Iterable[Asked]) -> Iterator[Seen]:
    """What each of them runs, as the answers come. Never raises for what is wrong with one of them."""
    asked = list(pipelines)
    hooks, troubles = _hooks({each.connection for each in asked})
    silent: list[Asked] = []
    for each in asked:
        if each.connection in troubles:
            yield Seen(each, None, troubles[each.connection])
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = [
            threads.submit(_ask, hooks[each.connection], each) for each in asked if each.connection in hooks
        ]
        for answer in as_completed(answers):
            seen = answer.result()
            if seen.execution is None and not seen.trouble:
                silent.append(seen.asked)
            else:
                yield seen
    yield from _silent(hooks, silent)


def _silent(hooks: Mapping[str, CloudManagerHook], asked: Iterable[Asked]) -> Iterator[Seen]:
    """A pipeline that runs nothing and one that is not there both answer 404; the list of its program tells which."""
    from adobe_cloud_manager.hooks.patience import is_retryable

    programs: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        programs.setdefault((each.connection, each.program_id), []).append(each)
    for (connection, program_id), silent in programs.items():
        try:
            known = {pipeline.id for pipeline in hooks[connection].list_pipelines(program_id)}
        except Exception as error:  # noqa: BLE001 - as above
            passing = is_retryable(error)
            log.log(logging.WARNING if passing else logging.ERROR, "Program %s: %s", program_id, error)
            yield from (Seen(each, None, "" if passing else str(error)) for each in silent)
            continue
        for each in silent:
            yield Seen(each, None, "" if each.pipeline_id in known else _unknown(each))


def _unknown(asked: Asked) -> str:
    return (
        f"Cloud Manager knows no pipeline {asked.pipeline_id} in program {asked.program_id}, or the connection "
        f"{asked.connection} may not see it: compare the ids in the gate file, and the credential's product profile."
    )


def _hooks(connections: Iterable[str]) -> tuple[Mapping[str, CloudManagerHook], Mapping[str, str]]:
    """One hook per connection, its credential read: threads don't ask Airflow for connections."""
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

    hooks: dict[str, CloudManagerHook] = {}
    troubles: dict[str, str] = {}
    for name in sorted(connections):
        hook = CloudManagerHook(name, deadline=PATIENCE, request_timeout=PATIENCE / 2)
        try:
            hook.log_in()
        except Exception as error:  # noqa: BLE001 - as above
            troubles[name] = str(error)
        else:
            hooks[name] = hook
    return hooks, troubles


def _ask(hook: CloudManagerHook, asked: Asked) -> Seen:
    from adobe_cloud_manager.exceptions import RateLimited

    try:
        try:
            return Seen(asked, hook.get_current_execution(asked.program_id, asked.pipeline_id))
        except RateLimited:
            patient = copy(hook)
            patient.deadline = PATIENCE_WITH_BUDGET
            return Seen(asked, patient.get_current_execution(asked.program_id, asked.pipeline_id))
    except Exception as error:  # noqa: BLE001 - as above
        return Seen(asked, None, str(error))
