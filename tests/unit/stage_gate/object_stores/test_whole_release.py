"""Does a whole release need nothing but its store, and what becomes of it where that goes away?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from werkzeug.wrappers import Response

from aem_checks.outcomes import Outcome
from demo.__main__ import write_gate
from demo.releases import GATE
from simulator import Simulator
from stage_gate.cli import main
from stage_gate.configuration.settings import evidence_store
from stage_gate.evidence.ledger import read_ledger
from stage_gate.evidence.signing import public_key
from stage_gate.evidence.store import Evidence
from unit.stage_gate.object_stores.player import Player
from unit.stage_gate.object_stores.servers import CountedS3, refusal
from unit.stage_gate.release import KEYS

CHECKS = {
    "others": False,
    "settled": {"answers": 2, "every": "0.1s"},
    "dispatcher_probes": False,
    "key_pages": {},
    "real_404": {},
    "structured_data": {},
}


@pytest.fixture
def player(s3: CountedS3, demo: Simulator, tmp_path: Path) -> Player:
    write_gate(tmp_path / "gates", demo)
    file = tmp_path / "gates" / f"{GATE}.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"checks": CHECKS}))
    return Player(demo, file, s3.begin)


def evidence_of(player: Player) -> Evidence:
    return Evidence(evidence_store(), GATE, player.execution_id, KEYS)


def puts(player: Player) -> list[str]:
    """The requests that decided something."""
    return [each.path for each in player.simulator.requests if each.method == "PUT" and "/step/" in each.path]


def test_releases_leave_nothing_on_the_disk_and_everything_in_the_store(
    player: Player,
    s3: CountedS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two releases, the second one compared with the first; then the ledger, verify and replay."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = set(tmp_path.rglob("*"))
    for _ in range(2):
        player.start("good")
        assert player.play() == ["approve_production"]
        assert player.errors == {}
    assert {path for path in tmp_path.rglob("*") if "aem_checks-rate" not in path.parts} == before
    second = evidence_of(player)
    assert second.read_plan(1).baseline is not None
    entries = read_ledger(second.store, GATE, KEYS).entries
    assert [entry.outcome for entry in entries] == [Outcome.PASSED] * 2
    assert main(["replay", "--gate-file", str(player.gate_file)]) == 0
    capsys.readouterr()
    copied = tmp_path / "copied"
    s3.copy_to(copied)
    assert KEYS.private is not None
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__TRUSTED_KEYS", _as_text(public_key(KEYS.private)))
    assert main(["verify", str(copied / GATE / f"execution-{player.execution_id}")]) == 0, (
        capsys.readouterr().out
    )


def _as_text(key: bytes) -> str:
    import base64

    return base64.b64encode(key).decode()


def test_stage_can_be_tested_again_in_the_store(player: Player) -> None:
    player.start("good")
    player.play(only=lambda task: task in ("pin_candidate", "settle_stage") or task.startswith("stage_tests"))
    player.play(only=lambda task: task == "judge")
    player._kept.clear()
    assert player.play() == ["approve_production"]
    assert player.errors == {}
    evidence = evidence_of(player)
    assert (evidence.attempts(), evidence.is_sealed(1), evidence.is_sealed(2)) == (2, True, True)
    assert len(puts(player)) == 1


PHASES = (
    "settle_stage",
    "stage_tests.availability",
    "judge",
    "decide",
    "approve_production",
    "publish_report",
)


@pytest.mark.parametrize("phase", PHASES)
def test_a_store_that_goes_away_holds_and_loses_nothing(player: Player, s3: CountedS3, phase: str) -> None:
    """It answers 403 from the first request of one task on to its end; then the tasks from there on are cleared."""
    player.start("good")

    def answers(verb: str, key: str) -> Response | None:
        return refusal(403, "AccessDenied", "Access Denied") if s3.task == phase else None

    s3.answers = answers
    player.play()
    sent = len(puts(player))
    assert sent == (1 if phase == "publish_report" else 0)
    if phase != "decide":  # that holds, which is no failure
        assert "Access Denied" in str(player.errors[phase]) or "Forbidden" in str(player.errors[phase])
    s3.answers = lambda verb, key: None
    player.errors.clear()
    if phase == "publish_report":
        player.play(only=lambda task: task == phase)
    elif phase in ("settle_stage", "stage_tests.availability"):
        player.play()
    else:
        player.play(only=lambda task: min(PHASES.index(phase), 3) <= _place(task))
    assert player.errors == {}
    assert len(puts(player)) == 1
    assert (
        evidence_of(player).load_seal(evidence_of(player).latest_sealed()).verdict.outcome is Outcome.PASSED
    )


def _place(task: str) -> int:
    """Where a task stands among the phases; those of production come after the decision."""
    return PHASES.index(task) if task in PHASES else 3 if "production" in task else -1
