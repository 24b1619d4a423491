"""What did a site look like at the last release that was approved and verified?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aem_checks.recording import INDEX, Recording

if TYPE_CHECKING:
    from aem_checks.folders import Folder


@dataclass(frozen=True)
class Baseline:
    """The evidence of one site and target at that release. What it lacks was not looked at then."""

    release: str
    """Which release, as words in a sentence: ``execution 4711 of 2026-11-20``."""
    folder: Folder
    """The same folder that files were kept in at that release; read-only."""
    recording: Recording | None = None

    def read(self, name: str) -> bytes | None:
        """What ``Visit.keep`` had put under this name at that release; ``None`` where there is none."""
        path = self.folder
        for part in name.split("/"):
            path = path / part
        return path.read_bytes() if path.exists() else None


def baseline_in(folder: Folder, site: str) -> Baseline | None:
    """What a folder has of a site: an attempt of a gate's evidence, or what an earlier ``aem_checks run`` left.

    ``None`` where it has nothing of it. Nothing is verified here: ``python -m stage_gate verify`` does that.
    Raises ``RecordingError`` for a damaged recording.
    """
    of_gate = folder / "sites" / site
    files, recorded = (
        (of_gate, of_gate / "recording") if of_gate.exists() else (folder, folder / "recording" / site)
    )
    recording = Recording.load(recorded) if (recorded / INDEX).exists() else None
    if recording is None:
        return Baseline(str(folder), files) if of_gate.exists() else None
    return Baseline(f"{folder} of {recording.recorded_at:%Y-%m-%d}", files, recording)
