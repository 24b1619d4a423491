"""Running a chapter: the checks of one concern on one site, each with its own result, time limit and re-run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import nullcontext, suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from aem_checks.text import count
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.red import NO_SECOND_TRY, Red
from stage_gate.tasks.saying import follows_in, outcome_line, say_findings
from stage_gate.tasks.testing import Beside, folder_of, require_deployed, visit_site, visit_stage
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aem_checks.browser.seat import Seat
    from aem_checks.browser.sharing import Sharing
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult
    from aem_checks.sites import Target
    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.chapters import Chapter
    from stage_gate.tasks.keeping import Keeper

    Found = tuple[ConfiguredCheck, CheckResult]
    Test = Callable[[ConfiguredCheck, Seat | None], Coroutine[Any, Any, CheckResult]]
    """Runs a check, with its seat at a browser that others share."""

AT_ONCE = 4
"""Checks of a chapter that run side by side; the rate limit of their host is the same for all of them."""


class RunChapter(GateTask):
    """Run the checks of one chapter. One that blocks, or whose findings do, fails the task; the verdict is not taken here."""

    def __init__(self, *, gate_file: str, chapter: str, target: Target, **kwargs: Any) -> None:
        super().__init__(gate_file=gate_file, **{"retry_policy": NO_SECOND_TRY, **kwargs})
        self.chapter = chapter
        self.target = target

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.configuration.chapters import chapters_of

        pinned = {each.name: each for each in chapters_of(run.gate, self.target)}
        if self.chapter not in pinned:
            raise AirflowFailException(
                f"{self.chapter} is not among the chapters that were pinned when this run began."
            )
        require_deployed(run, self.target)
        chapter = pinned[self.chapter]
        beside = Beside(chapter.checks)
        found, troubles = self._run(chapter, partial(_beside, beside, self._test(run, context, beside)))
        found.sort(key=lambda each: chapter.checks.index(each[0]))
        against = [(check, result) for check, result in found if _is_red(check, result)]
        follows = follows_in(run, self.target, [result for _, result in found])
        for _, result in (*against, *(each for each in found if each not in against)):
            say_findings(self.log, result, follows)
        if troubles and (self.target == "stage" or not against):
            raise next((each for each in troubles if not isinstance(each, AirflowFailException)), troubles[0])
        if against:
            keys = ", ".join(check.key for check, _ in against)
            raise Red(f"{len(against)} of {count(len(found), 'check')} speak against the release: {keys}.")

    def _run(self, chapter: Chapter, test: Test) -> tuple[list[Found], list[Exception]]:
        """All results, and what kept checks from having any."""
        from stage_gate.tasks.keeping import GivenUpError

        troubles: list[Exception] = []
        found: list[Found] = []
        for check, outcome in _outcomes(chapter, test):
            try:
                found.append((check, _result_of(outcome)))
            except GivenUpError:
                raise  # whatever else this try would find, another one finds it
            except Exception as error:  # noqa: BLE001 - the other checks have their results all the same
                self.log.error("%s has no result: %s", check.key, log_line(error))
                troubles.append(error)
            else:
                self.log.info("%s", outcome_line(found[-1][1]))
        return found, troubles

    def _test(self, run: GateRun, context: Context, beside: Beside) -> Test:
        """How one check is run and its result kept, in the attempt that is the newest now."""
        from stage_gate.tasks.keeping import Keeper

        if self.target == "stage":
            keeper = Keeper(context, run.evidence, run.evidence.attempts())
            return partial(self._test_once, run, keeper, beside)
        keep, folder = run.evidence.write_production_result, folder_of(run, self.target)
        return lambda check, seat: visit_site(run, check, folder, keep, seat, beside)

    async def _test_once(
        self, run: GateRun, keeper: Keeper, beside: Beside, check: ConfiguredCheck, seat: Seat | None
    ) -> CheckResult:
        """Run it, unless a try of this task has its result already, or the attempt is not open any more."""
        from stage_gate.evidence.files import EvidenceError

        standing = keeper.standing(check.key)
        if standing is not None:
            return standing
        try:
            attempt = run.evidence.open_attempt()
        except EvidenceError as error:
            raise AirflowFailException(f"{check.key} was not run. {error}") from error
        if attempt != keeper.attempt:
            raise AirflowFailException(f"{check.key} was not run: attempt {attempt} was begun meanwhile.")
        return await visit_stage(run, check, keeper, seat, beside)


async def _beside(beside: Beside, test: Test, check: ConfiguredCheck, seat: Seat | None) -> CheckResult:
    """Whatever becomes of it, nobody waits for it to look at pages."""
    try:
        return await test(check, seat)
    finally:
        beside.walk.leave(check.key)


def _result_of(outcome: Future[CheckResult] | asyncio.Task[CheckResult]) -> CheckResult:
    """Raises what kept the check from a result; that it was cancelled ends this check and no other one."""
    try:
        return outcome.result()
    except asyncio.CancelledError as error:
        raise AirflowException("it was cancelled, and nobody says why") from error


def slots_of(chapter: Chapter) -> int:
    """How many of its checks run at once, each with its own time; those that share a browser count as one."""
    return 1 if chapter.opens_browsers else AT_ONCE


def _is_red(check: ConfiguredCheck, result: CheckResult) -> bool:
    from aem_checks.outcomes import Outcome, Severity

    return result.outcome is not Outcome.PASSED and (check.blocks or result.severity is Severity.BLOCK)


Job = tuple["ConfiguredCheck", "Callable[[], CheckResult]"]
Ended = tuple["ConfiguredCheck", "Future[CheckResult] | asyncio.Task[CheckResult]"]


def _outcomes(chapter: Chapter, test: Test) -> Iterator[Ended]:
    """The outcome of each check as it ends."""
    if chapter.opens_browsers:
        return _in_one_browser(chapter.checks, test)
    jobs: list[Job] = [(check, partial(_alone, test, check)) for check in chapter.checks]
    return _side_by_side(jobs, slots_of(chapter))


def _alone(test: Test, check: ConfiguredCheck) -> CheckResult:
    return asyncio.run(test(check, None))


def _in_one_browser(checks: Iterable[ConfiguredCheck], test: Test) -> Iterator[Ended]:
    """All at once in this thread, which is the one that Airflow interrupts: so a browser ends with its task."""
    from aem_checks.browser.sharing import Sharing

    with asyncio.Runner() as runner:
        sharing = Sharing()
        left = runner.run(_begun(checks, test, sharing))
        while left:
            for task in runner.run(_first_of(left)):
                yield left.pop(task), task
        runner.run(sharing.aclose())


async def _begun(
    checks: Iterable[ConfiguredCheck], test: Test, sharing: Sharing
) -> dict[asyncio.Task[CheckResult], ConfiguredCheck]:
    """Each that opens pages with a seat of its own: none begins before all have one."""
    seats = [(check, sharing.seat() if check.opens_pages else None) for check in checks]
    return {asyncio.create_task(_seated(test, check, seat)): check for check, seat in seats}


async def _seated(test: Test, check: ConfiguredCheck, seat: Seat | None) -> CheckResult:
    with seat or nullcontext():
        return await test(check, seat)


async def _first_of(
    tasks: Iterable[asyncio.Task[CheckResult]],
) -> set[asyncio.Task[CheckResult]]:
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return ended


def _side_by_side(jobs: Iterable[Job], at_once: int) -> Iterator[Ended]:
    """The outcome of each as it ends; they begin in their order. A task that is ended waits for none of them.

    One at a time, they run in this thread, which is the one that Airflow interrupts: so a suite ends with its task.
    """
    begun: list[tuple[Job, Future[CheckResult]]] = [(job, Future()) for job in jobs]
    if min(at_once, len(begun)) == 1:
        for (check, work), outcome in begun:
            _do(work, outcome)
            yield check, outcome
        return
    waiting: SimpleQueue[tuple[Job, Future[CheckResult]]] = SimpleQueue()
    for each in begun:
        waiting.put(each)
    for _ in range(at_once):
        Thread(target=copy_context().run, args=(_work_off, waiting), daemon=True).start()
    left = {outcome: check for (check, _), outcome in begun}
    try:
        while left:
            for outcome in wait(left, return_when=FIRST_COMPLETED).done:
                yield left.pop(outcome), outcome
    finally:
        with suppress(Empty):  # what has not begun when the task ends never does
            while True:
                waiting.get_nowait()


def _work_off(waiting: SimpleQueue[tuple[Job, Future[CheckResult]]]) -> None:
    with suppress(Empty):
        while True:
            (_, work), outcome = waiting.get_nowait()
            _do(work, outcome)


def _do(work: Callable[[], CheckResult], outcome: Future[CheckResult]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again where the outcome is read
        outcome.set_exception(error)
