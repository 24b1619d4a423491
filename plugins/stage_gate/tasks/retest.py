"""Where does a person's answer lead, and how is stage tested once more in the same run?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from stage_gate.evidence.files import EvidenceError
from stage_gate.tasks.gate_task import GateBranch, GateTask
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.evidence.kept_decisions import RetestRecord
    from stage_gate.evidence.seal import Sealed


class FollowAnswer(GateBranch):
    """Take the way that a person chose. A signpost like ``decide``: what it leads to proves its own right."""

    def __init__(self, *, gate_file: str, tasks: Mapping[str, str], otherwise: str, **kwargs: Any) -> None:
        """``tasks``: option to task id; ``otherwise``: task id where no answer is about the newest verdict."""
        super().__init__(gate_file=gate_file, **kwargs)
        self.tasks = dict(tasks)
        self.otherwise = otherwise

    def choose(self, run: GateRun, context: Context) -> list[str]:
        try:
            answer = run.newest_answer()
        except EvidenceError as error:
            self.log.error("The answer can't be followed, so this gate goes to %s: %s", self.otherwise, error)
            return [self.otherwise]
        if answer is None:
            self.log.warning("Nobody has answered about the newest verdict; on to %s.", self.otherwise)
            return [self.otherwise]
        self.log.info("%s answered %s: %s", log_line(answer.by), answer.option, log_line(answer.reason))
        return [self.tasks.get(answer.option, self.otherwise)]


class RetestStage(GateTask):
    """Begin one more attempt: record who wanted it and why, then let this very run begin again.

    The pin stays, what was awaited is there at once, and ``settle_stage`` opens the next attempt. Airflow clears
    this task with all others; a try that died before that finds its own record and goes on, and one that died
    after it finds another verdict, or none, and begins nothing.
    """

    ui_color = "#e6f4ea"
    signs = True

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.acting.retest import NoRetest, tell
        from stage_gate.evidence.kept_decisions import keep_retest
        from stage_gate.tasks.pin import trigger

        self._require_no_open_attempt(run)
        try:
            sealed, record = self._read(run)
            record = keep_retest(run.evidence, record)
        except (NoRetest, EvidenceError) as error:
            raise AirflowFailException(f"Production waits, and stage is not tested again: {error}") from error
        self._say_what_cannot_be_proven(run, sealed)
        self.log.info("%s", log_line(tell(record)))
        self.log.info(
            "Attempt %d begins: all tasks of run %s are cleared now, this one included, so that Airflow can't note "
            "how it ended and says so in an error line below.",
            record.attempt,
            run.run_id,
        )
        raise trigger(run.dag_id, run.run_id, reset=True)

    def _require_no_open_attempt(self, run: GateRun) -> None:
        begun = run.evidence.attempts()
        if begun and not run.evidence.is_sealed(begun):
            raise AirflowSkipException(
                f"Attempt {begun} was begun and has no verdict yet, so no other one was begun."
            )

    def _read(self, run: GateRun) -> tuple[Sealed, RetestRecord]:
        """The newest seal, and the record for the attempt after it."""
        from stage_gate.acting.retest import NoRetest, retest_of

        if run.may_have_acted:
            raise NoRetest(
                "A request was sent already, or may have been, so another verdict would decide nothing: no attempt was begun."
            )
        sealed = run.newest_seal()
        if sealed is None:
            raise NoRetest(
                "There is no sealed verdict, so no attempt was begun: see the logs of settle_stage and judge."
            )
        too_old = run.timing(sealed).too_old
        return sealed, retest_of(sealed, run.newest_answer(), too_old, datetime.now(UTC))

    def _say_what_cannot_be_proven(self, run: GateRun, sealed: Sealed) -> None:
        """After an AEM update a test of stage may be one of other code; the next verdict says the same."""
        from adobe_cloud_manager.exceptions import CloudManagerError
        from stage_gate.observing.observe import NotDeployed
        from stage_gate.rules.candidate import must_be_built_again

        try:
            now = run.read_candidate()
        except (CloudManagerError, NotDeployed) as error:
            self.log.warning("What happened to stage since can't be read just now: %s", error)
            return
        doubt = must_be_built_again(now, sealed.plan.build_marker)
        if doubt:
            self.log.error("%s The next attempt can't pass.", doubt)
