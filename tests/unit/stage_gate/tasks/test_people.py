"""What does a question show, whom does it ask, and which answer does it keep?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskAwaitingInput,
)
from jinja2 import UndefinedError

from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from stage_gate.evidence.kept_decisions import StoredAnswer, read_answer
from stage_gate.rules.decision import HALT, HOTFIX, KEEP_WAITING, OVERRIDE, Decision
from stage_gate.tasks import asking, people
from stage_gate.tasks.people import HOTFIX_OPTIONS, AskForHotfix, AskReleaseManager, Question, options_for
from stage_gate.telling.notify import Event
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import Release
from unit.stage_gate.tasks.test_waits import context, signing, slack, told

__all__ = ["signing", "slack"]

ASKS = {"failed": {"ask": ["alice", "bob"], "within": "8h", "silence": "halt"}}
CHECKS = {
    "others": False,
    **{
        kind: {}
        for kind in ("settled", "key_pages", "real_404", "placeholders", "host_leaks", "client_libraries")
    },
    **{kind: {} for kind in ("images", "robots")},
}
"""Eight that block, whatever a gate without any of its own has."""
NOTIFY = {"slack": {"connection": "slack", "channel": "#releases"}}


class Shown(dict[str, Any]):
    """What Airflow was asked to show."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Airflow's own store of questions is a part of its API server, which a unit test has none of."""
    kept = Shown()
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **question: kept.update(question))
    return kept


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    return Release(simulator, tmp_path, policy=ASKS, notify=NOTIFY, checks=CHECKS)


def question_of(kind: type[Question], release: Release, folder: Path, attempt: int = 1) -> Question:
    options = list(HOTFIX_OPTIONS) if kind is AskForHotfix else list(options_for({Outcome.FAILED}))
    return kind(task_id="ask", gate_file=str(folder / "larkfell.yaml"), attempt=attempt, options=options)


def context_of(release: Release) -> Any:
    from types import SimpleNamespace

    return context(release) | {"task_instance": SimpleNamespace(id="ti")}


def ask(question: Question, release: Release) -> None:
    with pytest.raises(TaskAwaitingInput):
        question.execute(context_of(release))


def event(option: str, seal: str, user: str = "alice", **form: Any) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": "Known.", "accepts": None, "seal": seal[:12], **form},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": user, "name": user},
        "timedout": False,
    }


def kept_answer(release: Release) -> StoredAnswer:
    answer = read_answer(release.evidence)
    assert answer is not None
    return answer


def test_a_question_begins_with_which_release_which_verdict_until_when_and_what_silence_means(
    release: Release, tmp_path: Path, shown: Shown, slack: Heard
) -> None:
    seal = release.seal(Outcome.FAILED)
    ask(question_of(AskReleaseManager, release, tmp_path), release)
    about, verdict, until = shown["body"].splitlines()[:3]
    assert about == (
        f"- **Release** execution {release.execution_id} of gate larkfell, attempt 1, seal {seal[:12]}"
    )
    assert verdict.startswith(f"- **Verdict** failed; {len(release.not_passed)} check")
    assert until.startswith("- **Until** 20")
    assert until.endswith(f"UTC; silence means *{HALT}*")
    assert shown["subject"] == (
        f"larkfell, execution {release.execution_id}: failed. Release manager: what shall happen to this release?"
    )


def test_a_question_shows_why_and_where_and_whom_it_asks(
    release: Release, tmp_path: Path, shown: Shown, slack: Heard
) -> None:
    seal = release.seal(Outcome.FAILED)
    ask(question_of(AskReleaseManager, release, tmp_path), release)
    body = shown["body"]
    assert "Failed: of" in body
    assert seal[:12] in body
    assert f"/execution/{release.execution_id})" in body
    assert "report.html" in body
    assert (release.evidence.folder / "report.html").exists()
    for option in shown["options"]:
        assert f"**{option}**" in body
    assert [user["id"] for user in shown["assigned_users"]] == ["alice", "bob"]
    assert shown["defaults"] == [HALT]
    assert shown["params"]["seal"]["value"] == seal[:12]
    assert shown["params"]["reason"]["value"] is None
    [(said, text)] = told(slack)
    assert said == Event.ASKED
    assert "alice, bob can answer in Airflow" in text
    assert "required_actions" in text or "Required Actions" in text


