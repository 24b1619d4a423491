"""A1: has the deployment arrived on every publish node, or would we be testing too early?

Nodes of the old and the new build answer side by side while a deployment rolls, and mutable content is
installed after the switch-over (Adobe: help/implementing/deploying/overview). So one page is asked again and
again, past all caches, until enough consecutive answers come from the new build. It never fails a release: what
does not settle in time is inconclusive. It would have caught releases that were called good by tests of the old
build, which a node that had not rolled yet had answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from aem_checks.asks import Fact, Get, Now, Pause, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import below
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.config import BuildMarker
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_SHARE_OF_LIMIT = 0.9
_SHORTEST_COMMIT = 7


class SettledSettings(CheckSettings):
    answers: Annotated[int, below(2)] = Field(default=10, ge=1, le=1000)
    """Consecutive good answers that are needed; with two nodes, ten miss an old one in 0.1 % of cases."""
    every: Duration = timedelta(seconds=2)
    """Pause between two answers; Adobe's own smoke test polls every 2 s."""


@dataclass
class _Log:
    """What was seen so far, kept as evidence."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    streak: int = 0
    last: Response | None = None
    last_problem: str = ""
    reached: bool = False

    def add(self, response: Response, marker: str | None, problem: str) -> None:
        self.streak = 0 if problem else self.streak + 1
        self.last, self.last_problem = response, problem
        self.reached = self.reached or not is_unreached(response)
        self.lines.append(
            {
                "at": response.fetched_at.isoformat(),
                "url": response.url,
                "answer": describe(response),
                "marker": marker,
                "problem": problem,
            }
        )


class Settled(Check[SettledSettings]):
    kind = "settled"
    number = "A1"
    title = "Stage has settled on the new build"
    targets = frozenset({"stage", "production"})
    codes = faults(
        settled="a note: enough good answers in a row",
        not_settled="too few good answers in a row until the time was over",
        unknown_build="nobody says which build the marker has to name",
    )
    settings_type = SettledSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        marker = visit.site.build_marker
        wanted = (yield from ask(Fact(_FACTS[marker.equals]))) if marker else None
        if marker and not wanted:
            return Judgement(examined=0, findings=(_nothing_to_compare(visit, marker),))
        url = visit.url(marker.path if marker else visit.site.pages[0])
        log = _Log()
        started = yield from ask(Now())
        limit = self.settings.within * _SHARE_OF_LIMIT
        while log.streak < self.settings.answers:
            response = yield from ask(Get(url, past_caches=True))
            found = marker.find(response) if marker else None
            log.add(response, found, _problem(response, marker, found, wanted))
            if log.streak < self.settings.answers:
                now = yield from ask(Now())
                if now - started + self.settings.every > limit:
                    break
                yield from ask(Pause(self.settings.every.total_seconds()))
        ended = yield from ask(Now())
        evidence = visit.keep(f"settled/{visit.site.name}-{visit.target}.json", _as_json(url, log))
        finding = self._finding(url, log, wanted, (ended - started).total_seconds(), evidence)
        return Judgement(examined=len(log.lines), findings=(finding,))

    def _finding(self, url: str, log: _Log, wanted: Any, seconds: float, evidence: str) -> Finding:
        needed = self.settings.answers
        took = format_duration(timedelta(seconds=seconds)) if seconds >= 1 else f"{seconds:.1f}s"
        if log.streak >= needed:
            sentence = f"{url} gave {needed} good answers in a row past all caches, after {took}"
            proof = f", all of build {quoted(str(wanted))}." if wanted else f"; {_UNVERIFIED}."
            return Finding(
                code="settled",
                subject=url,
                sentence=sentence + proof,
                outcome=Outcome.PASSED,
                evidence=evidence,
            )
        assert log.last is not None
        blocked = None if log.reached else unreached(log.last, url, evidence=evidence)
        if blocked is not None:
            return blocked
        return Finding(
            code="not_settled",
            subject=url,
            sentence=f"{url} did not settle within {took} and {len(log.lines)} requests: "
            f"{log.last_problem or f'only the last {log.streak} answers were good'}. "
            "To do: see whether the deployment still rolls, then run the gate's check again.",
            expected=f"{needed} good answers in a row"
            + (f" of build {quoted(str(wanted))}" if wanted else ""),
            actual=f"{log.streak} in a row at the end; last: {describe(log.last)}",
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.NETWORK if is_unreached(log.last) else Cause.PRODUCT,
            evidence=evidence,
        )


_FACTS = {"commit": "commit_id", "artifacts_version": "artifacts_version"}


def _problem(response: Response, marker: BuildMarker | None, found: str | None, wanted: Any) -> str:
    """Why an answer does not count; empty when it does."""
    if is_unreached(response) or not 200 <= response.status < 400:
        return f"the last answer was {describe(response)}"
    if marker is None:
        return ""
    if found is None:
        return "the last answer has no build marker"
    if not _same_build(found, str(wanted), marker):
        return f"the last answer came from build {quoted(found)}, not from {quoted(str(wanted))}"
    return ""


def _same_build(found: str, wanted: str, marker: BuildMarker) -> bool:
    if marker.equals == "artifacts_version":
        return found == wanted
    found, wanted = found.lower(), wanted.lower()
    return len(found) >= _SHORTEST_COMMIT and (wanted.startswith(found) or found.startswith(wanted))


_UNVERIFIED = "served build not verified, since the site has no 'build_marker'"
_CALLED = {"commit": "commit", "artifacts_version": "artifacts version"}


def _nothing_to_compare(visit: Visit, marker: BuildMarker) -> Finding:
    """Any build would pass where nobody knows which is wanted, and a configured marker promises more than that."""
    missing = _CALLED[marker.equals]
    return Finding(
        code="unknown_build",
        subject=visit.url(marker.path),
        sentence=f"The {missing} of the release is not known here, so the build marker of {visit.site.name} has "
        "nothing to be compared with. To do: run the gate's check again when Cloud Manager names it, let "
        "'build_marker: equals:' name the other value, or remove 'build_marker'.",
        expected=f"the {missing} of the release",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
    )


def _as_json(url: str, log: _Log) -> str:
    return json.dumps({"url": url, "cache": "past all caches", "answers": log.lines}, indent=1)
