"""How soon is the next look: never too late for the goal, and never more calls than it is worth?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from adobe_cloud_manager import pace
from adobe_cloud_manager.models import Execution
from adobe_cloud_manager.pace import DENSE, PERSON, SPARSE, USUAL, Took, durations_of, next_look, time_left
from adobe_cloud_manager.questions import Goal
from unit.adobe_cloud_manager.local_cloud_manager import NAMES, execution, execution_json
from waiting_model import Tally, percentile, play

STAGE = Goal.STAGE_DEPLOYMENT
MANY = 20


def took(**minutes: float) -> dict[str, Took]:
    return {key.replace("_", " "): Took(m * 60, m * 60, MANY) for key, m in minutes.items()}


def at(position: int, minutes: float) -> datetime:
    """So many minutes after the step of that position began."""
    return datetime(2026, 11, 2, 10, position, tzinfo=UTC) + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [
        (0, 300),
        (14, 300),
        (18, 180),
        (20, 60),
        (20.5, 55),
        (29, 55),
        (29.5, 30),
        (29.9, 10),
        (30.5, 30),
        (90, 55),
    ],
)
def test_looks_are_sparse_until_stage_can_be_deployed_and_dense_when_it_is_due(
    minutes: float, seconds: float
) -> None:
    seen = execution("deploy:stage")
    assert next_look(STAGE, seen, at(4, minutes), took(deploy_stage=30)) == pytest.approx(seconds, abs=0.1)


def test_steps_that_are_still_to_come_count_and_those_that_are_over_do_not() -> None:
    known = took(validate=50, build=10, buildImage=5, deploy_stage=20, productTest_stage=50)
    left = time_left(STAGE, execution("build"), at(1, 4), known)
    assert left.at_least == pytest.approx(60 * (0.7 * 10 - 4 + 0.7 * 25))
    assert left.usually is None, "nobody knows how long code scanning takes"
    assert time_left(Goal.PRODUCTION_APPROVAL, execution("build"), at(1, 4), known).at_least > left.at_least
    assert time_left(STAGE, execution("buildImage"), at(3, 2), known).usually == 23 * 60


def test_few_executions_are_trusted_less_than_many() -> None:
    assert [Took(100, 100, times).at_least for times in (1, 4, 5, 9, 10, 20)] == [45, 45, 60, 60, 70, 70]


@pytest.mark.parametrize("known", [{}, took(uiTest=30)], ids=["no history", "a history without these steps"])
def test_without_a_history_it_is_less_than_a_minute(known: dict[str, Took]) -> None:
    assert next_look(STAGE, execution("build"), at(1, 1), known) == USUAL


def test_where_events_tell_of_it_there_is_less_to_look_for() -> None:
    known, now = took(deploy_stage=30), at(4, 29.9)
    assert next_look(STAGE, execution("deploy:stage"), now, known, told=True) == 110
    assert next_look(STAGE, execution("deploy:stage"), at(4, 0), known, told=True) == SPARSE
    assert next_look(Goal.DECISION, execution("approval", "WAITING"), at(9, 0), known, told=True) == 240


def test_a_person_who_is_waited_for_is_looked_after_every_two_minutes() -> None:
    waiting = execution("codeQuality", "WAITING")
    assert next_look(STAGE, waiting, at(2, 0), took(deploy_stage=60)) == PERSON
    assert next_look(Goal.DECISION, execution("approval", "WAITING"), at(9, 0), {}) == PERSON


def test_an_approval_that_does_not_come_is_not_asked_for_every_ten_seconds_for_ever() -> None:
    between = execution("approval", "NOT_STARTED")
    over = datetime(2026, 11, 2, 10, 8, 30, tzinfo=UTC)
    looks = [
        next_look(Goal.PRODUCTION_APPROVAL, between, over + timedelta(seconds=s), took(build=1))
        for s in (5, 30, 600)
    ]
    assert looks == [10, 30, 55]


def test_the_steps_of_production_are_no_way_to_the_approval_of_a_pipeline_that_has_none() -> None:
    seen = execution("deploy:stage", without=("approval", "schedule"))
    left = time_left(Goal.PRODUCTION_APPROVAL, seen, at(4, 0), took(deploy_stage=10, deploy_prod=60))
    assert left.at_least == pytest.approx(0.7 * 600)


def test_the_history_knows_the_shortest_and_the_middle_of_what_went_well() -> None:
    def one(number: int, minutes: int, status: str = "FINISHED") -> Execution:
        document = execution_json("deploy:prod", "FINISHED", "FINISHED", id=str(number))
        for step in document["_embedded"]["stepStates"]:
            if step["action"] == "build":
                step |= {"status": status, "finishedAt": f"2026-11-02T10:{1 + minutes:02d}:00.000+0000"}
            if step["action"] == "uiTest":
                step["status"] = "INCOMPLETE"
                step.pop("startedAt")
        return Execution.parse(document)

    known = durations_of([one(1, 9), one(2, 5), one(3, 6), one(4, 1, "FAILED"), one(9, 2)], besides="9")
    assert known["build"] == Took(300, 360, 3)
    assert known["uiTest stage"] == Took(0, 0, 4), "there were no tests, so they took no time"
    assert "approval" not in {key.split()[0] for key in known}, "people take their own time"


def test_durations_survive_their_way_through_a_trigger() -> None:
    known = {"deploy stage": Took(1800, 1950, 7), "build": Took(0, 1, 1)}
    assert pace.from_json(pace.to_json(known)) == known
    for nonsense in (None, 5, {"build": 5}, {"build": ["x", 1, 2]}, {"build": [1, 2]}):
        assert pace.from_json(nonsense) == {}


seconds = some.floats(0, 20_000)
durations = some.dictionaries(
    some.sampled_from([n.replace(":", " ") for n in NAMES]),
    some.builds(lambda a, b, n: Took(min(a, b), max(a, b), n), seconds, seconds, some.integers(1, 20)),
)
STATUSES = ["NOT_STARTED", "RUNNING", "FINISHED", "INCOMPLETE", "WAITING", "FAILED", "PONDERING"]


@given(
    some.sampled_from(list(Goal)),
    some.sampled_from(NAMES),
    some.sampled_from(STATUSES),
    some.floats(-5000, 50_000),
    durations,
    some.booleans(),
)
def test_whatever_is_seen_the_next_look_is_in_ten_seconds_to_five_minutes(
    goal: Goal, step: str, status: str, after: float, known: dict[str, Took], told: bool
) -> None:
    seen, now = (
        execution(step, status, without=()),
        datetime(2026, 11, 2, 10, tzinfo=UTC) + timedelta(seconds=after),
    )
    next_ = next_look(goal, seen, now, known, told=told)
    assert DENSE <= next_ <= SPARSE
    if next_ > PERSON * 2:
        assert next_ <= time_left(goal, seen, now, known).at_least


@given(some.floats(0, 4000), some.floats(60, 4000), some.floats(1, 3), some.integers(1, 20))
def test_a_deployment_that_takes_as_long_as_ever_is_seen_within_a_minute(
    begins: float, shortest: float, longer: float, times: int
) -> None:
    """Wherever the looks fall: the history holds what it has to take at least."""
    known = {"deploy stage": Took(shortest, shortest * 1.2, times)}
    now, end = at(4, begins % 1), at(4, shortest * longer / 60)
    while now < end:
        now += timedelta(seconds=next_look(STAGE, execution("deploy:stage"), now, known))
    assert (now - end).total_seconds() <= 60


GOALS = (Goal.STAGE_DEPLOYMENT, Goal.PRODUCTION_APPROVAL, Goal.PRODUCTION_DEPLOYMENT)


def test_on_the_stated_distribution_a_gate_asks_forty_times_an_hour_and_sees_its_steps_within_a_minute() -> (
    None
):
    tally = play(50, seed=4, events=False)
    assert tally.calls_per_hour <= 40
    assert tally.all_late(*GOALS)[-1] <= 60
    assert tally.all_late(Goal.DECISION)[-1] <= PERSON


def test_with_events_it_asks_no_more_often_and_sees_them_within_ten_seconds() -> None:
    tally: Tally = play(50, seed=5, events=True)
    assert tally.calls_per_hour <= 40
    assert percentile(tally.all_late(), 0.95) < 10
