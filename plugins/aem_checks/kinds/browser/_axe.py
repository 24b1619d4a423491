"""What does axe-core say of a page, read strictly, since the page could have had a hand in it?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_POSITION = re.compile(r":nth-(?:child|last-child|of-type|last-of-type)\([^)]*\)")
_NUMBERED = re.compile(r"#(?=[^\s>.:\[]*\d)[^\s>.:\[]+")
GRAVE = frozenset({"serious", "critical"})


class AxeError(RuntimeError):
    """axe-core gave no answer that can be read; the message is the end of a sentence."""


class Element(BaseModel):
    """One element that breaks a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    selector: str
    role: str
    """Its ARIA role, else its name."""
    text: str
    """What it says, else what names it; at most 120 characters."""

    @property
    def kind(self) -> str:
        """Its selector without what an edit elsewhere on the page changes: positions, and ids with numbers in them."""
        return _NUMBERED.sub("#*", _POSITION.sub("", self.selector))


class Violation(BaseModel):
    """One rule that a page breaks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    impact: str
    help: str
    elements: tuple[Element, ...]


class Violations(BaseModel):
    """What was found on each page; kept for the next release to compare with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    axe: str = ""
    """The release of axe-core that found it."""
    pages: dict[str, tuple[Violation, ...]]

    @classmethod
    def read(cls, content: bytes | None) -> Violations | None:
        """``None`` where there is none, or none that can be read."""
        try:
            return None if content is None else cls.model_validate_json(content)
        except ValidationError:
            return None


def read_axe(answer: Any) -> tuple[Violation, ...]:
    """What axe-core answered. Raises ``AxeError``."""
    try:
        return tuple(Violation.model_validate(each) for each in answer)
    except (ValidationError, TypeError) as error:
        raise AxeError(f"axe-core's answer can't be read ({type(error).__name__})") from error


def without_known(now: Iterable[Element], before: Iterable[Element]) -> list[Element]:
    """Elements of now that none of before stands for; each stands for one.

    The same element is one of the same kind, role and text; else one of the same kind, whose text was edited; else one of
    the same role and text, which was moved.
    """
    new, left = list(now), list(before)
    for same in (_whole, _kind, _words):
        new, left = _unmatched(new, left, same), _unmatched(left, new, same)
    return new


def _whole(element: Element) -> Hashable:
    return element.kind, element.role, element.text


def _kind(element: Element) -> Hashable:
    return element.kind


def _words(element: Element) -> Hashable:
    return (element.role, element.text) if element.text else None


def _unmatched(
    some: list[Element], others: list[Element], same: Callable[[Element], Hashable]
) -> list[Element]:
    """Those of ``some`` that have none of their own among the others."""
    left = Counter(key for each in others if (key := same(each)) is not None)
    rest = []
    for each in some:
        key = same(each)
        if left[key] > 0:
            left[key] -= 1
        else:
            rest.append(each)
    return rest
