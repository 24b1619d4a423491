"""Which files are reports of this run, on a disk and in an object store?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from aem_checks.reports import TOO_OLD, LeftOut, ReportFile
from stage_gate.own_tests.reports import NoStore, Place


@pytest.mark.parametrize(
    ("written", "folder", "pattern"),
    [
        ("/r/a/*.xml", "/r/a", "*.xml"),
        ("/r/**/*.xml", "/r", "**/*.xml"),
        ("/r/shop.xml", "/r", "shop.xml"),
        ("/*.xml", "/", "*.xml"),
        ("/r/run-?/x/*.xml", "/r", "run-?/x/*.xml"),
        ("s3://store@bucket/77/*.xml", "s3://store@bucket/77", "*.xml"),
        ("s3://bucket/**", "s3://bucket", "**"),
    ],
)
def test_a_pattern_begins_at_its_first_wildcard(written: str, folder: str, pattern: str) -> None:
    assert Place.of(written) == Place(folder, pattern)


@pytest.mark.parametrize(
    ("pattern", "asked", "not_asked"),
    [
        ("*.xml", ["a.xml", "a b.xml"], ["a.png", "deep/a.xml", "axml"]),
        ("**/*.xml", ["a.xml", "deep/er/a.xml"], ["a.png"]),
        ("**", ["a.xml", "deep/a.png"], []),
        ("run-?/a.xml", ["run-1/a.xml"], ["run-12/a.xml", "run-/a.xml"]),
    ],
)
def test_what_a_pattern_asks_for(pattern: str, asked: list[str], not_asked: list[str]) -> None:
    place = Place("/r", pattern)
    assert [name for name in (*asked, *not_asked) if place.asks_for(name)] == asked


def told(place: Place, before: dict[str, str]) -> dict[str, str | bytes]:
    return {
        each.name: each.why if isinstance(each, LeftOut) else each.content for each in place.fresh(before)
    }


def test_only_what_is_new_or_was_written_again_counts(tmp_path: Path) -> None:
    for name in ("old", "again", "other"):
        (tmp_path / f"{name}.xml").write_text("before")
    place = Place(str(tmp_path), "*.xml")
    before = place.stamps()
    (tmp_path / "again.xml").write_text("now")
    os.utime(tmp_path / "other.xml", ns=(1, 1))
    (tmp_path / "new.xml").write_text("now")
    (tmp_path / "new.png").write_bytes(b"a picture")
    assert told(place, before) == {
        "again.xml": b"now",
        "new.xml": b"now",
        "old.xml": TOO_OLD,
        "other.xml": b"before",
    }


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "nowhere"), "*.xml")
    assert (place.stamps(), told(place, {})) == ({}, {})


def test_the_name_of_a_file_can_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a\n::error::.xml").write_text("x")
    [file] = Place(str(tmp_path), "*.xml").fresh({})
    assert isinstance(file, ReportFile)
    assert file.name == "a%0A%3A%3Aerror%3A%3A.xml"


@pytest.fixture
def store() -> Iterator[str]:
    driver = fsspec.filesystem("memory")
    driver.pipe_file("/bucket/77/old.xml", b"before")
    yield "memory://bucket/77"
    driver.rm("/bucket", recursive=True)


def test_an_object_store_is_read_in_the_same_way(store: str) -> None:
    place = Place.of(f"{store}/**/*.xml")
    before = place.stamps()
    driver = fsspec.filesystem("memory")
    driver.pipe_file("/bucket/77/deep/new.xml", b"now")
    driver.pipe_file("/bucket/77/new.png", b"a picture")
    assert told(place, before) == {"deep/new.xml": b"now", "old.xml": TOO_OLD}


def test_a_store_that_nobody_knows_says_so() -> None:
    with pytest.raises(NoStore, match=r"nostore://bucket can't be opened"):
        Place.of("nostore://bucket/*.xml").stamps()
