"""How is anybody asked anything in Airflow? One question about one attempt, and its answer on record."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from stage_gate.pages.links import PinnedExecutionLink, ReleaseLink, say_where
from stage_gate.rules.asking import Asked, Given, may_be_asked
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun

log = logging.getLogger(__name__)

TEXT = ["null", "string"]
"""Airflow validates a form before it asks; what an answer needs is checked afterwards."""


@dataclass(frozen=True, kw_only=True)
class Matter(ABC):
    """What a question is about, as it was pinned, and what becomes of its answer."""

    run: GateRun
    asked: Asked
    shown: str
    """What the question shows and its answer brings back, so that it is an answer to this question alone."""
    file_name: str
    """Of this question, under which it is on record when it was asked first."""

    def standing(self) -> Given | None:
        """The answer that was given already and can't be taken back."""
        return None

    @abstractmethod
    def alone(self, started_by: str) -> Given:
        """What stands in for an answer where whoever started the execution is the only one to ask."""

    @abstractmethod
    def late(self) -> Given:
        """What stands in for an answer where none came in time."""

    @abstractmethod
    def refusal(self, given: Given, started_by: str) -> str | None:
        """Why an answer is not taken, as a sentence; ``None`` where it is."""

    def said(self) -> Given | None:
        """What a person answered to this very question before; silence does not replace it. Raises ``EvidenceError``."""
        return None

    @abstractmethod
    def subject(self) -> str:
        """The line in *Required Actions*: which gate and release, and what about it."""

    @abstractmethod
    def body(self) -> str:
        """What people read."""

    @abstractmethod
    def announce(self, people: tuple[str, ...], left: timedelta, where: str) -> list[str]:
        """Tell that people can answer for this long; returns the sentences for the log."""

    @abstractmethod
    def keep(self, given: Given, asked_at: datetime) -> None:
        """Keep the answer: what follows reads it from the evidence, never from a task's XCom."""


class Asking(HITLOperator):
    """Ask named people, and keep who answered what, when and why.

    Mapped over the attempts, since Airflow goes on showing the first question of a task however often it is
    cleared: each attempt has a question of its own, and those about earlier attempts skip themselves. A refused
    answer fails the try with a sentence; the next try asks anew, for what is left of the time.
    """

    ui_color = "#fde293"
    operator_extra_links = (ReleaseLink(), PinnedExecutionLink())

    def __init__(self, *, gate_file: str, attempt: int, form: Mapping[str, Param], **kwargs: Any) -> None:
        """``attempt``: the number of the one that is asked about; from an XCom, so only a hint."""
        kwargs["params"] = form  # instead of the Dag's own params, which are no question here
        super().__init__(**kwargs)
        self.gate_file = gate_file
        self.attempt = attempt

    def newest(self, run: GateRun) -> int:
        """The attempt that can be asked about."""
        raise NotImplementedError

    def matter(self, run: GateRun) -> Matter:
        """What is asked. Raises where it is not to be asked, or no more."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        run = self._run(context)
        run.skip_unless_decidable()
        say_where(self.log, run)
        if self.attempt != (newest := self.newest(run)):
            raise AirflowSkipException(
                f"This question was about attempt {self.attempt}; {newest} is the newest."
            )
        matter = self.matter(run)
        if (standing := matter.standing()) is not None:
            before = log_line(standing.reason)
            self.log.info("%s answered %s before: %s", log_line(standing.user_id), standing.option, before)
            return standing.option
        started_by = who_started(run) or ""
        people = may_be_asked(matter.asked.people, started_by)
        left = asked_first(matter) + matter.asked.within - datetime.now(UTC)
        if not people:
            return self._keep_silence(matter, matter.alone(started_by))
        if left <= timedelta(0):
            return self._keep_silence(matter, matter.late())
        self._prepare(matter, people, left)
        for sentence in matter.announce(people, left, required_actions(context)):
            self.log.info("%s", log_line(sentence))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        run = self._run(context)
        if self.attempt != (newest := self.newest(run)):
            raise AirflowFailException(
                f"The answer is about attempt {self.attempt}, and {newest} is the newest; production waits."
            )
        matter = self.matter(run)
        if event.get("timedout"):
            return self._keep_silence(matter, matter.late())
        given = Given.of(event)
        refused = self._refusal(matter, given)
        if refused is not None:
            raise AirflowException(
                f"The answer is refused, and the question is asked anew. {refused} Production waits."
            )
        self.validate_params_input(event.get("params_input") or {})
        return self._keep(matter, given)

    def _run(self, context: Context) -> GateRun:
        from stage_gate.acting.run import GateRun

        return GateRun.of(self.gate_file, context)

    def _refusal(self, matter: Matter, given: Given) -> str | None:
        started_by = who_started(matter.run)
        if started_by is None:
            return (
                "Cloud Manager can't be read, so whether whoever answered started the execution themselves can't be "
                "checked."
            )
        refused = matter.refusal(given, started_by)
        if refused is None and given.option not in self.options:
            return f"{given.option} is no option of this question."
        return refused

    def _prepare(self, matter: Matter, people: tuple[str, ...], left: timedelta) -> None:
        """What Airflow shows, and to whom."""
        self.params["seal"] = matter.shown
        self.assigned_users = users_of(people)
        self.response_timeout = left
        self.defaults = [matter.late().option]
        self.subject = matter.subject()
        self.body = matter.body()

    def _keep_silence(self, matter: Matter, silence: Given) -> str:
        """Where a person has answered this very question already, as before this task was run again, that stands."""
        said = matter.said()
        if said is None:
            return self._keep(matter, silence)
        self.log.info(
            "%s answered %s before, and silence takes nothing back.", log_line(said.user_id), said.option
        )
        return said.option

    def _keep(self, matter: Matter, given: Given) -> str:
        matter.keep(given, asked_first(matter))
        self.log.info("%s answered %s: %s", log_line(given.user_id), given.option, log_line(given.reason))
        return given.option


def who_started(run: GateRun) -> str | None:
    """Whom Cloud Manager names now as having started the execution, or nobody; ``None`` where it can't be read."""
    from adobe_cloud_manager.exceptions import CloudManagerError

    try:
        return run.read_execution().user
    except (CloudManagerError, OSError) as error:
        log.warning("Cloud Manager can't be read, so who started the execution is unknown: %s", error)
        return None


def asked_first(matter: Matter) -> datetime:
    """When it was asked first: trying again gives nobody more time."""
    from stage_gate.evidence.kept_decisions import asked_at

    return asked_at(matter.run.evidence, matter.file_name, datetime.now(UTC))


def required_actions(context: Context) -> str:
    """The page where the question waits; without Airflow's address, its name."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    page = f"/dags/{quote(str(context['dag'].dag_id))}/runs/{quote(str(context['run_id']))}/required_actions"
    return f"{base}{page}" if base else "Airflow's Required Actions"


def users_of(names: Iterable[str]) -> list[HITLUser]:
    return [HITLUser(id=name, name=name) for name in sorted(set(names))]
