"""docs/decisions.md and docs/stage-changes.md say what the code does, of every case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest

from stage_gate.cli import main
from stage_gate.commands import decision_table, stage_changes_table
from stage_gate.commands.decision_table import WRONG, document
from stage_gate.commands.docs import WRITTEN
from stage_gate.rules.decision import Event, Phase, Step, after
from stage_gate.rules.proof import Proof
from stage_gate.rules.surroundings import READINGS, Fact, Way

DIMENSIONS = decision_table._DIMENSIONS


def test_the_document_in_the_repository_is_the_one_of_the_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", "--folder", str(tmp_path / "new")]) == 0
    for module in WRITTEN:
        fresh = (tmp_path / "new" / module.DOCUMENT.name).read_text(encoding="utf-8")
        assert module.DOCUMENT.read_text(encoding="utf-8") == fresh, "run: python -m stage_gate docs"


def test_every_step_and_every_phase_is_in_it() -> None:
    text = document()
    for step in Step:
        assert f"`{step}`" in text or step is Step.REPORT
    for phase in Phase:
        assert f"| *{phase}* |" in text


def test_every_transition_of_the_protocol_is_in_it() -> None:
    lines = {line.split("|")[1].strip(): line for line in document().splitlines() if line.startswith("| *")}
    for phase, event in product(Phase, Event):
        try:
            then = after(phase, event)
        except ValueError:
            assert f" {event} →" not in lines[f"*{phase}*"]
        else:
            assert f" {event} → *{then}*" in lines[f"*{phase}*"]


def test_every_case_is_in_exactly_one_row() -> None:
    """However the cases are folded together, unfolding the rows gives each of them once, with its own sentence."""
    told: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in decision_table._step_rows(()):
        names, said = row[:4], row[4:]
        for case in product(
            *(unfolded(name, values) for name, (_, values) in zip(names, DIMENSIONS, strict=True))
        ):
            assert case not in told
            told[case] = said
    cases = list(product(*(map(str, values) for _, values in DIMENSIONS)))
    assert told == {case: next(decision_table._step(case)) for case in cases}


def unfolded(name: str, values: Sequence[str]) -> list[str]:
    """The values that a cell of the table stands for."""
    if name == "any":
        return [str(value) for value in values]
    found = []
    for part in name.split(" / "):
        verdicts, colon, wanted = part.partition(": ")
        for verdict in verdicts.split(", ") if colon else []:
            mine = [value for value in values if value.startswith(f"{verdict}: ")]
            found += mine if wanted == "any" else [f"{verdict}: {each}" for each in wanted.split(", ")]
        found += [] if colon else [part]
    return found


def test_everything_that_can_be_wrong_refuses_something() -> None:
    for what in WRONG:
        assert f"| {what} |" in document()
    assert len(WRONG) > len(fields(Proof))


def test_it_stays_short_enough_to_be_read() -> None:
    assert len(document().splitlines()) < 120


def test_every_way_to_change_stage_and_every_fact_is_in_the_table_and_nothing_of_it_is_approved() -> None:
    """What was there before the tests, and was seen, is all that may be on stage besides the release."""
    text = stage_changes_table.document()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| **")]
    assert {row[0].strip("| *") for row in rows} >= set(Way)
    for fact in Fact:
        assert f"| `{fact}` | {READINGS[fact].question} |" in text
    sent = {(row[0].strip("| *"), row[1]) for row in rows if row[4] == "sent"}
    assert sent == {(way, "ended since the deployment") for way in Way if not way.brings_code}
