"""Are reports in the shapes of real tools judged right, and do they all stand in the catalogue?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aem_checks.commands import CommandResult
from aem_checks.kinds.suites._suite_aftermath import Aftermath, Source
from aem_checks.outcomes import Judgement, Severity
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit
from unit.aem_checks.suites.report_corpus import FOLDER, SHAPES, Shape, table

CATALOGUE = Path(__file__).parents[4] / "docs" / "catalogue.md"
FEWEST = 40


def judged(folder: Path, evidence: Path, exit_code: int) -> Judgement:
    """What a suite amounts to that left this folder behind."""
    site = SiteConfig.model_validate({"name": "larkfell", "stage": "http://127.0.0.1", "pages": ["/"]})
    visit = Visit(site, "stage", None, None, evidence)  # type: ignore[arg-type]
    result = CommandResult(exit_code, timed_out=False, output=b"", output_bytes=0)
    return Aftermath("smoke", visit, ()).judge(result, [Source(folder)], "30m")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.file)
def test_a_report_in_the_shape_of_a_real_tool_is_judged_right(shape: Shape, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    shutil.copyfile(FOLDER / f"{shape.file}.xml", reports / "result.xml")
    found = judged(reports, tmp_path / "evidence", shape.exit_code)
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