def test_a_question_names_what_an_override_has_to_accept(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    release.seal(Outcome.FAILED)
    ask(question_of(AskReleaseManager, release, tmp_path), release)
    not_passed = release.evidence.load_seal(1).verdict.not_passed
    assert not_passed
    assert f"`{', '.join(not_passed)}`" in shown["body"]
    assert f"`all {len(not_passed)} named above`" in shown["body"]


def test_what_a_site_says_can_t_leave_the_block_that_quotes_it(
    release: Release, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal(Outcome.FAILED)
    hostile = "/us.html shows ```\n[click](https://evil.example) <img src=x>"
    monkeypatch.setattr(people, "sentences_of", lambda verdict: [hostile.replace("\n", " ")])
    ask(question_of(AskReleaseManager, release, tmp_path), release)
    assert shown["body"].count("```") == 2
    before, quoted, after = shown["body"].split("```")
    assert "evil.example" in quoted
    assert "evil.example" not in before + after


def test_an_answer_is_kept_with_who_when_why_and_what_it_accepts(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    not_passed = release.evidence.load_seal(1).verdict.not_passed
    given = event(OVERRIDE, seal, accepts=f"all {len(not_passed)} named above")
    assert question.execute_complete(context_of(release), given) == OVERRIDE
    answer = kept_answer(release)
    assert (answer.option, answer.by, answer.reason) == (OVERRIDE, "alice", "Known.")
    assert answer.accepts == not_passed
    assert answer.seal_digest == seal
    assert datetime.now(UTC) - answer.at < timedelta(minutes=1)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"user": "mallory"},
        {"reason": "  "},
        {"reason": None},
        {"seal": "f" * 12},
        {"accepts": "nothing"},
    ],
    ids=str,
)
def test_a_refused_answer_is_not_kept_and_can_be_given_again(
    release: Release, tmp_path: Path, shown: Shown, spoilt: dict[str, Any]
) -> None:
    seal = release.seal(Outcome.FAILED)
    assert len(release.evidence.load_seal(1).verdict.not_passed) == 8
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    given = event(OVERRIDE, **{"seal": seal, "accepts": "all 8 named above", **spoilt})
    with pytest.raises(AirflowException, match="asked anew") as refused:
        question.execute_complete(context_of(release), given)
    assert not isinstance(refused.value, AirflowFailException), "a retry has to ask again"
    assert read_answer(release.evidence) is None


