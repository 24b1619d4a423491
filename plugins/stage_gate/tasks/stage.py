"""Before stage is tested: an attempt is begun, stage settles, and its pages are recorded. One task, and one attempt of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from stage_gate.acting.wanting import Want, is_last_try, note
from stage_gate.rules.stage_changes import goes_on
from stage_gate.rules.surroundings import NEVER_TOLD
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.recording import record_stage
from stage_gate.tasks.saying import say
from stage_gate.tasks.testing import test_stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.rules.candidate import Candidate
    from stage_gate.rules.surroundings import Fact, Surroundings
    from stage_gate.tasks.keeping import Keeper

_SETTLED = "settled, to be recorded"
"""What this task remembers of an attempt that it has not ended: its next try goes on with the recording."""


class SettleStage(GateTask):
    """Complete the candidate, open an attempt, wait until stage answers steadily, and record its pages.

    A try that died while it recorded is gone on with, unless stage has changed since: it has settled, and the attempt is
    the same.
    """

    ui_color = "#e6f4ea"

    def work(self, run: GateRun, context: Context) -> None:
        self._say_whose_rate_it_is()
        keeper = self._half_done(run, context) or self._settle(run, context)
        record_stage(run, keeper)
        keeper.forget(_SETTLED)

    def _say_whose_rate_it_is(self) -> None:
        from stage_gate.configuration.settings import limits, may_span_machines

        if may_span_machines() and not limits():
            self.log.warning(
                "The rate per host holds for each machine alone, and tasks of this Airflow run on several. To do: set "
                "[stage_gate] limits to the URL of a Redis that all workers reach."
            )

    def _half_done(self, run: GateRun, context: Context) -> Keeper | None:
        """The attempt in which an earlier try saw stage settle, and no more; ``None`` where there is none."""
        from stage_gate.evidence.files import EvidenceError
        from stage_gate.tasks.keeping import Keeper

        keeper = Keeper(context, run.evidence, run.evidence.attempts())
        try:
            candidate = run.evidence.read_candidate(keeper.attempt)
        except EvidenceError:
            return None
        if run.evidence.is_sealed(keeper.attempt) or not keeper.owns(_SETTLED, candidate.digest.encode()):
            return None
        if run.read_candidate().digest != candidate.digest:
            self.log.warning(
                "Stage is not what settled for attempt %d, so it is looked at anew.", keeper.attempt
            )
            return None
        self.log.warning("Stage settled for attempt %d in an earlier try, and that stands.", keeper.attempt)
        return keeper

    def _settle(self, run: GateRun, context: Context) -> Keeper:
        """Begin an attempt, and run the checks that say when the others may begin."""
        from stage_gate.configuration.chapters import settling_checks
        from stage_gate.tasks.keeping import Keeper

        candidate, attempt = self._begin(run, context)
        keeper = Keeper(context, run.evidence, attempt)
        for check in settling_checks(run.gate):
            say(self.log, test_stage(run, check, keeper))
        keeper.note(_SETTLED, candidate.digest.encode())
        return keeper

    def _begin(self, run: GateRun, context: Context) -> tuple[Candidate, int]:
        from stage_gate.configuration.planning import plan_of
        from stage_gate.configuration.settings import demands
        from stage_gate.evidence.baseline import NONE_YET, with_baseline
        from stage_gate.observing.isolation import forecast

        candidate = run.read_candidate()
        stage = candidate.stage
        plan = plan_of(run.gate, run.pin, datetime.now(UTC), demands())
        self._wait_for_what_passes(stage, plan.accept_unread, context)
        plan = with_baseline(plan, candidate, run.evidence, run.reached_production)
        attempt = run.evidence.begin_attempt(plan, candidate)
        self.log.info(
            "Attempt %d tests %s on environment %s.", attempt, candidate, candidate.stage.environment_id
        )
        self.log.info("Compared with: %s.", plan.baseline or NONE_YET)
        for sentence in (
            NEVER_TOLD,
            *goes_on(stage),
            *(each.sentence for each in stage.unread),
            *plan.baseline_notes,
        ):
            self.log.warning("%s", sentence)
        for sentence in forecast(run.gate):
            self.log.warning("%s", sentence)
        return candidate, attempt

    def _wait_for_what_passes(self, stage: Surroundings, accepted: Iterable[Fact], context: Context) -> None:
        """Raise ``AirflowException``, so that the next try looks again, while the tests could prove nothing.

        The last try tests all the same: its verdict says what was in the way.
        """
        passing = [each.sentence for each in stage.unread_but(accepted) if each.passing]
        changing = goes_on(stage)
        if (passing or changing) and not is_last_try(context):
            raise AirflowException(" ".join([*changing, *passing, "Looking again in a moment."]))
        note(self.gate_file, context, Want.CLOUD_MANAGER if passing else None)
