"""Does every check end with a result, in time, confirmed, and with texts that harm no log?"""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from aem_checks.access import AccessError
from aem_checks.asks import Pause, Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.kinds.availability.key_pages import KeyPages, KeyPagesSettings
from aem_checks.means import Means
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.runner import run_check
from aem_checks.text import plain
from unit.aem_checks.page_site import PageSite, check_page_site, page, run_on, status

BAD = Judgement(examined=1, findings=(Finding(subject="/", sentence="It is broken."),))
GOOD = Judgement(examined=1)
NO_ANSWER = Judgement(
    examined=0,
    findings=(
        Finding(subject="/", sentence="Not reached.", outcome=Outcome.INCONCLUSIVE, cause=Cause.NETWORK),
    ),
)


class Scripted(Check[CheckSettings]):
    """Has another answer each time, so it can't be judged again."""

    kind, number, title = "scripted", "Z1", "Scripted"
    keeps_told = False

    def __init__(self, *answers, **settings):
        super().__init__(CheckSettings(**settings))
        self.answers, self.runs = list(answers), 0
        self.started = threading.Event()

    def judge(self, visit):
        self.runs += 1
        self.started.set()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            yield from ask(Pause(answer))
            return GOOD
        return answer


class Mild(Scripted):
    """Graver findings say so themselves, as those of a browser do."""

    severity = Severity.WARN


def _run(tmp_path, *answers, **settings):
    check = Scripted(*answers, **settings)
    return check, run_on({}, check, tmp_path)


def test_a_failure_is_confirmed_by_one_re_run(tmp_path):
    check, result = _run(tmp_path, BAD, BAD)
    assert (result.outcome, result.attempts, check.runs) == (Outcome.FAILED, 2, 2)


def test_a_check_that_passes_on_re_run_passes_and_is_called_flaky(tmp_path):
    _, result = _run(tmp_path, BAD, GOOD)
    assert (result.outcome, result.attempts, result.flaky) == (Outcome.PASSED, 2, True)
    assert result.sentences == ["Passed only on re-run: flaky. The first run said: It is broken."]


@pytest.mark.parametrize("second", [NO_ANSWER, Judgement(examined=0), RuntimeError("no"), 600.0])
def test_a_failure_stands_when_the_re_run_gives_no_answer(tmp_path, second):
    _, result = _run(tmp_path, BAD, second, within=timedelta(seconds=0.3))
    assert (result.outcome, result.attempts) == (Outcome.FAILED, 2)
    assert "could not be confirmed" in result.sentences[-1]


def test_what_a_mild_check_saw_in_its_first_run_alone_is_noted_with_how_grave_it_was(tmp_path):
    grave = Finding(subject="/a", sentence="/a fails.", severity=Severity.BLOCK)
    mild = Finding(subject="/b", sentence="/b is poor.", severity=Severity.WARN)
    for left, outcome in (((mild,), Outcome.FAILED), ((), Outcome.PASSED)):
        first = Judgement(examined=2, findings=(grave, mild))
        result = run_on({}, Mild(first, Judgement(examined=2, findings=left)), tmp_path)
        assert (result.severity, result.outcome, result.flaky) == (Severity.WARN, outcome, True)
        (note,) = [each for each in result.findings if each.outcome is Outcome.PASSED]
        assert note.severity is Severity.BLOCK


class Cancelling(Scripted):
    """Something that it waits for was cancelled, and it was not."""

    def judge(self, visit):
        yield from ()
        raise asyncio.CancelledError


def test_a_check_that_cancels_something_of_its_own_has_crashed(tmp_path):
    result = run_on({}, Cancelling(), tmp_path)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert result.sentences == [
        "scripted broke off with CancelledError. To do: report it, the check itself is at fault."
    ]


