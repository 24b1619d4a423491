"""K5: does the release change what going back to the last one would not change back?

Mutable content packages are installed after the code and never rolled back: what lies below a filter in mode
``replace`` is deleted and written anew on production (help/implementing/deploying/overview of Adobe's
documentation). Read from the release's commit: the vault filters of packages that ``all`` embeds, index definitions,
fields of Content Fragment Models, and names of variables; each run keeps what it read, and the next release is
compared with the last verified one. In a gate, Cloud Manager's content copies too (help/implementing/developing/tools/
content-copy): one that went onto production since the last verified release overwrote what no rollback brings back.

It would have caught Adobe KA-30388, where a mutable package failed after the code was live, and KA-23531, where a
package replaced workflows that were running.

It does not see packages that come as a binary dependency, what a content copy overwrote, nor one from another program that
Cloud Manager lists there alone. A site whose content is delivered by its releases, or by content copies, on purpose is a
false alarm: list its root under ``allow:``, its content set under ``allow_copies:``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from aem_checks.asks import Fact, ask
from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, of_source
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS, ROOTS
from aem_checks.kinds.parity._content_copies import FACT, copies_onto, ended, judge_copies
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.parity._source_state import Root, SourceState
    from aem_checks.visit import Visit

KEPT = "irreversible_content/state.json"
_SITE = re.compile(
    r"/content/(?!dam(?:/|$)|experience-fragments(?:/|$)|cq:|_cq_|launches(?:/|$))[^/]+(?:/.*)?"
)
_MUTABLE = ("/content", "/conf", "/var", "/etc", "/home", "/libs/settings", "/apps/settings")


class IrreversibleContentSettings(CheckoutSettings):
    """What the team's releases may replace."""

    allow: Annotated[tuple[str, ...], ROOTS] = ()
    """Roots of filters that are meant, such as ``/content/wknd/library*``; ``*`` and ``?`` stand for any characters."""
    allow_copies: Annotated[tuple[str, ...], PATTERNS] = ()
    """Names of content sets whose copies onto production are meant; ``*`` and ``?`` stand for any characters."""


