"""What was found in an attempt stays found: nothing replaces a result, and nothing gets in beside a seal."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.evidence import seal as seal_module
from stage_gate.evidence import store as evidence_module
from stage_gate.evidence.claims import take_rerun
from stage_gate.evidence.exclusive import create_beside, create_exclusively
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.smoke_answers import FOLDER, SmokeAnswer, write_smoke_answer
from stage_gate.evidence.store import RESULTS, Evidence, executions_of
from stage_gate.rules.plan import SMOKE_TESTS
from stage_gate.rules.smoke_tests import WORKS
from stage_gate.rules.verdict import Verdict, judge
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, plan, planned, recorded, result
from unit.stage_gate.stores import s3_server, s3_store

PLAN = plan(planned("key_pages"), planned("real_404"))
PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
OTHER_CANDIDATE = CANDIDATE.model_copy(update={"commit_id": "0" * 40})


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["disk", "s3"])
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Evidence]:
    """The evidence as one more worker sees it."""
    if request.param == "disk":
        return lambda: Evidence(tmp_path, "wknd", "2345678", KEYS)
    url = request.getfixturevalue("s3")
    return lambda: Evidence(s3_store(url) / tmp_path.name, "wknd", "2345678", KEYS)


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    opened = Evidence(tmp_path, "wknd", "2345678", KEYS)
    opened.begin_attempt(PLAN, CANDIDATE)
    return opened


def keep(
    evidence: Evidence,
    outcome: Outcome = PASSED,
    key: str = "key_pages",
    attempt: int = 1,
    **changes: object,
) -> Path:
    entry = recorded(result(key, outcome, **changes)).model_copy(update={"attempt": attempt})
    return evidence.write_result(1, entry)


def verdict_of(evidence: Evidence, attempt: int = 1) -> Verdict:
    return judge(PLAN, CANDIDATE, evidence.read_results(attempt))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("workers", [2, 5])
def test_of_two_results_at_once_none_replaces_the_other(worker: Callable[[], Evidence], workers: int) -> None:
    worker().begin_attempt(PLAN, CANDIDATE)
    keep(worker(), key="real_404")
    together = threading.Barrier(workers)

    def finish(number: int) -> None:
        mine = worker()
        together.wait()
        keep(mine, FAILED if number == 0 else PASSED, examined=number + 1)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(finish, range(workers)))
    found = [e.result.outcome for e in worker().read_results(1) if e.result.key == "key_pages"]
    assert sorted(found) == sorted([FAILED, *[PASSED] * (workers - 1)])
    verdict = verdict_of(worker())
    assert verdict.outcome is INCONCLUSIVE
    assert f"key_pages gave {workers} results where one was planned" in verdict.reasons[0]


def test_a_result_that_is_written_again_after_a_lost_answer_is_no_second_one(evidence: Evidence) -> None:
    assert keep(evidence, FAILED) == keep(evidence, FAILED)
    assert len(evidence.kept(1, "key_pages", "results")) == 1


@pytest.mark.parametrize("first", [PASSED, FAILED, INCONCLUSIVE])
def test_the_first_result_stands_and_a_second_one_is_kept_beside_it(
    evidence: Evidence, first: Outcome
) -> None:
    path = keep(evidence, first)
    before = path.read_bytes()
    assert keep(evidence, PASSED, examined=2).name == "key_pages~2.json"
    assert keep(evidence, FAILED, examined=4).name == "key_pages~3.json"
    assert path.read_bytes() == before
    assert len(evidence.kept(1, "key_pages", "results")) == 3
    keep(evidence, key="real_404")
    assert verdict_of(evidence).not_passed == ("key_pages",)
    sealed = evidence.seal(1, judge)
    assert sealed.verdict.outcome is INCONCLUSIVE
    assert len(sealed.recorded) == 4, "all of it is sealed"


def test_a_result_that_comes_after_the_seal_is_refused_before_it_is_written(evidence: Evidence) -> None:
    keep(evidence)
    sealed = evidence.seal(1, judge)
    for key in ("key_pages", "real_404"):
        with pytest.raises(
            EvidenceError, match=r"Attempt 1 is sealed and can't take new results. To test again"
        ):
            keep(evidence, key=key)
    assert evidence.load_seal(1) == sealed


def test_a_result_that_comes_while_it_is_judged_is_judged_as_well(worker: Callable[[], Evidence]) -> None:
    ours = worker()
    ours.begin_attempt(PLAN, CANDIDATE)
    keep(ours)
    judged: list[int] = []

    def slow(*given: Any) -> Verdict:
        judged.append(len(given[2]))
        if len(judged) == 1:
            keep(worker(), FAILED, "real_404")
        return judge(*given)

    sealed = ours.seal(1, slow)
    assert judged == [1, 2]
    assert sealed.verdict.outcome is FAILED
    assert ours.load_seal(1).verdict == judge(PLAN, CANDIDATE, sealed.recorded)


def test_a_result_that_the_seal_did_not_wait_for_is_taken_back_and_spoils_nothing(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judging task has listed the files; a result is created; the seal is; only now the result's task looks."""
    keep(evidence)
    listed, created = threading.Event(), threading.Event()

    def seal_once_it_is_there(path: Path, content: bytes) -> None:
        listed.set()
        created.wait()
        create_exclusively(path, content)

    def create_between(folder: Path, name: str, content: bytes) -> Path:
        listed.wait()
        path = create_beside(folder, name, content)
        created.set()
        judging.join()
        return path

    monkeypatch.setattr(seal_module, "create_exclusively", seal_once_it_is_there)
    monkeypatch.setattr(evidence_module, "create_beside", create_between)
    monkeypatch.setattr(Evidence, "load_seal", lambda *_: None)
    judging = threading.Thread(target=evidence.seal, args=(1, judge))
    judging.start()
    with pytest.raises(EvidenceError, match=r"was sealed while real_404 was written.*To test again"):
        keep(evidence, FAILED, "real_404")
    monkeypatch.undo()
    assert [entry.result.key for entry in evidence.load_seal(1).recorded] == ["key_pages"]


