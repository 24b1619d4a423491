"""K7: does the release change a component or a template that no page which was looked at shows?

The release's commit is compared with that of the last verified release, and each changed file is told as what it is in
an AEM project (docs/changes.md). A recorded page shows what its markup names: components by class names ``cmp-…``, data
layer and grid, templates by ``<meta name="template">``. What is changed and on no recorded page was proven by nothing. It
would have caught a release whose only change is a component of a few campaign pages, approved on pages without it.

What the release changes is kept in the evidence, and told as a note. Where a change can't be narrowed down, every page
counts as changed, and nothing is found untested for it. It does not see components whose markup names them otherwise, or
that only a script or a log-in shows: name those under ``allow:``. Before the first verified release it has nothing to
compare with. A dialog alone is seen by authors only, and counts for no page.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from aem_checks.asks import Changed, Fact, Read, ask
from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, not_configured
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, plain, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.changes.values import Change, ChangeMap
    from aem_checks.visit import Visit

KEPT = "untested_change/changes.json"
_MOST_REASONS = 5
_NO_RELEASE = (
    "There is no verified release yet whose commit this check kept, so nobody can tell what changed."
)


class UntestedChangeSettings(CheckoutSettings):
    """What may change without a page that shows it."""

    allow: Annotated[tuple[str, ...], PATTERNS] = ()
    """Resource types and templates that no public page shows, such as ``wknd/components/account/*``."""


class UntestedChange(Check[UntestedChangeSettings]):
    """Names what the release changes and no recorded page shows."""

    kind = "untested_change"
    number = "K7"
    title = "Changed components and templates are on pages that were looked at"
    severity = Severity.WARN
    default_on = False
    needs = "a git checkout of the release"
    reads_recording = True
    codes = faults(
        untested="a component or template changed, and no recorded page shows it",
        changes="a note: what the release changes",
        unknown="nobody can tell what the release changes",
        unnamed="no recorded page names the components or the template that it is made of",
    )
    settings_type = UntestedChangeSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        if self.settings.checkout is None:
            return Judgement(examined=0, findings=(not_configured(self.kind),))
        from aem_checks.coverage.parts import parts_of

        found = yield from _changes(visit)
        parts, findings = set[str](), list[Finding]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, visit.recorded)
            if page.is_good:
                parts |= parts_of(page.final.document)
        pages = len(visit.recorded.good_pages)
        if found is None:
            findings.append(_nothing_to_compare())
        else:
            findings += [_told(found), *self._untested(found, frozenset(parts), pages)]
        return Judgement(examined=pages, findings=shortened(findings, severity=self.weight))

    def _untested(self, found: ChangeMap, parts: frozenset[str], pages: int) -> Iterator[Finding]:
        from aem_checks.coverage.parts import COMPONENT, TEMPLATE

        names = _names(found)
        for mark, changed in names.items():
            wanted = {name: change for name, change in changed.items() if not self._allowed(name)}
            if wanted and not any(part.startswith(mark) for part in parts):
                yield _unnamed(mark, len(wanted))
                continue
            for name, change in sorted(wanted.items()):
                shown = _marks_of(name, change) if mark == COMPONENT else {f"{TEMPLATE}{name.lower()}"}
                if not shown & parts:
                    yield _untested(mark.rstrip(":"), name, change, pages)

    def _allowed(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.settings.allow)


def _changes(visit: Visit) -> Steps[ChangeMap | None]:
    """What the release changes since the last verified one, which is kept; ``None`` where there is none yet."""
    from aem_checks.changes.telling import as_json, head_in
    from aem_checks.changes.values import ChangeMap

    head = yield from ask(Fact("commit_id"))
    kept = visit.baseline.read(KEPT) if visit.baseline is not None else None
    base = head_in(kept) if kept is not None else ""
    found = (yield from ask(Changed(base))) if base else None
    visit.keep(KEPT, as_json(found or ChangeMap("", str(head or ""), problem=_NO_RELEASE)))
    return found


def _names(found: ChangeMap) -> dict[str, dict[str, Change]]:
    """What has to be on a page, with one change of it: components by resource type, templates by name."""
    from aem_checks.changes.values import FOR_AUTHORS, GONE, Kind
    from aem_checks.coverage.parts import COMPONENT, TEMPLATE

    names: dict[str, dict[str, Change]] = {COMPONENT: {}, TEMPLATE: {}}
    for change in found.changes:
        if change.everything or change.note in (FOR_AUTHORS, GONE):
            continue
        if change.kind is Kind.TEMPLATE:
            names[TEMPLATE].setdefault(change.name, change)
        elif change.kind is Kind.COMPONENT:
            names[COMPONENT].setdefault(change.name, change)
        elif change.components:
            names[COMPONENT].setdefault(change.components[0], change)
    return names


def _marks_of(name: str, change: Change) -> set[str]:
    """What in a page shows this component, or one that extends it and so shows the change too."""
    from aem_checks.coverage.parts import COMPONENT, component_of

    return {f"{COMPONENT}{component_of(each)}" for each in (name, *change.components)}


def _told(found: ChangeMap) -> Finding:
    if found.problem:
        return Finding(
            code="unknown",
            subject="changes of the release",
            sentence=plain(found.problem),
            expected="the commits between the last verified release and this one",
            actual="not known",
            evidence=KEPT,
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
        )
    reasons = found.everything
    more = f" and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    why = f" Every page counts as changed: {'; '.join(reasons[:_MOST_REASONS])}{more}." if reasons else ""
    return Finding(
        code="changes",
        subject="changes of the release",
        sentence=plain(" ".join((f"{found.summary.rstrip('.')}.{why}", *found.notes))),
        evidence=KEPT,
        outcome=Outcome.PASSED,
    )


def _untested(what: str, name: str, change: Change, pages: int) -> Finding:
    return Finding(
        code="untested",
        subject=f"{what} {name}",
        sentence=f"The {what} {quoted(name)} changed and none of the {count(pages, 'recorded page')} shows it: "
        f"{quoted(change.path, 200)}. To do: name a page that shows it under 'pages:', let 'coverage:' choose one, ask a "
        "person with 'smoke_tests:', or list it under 'allow:'.",
        expected=f"a recorded page that shows {plain(name, 120)}",
        actual="none",
        evidence=KEPT,
    )


def _unnamed(mark: str, number: int) -> Finding:
    what = mark.rstrip(":")
    return Finding(
        code="unnamed",
        subject=f"{what}s of pages",
        sentence=f"{count(number, what)} changed, and no recorded page names any {what} in its markup, so nobody can tell "
        "whether a page shows the change. To do: look at them by hand, or list them under 'allow:'.",
        expected=f"pages whose markup names their {what}s",
        actual="none",
        evidence=KEPT,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _nothing_to_compare() -> Finding:
    return Finding(
        code="nothing_to_compare",
        subject="last verified release",
        sentence=_NO_RELEASE,
        outcome=Outcome.PASSED,
    )
