"""How does an operator run as a test? What it does stays its own; its end is judged, and its result kept by its task."""

from __future__ import annotations

import traceback
import types
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    AirflowTaskTimeout,
    DagRunTriggerException,
    TaskAwaitingInput,
    TaskDeferred,
)

from aem_checks.durations import format_duration
from stage_gate.own_tests.ends import End, How
from stage_gate.tasks.red import Red

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from aem_checks.outcomes import CheckResult, Judgement
    from stage_gate.own_tests.trial import Trial
    from stage_gate.rules.own_tests import OwnTest

    Operator = BaseOperator
else:
    Operator = object

Go = Callable[["Context"], Any]
"""The operator's own work, from where it begins or goes on."""
Examined = Callable[[Any], Any]
"""What was examined, from what the operator returned."""
JUDGING = timedelta(minutes=10)
"""How long it may take to read the reports and to write the result."""
_GOES_ON = (TaskDeferred, TaskAwaitingInput, AirflowRescheduleException)
"""What an operator raises that has not ended."""


@dataclass(frozen=True)
class Declared:
    """What its Dag file says of a test."""

    test: OwnTest
    gate_file: str
    examined: Examined | None = None


class RunsAsTest(Operator):
    """Mixed into the class of an operator: its ``execute``, and its going on after a wait, lead to a result."""

    declared: Declared
    """Of the task; of the class where a mapped one makes its tasks anew."""

    def execute(self, context: Context) -> Any:
        return conduct(self, context, super().execute)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        go = partial(super().resume_execution, next_method, next_kwargs)
        return conduct(self, context, go, again=super().execute)

    def _do_render_template_fields(
        self, parent: Any, template_fields: Any, context: Context, *args: Any, **kwargs: Any
    ) -> None:
        """Templates may name ``candidate`` and ``site``."""
        if parent is self:
            hand_over(self.declared, context)
        super()._do_render_template_fields(parent, template_fields, context, *args, **kwargs)


@lru_cache(maxsize=256)
def as_test(kind: type[BaseOperator]) -> type[BaseOperator]:
    """The class of an operator that runs as a test; Airflow shows it under its own name.

    One for all tests of a kind: Airflow takes its time to look at a class with another ``__init__`` above it.
    """
    return _named(kind, (RunsAsTest, kind))


def as_mapped_test(kind: type[BaseOperator], declared: Declared) -> type[BaseOperator]:
    """The same of a mapped operator, which has nothing but the class when it makes the task of a part."""
    return _named(kind, (as_test(kind),), declared=declared)


def _named(kind: type[BaseOperator], bases: tuple[type, ...], **more: Any) -> type[BaseOperator]:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, **more}
    made: type[BaseOperator] = types.new_class(
        kind.__name__, bases, exec_body=lambda body: body.update(names)
    )
    return made


def hand_over(declared: Declared, context: Context) -> Trial:
    """Put candidate and site into the context; raises as ``Trial``."""
    from stage_gate.acting.run import GateRun
    from stage_gate.own_tests.trial import Trial

    run = GateRun.of(declared.gate_file, context)
    run.skip_unless_decidable()
    trial = Trial(run, declared.test, context)
    handed: Any = context
    handed["candidate"], handed["site"] = trial.candidate, trial.candidate.site
    return trial


def conduct(task: RunsAsTest, context: Context, go: Go, again: Go | None = None) -> Any:
    """Run a test to its result, or to its next wait. ``again`` begins it anew, where ``go`` only goes on.

    Returns what the operator returned. Raises ``Red`` where the test speaks against the release, and what the operator
    raises that waits; also what broke it off, where Airflow has another try and nothing was said of the release.
    """
    from stage_gate.own_tests.distance import refusal

    trial = hand_over(task.declared, context)
    standing = trial.keeper.standing(trial.test.key)
    if standing is not None:
        return _close(task, standing)
    refused = refusal(trial.run, trial.test)
    if refused is not None:
        trial.keep(refused)
        return _close(task, refused)
    if again is None:
        trial.begin()
    judgement, value = _led(task, trial, context, go)
    is_run_again, judgement = trial.confirmation(judgement)
    if is_run_again:
        task.log.warning("%s failed, and is run once more: that confirms it, or it is flaky.", trial.test.key)
        trial.begin_again(judgement)
        judgement, value = _led(task, trial, context, again or go)
    result = trial.result(judgement)
    trial.keep(result)
    _close(task, result)
    return value


