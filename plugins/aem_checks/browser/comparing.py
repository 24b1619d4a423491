"""Where do two pictures of the same page differ, and by how much?"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aem_checks.browser.pictures import MASK

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

MAX_PIXELS = 40_000_000
"""Of one picture; 1366 by 16,000 are 22 million."""
CHANNEL_TOLERANCE = 16
"""Steps of 255 by which a colour channel may differ: below, people see no difference."""
_MARGIN = 24
_TILE = 32
_FRAME = (214, 40, 40)
_WIDEST = 1600
_TALLEST = 900


class NotComparable(ValueError):
    """A picture that can't be read; the message is the end of a sentence."""


@dataclass(frozen=True)
class Difference:
    """How two pictures differ. The pictures themselves are kept for ``shown``."""

    pixels: int
    """How many differ, those that only one picture has included."""
    of: int
    """Pixels of the larger picture."""
    box: tuple[int, int, int, int]
    """Left, top, right and bottom of the smallest rectangle around them, in pixels."""
    sizes: tuple[tuple[int, int], tuple[int, int]]
    """Width and height before and now."""

    @property
    def share(self) -> float:
        return self.pixels / self.of

    @property
    def place(self) -> str:
        """Where, in words: ``320 x 80 pixels at 12, 430``."""
        left, top, right, bottom = self.box
        return f"{right - left} x {bottom - top} pixels at {left}, {top}"


def compare(before: bytes, now: bytes, again: bytes | None = None) -> Difference:
    """How two PNGs differ; what also differs between ``now`` and ``again`` changes by itself and is left out.

    Raises ``NotComparable``.
    """
    first, second = _read(before), _read(now)
    differs = _differing(first, second)
    if again is not None:
        moving = _grown(_differing(second, _read(again)), differs.shape)
        differs &= ~moving
    return Difference(
        pixels=int(differs.sum()),
        of=int(differs.size),
        box=_box(differs),
        sizes=((first.width, first.height), (second.width, second.height)),
    )


def masked(picture: bytes) -> float:
    """Which share of what a PNG shows the masks cover; the empty page around it does not count.

    Raises ``NotComparable``.
    """
    import numpy

    pixels = numpy.asarray(_read(picture))
    covered = (pixels == MASK).all(axis=2)
    if not covered.any():
        return 0.0
    empty = pixels[-1, -1]
    left, top, right, bottom = _box(covered | (pixels != empty).any(axis=2))
    return float(covered[top:bottom, left:right].mean())


def shown(before: bytes, now: bytes, difference: Difference) -> bytes:
    """A PNG for people: the differing region before and now, side by side, framed."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = difference.box
    cut = (
        max(0, left - _MARGIN),
        max(0, top - _MARGIN),
        right + _MARGIN,
        min(bottom + _MARGIN, max(0, top - _MARGIN) + _TALLEST),
    )
    parts = []
    for picture in (_read(before), _read(now)):
        part = Image.new("RGB", (cut[2] - cut[0], cut[3] - cut[1]), "white")
        part.paste(picture, (-cut[0], -cut[1]))
        frame = (left - cut[0], top - cut[1], right - cut[0] - 1, bottom - cut[1] - 1)
        ImageDraw.Draw(part).rectangle(frame, outline=_FRAME, width=2)
        parts.append(part)
    both = Image.new("RGB", (parts[0].width * 2 + _MARGIN, parts[0].height), "lightgrey")
    both.paste(parts[0], (0, 0))
    both.paste(parts[1], (parts[0].width + _MARGIN, 0))
    both.thumbnail((_WIDEST, _TALLEST))
    written = io.BytesIO()
    both.save(written, "PNG")
    return written.getvalue()


def _read(content: bytes) -> Image:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content), formats=["PNG"])
        if picture.width * picture.height > MAX_PIXELS:
            raise NotComparable(f"it has {picture.width} x {picture.height} pixels")
        return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, NotComparable):
            raise
        raise NotComparable(f"it is no PNG that can be read ({type(error).__name__})") from error


def _differing(first: Image, second: Image) -> NDArray[Any]:
    """Which pixels differ, on a canvas that holds both; what only one of them has differs."""
    import numpy

    width, height = max(first.width, second.width), max(first.height, second.height)
    differs = numpy.ones((height, width), dtype=bool)
    rows, columns = min(first.height, second.height), min(first.width, second.width)
    step = 1000
    for top in range(0, rows, step):  # in slices, so that no picture is held as 16-bit numbers at once
        end = min(top + step, rows)
        one = numpy.asarray(first.crop((0, top, columns, end)), dtype=numpy.int16)
        other = numpy.asarray(second.crop((0, top, columns, end)), dtype=numpy.int16)
        differs[top:end, :columns] = (numpy.abs(one - other) > CHANNEL_TOLERANCE).any(axis=2)
    return differs


def _grown(moving: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """What moves, in tiles with their neighbours, on a canvas of this shape: a moving thing is never the same twice."""
    import numpy

    rows, columns = -(-max(shape[0], moving.shape[0]) // _TILE), -(-max(shape[1], moving.shape[1]) // _TILE)
    padded = numpy.zeros((rows * _TILE, columns * _TILE), dtype=bool)
    padded[: moving.shape[0], : moving.shape[1]] = moving
    tiles = padded.reshape(rows, _TILE, columns, _TILE).any(axis=(1, 3))
    for axis in (0, 1):
        edge = numpy.pad(tiles, [(1, 1) if each == axis else (0, 0) for each in (0, 1)])
        size = tiles.shape[axis]
        tiles = edge.take(range(size), axis) | tiles | edge.take(range(2, size + 2), axis)
    return tiles.repeat(_TILE, 0).repeat(_TILE, 1)[: shape[0], : shape[1]]


def _box(differs: NDArray[Any]) -> tuple[int, int, int, int]:
    import numpy

    rows, columns = numpy.flatnonzero(differs.any(axis=1)), numpy.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return (0, 0, 0, 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
