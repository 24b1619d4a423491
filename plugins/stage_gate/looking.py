"""What does every guarded pipeline run just now? One call per pipeline, and none waits for another that is slow."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
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


def look(pipelines: Iterable[Asked]) -> Iterator[Seen]:
    """What each of them runs, as the answers come. Never raises for what is wrong with one of them."""
    asked = list(pipelines)
    hooks, troubles = _hooks({each.connection for each in asked})
    for each in asked:
        if each.connection in troubles:
            yield Seen(each, None, troubles[each.connection])
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = [
            threads.submit(_ask, hooks[each.connection], each) for each in asked if each.connection in hooks
        ]
        for answer in as_completed(answers):
            yield answer.result()


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
    try:
        return Seen(asked, hook.get_current_execution(asked.program_id, asked.pipeline_id))
    except Exception as error:  # noqa: BLE001 - as above
        return Seen(asked, None, str(error))
