"""What do the parts of a mapped test amount to, and what of a test is pinned? Tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.outcomes import Cause, CheckResult, Outcome, Severity
from stage_gate.rules.own_tests import OwnTest, Part, key_of, wholes
from unit.stage_gate.samples import NOW, finding, recorded, result

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
KEY = "tasks.shop"


def part(index: int, outcome: Outcome = PASSED, *, total: int = 2, key: str = KEY, **changes: Any) -> Part:
    entry = {name: changes.pop(name) for name in ("candidate_digest", "settings_digest") if name in changes}
    found = result(key, outcome, kind="tasks", **changes)
    return Part(index=index, total=total, entry=recorded(found, **entry))


def whole(*parts: Part) -> CheckResult:
    [only] = wholes(parts)
    return only.result


@pytest.mark.parametrize(
    ("outcomes", "outcome"),
    [
        ((PASSED, PASSED), PASSED),
        ((PASSED, FAILED), FAILED),
        ((FAILED, INCONCLUSIVE), FAILED),
        ((PASSED, INCONCLUSIVE), INCONCLUSIVE),
        ((INCONCLUSIVE, INCONCLUSIVE), INCONCLUSIVE),
    ],
)
def test_the_gravest_part_is_the_outcome(outcomes: Sequence[Outcome], outcome: Outcome) -> None:
    assert whole(*(part(index, each) for index, each in enumerate(outcomes))).outcome is outcome
    assert whole(*(part(index, each) for index, each in enumerate(reversed(outcomes)))).outcome is outcome


def test_a_whole_has_what_its_parts_have() -> None:
    later = NOW + timedelta(hours=1)
    found = whole(
        part(
            1,
            FAILED,
            examined=4,
            started_at=NOW,
            finished_at=later,
            attempts=2,
            flaky=True,
            cause=Cause.PRODUCT,
        ),
        part(
            0, examined=3, started_at=NOW - timedelta(hours=1), findings=(finding("A note.", outcome=PASSED),)
        ),
    )
    assert (found.key, found.examined, found.attempts, found.flaky) == (KEY, 7, 2, True)
    assert (found.started_at, found.finished_at) == (NOW - timedelta(hours=1), later)
    assert [each.sentence for each in found.findings] == ["A note.", "/us/en.html answered 500."]
    assert found.cause is Cause.PRODUCT


def test_what_passed_has_no_cause() -> None:
    assert whole(part(0), part(1)).cause is None


def test_a_part_that_blocks_outweighs_those_that_warn() -> None:
    found = whole(part(0, FAILED, severity=Severity.WARN), part(1, PASSED, severity=Severity.BLOCK))
    assert (found.severity, found.outcome) == (Severity.BLOCK, PASSED)
    warned = whole(part(0, FAILED, severity=Severity.WARN), part(1, severity=Severity.WARN))
    assert (warned.severity, warned.outcome) == (Severity.WARN, FAILED)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([part(0)], "has 2 parts, and 1 gave no result that counts"),
        ([part(1)], "has 2 parts, and 0 gave no result that counts"),
        ([part(0), part(1, total=3)], "was expanded into 2 parts and into 3"),
        ([part(0), part(0, FAILED)], "gave more than one result for part 0"),
        ([part(0), part(1), part(1)], "gave more than one result for part 1"),
        ([part(0, total=1), part(4, total=1)], "has 1 part, and 0, 4 gave no result that counts"),
        ([part(0), part(1, candidate_digest="another")], "found for different releases or settings"),
        ([part(0), part(1, settings_digest="another")], "found for different releases or settings"),
        ([part(0, total=14)], "and 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more gave no result"),
    ],
)
def test_parts_that_make_no_whole_are_no_answer(parts: list[Part], said: str) -> None:
    found = whole(*parts)
    assert (found.outcome, found.examined, found.cause) == (INCONCLUSIVE, 0, Cause.CHECK)
    assert [each.code for each in found.findings] == ["tasks.parts"]
    assert found.findings[0].sentence.startswith(f"{KEY} ")
    assert said in found.findings[0].sentence
    assert "To do: look at its parts in Airflow" in found.findings[0].sentence


def test_each_test_has_a_whole_of_its_own() -> None:
    other = "tasks.other"
    found = list(wholes([part(0), part(0, FAILED, key=other), part(1), part(1, key=other)]))
    assert {each.result.key: each.result.outcome for each in found} == {KEY: PASSED, other: FAILED}
    assert list(wholes([])) == []


def test_a_whole_stays_bound_to_candidate_and_settings() -> None:
    [found] = wholes([part(0), part(1)])
    assert (found.candidate_digest, found.settings_digest) == (
        recorded().candidate_digest,
        f"settings of {KEY}",
    )


def test_whatever_is_declared_otherwise_is_another_test() -> None:
    plain = OwnTest(name="shop", site="wknd")
    others = [
        plain.model_copy(update={name: value})
        for name, value in {
            "name": "other",
            "site": "uk",
            "severity": Severity.WARN,
            "within": timedelta(minutes=1),
            "after": "cloud_manager_tests",
            "reports": "/r/*.xml",
            "examines": 1,
            "mapped": True,
            "unisolated": True,
        }.items()
    ]
    assert len({each.digest for each in (plain, *others)}) == len(OwnTest.model_fields) + 1
    assert plain.digest == OwnTest(name="shop", site="wknd").digest
    assert (plain.key, key_of("a.b")) == (KEY, "tasks.a.b")
    assert (plain.severity, plain.within, plain.examines) == (Severity.BLOCK, timedelta(minutes=30), 0)
    assert not plain.mapped
    assert not plain.unisolated


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a/b"}, {"name": "a" * 201}, {"within": "0s"}, {"examines": -1}, {"also": 1}],
)
def test_a_pin_with_anything_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OwnTest.model_validate({"name": "shop", "site": "wknd", **wrong})
