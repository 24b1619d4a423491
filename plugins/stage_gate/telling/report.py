"""What does a run's report say? One self-contained HTML page; everything a site said is text in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult, Finding, Outcome
from stage_gate.configuration.excusing import excusing_settings
from stage_gate.evidence.baseline import NONE_YET
from stage_gate.evidence.ledger import known_since, told_of
from stage_gate.rules.decision import Decision
from stage_gate.rules.following import Follows, follows_from
from stage_gate.rules.leniency import weigh
from stage_gate.rules.sentences import Consequences, consequences, grouped, standing
from stage_gate.telling.coverage_report import manual_sentences
from stage_gate.telling.notify import AFTER_A_HALT
from stage_gate.telling.rendering import render
from stage_gate.telling.shown_files import ShownFile, ShownFiles, production_files, stage_files

if TYPE_CHECKING:
    from stage_gate.evidence.ledger import Ledger
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.plan import Waiver
    from stage_gate.telling.story import Story


def render_report(story: Story, end: str) -> str:
    """The whole page. ``end`` is the sentence that the state of the run follows from."""
    sealed = story.sealed
    return render(
        "report.html",
        story=story,
        end=end,
        title=f"{story.pin.gate}: execution {story.pin.execution_id}",
        outcome=story.end.outcome or Outcome.INCONCLUSIVE,
        candidate=[*_execution(story), *(_candidate(sealed) if sealed else ())],
        verdict=sealed.verdict if sealed else None,
        chapters=list(_chapters(story)),
        stage=list(_stage(story, sealed)) if sealed else [],
        production=list(_production(story)),
        coverages=story.coverage,
        manual=manual_sentences(sealed.plan, story.ledger) if sealed else [],
        files=list(_stage_files(sealed).groups()) if sealed else [],
    )


def _execution(story: Story) -> Iterator[tuple[str, str]]:
    yield "Program", story.pin.program_id
    yield "Pipeline", story.pin.pipeline_id
    yield "Execution", f"{story.pin.execution_id} (trigger {story.pin.trigger or 'unknown'})"
    yield "Mode", story.gate.mode


def _candidate(sealed: Sealed) -> Iterator[tuple[str, str]]:
    candidate = sealed.candidate
    yield "Commit", candidate.commit_id or "unknown"
    yield "Artifacts", candidate.artifacts_version or "unknown"
    yield "Stage deployed at", str(candidate.stage_deployed_at or "unknown")
    yield "Stage environment", f"{candidate.stage.environment_id} ({', '.join(candidate.stage.hosts)})"
    yield "Seal", f"{sealed.digest} (attempt {sealed.attempt}, {sealed.signature})"
    yield "Compared with", str(sealed.plan.baseline or NONE_YET)
    yield from (("Not compared with", note) for note in sealed.plan.baseline_notes)
    yield "Sealed at", f"{sealed.sealed_at:%Y-%m-%d %H:%M:%S %Z}"


def _chapters(story: Story) -> Iterator[tuple[str, list[str]]]:
    """Headings with sentences below them; one without a sentence is left out."""
    halted = story.decision is not None and story.decision.decision is Decision.HALTED
    yield "What happens next", list(AFTER_A_HALT) if halted else []
    yield "Excused", list(_excused(story, story.sealed)) if story.sealed else []
    yield "Flaky too often", [each.sentence for each in story.flaky]
    yield "Earlier attempts", story.earlier


def _excused(story: Story, sealed: Sealed) -> Iterator[str]:
    """Everything that the gate forgives for now, whether it was needed this time or not."""
    plan = sealed.plan
    yield from (f"{c.key} is in quarantine: {c.quarantine}" for c in plan.stage_checks if c.quarantine)
    yield from (c.exposed for c in plan.checks if c.unisolated)
    yield from map(_waived, plan.waivers)
    for place, each in excusing_settings(story.gate).items():
        yield f"{place} is {each.shown or 'empty'}"
    for entry in sealed.recorded:
        if entry.result.flaky:
            yield (f"{entry.result.key} {_how_flaky(entry.result)}; flaky counts as {plan.flakes.count_as}.")


def _how_flaky(result: CheckResult) -> str:
    return "passed cases only on a further try" if result.retried else "did not fail on its re-run as before"


def _waived(waiver: Waiver) -> str:
    if not waiver.code:
        return (
            f"{waiver.check}: a waiver about {waiver.subject} names no code, so it waives nothing: {waiver}"
        )
    return f"{waiver.check}, findings {waiver.code} about {waiver.subject}, are waived: {waiver}"


@dataclass(frozen=True)
class _ToldFinding:
    finding: Finding
    since: str
    proof: ShownFile


@dataclass(frozen=True)
class _Folded:
    """Findings of which only the first is seen at once, or none."""

    summary: str
    """What the others have in common; empty where there are none."""
    more: list[_ToldFinding]
    first: _ToldFinding | None = None


@dataclass(frozen=True)
class _Row:
    """One line of the table of checks."""

    key: str
    blocks: bool
    result: CheckResult | None
    findings: list[_Folded]
    """Each fault once, then what follows from findings of other checks."""
    before: str = ""
    """How the check fared in the releases before."""

    @property
    def seconds(self) -> float:
        assert self.result is not None, "asked for a check with a result only"
        return (self.result.finished_at - self.result.started_at).total_seconds()


def _stage(story: Story, sealed: Sealed) -> Iterator[_Row]:
    results = {entry.result.key: entry.result for entry in sealed.recorded}
    files = _stage_files(sealed)
    follows = follows_from(weigh(sealed.plan, entry).entry.result for entry in sealed.recorded)
    for check in sealed.plan.stage_checks:
        result = results.get(check.key)
        told = _Told(files, follows, story.ledger)
        yield _Row(
            check.key,
            check.blocks,
            result,
            told.all_of(result) if result else [],
            told_of(story.ledger, check.key),
        )


@dataclass(frozen=True)
class _Told:
    """How the findings of checks of one target are told."""

    files: ShownFiles
    follows: Follows
    ledger: Ledger | None = None

    def all_of(self, result: CheckResult) -> list[_Folded]:
        notes = [each for each in result.findings if each.outcome is Outcome.PASSED]
        groups = grouped([*standing(result, self.follows), *notes])
        own = [_Folded(g.likewise, self._each(result, g.more), self._one(result, g.first)) for g in groups]
        return [*own, *(self._from(result, each) for each in consequences([result], self.follows))]

    def _from(self, result: CheckResult, each: Consequences) -> _Folded:
        return _Folded(each.title, self._each(result, [finding for _, finding in each.findings]))

    def _each(self, result: CheckResult, findings: Sequence[Finding]) -> list[_ToldFinding]:
        return [self._one(result, each) for each in findings]

    def _one(self, result: CheckResult, finding: Finding) -> _ToldFinding:
        since = _since(self.ledger, result.key, finding) if self.ledger is not None else ""
        return _ToldFinding(finding, since, self.files.file(finding.evidence))


def _since(ledger: Ledger, key: str, finding: Finding) -> str:
    return known_since(ledger, key, finding) if finding.outcome is not Outcome.PASSED else ""


def _production(story: Story) -> Iterator[_Row]:
    blocking = {check.key for check in story.gate.production_checks if check.blocks}
    told = _Told(production_files(story.production), follows_from(story.production))
    for result in story.production:
        yield _Row(result.key, result.key in blocking, result, told.all_of(result))


def _stage_files(sealed: Sealed) -> ShownFiles:
    return stage_files(sealed.attempt, sealed.manifest.files)
