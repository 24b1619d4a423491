"""What would today's checks say of what was recorded then? They judge again what they were told then, in this process.

Checks that compare do so with the release that was pinned then; where that can't be verified, what was found then counts.
So it does where a check changed something on the site, looks at more than can be kept, or asks today what nobody asked
then: its findings of then are weighed with the severity of now. A team's own checks, too: their code is run where a gate
runs it, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aem_checks.asking import NotTold, ask_then
from aem_checks.check import Check
from aem_checks.codes import with_codes
from aem_checks.kinds import file_of_own_kind
from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from aem_checks.recording import Recording, RecordingError
from aem_checks.runner import come_to, crashed
from aem_checks.stored_response import BodyError
from aem_checks.told import AGAIN, NotKept, Told
from aem_checks.told import read as read_told
from aem_checks.visit import Visit
from stage_gate.evidence.files import EvidenceError, read_model
from stage_gate.rules.cloud_manager_results import SEEN, Seen, judge_results
from stage_gate.rules.plan import CLOUD_MANAGER, OWN_TESTS, SMOKE_TESTS, Plan, RecordedResult

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.config import ConfiguredCheck
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.baseline import OpenedBaseline
    from stage_gate.evidence.seal import Sealed


class Rejudged:
    """The results that today's plan would have had of one attempt, and what could not be judged again."""

    def __init__(
        self,
        gate: Gate,
        plan: Plan,
        sealed: Sealed,
        folder: Path,
        compared_with: OpenedBaseline | None = None,
    ) -> None:
        """``folder`` is that of the attempt; it is only read. ``compared_with`` is the release that was pinned then.

        Raises ``EvidenceError`` for what can't be read.
        """
        self.notes: list[str] = []
        self._digests = {check.key: check.settings_digest for check in plan.stage_checks}
        self._gate = gate
        self._plan = plan
        self._sealed = sealed
        self._folder = folder
        self._then = {entry.result.key: entry for entry in sealed.recorded}
        self._recordings: dict[str, Recording | None] = {}
        self._compared_with = compared_with
        self._baselines: dict[str, Baseline | None] = {}
        self.entries = tuple(self._entry(result) for result in self._within_budget([*self._results()]))

    def _results(self) -> Iterator[CheckResult]:
        for check in self._gate.stage_checks:
            found = self._result(check)
            if found is not None:
                yield found
        yield from self._of_cloud_manager()
        yield from self._of_people()
        yield from self._of_own_tests()
        gone = sorted(self._then.keys() - self._digests.keys())
        self.notes += [f"{key} is no longer in the gate." for key in gone]

    def _result(self, check: ConfiguredCheck) -> CheckResult | None:
        entry = self._recorded(check)
        again = self._judged_again(check) if self._is_judged_here(check) else None
        if again is not None:
            return again
        if entry is None:
            self.notes.append(f"{check.key} was not recorded then.")
            return None
        if entry.settings_digest != self._digests[check.key]:
            self.notes.append(f"{check.key} has other settings now; its findings are those of then.")
        return _weighed(check, entry.result)

    def _is_judged_here(self, check: ConfiguredCheck) -> bool:
        kind = check.check_type
        return file_of_own_kind(kind) is None and self._can_compare(check.site)

    def _can_compare(self, site: str) -> bool:
        """Whether what was compared with then is here; without it a check could pass that failed then."""
        pinned = self._sealed.plan.baseline
        if pinned is None:
            return True
        if self._compared_with is None:
            self._note(
                f"{pinned}, which was compared with then, can't be verified; what was found then counts."
            )
            return False
        try:
            self._baseline(site)
        except EvidenceError as error:
            self._note(f"What was compared with then can't be read, so what was found then counts: {error}")
            return False
        return True

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _baseline(self, site: str) -> Baseline | None:
        """What was compared with then. Raises ``EvidenceError``."""
        if site not in self._baselines:
            self._baselines[site] = self._compared_with.of_site(site) if self._compared_with else None
        return self._baselines[site]

    def _recorded(self, check: ConfiguredCheck) -> RecordedResult | None:
        """What this very check of this site said then."""
        entry = self._then.get(check.key)
        same = entry is not None and (entry.result.kind, entry.result.site) == (check.kind, check.site)
        return entry if same else None

    def _recording(self, site: str) -> Recording | None:
        if site not in self._recordings:
            self._recordings[site] = self._load(self._site_folder(site) / "recording")
            self._note_pages(site)
        return self._recordings[site]

    def _recording_of(self, check: ConfiguredCheck, name: str) -> Recording | None:
        """The one that was read then: that of all, or the one that confirmed what the check found."""
        if name != f"confirmation/{check.key}":
            return self._recording(check.site)
        return self._load(self._site_folder(check.site) / "confirmation" / check.key)

    def _load(self, folder: Path) -> Recording | None:
        try:
            return Recording.load(folder) if folder.exists() else None
        except RecordingError as error:
            self.notes.append(f"A recording can't be read: {error}")
            return None

    def _note_pages(self, site: str) -> None:
        recording = self._recordings[site]
        recorded = {page.path for page in recording.pages} if recording else set()
        missing = [path for path in self._gate.site(site).pages if path not in recorded]
        if recording and missing:
            self.notes.append(f"{len(missing)} pages of {site} were not recorded then, such as {missing[0]}.")

    def _judged_again(self, check: ConfiguredCheck) -> CheckResult | None:
        """As a gate would: a failure that blocks is confirmed by the second run, where there was one."""
        first = self._run_of_then(check)
        if first is None:
            return None
        result = _result_of(check, *first)
        if (result.severity, result.outcome) != (Severity.BLOCK, Outcome.FAILED):
            return result
        again = self._run_of_then(check, AGAIN)
        if again is None:
            return result
        (before, _), (second, at) = first, again
        both = come_to(check.kind, before, second, _base(check), check.capped)
        return _result_of(check, both, at, attempts=2)

    def _run_of_then(self, check: ConfiguredCheck, suffix: str = "") -> tuple[Judgement, datetime] | None:
        """What it makes of one run of then, and when that was; ``None`` where nothing was kept of it."""
        made = check.create()
        try:
            told, at = self._told(check, suffix)
            if told is None or at is None:
                return None
            visit = self._visit(check, told)
            return _judge(made, lambda: ask_then(made.judge(visit), told.exchanges, visit.reader())), at
        except (NotKept, NotTold) as why:
            self.notes.append(f"{check.key} can't be judged again, so what it found then counts: {why}.")
        except (RecordingError, BodyError, OSError, ValueError, KeyError, TypeError) as error:
            self.notes.append(f"What {check.key} was told can't be read: {error}")
        return None

    def _told(self, check: ConfiguredCheck, suffix: str) -> tuple[Told | None, datetime | None]:
        """What it was told in one run of then, and when. One that was not there yet can still look at the recording."""
        entry = self._then.get(check.key)
        told = read_told(self._site_folder(check.site), f"{check.key}{suffix}")
        if told is not None and entry is not None:
            return told, entry.result.started_at
        recording = (
            self._recording(check.site) if check.reads_pages and entry is None and not suffix else None
        )
        return (Told(recording="recording"), recording.recorded_at) if recording else (None, None)

    def _visit(self, check: ConfiguredCheck, told: Told) -> Visit:
        return Visit(
            self._gate.site(check.site),
            check.target,
            self._recording_of(check, told.recording),
            self._baseline(check.site),
        )

    def _site_folder(self, site: str) -> Path:
        return self._folder / "sites" / site

    @cached_property
    def _seen(self) -> Seen | None:
        path = self._folder / SEEN
        return read_model(path, Seen) if path.exists() else None

    def _of_cloud_manager(self) -> Iterator[CheckResult]:
        planned = [check.key for check in self._plan.stage_checks if check.kind == CLOUD_MANAGER]
        if self._seen is not None:
            yield from (
                r for r in judge_results(self._gate.policy.cloud_manager, self._seen) if r.key in planned
            )
            return
        yield from (self._then[key].result for key in planned if key in self._then)
        self.notes += [f"{key} was not recorded then." for key in planned if key not in self._then]

    def _of_people(self) -> Iterator[CheckResult]:
        """What was answered then: nobody is asked again about a release of the past."""
        for planned in self._plan.stage_checks:
            if planned.kind != SMOKE_TESTS:
                continue
            entry = self._then.get(planned.key)
            if entry is None:
                self._note(f"{planned.key} was not asked then.")
                continue
            if entry.settings_digest != planned.settings_digest:
                self._note(f"{planned.key} is another question now; the answer is that of then.")
            yield entry.result.model_copy(update={"severity": planned.severity})

    def _of_own_tests(self) -> Iterator[CheckResult]:
        """What a team's Airflow tasks found then: no code of theirs runs for a release of the past."""
        for planned in self._plan.stage_checks:
            if planned.kind != OWN_TESTS:
                continue
            entry = self._then.get(planned.key)
            if entry is None:
                self._note(f"{planned.key} was not recorded then.")
            else:
                yield entry.result

    def _within_budget(self, results: list[CheckResult]) -> Iterator[CheckResult]:
        """A re-run that today's budget does not have would not have been; the failure before it stands."""
        left = self._plan.flakes.reruns
        for result in sorted(results, key=lambda each: (each.started_at, each.key)):
            left -= result.attempts > 1
            by_itself = result.retried and result.attempts == 1
            yield _not_run_again(result) if result.flaky and not by_itself and left < 0 else result

    def _entry(self, result: CheckResult) -> RecordedResult:
        return RecordedResult(
            candidate_digest=self._sealed.candidate.digest,
            attempt=self._sealed.attempt,
            settings_digest=self._digests[result.key],
            result=result,
        )


