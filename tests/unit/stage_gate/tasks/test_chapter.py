"""Does each check of a chapter have its own result, whatever becomes of the others?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from structlog.testing import capture_logs

from aem_checks.outcomes import CheckResult, Outcome, Severity
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.configuration.chapters import chapters_of
from stage_gate.evidence.files import EvidenceError
from stage_gate.tasks import chapter, testing
from stage_gate.tasks.chapter import AT_ONCE, RunChapter
from stage_gate.tasks.keeping import GivenUpError
from stage_gate.tasks.red import NO_SECOND_TRY, Red
from stage_gate.tasks.saying import follows_in, say_findings
from unit.stage_gate.release import Release, chapter_with
from unit.stage_gate.samples import finding, recorded, result
from unit.stage_gate.tasks.test_waits import context, signing
from unit.stage_gate.waiting import PATIENCE, until

__all__ = ["signing"]
KEYS = ["cached_errors", "domains", "key_pages", "placeholders", "real_404"]
SITE = "larkfell"
PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE


class Worker:
    """A worker on which checks do what a test says."""

    def __init__(self, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release = release
        self.begun: list[str] = []
        self.seats: list[object] = []
        self.finds: dict[str, Outcome] = {}
        self.does: dict[str, Callable[[], object]] = {}
        monkeypatch.setattr(testing, "visit_site", self._visit)
        release.begin()

    async def _visit(
        self,
        run: object,
        check: Any,
        folder: object,
        keep: Callable[[CheckResult], None],
        seat: object,
        beside: object,
    ) -> Any:
        self.begun.append(check.key)
        self.seats.append(seat)
        self.does.get(check.key, lambda: None)()
        outcome = self.finds.get(check.key, PASSED)
        sentence = f"{check.key} has seen it. To do: mend {check.key}."
        found = result(
            check.key,
            outcome,
            kind=check.kind,
            site=check.site,
            severity=check.severity,
            findings=(finding(sentence, code=f"{check.kind}.bad", outcome=outcome),),
        )
        keep(found)
        return found

    def run(self, key: str = KEYS[0]) -> None:
        chapter_with(self.release, key).execute(context(self.release))

    @property
    def kept(self) -> dict[str, Outcome]:
        return {each.result.key: each.result.outcome for each in self.release.evidence.read_results(1)}


@pytest.fixture
def worker(simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    checks: dict[str, object] = {"others": False, **{key: {} for key in KEYS}}
    return Worker(Release(simulator, tmp_path, checks=checks), monkeypatch)


def test_every_check_has_a_result_of_its_own(worker: Worker) -> None:
    worker.run()
    assert worker.kept == dict.fromkeys(KEYS, PASSED)


def test_one_that_blocks_makes_the_task_red_without_a_second_try_and_the_others_stand(worker: Worker) -> None:
    worker.finds = {"domains": FAILED}
    with pytest.raises(Red) as red:
        worker.run()
    assert worker.kept == dict.fromkeys(KEYS, PASSED) | {"domains": FAILED}
    assert NO_SECOND_TRY.evaluate(red.value, 1, 1).action is RetryAction.FAIL
    assert NO_SECOND_TRY.evaluate(OSError(), 1, 1).action is RetryAction.DEFAULT, (
        "a worker in trouble tries again"
    )


def test_one_that_only_warns_does_not(
    simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: dict[str, object] = {"others": False, "key_pages": {}, KEYS[0]: {"severity": "warn"}}
    worker = Worker(Release(simulator, tmp_path, checks=checks), monkeypatch)
    worker.finds = {KEYS[0]: FAILED}
    worker.run()
    assert worker.kept[KEYS[0]] is FAILED


def test_a_finding_that_is_graver_than_its_check_does(worker: Worker) -> None:
    warns = next(each for each in worker.release.gate.plan.checks if each.key == "key_pages")
    graver = result("key_pages", FAILED, severity=Severity.BLOCK)
    assert chapter._is_red(warns, graver)


def test_the_log_has_what_speaks_against_the_release_first_with_the_remedy_on_a_line_of_its_own(
    worker: Worker,
) -> None:
    worker.finds = {"placeholders": FAILED}
    with capture_logs() as said, pytest.raises(Red) as red:
        worker.run()
    lines = [str(each["event"]) for each in said]
    told = lines.index("failed placeholders.bad [/us/en.html] placeholders has seen it.")
    assert lines[told + 1] == "To do: mend placeholders."
    assert "::group::key_pages: 1 finding" in lines[told:], "what passed is folded, below"
    assert not any(line.startswith("::group::placeholders") for line in lines)
    assert str(red.value) == "1 of 5 checks speak against the release: placeholders."


def test_what_follows_from_a_finding_of_another_task_is_folded_below_what_stands_for_itself(
    worker: Worker,
) -> None:
    gone = finding("Gone.", subject="https://stage.test/a.html", code="key_pages.status")
    follower = finding("Not judged.", subject="/a.html", code="visual.not_judged", outcome=INCONCLUSIVE)
    looks = result("visual", INCONCLUSIVE, site=SITE, findings=(follower, finding("Otherwise.")))
    lines = _said_of(worker, looks, result("key_pages", FAILED, site=SITE, findings=(gone,)))
    assert lines == [
        "failed visual.bad [/us/en.html] Otherwise.",
        "::group::visual: 1 finding follows from key_pages: https://stage.test/a.html",
        "inconclusive visual.not_judged [/a.html] Not judged.",
        "::endgroup::",
    ]


def test_what_others_have_found_that_nobody_can_read_marks_nothing(worker: Worker) -> None:
    gone = finding("Gone.", subject="https://stage.test/a.html", code="key_pages.status")
    follower = finding("Not judged.", subject="/a.html", code="visual.not_judged", outcome=INCONCLUSIVE)
    looks = result("visual", INCONCLUSIVE, site=SITE, findings=(follower,))
    kept = worker.release.evidence.attempt_folder(1) / "results" / "key_pages.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"{")
    assert _said_of(worker, looks) == ["inconclusive visual.not_judged [/a.html] Not judged."]
    kept.unlink()
    one, other = result("key_pages", FAILED, site=SITE, findings=(gone,)), result("key_pages", site=SITE)
    assert len(_said_of(worker, looks, one, other)) == 1, "two results of one check are none"


def test_the_same_fault_of_many_pages_is_told_once_and_the_rest_folded(worker: Worker) -> None:
    pages = [finding(f"{path} is bad. To do: mend it.", subject=path) for path in ("/a", "/b", "/c")]
    assert _said_of(worker, result("domains", FAILED, site=SITE, findings=tuple(pages))) == [
        "failed domains.bad [/a] /a is bad.",
        "To do: mend it.",
        "::group::Likewise (domains.bad): /b, /c.",
        "failed domains.bad [/b] /b is bad.",
        "To do: mend it.",
        "failed domains.bad [/c] /c is bad.",
        "To do: mend it.",
        "::endgroup::",
    ]


def _said_of(worker: Worker, told: CheckResult, *kept: CheckResult) -> list[str]:
    """What the log of a task says that found the first, where the others lie in the evidence."""
    for each in kept:
        worker.release.evidence.write_result(1, recorded(each))
    with capture_logs() as said:
        log = chapter_with(worker.release, KEYS[0]).log
        say_findings(log, told, follows_in(cast("GateRun", worker.release), "stage", [told]))
    return [str(each["event"]) for each in said if each["log_level"] == "info"]


def test_one_without_a_result_takes_it_from_no_other_and_the_task_tries_again(
    worker: Worker,
) -> None:
    def store_is_away() -> None:
        raise EvidenceError("The store is away.")

    worker.does, worker.finds = {"key_pages": store_is_away}, {"domains": FAILED}
    with capture_logs() as said, pytest.raises(EvidenceError, match="The store is away"):
        worker.run()
    assert worker.kept.keys() == set(KEYS) - {"key_pages"}
    assert "key_pages has no result: The store is away." in [each["event"] for each in said]


def cancelled() -> None:
    raise asyncio.CancelledError


def test_one_that_is_cancelled_takes_its_result_from_no_other(worker: Worker) -> None:
    worker.does, worker.finds = {KEYS[0]: cancelled}, {"domains": FAILED}
    with capture_logs() as said, pytest.raises(AirflowException, match="it was cancelled"):
        worker.run()
    assert worker.kept.keys() == set(KEYS) - {KEYS[0]}
    events = [each["event"] for each in said]
    assert f"{KEYS[0]} has no result: it was cancelled, and nobody says why" in events
    assert "failed domains.bad [/us/en.html] domains has seen it." in events


def test_so_many_at_once_and_no_more(worker: Worker) -> None:
    """The first ones wait for each other: were it fewer, none would go on; one more would have begun with them."""
    together = threading.Barrier(AT_ONCE)
    seen: list[int] = []

    def meet() -> None:
        if len(seen) < AT_ONCE:
            seen.append(0)
            together.wait(PATIENCE)
            seen.append(len(worker.begun))
            together.wait(PATIENCE)

    worker.does = dict.fromkeys(KEYS, meet)
    worker.run()
    assert worker.kept == dict.fromkeys(KEYS, PASSED)
    assert seen == [0] * AT_ONCE + [AT_ONCE] * AT_ONCE


def test_a_task_whose_time_is_over_waits_for_no_check(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    worker.does = dict.fromkeys(KEYS, lambda: goes_on.wait(PATIENCE))

    def interrupted(*_: object, **__: object) -> None:
        raise AirflowTaskTimeout

    monkeypatch.setattr(chapter, "wait", interrupted)
    with pytest.raises(AirflowTaskTimeout):
        worker.run()
    assert not goes_on.is_set()
    assert all(each.daemon for each in threading.enumerate() if "_work_off" in each.name)
    goes_on.set()
    until(lambda: len(worker.kept) == len(worker.begun), "what had begun is kept")
    assert len(worker.begun) <= AT_ONCE, "nothing begins any more"


def test_a_chapter_that_was_not_pinned_is_not_run(worker: Worker) -> None:
    strange = RunChapter(task_id="x", gate_file=str(worker.release.gate_file), chapter="x", target="stage")
    with pytest.raises(AirflowFailException, match="x is not among the chapters that were pinned"):
        strange.execute(context(worker.release))
    assert worker.begun == []


def test_what_was_found_is_said_though_another_check_has_no_result(worker: Worker) -> None:
    def store_is_away() -> None:
        raise EvidenceError("The store is away.")

    worker.does, worker.finds = {"key_pages": store_is_away}, {"domains": FAILED}
    with capture_logs() as said, pytest.raises(EvidenceError):
        worker.run()
    assert "failed domains.bad [/us/en.html] domains has seen it." in [each["event"] for each in said]


def test_what_fails_on_production_is_red_though_another_check_has_no_result(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another try would test all of production again, and what it finds then would be all that is seen."""
    found = result("production.real_404", FAILED)

    def test(self: RunChapter, *_: object) -> Callable[[Any, object], Coroutine[Any, Any, CheckResult]]:
        async def one(check: Any, seat: object) -> CheckResult:
            if check.kind == "key_pages":
                raise EvidenceError("The store is away.")
            return found

        return one

    monkeypatch.setattr(
        "stage_gate.configuration.chapters.chapters_of", lambda gate, _: chapters_of(gate, "stage")
    )
    monkeypatch.setattr(RunChapter, "_test", test)
    monkeypatch.setattr(chapter, "require_deployed", lambda *_: None)
    task = RunChapter(
        task_id="a", gate_file=str(worker.release.gate_file), chapter="availability", target="production"
    )
    with pytest.raises(Red, match="of 4 checks speak"):
        task.execute(context(worker.release))