def test_an_answer_is_asked_for_anew_while_cloud_manager_can_t_say_who_started_the_execution(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    accepts = {"accepts": "all 8 named above"}
    gone = Fault(effect="answer", status=404, path=f"/execution/{release.execution_id}$", times=1)
    release.simulator.inject(gone)
    with pytest.raises(AirflowException, match="Cloud Manager can't be read") as refused:
        question.execute_complete(context_of(release), event(OVERRIDE, seal, **accepts))
    assert not isinstance(refused.value, AirflowFailException), "a retry has to ask again"
    assert read_answer(release.evidence) is None
    assert question.execute_complete(context_of(release), event(OVERRIDE, seal, **accepts)) == OVERRIDE


def test_silence_is_kept_even_while_cloud_manager_can_t_be_read(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    release.simulator.inject(Fault(effect="answer", status=404, path="/execution/", times=None))
    assert question.execute_complete(context_of(release), {"timedout": True}) == HALT


def test_whoever_started_the_execution_gets_no_approval_by_another_login_of_theirs(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    given = event(OVERRIDE, seal, accepts="all 8 named above")
    given["responded_by_user"] = {"id": "alice", "name": "alice@example.com"}
    question.execute_complete(context_of(release), given)
    assert kept_answer(release).name == "alice@example.com"
    merged = {"user": "Alice@Example.com"}  # Cloud Manager names her only now
    at = f"/execution/{release.execution_id}$"
    release.simulator.inject(Fault(effect="merge", path=at, body=merged, times=None))
    right = release.right()
    execution = right.read_execution()
    refused = right.refusal(
        Decision.OVERRIDDEN, right.basis(Decision.OVERRIDDEN), execution, right.read_surroundings(execution)
    )
    assert refused is not None
    assert (
        refused.sentence
        == "alice started this execution and can't let it through as well; somebody else has to."
    )


def test_a_question_about_an_earlier_attempt_skips_itself_and_its_answer_moves_nothing(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    old = release.seal(Outcome.FAILED)
    sealed = release.evidence.load_seal(1)
    release.evidence.begin_attempt(sealed.plan, sealed.candidate)
    question = question_of(AskReleaseManager, release, tmp_path)
    with pytest.raises(AirflowFailException, match="no sealed verdict"):
        question.execute(context_of(release))
    release.seal(Outcome.FAILED)
    with pytest.raises(AirflowSkipException):
        question.execute(context_of(release))
    with pytest.raises(AirflowFailException, match="about attempt 1, and 2 is the newest"):
        question.execute_complete(context_of(release), event(HALT, old))
    assert read_answer(release.evidence) is None


def test_trying_again_gives_nobody_more_time(
    release: Release, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal(Outcome.FAILED)
    began = datetime.now(UTC) - timedelta(hours=7)
    monkeypatch.setattr(asking, "asked_first", lambda *_: began)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    assert question.response_timeout is not None
    assert question.response_timeout.total_seconds() == pytest.approx(3600, abs=60)
    monkeypatch.setattr(asking, "asked_first", lambda *_: began - timedelta(hours=2))
    assert question.execute(context_of(release)) == HALT
    assert kept_answer(release).by == "silence"


def test_silence_is_kept_as_silence(release: Release, tmp_path: Path, shown: Shown) -> None:
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    silent = {
        "chosen_options": [OVERRIDE],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": None,
        "timedout": True,
    }
    assert question.execute_complete(context_of(release), silent) == HALT
    answer = kept_answer(release)
    assert (answer.by, answer.option, answer.seal_digest) == ("silence", HALT, seal)


@pytest.mark.parametrize("option", [KEEP_WAITING, OVERRIDE, HALT])
def test_silence_takes_back_no_answer_of_a_person(
    release: Release, tmp_path: Path, shown: Shown, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task is run again when its time is over: its worker died after the answer, or somebody cleared it."""
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    given = event(option, seal, **({"accepts": "all 8 named above"} if option == OVERRIDE else {}))
    assert question.execute_complete(context_of(release), given) == option
    before = kept_answer(release)
    again = question_of(AskReleaseManager, release, tmp_path)
    assert again.execute_complete(context_of(release), {"timedout": True}) == option
    monkeypatch.setattr(asking, "asked_first", lambda *_: datetime.now(UTC) - timedelta(hours=9))
    assert question_of(AskReleaseManager, release, tmp_path).execute(context_of(release)) == option
    assert kept_answer(release) == before


def test_an_answer_to_another_seal_stands_in_nobodys_way(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    seal = release.seal(Outcome.FAILED)
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    question.execute_complete(context_of(release), event(KEEP_WAITING, seal))
    release.seal(Outcome.FAILED)
    newer = question_of(AskReleaseManager, release, tmp_path)
    newer.attempt = 2
    assert newer.execute_complete(context_of(release), {"timedout": True}) == HALT
    assert kept_answer(release).by == "silence"


def test_a_report_that_cannot_be_drawn_keeps_nobody_from_being_asked(
    release: Release, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: object) -> None:
        raise UndefinedError("'verdict' is undefined")

    monkeypatch.setattr("stage_gate.tasks.publishing.write_report", broken)
    release.seal(Outcome.FAILED)
    ask(question_of(AskReleaseManager, release, tmp_path), release)
    assert shown


def test_where_only_the_one_who_started_it_is_asked_production_waits(
    release: Release, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal(Outcome.FAILED)
    monkeypatch.setattr(asking, "may_be_asked", lambda names, starter: ())
    question = question_of(AskReleaseManager, release, tmp_path)
    assert question.execute(context_of(release)) == KEEP_WAITING
    assert shown == {}


def test_a_verdict_that_the_policy_asks_nobody_about_is_not_asked(
    release: Release, tmp_path: Path, shown: Shown
) -> None:
    release.seal(Outcome.PASSED)
    with pytest.raises(AirflowFailException, match="asks nobody about passed"):
        question_of(AskReleaseManager, release, tmp_path).execute(context_of(release))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_hotfix_is_asked_about_only_after_a_passed_verdict(
    simulator: Simulator, tmp_path: Path, signing: None, shown: Shown, outcome: Outcome
) -> None:
    windows = {"timezone": "UTC", "open": ["Mon 09:00-10:00"], "hotfix": {"ask": ["carol"], "within": "2h"}}
    release = Release(simulator, tmp_path, policy={"windows": windows})
    seal = release.seal(outcome)
    question = question_of(AskForHotfix, release, tmp_path)
    if outcome is not Outcome.PASSED:
        with pytest.raises(AirflowFailException, match="nobody to ask for a hotfix"):
            question.execute(context_of(release))
        return
    ask(question, release)
    assert shown["options"] == [HOTFIX, KEEP_WAITING]
    assert shown["defaults"] == [KEEP_WAITING]
    assert [user["id"] for user in shown["assigned_users"]] == ["carol"]
    assert question.execute_complete(context_of(release), event(HOTFIX, seal, user="carol")) == HOTFIX
    assert kept_answer(release).by == "carol"


def test_every_option_leads_somewhere_and_only_a_passed_verdict_can_be_approved() -> None:
    assert "Approve" not in options_for({Outcome.FAILED, Outcome.INCONCLUSIVE})
    assert options_for({Outcome.PASSED})["Approve"] == "approve_production"
    assert options_for(set())["Re-test"] == "retest_stage"
    assert HOTFIX_OPTIONS == {HOTFIX: "approve_production", KEEP_WAITING: "wait_for_window"}
