"""Cloud Manager's own results become evidence: code quality, its tests on stage, the Experience Audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from stage_gate.rules.cloud_manager_results import SEEN, Seen
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.red import NO_SECOND_TRY, Red

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from aem_checks.outcomes import CheckResult
    from stage_gate.acting.run import GateRun
    from stage_gate.tasks.keeping import Keeper


class ReadCloudManagerResults(GateTask):
    """Read what Cloud Manager itself found out about this release, judge it, and keep it with the other results.

    It runs when the production approval waits or is over, so Cloud Manager's own tests have ended by then. One that
    blocks and did not pass fails the task; the verdict is not taken here.
    """

    ui_color = "#e6f4ea"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"retry_policy": NO_SECOND_TRY, **kwargs})

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.tasks.keeping import Keeper

        if run.evidence.attempts() == 0:
            raise AirflowSkipException("Stage was never deployed, so Cloud Manager has tested nothing there.")
        results = self._record(run, Keeper(context, run.evidence, run.evidence.open_attempt()))
        self._fail_where_one_blocks(results)

    def _record(self, run: GateRun, keeper: Keeper) -> Sequence[CheckResult]:
        """Judge and keep; what an earlier try kept in this attempt stands, as with every other check."""
        from stage_gate.rules.cloud_manager_results import judge_results, planned_results
        from stage_gate.tasks.saying import say

        results: list[CheckResult] = []
        cloud_manager = run.gate.policy.cloud_manager
        digests = {check.key: check.settings_digest for check in planned_results(cloud_manager)}
        for result in judge_results(cloud_manager, self._seen(run, keeper)):
            standing = keeper.standing(result.key)
            if standing is None:
                keeper.keep(result, digests[result.key])
            results.append(standing or result)
            say(self.log, results[-1])
        return results

    def _seen(self, run: GateRun, keeper: Keeper) -> Seen:
        """What Cloud Manager says, read once for all results of an attempt: a further try goes on with what was read."""
        from adobe_cloud_manager.pinned import PinnedExecution
        from stage_gate.evidence.files import dump, read, read_model
        from stage_gate.evidence.store import TEST_AGAIN
        from stage_gate.observing.own_results import read_own_results

        path = run.evidence.attempt_folder(keeper.attempt) / SEEN
        if path.exists() and keeper.owns(SEEN, read(path)):
            return read_model(path, Seen)
        pinned = PinnedExecution(run.pin.program_id, *run.evidence.read_candidate(keeper.attempt).tested)
        seen = read_own_results(run.reading, pinned)
        keeper.note(SEEN, dump(seen))
        kept = run.evidence.add(keeper.attempt, SEEN.removesuffix(".json"), dump(seen))
        if kept.name != SEEN:
            raise AirflowFailException(
                f"{path} is there already, and this task has not written it, so nothing of Cloud Manager's own results "
                f"is kept in attempt {keeper.attempt}: find out who has. {TEST_AGAIN}"
            )
        return seen

    def _fail_where_one_blocks(self, results: Sequence[CheckResult]) -> None:
        from aem_checks.outcomes import Outcome, Severity

        blocking = [
            result
            for result in results
            if result.severity is Severity.BLOCK and result.outcome is not Outcome.PASSED
        ]
        if blocking:
            raise Red(
                " ".join(
                    f"{result.key} is {result.outcome}: {(result.sentences or ['nothing was examined.'])[0]}"
                    for result in blocking
                )
            )
