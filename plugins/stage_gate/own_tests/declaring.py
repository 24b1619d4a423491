"""Which tasks of a Dag file are tests of its gate, and what is declared of each? ``as_stage_test`` and ``stage_test``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, TypeVar, overload

from airflow.sdk import BaseOperator, TaskGroup, XComArg
from airflow.sdk.definitions.mappedoperator import MappedOperator

from aem_checks.durations import parse_duration
from aem_checks.outcomes import Severity
from stage_gate.configuration.settings import deciding_queue, default_queue
from stage_gate.own_tests.function import FunctionTest, told_as_examined
from stage_gate.own_tests.handing import PLACES
from stage_gate.own_tests.running import JUDGING, Declared, Examined, RunsAsTest, as_mapped_test, as_test
from stage_gate.rules.own_tests import DEFAULT_WITHIN, OwnTest
from stage_gate.tasks.red import NO_SECOND_TRY

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from stage_gate.configuration.gate import Gate

GROUP = "own_tests"
"""The task group of all that is created inside the block."""
_AFTER = ("settled", "cloud_manager_tests")
AnyOperator = BaseOperator | MappedOperator
TestT = TypeVar("TestT", bound=BaseOperator | MappedOperator | XComArg)


class OwnTestError(ValueError):
    """A test can't be declared like this; the message says which, why, and what to write."""


@dataclass
class OpenGate:
    """A gate whose Dag file is being read: its tests so far."""

    gate: Gate
    gate_file: Path
    dag: DAG
    tests: dict[str, OwnTest] = field(default_factory=dict)
    """By task id."""


_OPEN: ContextVar[OpenGate | None] = ContextVar("stage_gate_open_gate", default=None)


@contextmanager
def declaring(gate: OpenGate) -> Iterator[None]:
    """Tests that are declared inside belong to this gate."""
    token = _OPEN.set(gate)
    try:
        yield
    finally:
        _OPEN.reset(token)


def as_stage_test(
    operator: TestT,
    *,
    severity: str = "block",
    within: str | timedelta | None = None,
    after: str = "settled",
    site: str | None = None,
    reports: str | Path = "",
    examined: int | Examined = 0,
    isolation: str = "",
) -> TestT:
    """Make a task a test of the gate in whose ``with gate_dag(…)`` it stands; returns it, so that arrows can be drawn.

    Its key is ``tasks.<task id>``. ``severity``: ``block`` or ``warn``. ``within``: how long it may take, its re-run
    included, such as ``20m``; else its ``execution_timeout``, else 30 minutes. ``after``: ``settled``, or
    ``cloud_manager_tests`` to wait for Cloud Manager's own. ``site``: which of the gate's sites it is about, else the
    first. ``reports``: where its JUnit reports are, an absolute path or the URL of an object store with ``*`` and ``**``;
    ``{execution_id}``, ``{attempt}`` and the like are filled in. ``examined``: for a test without reports how many
    things it examined when it ends well, or a function that says so from what the operator returned: a number, or a list
    of names. ``isolation``: ``accepted`` where it may run in guard mode with the key or the deciding credential in reach.

    Raises ``OwnTestError`` where it can't be a test.
    """
    task: Any = getattr(operator, "operator", operator) if isinstance(operator, XComArg) else operator
    opened = _opened(task)
    name = _name(opened, task)
    kind = _kind_of(name, task)
    test = OwnTest(
        name=name,
        site=_site(opened, name, site),
        severity=_one_of(name, "severity", severity, tuple(Severity)),  # type: ignore[arg-type]
        within=_within(name, within, task),
        after=_one_of(name, "after", after, _AFTER),  # type: ignore[arg-type]
        reports=_reports(name, str(reports)),
        examines=examined if isinstance(examined, int) else 0,
        mapped=isinstance(task, MappedOperator) or task.get_closest_mapped_task_group() is not None,
        unisolated=_one_of(name, "isolation", isolation, ("", "accepted")) == "accepted",
    )
    declared = Declared(test, str(opened.gate_file), examined if callable(examined) else None)
    _turn(task, kind, declared)
    task.execution_timeout = test.within + 2 * JUDGING
    task.retry_policy = task.retry_policy or NO_SECOND_TRY
    task.start_from_trigger = False
    opened.tests[task.task_id] = test
    return operator


@overload
def stage_test(function: Callable[..., Any], /) -> BaseOperator: ...
@overload
def stage_test(
    *,
    task_id: str | None = ...,
    severity: str = ...,
    within: str | timedelta | None = ...,
    after: str = ...,
    site: str | None = ...,
    reports: str | Path = ...,
    isolation: str = ...,
    **operator: Any,
) -> Callable[[Callable[..., Any]], BaseOperator]: ...
def stage_test(function: Callable[..., Any] | None = None, /, **settings: Any) -> Any:
    """Make a function a test: an assertion that fails is a finding, and what it returns is what it examined.

    It is called with those of ``candidate``, ``site`` and Airflow's context that it names. It returns a number, or the
    names of what it examined; with ``reports`` it need not. Settings are those of ``as_stage_test`` but ``examined``,
    ``task_id`` (else the function's name), and what any operator takes, such as ``retries`` or ``queue``. Returns the
    task. Raises ``OwnTestError`` where it can't be a test.
    """
    if function is None:
        return lambda decorated: _of_function(decorated, **settings)
    return _of_function(function, **settings)


_TOLD = frozenset(inspect.signature(as_stage_test).parameters)
"""What ``stage_test`` hands on, and what no operator takes."""


