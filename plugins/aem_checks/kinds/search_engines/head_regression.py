"""E4: does each page keep its title, description, heading, canonical link and Open Graph data?

Compares with the recording of the last verified release: what was there and is empty or gone now blocks, what
reads differently is a warning. It would have caught a page component whose new version no longer fills the
title. No public report of an AEM site names such a case; any change of the page component can make one. Without
a baseline it judges what can be judged alone: a missing title and empty elements. Known false alarms: an editor
may change texts on stage between two releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import half_of
from aem_checks.kinds.search_engines._head import comparable, read_head
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.reading import ReadPage
    from aem_checks.recording import Page, Recording
    from aem_checks.visit import Visit

Field = Literal[
    "title", "description", "h1", "canonical", "og:title", "og:description", "og:image", "og:url", "og:type"
]
Head = Mapping[str, str | None]
_NEEDED = ("title", "h1", "description")
_MANY = 5
"""Pages on which the same field may differ before one finding stands for all of them."""


class HeadRegressionSettings(CheckSettings):
    ignore: Annotated[tuple[Field, ...], half_of(lambda: get_args(Field))] = ()
    """What may change or be missing, such as ``description`` where editors write it late; nothing by default."""


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    field: str
    evidence: str
    before: str | None
    now: str | None


class HeadRegression(Check[HeadRegressionSettings]):
    """Compares the heads of the recorded pages with those of the last verified release."""

    kind = "head_regression"
    number = "E4"
    title = "Titles and descriptions stay"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        missing="a page has no title, or at first no heading or description",
        empty="an element of a page's head has no content",
        lost="a page lost what its head said at the last verified release",
        changed="a page's head says something else than at the last verified release",
    )
    reads_recording = True
    settings_type = HeadRegressionSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording = visit.recorded
        not_judged, findings, changes = list[Finding](), list[Finding](), dict[str, list[_Change]]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            not_judged += unjudged(page, recording)
            if page.is_good:
                head = read_head(page.final)
                findings += self._alone(page, head, recording)
                for change in self._compare(page, head, recording):
                    changes.setdefault(change.field, []).append(change)
        findings += [found for group in changes.values() for found in _told(group)]
        findings += _notes(recording, visit.baseline.recording if visit.baseline else None)
        return Judgement(
            examined=len(recording.good_pages),
            findings=shortened((*not_judged, *findings), severity=self.weight),
        )

    def _alone(self, page: ReadPage, head: Head, recording: Recording) -> Iterator[Finding]:
        """What is wrong whatever was before: no title, an element without content, and at first also no heading."""
        known = page.before is not None
        for name, value in head.items():
            if name in self.settings.ignore or value:
                continue
            if value == "":
                yield _lacking("empty", page, name, "is empty", recording, Severity.BLOCK)
            elif name == "title":
                yield _lacking("missing", page, name, "is missing", recording, Severity.BLOCK)
            elif name in _NEEDED and not known:
                yield _lacking("missing", page, name, "is missing", recording, Severity.WARN)

    def _compare(self, page: ReadPage, now: Head, recording: Recording) -> Iterator[_Change]:
        old, hosts = page.before, recording.hosts | recording.other_hosts
        then = read_head(old.final) if old is not None else {}
        for name in then:
            was = comparable(name, then[name], old.url, hosts) if old is not None else None
            is_now = comparable(name, now[name], page.url, hosts)
            already_told = not now[name] and (name == "title" or now[name] == "")
            if was and was != is_now and name not in self.settings.ignore and not already_told:
                yield _Change(page.path, name, recording.evidence(page.final), was, is_now)


def _lacking(code: str, page: Page, name: str, how: str, recording: Recording, severity: Severity) -> Finding:
    return Finding(
        code=code,
        subject=f"{name} of {page.path}",
        sentence=f"{page.path}: its {name} {how}; expected some text. To do: see the page's properties and the "
        "template's head.",
        expected=f"a {name}",
        actual=how,
        severity=severity,
        evidence=recording.evidence(page.final),
    )


def _told(group: Sequence[_Change]) -> Iterator[Finding]:
    """Each loss by itself; changes by themselves while they are few, else one finding for all."""
    lost = [change for change in group if change.now is None]
    changed = [change for change in group if change.now is not None]
    for change in lost:
        yield _differs("lost", change, Severity.BLOCK)
    if len(changed) <= _MANY:
        for change in changed:
            yield _differs("changed", change, Severity.WARN)
    else:
        yield _differs("changed", changed[0], Severity.WARN, pages=len(changed))


def _differs(code: str, change: _Change, severity: Severity, *, pages: int = 1) -> Finding:
    release = "at the last verified release"
    where = change.path if pages == 1 else f"{count(pages, 'page')}, the first is {change.path}"
    now = "gone" if change.now is None else quoted(change.now)
    return Finding(
        code=code,
        subject=f"{change.field} of {change.path}" if pages == 1 else f"{change.field} of many pages",
        sentence=f"{where}: {change.field} was {quoted(change.before or '')} {release} and is {now}. To do: see "
        "whether an editor changed it or the release did.",
        expected=change.before or "",
        actual=change.now or "nothing",
        severity=severity,
        evidence=change.evidence,
    )


def _notes(recording: Recording, before: Recording | None) -> Iterator[Finding]:
    if not recording.good_pages:
        return
    if before is None:
        yield _note(recording, "There is no verified release to compare heads with yet.")
    elif not before.good_pages:
        yield _note(
            recording, "The last verified release recorded none of these pages, so nothing was compared."
        )


def _note(recording: Recording, sentence: str) -> Finding:
    return Finding(
        code="nothing_to_compare", subject=recording.base_url, sentence=sentence, outcome=Outcome.PASSED
    )
