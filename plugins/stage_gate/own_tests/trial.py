"""One run of a test of a team's own: what was planned of it, where its files lie, and what becomes of its result."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from pydantic import AwareDatetime, BaseModel, ConfigDict

from aem_checks.codes import with_codes
from aem_checks.outcomes import CheckResult, Judgement
from stage_gate.evidence.claims import take_rerun
from stage_gate.evidence.files import EvidenceError, dump, exists, read_model, write
from stage_gate.own_tests.ends import Left, notes_of, problems_of
from stage_gate.own_tests.handing import CandidateInHand
from stage_gate.own_tests.reports import NoStore, Place
from stage_gate.rules.own_tests import CODES, OwnTest
from stage_gate.rules.plan import OWN_TESTS
from stage_gate.tasks.keeping import Keeper, PartKeeper

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aem_checks.junit import Report
    from stage_gate.acting.run import GateRun

log = logging.getLogger(__name__)

TASKS = "tasks"
"""The folder of all tests of a site."""


class Progress(BaseModel):
    """What a test that is deferred, or runs again, has to know of its beginning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    started_at: AwareDatetime
    seen: dict[str, str] = {}
    """The reports that were there before, by name."""
    first: Judgement | None = None
    """What its first run found, where this one is to confirm that."""


class Trial:
    """A test, or a part of a mapped one, in the newest attempt of its run."""

    def __init__(self, run: GateRun, test: OwnTest, context: Context) -> None:
        """``test`` as its Dag file declares it now: what was pinned counts.

        Raises ``AirflowSkipException`` where nothing is to be decided or the test was not planned, and
        ``AirflowFailException`` where the attempt takes no results.
        """
        self.run = run
        self.attempt = _open_attempt(run, test.key)
        self.test = _planned(run, test)
        self.part = _part_of(context)
        self.keeper = self._keeper(context)

    def _keeper(self, context: Context) -> Keeper:
        if self.part is None:
            return Keeper(context, self.run.evidence, self.attempt)
        return PartKeeper(context, self.run.evidence, self.attempt, *self.part)

    @property
    def place(self) -> str:
        """Its folder, named from that of the attempt on."""
        part = f"/{self.part[0]}" if self.part else ""
        return f"sites/{self.test.site}/{TASKS}/{self.test.name}{part}"

    @property
    def folder(self) -> Path:
        return self.run.evidence.attempt_folder(self.attempt) / self.place

    @cached_property
    def candidate(self) -> CandidateInHand:
        part = self.part[0] if self.part else 0
        return CandidateInHand.of(self.run, self.attempt, self.test.site, self.folder, part)

    @cached_property
    def progress(self) -> Progress:
        """As it was kept; a test that never began has one that knows of no reports. Raises ``EvidenceError``."""
        path = self._progress_file
        return read_model(path, Progress) if exists(path) else Progress(started_at=datetime.now(UTC))

    @property
    def _progress_file(self) -> Path:
        return self.folder / "progress.json"

    def begin(self) -> None:
        """A run begins: its time, and what lies where its reports will be."""
        first = self.progress.first
        self._keep_progress(Progress(started_at=datetime.now(UTC), seen=self._seen(), first=first))

    def begin_again(self, first: Judgement) -> None:
        """The run that is to confirm a failure begins, within the same time limit."""
        update = {"seen": self._seen(), "first": first}
        self._keep_progress(self.progress.model_copy(update=update))

    def _keep_progress(self, progress: Progress) -> None:
        write(self._progress_file, dump(progress))
        self.progress = progress

    def _seen(self) -> dict[str, str]:
        """Nothing where the place can't be read yet: then it can't be read later either, or what is there is new."""
        if self.reports is None:
            return {}
        try:
            return self.reports.stamps()
        except NoStore as error:
            log.warning("What lies there before the test can't be told: %s", error)
            return {}

    @cached_property
    def reports(self) -> Place | None:
        """Where its reports are looked for, ``None`` for a test without any."""
        return Place.of(self.candidate.place(self.test.reports)) if self.test.reports else None

    @property
    def left(self) -> timedelta:
        """How much of its time is left; not less than nothing."""
        gone = datetime.now(UTC) - self.progress.started_at
        return max(timedelta(0), self.test.within - gone)

    def read_reports(self) -> Left | None:
        """The reports of this run, copied into the evidence; ``None`` for a test without any."""
        if self.reports is None:
            return None
        try:
            return self._take_over(self.reports)
        except NoStore as error:
            problems = tuple(problems_of([(self.test.reports, str(error))], self.test.name))
            return Left(problems=problems, missing=self.test.reports)

    def _take_over(self, place: Place) -> Left:
        from aem_checks.reports import TOO_OLD, LeftOut

        read: list[Report] = []
        unusable: list[tuple[str, str]] = []
        old: list[str] = []
        again = "-again" if self.progress.first is not None else ""
        for file in place.fresh(self.progress.seen):
            if isinstance(file, LeftOut):
                (old.append(file.name) if file.why == TOO_OLD else unusable.append((file.name, file.why)))
                continue
            write(self.folder / f"reports{again}" / file.name, file.content)
            if file.is_xml:
                read += self._read(file.name, file.content, unusable)
        problems = [*problems_of(unusable, self.test.name), *notes_of(old, TOO_OLD, self.test.name)]
        missing = "" if read else self.test.reports
        return Left(tuple(read), tuple(problems), f"{self.place}/reports{again}", missing)

    def _read(self, name: str, content: bytes, unusable: list[tuple[str, str]]) -> Iterator[Report]:
        from aem_checks.junit import ReportError, read_report

        try:
            report = read_report(content)
        except ReportError as error:
            unusable.append((name, str(error)))
        else:
            if report is not None:
                yield report

    def confirmation(self, judgement: Judgement) -> tuple[bool, Judgement]:
        """Whether it is run once more, as a first failure that blocks is; where it can't be, a note says why."""
        from aem_checks.runner import TIME_IS_OVER, wants_confirmation, why_not_again, with_note

        if self.progress.first is not None or not wants_confirmation(
            judgement, self.test.severity, capped=True
        ):
            return False, judgement
        refused = why_not_again(self._may_rerun) if self.left else TIME_IS_OVER
        return refused is None, judgement if refused is None else with_note(OWN_TESTS, judgement, refused)

    def _may_rerun(self) -> bool:
        folder = self.run.evidence.attempt_folder(self.attempt)
        return take_rerun(folder, self.run.gate.policy.flakes.reruns, self._name)

    @property
    def _name(self) -> str:
        return self.test.key if self.part is None else f"{self.test.key}.{self.part[0]}"

    def result(self, judgement: Judgement) -> CheckResult:
        """What its one or two runs amount to."""
        from aem_checks.runner import come_to

        first, base = self.progress.first, self.test.severity
        both = judgement if first is None else come_to(OWN_TESTS, first, judgement, base, capped=True)
        return both.as_result(
            base,
            capped=True,
            key=self.test.key,
            kind=OWN_TESTS,
            site=self.test.site,
            target="stage",
            attempts=1 if first is None else 2,
            started_at=self.progress.started_at,
            finished_at=datetime.now(UTC),
        )

    def keep(self, result: CheckResult) -> None:
        """Keep its result for good. Raises ``AirflowFailException`` where the attempt takes none any more."""
        try:
            self.keeper.keep(result, self.test.digest)
        except EvidenceError as error:
            if error.passing:
                raise
            raise AirflowFailException(
                f"{result.key} ended {result.outcome}, and that counts for nothing: {error}"
            ) from error


