"""A check of the release's source on a small git repository: what does it judge?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aem_checks.baseline import Baseline
from aem_checks.check import Check
from aem_checks.house import House
from aem_checks.means import Means
from aem_checks.outcomes import Judgement
from aem_checks.sites import Endpoint, SiteConfig
from unit.aem_checks.git_repository import commit

NOTHING: Any = None
SITE = SiteConfig(name="wknd", stage=Endpoint(url="https://stage.wknd.example"), pages=("/",))


def judge_source(
    kind: type[Check[Any]],
    folder: Path,
    files: Mapping[str, str],
    *,
    facts: Mapping[str, Any] | None = None,
    baseline: Path | None = None,
    **settings: Any,
) -> Judgement:
    """Commit the files and run the check on them. ``baseline``: the folder of an earlier call."""
    commit_id = commit(folder / "git", files)
    told = {"commit_id": commit_id, **(facts or {})}
    check = kind(kind.settings_type(checkout={"folder": str(folder / "git")}, **settings))
    before = Baseline("execution 4711 of 2026-11-20", baseline / "evidence") if baseline else None
    visit = Means(SITE, "stage", NOTHING, None, folder / "evidence", facts=told, baseline=before)
    return asyncio.run(House.lead(check, visit))
