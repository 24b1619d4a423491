"""Does any check crash, hang or pass on nothing when the site answers with garbage?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.kinds import all_kinds
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from catalogue.garbage import NOTHING, SOMETHING, Send, garbage_site
from catalogue.seeds import Clean
from catalogue.table import clean, needs_chromium
from catalogue.verdict import bad
from catalogue.world import filled_in

PAGES = ("/us/en.html",)
MAX_BODY = 500_000
"""Bytes that the client reads here, a twentieth of what it does else: the page of 50 MB is for all checks at once."""
OF_REDIRECTS_TOO = frozenset({"settled", "cors", "selector_flood", "dispatcher_probes"})
"""Kinds for which a redirect is an answer: what they judge is in its headers, or that it is no page."""
WAITS = "settled"
"""The kind that waits for something better until its time is over."""
KEPT_OUT = frozenset({"suites", "environment_variables"})
"""Kinds that do not look at the site."""


def _rows() -> list[Clean]:
    """One row for each kind that asks publish over HTTP, with settings that suit the simulated site."""
    rows = {row.kind: row for row in reversed(clean()) if not needs_chromium(row)}
    return [row for row in rows.values() if "author" not in row.site and row.kind not in KEPT_OUT]


async def _all_checks(send: Send, folder: Path, timeout: float) -> list[CheckResult]:  # noqa: ASYNC109
    async with garbage_site(send) as stage, garbage_site(send) as production:
        site = SiteConfig.model_validate(
            {
                "name": "garbage",
                "stage": stage,
                "production": production,
                "pages": PAGES,
                "requests_per_second": 1000,
            }
        )
        options: dict[str, Any] = {"rate_limit": RateLimit(5000, folder=folder / "rate"), "backoff": 0.01}
        options |= {"timeout": timeout, "max_body": MAX_BODY, "connections": 32}
        async with Client.for_site(site, lambda name: NO_ACCESS, **options) as client:
            recording = await record(site, "stage", client, folder / "recording", tries=1)
            visit = Means(site, "stage", client, recording, folder)
            return await asyncio.gather(*(_one(row, visit, folder) for row in _rows()))


async def _one(row: Clean, visit: Means, folder: Path) -> CheckResult:
    kind = all_kinds()[row.kind]
    places = {"{stage}": "https://media.stage.example", "{production}": "https://media.example"}
    settings = {"within": "10m", **filled_in(row.settings, places)} | (
        {"within": "1s", "every": "0.01s"} if row.kind == WAITS else {}
    )
    check = kind(kind.settings_type.model_validate(settings, context={"folder": str(folder)}))
    return await run_check(check, visit, may_rerun=lambda: False)


def _judge(results: list[CheckResult]) -> list[str]:
    """What no check may do."""
    wrong = []
    for result in results:
        said = " ".join(result.sentences)
        if "broke off with" in said or ("did not end within" in said and result.kind != WAITS):
            wrong.append(f"{result.kind}: {said}")
        if result.outcome is Outcome.PASSED and not result.examined:
            wrong.append(f"{result.kind} passed and examined nothing")
        if "root:" in said or any(char < " " for char in said):
            wrong.append(f"{result.kind} repeats what it must not: {said!r}")
    return wrong


@pytest.mark.parametrize("name", sorted(NOTHING))
def test_no_check_passes_on_what_is_no_answer(name: str, tmp_path: Path) -> None:
    results = asyncio.run(_all_checks(NOTHING[name], tmp_path, 0.1 if name == "slow loris" else 2))
    assert _judge(results) == []
    passed = {result.kind for result in results if result.outcome is Outcome.PASSED and not bad(result)}
    assert passed <= (OF_REDIRECTS_TOO if name == "endless redirects" else set())


@pytest.mark.parametrize("name", sorted(SOMETHING))
def test_no_check_crashes_or_hangs_on_what_it_does_not_expect(name: str, tmp_path: Path) -> None:
    results = asyncio.run(_all_checks(SOMETHING[name], tmp_path, 20))
    assert _judge(results) == []
    assert len(results) == len(_rows())


def test_the_judge_sees_a_crash_a_hang_and_a_check_that_passes_on_nothing(tmp_path: Path) -> None:
    result = asyncio.run(_all_checks(SOMETHING["no bytes"], tmp_path, 5))[0]
    finding = {"subject": "x", "sentence": "it broke off with ValueError: x"}
    crashed = CheckResult.model_validate({**result.model_dump(), "findings": [finding]})
    empty = CheckResult.model_validate({**result.model_dump(), "outcome": "passed", "examined": 0})
    assert len(_judge([crashed, empty])) == 2
