"""Is what came back really an image, a video or a document, whole and of the type that it says?"""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from aem_checks.codes import Codes
from aem_checks.outcomes import Severity
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.response import Response

MOST_PIXELS = 12_000_000
"""An image with more is not unpacked, only its header is read: 12 megapixels take up to 48 MB of memory."""
_DRAFT = (256, 256)
_OBJECT = re.compile(r" ?<[^<>]{1,200} at 0x[0-9a-fA-F]+>")
"""What a decoder may say of the object that it reads from: another address each time."""
_TYPES = {
    "JPEG": {"image/jpeg", "image/jpg", "image/pjpeg"},
    "PNG": {"image/png", "image/apng"},
    "GIF": {"image/gif"},
    "WEBP": {"image/webp"},
    "AVIF": {"image/avif"},
    "ICO": {"image/x-icon", "image/vnd.microsoft.icon", "image/ico"},
    "BMP": {"image/bmp", "image/x-ms-bmp"},
    "TIFF": {"image/tiff"},
}
_UNKNOWN_TO_US = frozenset({"image/jxl", "image/heic", "image/heif", "image/jxr", "image/jp2"})
_DOCUMENT_STARTS = (b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_GENERIC = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-download"})


class Fault(NamedTuple):
    """What is wrong with an answer; ``severity`` where it is milder than the check."""

    code: str
    expected: str
    actual: str
    severity: Severity | None = None


FAULTS: Codes = {
    "address": "a file is named by what is no address",
    "status": "a file answers with an error status",
    "content_type": "a file is of another type than the page promises",
    "damaged": "a file is empty, or can't be decoded",
    "too_large": "an image has more pixels than browsers show",
    "wrong_type": "an image says that it is of another type than it is",
}
"""What ``Fault.code`` can be, for the kinds that look at files."""


def fault_in(response: Response, kind: str) -> Fault | None:
    """``None`` when a good answer (status 200 or 206) holds what a page promised: image, video or document."""
    declared = response.content_type
    if kind == "document":
        return _document_fault(response)
    if kind == "video":
        good = declared.startswith(("video/", "audio/")) or declared in _GENERIC or "mpegurl" in declared
        return (
            None if good else Fault("content_type", "a video", f"content type {quoted(declared or 'none')}")
        )
    if not declared.startswith("image/"):
        return Fault("content_type", "an image", f"content type {quoted(declared or 'none')}")
    if response.method == "HEAD" or declared in _UNKNOWN_TO_US or response.truncated:
        return None
    return _image_fault(response.body, declared)


def _document_fault(response: Response) -> Fault | None:
    declared = response.content_type
    if declared.startswith("text/") or not declared.startswith("application/"):
        return Fault("content_type", "a document", f"content type {quoted(declared or 'none')}")
    if not response.body.lstrip(b"\xef\xbb\xbf\r\n ").startswith(_DOCUMENT_STARTS):
        actual = f"{len(response.body)} bytes that are neither PDF nor Office"
        return Fault("damaged", "a document", actual)
    return None


def _image_fault(body: bytes, declared: str) -> Fault | None:
    if declared == "image/svg+xml":
        good = b"<svg" in body[:65536].lower() or body.startswith(b"\x1f\x8b")
        return None if good else Fault("damaged", "an SVG image", f"{len(body)} bytes without <svg")
    if not body:
        return Fault("damaged", "an image", "0 bytes")
    from PIL import Image

    try:
        kind = _decode(body)
    except Image.DecompressionBombError:
        actual = f"far more than {MOST_PIXELS} pixels"
        return Fault("too_large", "an image that browsers can show", actual, Severity.WARN)
    except Exception as error:  # noqa: BLE001 - decoders raise many types on hostile files
        actual = f"{len(body)} bytes that cannot: {quoted(_OBJECT.sub('', str(error)), 80)}"
        return Fault("damaged", "an image that can be decoded", actual)
    if declared not in _TYPES.get(kind, {declared}):
        actual = f"content type {quoted(declared)}"
        return Fault("wrong_type", f"the type of a {kind} file", actual, Severity.WARN)
    return None


def _decode(body: bytes) -> str:
    """The format's name. Raises whatever the decoder raises for a damaged file."""
    from PIL import Image

    if _pixels_of_icon(body) > MOST_PIXELS:  # icons are unpacked as soon as they are opened
        raise Image.DecompressionBombError
    with Image.open(io.BytesIO(body), formats=tuple(_TYPES)) as image:
        opened: Any = image
        if opened.width * opened.height <= MOST_PIXELS:
            opened.draft("RGB", _DRAFT)
            opened.load()
        return str(opened.format)


def _pixels_of_icon(body: bytes) -> int:
    """The most pixels of a picture inside of an icon, whose own header may claim less; 0 for other files."""
    if body[:4] != b"\x00\x00\x01\x00":
        return 0
    most, number = 0, int.from_bytes(body[4:6], "little")
    for at in range(6, min(len(body) - 15, 6 + 16 * number), 16):
        (offset,) = struct.unpack_from("<I", body, at + 12)
        start = body[offset : offset + 24]
        order, place = (">", 16) if start.startswith(b"\x89PNG") else ("<", 4)
        width, height = struct.unpack_from(f"{order}ii", start, place) if len(start) >= place + 8 else (0, 0)
        most = max(most, abs(width * height))
    return most
