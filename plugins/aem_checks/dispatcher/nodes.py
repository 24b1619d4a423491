"""Of which parts is a pattern of the dispatcher made, and what is said of one that can't be judged?"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 2_000
"""Characters of a pattern, and of an example of what it matches."""
ANY_CHAR = "\0\U0010ffff"


class PatternError(ValueError):
    """A pattern that can't be judged; the message is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class One:
    """One character: of these ranges (each two characters, first and last), or of none of them."""

    ranges: tuple[str, ...]
    negated: bool = False

    def holds(self, char: str) -> bool:
        return any(each[0] <= char <= each[1] for each in self.ranges) is not self.negated


@dataclass(frozen=True, slots=True)
class Literal:
    """These characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Edge:
    """The begin (``^``) or the end (``$``) of the text."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Each:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of these."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """A part again and again; ``most`` is ``None`` where there is no end."""

    part: Node
    least: int
    most: int | None


Node = One | Literal | Edge | Each | Either | Times
ANYTHING = Times(One((ANY_CHAR,)), 0, None)


def joined(parts: list[Node]) -> Node:
    """One node of several, with characters that follow each other in one."""
    whole: list[Node] = []
    for part in parts:
        last = whole[-1] if whole else None
        if isinstance(part, Literal) and isinstance(last, Literal):
            whole[-1] = Literal(last.text + part.text)
        elif part is not ANYTHING or last is not ANYTHING:
            whole.append(part)
    return whole[0] if len(whole) == 1 else Each(tuple(whole))


def check_length(pattern: str) -> None:
    """Raises ``PatternError`` for one that is too long to be judged."""
    if len(pattern) > LONGEST:
        raise PatternError(f"is longer than {LONGEST} characters")
