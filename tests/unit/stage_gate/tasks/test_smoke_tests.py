"""When is a person asked, whose answer counts, and can anything else stand in for it?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskAwaitingInput,
)

from aem_checks.outcomes import Outcome, Severity
from simulator import Fault, Simulator
from stage_gate.commands.rejudging import Rejudged
from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.configuration.planning import smoke_tests_of
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.seal import read_seal
from stage_gate.evidence.signing import Keys
from stage_gate.evidence.smoke_answers import FOLDER, SmokeAnswer, read_smoke_answer, write_smoke_answer
from stage_gate.evidence.store import Evidence
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.plan import Plan, RecordedResult
from stage_gate.rules.smoke_tests import BROKEN, CANT_SAY, CODES, WORKS
from stage_gate.rules.verdict import Verdict, judge
from stage_gate.tasks.smoke_tests import AskSmokeTest, OpenSmokeTests
from stage_gate.telling.notify import Event
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.samples import result
from unit.stage_gate.tasks.test_waits import context, signing, slack, told

__all__ = ["signing", "slack"]

KEY = "smoke_tests.basket"
BASKET: dict[str, Any] = {
    "name": "basket",
    "question": "Does the basket take a tent?",
    "page": "/us/en/gear.html",
}
SMOKE: dict[str, Any] = {"ask": ["alice", "bob"], "within": "4h", "questions": [BASKET]}
CHECKS = {"others": False, "key_pages": {}, "settled": {}}


class Shown(dict[str, Any]):
    """What Airflow was asked to show."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Airflow's own store of questions is a part of its API server, which a unit test has none of."""
    kept = Shown()
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **question: kept.update(question))
    return kept


class Trial:
    """A release whose checks are over, and whose smoke test is to be asked."""

    def __init__(self, simulator: Simulator, folder: Path, smoke: dict[str, Any], **gate: object) -> None:
        notify = {"slack": {"connection": "slack", "channel": "#releases"}}
        self.release = Release(simulator, folder, smoke_tests=smoke, checks=CHECKS, notify=notify, **gate)
        self.evidence = self.release.evidence
        self.plan = self.begin()

    def begin(self, *failing: str) -> Plan:
        """Open an attempt in which all checks but these passed."""
        self.attempt = self.release.begin()
        self.candidate = self.evidence.read_candidate(self.attempt)
        plan = self.evidence.read_plan(self.attempt)
        for check in plan.stage_checks:
            if check.kind != "smoke_tests":
                outcome = Outcome.FAILED if check.key in failing else Outcome.PASSED
                self.release.keep(self.attempt, check, outcome)
        return plan

    def keep(self, settings_digest: str, kept: Any) -> None:
        entry = RecordedResult(
            candidate_digest=self.candidate.digest,
            attempt=self.attempt,
            settings_digest=settings_digest,
            result=kept,
        )
        self.evidence.write_result(self.attempt, entry)

    def question(self, attempt: int = 1) -> AskSmokeTest:
        return AskSmokeTest(
            task_id="ask", gate_file=str(self.release.gate_file), attempt=attempt, name="basket"
        )

    @property
    def context(self) -> Any:
        return context(self.release) | {"task_instance": SimpleNamespace(id="ti")}

    def ask(self) -> AskSmokeTest:
        question = self.question(self.attempt)
        with pytest.raises(TaskAwaitingInput):
            question.execute(self.context)
        return question

    def answer(self, option: str, shown: Shown, **spoilt: Any) -> str:
        question = self.ask()
        return str(question.execute_complete(self.context, event(option, shown, **spoilt)))

    def verdict(self) -> Verdict:
        return judge(self.plan, self.candidate, self.evidence.read_results(self.attempt))

    def standing(self) -> SmokeAnswer:
        answer = read_smoke_answer(self.evidence, self.attempt, KEY)
        assert answer is not None
        return answer

    @property
    def code(self) -> str:
        """That of the finding in which the answer is told."""
        results = {entry.result.key: entry.result for entry in self.evidence.read_results(self.attempt)}
        [found] = results[KEY].findings
        return found.code

    @property
    def file(self) -> Path:
        return self.evidence.attempt_folder(self.attempt) / FOLDER / f"{KEY}.json"


