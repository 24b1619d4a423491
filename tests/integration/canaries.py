"""Where does a secret turn up? Canaries that nobody could write by chance, and a search that knows their disguises."""

from __future__ import annotations

import base64
import gzip
import hashlib
import sqlite3
import string
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_postgres import LocalPostgres

_ALPHABET = string.ascii_letters + string.digits
_ENOUGH = 12
"""Characters of a canary that give it away: a cut secret is a secret told."""
_SHORTEST = 16


@dataclass(frozen=True)
class Canary:
    """A secret of one credential field. ``core``: the part that no encoding of text changes."""

    field: str
    value: str
    core: bytes

    @classmethod
    def of(cls, field: str) -> Canary:
        """The same for the same field in every session; the signs in it are those that encodings change."""
        digest = hashlib.sha512(field.encode()).digest()
        core = "".join(_ALPHABET[each % len(_ALPHABET)] for each in digest[:32])
        return cls(field, f'simulated-{core}&<"+/=>%', core.encode())

    @classmethod
    def known(cls, field: str, value: str | bytes) -> Canary:
        """A secret that something else made, all of it telling, such as a key or a token."""
        core = value.encode() if isinstance(value, str) else value
        if len(core) < _SHORTEST:
            raise ValueError(f"the secret of {field} is too short to be told from anything else")
        return cls(field, value if isinstance(value, str) else "", core)

    @property
    def disguises(self) -> frozenset[bytes]:
        """What is looked for. The ends of the core are the same in HTML, URL and JSON; base64 has three phases."""
        core = self.core
        percent = "".join(f"%{byte:02x}" for byte in core)
        found = {core[:_ENOUGH], core[-_ENOUGH:], percent.encode(), percent.upper().encode()}
        found |= {core.hex().encode(), core.hex().upper().encode()}
        return frozenset(found.union(*(_base64(core, phase) for phase in range(3))))


def _base64(core: bytes, phase: int) -> set[bytes]:
    """How the core looks within the base64 of a longer text, in both alphabets, without the digits it shares."""
    text = base64.b64encode(bytes(phase) + core)
    inner = text[(0, 2, 3)[phase] : (phase + len(core)) * 8 // 6]
    return {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}


@dataclass(frozen=True)
class Place:
    """A place to search: what is there, and what has to be found there if the search reads it at all."""

    name: str
    texts: Mapping[str, bytes]
    control: bytes

    @property
    def is_read(self) -> bool:
        return any(self.control in text for text in self.texts.values())

    def found(self, canaries: Iterable[Canary]) -> list[str]:
        """A sentence for each text that tells a canary; it does not quote it."""
        return [
            f"{canary.field} in {where}"
            for canary in canaries
            for where, text in self.texts.items()
            if any(disguise in text for disguise in canary.disguises)
        ]


def files_below(folder: Path, pattern: str = "**/*", *, without: Iterable[str] = ()) -> dict[str, bytes]:
    """All files by their path, unpacked where they are packed; the path counts as well."""
    left_out = set(without)
    files = [path for path in sorted(folder.glob(pattern)) if path.is_file() and path.name not in left_out]
    return {
        name: name.encode() + b"\n" + _unpacked(path)
        for path in files
        for name in [str(path.relative_to(folder))]
    }


def tables_of(database: LocalPostgres | Path) -> dict[str, bytes]:
    """Each table of a PostgreSQL, or of an SQLite file: every value of every row. No value is split into pages."""
    if isinstance(database, LocalPostgres):
        with database.connected() as connection:
            _json_stays_text(connection)
            return _tables(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        return _tables(connection, "SELECT name FROM sqlite_master WHERE type = 'table'")


def _json_stays_text(connection: Any) -> None:
    from psycopg2 import extras

    extras.register_default_json(connection, loads=str)
    extras.register_default_jsonb(connection, loads=str)


def _tables(connection: Any, names: str) -> dict[str, bytes]:
    tables = [name for (name,) in _rows(connection, names)]
    return {name: b"\n".join(_values(_rows(connection, f'SELECT * FROM "{name}"'))) for name in tables}


def _rows(connection: Any, sql: str) -> list[Sequence[Any]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _values(values: Iterable[Any]) -> Iterator[bytes]:
    """The plain content of each value; of rows and arrays, that of each of theirs."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _values(value)
        elif isinstance(value, bytes | memoryview):
            yield _plain(bytes(value))
        else:
            yield str(value).encode("utf-8", "surrogatepass")


def _unpacked(path: Path) -> bytes:
    return _plain(path.read_bytes())


def _plain(content: bytes) -> bytes:
    """The content, with what gzip or zlib made of it unpacked behind it."""
    if content.startswith(b"\x1f\x8b"):
        return content + gzip.decompress(content)
    if content[:1] == b"\x78":
        try:
            return content + zlib.decompress(content)
        except zlib.error:
            return content
    return content
