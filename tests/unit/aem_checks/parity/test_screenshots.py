"""Does K4 see in pictures what stage does not show, and say where masks leave too little to see?"""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from aem_checks.browser.comparing import masked
from aem_checks.browser.pictures import MASK
from aem_checks.kinds.parity import _screenshots
from aem_checks.outcomes import Finding, Outcome

SIZE = 100


def picture(covered: int, *, shown: int = SIZE) -> bytes:
    """White and 100 pixels wide; the first rows are masked, and something is shown down to row ``shown``."""
    drawn = Image.new("RGB", (SIZE, SIZE), "white")
    drawn.paste((0, 0, 0), (0, 0, SIZE - 1, shown))
    drawn.paste(MASK, (0, 0, SIZE, covered))
    written = io.BytesIO()
    drawn.save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("covered", "shown", "share"), [(0, 100, 0), (50, 100, 0.5), (60, 100, 0.6), (30, 40, 0.75), (100, 0, 1)]
)
def test_masks_are_measured_by_what_is_shown(covered: int, shown: int, share: float) -> None:
    assert masked(picture(covered, shown=shown)) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("covered", "masks", "codes"),
    [(60, (":is(body)",), ["picture_masked"]), (40, (".date",), []), (60, (), [])],
)
def test_a_picture_that_masks_cover_for_more_than_half_is_inconclusive(
    covered: int, masks: tuple[str, ...], codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def photograph(*_: Any) -> bytes:
        return picture(covered)

    monkeypatch.setattr(_screenshots, "_photograph", photograph)
    monkeypatch.setattr(_screenshots, "replace", lambda visit, **_: visit)
    nobody: Any = None
    found: list[Finding] = asyncio.run(_screenshots._compare(nobody, nobody, "/us/en.html", masks))
    assert [each.code for each in found] == codes
    for each in found:
        assert each.outcome is Outcome.INCONCLUSIVE
        assert each.sentence.startswith("The pictures of /us/en.html cannot be compared: masks cover 60%")