def test_a_result_that_was_sealed_the_moment_it_was_there_is_not_taken_back(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_and_be_judged(folder: Path, name: str, content: bytes) -> Path:
        path = create_beside(folder, name, content)
        evidence.seal(1, judge)
        return path

    monkeypatch.setattr(evidence_module, "create_beside", create_and_be_judged)
    path = keep(evidence, FAILED)
    assert path.exists()
    assert [entry.result.key for entry in evidence.load_seal(1).recorded] == ["key_pages"]


def test_files_that_never_stop_coming_are_not_sealed(evidence: Evidence) -> None:
    numbers = iter(range(1000))

    def beside_another(*given: Any) -> Verdict:
        keep(evidence, key=f"check_{next(numbers)}")
        return judge(*given)

    with pytest.raises(EvidenceError, match=r"Files of attempt 1 keep coming while it is judged: which task"):
        evidence.seal(1, beside_another)
    assert not evidence.is_sealed(1)


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


CREATES: dict[str, tuple[Any, str, Callable[[Evidence], object], str]] = {
    "a result": (evidence_module, "create_beside", keep, "key_pages of attempt 1 can't be kept"),
    "a result of production": (
        evidence_module,
        "create_beside",
        lambda evidence: evidence.write_production_result(result("production.key_pages")),
        "production.key_pages of production can't be kept",
    ),
    "an attempt": (
        evidence_module,
        "create_exclusively",
        lambda evidence: evidence.begin_attempt(PLAN, OTHER_CANDIDATE),
        r"attempt-2/candidate.json can't be written",
    ),
    "a seal": (
        seal_module,
        "create_exclusively",
        lambda evidence: evidence.seal(1, judge),
        "The seal of attempt 1 can't be written",
    ),
}


@pytest.mark.parametrize("what", CREATES)
def test_what_the_store_does_not_take_is_told_and_may_be_tried_again(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    module, creates, act, said = CREATES[what]
    with monkeypatch.context() as broken:
        broken.setattr(module, creates, full)
        with pytest.raises(EvidenceError, match=f"{said}: .*No space left on device") as told:
            act(evidence)
    assert told.value.passing
    act(evidence)


def test_two_tasks_that_judge_at_once_make_one_seal(worker: Callable[[], Evidence]) -> None:
    worker().begin_attempt(PLAN, CANDIDATE)
    keep(worker(), FAILED)
    keep(worker(), key="real_404")
    together = threading.Barrier(2)

    def seal_as(verdict: Verdict) -> tuple[str, Outcome]:
        def together_with_the_other(*_: object) -> Verdict:
            together.wait()
            return verdict

        sealed = worker().seal(1, together_with_the_other)
        return sealed.digest, sealed.verdict.outcome

    verdicts = [verdict_of(worker()), Verdict(outcome=INCONCLUSIVE, summary="Inconclusive.")]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(seal_as, verdicts)
    assert first == second
    assert worker().load_seal(1).digest == first[0]


def test_a_result_of_another_attempt_is_no_answer_in_this_one(evidence: Evidence) -> None:
    keep(evidence, attempt=2)
    keep(evidence, key="real_404")
    verdict = verdict_of(evidence)
    assert verdict.outcome is INCONCLUSIVE
    assert "was found in attempt 2, not in attempt 1, so it counts for nothing" in verdict.reasons[0]
    assert [each.code for each in evidence.read_results(1)[0].result.findings] == ["key_pages.other_attempt"]


def test_a_sealed_result_of_another_attempt_approves_nothing(evidence: Evidence) -> None:
    """As sealed by somebody who holds the key: the acting task weighs it as ``verify`` does."""
    keep(evidence, attempt=2)
    keep(evidence, key="real_404")
    sealed = evidence.seal(1, lambda *_: Verdict(outcome=PASSED, summary="Passed."))
    assert judge(sealed.plan, sealed.candidate, sealed.recorded).outcome is INCONCLUSIVE


def test_two_that_begin_an_attempt_at_once_for_two_candidates_have_one_each(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(evidence)
    with monkeypatch.context() as both:
        both.setattr(Evidence, "attempts", lambda self: 1)  # each looked before the other began
        begun = [evidence.begin_attempt(PLAN, each) for each in (CANDIDATE, OTHER_CANDIDATE)]
    assert begun == [2, 3]
    assert [evidence.read_candidate(each).digest for each in begun] == [
        CANDIDATE.digest,
        OTHER_CANDIDATE.digest,
    ]


def test_an_attempt_of_one_candidate_is_never_reused_for_another(evidence: Evidence) -> None:
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 1, "settle_stage died before it kept anything"
    assert evidence.begin_attempt(PLAN, OTHER_CANDIDATE) == 2
    assert evidence.read_candidate(1).digest == CANDIDATE.digest


def test_an_attempt_in_which_only_re_runs_were_counted_is_begun_again(evidence: Evidence) -> None:
    take_rerun(evidence.attempt_folder(1), 2, "settled")
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 1


@pytest.mark.parametrize(
    "kept", ["sites/wknd/recording/index.json", "sites/wknd/page.png", "cloud_manager.json", "results/x.json"]
)
def test_whatever_was_kept_in_an_attempt_is_left_to_it(evidence: Evidence, kept: str) -> None:
    path = evidence.attempt_folder(1) / kept
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 2
    assert names(evidence.attempt_folder(2)) == ["candidate.json", "plan.json"]
    assert path.read_text() == "{}"


BASKET = f"{SMOKE_TESTS}.basket"


def answered(evidence: Evidence, attempt: int = 1) -> None:
    """A person's answer, kept in this attempt."""
    answer = SmokeAnswer(
        key=BASKET,
        attempt=attempt,
        candidate_digest=CANDIDATE.digest,
        settings_digest="",
        site="wknd",
        severity=planned("x").severity,
        question="Does the basket take a tent?",
        option=WORKS,
        by="alice",
        reason="Put one in.",
        asked_at=NOW,
        at=NOW,
    )
    write_smoke_answer(evidence, answer)


def test_an_attempt_with_people_s_answers_is_never_begun_again(evidence: Evidence) -> None:
    answered(evidence)
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 2


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
@pytest.mark.parametrize("kept", ["a result", "a person's answer"])
def test_an_attempt_that_was_opened_and_tested_meanwhile_is_not_opened_again(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, kept: str, sealed: bool
) -> None:
    """Two tries looked at once; one of them was slow, and has the same candidate as the one that is through by now."""
    keep(evidence)
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 2
    if kept == "a result":
        evidence.write_result(2, recorded(result("key_pages")).model_copy(update={"attempt": 2}))
    else:
        answered(evidence, 2)
    before = evidence.seal(2, judge) if sealed else None
    with monkeypatch.context() as slow:
        slow.setattr(Evidence, "attempts", lambda self: 1)
        assert evidence.begin_attempt(PLAN.model_copy(update={"gate_digest": "edited"}), CANDIDATE) == 3
    assert evidence.read_plan(2) == PLAN
    assert before is None or evidence.load_seal(2) == before


def result_of_answer(evidence: Evidence) -> tuple[Outcome, str]:
    [entry] = [each for each in evidence.read_results(1) if each.result.key == BASKET]
    return entry.result.outcome, " ".join(each.sentence for each in entry.result.findings)


def test_a_person_s_answer_is_a_result_and_is_sealed_as_one(evidence: Evidence) -> None:
    answered(evidence)
    outcome, said = result_of_answer(evidence)
    assert (outcome, "alice" in said) == (PASSED, True)
    sealed = evidence.seal(1, judge)
    assert [entry.result.key for entry in sealed.recorded] == [BASKET]
    assert sealed.recorded == evidence.read_results(1)
    assert evidence.load_seal(1).recorded == sealed.recorded


@pytest.mark.parametrize(
    "about", [("us", "2345678"), ("wknd", "7")], ids=["another gate", "another execution"]
)
def test_an_answer_that_was_given_elsewhere_is_neither_read_nor_sealed(
    evidence: Evidence, about: tuple[str, str]
) -> None:
    elsewhere = Evidence(evidence.store, *about, KEYS)
    elsewhere.begin_attempt(PLAN, CANDIDATE)
    answered(elsewhere)
    shutil.copytree(elsewhere.attempt_folder(1) / FOLDER, evidence.attempt_folder(1) / FOLDER)
    refused = (
        f"was written for gate {about[0]} and execution {about[1]}, not for gate wknd and execution 2345678"
    )
    with pytest.raises(EvidenceError, match=refused):
        evidence.read_results(1)
    with pytest.raises(EvidenceError, match=refused):
        evidence.seal(1, judge)
    assert not evidence.is_sealed(1)


def test_an_attempt_whose_candidate_can_not_be_read_is_not_begun_again(evidence: Evidence) -> None:
    (evidence.attempt_folder(1) / "candidate.json").write_text("{")
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 2


def test_without_an_attempt_nothing_can_be_tested(tmp_path: Path) -> None:
    nothing = Evidence(tmp_path, "wknd", "2345678", KEYS)
    assert (nothing.attempts(), nothing.latest_sealed(), nothing.sealed_last()) == (0, 0, 0)
    with pytest.raises(EvidenceError, match="No attempt was begun: settle_stage has not written a candidate"):
        nothing.open_attempt()


def test_which_attempt_is_the_newest_and_which_was_sealed_last(evidence: Evidence) -> None:
    def known() -> tuple[int, int, int]:
        return evidence.attempts(), evidence.latest_sealed(), evidence.sealed_last()

    assert known() == (1, 0, 0)
    assert evidence.open_attempt() == 1
    evidence.seal(1, judge)
    assert known() == (1, 1, 1)
    evidence.begin_attempt(PLAN, CANDIDATE)
    assert known() == (2, 0, 1)
    assert evidence.open_attempt() == 2


def test_another_worker_s_seal_is_seen_at_once_whatever_was_listed_before(
    worker: Callable[[], Evidence],
) -> None:
    ours = worker()
    ours.begin_attempt(PLAN, CANDIDATE)
    assert "plan.json" in {path.name for path in ours.attempt_folder(1).iterdir()}
    assert not ours.is_sealed(1)
    worker().seal(1, judge)
    assert ours.is_sealed(1)


def test_another_worker_s_result_is_seen_at_once_whatever_was_listed_before(
    worker: Callable[[], Evidence],
) -> None:
    ours = worker()
    ours.begin_attempt(PLAN, CANDIDATE)
    keep(ours, key="real_404")
    assert [path.name for path in (ours.attempt_folder(1) / RESULTS).iterdir()] == ["real_404.json"]
    keep(worker())
    assert [path.name for path in ours.kept(1, "key_pages", RESULTS)] == ["key_pages.json"]


def test_executions_are_told_oldest_first_and_nothing_else_is_one(tmp_path: Path) -> None:
    for name in ("execution-10", "execution-9", "execution-x", "ledger", "an execution-8", "execution-7.bak"):
        (tmp_path / "wknd" / name).mkdir(parents=True)
    (tmp_path / "us" / "execution-1").mkdir(parents=True)
    assert executions_of(tmp_path, "wknd") == ["9", "10"]
    assert executions_of(tmp_path, "new") == []


def test_a_test_of_production_that_ran_again_keeps_what_it_said_before(evidence: Evidence) -> None:
    later = {"finished_at": NOW + timedelta(hours=1)}
    evidence.write_production_result(result("production.key_pages", FAILED))
    evidence.write_production_result(result("production.key_pages", PASSED).model_copy(update=later))
    assert [each.outcome for each in evidence.read_production_results()] == [PASSED]
    folder = evidence.folder / "production" / "results"
    assert names(folder) == ["production.key_pages.json", "production.key_pages~2.json"]


def test_of_two_tests_of_production_that_one_counts_which_ended_last(evidence: Evidence) -> None:
    later = {"finished_at": NOW + timedelta(hours=1)}
    evidence.write_production_result(result("production.real_404"))
    evidence.write_production_result(result("production.key_pages", PASSED).model_copy(update=later))
    evidence.write_production_result(result("production.key_pages", FAILED))
    found = [(each.key, each.outcome) for each in evidence.read_production_results()]
    assert found == [("production.key_pages", PASSED), ("production.real_404", PASSED)]
