"""Are the bytes of many pages somewhere else than in memory, and the same when they are read?"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aem_checks.browser.blob import Spill, found_in, put_away
from aem_checks.stored_response import BodyError


def test_what_is_put_away_is_read_again_and_the_same_bytes_lie_there_once() -> None:
    spill = Spill()
    one, other, again = (spill.put(bytes([number]) * 1_000_000) for number in (1, 2, 1))
    assert one is again
    assert [blob.read()[:2] for blob in (one, other)] == [b"\1\1", b"\2\2"]
    assert one != other
    assert len(repr(one)) < 200


def test_it_is_there_as_long_as_somebody_has_it() -> None:
    assert Spill().put(b"a picture").read() == b"a picture"


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """A disk that takes no file beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_could_not_be_written_takes_the_place_of_nothing() -> None:
    spill = Spill()
    before = spill.put(b"before")
    with full_after(100_000), pytest.raises(OSError, match="File too large"):
        spill.put(b"x" * 1_000_000)
    after = spill.put(b"after")
    assert (before.read(), after.read()) == (b"before", b"after")
    assert spill.put(b"x" * 1_000_000).read() == b"x" * 1_000_000


def test_what_is_not_there_any_more_is_not_read_as_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = Spill().put(b"a picture")
    monkeypatch.setattr(os, "pread", lambda *_: b"a pic")
    with pytest.raises(BodyError):
        blob.read()


def test_the_evidence_has_it_under_its_digest_and_notices_a_change(tmp_path: Path) -> None:
    blob = Spill().put(b"a picture")
    put_away(blob, tmp_path)
    kept = found_in(tmp_path, blob.sha256, blob.size)
    assert (kept, kept.read()) == (blob, b"a picture")
    (tmp_path / blob.sha256).write_bytes(b"another")
    with pytest.raises(BodyError):
        kept.read()
