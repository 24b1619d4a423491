"""What does a report of Lighthouse say of a page? Read strictly: the page could have had a hand in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from aem_checks.browser.open_page import PageLost
from aem_checks.text import plain

_AUDITS = {
    "lcp": "largest-contentful-paint",
    "cls": "cumulative-layout-shift",
    "tbt": "total-blocking-time",
}
_LONGEST = 200


class Figures(NamedTuple):
    """What one run measured, and which Lighthouse it was."""

    values: Mapping[str, float]
    """``lcp`` and ``tbt`` in milliseconds, ``cls`` without unit."""
    version: str


def read_report(content: bytes) -> Figures:
    """The figures of a report. Raises ``PageLost`` for one that has none, with what it says itself."""
    try:
        report = json.loads(content)
        if trouble := report.get("runtimeError"):
            raise PageLost(f"Lighthouse says: {plain(_words(trouble), _LONGEST)}")
        values = {name: _value(report["audits"][audit]) for name, audit in _AUDITS.items()}
        return Figures(values, plain(str(report["lighthouseVersion"]), 20))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PageLost("the report of Lighthouse can't be read") from None


def _value(audit: Any) -> float:
    value = audit["numericValue"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(value)
    return float(value)


def _words(trouble: Any) -> str:
    return f"{trouble['code']}: {trouble.get('message', '')}"
