"""How does one check run to its result, whatever it does? It ends in time, and a crash is a result too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aem_checks.access import AccessError
from aem_checks.check import Check
from aem_checks.codes import with_codes
from aem_checks.durations import format_duration
from aem_checks.house import House
from aem_checks.kinds import file_of_own_kind
from aem_checks.means import Means
from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from aem_checks.patience import within
from aem_checks.recording import record
from aem_checks.text import plain
from aem_checks.time_limit import Clock
from aem_checks.told import AGAIN, Told, keep

_LONGEST_ERROR = 300
TIME_IS_OVER = "Not run again, so the failure stands: its time was over."


async def run_check(
    check: Check[Any],
    means: Means,
    *,
    key: str | None = None,
    may_rerun: Callable[[], bool] = lambda: True,
) -> CheckResult:
    """Run a check within its time limit; never raises but for cancellation.

    A blocking check that fails is confirmed by one re-run within the same time limit; a check that looked at
    recorded pages alone then looks at a new recording. If the re-run passes, the check passed and is called flaky; if it fails
    otherwise, what only the first run saw is noted and it is called flaky too, since what is left may be
    waived; if it gives no answer, the failure stands. ``may_rerun`` is asked before, in a thread of its own; when it says no, or
    raises, there is no re-run and the failure stands. ``key`` names the result, by default with the kind.
    """
    started = datetime.now(UTC)
    key = key or check.kind
    base = Severity.WARN if check.settings.dry_run else check.weight
    capped = check.settings.dry_run or check.settings.severity is not None
    means = replace(means, clock=Clock(check.settings.within.total_seconds()))
    conversations = _Conversations(check, means, key)
    with within(check.settings.within.total_seconds()):
        first, second = await _runs(check, means, key, base, capped, may_rerun, conversations)
    first = await conversations.kept(first)
    judgement = come_to(check.kind, first, second, base, capped)
    found = tuple(made_plain(judgement.findings))
    return judgement.model_copy(update={"findings": found}).as_result(
        base,
        capped=capped,
        key=key,
        kind=check.kind,
        site=means.site.name,
        target=means.target,
        attempts=1 if second is None else 2,
        started_at=started,
        finished_at=datetime.now(UTC),
    )


def come_to(kind: str, first: Judgement, second: Judgement | None, base: Severity, capped: bool) -> Judgement:
    """What one run of a check of this kind amounts to, or a blocking failure and the run that was to confirm it.

    It is flaky where the second passed, or did not fail as the first did.
    """
    if second is None:
        return first
    both = _combine(kind, first, second, base, capped)
    _, outcome, _ = both.weigh(base, capped=capped)
    differs = outcome is Outcome.PASSED or bool(_gone(first, second, base))
    return both.model_copy(update={"flaky": both.flaky or differs})


async def _runs(
    check: Check[Any],
    means: Means,
    key: str,
    base: Severity,
    capped: bool,
    may_rerun: Callable[[], bool],
    conversations: _Conversations,
) -> tuple[Judgement, Judgement | None]:
    """The first run and the one that confirms its failure, if there is one, both within the time limit."""
    first = second = None
    clock = means.clock
    assert clock is not None
    try:
        async with clock:
            first = await _attempt(check, means, key, conversations)
            if wants_confirmation(first, base, capped):
                refused = TIME_IS_OVER if clock.is_over else await asyncio.to_thread(why_not_again, may_rerun)
                if refused is None:
                    anew = await _fresh(means, key) if conversations.read_only else means
                    second = await _attempt(check, replace(anew, begin=None), key, conversations)
                    if clock.is_over and not wants_confirmation(second, base, capped):
                        raise TimeoutError  # what it had no time to look at may be what failed
                else:
                    first = with_note(check.kind, first, refused)
    except TimeoutError:
        late = _too_late(check)
        return (late, None) if first is None else (first, late)
    return first, second


async def _attempt(check: Check[Any], means: Means, key: str, conversations: _Conversations) -> Judgement:
    try:
        if (module := file_of_own_kind(type(check))) is not None:
            from aem_checks.isolated import run_isolated

            found = await conversations.lead(means, partial(run_isolated, check, module, key))
        elif check.reads_recording and means.recording is None:
            said = f"{check.kind} has no recording to judge. To do: record the pages first."
            return _no_answer(check, "no_recording", said)
        else:
            found = await conversations.lead(means, partial(House.lead, check))
        return with_codes(check.kind, check.codes, found)
    except AccessError as error:
        said = f"{check.kind} could not log in: {error}. To do: correct that connection, or name another one."
        return _no_answer(check, "no_connection", said, expected="a usable connection")
    except asyncio.CancelledError as error:
        if _is_ended():
            raise
        return crashed(check, error)  # it cancelled something of its own, and nobody cancelled it
    except Exception as error:  # noqa: BLE001 - a crash of a check is a result: no answer
        return crashed(check, error)


def _is_ended() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Conversations:
    """What the runs of one check were told: kept when the check is over, in place of what an earlier try of it left."""

    def __init__(self, check: Check[Any], means: Means, key: str) -> None:
        self._check, self._means, self._key = check, means, key
        self._told: list[Told | None] = []

    async def lead(self, means: Means, run: Callable[[Means], Awaitable[Judgement]]) -> Judgement:
        """What the site says now."""
        told = Told(recording=means.recording.name if means.recording else "")
        self._told.append(None)
        found = await run(replace(means, told=told))
        self._told[-1] = told
        return found

    @property
    def read_only(self) -> bool:
        """Whether the last run looked at recorded pages, and asked nobody anything."""
        check, told = self._check, self._told[-1] if self._told else None
        return check.reads_recording and told is not None and told.asked == 0

    async def kept(self, judgement: Judgement) -> Judgement:
        """The same judgement, with a note where what it rests on could not be kept."""
        try:
            await asyncio.to_thread(self._keep)
        except OSError as error:
            said = f"What {self._check.kind} was told could not be kept: {plain(str(error), _LONGEST_ERROR)}"
            return with_note(self._check.kind, judgement, said)
        return judgement

    def _keep(self) -> None:
        check, author = self._check, self._means.site.author
        if not (check.keeps_told and file_of_own_kind(type(check)) is None):
            return
        private = author.hosts if author else frozenset[str]()
        runs = max(1, len(self._told))
        for number, name in reversed([*enumerate((self._key, f"{self._key}{AGAIN}"))][:runs]):
            told = self._told[number] if number < len(self._told) else None
            keep(told, self._means.evidence, name, private, runs)


async def _fresh(means: Means, key: str) -> Means:
    """What a re-run looks at: a new recording, kept beside the first."""
    name = f"confirmation/{key}"
    folder = means.evidence / "confirmation" / key
    try:
        paths = [page.path for page in means.recording.pages] if means.recording else None
        recording = await record(means.site, means.target, means.client, folder, name=name, paths=paths)
    except Exception:  # noqa: BLE001 - without a new recording there is no second answer
        return replace(means, recording=None)
    return replace(means, recording=recording)


def wants_confirmation(judgement: Judgement, base: Severity, capped: bool) -> bool:
    """Whether it is a failure that blocks, which a second run is to confirm."""
    severity, outcome, _ = judgement.weigh(base, capped=capped)
    return severity is Severity.BLOCK and outcome is Outcome.FAILED


def _combine(kind: str, first: Judgement, second: Judgement, base: Severity, capped: bool) -> Judgement:
    """What a blocking failure and the run that was to confirm it come to together, of a check of this kind."""
    _, outcome, _ = second.weigh(base, capped=capped)
    if outcome is Outcome.FAILED:
        return _with_gone(_with_standing(first, second, base), _gone(first, second, base))
    reason = _blocking(first, base)[0].sentence
    if outcome is Outcome.PASSED and not _saw_less(first, second):
        note = f"Passed only on re-run: flaky. The first run said: {reason}"
        return with_note(kind, second, note, Severity.BLOCK)
    why = next((each.sentence for each in second.findings if each.outcome is Outcome.INCONCLUSIVE), "")
    note = f"The failure could not be confirmed, so it stands: the re-run gave no answer. {why}".strip()
    return with_note(kind, first, note)


def _gone(first: Judgement, second: Judgement, base: Severity) -> tuple[Finding, ...]:
    """The blocking failures of the first run that a failed re-run, which saw all, does not name again."""
    if _saw_less(first, second) or not any(each.outcome is Outcome.FAILED for each in second.findings):
        return ()
    return _unnamed(first, second, base)


def _with_standing(first: Judgement, second: Judgement, base: Severity) -> Judgement:
    """The failed re-run, with the blocking failures of the first run that it had no answer to: they stand."""
    standing = _unnamed(first, second, base) if _saw_less(first, second) else ()
    said = "The re-run had no answer to everything, so this stands."
    kept = (each.model_copy(update={"sentence": f"{each.sentence} {said}"}) for each in standing)
    return second.model_copy(update={"findings": (*kept, *second.findings)})


def _saw_less(first: Judgement, second: Judgement) -> bool:
    """Whether the second run had no answer to anything that the first one had an answer to."""
    unseen = [
        {(f.code, f.subject) for f in each.findings if f.outcome is Outcome.INCONCLUSIVE}
        for each in (first, second)
    ]
    return not unseen[1] <= unseen[0]


def _unnamed(first: Judgement, second: Judgement, base: Severity) -> tuple[Finding, ...]:
    """Blocking failures of the first run, each a fault and what it is about, that the second does not name."""
    again = {(each.code, each.subject) for each in _blocking(second, base)}
    return tuple(each for each in _blocking(first, base) if (each.code, each.subject) not in again)


def _with_gone(judgement: Judgement, gone: Iterable[Finding]) -> Judgement:
    notes = (
        each.model_copy(
            update={
                "outcome": Outcome.PASSED,
                "severity": Severity.BLOCK,
                "sentence": f"Seen in the first run only: {each.sentence}",
            }
        )
        for each in gone
    )
    return judgement.model_copy(update={"findings": (*judgement.findings, *notes)})


def with_note(kind: str, judgement: Judgement, sentence: str, was: Severity | None = None) -> Judgement:
    """The same judgement of a check of this kind, with a note on its re-run. ``was``: how grave that is which is only
    noted now."""
    code = f"{kind}.rerun"
    note = Finding(code=code, subject="re-run", sentence=sentence, outcome=Outcome.PASSED, severity=was)
    return judgement.model_copy(update={"findings": (*judgement.findings, note)})


def why_not_again(may_rerun: Callable[[], bool]) -> str | None:
    """Why there is no re-run, ``None`` where there may be one."""
    try:
        if may_rerun():
            return None
    except Exception as error:  # noqa: BLE001 - whatever counts the re-runs: without a count there is none
        said = f"{type(error).__name__}: {plain(str(error), _LONGEST_ERROR)}"
        return f"Not run again, so the failure stands: the re-runs of this release can't be counted ({said})."
    return "Not run again, so the failure stands: the budget of re-runs of this release is spent."


def _blocking(judgement: Judgement, base: Severity) -> list[Finding]:
    return [
        each
        for each in judgement.findings
        if each.outcome is Outcome.FAILED and (each.severity or base) is Severity.BLOCK
    ]


def _too_late(check: Check[Any]) -> Judgement:
    limit = format_duration(check.settings.within)
    sentence = f"{check.kind} did not end within {limit}. To do: see what is slow, or raise 'within'."
    return _no_answer(check, "time_limit", sentence, f"an end within {limit}", "still running")


def crashed(check: Check[Any], error: BaseException) -> Judgement:
    """A crash of a check is a result, too: no answer."""
    said = f"{type(error).__name__}: {plain(str(error), _LONGEST_ERROR)}".removesuffix(": ")
    sentence = f"{check.kind} broke off with {said}. To do: report it, the check itself is at fault."
    return _no_answer(check, "check_error", sentence, "a judgement", said)


def _no_answer(
    check: Check[Any], code: str, sentence: str, expected: str = "", actual: str = ""
) -> Judgement:
    finding = Finding(
        code=f"{check.kind}.{code}",
        subject=check.kind,
        sentence=sentence,
        expected=expected,
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
    return Judgement(examined=0, findings=(finding,))


def made_plain(findings: Iterable[Finding]) -> Iterable[Finding]:
    """The same, with nothing in their texts that could forge a line of a log."""
    texts = ("subject", "sentence", "expected", "actual", "evidence")
    for each in findings:
        made = {name: plain(getattr(each, name)) for name in texts}
        yield each.model_copy(update={**made, "about": tuple(map(plain, each.about))})