def _of_function(
    function: Callable[..., Any], *, task_id: str | None = None, **settings: Any
) -> BaseOperator:
    told = {
        name: settings.pop(name) for name in inspect.signature(as_stage_test).parameters if name in settings
    }
    if "examined" in told:
        raise OwnTestError("stage_test takes no 'examined': return from the function what it examined")
    name = task_id or str(getattr(function, "__name__", ""))
    if not (task_id or name.isidentifier()):
        raise OwnTestError("a function without a name has no task id; write stage_test(task_id='basket')")
    operator = FunctionTest(task_id=name, function=function, **settings)
    return as_stage_test(operator, examined=told_as_examined, **told)


def _opened(task: object) -> OpenGate:
    opened = _OPEN.get()
    if not isinstance(task, AnyOperator):
        what = "a task group" if isinstance(task, TaskGroup) else f"{type(task).__name__}"
        raise OwnTestError(f"{what} is no operator, so it can't be a test; hand over one task of a Dag")
    if opened is None:
        raise OwnTestError(
            f"{task.task_id} stands in no gate; write it inside of 'with gate_dag(\"<gate>\"):'"
        )
    if task.dag is not opened.dag:
        raise OwnTestError(
            f"{task.task_id} is a task of another Dag; create it inside of the block of gate {opened.gate.name}"
        )
    return opened


def _name(opened: OpenGate, task: AnyOperator) -> str:
    prefix = f"{GROUP}."
    if not task.task_id.startswith(prefix):
        raise OwnTestError(
            f"{task.task_id} is a task of the gate itself, which can't be a test of a team's own"
        )
    if task.task_id in opened.tests:
        raise OwnTestError(f"{task.task_id} is declared as a test twice; remove one of the two")
    return task.task_id.removeprefix(prefix)


def _kind_of(name: str, task: AnyOperator) -> type[BaseOperator]:
    """The class that it runs as. Raises ``OwnTestError`` for an operator whose end nobody would see."""
    kind = task.operator_class if isinstance(task, MappedOperator) else type(task)
    assert isinstance(kind, type), "Airflow keeps a class there while it reads a Dag file"
    if issubclass(kind, RunsAsTest):
        raise OwnTestError(f"{name} is declared as a test twice; remove one of the two")
    if task.is_setup or task.is_teardown:
        raise OwnTestError(f"{name} is a setup or teardown task, which is no test; take as_stage_test off it")
    if task.inherits_from_empty_operator:
        raise OwnTestError(
            f"{name} is an EmptyOperator, which Airflow never runs, so it could have no result"
        )
    settings = task.partial_kwargs if isinstance(task, MappedOperator) else vars(task)
    if settings.get("mode") == "reschedule":
        raise OwnTestError(
            f"{name} is a sensor in mode 'reschedule', which begins anew at each look; write deferrable=True or mode='poke'"
        )
    return kind


def _turn(task: AnyOperator, kind: type[BaseOperator], declared: Declared) -> None:
    _refuse_deciding_queue(task)
    if isinstance(task, MappedOperator):
        task.operator_class = as_mapped_test(kind, declared)
    else:
        object.__setattr__(task, "__class__", as_test(kind))
        object.__setattr__(task, "declared", declared)
    _hand_to_other_dag(task)


def _refuse_deciding_queue(task: AnyOperator) -> None:
    deciding = deciding_queue()
    if deciding != default_queue() and task.queue == deciding:
        raise OwnTestError(
            f"{task.task_id} is on the queue {deciding!r}, where production is decided; no code of a team runs there: "
            "name another queue"
        )


def _hand_to_other_dag(task: AnyOperator) -> None:
    """A run of another Dag is told of the candidate, unless the file says itself what it is told."""
    settings = task.partial_kwargs if isinstance(task, MappedOperator) else vars(task)
    if task.task_type == "TriggerDagRunOperator" and settings.get("conf") is None:
        settings["conf"] = "{{ candidate.as_json }}"


def _site(opened: OpenGate, name: str, site: str | None) -> str:
    names = [each.name for each in opened.gate.sites]
    return _one_of(name, "site", names[0] if site is None else site, names)


def _one_of(name: str, what: str, value: str, known: Any) -> str:
    if value not in tuple(known):
        listed = ", ".join(repr(str(each)) for each in known if each)
        raise OwnTestError(f"{name}: {what} is {value!r}, and it can be {listed}")
    return str(value)


def _within(name: str, within: str | timedelta | None, task: AnyOperator) -> timedelta:
    try:
        limit = parse_duration(within) if within is not None else task.execution_timeout or DEFAULT_WITHIN
    except ValueError as error:
        raise OwnTestError(f"{name}: within: {error}") from None
    if limit < timedelta(seconds=1):
        raise OwnTestError(f"{name}: within is too short; write 1s or more")
    return limit


def _reports(name: str, reports: str) -> str:
    if not reports:
        return ""
    try:
        named = {field for _, field, _, _ in Formatter().parse(reports) if field is not None}
    except ValueError as error:
        raise OwnTestError(f"{name}: reports {reports!r} can't be read: {error}") from None
    unknown = sorted(named - set(PLACES))
    if unknown:
        raise OwnTestError(
            f"{name}: reports names {', '.join(map(repr, unknown))} between braces; there are {', '.join(PLACES)}"
        )
    if "://" not in reports and not reports.startswith("/"):
        raise OwnTestError(
            f"{name}: reports is {reports!r}; write an absolute path, or the URL of an object store such as "
            "s3://connection@bucket/{execution_id}/*.xml"
        )
    if reports.startswith("file://") or ".." in reports.split("/"):
        raise OwnTestError(
            f"{name}: reports is {reports!r}; write the path itself, without 'file://' and '..'"
        )
    return reports
