"""What does a check say of recorded pages, when it can ask nobody?"""

from __future__ import annotations

from typing import Any

from aem_checks.asking import ask_then
from aem_checks.baseline import Baseline
from aem_checks.check import Check
from aem_checks.folders import NOWHERE
from aem_checks.outcomes import Judgement
from aem_checks.recording import Recording
from aem_checks.sites import Endpoint, SiteConfig
from aem_checks.visit import Visit


def judge_pages(check: Check[Any], recording: Recording, before: Recording | None = None) -> Judgement:
    """``before``: what was recorded at the last verified release."""
    visit = Visit(
        site=SiteConfig(name=recording.site, stage=Endpoint(url=recording.base_url), pages=("/",)),
        target=recording.target,
        recording=recording,
        baseline=Baseline("execution 1", NOWHERE, before) if before else None,
    )
    return ask_then(check.judge(visit), [], visit.reader())
