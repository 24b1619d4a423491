"""Is a difference this release, or drift? It is drift if stage was so already when both ran the same code.

Each run keeps what stage says, as digests. The stage of the last verified release ran the code that production
runs now: what it said then and says now is no work of this release.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from aem_checks.parity.compare import Pair, Suspicion
from aem_checks.parity.facts import Fact, Facts

FORMAT = 1
_DIGEST = 6
"""Bytes of the digest of one fact: among 20,000 of a page two are alike once in a million pages."""
_MOST_BYTES = 64 * 1024 * 1024


@lru_cache(maxsize=100_000)
def digest(fact: Fact) -> bytes:
    return hashlib.blake2b("\x1f".join(fact).encode("utf-8", "replace"), digest_size=_DIGEST).digest()


@dataclass(frozen=True, slots=True)
class Attributed:
    """One page's difference in three parts."""

    release: Suspicion
    drift: Suspicion
    unknown: Suspicion
    """Of a page that the last verified release did not look at."""


@dataclass(frozen=True)
class StageBefore:
    """What stage said at the last verified release: digests of facts by path."""

    pages: Mapping[str, frozenset[bytes]]

    def attribute(self, path: str, found: Suspicion) -> Attributed:
        """Stage lost what it had then, or gained what it had not: that is the release, the rest is drift."""
        before = self.pages.get(path)
        if before is None:
            return Attributed(Suspicion(), Suspicion(), found)
        lost = frozenset(fact for fact in found.lost if digest(fact) in before)
        gained = frozenset(fact for fact in found.gained if digest(fact) not in before)
        return Attributed(
            Suspicion(lost, gained), Suspicion(found.lost - lost, found.gained - gained), Suspicion()
        )


def keep(pairs: Iterable[Pair], fingerprint: str) -> bytes:
    """What stage says now, for the next release. ``fingerprint``: of the rules that the facts went through."""
    pages = {pair.path: _packed(pair.stage.ever) for pair in pairs}
    text = json.dumps({"format": FORMAT, "rules": fingerprint, "pages": pages}, separators=(",", ":"))
    return gzip.compress(text.encode(), 6, mtime=0)


def read(data: bytes, fingerprint: str) -> StageBefore | None:
    """What ``keep`` wrote; ``None`` for other rules, another format and damaged data."""
    try:
        unpacker = zlib.decompressobj(wbits=31)
        told = json.loads(unpacker.decompress(data, _MOST_BYTES))
        if told["format"] != FORMAT or told["rules"] != fingerprint:
            return None
        return StageBefore({path: _unpacked(packed) for path, packed in told["pages"].items()})
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        return None


def _packed(facts: Facts) -> str:
    return base64.b64encode(b"".join(sorted(digest(fact) for fact in facts))).decode()


def _unpacked(packed: str) -> frozenset[bytes]:
    data = base64.b64decode(packed, validate=True)
    return frozenset(data[at : at + _DIGEST] for at in range(0, len(data), _DIGEST))
