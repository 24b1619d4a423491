"""How does a task approve or reject the go-live step of a pinned execution, given the right to do so?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from adobe_cloud_manager.golive import ActKind, ActOutcome, NotActionable, Verb, act_once
from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.pinned import PinnedExecution

if TYPE_CHECKING:
    from airflow.sdk import Context

Authorise = Callable[[Execution, StepState, "Context"], None]
"""Proves, from what was read just now, that acting is right; raises to refuse."""
ClaimFor = Callable[[StepState, "Context"], None]
"""Claims the candidate atomically; raises if it was claimed before."""


class GoLiveOperator(BaseOperator):
    """Acts on the go-live step at most once; refuses unless it is given a proof and a claim.

    Who uses it passes the two callables, or overrides the methods of the same names in a subclass. Task
    states, XComs and arguments of this task are no proof: in Airflow anyone may change them.

    :param program_id: id of the program (templated)
    :param pipeline_id: id of the pipeline (templated)
    :param execution_id: id of the execution (templated)
    :param authorise: called with the execution and step as read just before sending; raises to refuse
    :param claim: called before anything is sent; raises if this candidate was claimed before
    :param cloud_manager_conn_id: Airflow connection that may approve and reject
    :param read_back_for: seconds to watch for the effect, which Cloud Manager shows with a delay

    Returns how it ended. Raises ``AirflowFailException``, so that Airflow does not try again, where there is
    nothing to act on, no proof or no claim, and where the effect could not be seen.
    """

    verb: ClassVar[Verb]
    template_fields = ("program_id", "pipeline_id", "execution_id", "cloud_manager_conn_id")
    operator_extra_links = (CloudManagerExecutionLink(),)

    def __init__(
        self,
        *,
        program_id: str,
        pipeline_id: str,
        execution_id: str,
        authorise: Authorise | None = None,
        claim: ClaimFor | None = None,
        cloud_manager_conn_id: str = "cloud_manager_default",
        read_back_for: float | timedelta = 300.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.program_id = program_id
        self.pipeline_id = pipeline_id
        self.execution_id = execution_id
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.read_back_for = (
            read_back_for.total_seconds() if isinstance(read_back_for, timedelta) else read_back_for
        )
        self._authorise = authorise
        self._claim = claim

    def authorise(self, execution: Execution, step: StepState, context: Context) -> None:
        """Prove that acting is right; raises to refuse."""
        if self._authorise is None:
            raise AirflowFailException("Nobody supplied a proof.")
        self._authorise(execution, step, context)

    def claim(self, step: StepState, context: Context) -> None:
        """Claim the candidate; raises if it was claimed before."""
        if self._claim is None:
            raise AirflowFailException("Nobody supplied a claim.")
        self._claim(step, context)

    def execute(self, context: Context) -> dict[str, str | None]:
        """Act once, and return what is known then."""
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        self._refuse_without_proof()
        try:
            pinned = PinnedExecution.of(self.program_id, self.pipeline_id, self.execution_id)
        except ValueError as error:
            raise AirflowFailException(f"There is nothing to {self.verb}: {error}") from error
        try:
            outcome = act_once(
                CloudManagerHook(self.cloud_manager_conn_id),
                pinned.program_id,
                pinned.pipeline_id,
                pinned.execution_id,
                self.verb,
                claim=lambda step: self.claim(step, context),
                before_send=lambda execution, step: self.authorise(execution, step, context),
                read_back_for=self.read_back_for,
            )
        except NotActionable as error:
            raise AirflowFailException(f"Nothing was sent to {self.verb} production. {error}") from error
        return self._report(outcome)

    def _refuse_without_proof(self) -> None:
        """Refuse before anything is read or claimed."""
        for name, supplied in (("authorise", self._authorise), ("claim", self._claim)):
            if supplied is None and getattr(type(self), name) is getattr(GoLiveOperator, name):
                raise AirflowFailException(
                    f"This task has no right to {self.verb} production: nobody supplied {name!r}. "
                    "Nothing was read, claimed or sent."
                )

    def _report(self, outcome: ActOutcome) -> dict[str, str | None]:
        if outcome.kind is ActKind.UNRESOLVED:
            raise AirflowFailException(outcome.sentence)
        self.log.info("%s", outcome.sentence)
        return {
            "kind": str(outcome.kind),
            "sentence": outcome.sentence,
            "status_seen": outcome.status_seen,
            "request_id": outcome.request_id,
        }


class ApproveGoLiveOperator(GoLiveOperator):
    """Approves production, at most once."""

    verb = Verb.APPROVE


class RejectGoLiveOperator(GoLiveOperator):
    """Rejects production, at most once; Cloud Manager then ends the execution."""

    verb = Verb.REJECT
