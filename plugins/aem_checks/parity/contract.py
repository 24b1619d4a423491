"""Which differences has the team agreed to? The parity contract of a gate file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from aem_checks.parity.compare import Suspicion
from aem_checks.parity.facts import Fact, Facts

Usual = Literal["noindex", "host names", "basic auth"]
"""``noindex``: stage is kept out of search engines. ``host names``: addresses may lead to other hosts.
``basic auth``: stage asks for a log-in, so that its answers are private."""


class AllowedDifference(BaseModel):
    """One difference that is meant to be. ``*`` and ``?`` stand for any characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(min_length=1)
    """As findings name it, such as ``meta og:image`` or ``component cmp-banner*``."""
    production: str = "*"
    """What production says there."""
    stage: str = "*"
    """What stage says there."""
    paths: str = "*"
    """The pages that it is about."""
    because: str = Field(min_length=3)
    """Why, for whoever reads the report."""

    def covers(self, path: str, fact: Fact, own: str, other: str, instead: Iterable[str]) -> bool:
        """``own`` and ``other`` are the patterns of the fact's side and of the other one, ``instead`` what the
        other side says in that field."""
        name, value = fact
        if not (fnmatchcase(name, self.field) and fnmatchcase(path, self.paths) and fnmatchcase(value, own)):
            return False
        return other == "*" or any(fnmatchcase(each, other) for each in instead)


Allowed = Annotated[
    Annotated[Usual, Tag("usual")] | Annotated[AllowedDifference, Tag("own")],
    Discriminator(lambda value: "usual" if isinstance(value, str) else "own"),
]
_PRIVATE = ("header Cache-Control", "header Vary", "header WWW-Authenticate", "header Set-Cookie")


class Contract:
    """Takes out of a difference what is agreed to; ``used`` counts the pages of each agreement."""

    def __init__(self, allowed: Sequence[Usual | AllowedDifference], ignored: Sequence[str] = ()) -> None:
        self._rules = [rule for each in allowed for rule in _rules(each)]
        self._rules += [AllowedDifference(field=name, because="'ignore:'") for name in ignored]
        self.used: dict[str, set[str]] = {}

    def apply(self, path: str, found: Suspicion) -> Suspicion:
        """What is left of a difference."""
        lost = [fact for fact in found.lost if not self._allows(path, fact, found.gained, on_stage=False)]
        gained = [fact for fact in found.gained if not self._allows(path, fact, found.lost, on_stage=True)]
        return Suspicion(frozenset(lost), frozenset(gained))

    def _allows(self, path: str, fact: Fact, others: Facts, *, on_stage: bool) -> bool:
        instead = [value for name, value in others if name == fact[0]]
        for rule in self._rules:
            own, other = (rule.stage, rule.production) if on_stage else (rule.production, rule.stage)
            if rule.covers(path, fact, own, other, instead):
                self.used.setdefault(f"{rule.field} ({rule.because})", set()).add(path)
                return True
        return False


def _rules(allowed: Usual | AllowedDifference) -> list[AllowedDifference]:
    match allowed:
        case "noindex":
            why = "stage is kept out of search engines"
            return [
                AllowedDifference(field=name, stage="*noindex*", because=why)
                for name in ("robots", "header X-Robots-Tag")
            ]
        case "basic auth":
            return [AllowedDifference(field=name, because="stage asks for a log-in") for name in _PRIVATE]
        case "host names":
            return []
    return [allowed]
