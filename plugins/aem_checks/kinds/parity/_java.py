"""Do stage and production run on the same version of Java, as far as the site shows it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.asks import Get, ask_all
from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.sites import Marker

_VERSION = re.compile(r"(?:1\.)?(\d{1,3})(?:[.+_-].{0,100})?", re.DOTALL)
"""Version strings of Java, JEP 322; before Java 9 they began with ``1.``."""


def compare_java(shown: Marker, stage: str, production: str) -> Steps[list[Finding]]:
    """What differs, or could not be read; ``stage`` and ``production`` are the addresses of both."""
    asked = (Get(url + shown.path, tries=3, past_caches=True) for url in (stage, production))
    answers: list[Response] = yield from ask_all(asked)
    named = [(name, answer) for name, answer in zip(("stage", "production"), answers, strict=True)]
    versions = [_version(shown, answer) for answer in answers]
    unread = [_unread(shown, *each) for each, told in zip(named, versions, strict=True) if told is None]
    return unread or list(_differing(*map(str, versions)))


def _version(shown: Marker, answer: Response) -> str | None:
    if answer.status != 200 or answer.error is not None:
        return None
    told = (shown.find(answer) or "").strip()
    return told if _VERSION.fullmatch(told) else None


def _differing(stage: str, production: str) -> Iterator[Finding]:
    here, there = (_feature(version) for version in (stage, production))
    if here != there:
        yield Finding(
            code="java",
            subject="Java",
            sentence=f"Stage runs on Java {quoted(stage)} and production on {quoted(production)}: the release was not tested on "
            "the Java that it will run on. To do: choose the same for both environments in Cloud Manager, then test again.",
            expected=f"Java {there}",
            actual=f"Java {here}",
            severity=Severity.WARN,
        )


def _feature(version: str) -> str:
    """``25`` of ``25.0.1+9-LTS``, ``8`` of ``1.8.0_401``: updates of one feature release are not told apart."""
    found = _VERSION.fullmatch(version)
    assert found is not None, "it was read"
    return found[1]


def _unread(shown: Marker, name: str, answer: Response) -> Finding:
    subject = f"Java of {name}"
    if (missing := unreached(answer, f"{shown.path} of {name}")) is not None:
        return missing
    return Finding(
        code="java_unread",
        subject=subject,
        sentence=f"{shown.path} of {name} shows no version of Java where 'java:' looks for it ({describe(answer)}), so it was "
        "not compared. To do: let the page show it, or correct 'java:'.",
        expected="a version such as 25.0.1",
        actual=describe(answer),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
    )
