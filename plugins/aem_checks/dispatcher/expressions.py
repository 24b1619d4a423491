"""What does a POSIX extended regular expression say, as a filter of the dispatcher holds it between single quotation marks?"""

from __future__ import annotations

import string
from functools import lru_cache

from aem_checks.dispatcher.nodes import (
    ANY_CHAR,
    Edge,
    Either,
    Literal,
    Node,
    One,
    PatternError,
    Times,
    check_length,
    joined,
)

_DEEPEST = 40
_MOST_REPEATED = 255
"""RE_DUP_MAX of POSIX."""
_MOST_SIGNS = 4
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@lru_cache(maxsize=4096)
def regular_expression(pattern: str) -> Node:
    """A POSIX extended regular expression, with ``\\d``, ``\\w`` and ``\\s`` besides. Raises ``PatternError``."""
    check_length(pattern)
    reader = _Expression(pattern)
    node = reader.either(0)
    if not reader.is_at_end:
        raise PatternError("has a ')' that closes nothing")
    return node


_CLASSES = {
    "alpha": ("az", "AZ"),
    "digit": ("09",),
    "alnum": ("az", "AZ", "09"),
    "upper": ("AZ",),
    "lower": ("az",),
    "space": (" " * 2, "\t\r"),
    "blank": (" " * 2, "\t\t"),
    "xdigit": ("09", "af", "AF"),
    "punct": tuple(char * 2 for char in string.punctuation),
}
_SHORT = {"d": _CLASSES["digit"], "w": (*_CLASSES["alnum"], "__"), "s": _CLASSES["space"]}
_BLANKS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


class _Expression:
    """Reads a regular expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._pattern)

    def either(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise PatternError(f"has more than {_DEEPEST} groups inside of each other")
        options = [self._each(depth)]
        while self._take("|"):
            options.append(self._each(depth))
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _each(self, depth: int) -> Node:
        parts: list[Node] = []
        while not self.is_at_end and self._pattern[self._at] not in "|)":
            parts.append(self._times(self._atom(depth)))
        return joined(parts)

    def _take(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _next(self) -> str:
        char = self._pattern[self._at : self._at + 1]
        self._at += 1
        return char

    def _times(self, part: Node) -> Node:
        for _ in range(_MOST_SIGNS):
            if (bounds := self._bounds()) is None:
                return part
            part = Times(part, *bounds)
        raise PatternError("repeats a repetition again and again")

    def _bounds(self) -> tuple[int, int | None] | None:
        """How often the last part may come; braces with anything but numbers are characters."""
        for sign, bounds in _SIGNS.items():
            if self._take(sign):
                return bounds
        end = self._pattern.find("}", self._at)
        if not self._pattern.startswith("{", self._at) or end < 0:
            return None
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if (
            not least.isdecimal()
            or not least.isascii()
            or (most and not (most.isdecimal() and most.isascii()))
        ):
            return None
        highest = int(most or least) if most or not comma else None
        if max(int(least), highest or 0) > _MOST_REPEATED:
            raise PatternError(f"repeats something more than {_MOST_REPEATED} times")
        self._at = end + 1
        return int(least), highest

    def _atom(self, depth: int) -> Node:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._bracket()
        if char == "\\":
            return self._escaped()
        if char in "*+?":
            raise PatternError(f"repeats nothing with {char!r}")
        if char in "^$":
            return Edge(char == "$")
        return One((ANY_CHAR,)) if char == "." else Literal(char)

    def _group(self, depth: int) -> Node:
        if self._take("?") and not self._take(":"):
            raise PatternError("begins a group with '(?', which POSIX does not know")
        node = self.either(depth + 1)
        if not self._take(")"):
            raise PatternError("has a '(' that is never closed")
        return node

    def _escaped(self) -> Node:
        char = self._next()
        if char.lower() in _SHORT:
            return One(_SHORT[char.lower()], negated=char.isupper())
        if char in _BLANKS:
            return Literal(_BLANKS[char])
        if not char or char.isalnum():
            raise PatternError(f"has \\{char}, which POSIX does not know")
        return Literal(char)

    def _bracket(self) -> Node:
        negated = self._take("^")
        ranges: list[str] = []
        while not (ranges and self._take("]")):
            if self.is_at_end:
                raise PatternError("has a '[' that is never closed")
            ranges += self._member()
        return One(tuple(ranges), negated)

    def _member(self) -> tuple[str, ...]:
        if self._take("[:"):
            name, colon, _ = self._pattern[self._at :].partition(":]")
            if not colon or name not in _CLASSES:
                raise PatternError("names a class of characters that POSIX does not know")
            self._at += len(name) + 2
            return _CLASSES[name]
        char = self._next()
        if char == "\\" and not self.is_at_end and self._pattern[self._at] != "]":
            char = self._next()
            if char in _SHORT:
                return _SHORT[char]
            char = _BLANKS.get(char, char)
        last = self._pattern[self._at + 1 : self._at + 2]
        if self._pattern.startswith("-", self._at) and last not in ("", "]"):
            self._at += 2
            return (char + (self._next() if last == "\\" and not self.is_at_end else last),)
        return (char * 2,)
