"""Which OSGi configuration does each tier and environment get, by the files of a commit?

AEM takes for each PID the file whose folder names the most of the instance's run modes, and merges nothing
(help/implementing/deploying/configuring-osgi of Adobe's documentation).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FILES = ("**/config*/*.cfg.json", "**/config*/*.cfg", "**/config*/*.config", "**/config*/*.xml")
TIERS = ("author", "publish")
ENVIRONMENTS = frozenset({"dev", "stage", "prod", "rde"})
_PLACE = re.compile(
    r"(?:^|.*/)(?:apps|jcr_root)/(?:.*/)?(?:config|install|osgiconfig/config)((?:\.[A-Za-z0-9_-]+)*)/"
    r"([^/]+)\.(?:cfg\.json|cfg|config|xml)"
)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One configuration: of which PID, for which run modes."""

    path: str
    pid: str
    modes: frozenset[str]

    def applies(self, tier: str, environment: str) -> bool:
        return self.modes <= {tier, environment}


def config_files(paths: Iterable[str]) -> list[ConfigFile]:
    """The configurations among these paths."""
    found = []
    for path in paths:
        place = _PLACE.fullmatch(path)
        if place is not None and not place[2].startswith("."):
            modes = frozenset(mode.lower() for mode in place[1].split(".") if mode)
            found.append(ConfigFile(path, place[2].replace("~", "-"), modes))
    return found


def by_pid(files: Iterable[ConfigFile]) -> Mapping[str, list[ConfigFile]]:
    found: dict[str, list[ConfigFile]] = defaultdict(list)
    for file in files:
        found[file.pid].append(file)
    return found


def effective(files: Iterable[ConfigFile], tier: str, environment: str) -> ConfigFile | None:
    """The file that wins on that tier of that environment."""
    applicable = [file for file in files if file.applies(tier, environment)]
    return max(applicable, key=lambda file: (len(file.modes), file.path), default=None)
