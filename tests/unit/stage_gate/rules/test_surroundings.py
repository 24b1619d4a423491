"""What was not read when stage was tested, and what is not read now: is it the same?"""

from __future__ import annotations

from typing import Any

import pytest

from stage_gate.rules.surroundings import Fact, Source, StageEvent, Surroundings, Unread, Way, newly_unread


def around(**facts: Any) -> Surroundings:
    return Surroundings(environment_id="e", hosts=(), **facts)


def unread(fact: Fact = Fact.OWN_EXECUTIONS, subject: str = "") -> Unread:
    return Unread(fact=fact, subject=subject, call="GET /api/x", why="Refused.", remedy="Ask.")


@pytest.mark.parametrize(
    ("now", "then", "is_known"),
    [
        (unread(subject="1"), unread(subject="1"), True),
        (unread(subject="1"), unread(), True),
        (unread(), unread(), True),
        (unread(subject="1"), unread(subject="2"), False),
        (unread(), unread(subject="1"), False),
        (unread(), unread(Fact.RESTORES), False),
        (unread(subject="1"), unread(Fact.RESTORES, "1"), False),
    ],
)
def test_what_is_unread_now_is_known_only_where_the_same_or_more_was_unread_then(
    now: Unread, then: Unread, is_known: bool
) -> None:
    assert now.is_known_of([then]) is is_known
    found = newly_unread(
        around(unread=(then,)),
        around(unread=(now,)),
        (),
    )
    assert found == ([] if is_known else [now])


def test_a_fact_that_was_not_read_does_not_come_back_by_itself_unless_somebody_says_so() -> None:
    plain = Unread(fact=Fact.RESTORES, call="GET /api/x", why="Refused.", remedy="Ask.")
    assert (plain.passing, plain.subject) == (False, "")
    source = Source(
        pipeline_id="1",
        execution_id="2",
        trigger="MANUAL",
        stage_step_id="3",
        stage_deployed_at=None,
        artifacts_version="2026.1",
    )
    assert source.commit_id is None


def test_the_event_of_a_pipeline_is_its_own() -> None:
    one, two = (StageEvent(way=Way.DEPLOYMENT, id="7", pipeline=each) for each in ("1", "2"))
    seen = around(events=(one, two))
    assert (seen.latest_of("2"), seen.latest_of("3")) == (two, None)