def _judge(check: Check[Any], judge: Callable[[], Judgement]) -> Judgement:
    """Raises ``NotTold``; whatever else goes wrong in a check is a judgement, too."""
    try:
        return with_codes(check.kind, check.codes, judge())
    except NotTold:
        raise
    except Exception as error:  # noqa: BLE001 - as in the runner
        return crashed(check, error)


def _base(check: ConfiguredCheck) -> Severity:
    return Severity.WARN if check.settings.dry_run else check.severity


def _result_of(check: ConfiguredCheck, judgement: Judgement, at: datetime, attempts: int = 1) -> CheckResult:
    return judgement.as_result(
        _base(check),
        capped=check.capped,
        key=check.key,
        kind=check.kind,
        site=check.site,
        target=check.target,
        attempts=attempts,
        started_at=at,
        finished_at=at,
    )


def _weighed(check: ConfiguredCheck, then: CheckResult) -> CheckResult:
    judgement = Judgement(examined=then.examined, findings=then.findings)
    severity, outcome, cause = judgement.weigh(_base(check), capped=check.capped)
    values = {"severity": severity, "outcome": outcome, "cause": cause}
    return then.model_copy(update=values)


def _not_run_again(result: CheckResult) -> CheckResult:
    finding = Finding(
        code=f"{result.kind}.rerun",
        subject="re-run",
        sentence="It passed only on a re-run, and today's budget of re-runs has none for it.",
    )
    values = {
        "outcome": Outcome.FAILED,
        "cause": Cause.CHECK,
        "flaky": False,
        "findings": (*result.findings, finding),
    }
    return result.model_copy(update=values)