def coded(judgement: Judgement) -> Judgement:
    """The same with whole codes and nothing in its sentences that could forge a line."""
    from aem_checks.runner import made_plain

    found = with_codes(OWN_TESTS, CODES, judgement)
    return found.model_copy(update={"findings": tuple(made_plain(found.findings))})


def _open_attempt(run: GateRun, key: str) -> int:
    try:
        return run.evidence.open_attempt()
    except EvidenceError as error:
        raise AirflowFailException(f"{key} was not run. {error}") from error


def _planned(run: GateRun, declared: OwnTest) -> OwnTest:
    """The test as it was pinned. Raises ``AirflowSkipException`` for one that was not."""
    found = next((each for each in run.pin.own_tests if each.key == declared.key), None)
    if found is None:
        raise AirflowSkipException(
            f"{declared.key} was not planned when this run was pinned, so it is not run and counts for nothing. The next "
            "execution has it."
        )
    if found.mapped != declared.mapped:
        raise AirflowFailException(
            f"{declared.key} was {'' if found.mapped else 'not '}mapped when this run was pinned, and now it is the other "
            "way, so it was not run: it has no result, and the verdict is inconclusive. The next execution has it as it is now."
        )
    return found


def _part_of(context: Context) -> tuple[int, int] | None:
    """Which part of how many this is, as Airflow counts them; ``None`` for a test that is not mapped."""
    ti: Any = context["ti"]
    if ti.map_index is None or ti.map_index < 0:
        return None
    total = ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    return ti.map_index, max(int(total), ti.map_index + 1)
