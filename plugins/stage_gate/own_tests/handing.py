"""What does a test of a team's own get in hand? What is released and where it answers, no credential and no key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stage_gate.rules.candidate import host_of

if TYPE_CHECKING:
    from aem_checks.sites import SiteConfig
    from stage_gate.acting.run import GateRun

PLACES = (
    "gate",
    "program_id",
    "pipeline_id",
    "execution_id",
    "attempt",
    "commit_id",
    "artifacts_version",
    "part",
)
"""What ``reports`` may name between braces."""


@dataclass(frozen=True)
class SiteInHand:
    """One site of the gate, as its gate file has it."""

    name: str
    stage: str
    """URL without a path."""
    production: str
    """The same of production; empty where the gate file names none."""
    pages: tuple[str, ...]
    """Paths."""

    @classmethod
    def of(cls, site: SiteConfig) -> SiteInHand:
        return cls(
            site.name, site.stage.url, site.production.url if site.production else "", tuple(site.pages)
        )


@dataclass(frozen=True)
class CandidateInHand:
    """What is being released, as it was pinned; in templates ``{{ candidate.execution_id }}`` and so on."""

    gate: str
    program_id: str
    pipeline_id: str
    execution_id: str
    attempt: int
    """How often stage has been tested for this execution, this time included."""
    commit_id: str
    """Empty where Cloud Manager does not say it."""
    artifacts_version: str
    """The same."""
    environment_id: str
    """Of stage."""
    sites: tuple[SiteInHand, ...]
    site: SiteInHand
    """The one that the test is about."""
    part: int
    """Which part of a mapped test this is; 0 for one that is not mapped."""
    folder: Path
    """Of the evidence, for this test alone; what is written there before it ends is sealed with its result."""

    @classmethod
    def of(cls, run: GateRun, attempt: int, site: str, folder: Path, part: int = 0) -> CandidateInHand:
        """Raises ``EvidenceError`` where the attempt has no readable candidate."""
        tested = run.evidence.read_candidate(attempt)
        return cls(
            gate=run.gate.name,
            program_id=tested.program_id,
            pipeline_id=tested.pipeline_id,
            execution_id=tested.execution_id,
            attempt=attempt,
            commit_id=tested.commit_id or "",
            artifacts_version=tested.artifacts_version or "",
            environment_id=tested.stage.environment_id,
            sites=tuple(map(SiteInHand.of, run.gate.sites)),
            site=SiteInHand.of(run.gate.site(site)),
            part=part,
            folder=folder,
        )

    @property
    def stage_hosts(self) -> tuple[str, ...]:
        """The hosts at which the sites answer on stage."""
        return tuple(dict.fromkeys(host_of(each.stage) for each in self.sites))

    @property
    def production_hosts(self) -> tuple[str, ...]:
        """The same of production."""
        return tuple(dict.fromkeys(host_of(each.production) for each in self.sites if each.production))

    @cached_property
    def conf(self) -> dict[str, object]:
        """What another Dag is told of it: plain values, as JSON has them."""
        told = {name: getattr(self, name) for name in (*PLACES, "environment_id")}
        site = {"name": self.site.name, "stage": self.site.stage, "production": self.site.production}
        return {**told, "site": site, "stage_hosts": list(self.stage_hosts), "folder": str(self.folder)}

    @property
    def as_json(self) -> str:
        """``conf`` in one line."""
        return json.dumps(self.conf, sort_keys=True)

    def place(self, pattern: str) -> str:
        """A pattern of reports with what stands between braces filled in."""
        return pattern.format_map({name: getattr(self, name) for name in PLACES})