def event(option: str, shown: Shown, user: str = "alice", **form: Any) -> dict[str, Any]:
    about = shown["params"]["seal"]["value"]
    return {
        "chosen_options": [option],
        "params_input": {"reason": "Put one in.", "seal": about, **form},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": user, "name": user},
        "timedout": False,
    }


@pytest.fixture
def tested(simulator: Simulator, tmp_path: Path, signing: None, slack: Heard) -> Trial:
    return Trial(simulator, tmp_path, SMOKE)


# What an answer does


@pytest.mark.parametrize(
    ("option", "outcome", "code"),
    [
        (WORKS, Outcome.PASSED, "works"),
        (BROKEN, Outcome.FAILED, "broken"),
        (CANT_SAY, Outcome.INCONCLUSIVE, "cant_say"),
    ],
)
def test_an_answer_is_the_result_of_the_check(
    tested: Trial, shown: Shown, option: str, outcome: Outcome, code: str
) -> None:
    tested.answer(option, shown)
    verdict = tested.verdict()
    assert verdict.outcome is outcome
    told = " ".join((*verdict.reasons, *verdict.warnings))
    assert "alice" in told
    assert "Does the basket take a tent?" in told
    assert "Put one in." in told
    sealed = tested.evidence.seal(tested.attempt, judge)
    assert {e.result.key: e.result.outcome for e in sealed.recorded}[KEY] is outcome
    assert f"{FOLDER}/{KEY}.json" in sealed.manifest.files
    assert tested.code == f"smoke_tests.{code}"
    assert code in CODES


def test_what_a_person_reads_says_what_to_try_out_where(tested: Trial, shown: Shown, slack: Heard) -> None:
    tested.ask()
    assert "Does the basket take a tent?" in shown["body"]
    assert f"{tested.release.gate.sites[0].stage.url}/us/en/gear.html" in shown["body"]
    assert shown["options"] == [WORKS, BROKEN, CANT_SAY]
    assert shown["defaults"] == [CANT_SAY]
    assert [user["id"] for user in shown["assigned_users"]] == ["alice", "bob"]
    [(said, text)] = told(slack)
    assert said == Event.ASKED
    assert "the verdict is inconclusive" in text


def test_who_answered_what_when_and_why_is_kept_and_signed(tested: Trial, shown: Shown) -> None:
    tested.answer(WORKS, shown)
    answer = read_smoke_answer(tested.evidence, tested.attempt, KEY)
    assert answer is not None
    assert answer.is_trusted
    assert (answer.by, answer.option, answer.reason) == ("alice", WORKS, "Put one in.")
    assert datetime.now(UTC) - answer.at < timedelta(minutes=1)


def test_silence_is_inconclusive(tested: Trial, shown: Shown) -> None:
    question = tested.ask()
    silent = {**event(WORKS, shown), "timedout": True, "responded_by_user": None}
    assert question.execute_complete(tested.context, silent) == CANT_SAY
    assert tested.verdict().outcome is Outcome.INCONCLUSIVE
    assert "Nobody answered" in tested.verdict().reasons[0]
    assert tested.code == "smoke_tests.silence"


def test_a_question_that_nobody_answered_yet_is_no_result(tested: Trial) -> None:
    assert tested.verdict().outcome is Outcome.INCONCLUSIVE
    assert tested.verdict().reasons == (f"{KEY} was planned and gave no result (cause: check).",)


@pytest.mark.parametrize(
    "spoilt",
    [{"user": "mallory"}, {"reason": " "}, {"seal": "f" * 12}, {"seal": None}],
    ids=str,
)
def test_a_refused_answer_is_not_kept_and_can_be_given_again(
    tested: Trial, shown: Shown, spoilt: dict[str, Any]
) -> None:
    with pytest.raises(AirflowException, match="asked anew") as refused:
        tested.answer(WORKS, shown, **spoilt)
    assert not isinstance(refused.value, AirflowFailException), "a retry has to ask again"
    assert read_smoke_answer(tested.evidence, tested.attempt, KEY) is None
    tested.answer(WORKS, shown)
    assert tested.verdict().outcome is Outcome.PASSED


