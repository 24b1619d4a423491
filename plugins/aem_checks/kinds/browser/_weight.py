"""How heavy is a page, by what its requests brought?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from aem_checks.browser.seen import Asked

WORTH_PACKING = 10 * 1024
"""Bytes; smaller texts are not worth compressing."""
_TEXTS = ("text/", "application/javascript", "application/json", "image/svg+xml", "application/xml")
_PARTS = {
    "Script": "scripts",
    "Stylesheet": "styles",
    "Image": "images",
    "Font": "fonts",
    "Document": "documents",
}


class Weight(BaseModel):
    """One page with a cold cache. Bytes on the wire, headers included."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    requests: int
    bytes: int
    parts: dict[str, int]
    """Bytes by kind: ``scripts``, ``styles``, ``images``, ``fonts``, ``documents``, ``others``."""


class Weights(BaseModel):
    """All pages; kept for the next release to compare with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pages: dict[str, Weight]

    @classmethod
    def read(cls, content: bytes | None) -> Weights | None:
        """``None`` where there is none, or none that can be read."""
        try:
            return None if content is None else cls.model_validate_json(content)
        except ValidationError:
            return None


def weigh(requests: Iterable[Asked]) -> Weight:
    """The weight of a page; what never arrived weighs nothing."""
    parts: dict[str, int] = {}
    arrived = [each for each in requests if each.status]
    for each in arrived:
        part = _PARTS.get(each.kind, "others")
        parts[part] = parts.get(part, 0) + each.bytes
    return Weight(requests=len(arrived), bytes=sum(parts.values()), parts=dict(sorted(parts.items())))


def is_unpacked(asked: Asked) -> bool:
    """Whether a text of some size came without compression."""
    return (
        asked.mime.startswith(_TEXTS)
        and not asked.encoding
        and asked.size >= WORTH_PACKING
        and asked.status == 200
    )


def in_words(size: int) -> str:
    """``312 kB`` or ``2.4 MB``."""
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1000))} kB"
