"""What does a run's report look like? One self-contained HTML page; everything a site said is escaped text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult, Finding, Outcome
from stage_gate.configuration.excusing import excusing_settings
from stage_gate.evidence.baseline import NONE_YET
from stage_gate.evidence.ledger import known_since, told_of
from stage_gate.rules.decision import Decision
from stage_gate.rules.plan import UNISOLATED
from stage_gate.telling.coverage_report import coverage_section, manual_section
from stage_gate.telling.notify import AFTER_A_HALT
from stage_gate.telling.served_file import IMAGES, PAGES, VIDEOS, address_in, suffix_of

if TYPE_CHECKING:
    from stage_gate.evidence.ledger import Ledger
    from stage_gate.rules.plan import Waiver
    from stage_gate.telling.story import Story

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#202124;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #dadce0}
th,td:not(:last-child){white-space:nowrap}td:last-child,li{overflow-wrap:anywhere}td ul{margin:0}
.passed{color:#137333}.failed{color:#c5221f}.inconclusive{color:#b06000}
.banner{padding:.8rem 1rem;border-left:6px solid;background:#f8f9fa}
img,video{max-width:24rem;max-height:16rem;border:1px solid #dadce0}a{color:inherit}
ul{padding-left:1.2rem}code{background:#f1f3f4;padding:0 .25rem}small{color:#5f6368}
@media(prefers-color-scheme:dark){body{background:#202124;color:#e8eaed}.banner,code{background:#303134}th,td{border-color:#5f6368}
.passed{color:#81c995}.failed{color:#f28b82}.inconclusive{color:#fdd663}small{color:#9aa0a6}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'"
"""Of the page wherever it is opened; Airflow's API server serves it with ``sandbox`` on top of that."""


def render_report(story: Story, end: str) -> str:
    """The whole page. ``end`` is the sentence that the state of the run follows from."""
    title = f"{story.pin.gate}: execution {story.pin.execution_id}"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{_banner(story, end)}{_candidate(story)}{_verdict(story)}"
        f"{_next(story)}{_excused(story)}{_flaky(story)}{_earlier(story)}{_stage(story)}{_production(story)}"
        f"{_coverage(story)}{_files(story)}"
        f"<p><small>Evidence: <code>{escape(story.evidence)}</code></small></p></body></html>\n"
    )


def _banner(story: Story, end: str) -> str:
    outcome = str(story.end.outcome or Outcome.INCONCLUSIVE)
    decided = ""
    if story.decision:
        record = story.decision
        decided = (
            f"<br><strong>{escape(record.decision.capitalize())}</strong> by {escape(record.by)} at "
            f"{record.at:%Y-%m-%d %H:%M:%S %Z}: {escape(record.sentence)}"
        )
    reported = f"<br>{escape(story.pin.report_only)}" if story.pin.report_only else ""
    return f"<p class='banner {outcome}'><strong>{escape(end)}</strong>{decided}{reported}</p>"


def _candidate(story: Story) -> str:
    rows = [
        ("Program", story.pin.program_id),
        ("Pipeline", story.pin.pipeline_id),
        ("Execution", f"{story.pin.execution_id} (trigger {story.pin.trigger or 'unknown'})"),
        ("Mode", str(story.gate.mode)),
    ]
    if story.sealed:
        candidate = story.sealed.candidate
        rows += [
            ("Commit", candidate.commit_id or "unknown"),
            ("Artifacts", candidate.artifacts_version or "unknown"),
            ("Stage deployed at", str(candidate.stage_deployed_at or "unknown")),
            ("Stage environment", f"{candidate.stage.environment_id} ({', '.join(candidate.stage.hosts)})"),
            ("AEM release on stage", candidate.stage.aem_release),
            ("Seal", f"{story.sealed.digest} (attempt {story.sealed.attempt}, {story.sealed.signature})"),
            ("Compared with", str(story.sealed.plan.baseline or NONE_YET)),
            *(("Not compared with", note) for note in story.sealed.plan.baseline_notes),
            ("Sealed at", f"{story.sealed.sealed_at:%Y-%m-%d %H:%M:%S %Z}"),
        ]
    return f"<h2>Candidate</h2>{_table(rows)}"


