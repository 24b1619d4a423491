"""Which parts of a value differ between any two answers anyway, and are taken out before values are compared?

Each rule leaves its mark in the value, ``{hash}`` or ``{time}``, so that a finding shows where it was at work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

VERSION = 1
"""Changes when the same answer would give other values: a baseline of another version is not compared with."""
_LONGEST = 4000
"""Characters of one value that are compared."""
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is taken out. ``mark`` takes its place, ``says`` explains it in a finding."""

    name: str
    mark: str
    says: str
    pattern: re.Pattern[str]

    def apply(self, value: str) -> str:
        return self.pattern.sub(self.mark, value)


def _rule(name: str, mark: str, says: str, pattern: str) -> Rule:
    return Rule(name, mark, says, re.compile(pattern, re.IGNORECASE))


_EDGE = r"(?<![0-9A-Za-z])"
RULES = (
    _rule("cache_buster", "", "our own parameter against caches", r"[?&]stage-gate=[0-9a-f]+"),
    _rule("sessions", "{session}", "a session id", r"(?<=;jsessionid=)[^/?#;&]+"),
    _rule("uuids", "{uuid}", "a UUID", _EDGE + r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])"),
    _rule(
        "times",
        "{time}",
        "a date with a time, or a number of seconds or milliseconds since 1970",
        _EDGE + r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?|1[5-9]\d{8}(?:\d{3})?"
        r"|(?:mon|tue|wed|thu|fri|sat|sun), \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d gmt)(?![0-9A-Za-z])",
    ),
    _rule("library_hashes", ".lc-{hash}-lc", "the hash of a client library", r"\.lc-[0-9a-f]{8,64}-lc|\.ACSHASH[0-9a-f]+"),
    _rule(
        "hashes",
        "{hash}",
        "a hash in a file name or id",
        _EDGE + r"(?:(?=\d*[a-f])[0-9a-f]{8,128}|\d{16,128})(?![0-9a-z])",
    ),
    _rule(
        "tokens",
        "{token}",
        "a long random text such as a token or a nonce",
        _EDGE + r"(?=[A-Za-z0-9+_-]{0,40}\d)(?=[A-Za-z0-9+_-]{0,40}[A-Za-z])"
        r"(?:[A-Za-z0-9+_]{20,512}|[A-Za-z0-9+_]{16,256}(?:-[A-Za-z0-9+_]{2,64}){1,4})={0,2}(?![0-9A-Za-z])",
    ),
    _rule(
        "bundles",
        "{hash}",
        "a hash in a file name or id",
        r"(?<=[._-])(?=[a-z0-9_-]*(?:\d|(?-i:[a-z][A-Z]|[A-Z][a-z])))[a-z0-9_-]{8,40}(?=\.(?:[a-z]{2,10}\.){0,2}(?:m?js|css)\b)",
    ),
    _rule("minified", "", "the mark of a minified file", r"\.min(?=\.(?:css|js)\b)"),
)  # fmt: skip
_PERHAPS = re.compile(r"\d|\.min|\.m?js|\.css|jsessionid", re.IGNORECASE)
_CLASS_HASH = re.compile(
    r"(?:(?<=_)|(?<=--)|(?<=css-)|(?<=sc-)|(?<=jss))(?=[A-Za-z]*\d)[A-Za-z0-9]{5,10}(?:_\d+)?$"
)
_NODE_NUMBER = re.compile(r"(?:_copy)?(?:_copy_\d+|_\d{3,}(?:_\d+)*|_copy)+$")
MARKS = {
    "{host}": "one of the site's own hosts",
    **{rule.mark: rule.says for rule in RULES if rule.mark.startswith("{")},
    ".lc-{hash}-lc": "the hash of a client library",
    "{made}": "the part of a class name that a build makes up",
}
_MARK = re.compile(r"\{(?:host|session|uuid|time|hash|token|made)\}")


@dataclass(frozen=True)
class Normaliser:
    """Applies the rules. ``hosts`` are the site's own on both targets; ``same`` maps a host of stage to its
    counterpart on production. ``any_host`` takes the host out of every address."""

    hosts: frozenset[str] = frozenset()
    same: Mapping[str, str] = field(default_factory=dict)
    any_host: bool = False
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _classes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _address: re.Pattern[str] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = "|".join(re.escape(host) for host in sorted(self.hosts, key=len, reverse=True))
        known = re.compile(rf"(?:https?:)?//(?:{names})(?![A-Za-z0-9.:-])", re.IGNORECASE) if names else None
        every = re.compile(r"(?:https?:)?//[A-Za-z0-9.-]+(?::\d+)?", re.IGNORECASE)
        object.__setattr__(self, "_address", every if self.any_host else known)

    def __call__(self, value: str) -> str:
        """The value without what differs anyway, in one line."""
        found = self._known.get(value)
        if found is None:
            found = _remember(self._known, value, self._normalise(value))
        return found

    def class_name(self, name: str) -> str:
        """A CSS class without what a build makes up, such as ``Button_root__x7f3a``."""
        found = self._classes.get(name)
        if found is None:
            found = _remember(self._classes, name, _CLASS_HASH.sub("{made}", self._normalise(name)))
        return found

    def _normalise(self, value: str) -> str:
        value = " ".join(value[:_LONGEST].split())
        if "//" in value:
            value = self._without_hosts(value)
        if not _PERHAPS.search(value):
            return value
        for rule in RULES:
            value = rule.apply(value)
        return value

    def _without_hosts(self, value: str) -> str:
        for host, other in self.same.items():
            value = value.replace(f"//{host}", f"//{other}")
        return value if self._address is None else self._address.sub("{host}", value)


def _remember(memory: dict[str, str], value: str, found: str) -> str:
    if len(memory) > _REMEMBERED:
        memory.clear()
    memory[value] = found
    return found


def node_name(name: str) -> str:
    """A node's name without the number that an author's copy gave it: ``teaser_1234567`` is ``teaser``."""
    return _NODE_NUMBER.sub("", name) or name


def path_of(url: str) -> str:
    """An address without query and fragment."""
    return url.partition("?")[0].partition("#")[0]


def marks_in(values: Iterable[str]) -> list[str]:
    """What the marks in these values stand for, as parts of a sentence: ``{time} is a date with a time``."""
    found = sorted({mark for value in values for mark in _MARK.findall(value)})
    return [f"{mark} is {MARKS[mark]}" for mark in found]
