"""How does a task end red whose log has said why? Without a traceback over it, and without a second try."""

from __future__ import annotations

from airflow.sdk import ExceptionRetryPolicy, RetryRule
from airflow.sdk.definitions.retry_policy import RetryAction


class Red(SystemExit):
    """What the task found fails it: trying again would find the same. Airflow writes its sentence, and no traceback."""


NO_SECOND_TRY = ExceptionRetryPolicy(rules=[RetryRule(exception=Red, action=RetryAction.FAIL)])
"""For tasks that raise ``Red``; of anything else, as a worker that died, there are as many tries as ever."""
