"""Can everything be read that could show a change of stage? The calls that the gate makes when it tests and decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from stage_gate.commands.diagnosis import Diagnosis, bad, good, unknown
from stage_gate.observing.stage_environment import readings_of
from stage_gate.rules.decision import Mode
from stage_gate.rules.surroundings import READINGS, Fact, remedy_for

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.configuration.gate import Gate


def examine_facts(hook: CloudManagerHook, gate: Gate, environment_id: str) -> Iterator[Diagnosis]:
    """A line for each fact about changes of the stage environment."""
    program, tested = gate.pipeline.program, gate.pipeline.source_pipeline or gate.pipeline.pipeline
    readings: Mapping[Fact, Callable[[], object]] = {
        Fact.OWN_EXECUTIONS: partial(hook.list_executions, program, tested, limit=1),
        Fact.OTHER_PIPELINES: partial(_read_others, hook, program, tested),
        **readings_of(hook, program, environment_id),
    }
    for fact, read in readings.items():
        try:
            read()
        except CloudManagerError as error:
            yield judge_unread(fact, error, gate)
        else:
            yield good(f"Fact {fact}", f"{READINGS[fact].question} can be read")


def judge_unread(fact: Fact, error: CloudManagerError, gate: Gate) -> Diagnosis:
    """What follows from a fact that can't be read: in a gate that acts, every release is held."""
    what, detail = f"Fact {fact}", f"nobody can tell {READINGS[fact].question}: {error}"
    if fact in gate.policy.accept_unread:
        return unknown(
            what,
            f"{detail} The gate file accepts that.",
            "Take it out of policy.accept_unread when it can be read.",
        )
    if error.retryable:
        return unknown(what, detail, "Try again later; while it can't be read, production is held.")
    remedy = (
        f"{remedy_for(fact, error)} If it never will be readable, name {fact} under policy.accept_unread: "
        "then nobody knows, and every report says so."
    )
    if gate.mode is Mode.GUARD:
        return bad(what, f"{detail} While that is so, this gate holds every release.", remedy)
    return unknown(what, f"{detail} In guard mode every release would be held.", remedy)


def _read_others(hook: CloudManagerHook, program: str, tested: str) -> None:
    for pipeline in hook.list_pipelines(program):
        if pipeline.id != tested:
            hook.list_executions(program, pipeline.id, limit=1)
