"""Whatever a site answers, a check comes to a judgement: it never is "itself at fault"."""

from __future__ import annotations

from itertools import cycle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aem_checks.response import Response
from unit.aem_checks.hostile_site import judged, kinds, responses


@pytest.mark.parametrize("kind", list(kinds()))
@given(answers=some.lists(responses(), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_of_a_site_breaks_a_check(kind: str, answers: list[Response]) -> None:
    judgement = judged(kind, cycle(answers))
    assert judgement.examined >= 0
    assert judgement.examined > 0 or judgement.findings, "a check that examined nothing says why"
