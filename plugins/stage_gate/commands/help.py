"""What does the help of a command say besides its options? What it is for, lines to paste, and what its exit code means."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from aem_checks.command_line import BROKEN, INTERRUPTED, UNREAD

_ALWAYS = {
    2: "wrong usage",
    BROKEN: "the program itself failed",
    INTERRUPTED: "interrupted",
    UNREAD: "whoever read the output went away",
}
_EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "init": ("--list", "--program 12345 --pipeline 678901 --name wknd"),
    "doctor": ("wknd", "dags/gates/wknd.yaml --timeout 60"),
    "schema": ("", "--output gate.schema.json"),
    "key": ("", "--public"),
    "verify": ("evidence/wknd/execution-2345678", "bundle.zip --key PUBLIC"),
    "replay": ("", "wknd --since 2026-11-01 --json"),
    "calibrate": ("wknd --only links --owner alice --days 14",),
    "ledger": ("wknd --last 10", "wknd --json"),
    "docs": ("",),
}
"""Arguments of each command."""
_ENDS: Mapping[str, tuple[str, str]] = {
    "init": ("the list, or the gate file, is there", "nothing was written"),
    "doctor": ("nothing stops the gate", "something does: each line that begins with ✘ says what to do"),
    "schema": ("it is written", "it is not"),
    "key": ("the key is printed", "there is none, or it can't be kept"),
    "verify": ("all of it is proven", "something is not"),
    "replay": ("today's gate decides as then", "it decides otherwise, or a release can't be read"),
    "calibrate": ("nothing would block", "something would"),
    "ledger": ("all entries are believed, or entered again", "some are not, or were not"),
    "docs": ("they are written", "they are not"),
}
"""What 0 and 1 mean."""


def explain(name: str, parser: argparse.ArgumentParser, what_for: str) -> None:
    """Give the help of a command its description, examples and exit codes."""
    good, bad = _ENDS[name]
    codes = {0: good, 1: bad, **_ALWAYS}
    told = [f"  {parser.prog} {arguments}".rstrip() for arguments in _EXAMPLES[name]]
    ends = [f"  {code:<4} {meaning}" for code, meaning in codes.items()]
    parser.description = f"{what_for[:1].upper()}{what_for[1:]}."
    parser.epilog = "\n".join(["examples:", *told, "", "exit codes:", *ends])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def examples() -> Mapping[str, tuple[str, ...]]:
    """The arguments of each command's examples."""
    return _EXAMPLES
