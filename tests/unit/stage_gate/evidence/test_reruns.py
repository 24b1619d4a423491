"""The budget of re-runs: nobody takes more than there is, however many ask at once."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.recording import record
from stage_gate.configuration.gate_file import gate_from_content
from stage_gate.evidence import claims
from stage_gate.evidence.claims import take_rerun
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.store import Evidence
from stage_gate.tasks import testing
from unit.aem_checks.page_site import PageSite, status
from unit.stage_gate.samples import CANDIDATE, plan


def test_as_many_re_runs_as_the_budget_holds_are_given_and_counted_in_files(tmp_path: Path) -> None:
    assert [take_rerun(tmp_path, 2, f"check{number}") for number in range(4)] == [True, True, False, False]
    assert sorted(path.name for path in (tmp_path / "reruns").iterdir()) == ["1", "2"]
    assert '"check1"' in (tmp_path / "reruns" / "2").read_text()


def test_a_re_run_says_who_took_it_and_when(tmp_path: Path) -> None:
    assert take_rerun(tmp_path, 1, "key_pages")
    taken = json.loads((tmp_path / "reruns" / "1").read_bytes())
    at = datetime.fromisoformat(taken.pop("at"))
    assert taken == {"check": "key_pages"}
    assert at.utcoffset() == timedelta(0)


def test_one_that_another_task_took_a_moment_ago_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slower(path: Path, content: bytes) -> None:
        if path.name == "1":
            create_exclusively(path, b"{}")
        create_exclusively(path, content)

    monkeypatch.setattr(claims, "create_exclusively", slower)
    assert take_rerun(tmp_path, 2, "key_pages")
    assert (tmp_path / "reruns" / "1").read_bytes() == b"{}"
    assert b"key_pages" in (tmp_path / "reruns" / "2").read_bytes()


def test_a_store_that_says_it_is_there_and_has_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, content: bytes) -> None:
        raise FileExistsError(path)

    monkeypatch.setattr(claims, "create_exclusively", refuses)
    with pytest.raises(FileExistsError):
        take_rerun(tmp_path, 2, "key_pages")


def test_nobody_asks_for_what_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_rerun(tmp_path, 1, "a")
    asked: list[str] = []
    monkeypatch.setattr(claims, "create_exclusively", lambda path, content: asked.append(path.name))
    assert take_rerun(tmp_path, 2, "b")
    assert asked == ["2"]


def test_a_budget_of_nothing_gives_nothing(tmp_path: Path) -> None:
    assert not take_rerun(tmp_path, 0, "key_pages")


def test_tasks_that_ask_at_once_never_take_more_than_there_are(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(lambda number: take_rerun(tmp_path, 5, str(number)), range(40)))
    assert sum(given) == 5
    assert len(list((tmp_path / "reruns").iterdir())) == 5


def test_a_folder_that_can_not_be_written_is_an_error_and_no_permission(tmp_path: Path) -> None:
    (tmp_path / "reruns").write_text("in the way")
    with pytest.raises(OSError, match="reruns"):
        take_rerun(tmp_path, 5, "key_pages")


def content_of(url: str) -> dict[str, Any]:
    return {
        "pipeline": {"connection": "cloud_manager_default", "program": "12345", "pipeline": "678901"},
        "sites": [{"name": "wknd", "stage": url, "pages": ["/"], "requests_per_second": 1000}],
        "policy": {"flakes": {"reruns": 1}},
    }


def test_the_checks_of_a_release_share_the_budget_of_the_gate(tmp_path: Path) -> None:
    async def run_both() -> list[CheckResult]:
        async with PageSite(everything=status(500)) as site:
            gate = gate_from_content("wknd", content_of(site.url), folder=tmp_path)
            evidence = Evidence(tmp_path / "store", "wknd", "1")
            run: Any = SimpleNamespace(gate=gate, evidence=evidence)
            check = next(check for check in gate.stage_checks if check.kind == "real_404")
            async with site.client() as client:
                folder = evidence.attempt_folder(evidence.begin_attempt(plan(), CANDIDATE))
                await record(gate.site("wknd"), "stage", client, folder / "sites" / "wknd" / "recording")
            kept: list[CheckResult] = []
            for _ in range(2):
                await testing.visit_site(run, check, folder, kept.append)
            return kept

    first, second = asyncio.run(run_both())
    assert (first.outcome, first.attempts) == (Outcome.FAILED, 2)
    assert (second.outcome, second.attempts) == (Outcome.FAILED, 1)
    assert "budget of re-runs of this release is spent" in second.sentences[-1]
