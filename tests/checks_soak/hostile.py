"""Does any answer of a site break a check? Every kind that can be asked is led through generated answers."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as some

from aem_checks.outcomes import Outcome
from aem_checks.response import Response
from unit.aem_checks.hostile_site import judged, kinds, responses


class Broken(AssertionError):
    """A check broke, or examined nothing without a word."""


def play(many: int, seed: int) -> Counter[str]:
    """Lead so many conversations, all kinds in turn; how they ended. Raises what breaks, shrunk by Hypothesis."""
    outcomes: Counter[str] = Counter()
    names = list(kinds())
    for number, kind in enumerate(names):
        share = many // len(names) + (number < many % len(names))
        if share:
            _lead(kind, share, seed + number, outcomes)
    return outcomes


def _lead(kind: str, many: int, seed: int, outcomes: Counter[str]) -> None:
    @seeded(seed)
    @settings(
        max_examples=many,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(some.lists(responses(), min_size=1, max_size=6))
    def one(answers: list[Response]) -> None:
        outcomes[_judge(kind, answers)] += 1
        outcomes["answers"] += len(answers)

    one()


def _judge(kind: str, answers: list[Response]) -> str:
    try:
        judgement: Any = judged(kind, cycle(answers))
    except Exception as error:
        raise Broken(f"{kind} would be itself at fault: {type(error).__name__}: {error}") from error
    if not (judgement.examined or judgement.findings):
        raise Broken(f"{kind} examined nothing and does not say why")
    return str(judgement.weigh(_severity(kind))[1] or Outcome.PASSED)


def _severity(kind: str) -> Any:
    from aem_checks.kinds import all_kinds

    return all_kinds()[kind].severity