@pytest.mark.parametrize("answers", [(GOOD,), (BAD, BAD), (BAD, NO_ANSWER), (NO_ANSWER,)])
def test_only_a_pass_after_a_failure_is_flaky(tmp_path, answers):
    assert not _run(tmp_path, *answers)[1].flaky


@pytest.mark.parametrize(("answers", "attempts"), [(("tried",), 1), ((BAD, "tried"), 2)])
def test_a_check_that_tried_a_part_of_it_again_by_itself_is_flaky(tmp_path, answers, attempts):
    note = Finding(code="retried", subject="it", sentence="It was tried twice.", outcome=Outcome.PASSED)
    tried = Judgement(examined=2, findings=(note,), flaky=True)
    _, result = _run(tmp_path, *(tried if each == "tried" else each for each in answers))
    assert (result.outcome, result.attempts) == (Outcome.PASSED, attempts)
    assert (result.flaky, result.retried) == (True, True)


def _failing(*subjects):
    return Judgement(examined=3, findings=tuple(Finding(subject=s, sentence=f"{s} fails.") for s in subjects))


def test_what_failed_in_the_first_run_only_is_noted_and_makes_the_failure_flaky(tmp_path):
    _, result = _run(tmp_path, _failing("/a", "/b"), _failing("/a"))
    assert (result.outcome, result.flaky) == (Outcome.FAILED, True)
    assert [(f.subject, f.outcome) for f in result.findings] == [("/a", "failed"), ("/b", "passed")]
    assert result.sentences[-1] == "Seen in the first run only: /b fails."


def test_what_the_re_run_had_no_answer_to_stands_whatever_else_it_found(tmp_path):
    """The page that failed refuses now, another one is a warning: that clears nothing."""
    grave = Finding(subject="/a", sentence="/a fails.", severity=Severity.BLOCK)
    mild = Finding(subject="/b", sentence="/b is poor.", severity=Severity.WARN)
    first = Judgement(examined=2, findings=(grave, mild))
    second = Judgement(examined=1, findings=(mild, *NO_ANSWER.findings))
    result = run_on({}, Mild(first, second), tmp_path)
    assert (result.severity, result.outcome, result.flaky) == (Severity.BLOCK, Outcome.FAILED, False)
    assert result.sentences[0] == "/a fails. The re-run had no answer to everything, so this stands."


def test_a_re_run_that_could_not_see_the_fault_clears_nothing_however_mild_that_is(tmp_path):
    """An open path, which publish answers with an error the second time: a warning, and no proof that it is closed."""
    unseen = Finding(
        subject="/",
        sentence="/ answers 500.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
        severity=Severity.WARN,
    )
    _, result = _run(tmp_path, BAD, Judgement(examined=1, findings=(unseen,)))
    assert (result.severity, result.outcome, result.flaky) == (Severity.BLOCK, Outcome.FAILED, False)
    first = Judgement(examined=2, findings=(*BAD.findings, unseen.model_copy(update={"subject": "/b"})))
    second = Judgement(examined=2, findings=first.findings[1:])
    _, result = _run(tmp_path, first, second)
    assert (result.outcome, result.flaky) == (Outcome.PASSED, True), "what neither run saw hides nothing"


def test_a_fault_that_is_milder_the_second_time_is_noted(tmp_path):
    milder = BAD.findings[0].model_copy(update={"severity": Severity.WARN})
    other = Finding(subject="/b", sentence="/b fails.")
    _, result = _run(tmp_path, BAD, Judgement(examined=2, findings=(milder, other)))
    assert (result.outcome, result.flaky) == (Outcome.FAILED, True)
    assert result.sentences[-1] == "Seen in the first run only: It is broken."


def test_another_fault_of_the_same_subject_is_not_the_failure_of_the_first_run(tmp_path):
    class Coded(Scripted):
        codes = faults(down="it is down", wrong="it is wrong")

    first, second = (
        Judgement(examined=1, findings=(Finding(code=code, subject="/", sentence=f"/ is {code}."),))
        for code in ("down", "wrong")
    )
    result = run_on({}, Coded(first, second), tmp_path)
    assert (result.outcome, result.flaky) == (Outcome.FAILED, True)
    assert [f.code for f in result.findings] == ["scripted.wrong", "scripted.down"]


