"""Are the bytes of many pages somewhere else than in memory, and the same when they are read?"""

from __future__ import annotations

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


def test_the_evidence_has_it_under_its_digest_and_notices_a_change(tmp_path: Path) -> None:
    blob = Spill().put(b"a picture")
    put_away(blob, tmp_path)
    kept = found_in(tmp_path, blob.sha256, blob.size)
    assert (kept, kept.read()) == (blob, b"a picture")
    (tmp_path / blob.sha256).write_bytes(b"another")
    with pytest.raises(BodyError):
        kept.read()
