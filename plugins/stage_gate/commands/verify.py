"""Is this evidence what was sealed, and does the decision follow from it? Offline: no Airflow, no network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aem_checks.text import plain
from stage_gate.commands.bundle import BundleError, opened
from stage_gate.commands.diagnosis import State
from stage_gate.commands.proving import prove
from stage_gate.evidence.signing import Keys, key_id, read_key

if TYPE_CHECKING:
    import argparse

TRUSTED = "AIRFLOW__STAGE_GATE__TRUSTED_KEYS"


def run(options: argparse.Namespace) -> int:
    """Print a line per finding. 0: all of it is proven; 1: something is not; 2: wrong usage, or a refused bundle."""
    try:
        keys = keys_of(options.key)
    except ValueError as error:
        print(f"Wrong usage: a trusted key is none: {error}.", file=sys.stderr)
        return 2
    if not options.bundle.exists():
        print(f"Wrong usage: there is no {options.bundle}.", file=sys.stderr)
        return 2
    try:
        with opened(options.bundle) as folder:
            found = list(prove(folder, keys))
    except BundleError as error:
        print(f"Refused: {plain(str(error))}")
        return 1
    for each in found:
        print(each)
    wrong = sum(each.state is not State.GOOD for each in found)
    print(f"\n{_summary(wrong, len(found), keys)}")
    return int(wrong > 0)


def keys_of(given: Iterable[str]) -> Keys:
    """The public keys that were given, else those of this environment. Raises ``ValueError``."""
    texts = list(given) or os.environ.get(TRUSTED, "").replace(",", " ").split()
    return Keys(trusted=tuple(read_key(text) for text in texts))


def _summary(wrong: int, lines: int, keys: Keys) -> str:
    if wrong:
        return f"NOT verified: {wrong} of {lines} findings are against it."
    return f"Verified, with a key that is trusted here ({', '.join(map(key_id, keys.trusted))})."
