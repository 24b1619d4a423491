"""How do tasks ask Cloud Manager, and act on it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException
from requests import Session
from tenacity.wait import wait_base

from adobe_cloud_manager import environment_resources, operations, protocol, resources
from adobe_cloud_manager.answers import Answer, json_object
from adobe_cloud_manager.exceptions import (
    ActUnknown,
    CloudManagerError,
    CredentialError,
    NotSent,
    PermissionDenied,
)
from adobe_cloud_manager.hooks.account import Account, unknown_connection
from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook
from adobe_cloud_manager.hooks.patience import BACKOFF, Deadline
from adobe_cloud_manager.hooks.plain_session import LastingAdapter, plain_session
from adobe_cloud_manager.hooks.reading import Reader
from adobe_cloud_manager.hooks.single_put import put_once
from adobe_cloud_manager.hooks.token_fetch import obtain_token
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.operations import Operation
from adobe_cloud_manager.protocol import Receipt
from adobe_cloud_manager.tokens import Token

__all__ = ["CloudManagerAsyncHook", "CloudManagerHook", "Receipt"]

T = TypeVar("T")


class CloudManagerHook(HttpHook):
    """Everything the gate asks of Cloud Manager, and the three acts: advance, cancel, start.

    ``deadline`` is the time in seconds for a read with all its retries, ``request_timeout`` for one request.
    Reads raise errors of the tree in ``exceptions``; acts ``NotSent``, ``ActRefused`` or ``ActUnknown``.
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
    ) -> None:
        super().__init__(method="GET", http_conn_id=cloud_manager_conn_id)
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.deadline = deadline
        self.request_timeout = request_timeout
        self.backoff = backoff
        self.keep_alive_adapter = LastingAdapter()
        self._clock_offset: timedelta | None = None

    @property
    def clock_offset(self) -> timedelta | None:
        """This machine's clock minus Cloud Manager's, by the newest answer to a read whose ``Date`` is readable.

        Positive where this machine is ahead; to about a second, since ``Date`` has no fractions. ``None`` before
        such an answer.
        """
        return self._clock_offset

    @cached_property
    def account(self) -> Account:
        """Credential and settings, read once. Raises ``CredentialError``, ``InvalidRequest``."""
        try:
            return Account.of(self.get_connection(self.cloud_manager_conn_id))
        except AirflowNotFoundException:
            raise unknown_connection(self.cloud_manager_conn_id) from None

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> Session:
        """A session for the inherited ``run``: our headers, no extras of the connection, no Basic auth."""
        account = self.account
        self.base_url = account.settings.api_url
        self._base_url_initialized = True
        session = plain_session()
        token = self._token()
        session.headers.update(account.headers(token) | (headers or {}))
        self.merged_extra = {"timeout": self.request_timeout, "allow_redirects": False} | (
            extra_options or {}
        )
        return self._configure_session_from_mount_adapters(session)

    def log_in(self) -> None:
        """Have connection and token at hand, so that the act that follows waits for neither.

        Raises ``CredentialError``, ``Unavailable`` or ``RateLimited``.
        """
        self._token()

    def _token(self) -> Token:
        account = self.account
        return obtain_token(account.credential, account.settings.ims_url, self.request_timeout)

    def test_connection(self) -> tuple[bool, str]:
        """Whether the credential works, and a sentence: the tenant's name, or what is wrong."""
        try:
            tenant = self.get_tenant()
            programs = self.list_programs()
        except CloudManagerError as error:
            return False, self._diagnosis(error)
        name = tenant.name or tenant.description or tenant.id
        if not programs:
            return False, (
                f"Connected to tenant {name!r}, but it shows this credential no program: add the credential "
                "to a Cloud Manager product profile in the Adobe Admin Console."
            )
        return True, f"Connected to tenant {name!r}; the credential sees {len(programs)} program(s)."

    def _diagnosis(self, error: CloudManagerError) -> str:
        hints = [str(error)]
        if isinstance(error, PermissionDenied):
            hints.append(
                "The credential is valid but lacks rights: add it to a Cloud Manager product profile in the "
                "Adobe Admin Console."
            )
        if isinstance(error, (CredentialError, PermissionDenied)) and error.status is not None:
            missing = self.account.credential.missing_scopes
            hints += [f"The connection does not ask for the scopes {', '.join(missing)}."] if missing else []
        return " ".join(hints)

    def get_tenant(self) -> resources.Tenant:
        """The customer that the credential belongs to."""
        return self._read(operations.tenant())

    def list_programs(self) -> tuple[resources.Program, ...]:
        """All programs that the credential sees."""
        return self._read(operations.programs())

    def get_program(self, program_id: str) -> resources.Program:
        """One program."""
        return self._read(operations.program(program_id))

    def list_pipelines(self, program_id: str) -> tuple[resources.Pipeline, ...]:
        """All pipelines of a program."""
        return self._read(operations.pipelines(program_id))

    def get_pipeline(self, program_id: str, pipeline_id: str) -> resources.Pipeline:
        """One pipeline."""
        return self._read(operations.pipeline(program_id, pipeline_id))

    def list_environments(self, program_id: str) -> tuple[environment_resources.Environment, ...]:
        """All environments of a program."""
        return self._read(operations.environments(program_id))

    def get_environment(self, program_id: str, environment_id: str) -> environment_resources.Environment:
        """One environment."""
        return self._read(operations.environment(program_id, environment_id))

    def list_domain_mappings(
        self, program_id: str, environment_id: str
    ) -> tuple[environment_resources.DomainMapping, ...]:
        """The domains that lead to an environment."""
        return self._read(operations.domain_mappings(program_id, environment_id))

    def list_ip_allow_list_bindings(
        self, program_id: str
    ) -> tuple[environment_resources.AllowListBinding, ...]:
        """Which IP allow lists are bound to which environments of a program."""
        return self._read(operations.ip_allow_list_bindings(program_id))

    def list_advanced_networking(
        self, program_id: str, environment_id: str
    ) -> tuple[environment_resources.AdvancedNetworking, ...]:
        """How an environment reaches other systems; none where nothing is configured."""
        return self._read(operations.advanced_networking(program_id, environment_id))

    def list_restore_points(
        self, program_id: str, environment_id: str
    ) -> tuple[environment_resources.RestorePoint, ...]:
        """The backups of an environment; they alone name its AEM release."""
        return self._read(operations.restore_points(program_id, environment_id))

    def list_content_flows(self, program_id: str) -> tuple[environment_resources.ContentFlow, ...]:
        """The content copies between environments of a program."""
        return self._read(operations.content_flows(program_id))

    def list_restore_executions(
        self, program_id: str, environment_id: str
    ) -> tuple[environment_resources.RestoreExecution, ...]:
        """The restores of an environment from a backup."""
        return self._read(operations.restore_executions(program_id, environment_id))

    def list_executions(self, program_id: str, pipeline_id: str, *, limit: int = 20) -> tuple[Execution, ...]:
        """The newest executions of a pipeline, the newest first."""
        return self._read(operations.executions(program_id, pipeline_id, limit))

    def get_execution(self, program_id: str, pipeline_id: str, execution_id: str) -> Execution:
        """One execution."""
        return self._read(operations.execution(program_id, pipeline_id, execution_id))

    def get_current_execution(self, program_id: str, pipeline_id: str) -> Execution | None:
        """The execution that runs or waits now, if any."""
        return self._read(operations.current_execution(program_id, pipeline_id))

    def get_step_state(self, step: StepState) -> StepState:
        """The step as it is now."""
        return self._read(operations.step_state(step))

    def get_metrics(self, step: StepState) -> tuple[resources.Metric, ...]:
        """The quality metrics of a step; none where it has none."""
        return self._read(operations.metrics(step))

    def read_step_log(self, step: StepState, *, file: str | None = None, tail: int = 65536) -> str:
        """The last ``tail`` bytes of a step's log as text; empty where there is none."""
        return self._read(operations.step_log(step, file, tail, allow_loopback=self.account.is_local))

    def list_artifacts(self, step: StepState) -> tuple[resources.Artifact, ...]:
        """The files that a step left behind."""
        return self._read(operations.artifacts(step))

    def list_environment_variables(
        self, program_id: str, environment_id: str
    ) -> tuple[environment_resources.Variable, ...]:
        """An environment's variables, without their values."""
        return self._read(operations.environment_variables(program_id, environment_id))

    def list_pipeline_variables(
        self, program_id: str, pipeline_id: str
    ) -> tuple[environment_resources.Variable, ...]:
        """A pipeline's variables, without their values."""
        return self._read(operations.pipeline_variables(program_id, pipeline_id))

    def advance(self, step: StepState, body: Mapping[str, Any]) -> Receipt:
        """PUT ``body`` to the step's advance link, once.

        Raises ``NotSent``, ``ActRefused`` or ``ActUnknown``. The result shows only when the execution is read
        again (https://developer.adobe.com/experience-cloud/cloud-manager/guides/api-usage/advancing-and-cancelling-steps/).
        """
        return self._act(step, step.advance_link, "advance", body)

    def cancel(self, step: StepState, body: Mapping[str, Any]) -> Receipt:
        """PUT ``body`` to the step's cancel link, once. As ``advance``."""
        return self._act(step, step.cancel_link, "cancel", body)

    def start_execution(
        self, program_id: str, pipeline_id: str, *, source_execution_id: str | None = None
    ) -> Execution:
        """Start the pipeline, once; a production-only pipeline from the build of ``source_execution_id``.

        Raises ``Conflict`` where it is busy, ``NotFound``, ``PermissionDenied`` and so on where Cloud Manager
        refuses, ``NotSent`` where nothing was sent, ``ActUnknown`` where the answer was lost.
        """
        what = f"the start of pipeline {pipeline_id}"
        href = protocol.api_path("program", program_id, "pipeline", pipeline_id, "execution")
        if source_execution_id is not None:
            href = protocol.with_query(href, sourceExecutionId=source_execution_id)
        answer = self._put(href, None, what)
        if answer.status != 201:
            raise protocol.start_error(answer, what)
        try:
            return Execution.parse(json_object(answer, what))
        except CloudManagerError as error:
            raise ActUnknown(
                f"Pipeline {pipeline_id} was started, but Cloud Manager's answer is not readable: read the "
                "current execution.",
                status=answer.status,
                request_id=answer.request_id,
            ) from error

    def _act(self, step: StepState, link: str | None, verb: str, body: Mapping[str, Any]) -> Receipt:
        what = f"the {verb} of step {step.action} ({step.step_id}) of execution {step.execution_id}"
        try:
            href = protocol.act_link(
                link,
                execution_id=step.execution_id,
                phase_id=step.phase_id,
                step_id=step.step_id,
                verb=verb,
            )
        except CloudManagerError as error:
            raise NotSent(f"{error.sentence} Nothing was sent and nothing was changed.") from error
        return protocol.receipt_of(self._put(href, json.dumps(body).encode(), what), what)

    def _put(self, href: str, body: bytes | None, what: str) -> Answer:
        """The only PUT of this hook: all that can fail before it fails before anything is sent."""
        try:
            account = self.account
            url = account.url(href)
            token = self._token()
        except CloudManagerError as error:
            raise NotSent(f"{error.sentence} Nothing was sent and nothing was changed.") from error
        account.budget.note()
        headers = account.headers(token, body=True)
        answer = put_once(url, headers=headers, body=body, timeout=self.request_timeout, what=what)
        return answer.without(token.value)

    def _read(self, operation: Operation[T]) -> T:
        reader = Reader(
            self.account,
            Deadline(self.deadline),
            request_timeout=self.request_timeout,
            backoff=self.backoff,
            log=self.log,
            adapter=self.keep_alive_adapter,
        )
        try:
            return reader.run(operation)
        finally:
            if reader.clock_offset is not None:
                self._clock_offset = reader.clock_offset
