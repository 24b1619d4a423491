"""How does a release that may go wait for the window in which it may?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.branch import BranchMixIn

from adobe_cloud_manager.sensors.milestones import DecisionSensor
from stage_gate.evidence.files import EvidenceError
from stage_gate.rules.decision import APPROVE, OVERRIDE, Step, next_step
from stage_gate.tasks.waits import TellingWait

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun

_LOOK_AGAIN = timedelta(hours=1)
"""The longest time between two looks at the calendar: a freeze may be added, or taken away."""
_OVERRIDE = "override_production"
_WAY_OF = {APPROVE: str(Step.APPROVE), OVERRIDE: _OVERRIDE}
"""Where a person's answer leads that was given while the window was closed."""


class _Opens(Exception):
    """The window is open, so the wait is over."""


class WaitForWindow(TellingWait, DecisionSensor, BranchMixIn):
    """Wait until the gate's calendar lets releases through, or somebody decides in Cloud Manager before.

    Then it chooses the way on: production is approved, or stage is tested again where the evidence has become
    too old. Like ``decide`` it is a signpost; what it leads to looks at calendar and clock itself.
    """

    ui_color = "#fef7e0"

    def execute(self, context: Context) -> Any:
        run = self._run(context)
        run.skip_unless_decidable()
        timing = run.timing(run.believed_seal())
        if timing.is_open:
            return self._go_on(context)
        self.log.info("%s", timing.sentence)
        return self._to_the_end(context, super().execute)

    def resume(self, context: Context, event: object = None) -> Any:
        """As every wait, but for its end: whichever it is, the way on is chosen."""
        return self._to_the_end(context, partial(super().resume, event=event))

    def _to_the_end(self, context: Context, wait: Callable[[Context], object]) -> Any:
        try:
            wait(context)
        except _Opens:
            self.log.info("The window is open.")
        return self._go_on(context)

    def _go_on(self, context: Context) -> Any:
        return self.do_branch(context, self._way_on(self._run(context)))

    def first_wake(self, context: Context) -> float | None:
        return self._next_wake(self._run(context))

    def on_wake(self, context: Context) -> float | None:
        run = self._run(context)
        if run.timing(run.believed_seal()).is_open:
            raise _Opens
        return self._next_wake(run)

    def _way_on(self, run: GateRun) -> str:
        from stage_gate.observing.observe import go_live

        live, sealed = go_live(run.read_execution()), run.believed_seal()
        outcome = sealed.verdict.outcome if sealed else None
        step, sentence = next_step(outcome, live, run.gate.policy.rules, run.gate.mode, run.timing(sealed))
        answered = _answered(run) if step is Step.ASK else ""
        way = answered or str(step)
        self.log.info("%s On to %s.", sentence, way)
        return way if way in self.downstream_task_ids else str(Step.HOLD)

    def _next_wake(self, run: GateRun) -> float:
        latest = datetime.now(UTC) + _LOOK_AGAIN
        opens_at = run.timing(run.believed_seal()).opens_at
        return min(opens_at or latest, latest).timestamp()

    def _run(self, context: Context) -> GateRun:
        from stage_gate.acting.run import GateRun

        return GateRun.of(self.gate_file, context)


def _answered(run: GateRun) -> str:
    """Where the person's answer to the newest verdict leads, empty where there is none."""
    try:
        answer = run.newest_answer()
    except EvidenceError:
        return ""
    return _WAY_OF.get(answer.option, "") if answer else ""