def test_whoever_started_the_execution_can_t_vouch_for_it(tested: Trial, shown: Shown) -> None:
    at = f"/execution/{tested.release.execution_id}$"
    question = tested.ask()
    starter = Fault(effect="merge", path=at, body={"user": "Alice"}, times=None)
    tested.release.simulator.inject(starter)
    with pytest.raises(AirflowException, match="somebody else has to"):
        question.execute_complete(tested.context, event(WORKS, shown))
    tested.ask()
    assert [user["id"] for user in shown["assigned_users"]] == ["bob"]


# What else can't be an answer


def test_an_answer_stands_however_often_the_task_is_cleared(tested: Trial, shown: Shown) -> None:
    tested.answer(BROKEN, shown)
    assert tested.question().execute(tested.context) == BROKEN
    with pytest.raises(EvidenceError, match="that stands"):
        tested.question().execute_complete(tested.context, event(WORKS, shown))
    assert tested.verdict().outcome is Outcome.FAILED


def test_a_reason_folds_no_log(
    tested: Trial, shown: Shown, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tested.answer(WORKS, shown, reason="fine ::endgroup:: approved")
    tested.question().execute(tested.context)
    lines = [*capsys.readouterr().out.splitlines(), *caplog.messages]
    said = [line for line in lines if "answered Works" in line]
    assert said
    assert not any("::endgroup::" in line for line in said)


def test_a_result_that_no_person_signed_counts_for_nothing(tested: Trial) -> None:
    planned = next(check for check in tested.plan.stage_checks if check.key == KEY)
    forged = result(KEY, Outcome.PASSED, kind="smoke_tests", site=planned.site)
    tested.keep(planned.settings_digest, forged)
    assert tested.verdict().outcome is Outcome.INCONCLUSIVE
    assert "no signed answer of a person" in tested.verdict().reasons[0]
    assert tested.code == "smoke_tests.unbelieved"


def test_an_answer_signed_by_nobody_or_by_a_stranger_counts_for_nothing(tested: Trial, shown: Shown) -> None:
    tested.answer(BROKEN, shown)
    answer = read_smoke_answer(tested.evidence, tested.attempt, KEY)
    assert answer is not None
    for keys in (Keys(), Keys(private=b"s" * 32)):
        stranger = Evidence(
            tested.evidence.store, tested.release.gate.name, tested.release.execution_id, keys
        )
        write_over(tested, stranger, answer.model_copy(update={"option": WORKS}))
        assert tested.verdict().outcome is Outcome.INCONCLUSIVE
        assert "is no answer" in tested.verdict().reasons[0]
        assert tested.code == "smoke_tests.unbelieved"


def write_over(tested: Trial, evidence: Evidence, answer: SmokeAnswer) -> None:
    from stage_gate.evidence.signing import signed_file

    tested.file.write_bytes(signed_file(answer, evidence.gate, evidence.execution_id, evidence.keys))


def test_what_lies_there_in_advance_takes_nobody_s_answer_away(tested: Trial, shown: Shown) -> None:
    tested.answer(BROKEN, shown)
    envelope = json.loads(tested.file.read_text())
    tested.file.write_text(json.dumps({"signed": envelope["signed"]}))
    tested.answer(WORKS, shown)
    assert len(list(tested.file.parent.iterdir())) == 2
    assert tested.verdict().outcome is Outcome.PASSED
    with pytest.raises(EvidenceError, match=r"answered smoke_tests\.basket before"):
        write_smoke_answer(tested.evidence, tested.standing())


def test_two_answers_at_once_are_both_kept_and_nobody_s_counts(
    tested: Trial, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested.answer(BROKEN, shown)
    with monkeypatch.context() as both:
        both.setattr(
            "stage_gate.evidence.smoke_answers.read_smoke_answer", lambda *_: None
        )  # each looked before the other
        write_smoke_answer(tested.evidence, tested.standing().model_copy(update={"option": WORKS}))
    verdict = tested.verdict()
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "smoke_tests.basket gave 2 results where one was planned" in verdict.reasons[0]


def test_an_answer_of_another_attempt_gate_or_execution_is_none(tested: Trial, shown: Shown) -> None:
    tested.answer(WORKS, shown)
    old = tested.file.read_bytes()
    tested.evidence.seal(tested.attempt, judge)
    tested.plan = tested.begin()
    assert tested.attempt == 2
    tested.file.parent.mkdir()
    tested.file.write_bytes(old)
    assert tested.verdict().outcome is Outcome.INCONCLUSIVE
    assert "was given in attempt 1" in tested.verdict().reasons[0]
    tested.file.write_bytes(old.replace(b'"larkfell"', b'"other"'))
    with pytest.raises(EvidenceError):
        tested.evidence.read_results(tested.attempt)


def test_a_question_about_an_earlier_attempt_skips_itself_and_a_sealed_one_takes_no_answer(
    tested: Trial, shown: Shown
) -> None:
    question = tested.ask()
    tested.evidence.seal(tested.attempt, judge)
    with pytest.raises(AirflowFailException, match="sealed already"):
        question.execute_complete(tested.context, event(WORKS, shown))
    tested.begin()
    with pytest.raises(AirflowSkipException, match="2 is the newest"):
        question.execute(tested.context)
    with pytest.raises(AirflowFailException, match="about attempt 1, and 2 is the newest"):
        question.execute_complete(tested.context, event(WORKS, shown))


def test_trying_again_gives_nobody_more_time(
    tested: Trial, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stage_gate.tasks import asking

    monkeypatch.setattr(asking, "asked_first", lambda *_: datetime.now(UTC) - timedelta(hours=5))
    assert tested.question().execute(tested.context) == CANT_SAY
    assert shown == {}


def test_verifying_without_the_gate_s_key_does_not_believe_an_answer(tested: Trial, shown: Shown) -> None:
    tested.answer(WORKS, shown)
    tested.evidence.seal(tested.attempt, judge)
    folder = tested.evidence.attempt_folder(tested.attempt)
    other = read_seal(folder, tested.attempt, Keys(private=b"o" * 32))
    assert judge(other.plan, other.candidate, other.recorded).outcome is Outcome.INCONCLUSIVE
    same = read_seal(folder, tested.attempt, Keys(trusted=tuple(KEYS.believed.values())))
    assert judge(same.plan, same.candidate, same.recorded).outcome is Outcome.PASSED


def test_a_replay_takes_the_answer_of_then_and_asks_nobody(tested: Trial, shown: Shown) -> None:
    tested.answer(WORKS, shown)
    sealed = tested.evidence.seal(tested.attempt, judge)
    folder = tested.evidence.attempt_folder(tested.attempt)
    again = Rejudged(tested.release.gate, tested.plan, sealed, folder)
    assert judge(tested.plan, tested.candidate, again.entries).outcome is Outcome.PASSED
    another = next(check for check in tested.plan.stage_checks if check.key == KEY)
    asked_more = tested.plan.model_copy(
        update={"checks": (*tested.plan.checks, another.model_copy(update={"key": "smoke_tests.more"}))}
    )
    more = Rejudged(tested.release.gate, asked_more, sealed, folder)
    assert "smoke_tests.more was not asked then." in more.notes
    assert judge(asked_more, tested.candidate, more.entries).outcome is Outcome.INCONCLUSIVE


# When nobody is asked


def test_nobody_is_asked_about_a_release_that_failed_already(tested: Trial) -> None:
    opening = OpenSmokeTests(task_id="open", gate_file=str(tested.release.gate_file))
    assert opening.execute(tested.context) == [1]
    tested.evidence.seal(1, judge)
    tested.begin("key_pages")
    with pytest.raises(AirflowSkipException, match="failed already: key_pages"):
        opening.execute(tested.context)


def gate_of(folder: Path, smoke: dict[str, Any], **content: Any) -> Any:
    file = folder / "wknd.yaml"
    site = {"name": "wknd", "stage": "https://stage.example", "pages": ["/"]}
    told = {
        "pipeline": {"program": "1", "pipeline": "2"},
        "sites": [site],
        "checks": {**CHECKS, "real_404": {}, "host_leaks": {"severity": "warn"}},
        "smoke_tests": smoke,
        **content,
    }
    file.write_text(yaml.safe_dump(told))
    return load_gate(file, demands=NO_DEMANDS, today=date(2026, 11, 20))


def asked(folder: Path, *covered_by: str, severity: str = "block", **content: Any) -> list[str]:
    question = {**BASKET, "covered_by": [*covered_by], "severity": severity}
    questions, _ = smoke_tests_of(gate_of(folder, {**SMOKE, "questions": [question]}, **content))
    return [each.name for each in questions]


def test_a_question_is_asked_only_while_not_all_checks_that_cover_it_count(tmp_path: Path) -> None:
    assert asked(tmp_path) == ["basket"]
    assert asked(tmp_path, "key_pages", "real_404") == []
    assert asked(tmp_path, "key_pages", "host_leaks") == ["basket"], "one of them only warns"
    assert asked(tmp_path, "key_pages", "host_leaks", severity="warn") == []
    assert asked(tmp_path, "cloud_manager.ui_tests") == ["basket"], "it warns unless a gate wants more"
    blocks = {"cloud_manager": {"ui_tests": {"severity": "block"}}}
    assert asked(tmp_path, "cloud_manager.ui_tests", policy=blocks) == []
    excuse = {"owner": "alice", "until": "2026-11-25", "why": "broken"}
    quarantined = {"quarantine": [{"check": "key_pages", **excuse}]}
    assert asked(tmp_path, "key_pages", policy=quarantined) == ["basket"]


def test_a_gate_of_people_alone_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(GateFileError, match="no check of stage blocks"):
        gate_of(tmp_path, SMOKE, checks={"others": False, "settled": {}})


@pytest.mark.parametrize(
    ("smoke", "says"),
    [
        ({"ask": ["everybody"]}, "is not one Airflow user"),
        ({"ask": []}, "nobody is asked"),
        ({"questions": []}, "is empty"),
        ({"questions": [BASKET, dict(BASKET)]}, "two smoke tests are called basket"),
        ({"questions": [{**BASKET, "covered_by": ["key_page"]}]}, "no check of stage is called so"),
        ({"questions": [{**BASKET, "site": "shop"}]}, "this gate has no such site"),
        ({"questions": [{**BASKET, "page": "https://evil.example/x"}]}, "Write its path only"),
        ({"questions": [{**BASKET, "name": "Two words"}]}, "cannot be a name"),
        ({"within": "2d"}, "a verdict lives"),
    ],
    ids=str,
)
def test_a_wrong_list_is_refused_with_file_line_and_remedy(
    tmp_path: Path, smoke: dict[str, Any], says: str
) -> None:
    with pytest.raises(GateFileError, match=says) as refused:
        gate_of(tmp_path, {**SMOKE, **smoke})
    assert refused.value.file.endswith("wknd.yaml")
    assert refused.value.line > 0
    assert refused.value.remedy


def test_the_tasks_stand_between_the_checks_and_the_verdict(tmp_path: Path) -> None:
    from stage_gate.dag import build_gate_dag

    with_one = build_gate_dag(gate_of(tmp_path, SMOKE), tmp_path / "wknd.yaml", "")
    ask = with_one.get_task("smoke_tests.basket")
    assert ask.upstream_task_ids == {"open_smoke_tests"}
    assert "judge" in ask.downstream_task_ids
    opening = with_one.get_task("open_smoke_tests")
    assert {"settle_stage", "stage_tests.availability"} <= opening.upstream_task_ids
    covered = {**SMOKE, "questions": [{**BASKET, "covered_by": ["key_pages"]}]}
    without = build_gate_dag(gate_of(tmp_path, covered), tmp_path / "wknd.yaml", "")
    assert "open_smoke_tests" not in without.task_ids


def test_a_warning_smoke_test_never_blocks(
    simulator: Simulator, tmp_path: Path, signing: None, slack: Heard, shown: Shown
) -> None:
    mild = {**SMOKE, "questions": [{**BASKET, "severity": "warn"}]}
    tested = Trial(simulator, tmp_path, mild)
    tested.answer(BROKEN, shown)
    verdict = tested.verdict()
    assert verdict.outcome is Outcome.PASSED
    assert any("says that it is broken" in each for each in verdict.warnings)
    assert tested.plan.stage_checks[-1].severity is Severity.WARN
