"""What is one row of the table check × failure: which defect, seen by which check, with which outcome?

Each ``seeds_<topic>.py`` beside this file holds ``SEEDS``, a tuple of ``Seed``, and ``CLEAN``, a tuple of
``Clean``. In every text of ``settings``, ``site`` and ``facts`` the words ``{stage}``, ``{production}`` and
``{author}`` stand for the addresses of the simulator's environments, and ``{folder}`` for an empty folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Where = Literal["stage", "production"]
AUTHOR_ACCESS = "author"
"""The name of the simulator's access to author: ``site={"author": {"url": "{author}", "access": "author"}}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One failure, and what the check that exists because of it has to say."""

    defect: str | tuple[str, ...] = ()
    """Names of ``simulator.aem.defects``; none where settings or facts hold the failure."""
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """As below the kind's name in a gate file."""
    site: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the site beside ``stage``, ``production`` and ``pages``, which are filled in."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the check finds in ``visit.facts``."""
    facts_before: Mapping[str, Any] = field(default_factory=dict)
    """What it found there at the baseline, where that was something else."""
    baseline: bool = False
    """Whether the check ran on the clean build before, and that evidence is its baseline."""
    on: tuple[Where, ...] = ("stage",)
    """The environments whose build has the defect."""
    target: Where = "stage"
    """The environment that the check is told to look at."""
    outcome: Literal["failed", "inconclusive", "passed", "passed-with-warning"] = "failed"
    """``passed-with-warning``: a blocking check that passes and has a failed finding of severity ``warn``."""
    severity: Literal["block", "warn"] = "block"
    """Of the result; for ``passed-with-warning`` that of the check."""
    says: str = ""
    """Part of the sentence of one of the findings that are not mere notes."""

    @property
    def defects(self) -> tuple[str, ...]:
        return (self.defect,) if isinstance(self.defect, str) else self.defect

    @property
    def name(self) -> str:
        """For people and as the identity of a test: ``cached_errors-cached_error``."""
        what = "+".join(self.defects) or "settings"
        place = "" if self.on == ("stage",) else "-on-" + "-and-".join(self.on)
        said = "-".join(re.findall(r"[A-Za-z0-9]+", self.says))[:40]
        return "-".join(filter(None, (f"{self.kind}-{what}{place}", self.severity, self.outcome, said)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """One check on the clean site: it has to pass, with no finding but notes."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    site: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    facts_before: Mapping[str, Any] = field(default_factory=dict)
    """As in ``Seed``."""
    baseline: bool = False
    """Whether it has the evidence of a run on the same clean site as its baseline; without, there is none."""
    target: Where = "stage"
    variant: str = ""
    """What tells it from the other row of its kind, target and baseline."""

    @property
    def name(self) -> str:
        place = "" if self.target == "stage" else f"-{self.target}"
        variant = f"-{self.variant}" if self.variant else ""
        return f"{self.kind}-clean{place}{variant}" + ("-with-baseline" if self.baseline else "")
