"""How is text from a site, a report or an exception made harmless before it is logged or shown?"""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 600
"""Characters of one text in a finding; the whole is in the evidence."""
_GROUP_MARKER = re.compile(r"::(?=(?:end)?group::)", re.IGNORECASE)
_HARMLESS_CONTROLS = {"\t": " ", "\n": " ", "\r": " "}


def plain(text: str, max_length: int = MAX_LENGTH) -> str:
    """One line of visible characters, at most ``max_length`` of them.

    Line breaks become blanks; control, bidirectional and other invisible characters become ``\\xNN``; the
    markers with which Airflow folds its logs are broken up. It is not escaped for HTML or Markdown.
    """
    cut = text if len(text) <= max_length else text[: max_length - 1] + "…"
    visible = "".join(_visible(char) for char in cut)
    return _GROUP_MARKER.sub(": :", visible).strip()


def _visible(char: str) -> str:
    if char in _HARMLESS_CONTROLS:
        return " "
    category = unicodedata.category(char)
    if category in {"Zl", "Zp"}:
        return " "
    if category in {"Cc", "Cf", "Cs", "Co", "Cn"}:
        return f"\\x{ord(char):02x}"
    return char


def quoted(text: str, max_length: int = 120) -> str:
    """A short quotation of hostile text inside a sentence: harmless and between quotation marks."""
    return f"'{plain(text, max_length)}'"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 page``, ``2 pages``, ``3 client libraries``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
