"""The plan that was judged has to be the one that follows from the signed pin, whatever lay in the store meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.wanting import Held
from stage_gate.rules.decision import Decision
from stage_gate.rules.verdict import judge
from unit.stage_gate.release import Release

Edit = Callable[[dict[str, Any]], None]


def _nothing(plan: dict[str, Any]) -> None:
    """The control."""


def _dry_run(plan: dict[str, Any]) -> None:
    _key_pages(plan)["dry_run"] = True


def _quarantine(plan: dict[str, Any]) -> None:
    _key_pages(plan)["quarantine"] = {"owner": "mallory", "until": "2099-01-01", "why": "known"}


def _warning(plan: dict[str, Any]) -> None:
    _key_pages(plan)["severity"] = "warn"


def _taken_out(plan: dict[str, Any]) -> None:
    plan["checks"].remove(_key_pages(plan))


def _waived(plan: dict[str, Any]) -> None:
    waiver = {"check": "key_pages", "code": "key_pages.status", "subject": "*"}
    plan["waivers"] = [{**waiver, "owner": "mallory", "until": "2099-01-01", "why": "known"}]


def _rerun_more_often(plan: dict[str, Any]) -> None:
    plan["flakes"]["reruns"] = 99


def _covered(plan: dict[str, Any]) -> None:
    plan["covered"] = {"Checkout": ["key_pages"]}


def _marked(plan: dict[str, Any]) -> None:
    plan["build_marker"] = True


def _in_shadow(plan: dict[str, Any]) -> None:
    plan["mode"] = "shadow"


def _made_later(plan: dict[str, Any]) -> None:
    plan["made_at"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def _made_before_its_run(plan: dict[str, Any]) -> None:
    plan["made_at"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def _key_pages(plan: dict[str, Any]) -> dict[str, Any]:
    check: dict[str, Any] = next(check for check in plan["checks"] if check["key"] == "key_pages")
    return check


def sealed_after(release: Release, edit: Edit, failing: str) -> Outcome:
    """Seal an attempt in which one check failed, after its plan was edited; returns what the seal says."""
    attempt = release.begin()
    path = release.evidence.attempt_folder(attempt) / "plan.json"
    edited = json.loads(path.read_text())
    edit(edited)
    path.write_text(json.dumps(edited))
    for check in release.evidence.read_plan(attempt).stage_checks:
        release.keep(attempt, check, Outcome.FAILED if check.key == failing else Outcome.PASSED)
    return release.evidence.seal(attempt, judge).verdict.outcome


@pytest.mark.parametrize("edit", [_dry_run, _quarantine, _warning, _taken_out, _waived])
def test_a_plan_that_was_made_milder_before_the_seal_approves_nothing(
    simulator: Simulator, tmp_path: Path, edit: Edit
) -> None:
    release = Release(simulator, tmp_path)
    sealed_after(release, edit, failing="key_pages")
    with pytest.raises(Held, match=r"plan\.json was changed before the seal|The verdict is"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


@pytest.mark.parametrize(
    "edit",
    [
        *(_dry_run, _taken_out, _made_later, _made_before_its_run),
        *(_waived, _rerun_more_often, _covered, _marked, _in_shadow),
    ],
)
def test_a_plan_that_was_edited_is_said_to_be_one(simulator: Simulator, tmp_path: Path, edit: Edit) -> None:
    release = Release(simulator, tmp_path)
    assert sealed_after(release, edit, failing="") is Outcome.PASSED
    with pytest.raises(Held, match=r"plan\.json was changed before the seal"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_plan_as_it_was_made_approves(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path)
    assert sealed_after(release, _nothing, failing="") is Outcome.PASSED
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED


def test_what_was_built_elsewhere_is_looked_at_there_when_it_is_decided(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline that built it is the pinned gate's, not one that a look finds out."""
    release = Release(simulator, tmp_path)
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr("stage_gate.acting.right.read_surroundings", lambda *given: asked.append(given))
    split = SimpleNamespace(pipeline=SimpleNamespace(source_pipeline="4711"))
    right = replace(release.right(), gate=cast(Any, split))
    execution = right.read_execution()
    right.read_surroundings(execution)
    assert asked == [(right.reading, execution, "4711")]