def _verdict(story: Story) -> str:
    if not story.sealed:
        return f"<h2>Verdict</h2><p>{escape(story.trouble or 'None: stage was never tested.')}</p>"
    verdict = story.sealed.verdict
    warnings = f"<h3>Good to know</h3>{_list(verdict.warnings)}" if verdict.warnings else ""
    return (
        f"<h2>Verdict: <span class='{verdict.outcome}'>{verdict.outcome}</span></h2>"
        f"<p>{escape(verdict.summary)}</p>{_list(verdict.reasons)}{warnings}"
    )


def _next(story: Story) -> str:
    """What a halt means for the team."""
    halted = story.decision is not None and story.decision.decision is Decision.HALTED
    return f"<h2>What happens next</h2>{_list(AFTER_A_HALT)}" if halted else ""


def _excused(story: Story) -> str:
    """Everything that the gate forgives for now, whether it was needed this time or not."""
    if not story.sealed:
        return ""
    plan = story.sealed.plan
    sentences = [f"{c.key} is in quarantine: {c.quarantine}" for c in plan.stage_checks if c.quarantine]
    sentences += [f"{c.key} {UNISOLATED}" for c in plan.checks if c.unisolated]
    sentences += [_waived(waiver) for waiver in plan.waivers]
    sentences += [
        f"{place} is {each.shown or 'empty'}" for place, each in excusing_settings(story.gate).items()
    ]
    sentences += [
        f"{e.result.key} did not fail on its re-run as before; flaky counts as {plan.flakes.count_as}."
        for e in story.sealed.recorded
        if e.result.flaky
    ]
    return f"<h2>Excused</h2>{_list(sentences)}" if sentences else ""


def _waived(waiver: Waiver) -> str:
    if not waiver.code:
        return (
            f"{waiver.check}: a waiver about {waiver.subject} names no code, so it waives nothing: {waiver}"
        )
    return f"{waiver.check}, findings {waiver.code} about {waiver.subject}, are waived: {waiver}"


def _flaky(story: Story) -> str:
    return f"<h2>Flaky too often</h2>{_list(each.sentence for each in story.flaky)}" if story.flaky else ""


def _coverage(story: Story) -> str:
    manual = manual_section(story.sealed.plan, story.ledger) if story.sealed else ""
    return f"{coverage_section(story.coverage)}{manual}"


def _files(story: Story) -> str:
    """What checks and suites kept: screenshots, videos, reports."""
    listed = _shown(story).listed() if story.sealed else ""
    return f"<h2>Files</h2>{listed}" if listed else ""


def _shown(story: Story) -> ShownFiles:
    assert story.sealed is not None, "asked for a sealed attempt only"
    return stage_files(story.sealed.attempt, story.sealed.manifest.files)


def _earlier(story: Story) -> str:
    return f"<h2>Earlier attempts</h2>{_list(story.earlier)}" if story.earlier else ""


def _stage(story: Story) -> str:
    if not story.sealed:
        return ""
    results = {entry.result.key: entry.result for entry in story.sealed.recorded}
    shown = _shown(story)
    rows = "".join(
        _row(check.key, results.get(check.key), check.blocks, shown, story.ledger)
        for check in story.sealed.plan.stage_checks
    )
    return f"<h2>Checks on stage</h2>{_check_table(rows)}"


def _production(story: Story) -> str:
    if not story.production:
        return ""
    blocking = {check.key for check in story.gate.production_checks if check.blocks}
    shown = production_files(story.production)
    rows = "".join(_row(result.key, result, result.key in blocking, shown) for result in story.production)
    return f"<h2>Checks on production</h2>{_check_table(rows)}"


def _check_table(rows: str) -> str:
    head = "<tr><th>Check</th><th>Outcome</th><th>Examined</th><th>Seconds</th><th>Before</th><th>Findings</th></tr>"
    return f"<table>{head}{rows}</table>"


