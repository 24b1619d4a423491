"""Which picture of a suite shows which case, and what does its name tell of the case's tries?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from aem_checks.junit import Case, Report

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".webm", ".mp4"})
"""Endings of screenshots and videos."""
_WORDS = re.compile(r"[a-z0-9]+")
_FEWEST_WORDS = 2
"""Words that a picture's name shares with a case's before it is taken for the case's picture."""
_OF_A_FAILED_TRY = re.compile(r"(.*) \(failed\)(?: \(attempt [0-9]{1,3}\))?", re.DOTALL)
"""How Cypress names the picture that it takes when a try fails: the titles, joined by `` -- ``."""


def is_picture(name: str) -> bool:
    """Whether a file is a screenshot or video, by its name."""
    return PurePosixPath(name).suffix.lower() in _PICTURES


def picture_of(case: str, pictures: Sequence[str]) -> str:
    """The picture whose name shares most words with the case's, as Cypress and Playwright name them."""
    wanted = set(_WORDS.findall(case.lower()))
    shared = {picture: len(wanted & set(_words(_named(picture)))) for picture in pictures}
    best = max(shared, key=lambda picture: shared[picture], default="")
    return best if shared.get(best, 0) >= min(_FEWEST_WORDS, len(wanted)) else ""


def with_pictured_tries(report: Report, pictures: Sequence[str]) -> Report:
    """The same report, where a case that passed is flaky if there is Cypress' picture of a try of it that failed.

    Cypress' reporter lists the last try only.
    """
    from aem_checks.junit import CaseState

    shown = [_words(title) for title in _failed_titles(pictures)]
    unexplained = [
        title for title in shown if title and not any(_is_titled(case, title) for case in report.failed)
    ]
    if not unexplained:
        return report
    cases = (
        replace(case, flaky=True)
        if case.state is CaseState.PASSED and any(_is_titled(case, title) for title in unexplained)
        else case
        for case in report.cases
    )
    return replace(report, cases=tuple(cases))


def _failed_titles(pictures: Sequence[str]) -> Iterator[str]:
    for picture in pictures:
        if match := _OF_A_FAILED_TRY.fullmatch(PurePosixPath(_named(picture)).stem):
            yield match.group(1)


def _is_titled(case: Case, title: list[str]) -> bool:
    """Whether the title is the case's, which may have its class in front."""
    return _words(case.name)[-len(title) :] == title


def _named(picture: str) -> str:
    """How the suite named a picture of the evidence."""
    return unquote(picture.partition("/reports/")[2])


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())