def _led(task: RunsAsTest, trial: Trial, context: Context, go: Go) -> tuple[Judgement, Any]:
    """What one run amounts to, and what the operator returned."""
    from stage_gate.own_tests.ends import judge, says_anything
    from stage_gate.own_tests.trial import coded

    end, value, error = _ended(task, trial, context, go)
    with _limited(JUDGING):
        found = judge(trial.test.name, end, trial.read_reports(), format_duration(trial.test.within))
    judgement = coded(found)
    if error is not None and not says_anything(judgement) and _has_another_try(trial, context, error):
        raise error
    return judgement, value


def _ended(task: RunsAsTest, trial: Trial, context: Context, go: Go) -> tuple[End, Any, BaseException | None]:
    """Let it run for as long as it has time. Raises what says that it has not ended."""
    try:
        with _limited(trial.left):
            value = go(context)
            return _well(task.declared, trial.test, value), value, None
    except TaskDeferred as deferred:
        deferred.timeout = min(trial.left, deferred.timeout or trial.left)
        raise
    except _GOES_ON:
        raise
    except DagRunTriggerException as asked:
        from stage_gate.own_tests.another_dag import wait_for

        raise wait_for(asked, trial.left) from None
    except AirflowTaskTimeout as error:
        task.on_kill()
        return End(How.LATE), None, error
    except AssertionError as error:
        task.log.error("The assertion that failed:", exc_info=error)
        return End(How.ASSERTION, _asserted(error)), None, None
    except (Exception, SystemExit) as error:
        task.log.error("What broke it off:", exc_info=error)
        said = f"{type(error).__name__}: {error}"
        return End(How.BROKE_OFF if trial.left else How.LATE, said), None, error


def _limited(within: timedelta) -> AbstractContextManager[Any]:
    """Raises ``AirflowTaskTimeout`` inside of the block when the time is over. Two of them can't be nested."""
    from airflow.sdk.execution_time.timeout import timeout

    limit: AbstractContextManager[Any] = timeout(max(within.total_seconds(), 0.001))  # type: ignore[no-untyped-call]
    return limit


def _well(declared: Declared, test: OwnTest, value: Any) -> End:
    """A good end. Raises ``TypeError`` where what it says that it examined is no number and no names."""
    if declared.examined is None or test.reports:
        return End(How.WELL, examined=test.examines)
    told = declared.examined(value)
    if told is None or told is False:
        return End(How.WELL)
    if isinstance(told, int) and not isinstance(told, bool):
        return End(How.WELL, examined=max(told, 0))
    if isinstance(told, Collection) and not isinstance(told, str | bytes):
        named = tuple(str(each) for each in told)
        return End(How.WELL, examined=len(named), named=named)
    raise TypeError(
        f"it returned {str(told)[:80]!r}; write what it examined as a number or as a list of names"
    )


def _asserted(error: AssertionError) -> str:
    """What it says, else the line that it stands in."""
    frames = traceback.extract_tb(error.__traceback__)
    return str(error) or (frames[-1].line if frames else "") or ""


def _has_another_try(trial: Trial, context: Context, error: BaseException) -> bool:
    from stage_gate.acting.wanting import is_last_try

    final = (AirflowFailException, AirflowSkipException, SystemExit)
    is_error = isinstance(error, Exception | AirflowTaskTimeout) and not isinstance(error, final)
    return is_error and trial.progress.first is None and not is_last_try(context)


def _close(task: RunsAsTest, result: CheckResult) -> None:
    """Say the result; raise ``Red`` where it speaks against the release."""
    from aem_checks.outcomes import Outcome, Severity
    from stage_gate.tasks.saying import say

    say(task.log, result)
    if result.outcome is not Outcome.PASSED and result.severity is Severity.BLOCK:
        raise Red(f"{result.key} speaks against the release: it is {result.outcome}.")
