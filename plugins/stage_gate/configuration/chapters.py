"""Which checks of a gate share a task? Those of one concern, since a task of Airflow costs far more than a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aem_checks.browser.check import BrowserCheck
from aem_checks.browser.sharing import BUSY_SECONDS
from aem_checks.kinds import chapter_of

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck
    from aem_checks.sites import Target
    from stage_gate.configuration.gate import Gate

SETTLED = "settled"
"""The kind of check that ``settle_stage`` runs by itself on stage, before any other."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Checks that one task runs; each has a result of its own."""

    name: str
    """The task's id among the tests of its target: ``security``, ``wknd-us.security``, ``suites.cypress``."""
    checks: tuple[ConfiguredCheck, ...]
    """In the order in which they begin."""

    @property
    def site(self) -> str:
        return self.checks[0].site

    def longest(self, slots: int) -> timedelta:
        """How long it may take where so many checks run side by side; a browser may have to be waited for."""
        limits = [check.settings.within for check in self.checks]
        total = sum(limits, timedelta(seconds=BUSY_SECONDS if self.opens_browsers else 0))
        return total if slots == 1 else total / slots + max(limits) + self._in_turn(slots)

    def _in_turn(self, slots: int) -> timedelta:
        """How much longer those may take that look at pages together, each in its turn."""
        limits = sorted((each.settings.within for each in self.checks if each.reads_pages), reverse=True)
        return sum(limits[1:slots], timedelta())

    @property
    def waits_for_cloud_manager(self) -> bool:
        """Whether it begins only when Cloud Manager's own stage tests are over."""
        return self.checks[0].after == "cloud_manager_tests"

    @property
    def opens_browsers(self) -> bool:
        return any(issubclass(check.check_type, BrowserCheck) for check in self.checks)

    @property
    def probes(self) -> bool:
        """Whether it begins only when all that begins with a settled stage is through: it may set off a firewall there."""
        return self.checks[0].check_type.last_on_host


def chapters_of(gate: Gate, target: Target) -> tuple[Chapter, ...]:
    """What tests a target, in the catalogue's order: a chapter of a site each; what a team wrote, and what probes, alone."""
    found: dict[tuple[str, str], list[ConfiguredCheck]] = {}
    for check in gate.plan.on(target):
        if (target, check.kind) != ("stage", SETTLED):
            found.setdefault(_place(check), []).append(check)
    several = len(gate.sites) > 1
    return tuple(
        Chapter(f"{site}.{name}" if several else name, tuple(_in_order(checks)))
        for (site, name), checks in found.items()
    )


def settling_checks(gate: Gate) -> list[ConfiguredCheck]:
    """The checks that ``settle_stage`` itself runs: they say when the others may begin."""
    return [check for check in gate.stage_checks if check.kind == SETTLED]


def _place(check: ConfiguredCheck) -> tuple[str, str]:
    """Site and name of the chapter; the check's own name where it shares its task with no other."""
    if check.is_code_of_a_team or check.check_type.last_on_host:
        return check.site, check.name.removeprefix(f"{check.site}.")
    chapter = chapter_of(check.check_type)
    return check.site, chapter if check.after == "settled" else f"{chapter}_later"


def _in_order(checks: Iterable[ConfiguredCheck]) -> Iterator[ConfiguredCheck]:
    """Those that ask the site, which takes time, before those that judge what was recorded."""
    yield from sorted(checks, key=lambda check: check.reads_pages)
