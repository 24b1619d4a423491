"""J3: how long a site takes without caches, judged by a budget and by the last release."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks import client as client_module
from aem_checks.baseline import Baseline
from aem_checks.kinds.performance.response_times import ResponseTimes, ResponseTimesSettings, percentile
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.runner import run_check
from simulator.aem.clock import Clock
from unit.aem_checks.page_site import PageSite, html


class Publish:
    """Takes the seconds of each answer in turn, the last again and again; ``fails`` from that number on.

    They are seconds of a clock that the client measures with, and that moves in no other way.
    """

    def __init__(self, *seconds: float, fails: int = 10_000) -> None:
        self._seconds, self._fails = seconds, fails
        self.asked: list[str] = []
        self.clock = Clock()

    async def __call__(self, request: Any) -> web.Response:
        turn = len(self.asked)
        self.asked.append(request.path_qs)
        await self.clock.sleep(self._seconds[min(turn, len(self._seconds) - 1)])
        if turn >= self._fails:
            return web.Response(status=503)
        return web.Response(text=html(), content_type="text/html")


def run(publish: Publish, folder: Path, baseline: Baseline | None = None, **settings: Any) -> CheckResult:
    async def go() -> CheckResult:
        async with PageSite(everything=publish) as site, site.client() as client:
            check = ResponseTimes(ResponseTimesSettings(**{"requests": 5, **settings}))
            visit = Means(site.config(), "stage", client, None, folder, baseline=baseline)
            return await run_check(check, visit)

    with publish.clock.rules(client_module):
        return asyncio.run(go())


def bad(result: CheckResult) -> list[str]:
    return [each.sentence for each in result.findings if each.outcome is not Outcome.PASSED]


def test_a_quick_site_passes_and_its_times_are_kept_and_told(tmp_path: Path) -> None:
    publish = Publish(0)
    result = run(publish, tmp_path)
    assert (result.outcome, result.examined, bad(result)) == ("passed", 5, [])
    assert len(json.loads((tmp_path / "response_times" / "seconds.json").read_text())["/"]) == 5
    assert any("median" in finding.sentence for finding in result.findings)
    assert len(publish.asked) == len(set(publish.asked)) == 7


def test_the_first_answers_only_warm_publish(tmp_path: Path) -> None:
    assert run(Publish(0.7, 0.7, 0), tmp_path, budget="0.5s").outcome == "passed"


def test_a_slow_site_is_a_warning_and_is_not_asked_longer_than_needed(tmp_path: Path) -> None:
    publish = Publish(0, 0, 0.12)
    result = run(publish, tmp_path, budget="0.05s", requests=100)
    assert (result.severity, result.outcome) == ("warn", "failed")
    assert "longer than 50 ms to its first byte in 6 of 6 answers" in bad(result)[0]
    assert len(publish.asked) == 8


def test_one_slow_answer_of_twenty_is_chance(tmp_path: Path) -> None:
    assert run(Publish(0, 0, 0, 0.7, 0), tmp_path, requests=20, budget="0.5s").outcome == "passed"


def _before(folder: Path, seconds: float) -> Baseline:
    file = folder / "response_times" / "seconds.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"/": [seconds] * 5}))
    return Baseline("execution 4711 of 2026-11-20", folder)


def test_a_page_slower_than_at_the_last_release_is_a_warning(tmp_path: Path) -> None:
    result = run(Publish(0, 0, 0.3), tmp_path, _before(tmp_path / "before", 0.01))
    assert result.outcome == "failed"
    assert "at execution 4711 of 2026-11-20" in bad(result)[0]


def test_a_page_that_is_faster_or_slower_within_the_setting_passes(tmp_path: Path) -> None:
    assert run(Publish(0, 0, 0.2), tmp_path, _before(tmp_path / "slow", 1.0)).outcome == "passed"
    assert (
        run(Publish(0, 0, 0.3), tmp_path, _before(tmp_path / "quick", 0.1), slower=1000).outcome == "passed"
    )


@pytest.mark.parametrize("kept", [b"{}", b"no json", b'{"/": ["x"]}', b"[]"])
def test_a_damaged_baseline_is_no_baseline(tmp_path: Path, kept: bytes) -> None:
    file = tmp_path / "before" / "response_times" / "seconds.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(kept)
    assert run(Publish(0), tmp_path, Baseline("execution 1", tmp_path / "before")).outcome == "passed"


@pytest.mark.parametrize(("fails", "expected"), [(0, "inconclusive"), (4, "failed")])
def test_a_page_that_breaks_off_is_told(tmp_path: Path, fails: int, expected: str) -> None:
    result = run(Publish(0, fails=fails), tmp_path)
    assert result.outcome == expected
    assert "status 503" in bad(result)[0]


def test_a_refusal_is_inconclusive(tmp_path: Path) -> None:
    async def go() -> CheckResult:
        async with PageSite(everything=lambda _: web.Response(status=405)) as site, site.client() as client:
            check = ResponseTimes(ResponseTimesSettings())
            return await run_check(check, Means(site.config(), "stage", client, None, tmp_path))

    result = asyncio.run(go())
    assert (result.outcome, result.examined) == ("inconclusive", 0)
    assert result.findings[0].cause == "network"


def test_a_load_needs_a_name_and_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="agreed_by"):
        ResponseTimesSettings(load={"per_second": 5})  # type: ignore[arg-type]
    load = {"agreed_by": "Alice", "duration": "0.5s", "per_second": 20}
    publish = Publish(*[0] * 7, 0.7)
    result = run(publish, tmp_path, load=load, budget="0.5s")
    assert len(publish.asked) == 7 + 10
    assert result.outcome == "failed"
    assert "agreed by Alice" in bad(result)[0]
    failing = run(Publish(0, fails=7), tmp_path, load=load)
    assert "10 of 10 requests" in bad(failing)[0]


def test_the_percentile_is_the_second_longest_of_twenty() -> None:
    assert percentile([number / 10 for number in range(20)]) == 1.8
    assert percentile([0.5]) == 0.5
