"""Can a hint wake too much, too little, or break anything?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_cloud_manager.events.hint import MAX_SUBJECTS, concerns, is_subject, merged, subjects_since

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_subjects_are_kept_with_the_time_of_their_newest_event() -> None:
    first = merged(None, ["1/2/3", "1/2/4"], NOW - minutes(5))
    text = merged(first, ["1/2/3", "7/8/"], NOW)
    assert subjects_since(text, NOW - minutes(1)) == {"1/2/3", "7/8/"}
    assert subjects_since(text, NOW - minutes(6)) == {"1/2/3", "1/2/4", "7/8/"}
    assert subjects_since(text, NOW) == set()


def test_after_an_hour_a_hint_is_forgotten() -> None:
    text = merged(merged(None, ["1/2/3"], NOW - minutes(61)), ["1/2/4"], NOW)
    assert list(json.loads(text)) == ["1/2/4"]
    kept = merged(merged(None, ["1/2/3"], NOW - minutes(59)), ["1/2/4"], NOW)
    assert set(json.loads(kept)) == {"1/2/3", "1/2/4"}


def test_of_too_many_the_newest_are_kept() -> None:
    text = merged(None, (f"1/1/{number}" for number in range(MAX_SUBJECTS)), NOW - minutes(1))
    text = merged(text, (f"2/2/{number}" for number in range(10)), NOW)
    assert len(json.loads(text)) == MAX_SUBJECTS
    assert len(subjects_since(text, NOW - minutes(0.5))) == 10


def test_a_time_ahead_of_all_clocks_does_not_stay() -> None:
    old = json.dumps({"1/2/3": (NOW + minutes(6)).isoformat(), "1/2/4": (NOW + minutes(4)).isoformat()})
    assert set(json.loads(merged(old, [], NOW))) == {"1/2/4"}


@pytest.mark.parametrize(
    "subject",
    ["", "1", "1/2", "1/2/3/4", "/2/3", "1//3", "a/b/c", "1/2/3\n", " 1/2/3", "1/2/-3", "1/2/" + "3" * 21],
)
def test_what_is_no_subject_is_left_out(subject: str) -> None:
    assert not is_subject(subject)
    assert merged(None, [subject], NOW) == "{}"
    assert subjects_since(json.dumps({subject: NOW.isoformat()}), NOW - minutes(1)) == set()


@pytest.mark.parametrize(
    ("subject", "does"),
    [("1/2/3", True), ("1/2/", True), ("1/2/4", False), ("1/3/", False), ("", False), ("1/2/33", False)],
)
def test_a_hint_concerns_its_execution_or_all_of_its_pipeline(subject: str, does: bool) -> None:
    assert concerns(subject, "1", "2", "3") is does


@given(
    st.text()
    | st.dictionaries(st.sampled_from(["1/2/3", "x"]), st.text() | st.integers() | st.none()).map(json.dumps)
)
def test_whatever_stood_there_is_replaced_by_a_hint(old: str) -> None:
    text = merged(old, ["1/2/4"], NOW)
    assert "1/2/4" in subjects_since(text, NOW - minutes(1))
    subjects_since(old, NOW)
