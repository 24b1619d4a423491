"""Which checks were flaky so often that somebody should look after them? Pure rules over the ledger.

Nothing follows from it by itself: a quarantine takes a person who answers for it, so it is only proposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from stage_gate.rules.plan import CLOUD_MANAGER

if TYPE_CHECKING:
    from stage_gate.configuration.policy import PolicySettings
    from stage_gate.evidence.ledger import Ledger

QUARANTINE_LASTS = timedelta(days=14)


@dataclass(frozen=True)
class Proposal:
    """A check that was flaky too often, and what could be written into the gate file."""

    check: str
    flaky: int
    """Releases in which it was."""
    of: int
    """Releases that were looked at and have a result of it."""
    until: date

    @property
    def line(self) -> str:
        """The item for ``policy.quarantine`` of the gate file; only the owner is left to be named."""
        why = f"flaky in {self.flaky} of the last {self.of} releases"
        return f"- {{check: {self.check}, owner: <who repairs it>, until: {self.until}, why: {why}}}"

    @property
    def sentence(self) -> str:
        return (
            f"{self.check} was flaky in {self.flaky} of the last {self.of} releases. To do: repair it, or put it in "
            f"quarantine, below policy.quarantine of the gate file: {self.line}"
        )


def proposals(ledger: Ledger, policy: PolicySettings, today: date) -> Iterator[Proposal]:
    """A proposal for each check that was flaky too often of late and is not in quarantine today."""
    rule = policy.flakes
    if not rule.quarantine_after:
        return
    releases = ledger.releases[-rule.of_last :]
    excused = {each.check for each in policy.quarantine if each.holds_on(today)}
    keys = {check.key for entry in releases for check in entry.checks if check.kind != CLOUD_MANAGER}
    for key in sorted(keys - excused):
        found = [check.flaky for entry in releases if (check := entry.check(key)) is not None]
        if sum(found) >= rule.quarantine_after:
            yield Proposal(key, sum(found), len(found), today + QUARANTINE_LASTS)