def test_a_try_that_airflow_gave_up_ends(worker: Worker) -> None:
    def given_up() -> None:
        raise GivenUpError("Airflow took this try for dead.")

    worker.does = dict.fromkeys(KEYS, given_up)
    with pytest.raises(GivenUpError):
        worker.run()
    assert worker.kept == {}


def test_a_task_goes_on_in_no_attempt_that_was_begun_while_it_ran(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chapter, "AT_ONCE", 1)
    worker.does = {"domains": worker.release.begin}  # after one that has its result
    with pytest.raises(AirflowFailException, match="was not run: attempt 2 was begun meanwhile"):
        worker.run()
    assert worker.release.evidence.read_results(2) == ()


BROWSING = ["accessibility", "page_errors", "page_weight", "visual"]


@pytest.fixture
def browsing(simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    checks: dict[str, object] = {"others": False, "key_pages": {}, **{key: {} for key in BROWSING}}
    return Worker(Release(simulator, tmp_path, checks=checks), monkeypatch)


def test_checks_that_open_pages_have_a_seat_each_at_one_browser_and_a_result_each(browsing: Worker) -> None:
    browsing.finds = {"visual": FAILED}
    browsing.run("visual")
    assert browsing.kept == dict.fromkeys(BROWSING, PASSED) | {"visual": FAILED}
    assert len({id(seat) for seat in browsing.seats}) == len(BROWSING)
    assert None not in browsing.seats


def test_one_of_them_that_is_cancelled_takes_its_result_from_no_other(browsing: Worker) -> None:
    browsing.does = {"accessibility": cancelled}
    with pytest.raises(AirflowException, match="it was cancelled"):
        browsing.run("visual")
    assert browsing.kept.keys() == set(BROWSING) - {"accessibility"}


def test_one_of_them_without_a_result_takes_it_from_no_other(browsing: Worker) -> None:
    def store_is_away() -> None:
        raise EvidenceError("The store is away.")

    browsing.does = {"page_errors": store_is_away}
    with pytest.raises(EvidenceError, match="The store is away"):
        browsing.run("visual")
    assert browsing.kept.keys() == set(BROWSING) - {"page_errors"}


def test_they_run_in_the_thread_that_airflow_interrupts_and_end_when_it_does(browsing: Worker) -> None:
    threads: set[int] = set()

    def interrupted() -> None:
        threads.add(threading.get_ident())
        if len(browsing.begun) == 2:
            raise AirflowTaskTimeout

    browsing.does = dict.fromkeys(BROWSING, interrupted)
    with pytest.raises(AirflowTaskTimeout):
        browsing.run("visual")
    assert threads == {threading.get_ident()}
