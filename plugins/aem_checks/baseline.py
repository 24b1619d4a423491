"""What did a site look like at the last release that was approved and verified?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aem_checks.folders import Folder
    from aem_checks.recording import Recording


@dataclass(frozen=True)
class Baseline:
    """The evidence of one site and target at that release. What it lacks was not looked at then."""

    release: str
    """Which release, as words in a sentence: ``execution 4711 of 2026-11-20``."""
    folder: Folder
    """The same folder that ``Visit.keep`` wrote into at that release; read-only."""
    recording: Recording | None = None

    def read(self, name: str) -> bytes | None:
        """A file that ``Visit.keep`` wrote under this name at that release; ``None`` where there is none."""
        path = self.folder
        for part in name.split("/"):
            path = path / part
        return path.read_bytes() if path.exists() else None
