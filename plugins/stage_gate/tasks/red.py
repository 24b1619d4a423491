"""How does a task end red that only says what is so? Without a second try; where its log has said why, without a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, ExceptionRetryPolicy, RetryRule
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class Red(SystemExit):
    """What the task found fails it: trying again would find the same. Airflow writes its sentence, and no traceback."""


NO_SECOND_TRY = ExceptionRetryPolicy(rules=[RetryRule(exception=Red, action=RetryAction.FAIL)])
"""For tasks that raise ``Red``; of anything else, as a worker that died, there are as many tries as ever."""


class SayWhatIsWrong(BaseOperator):
    """Fail with what is wrong with a gate, so that it is seen and told as any failed task is."""

    def __init__(self, *, gate: str, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate = gate
        self.problem = problem

    def execute(self, context: Context) -> None:
        raise AirflowFailException(self.problem)
