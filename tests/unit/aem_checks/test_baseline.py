"""What has a folder of evidence of a site, for a run from a laptop that compares?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aem_checks.baseline import baseline_in
from aem_checks.cli import main
from aem_checks.recording import RecordingError
from unit.aem_checks.page_site import PageSite, html, text
from unit.aem_checks.test_cli import gate, serving

__all__ = ["gate"]

ONLY = ["--site", "stage", "--only", "head_regression"]
NAMED = "checks: {others: false, key_pages: {}, head_regression: {severity: block}}\n"
WAS_GEAR = "title was 'Gear' at the last verified release and is 'Lost'"


def run(gate: object, capsys: pytest.CaptureFixture[str], title: str, *more: str) -> tuple[int, str, str]:
    """One run of a site whose page has this title; returns code, what was said and the evidence's folder."""
    page = text(html("<h1>Gear</h1>").replace("<title>WKND</title>", f"<title>{title}</title>"), "text/html")
    with serving(PageSite({"/": page})) as url:
        code = main(["run", gate(url, NAMED), *ONLY, *more])  # type: ignore[operator]
    said = capsys.readouterr()
    found = re.search(r"Evidence: (.*)", said.out)
    return code, said.out + said.err, found[1] if found else ""


def test_a_run_compares_with_what_an_earlier_one_left(
    gate: object, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, earlier = run(gate, capsys, "Gear")
    assert "There is no verified release to compare heads with yet." in said
    _, said, _ = run(gate, capsys, "Lost", "--baseline", earlier)
    assert WAS_GEAR in said
    code, said, _ = run(gate, capsys, "Gear", "--baseline", earlier)
    assert code == 0, said
    assert WAS_GEAR not in said


def test_a_run_compares_with_an_attempt_of_a_gate(
    gate: object, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, _, earlier = run(gate, capsys, "Gear")
    site = tmp_path / "attempt-1" / "sites" / "wknd"
    site.mkdir(parents=True)
    (Path(earlier) / "recording" / "wknd").rename(site / "recording")
    (site / "note.txt").write_text("kept")
    before = baseline_in(tmp_path / "attempt-1", "wknd")
    assert before is not None
    assert before.read("note.txt") == b"kept"
    _, said, _ = run(gate, capsys, "Lost", "--baseline", str(tmp_path / "attempt-1"))
    assert WAS_GEAR in said


def test_a_folder_without_anything_of_the_site_is_wrong_usage(
    gate: object, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said, _ = run(gate, capsys, "Gear", "--baseline", str(tmp_path))
    assert code == 2
    assert f"{tmp_path} has nothing of site wknd" in said


def test_a_damaged_recording_is_wrong_usage_and_not_passed_over(
    gate: object, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, earlier = run(gate, capsys, "Gear")
    for body in (Path(earlier) / "recording" / "wknd" / "bodies").iterdir():
        body.write_bytes(b"changed")
    with pytest.raises(RecordingError):
        baseline_in(Path(earlier), "wknd")
    code, said, _ = run(gate, capsys, "Gear", "--baseline", earlier)
    assert code == 2
    assert "has changed since it was recorded" in said
