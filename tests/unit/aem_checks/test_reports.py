"""Report folders of commands that nobody trusts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aem_checks import reports
from aem_checks.reports import LeftOut, ReportFile, collect


def names(folder: Path) -> dict[str, str]:
    return {each.name: "kept" if isinstance(each, ReportFile) else each.why for each in collect(folder)}


def test_files_of_all_levels_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "junit").mkdir()
    (tmp_path / "junit" / "output.1.XML").write_bytes(b"<testsuite/>")
    (tmp_path / "shot.png").write_bytes(b"png")
    files = list(collect(tmp_path))
    assert files == [ReportFile("shot.png", b"png"), ReportFile("junit/output.1.XML", b"<testsuite/>")]
    assert [file.is_xml for file in files if isinstance(file, ReportFile)] == [False, True]


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.xml").write_text("secret")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "link.xml").symlink_to(secret / "key.xml")
    (folder / "dir").symlink_to(secret)
    os.link(secret / "key.xml", folder / "hard.xml")
    os.mkfifo(folder / "pipe.xml")
    found = names(folder)
    assert found.keys() == {"link.xml", "dir", "hard.xml", "pipe.xml"}
    assert "kept" not in found.values()


def test_a_folder_that_became_a_link_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reports").symlink_to(tmp_path / "elsewhere")
    assert list(collect(tmp_path / "reports")) == [LeftOut(".", "the report folder is gone or was replaced")]


def test_limits_of_size_and_number_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MAX_FILE_BYTES", 10)
    monkeypatch.setattr(reports, "MAX_FILES", 2)
    for name, size in (("a", 5), ("b", 11), ("c", 5), ("d", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    kept = [each.name for each in collect(tmp_path) if isinstance(each, ReportFile)]
    assert kept == ["a", "c"]


def test_a_sparse_giant_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "giant.xml").open("wb") as file:
        file.truncate(1 << 40)
    assert names(tmp_path) == {"giant.xml": "it is beyond the limits of number or size"}


def test_names_are_made_harmless_and_keep_their_ending(tmp_path: Path) -> None:
    (tmp_path / "a\n::group::<b>.xml").write_bytes(b"")
    (tmp_path / ("x" * 240 + ".xml")).write_bytes(b"")
    found = list(names(tmp_path))
    assert found[0] == "a%0A%3A%3Agroup%3A%3A%3Cb%3E.xml"
    assert len(found[1]) == 150
    assert found[1].endswith(".xml")


def test_folders_nested_too_deeply_are_reported(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"d" * 30)
    deep.mkdir(parents=True)
    (deep / "failed.xml").write_bytes(b"")
    assert names(tmp_path) == {".": "it has folders nested too deeply"}


def test_secrets_are_blanked_out(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(b"password=hunter2;")
    assert list(collect(tmp_path, ["hunter2"])) == [ReportFile("log.txt", b"password=*******;")]