def test_every_finding_of_a_result_has_its_whole_code(tmp_path):
    cases = {
        "scripted.finding": _run(tmp_path, BAD, BAD),
        "scripted.rerun": _run(tmp_path, BAD, GOOD),
        "scripted.time_limit": _run(tmp_path, 600.0, within=timedelta(seconds=0.2)),
        "scripted.check_error": _run(tmp_path, ValueError("no")),
    }
    assert [result.findings[-1].code for _, result in cases.values()] == list(cases)


def test_a_code_that_the_check_does_not_declare_is_the_checks_own_fault(tmp_path):
    strange = Judgement(examined=1, findings=(Finding(code="opn", subject="/", sentence="It is open."),))
    _, result = _run(tmp_path, strange)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert result.findings[0].code == "scripted.check_error"
    assert "a finding has the code 'opn', which scripted does not declare in 'codes'" in result.sentences[0]


def _run_with_budget(tmp_path, may_rerun, *answers, **settings):
    check = Scripted(*answers, **settings)

    async def run():
        async with PageSite() as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            return await run_check(check, visit, may_rerun=may_rerun)

    return check, asyncio.run(run())


def test_without_a_re_run_left_the_failure_stands_and_says_why(tmp_path):
    check, result = _run_with_budget(tmp_path, lambda: False, BAD, GOOD)
    assert (result.outcome, result.attempts, result.flaky, check.runs) == (Outcome.FAILED, 1, False, 1)
    assert "budget of re-runs of this release is spent" in result.sentences[-1]


def test_a_budget_that_can_not_be_read_gives_no_re_run(tmp_path):
    def broken():
        raise OSError("no space left on device")

    check, result = _run_with_budget(tmp_path, broken, BAD, GOOD)
    assert (result.outcome, check.runs) == (Outcome.FAILED, 1)
    assert "no space left on device" in result.sentences[-1]


@pytest.mark.parametrize(("answer", "settings"), [(GOOD, {}), (NO_ANSWER, {}), (BAD, {"severity": "warn"})])
def test_the_budget_is_asked_only_before_a_re_run(tmp_path, answer, settings):
    asked = []
    _run_with_budget(tmp_path, lambda: bool(asked.append(1)), answer, **settings)
    assert asked == []


def test_warnings_and_missing_answers_are_not_run_again(tmp_path):
    check, result = _run(tmp_path, BAD, severity="warn")
    assert (check.runs, result.severity, result.outcome) == (1, Severity.WARN, Outcome.FAILED)
    check, result = _run(tmp_path, NO_ANSWER)
    assert (check.runs, result.outcome, result.cause) == (1, Outcome.INCONCLUSIVE, Cause.NETWORK)


def test_a_dry_run_never_blocks(tmp_path):
    check, result = _run(tmp_path, BAD, dry_run=True, severity="block")
    assert (check.runs, result.severity, result.outcome) == (1, Severity.WARN, Outcome.FAILED)


def test_a_check_that_does_not_end_is_inconclusive(tmp_path):
    _, result = _run(tmp_path, 600.0, within=timedelta(seconds=0.2))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert "did not end within" in result.sentences[0]


def test_a_connection_that_opens_nothing_is_no_fault_of_the_check(tmp_path):
    _, result = _run(tmp_path, AccessError("there is no connection 'wknd'"))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert result.sentences == [
        "scripted could not log in: there is no connection 'wknd'. To do: correct that connection, or name another one."
    ]


