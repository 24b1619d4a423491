"""M1: can what authors publish leave author, or is a distribution queue blocked?

Reads the agents of Sling content distribution and their queues, and says which are blocked and which are long.

It would have caught a blocked queue after a release, behind which everything that authors published waited
unseen (Adobe KA-21668, KA-23465). A long queue while somebody publishes a whole tree is no failure: it warns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import above, without
from aem_checks.kinds.author import _author
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_AGENTS = "/libs/sling/distribution/services/agents"
_DEEPEST = 12


class DistributionQueuesSettings(CheckSettings):
    """Which agents are looked at."""

    agents: Annotated[tuple[str, ...], without("publish")] = Field(default=("publish",), min_length=1)
    """Names of agents, ``preview`` too where the preview tier is used."""
    longest: Annotated[int, above(5000)] = Field(default=500, ge=1)
    """Items that may wait in one queue before it is worth a warning."""


class DistributionQueues(Check[DistributionQueuesSettings]):
    """Two questions per agent."""

    kind = "distribution_queues"
    number = "M1"
    title = "Nothing is stuck on its way to publish"
    default_on = False
    needs = _author.NEEDS
    codes = faults(
        **_author.ASKING,
        blocked="an agent or a queue is blocked",
        long="a queue is longer than it should be",
        unknown="author does not tell the state of an agent or a queue",
    )
    settings_type = DistributionQueuesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        try:
            author = _author.Author(visit)
            agents = yield from author.open(f"{_AGENTS}.3.json")
            queues = {}
            for name in self.settings.agents:
                queues[name] = yield from author.open(f"{_AGENTS}/{name}/queues.1.json")
        except _author.AuthorRefused as refused:
            return _author.nothing(refused.finding)
        findings = [finding for name in self.settings.agents for finding in self._of_agent(name, agents)]
        findings += [finding for name, answer in queues.items() for finding in self._of_queues(name, answer)]
        return Judgement(examined=len(queues), findings=tuple(findings))

    def _of_agent(self, name: str, answer: Response) -> Iterator[Finding]:
        told = _object(answer)
        agent = told.get(name) if told else None
        if not isinstance(agent, dict):
            yield _unknown(f"agent {name}", answer)
            return
        status = agent.get("status")
        state = status.get("state") if isinstance(status, dict) else None
        if state is None:
            yield _unknown(f"agent {name}", answer)
        elif str(state).upper() == "BLOCKED":
            yield _blocked(f"agent {name}", str(state))

    def _of_queues(self, name: str, answer: Response) -> Iterator[Finding]:
        told = _object(answer)
        found = list(_queues(told, name)) if told else []
        if not found:
            yield _unknown(f"queues of agent {name}", answer)
        for queue, described in found:
            if str(described.get("state", "")).upper() == "BLOCKED":
                yield _blocked(f"queue {queue}", "BLOCKED")
            items = described.get("itemsCount")
            if isinstance(items, int) and items > self.settings.longest:
                yield _long(queue, items, self.settings.longest)


def _queues(value: dict[str, Any], name: str, depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that has a state, with its name; the answer's own first."""
    if isinstance(value.get("state"), str):
        yield name, value
    if depth < _DEEPEST:
        for key, inner in value.items():
            if isinstance(inner, dict):
                yield from _queues(inner, key, depth + 1)


def _object(answer: Response) -> dict[str, Any] | None:
    try:
        told = json.loads(answer.text) if answer.ok else None
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _blocked(what: str, state: str) -> Finding:
    return Finding(
        code="blocked",
        subject=what,
        sentence=f"{quoted(what)} is {quoted(state, 20)[1:-1]}: nothing that authors publish gets past its first item. To do: "
        "open Distribution in author's tools, read the first item's log and remove it.",
        expected="any state but BLOCKED",
        actual=state,
    )


def _long(queue: str, items: int, longest: int) -> Finding:
    return Finding(
        code="long",
        subject=f"queue {queue}",
        sentence=f"Queue {quoted(queue)} holds {items} items, more than {longest}. To do: see whether it gets shorter.",
        expected=f"at most {longest} items",
        actual=f"{items} items",
        severity=Severity.WARN,
    )


def _unknown(what: str, answer: Response) -> Finding:
    from aem_checks.reach import describe

    said = describe(answer)
    return Finding(
        code="unknown",
        subject=what,
        sentence=f"Author does not tell the state of {quoted(what)}: {said}. To do: see whether the agent's name is right "
        "and whether the technical account may read distribution.",
        expected="JSON with a state",
        actual=said,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
