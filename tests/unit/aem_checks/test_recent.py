"""Is what was made lately kept within its limit, and made once?"""

from __future__ import annotations

from aem_checks.recent import Recent


def test_a_value_is_made_once_while_there_is_room() -> None:
    recent: Recent[list[int]] = Recent(100)
    first = recent.get("a", lambda: [1], 40)
    assert recent.get("a", lambda: [2], 40) is first
    assert recent.get("b", lambda: [3], 40) == [3]
    assert recent.get("a", lambda: [4], 40) is first


def test_the_budget_is_kept_and_something_leaves_for_each_new_value() -> None:
    recent: Recent[int] = Recent(100)
    made = [recent.get(str(number), lambda number=number: number, 30) for number in range(50)]  # type: ignore[misc]
    assert made == list(range(50))
    still = [number for number in range(50) if recent.get(str(number), lambda: -1, 60) == number]
    assert 1 <= len(still) <= 3


def test_a_value_that_would_fill_the_room_is_never_kept() -> None:
    recent: Recent[str] = Recent(100)
    recent.get("small", lambda: "kept", 40)
    assert recent.get("huge", lambda: "first", 60) == "first"
    assert recent.get("huge", lambda: "second", 60) == "second"
    assert recent.get("small", lambda: "made again", 40) == "kept"