class IrreversibleContent(Check[IrreversibleContentSettings]):
    """Names what a return to the last release would leave behind."""

    kind = "irreversible_content"
    number = "K5"
    title = "Content, indexes and models that no rollback restores"
    severity = Severity.WARN
    default_on = False
    needs = "a git checkout of the release"
    codes = faults(
        replaces="a content package replaces what authors made on production",
        index="the definition of an index changed under its old name",
        model="a Content Fragment Model loses fields",
        copied="a content copy went onto production since the last verified release",
        copying="a content copy goes on, or nobody knows that it is over",
        stage_content="a note: the content copy that stage's content came from",
        copies_unread="Cloud Manager does not tell of content copies",
        variables="a note: variables that the last release needs are no longer used",
        unreadable="a file of the release can't be read, so what it replaces is not known",
    )
    settings_type = IrreversibleContentSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        return of_source(self.kind, self.settings, self._examine(visit))

    def _examine(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.kinds.parity._source_state import loads, read_state

        now, examined = yield from read_state()
        kept = visit.baseline.read(KEPT) if visit.baseline is not None else None
        before = loads(kept) if kept is not None else None
        copies = yield from ask(Fact(FACT))
        now.copies = ended(copies_onto(copies, "production"))
        visit.keep(KEPT, now.dumps())
        findings = [*self._filters(now.roots, before), *_unreadable(now)]
        findings += judge_copies(copies, before.copies if before else None, self.settings.allow_copies)
        if before is None:
            findings.append(_nothing_to_compare())
        else:
            findings += [*_indexes(now, before), *_models(now, before), *_variables(now, before)]
        return Judgement(examined=examined, findings=shortened(findings, severity=self.weight))

    def _filters(self, roots: list[Root], before: SourceState | None) -> Iterator[Finding]:
        known = {(root.package, root.path, root.mode) for root in before.roots} if before else set()
        for root in roots:
            allowed = any(fnmatchcase(root.path, pattern) for pattern in self.settings.allow)
            if root.mode == "replace" and not allowed and root.path.startswith(_MUTABLE):
                yield _replaces(root, (root.package, root.path, root.mode) in known)


def _replaces(root: Root, known: bool) -> Finding:
    site = bool(_SITE.fullmatch(root.path)) and not root.narrowed
    what = "of a site" if site else "of the repository"
    since = " It was so at the last verified release." if known else ""
    part = "what its includes and excludes leave of " if root.narrowed else "all "
    return Finding(
        code="replaces",
        subject=f"{root.package} {root.path}",
        sentence=f"The package {quoted(root.package)} replaces {part}{quoted(root.path, 200)} {what}: what authors made "
        f'there on production is deleted, and no rollback brings it back.{since} To do: set mode="merge" in its '
        "filter.xml, take the root out, or list it under 'allow:'.",
        expected="mode merge or update, or no such root",
        actual=f"mode {root.mode}",
        severity=Severity.BLOCK if site else Severity.WARN,
    )


def _indexes(now: SourceState, before: SourceState) -> Iterator[Finding]:
    """A definition that changed under its name is built on the running repository; a new name is built aside."""
    for name, digest in sorted(before.indexes.items()):
        changed = now.indexes.get(name)
        if changed is not None and changed != digest:
            yield Finding(
                code="index",
                subject=f"index {name}",
                sentence=f"The definition of the index {quoted(name)} changed and its name did not: AEM takes only new "
                f"names, and going back would not undo it. To do: call it {quoted(_next_name(name))}.",
                expected=f"a new name such as {_next_name(name)}",
                actual=f"another definition of {name}",
            )


def _next_name(name: str) -> str:
    """``damAssetLucene-8-custom-2`` after ``damAssetLucene-8-custom-1``."""
    place = re.fullmatch(r"(.*-custom-)(\d+)", name)
    return f"{place[1]}{int(place[2]) + 1}" if place else f"{name}-custom-1"


def _models(now: SourceState, before: SourceState) -> Iterator[Finding]:
    for model, fields in sorted(before.models.items()):
        lost = sorted(set(fields) - set(now.models.get(model, ())))
        if lost:
            what = "The Content Fragment Model" if model in now.models else "The whole Content Fragment Model"
            yield Finding(
                code="model",
                subject=f"model {model}",
                sentence=f"{what} {quoted(model)} loses {', '.join(quoted(name) for name in lost[:5])}: queries and "
                "components that read it fail, and the values are lost with the next edit. To do: keep the fields "
                "until nothing reads them.",
                expected=f"the fields {', '.join(fields)[:200]}",
                actual=f"without {', '.join(lost)[:200]}",
            )


def _variables(now: SourceState, before: SourceState) -> Iterator[Finding]:
    gone = sorted(set(before.variables) - set(now.variables))
    if gone:
        yield Finding(
            code="variables",
            subject="variables no longer used",
            sentence=f"The release no longer uses {count(len(gone), 'variable')}: "
            f"{', '.join(quoted(name) for name in gone[:5])}. The last release needs them: going back finds their "
            "placeholders if they are deleted. To do: keep them in Cloud Manager until this release is proven.",
            outcome=Outcome.PASSED,
        )


def _unreadable(now: SourceState) -> Iterator[Finding]:
    for path in now.unreadable[:10]:
        yield Finding(
            code="unreadable",
            subject=path,
            sentence=f"{quoted(path, 200)} is no XML that can be read, so what it replaces is not known. To do: correct it.",
            expected="well-formed XML without a document type",
            actual="not readable",
        )


def _nothing_to_compare() -> Finding:
    return Finding(
        code="nothing_to_compare",
        subject="last verified release",
        sentence="Indexes, models and variables have nothing to be compared with yet: no verified release kept them. "
        "The filters were judged by themselves.",
        outcome=Outcome.PASSED,
    )