def _row(
    key: str, result: CheckResult | None, blocks: bool, shown: ShownFiles, ledger: Ledger | None = None
) -> str:
    name = f"{escape(key)}<br><small>{'blocks' if blocks else 'warns'}</small>"
    before = f"<td>{escape(told_of(ledger, key)) if ledger else ''}</td>"
    if result is None:
        return f"<tr><td>{name}</td><td class='inconclusive'>no result</td><td></td><td></td>{before}<td></td></tr>"
    seconds = (result.finished_at - result.started_at).total_seconds()
    cause = f"<br><small>{escape(str(result.cause))}</small>" if result.cause else ""
    findings = "".join(_finding(key, each, shown, ledger) for each in result.findings)
    return (
        f"<tr><td>{name}</td><td class='{result.outcome}'>{result.outcome}{cause}</td><td>{result.examined}</td>"
        f"<td>{seconds:.1f}</td>{before}<td>{f'<ul>{findings}</ul>' if findings else ''}</td></tr>"
    )


def _finding(key: str, finding: Finding, shown: ShownFiles, ledger: Ledger | None) -> str:
    counts = ledger is not None and finding.outcome is not Outcome.PASSED
    since = known_since(ledger, key, finding) if counts and ledger is not None else ""
    known = f" <small>[{escape(since)}]</small>" if since else ""
    named = f"<br><small><code>{escape(finding.code or 'no code')}</code> {escape(finding.subject)}</small>"
    return f"<li>{escape(finding.sentence)}{known}{shown.proof(finding)}{named}</li>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


MOST_PICTURES = 60
"""Pictures and videos that the report shows; the rest is linked."""

MOST_LINKS = 500

_OF_RECORDINGS = ("/recording/", "/confirmation/")


class ShownFiles:
    """The files of one attempt, or of production, as the report may link them."""

    def __init__(self, place: str, known: Iterable[str] | None = None) -> None:
        """``place`` is the folder from the report on; ``known`` are the files in it, where that is sealed."""
        self._place = place
        self._known = None if known is None else frozenset(known)

    def proof(self, finding: Finding) -> str:
        """The link to a finding's proof, with the picture where it is one; empty where there is none."""
        name = finding.evidence
        address = self._address(name)
        if address is None:
            return f" <small>{escape(name)}</small>" if name else ""
        return f" <small><a href='{address}'>{escape(name)}</a></small>{_picture(name, address)}"

    def _address(self, name: str) -> str | None:
        if not name or (self._known is not None and name not in self._known):
            return None
        return address_in(f"{self._place}/{name}")

    def listed(self) -> str:
        """What checks and suites have kept, apart from the recorded pages, as a list by site and check."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self._known or ())[: MOST_LINKS * 20]:
            parts = name.split("/")
            kept = len(parts) > 3 and parts[0] == "sites" and not any(each in name for each in _OF_RECORDINGS)
            if kept and self._address(name) is not None:
                groups.setdefault("/".join(parts[1:3]), []).append(name)
        return "".join(self._groups(groups))

    def _groups(self, groups: Mapping[str, list[str]]) -> Iterator[str]:
        pictures, links = MOST_PICTURES, MOST_LINKS
        for group, names in groups.items():
            items = []
            for name in names[:links]:
                address = self._address(name) or ""
                shown = suffix_of(name) in IMAGES | VIDEOS and pictures > 0
                pictures -= shown
                label = escape(name.split("/", 3)[-1])
                items.append(
                    f"<li><a href='{address}'>{label}</a>{_note(name)}{_picture(name, address) if shown else ''}</li>"
                )
            left = f"<li>{len(names) - links} more</li>" if len(names) > links else ""
            links = max(0, links - len(names))
            yield f"<details><summary>{escape(group)}: {len(names)} files</summary><ul>{''.join(items)}{left}</ul></details>"


def _note(name: str) -> str:
    return " <small>(without its scripts; save it to see all)</small>" if suffix_of(name) in PAGES else ""


def _picture(name: str, address: str) -> str:
    suffix = suffix_of(name)
    if suffix in IMAGES:
        return f"<br><a href='{address}'><img src='{address}' loading='lazy' alt=''></a>"
    if suffix in VIDEOS:
        return f"<br><video src='{address}' controls preload='none'></video>"
    return ""


def stage_files(attempt: int, files: Iterable[str]) -> ShownFiles:
    """The files of a sealed attempt."""
    return ShownFiles(f"attempt-{attempt}", files)


def production_files(results: Iterable[CheckResult]) -> ShownFiles:
    """What findings of the production tests point to; no seal says what else there is."""
    return ShownFiles("production", {f.evidence for result in results for f in result.findings if f.evidence})
