"""What does the page of a release say? One template, in Airflow and as ``report.html``; what a site said is text in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.outcomes import Outcome
from stage_gate.evidence.baseline import NONE_YET
from stage_gate.evidence.ledger import Ledger
from stage_gate.rules.decision import Decision
from stage_gate.rules.following import follows_from
from stage_gate.telling.addresses import NOWHERE, Addresses, commit_page, of_execution
from stage_gate.telling.chapters_told import ToldChapter, told_chapters
from stage_gate.telling.coverage_report import manual_sentences
from stage_gate.telling.excused import excused
from stage_gate.telling.notify import AFTER_A_HALT
from stage_gate.telling.rendering import render
from stage_gate.telling.shown_files import ShownFiles, production_files, stage_files
from stage_gate.telling.standing import Facts, Standing, standing_of
from stage_gate.telling.timeline import timeline_of
from stage_gate.telling.told_checks import (
    Teller,
    ToldCheck,
    against,
    counted,
    milder,
    others,
    stage_checks,
)

if TYPE_CHECKING:
    from stage_gate.evidence.seal import Sealed
    from stage_gate.telling.release import Release

SETTINGS_UNTOLD = (
    "This gate can't be built here, as with checks of a team's own, whose code is not run to show a page: what its settings "
    "excuse and what its pages cover is told in the report that the run wrote."
)


def standing(release: Release) -> Standing:
    """How the release stands."""
    sealed, ended = release.sealed, release.ended_for_now
    return standing_of(
        Facts(
            mode=release.mode,
            pinned_at=release.pin.pinned_at,
            attempt=release.attempt,
            testing=release.testing.sentence if release.testing else "",
            outcome=release.outcome,
            summary=sealed.verdict.summary if sealed else "",
            sealed_at=sealed.sealed_at if sealed else None,
            trouble=release.trouble if not release.testing else "",
            decision=release.decision,
            report_only=release.pin.report_only,
            ended_badly=ended.sentence if ended and not ended.well else "",
        )
    )


def render_report(release: Release, addresses: Addresses = NOWHERE) -> str:
    """The whole page."""
    sealed, gate = release.sealed, release.gate
    files = stage_files(sealed.attempt, sealed.manifest.files) if sealed else ShownFiles("", ())
    checks = stage_checks(release, files)
    chapters = told_chapters(sealed, gate, checks)
    doubts, consequences = others(sealed)
    return render(
        "release.html",
        release=release,
        gate=release.gate_name,
        id=release.execution_id,
        title=f"{release.gate_name}: execution {release.execution_id}",
        under_title=", ".join(_under_title(release)),
        standing=standing(release),
        ended=release.ended_for_now,
        addresses=addresses,
        links={
            "cloud_manager": of_execution(release.pin),
            "commit": commit_page(gate, sealed.candidate.commit_id if sealed else None),
        },
        is_asked=release.is_asked,
        untold=[SETTINGS_UNTOLD] if gate is None else [],
        verdict=sealed.verdict if sealed else None,
        testing=release.testing,
        so_far=list(_so_far(release)),
        against=against(sealed, checks),
        doubts=doubts,
        consequences=consequences,
        milder=milder(sealed, checks),
        chapters_of_words=list(_chapters(release)),
        candidate=[*_execution(release), *(_candidate(sealed) if sealed else ())],
        timeline=timeline_of(release),
        chapters=chapters,
        logs=_logs(release, addresses, chapters),
        counts=counted(checks),
        production=list(_production(release)),
        coverages=release.coverage,
        manual=manual_sentences(sealed.plan, release.ledger) if sealed else [],
        files=list(files.groups()),
        seal=sealed,
    )


def _under_title(release: Release) -> Iterator[str]:
    known = release.sealed or release.testing
    candidate = known.candidate if known else None
    yield (candidate.artifacts_version if candidate else None) or "version not known yet"
    if candidate and candidate.commit_id:
        yield f"commit {candidate.commit_id[:12]}"
    yield f"trigger {release.pin.trigger or 'unknown'}"
    yield f"{release.mode} mode"
    if release.attempt > 1:
        yield f"attempt {release.attempt}"


def _logs(release: Release, addresses: Addresses, chapters: list[ToldChapter]) -> dict[str, str]:
    """The address of the log of the task that ran each check."""
    if release.gate is None:
        return {}
    return {
        check.key: addresses.task(release.gate_name, release.execution_id, f"stage_tests.{each.name}")
        for each in chapters
        for check in each.checks
        if check.result is not None
    }


def _execution(release: Release) -> Iterator[tuple[str, str]]:
    pin = release.pin
    yield "Program", pin.program_id
    yield "Pipeline", pin.pipeline_id
    yield "Execution", f"{pin.execution_id} (trigger {pin.trigger or 'unknown'})"
    yield "Mode", release.mode


def _candidate(sealed: Sealed) -> Iterator[tuple[str, str]]:
    candidate = sealed.candidate
    yield "Commit", candidate.commit_id or "unknown"
    yield "Artifacts", candidate.artifacts_version or "unknown"
    yield "Stage deployed at", str(candidate.stage_deployed_at or "unknown")
    yield "Stage environment", f"{candidate.stage.environment_id} ({', '.join(candidate.stage.hosts)})"
    yield "Compared with", str(sealed.plan.baseline or NONE_YET)
    yield from (("Not compared with", note) for note in sealed.plan.baseline_notes)
    yield "Sealed at", f"{sealed.sealed_at:%Y-%m-%d %H:%M:%S %Z}"


def _chapters(release: Release) -> Iterator[tuple[str, list[str]]]:
    """Headings with sentences below them; one without a sentence is left out."""
    halted = release.decision is not None and release.decision.decision is Decision.HALTED
    yield "What happens next", list(AFTER_A_HALT) if halted else []
    yield "Excused", list(excused(release, release.sealed)) if release.sealed else []
    yield "Flaky too often", [each.sentence for each in release.flaky]
    yield "Earlier attempts", release.earlier


def _so_far(release: Release) -> Iterator[ToldCheck]:
    """What has not passed of an attempt that goes on."""
    if release.testing is None:
        return
    blocks = {check.key: check.blocks for check in release.testing.plan.stage_checks}
    results = [entry.result for entry in release.testing.recorded]
    teller = Teller(ShownFiles("", ()), follows_from(results), release.gate, release.ledger)
    for each in results:
        if each.outcome is not Outcome.PASSED:
            yield teller.tell(each, each.key, blocks=blocks.get(each.key, False))


def _production(release: Release) -> Iterator[ToldCheck]:
    blocking = (
        {check.key for check in release.gate.production_checks if check.blocks} if release.gate else set()
    )
    follows, files = follows_from(release.production), production_files(release.production)
    teller = Teller(files, follows, release.gate, Ledger(""))
    for result in release.production:
        yield teller.tell(result, result.key, blocks=result.key in blocking)
