"""Where do the site's images and documents come from? They are real files, made here byte by byte."""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import lru_cache

_DC_LENGTHS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)


def _dc_codes() -> list[str]:
    """Canonical Huffman codes of the sizes 0 to 11, as bit strings."""
    codes, code = [], 0
    for length, count in enumerate(_DC_LENGTHS, start=1):
        for _ in range(count):
            codes.append(format(code, f"0{length}b"))
            code += 1
        code <<= 1
    return codes


_CODES = _dc_codes()


def _difference_bits(difference: int) -> str:
    """One block: the change of its mean value, then end of block (code ``0``)."""
    size = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return _CODES[size] + (format(value, f"0{size}b") if size else "") + "0"


def _colours(name: str) -> tuple[int, int, int]:
    """Two colour channels and a brightness that belong to a name, each from 60 to 195."""
    digest = hashlib.sha256(name.encode()).digest()
    return (60 + digest[0] % 136, 60 + digest[1] % 136, 60 + digest[2] % 136)


@lru_cache(maxsize=256)
def jpeg(name: str, width: int) -> bytes:
    """A baseline JPEG of 16 to 9, ``width`` pixels wide: a vertical gradient in the colours of ``name``."""
    height = max(8, width * 9 // 16)
    columns, rows = -(-width // 8), -(-height // 8)
    blue, red, base = _colours(name)
    bits, previous = [], [0, 0, 0]
    for row in range(rows):
        means = [base - 128 + 40 * row // rows - 20, blue - 128, red - 128]
        steps = [_difference_bits(new - old) for new, old in zip(means, previous, strict=True)]
        bits.append("".join(steps) + _difference_bits(0) * 3 * (columns - 1))
        previous = means
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\x00")
    return _jpeg_header(width, height) + data + b"\xff\xd9"


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _jpeg_header(width: int, height: int) -> bytes:
    components = b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    scan = b"".join(bytes((number, 0x00)) for number in (1, 2, 3))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            _segment(0xDB, b"\x00" + bytes([8] * 64)),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components),
            _segment(0xC4, b"\x00" + bytes(_DC_LENGTHS) + bytes(range(12))),
            _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\x00"),
            _segment(0xDA, b"\x03" + scan + b"\x00\x3f\x00"),
        )
    )


@lru_cache(maxsize=32)
def png(name: str, width: int, height: int) -> bytes:
    """An RGB PNG of one colour that belongs to ``name``; sizes in pixels."""
    pixel = bytes(_colours(name))
    rows = (b"\x00" + pixel * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, payload) for kind, payload in chunks)


def _png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def icon() -> bytes:
    """A Windows icon that holds one PNG of 32 by 32 pixels."""
    image = png("favicon", 32, 32)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(image), 22) + image


@lru_cache(maxsize=32)
def pdf(title: str) -> bytes:
    """A PDF of one page that shows its title; ASCII only."""
    shown = f"BT /F1 18 Tf 60 760 Td ({title}) Tj ET".encode("ascii", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer
