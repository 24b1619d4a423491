"""Which content copies replaced content that going back to the last release would not bring back?

Cloud Manager copies content sets from any environment onto any other (since 2026.7, also of another program; help/
implementing/developing/tools/content-copy of Adobe's documentation). It says of each copy where it came from and went,
and its content set's name, not what was overwritten, nor whether the target was wiped before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.text import count, quoted

FACT = "content_copies"
TARGETS = ("production", "stage")


@dataclass(frozen=True, slots=True)
class ContentCopy:
    """One copy onto an environment, as Cloud Manager tells of it."""

    id: str
    content_set: str
    source: str
    status: str
    is_over: bool
    """Whether the status says so; where nobody knows the word, it may go on."""
    begun: str = ""
    ended: str = ""
    """Times as text, empty where they are not told."""

    def __str__(self) -> str:
        named = quoted(self.content_set) if self.content_set else "a content set without a name"
        times = f"begun {self.begun}, " if self.begun else ""
        ended = f" {self.ended}" if self.ended else ""
        return (
            f"{quoted(self.id, 60)[1:-1]} ({named} from environment {quoted(self.source, 60)[1:-1]}, "
            f"{times}{quoted(self.status or 'no status', 60)[1:-1]}{ended})"
        )


def copies_onto(fact: object, target: str) -> list[ContentCopy] | None:
    """The copies onto an environment; ``None`` where Cloud Manager did not tell of them."""
    rows = fact.get(target) if isinstance(fact, Mapping) else None
    try:
        return None if rows is None else [ContentCopy(**row) for row in rows]
    except TypeError:
        return None


def ended(copies: Sequence[ContentCopy] | None) -> list[str] | None:
    """What the next release compares with: ids of those that are over; ``None`` where nobody knows."""
    return None if copies is None else sorted(each.id for each in copies if each.is_over)


def judge_copies(fact: object, before: Sequence[str] | None, meant: Sequence[str]) -> Iterator[Finding]:
    """``before``: ids of those onto production that were over at the last verified release, ``None`` where nobody knows.

    ``meant``: patterns for names of content sets. Nothing where nobody asked Cloud Manager, as on a laptop.
    """
    if fact is None:
        return
    production, stage = (copies_onto(fact, target) for target in TARGETS)
    unread = [target for target in TARGETS if copies_onto(fact, target) is None]
    if unread:
        yield _unread(unread)
    yield from _onto_production(production or [], before, meant)
    yield from _onto_stage(stage or [])


def _onto_production(
    copies: Sequence[ContentCopy], before: Sequence[str] | None, meant: Sequence[str]
) -> Iterator[Finding]:
    over = [each for each in copies if each.is_over]
    yield from (_copying(each) for each in copies if not each.is_over)
    if before is None:
        yield from _nothing_to_compare(over)
        return
    for each in over:
        if each.id not in before and not any(fnmatchcase(each.content_set, pattern) for pattern in meant):
            yield _copied(each)


def _copied(each: ContentCopy) -> Finding:
    return Finding(
        code="copied",
        subject=f"content copy {each.id} onto production",
        sentence=f"Content copy {each} went onto production since the last verified release: going back to that one does not "
        "bring back what it overwrote. To do: see that both releases can show that content, or list its content set under "
        "'allow_copies:'.",
        expected="no content copy onto production since the last verified release",
        actual=f"content copy {each}"[:300],
    )


def _copying(each: ContentCopy) -> Finding:
    return Finding(
        code="copying",
        subject=f"content copy {each.id} onto production",
        sentence=f"Content copy {each} goes onto production, or nobody knows that it is over: it overwrites what is there while "
        "this release arrives, and no rollback brings it back. To do: wait for its end, or cancel it in Cloud Manager.",
        expected="no content copy onto production that goes on",
        actual=f"content copy {each}"[:300],
    )


def _onto_stage(copies: Sequence[ContentCopy]) -> Iterator[Finding]:
    for each in (each for each in copies if not each.is_over):
        yield Finding(
            code="copying",
            subject=f"content copy {each.id} onto stage",
            sentence=f"Content copy {each} goes onto stage, or nobody knows that it is over: what is tested is not what stays. "
            "To do: wait for its end, then clear settle_stage with downstream.",
            expected="no content copy onto stage that goes on",
            actual=f"content copy {each}"[:300],
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CLOUD_MANAGER,
        )
    newest = max((each for each in copies if each.is_over), key=lambda each: each.ended, default=None)
    if newest is not None:
        yield Finding(
            code="stage_content",
            subject=f"content copy {newest.id} onto stage",
            sentence=f"The content of stage was last replaced by content copy {newest}: a page may differ from production by "
            "that and not by this release.",
            outcome=Outcome.PASSED,
        )


def _nothing_to_compare(over: Sequence[ContentCopy]) -> Iterator[Finding]:
    if over:
        yield Finding(
            code="nothing_to_compare",
            subject="content copies onto production",
            sentence=f"{count(len(over), 'content copy', 'content copies')} onto production {'is' if len(over) == 1 else 'are'} "
            "on record. Which came after the last verified release is known from the next release on.",
            outcome=Outcome.PASSED,
        )


def _unread(targets: Sequence[str]) -> Finding:
    where = " and ".join(targets)
    return Finding(
        code="copies_unread",
        subject="content copies",
        sentence=f"Cloud Manager did not tell which content copies went onto {where}, so what they overwrote is not known. "
        "To do: give the gate's credential the right 'Content Copy Manage'.",
        expected=f"the content copies onto {where}",
        actual="not told",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
    )
