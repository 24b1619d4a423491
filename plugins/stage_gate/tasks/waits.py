"""How do a gate's waits tell people that a step waits for them, and keep reminding while production is held?"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.questions import WAITS_AT_MOST, approval_state, deadline_of
from adobe_cloud_manager.sensors.milestones import (
    ApprovalSensor,
    DecisionSensor,
    ExecutionSensor,
    ProductionDeploymentSensor,
    StageDeploymentSensor,
)
from adobe_cloud_manager.unasked import unplaced_approval
from stage_gate.acting.wanting import notes_want
from stage_gate.observing.memory import Memory, NotRemembered
from stage_gate.pages.links import ReleaseLink
from stage_gate.rules.reminders import BLOCKED, due, following, still_waits
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun

log = logging.getLogger(__name__)

_WAITS_SINCE = "waits since"
"""Where the gate remembers since when production waits, for while Cloud Manager can't be asked."""
_LOOK_AGAIN = timedelta(hours=1)
"""When to look again where nobody can tell since when production waits."""


class TellingWait(ExecutionSensor):
    """A wait that tells people when a step on the way waits for them: once per step, whichever wait sees it first."""

    operator_extra_links: tuple[Any, ...] = (
        ReleaseLink(),
        CloudManagerExecutionLink(),
    )

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file

    def on_person_needed(self, context: Context, sentence: str) -> None:
        """``sentence`` has the step, what to do, until when, and the link."""
        from stage_gate.acting.run import GateRun
        from stage_gate.telling.notify import Event, tell_once

        try:
            tell_once(GateRun.of(self.gate_file, context), Event.WAITS, [sentence], sentence)
        except Exception as error:  # noqa: BLE001 - a wait must not end because nobody can be told
            log.warning("Nobody could be told that somebody is waited for: %r", error)


class WaitForStageDeployment(TellingWait, StageDeploymentSensor):
    """Wait until the pinned execution is deployed to stage."""

    ends_in_triggerer = True


class WaitForApprovalStep(TellingWait, ApprovalSensor):
    """Wait until the approval for production is asked for, or can't be any more."""

    ends_in_triggerer = True


class WaitForProductionDeployment(TellingWait, ProductionDeploymentSensor):
    """Wait until the pinned execution is deployed to production."""

    ends_in_triggerer = True


class HoldProduction(TellingWait, DecisionSensor):
    """Keep production un-approved until somebody decides in Cloud Manager, and remind people meanwhile.

    Reminders come 1 h, 8 h, and then every day after the approval began to wait. What was missed while nothing
    ran is told once.
    """

    ends_in_triggerer = True
    ui_color = "#fde293"

    @notes_want
    def execute(self, context: Context) -> Any:
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        self._say_held(run)
        return super().execute(context)

    def first_wake(self, context: Context) -> float | None:
        return self._next_wake(context)

    def on_wake(self, context: Context) -> float | None:
        self._remind(context)
        return self._next_wake(context)

    def _say_held(self, run: GateRun) -> None:
        from stage_gate.tasks.people import explain_hold, report_so_far
        from stage_gate.telling.notify import Event, tell_once

        sentences = [
            "Production is held: it stays un-approved until somebody decides.",
            f"{BLOCKED} Cloud Manager gives up after {WAITS_AT_MOST.days} days.",
            *explain_hold(run),
        ]
        for sentence in sentences:
            self.log.warning("%s", log_line(sentence))
        report_so_far(run)
        if not tell_once(run, Event.HELD, sentences, _held(run)):
            self._remind_of(run)

    def _remind(self, context: Context) -> None:
        from stage_gate.acting.run import GateRun

        try:
            self._remind_of(GateRun.of(self.gate_file, context))
        except Exception as error:  # noqa: BLE001 - holding matters more than reminding
            log.warning("The reminder could not be made: %r", error)

    def _remind_of(self, run: GateRun) -> None:
        """Say that production still waits, if that is due and nobody said it."""
        from stage_gate.tasks.judging import newest_sentences
        from stage_gate.telling.notify import Event, tell_once

        now = datetime.now(UTC)
        began = waits_since(run)
        moment = due(began, now) if began else None
        if began is None or moment is None or moment <= _held_since(run):
            return
        sentences = [*still_waits(began, now), *newest_sentences(run)]
        if tell_once(run, Event.REMINDER, sentences, moment.isoformat()):
            for sentence in sentences:
                self.log.warning("%s", log_line(sentence))

    def _next_wake(self, context: Context) -> float | None:
        from stage_gate.acting.run import GateRun

        now = datetime.now(UTC)
        try:
            began = waits_since(GateRun.of(self.gate_file, context))
        except Exception as error:  # noqa: BLE001 - holding matters more than reminding
            log.warning("Since when production waits can't be told: %r", error)
            began = None
        if began is None:
            return (now + _LOOK_AGAIN).timestamp()
        moment = following(began, now)
        return moment.timestamp() if moment else None


def waits_since(run: GateRun) -> datetime | None:
    """Since when the approval waits; ``None`` while it does not, or Cloud Manager can't be asked and never was."""
    from adobe_cloud_manager.exceptions import CloudManagerError

    try:
        execution = run.read_execution()
    except (CloudManagerError, OSError) as error:
        log.warning("Cloud Manager could not be asked since when production waits: %s", error)
        return _waited_since(run)
    step = execution.production_approval or unplaced_approval(execution)
    if step is None or not approval_state(execution).is_asked:
        return None
    ends = deadline_of(step)
    began = ends - WAITS_AT_MOST if ends else run.pin.pinned_at
    try:
        Memory.of(run).remember(_WAITS_SINCE, began.isoformat())
    except NotRemembered as error:
        log.warning("Without Cloud Manager nobody will know since when production waits: %s", error)
    return began


def _waited_since(run: GateRun) -> datetime | None:
    """What Cloud Manager said when it was asked last."""
    try:
        noted = Memory.of(run).recall(_WAITS_SINCE)
        return datetime.fromisoformat(noted.text) if noted else None
    except (NotRemembered, ValueError) as error:
        log.warning("Since when production waits is not known: %s", error)
        return None


def _held_since(run: GateRun) -> datetime:
    """When people were told that production is held; an earlier reminder would come too late."""
    from stage_gate.telling.notify import Event, told_at

    return told_at(run, Event.HELD, _held(run)) or run.pin.pinned_at


def _held(run: GateRun) -> str:
    """What people are told once is held."""
    return f"attempt {run.evidence.attempts()}"
