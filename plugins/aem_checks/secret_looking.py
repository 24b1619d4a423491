"""Does a text look as if it held a secret? Then nobody keeps it; a false alarm costs only that it is not kept."""

from __future__ import annotations

import re

_LONGEST = 512
_NAMES = r"pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[_.-]?key|access[_.-]?key|private[_.-]?key|auth(?:orization)?"
_ASSIGNED = re.compile(
    rf"(?:{_NAMES})[\w.-]{{0,40}}[\"']?\s{{0,20}}(?:[:=]|=>|>)\s{{0,20}}(?:[A-Z]\s?)?[\"'\[(]{{0,3}}\s{{0,20}}"
    rf"(?!(?:true|false|null|none|yes|no|\d{{1,6}})\b)([^\s\"'<>,;)\]}}]{{4,{_LONGEST}}})",
    re.IGNORECASE,
)
"""A name that says it, with a value."""
_PLACEHOLDER = re.compile(r"\\?\$\\?[\[{(]|\{\{|%\{|<%|\*{3}")
"""How a value begins that stands for one which is set elsewhere."""
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"
    r"|\{[0-9a-f]{32,}\}"  # what AEM's crypto support protects
    r"|://[^/\s:@\"'<>]{1,100}:[^/\s@\"'<>]{1,100}@"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk_live_|AIza)[\w-]{16,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}"
    r"|\b(?:Basic|Bearer)\s+[\w+/=.~-]{12,}"
)
_WORD = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
"""As long as a key is."""


def looks_secret(text: str) -> bool:
    """Whether there may be a password, key or token in it."""
    if _SHAPES.search(text):
        return True
    if any(not _PLACEHOLDER.match(found[1]) for found in _ASSIGNED.finditer(text)):
        return True
    return any(_is_mixed(found.group()) for found in _WORD.finditer(text))


def _is_mixed(word: str) -> bool:
    """Capital and small letters and digits in turn, as no path or name of a class has them."""
    digits = sum(each.isdigit() for each in word)
    return digits >= 3 and any(map(str.isupper, word)) and any(map(str.islower, word)) and "/" not in word
