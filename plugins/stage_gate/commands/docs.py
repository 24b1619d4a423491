"""Which pages of docs/ are written by the rules themselves? This writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stage_gate.commands import decision_table, provider_reference, stage_changes_table

if TYPE_CHECKING:
    import argparse

WRITTEN = (decision_table, stage_changes_table, provider_reference)


def run(options: argparse.Namespace) -> int:
    """Write each document and say where."""
    for module in WRITTEN:
        path: Path = options.folder / module.DOCUMENT.name if options.folder else module.DOCUMENT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module.document(), encoding="utf-8")
        print(f"Wrote {path}")
    return 0
