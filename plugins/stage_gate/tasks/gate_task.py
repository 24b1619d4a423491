"""What do the tasks of a gate's Dag have in common? Each starts from its run, and from nothing that another task said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.bases.branch import BranchMixIn

from stage_gate.acting.wanting import notes_want
from stage_gate.configuration.settings import deciding_queue
from stage_gate.pages.links import PinnedExecutionLink, ReleaseLink, say_where

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun


class GateTask(BaseOperator):
    """Does its ``work`` on the run of one execution; skips itself where nothing is to be decided about it."""

    operator_extra_links: tuple[Any, ...] = (ReleaseLink(), PinnedExecutionLink())
    signs: ClassVar[bool] = False
    """Whether it needs the signing key, and so runs on the deciding queue."""

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**({"queue": deciding_queue(), **kwargs} if self.signs else kwargs))
        self.gate_file = gate_file

    @notes_want
    def execute(self, context: Context) -> Any:
        run = self.run_of(context)
        say_where(self.log, run)
        return self.work(run, context)

    def work(self, run: GateRun, context: Context) -> Any:
        raise NotImplementedError

    def run_of(self, context: Context) -> GateRun:
        """The run, read from the pin. Raises ``AirflowSkipException`` where nothing is to be decided."""
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        return run


class GateBranch(GateTask, BranchMixIn):
    """Chooses the way on. A signpost: what it leads to proves its own right."""

    ui_color = "#fef7e0"

    def work(self, run: GateRun, context: Context) -> Any:
        return self.do_branch(context, self.choose(run, context))

    def choose_branch(self, context: Context) -> list[str]:
        """The ids of the tasks that the way on begins with."""
        return self.choose(self.run_of(context), context)

    def choose(self, run: GateRun, context: Context) -> list[str]:
        raise NotImplementedError
