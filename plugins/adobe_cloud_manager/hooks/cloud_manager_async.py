"""How do triggers ask Cloud Manager without blocking the triggerer?"""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from typing import TypeVar

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.http.hooks.http import HttpAsyncHook, SessionConfig
from airflow.sdk.exceptions import AirflowNotFoundException
from tenacity.wait import wait_base

from adobe_cloud_manager import operations
from adobe_cloud_manager.environment_resources import ContentFlow, Environment, RestoreExecution, Variable
from adobe_cloud_manager.hooks.account import Account, unknown_connection
from adobe_cloud_manager.hooks.async_session import AsyncSession
from adobe_cloud_manager.hooks.patience import BACKOFF, Deadline
from adobe_cloud_manager.hooks.reading_async import AsyncReader
from adobe_cloud_manager.hooks.token_fetch import obtain_token_async
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.operations import Operation

T = TypeVar("T")
_ACCOUNT_KEPT = 600.0
"""Seconds after which the connection is read again: somebody may have edited it."""
_REFUSED_KEPT = 30.0
"""The same after the credential was refused."""


class CloudManagerAsyncHook(HttpAsyncHook):
    """Reads of Cloud Manager for triggers. It cannot act: acts belong to tasks.

    ``deadline`` is the time in seconds for a read with all its retries, ``request_timeout`` for one request. A
    ``session`` is shared and never closed here; without one, every read has its own. Every read raises errors of
    the tree in ``exceptions``.
    """

    conn_name_attr = "cloud_manager_conn_id"
    default_conn_name = "cloud_manager_default"
    conn_type = "adobe_cloud_manager"
    hook_name = "Adobe Cloud Manager"

    def __init__(
        self,
        cloud_manager_conn_id: str = default_conn_name,
        *,
        deadline: float = 60.0,
        request_timeout: float = 30.0,
        backoff: wait_base = BACKOFF,
        session: AsyncSession | None = None,
    ) -> None:
        super().__init__(method="GET", http_conn_id=cloud_manager_conn_id, retry_limit=1)
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.deadline = deadline
        self.request_timeout = request_timeout
        self.backoff = backoff
        self._session = session
        self._account: Account | None = None
        self._account_until = 0.0
        self._account_lock = asyncio.Lock()

    async def account(self) -> Account:
        """Credential and settings, read again every ten minutes. Raises ``CredentialError``, ``InvalidRequest``."""
        async with self._account_lock:
            if self._account is None or time.monotonic() > self._account_until:
                self._account = None
                self._account = await self._read_account()
                self._account_until = time.monotonic() + _ACCOUNT_KEPT
            return self._account

    def doubt_account(self) -> None:
        """The credential was refused: read the connection again, at most every 30 s."""
        since = self._account_until - _ACCOUNT_KEPT
        self._account_until = min(self._account_until, since + _REFUSED_KEPT)

    async def config(self) -> SessionConfig:
        """For the inherited ``run``: our headers in place of the connection's extras and Basic auth."""
        account = await self.account()
        async with AsyncSession() as session:
            token = await obtain_token_async(
                session, account.credential, account.settings.ims_url, self.request_timeout
            )
        return SessionConfig(
            base_url=account.settings.api_url,
            headers=account.headers(token),
            extra_options={"allow_redirects": False},
        )

    async def get_execution(self, program_id: str, pipeline_id: str, execution_id: str) -> Execution:
        """One execution."""
        return await self._read(operations.execution(program_id, pipeline_id, execution_id))

    async def get_current_execution(self, program_id: str, pipeline_id: str) -> Execution | None:
        """The execution that runs or waits now, if any."""
        return await self._read(operations.current_execution(program_id, pipeline_id))

    async def list_executions(
        self, program_id: str, pipeline_id: str, *, limit: int = 20
    ) -> tuple[Execution, ...]:
        """The newest executions of a pipeline, the newest first."""
        return await self._read(operations.executions(program_id, pipeline_id, limit))

    async def get_environment(self, program_id: str, environment_id: str) -> Environment:
        """One environment."""
        return await self._read(operations.environment(program_id, environment_id))

    async def list_content_flows(self, program_id: str) -> tuple[ContentFlow, ...]:
        """The content copies between environments of a program."""
        return await self._read(operations.content_flows(program_id))

    async def list_restore_executions(
        self, program_id: str, environment_id: str
    ) -> tuple[RestoreExecution, ...]:
        """The restores of an environment from a backup."""
        return await self._read(operations.restore_executions(program_id, environment_id))

    async def list_environment_variables(self, program_id: str, environment_id: str) -> tuple[Variable, ...]:
        """An environment's variables, without their values."""
        return await self._read(operations.environment_variables(program_id, environment_id))

    async def get_step_state(self, step: StepState) -> StepState:
        """The step as it is now."""
        return await self._read(operations.step_state(step))

    async def read_step_log(self, step: StepState, *, file: str | None = None, tail: int = 65536) -> str:
        """The last ``tail`` bytes of a step's log as text; empty where there is none."""
        account = await self.account()
        return await self._read(operations.step_log(step, file, tail, allow_loopback=account.is_local))

    async def _read_account(self) -> Account:
        try:
            connection = await get_async_connection(conn_id=self.cloud_manager_conn_id, hook=self)
        except AirflowNotFoundException:
            raise unknown_connection(self.cloud_manager_conn_id) from None
        return Account.of(connection)

    async def _read(self, operation: Operation[T]) -> T:
        deadline = Deadline(self.deadline)
        account = await self.account()
        async with nullcontext(self._session) if self._session else AsyncSession() as session:
            reader = AsyncReader(
                account,
                deadline,
                session,
                request_timeout=self.request_timeout,
                backoff=self.backoff,
                log=self.log,
            )
            return await reader.run(operation)
