"""Does an answer carry a security header that has an effect, and which one did it lose?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aem_checks.response import Response

Name = Literal["frame-ancestors", "X-Content-Type-Options", "Strict-Transport-Security", "Referrer-Policy"]
SEEN = (
    "X-Frame-Options",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Strict-Transport-Security",
    "Referrer-Policy",
)
_MAX_AGE = re.compile(r"max-age\s{0,9}=\s{0,9}\"?(\d{1,12})", re.IGNORECASE)
_UNSAFE_POLICIES = frozenset({"unsafe-url", ""})
EXPECTED: Mapping[Name, str] = {
    "frame-ancestors": "X-Frame-Options, or frame-ancestors in Content-Security-Policy",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "a max-age above 0",
    "Referrer-Policy": "a policy that is not unsafe-url",
}


def _value(answer: Response, name: str) -> str:
    return ", ".join(answer.headers.getall(name, [])).strip()


def ancestors(answer: Response) -> str:
    """The sources that may frame it, as its Content-Security-Policy says; empty where it says nothing."""
    for policy in answer.headers.getall("Content-Security-Policy", []):
        for directive in policy[:10_000].split(";"):
            name, _, sources = directive.strip().partition(" ")
            if name.lower() == "frame-ancestors":
                return sources.strip() or "'none'"
    return ""


def _framing(answer: Response) -> str:
    option, sources = _value(answer, "X-Frame-Options"), ancestors(answer)
    if sources:
        return "frame-ancestors allows everybody" if "*" in sources.split() else ""
    if not option:
        return "no header says who may frame it"
    return "" if option.upper() in ("DENY", "SAMEORIGIN") else "X-Frame-Options has a value of no effect"


def _sniffing(answer: Response) -> str:
    value = _value(answer, "X-Content-Type-Options").lower()
    return "" if value == "nosniff" else "missing" if not value else "a value of no effect"


def _transport(answer: Response) -> str:
    """Browsers ignore it over http, so it is not asked for there."""
    if not answer.url.startswith("https:"):
        return ""
    value = _value(answer, "Strict-Transport-Security")
    found = _MAX_AGE.search(value)
    if found is None:
        return "missing" if not value else "a value of no effect"
    return "" if int(found.group(1)) > 0 else "max-age is 0, which switches it off"


def _referrer(answer: Response) -> str:
    value = _value(answer, "Referrer-Policy").lower()
    last = value.rpartition(",")[2].strip()
    return (
        "missing"
        if not value
        else "unsafe-url gives away whole addresses"
        if last in _UNSAFE_POLICIES
        else ""
    )


NAMES: Mapping[Name, Callable[[Response], str]] = {
    "frame-ancestors": _framing,
    "X-Content-Type-Options": _sniffing,
    "Strict-Transport-Security": _transport,
    "Referrer-Policy": _referrer,
}
"""What is wrong with a header of an answer, as words; empty where it is good."""


def lost(stage: Response, production: Response, *, over_https: bool) -> Iterator[str]:
    """The headers that production's answer has and stage's lacks, frame-ancestors among them."""
    for name in SEEN:
        if name == "Strict-Transport-Security" and not over_https:
            continue
        if name == "Content-Security-Policy":
            if _value(production, name) and not _value(stage, name):
                yield name
            elif ancestors(production) and not ancestors(stage):
                yield "frame-ancestors"
        elif _value(production, name) and not _value(stage, name):
            yield name