def test_a_crash_is_inconclusive_and_its_message_is_harmless(tmp_path):
    _, result = _run(tmp_path, ValueError("bad\n::endgroup::\n[2026] INFO all passed\x1b[32m" + "x" * 5000))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    sentence = result.sentences[0]
    assert "ValueError: bad" in sentence
    assert "\n" not in sentence
    assert "\x1b" not in sentence
    assert "::endgroup::" not in sentence
    assert len(sentence) <= 600


def test_nothing_examined_is_not_passed(tmp_path):
    _, result = _run(tmp_path, Judgement(examined=0))
    assert result.outcome is Outcome.INCONCLUSIVE


def test_every_text_of_a_finding_is_made_plain(tmp_path):
    nasty = "a\r\n::group::b\u202e\u2028c\x00"
    finding = Finding(subject=nasty, sentence=nasty, expected=nasty, actual=nasty, evidence=nasty)
    bad = Judgement(examined=1, findings=(finding,))
    _, result = _run(tmp_path, bad, bad)
    kept = result.findings[0]
    for each in (kept.subject, kept.sentence, kept.expected, kept.actual, kept.evidence):
        assert each == "a  : :group::b\\x202e c\\x00"


def test_a_page_check_without_recording_is_inconclusive(tmp_path):
    async def run():
        async with PageSite() as site, site.client() as client:
            visit = Means(site.config(), "stage", client, None, tmp_path)
            return await run_check(KeyPages(KeyPagesSettings()), visit, key="wknd.key_pages")

    result = asyncio.run(run())
    assert (result.key, result.outcome, result.cause) == (
        "wknd.key_pages",
        Outcome.INCONCLUSIVE,
        Cause.CHECK,
    )


def test_a_check_of_the_site_that_reads_the_recording_is_not_run_without_one(tmp_path):
    class Reading(Scripted):
        reads_recording = True

    check = Reading(GOOD)

    async def run():
        async with PageSite() as site, site.client() as client:
            return await run_check(check, Means(site.config(), "stage", client, None, tmp_path))

    result = asyncio.run(run())
    assert (result.outcome, result.examined, check.runs) == (Outcome.INCONCLUSIVE, 0, 0)
    assert "has no recording to judge" in result.sentences[0]


def test_a_page_check_is_confirmed_on_a_new_recording(tmp_path):
    count = 0

    def healed(request):
        nonlocal count
        count += 1
        return (status(404) if count == 1 else page())(request)

    result = run_on({"/": healed}, KeyPages(KeyPagesSettings()), tmp_path)
    assert (result.outcome, result.attempts) == (Outcome.PASSED, 2)
    assert (tmp_path / "confirmation" / "key_pages" / "index.json").exists()


def test_a_judgement_that_blocks_its_thread_ends_in_time(tmp_path):
    released = threading.Event()

    class Slow(Check[CheckSettings]):
        kind, number, title = "slow", "Z2", "Slow"
        reads_recording = True

        def judge(self, visit):
            yield from ask(Read("/"))
            released.wait(600)
            return GOOD

    async def run():
        async with PageSite() as site:
            check = Slow(CheckSettings(within=timedelta(seconds=0.1)))
            try:
                return await check_page_site(site, check, tmp_path)
            finally:
                released.set()

    assert asyncio.run(run()).outcome is Outcome.INCONCLUSIVE


async def _cancelled(tmp_path):
    async with PageSite() as site:
        check = Scripted(600.0)
        task = asyncio.create_task(check_page_site(site, check, tmp_path))
        assert await asyncio.to_thread(check.started.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_cancelling_is_not_swallowed(tmp_path):
    asyncio.run(_cancelled(tmp_path))


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("a\tb", "a b"),
        ("::EndGroup::", ": :EndGroup::"),
        ("\x9b31m\x07", "\\x9b31m\\x07"),
        ("\udcff", "\\xdcff"),
        ("x" * 700, "x" * 599 + "…"),
        ("Zürich – 東京", "Zürich – 東京"),
    ],
)
def test_hostile_text_is_harmless(hostile, harmless):
    assert plain(hostile) == harmless
