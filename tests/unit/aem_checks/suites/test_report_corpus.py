"""Are reports in the shapes of real tools judged right, and do they all stand in the catalogue?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.browser.blob import Spill
from aem_checks.kinds.suites._suite_aftermath import Aftermath
from aem_checks.outcomes import Judgement, Severity
from aem_checks.running import Left, Ran, Reports
from unit.aem_checks.suites.report_corpus import FOLDER, SHAPES, Shape, table

CATALOGUE = Path(__file__).parents[4] / "docs" / "catalogue.md"
FEWEST = 40


def judged(content: bytes, exit_code: int) -> Judgement:
    """What a suite amounts to that left this report behind."""
    left = Left("result.xml", "suites/smoke/run-1/reports/result.xml", Spill().put(content))
    ran = Ran(exit_code=exit_code, place="suites/smoke/run-1", reports=(Reports(files=(left,)),))
    return Aftermath("smoke", ran).judge("30m")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.file)
def test_a_report_in_the_shape_of_a_real_tool_is_judged_right(shape: Shape) -> None:
    found = judged((FOLDER / f"{shape.file}.xml").read_bytes(), shape.exit_code)
    said = [each.sentence for each in found.findings]
    assert (found.weigh(Severity.BLOCK)[1], found.examined) == (shape.outcome, shape.executed), said
    assert found.flaky == bool(shape.flaky), said
    assert not shape.said or any(shape.said in sentence for sentence in said), said
    assert not shape.flaky or any(f"{shape.flaky} of {shape.executed}" in sentence for sentence in said), said


def test_the_table_names_every_report_that_is_there() -> None:
    assert sorted(shape.file for shape in SHAPES) == sorted(path.stem for path in FOLDER.glob("*.xml"))
    assert len(SHAPES) >= FEWEST


def test_the_table_stands_in_the_catalogue() -> None:
    assert "\n".join(table()) in CATALOGUE.read_text(encoding="utf-8")
