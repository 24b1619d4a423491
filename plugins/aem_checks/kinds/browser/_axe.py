"""What does axe-core say of a page, read strictly, since the page could have had a hand in it?"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

GRAVE = frozenset({"serious", "critical"})


class AxeError(RuntimeError):
    """axe-core gave no answer that can be read; the message is the end of a sentence."""


class Violation(BaseModel):
    """One rule that a page breaks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    impact: str
    help: str
    targets: tuple[str, ...]
    """CSS selectors of the elements."""


class Violations(BaseModel):
    """What was found on each page; kept for the next release to compare with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

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
