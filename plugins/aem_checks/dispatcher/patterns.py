"""Does a pattern of the dispatcher match a text? Globs and POSIX regular expressions, told apart by their quotation marks.

Both have to match the whole text. Python's own ``re`` goes back again and again on patterns such as ``(a+)+b``; here each
part of a pattern is tried once at each place of the text, and a ``Matcher`` gives up after a number of steps.

https://experienceleague.adobe.com/en/docs/experience-manager-dispatcher/using/configuring/dispatcher-configuration#designing-patterns-for-glob-properties
"""

from __future__ import annotations

from functools import lru_cache

from aem_checks.dispatcher.expressions import regular_expression
from aem_checks.dispatcher.nodes import (
    ANY_CHAR,
    ANYTHING,
    LONGEST,
    Each,
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


class TooMuch(Exception):
    """Patterns and texts need more steps than a ``Matcher`` may take."""


class Matcher:
    """Matches patterns with texts, at most ``steps`` steps in all; a farm of a hundred rules needs some 20,000."""

    def __init__(self, steps: int = 1_500_000) -> None:
        self._left = steps

    def matches(self, pattern: str, text: str, *, is_regex: bool) -> bool:
        """Whether the pattern is the whole text. Raises ``PatternError`` and ``TooMuch``."""
        compiled = regular_expression(pattern) if is_regex else glob(pattern)
        return len(text) in self._ends(compiled, text, 0, {})

    def _ends(self, node: Node, text: str, at: int, known: dict[tuple[int, int], set[int]]) -> set[int]:
        """Where the node can end when it begins at this place."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        if isinstance(node, Literal):
            return {at + len(node.text)} if text.startswith(node.text, at) else set()
        if isinstance(node, One):
            return {at + 1} if at < len(text) and node.holds(text[at]) else set()
        if isinstance(node, Edge):
            return {at} if at == (len(text) if node.at_end else 0) else set()
        key = (id(node), at)
        if key not in known:
            known[key] = self._ends_of_parts(node, text, at, known)
        return known[key]

    def _ends_of_parts(
        self, node: Each | Either | Times, text: str, at: int, known: dict[tuple[int, int], set[int]]
    ) -> set[int]:
        if isinstance(node, Either):
            return {end for option in node.options for end in self._ends(option, text, at, known)}
        if isinstance(node, Times):
            return self._ends_of_times(node, text, at, known)
        ends = {at}
        for part in node.parts:
            ends = {end for start in ends for end in self._ends(part, text, start, known)}
        return ends

    def _ends_of_times(
        self, node: Times, text: str, at: int, known: dict[tuple[int, int], set[int]]
    ) -> set[int]:
        if node == ANYTHING:
            return set(range(at, len(text) + 1))
        ends = {at}
        for _ in range(node.least):
            ends = {end for start in ends for end in self._ends(node.part, text, start, known)}
        reached, newest, left = set(ends), ends, node.most
        while newest and (left is None or left > node.least):
            newest = {end for start in newest for end in self._ends(node.part, text, start, known)} - reached
            reached |= newest
            left = left if left is None else left - 1
        return reached


def example(pattern: str, *, is_regex: bool) -> str:
    """A short text that the pattern matches, but for edges inside of it. Raises ``PatternError``."""
    text = _example(regular_expression(pattern) if is_regex else glob(pattern))
    if len(text) > LONGEST:
        raise PatternError("matches nothing short")
    return text


def _example(node: Node) -> str:
    if isinstance(node, Literal):
        return node.text
    if isinstance(node, One):
        return next((char for char in f"x{''.join(node.ranges)}-/0aA" if node.holds(char)), "")
    if isinstance(node, Each):
        return "".join(_example(part) for part in node.parts)
    if isinstance(node, Either):
        return _example(node.options[0])
    if isinstance(node, Times):
        often = node.least or (0 if node.most == 0 else 1)
        return _example(node.part)[: LONGEST + 1] * often
    return ""


@lru_cache(maxsize=4096)
def glob(pattern: str) -> Node:
    """``*``, ``?`` and ``[…]``; a bracket that is not closed matches nothing. Raises ``PatternError``."""
    check_length(pattern)
    parts: list[Node] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            parts.append(ANYTHING)
        elif char == "?":
            parts.append(One((ANY_CHAR,)))
        elif char == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                return One(())
            parts.append(_glob_class(pattern[at + 1 : end]))
            at = end
        else:
            parts.append(Literal(char))
        at += 1
    return joined(parts)


def _glob_class(inner: str) -> One:
    negated = inner[:1] in ("!", "^")
    return One(_ranges(inner[1:] if negated else inner), negated)


def _ranges(chars: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(chars):
        if chars[at + 1 : at + 2] == "-" and at + 2 < len(chars):
            found.append(chars[at] + chars[at + 2])
            at += 3
        else:
            found.append(chars[at] * 2)
            at += 1
    return tuple(found)
