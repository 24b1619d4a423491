"""Cloud Manager's own results become evidence: code quality, its tests on stage, the Experience Audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from stage_gate.cloud_manager_results import SEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from aem_checks.outcomes import CheckResult
    from stage_gate.plan import RecordedResult
    from stage_gate.run import GateRun


class ReadCloudManagerResults(BaseOperator):
    """Read what Cloud Manager itself found out about this release, judge it, and keep it with the other results.

    It runs when the production approval waits or is over, so Cloud Manager's own tests have ended by then. One that
    blocks and did not pass fails the task; the verdict is not taken here.
    """

    ui_color = "#e6f4ea"

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file

    def execute(self, context: Context) -> None:
        from stage_gate.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        if run.evidence.attempts() == 0:
            raise AirflowSkipException("Stage was never deployed, so Cloud Manager has tested nothing there.")
        results = self._record(run, run.evidence.open_attempt())
        self._fail_where_one_blocks(results)

    def _record(self, run: GateRun, attempt: int) -> Sequence[CheckResult]:
        """Judge and keep; what failed before in this attempt stands, as with every other check."""
        from adobe_cloud_manager.pinned import PinnedExecution
        from stage_gate.cloud_manager_results import judge_results
        from stage_gate.files import write
        from stage_gate.own_results import read_own_results
        from stage_gate.tasks.stage import say

        pinned = PinnedExecution(run.pin.program_id, *run.evidence.read_candidate(attempt).tested)
        seen = read_own_results(run.reading, pinned)
        write(run.evidence.attempt_folder(attempt) / SEEN, seen.model_dump_json(indent=1).encode())
        results = judge_results(run.gate.policy.cloud_manager, seen)
        stands = _failed_keys(run.evidence.read_results(attempt))
        for entry in _entries(run, attempt, results):
            if entry.result.key not in stands:
                run.evidence.write_result(attempt, entry)
            say(self.log, entry.result)
        return results

    def _fail_where_one_blocks(self, results: Sequence[CheckResult]) -> None:
        from aem_checks.outcomes import Outcome, Severity

        blocking = [
            result
            for result in results
            if result.severity is Severity.BLOCK and result.outcome is not Outcome.PASSED
        ]
        if blocking:
            raise AirflowFailException(
                " ".join(
                    f"{result.key} is {result.outcome}: {(result.sentences or ['nothing was examined.'])[0]}"
                    for result in blocking
                )
            )


def _entries(run: GateRun, attempt: int, results: Sequence[CheckResult]) -> list[RecordedResult]:
    """The results, bound to the candidate of the attempt and to the settings of the gate as it was pinned."""
    from stage_gate.cloud_manager_results import planned_results
    from stage_gate.plan import RecordedResult

    candidate = run.evidence.read_candidate(attempt)
    digests = {check.key: check.settings_digest for check in planned_results(run.gate.policy.cloud_manager)}
    return [
        RecordedResult(
            candidate_digest=candidate.digest,
            attempt=attempt,
            settings_digest=digests[result.key],
            result=result,
        )
        for result in results
    ]


def _failed_keys(recorded: Sequence[RecordedResult]) -> set[str]:
    from aem_checks.outcomes import Outcome

    return {entry.result.key for entry in recorded if entry.result.outcome is Outcome.FAILED}
