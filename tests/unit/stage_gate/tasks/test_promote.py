"""A production-only pipeline is started from a tested build once, by whichever look sees it first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from simulator import Simulator
from simulator.faults import Fault
from stage_gate.evidence.signing import NO_KEYS, Keys, new_private_key, read_key
from stage_gate.evidence.start_note import KeptInStore, note_path
from stage_gate.tasks.promote import FindReleases, StartRelease
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.observing.test_split_pipelines import PRODUCTION_ONLY, STAGE_ONLY, gate_content
from unit.stage_gate.release import KEYS
from unit.stage_gate.stores import overwriting_store
from unit.stage_gate.waiting import until


class Split:
    """A split gate that starts its pipeline by itself, and whose pipeline was seen to pause before production."""

    def __init__(self, simulator: Simulator, folder: Path, **changes: object) -> None:
        self.simulator, self.folder = simulator, folder
        self.file = folder / "gates" / "larkfell.yaml"
        self.file.parent.mkdir()
        content = gate_content(
            "https://stage.simulated.invalid", start=True, connection="cloud_manager_default"
        )
        content["waits"] = {"read_back": "1s"}
        self.file.write_text(yaml.safe_dump({**content, **changes}))

    def test_on_stage(self, release: str = "good") -> str:
        return self.until_over(self.simulator.start_execution(release, pipeline=STAGE_ONLY))

    def until_over(self, execution: str) -> str:
        until(lambda: self.simulator.execution(execution)["status"] != "RUNNING", f"{execution} is over")
        return execution

    def halt(self, execution: str) -> None:
        def waits() -> bool:
            steps = self.simulator.execution(execution)["_embedded"]["stepStates"]
            return any(step["status"] == "WAITING" for step in steps)

        until(waits, f"the approval of {execution} waits")
        self.simulator.person("reject", execution)
        self.until_over(execution)

    def due(self) -> list[str]:
        return FindReleases(task_id="find", gates_folder=str(self.file.parent)).execute({})

    def start(self) -> str:
        return self.start_from(self.file)

    def start_from(self, file: Path) -> str:
        folder = str(self.file.parent)
        return StartRelease(task_id="start", gate_file=str(file), gates_folder=folder).execute({})

    def started(self) -> list[str]:
        requests = self.simulator.requests
        return [each.path for each in requests if each.method == "PUT" and "/step/" not in each.path]


@pytest.fixture
def scenario() -> str:
    return "split"


@pytest.fixture
def split(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Split:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))
    found = Split(simulator, tmp_path)
    found.test_on_stage()
    found.halt(simulator.start_execution(pipeline=PRODUCTION_ONLY))
    return found


def test_a_newly_tested_build_is_started_once(split: Split) -> None:
    assert split.due() == [], "the first build was halted, and is not started again"
    source = split.test_on_stage()
    assert split.due() == [str(split.file)]
    execution = split.start()
    assert split.started() == [
        f"/api/program/12345/pipeline/{PRODUCTION_ONLY}/execution?sourceExecutionId={source}"
    ]
    assert split.due() == []
    with pytest.raises(AirflowSkipException, match="runs just now"):
        split.start()
    split.halt(execution)
    assert split.due() == []
    with pytest.raises(AirflowSkipException, match="taken towards production already"):
        split.start()
    assert len(split.started()) == 1


def test_a_start_whose_answer_was_lost_is_no_second_start(split: Split) -> None:
    split.test_on_stage()
    split.simulator.inject(Fault(effect="lose_answer", method="PUT"))
    assert split.start() in {each["id"] for each in split.simulator.state()["executions"]}
    assert len(split.started()) == 1


def test_a_start_that_got_lost_is_never_sent_again_by_any_look(split: Split) -> None:
    split.test_on_stage()
    split.simulator.inject(Fault(effect="drop", method="PUT"))
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="It is not sent again"):
            split.start()
    assert len(split.started()) == 1
    assert split.due() == [str(split.file)], "one more red task today"
    assert split.due() == []


def test_two_airflows_on_one_store_start_one(split: Split, tmp_path: Path) -> None:
    source = split.test_on_stage()
    notes = KeptInStore(tmp_path / "evidence", KEYS, "12345", PRODUCTION_ONLY, source)
    known = [each["id"] for each in split.simulator.state()["executions"]]
    notes.set("start", {"at": "now", "known": known, "newest": ""})
    with pytest.raises(FileExistsError):
        notes.set("start", {"at": "now", "known": known, "newest": ""})
    with pytest.raises(AirflowFailException, match="It is not sent again"):
        split.start()
    assert split.started() == []


def test_a_pipeline_that_was_changed_since_it_last_paused_is_not_started(split: Split) -> None:
    changed = {"updatedAt": "2100-01-01T00:00:00.000+0000"}
    path = rf"/pipeline/{PRODUCTION_ONLY}$"
    split.simulator.inject(Fault(effect="merge", path=path, body=changed, times=None))
    split.test_on_stage()
    assert split.due() == [str(split.file)]
    with pytest.raises(AirflowFailException, match="may not pause before production any more"):
        split.start()
    assert split.due() == [], "said once today"
    assert split.started() == []


@pytest.mark.parametrize("changes", [{"mode": "shadow"}, {"pipeline": None}])
def test_only_a_gate_that_acts_and_says_so_starts_anything(split: Split, changes: dict[str, Any]) -> None:
    split.test_on_stage()
    content = yaml.safe_load(split.file.read_text())
    if changes.get("pipeline", "") is None:
        content["pipeline"]["source"]["start"] = False
    else:
        content |= changes
    split.file.write_text(yaml.safe_dump(content))
    assert split.due() == []
    with pytest.raises(AirflowSkipException, match="starts nothing any more"):
        split.start()
    assert split.started() == []


def test_two_starts_at_the_same_moment_have_two_notes(tmp_path: Path) -> None:
    """Else a store that answered nothing would let each of them take the other's note for its own."""
    texts = set()
    for number in range(2):
        notes = KeptInStore(tmp_path / str(number), KEYS, "1", "2", "3")
        notes.set("start", {"at": "now", "known": [], "newest": ""})
        texts.add(notes.path.read_bytes())
    assert len(texts) == 2


def started_before(store: Path, keys: Keys, source: str = "3", of: str = "3") -> None:
    """A note which says that this build was started; ``of`` is the build it was written for."""
    notes = KeptInStore(store, keys, "12345", PRODUCTION_ONLY, of)
    notes.path.parent.mkdir(parents=True, exist_ok=True)
    notes.set("start", {"at": "now", "known": [], "newest": "", "execution_id": "7"})
    notes.path.rename(note_path(store, "12345", PRODUCTION_ONLY, source))


@pytest.mark.parametrize("kind", ["unsigned", "by a stranger", "of another build", "torn"])
def test_a_note_that_nobody_trusted_has_written_starts_nothing_and_is_said(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("stage_gate.configuration.settings.keys", lambda: KEYS)
    source, store = split.test_on_stage(), tmp_path / "evidence"
    if kind == "torn":
        path = note_path(store, "12345", PRODUCTION_ONLY, source)
        path.parent.mkdir(parents=True)
        path.write_text("{")
    else:
        keys = {"unsigned": NO_KEYS, "by a stranger": Keys(read_key(new_private_key()))}.get(kind, KEYS)
        started_before(store, keys, source, "7" if kind == "of another build" else source)
    with pytest.raises(AirflowFailException, match=r"nothing is sent now.*Find out who wrote that file"):
        split.start()
    assert split.started() == []


def test_a_mark_that_it_was_said_today_silences_nothing(split: Split, tmp_path: Path) -> None:
    """As files in the store did: one beside the note of the start, and one where nothing may be started."""
    source, store = split.test_on_stage(), tmp_path / "evidence"
    started_before(store, NO_KEYS, source, source)
    today = f"{datetime.now(UTC):%Y-%m-%d}.txt"
    noted = note_path(store, "12345", PRODUCTION_ONLY, source)
    for name in (noted.stem, noted.stem.replace(source, "none")):
        (noted.parent / f"{name}-{today}").touch()
    assert split.due() == [str(split.file)]
    assert split.due() == [], "said once today"


def test_where_airflow_can_not_remember_it_is_said_again(
    split: Split, tmp_path: Path, remembered: StateStore
) -> None:
    source = split.test_on_stage()
    started_before(tmp_path / "evidence", NO_KEYS, source, source)
    remembered.is_down = True
    assert split.due() == split.due() == [str(split.file)]


def test_nothing_is_started_in_a_store_where_two_could_start(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = overwriting_store()
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", lambda: store)
    split.test_on_stage()
    with pytest.raises(AirflowFailException, match=r"Nothing is started.*created twice"):
        split.start()
    assert split.started() == []


def test_a_worker_whose_note_nobody_would_believe_starts_nothing(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = Keys(trusted=tuple(KEYS.believed.values()))
    monkeypatch.setattr("stage_gate.configuration.settings.keys", lambda: trusted)
    split.test_on_stage()
    with pytest.raises(AirflowFailException, match="has no signing key"):
        split.start()
    assert split.started() == []


def test_a_gate_file_from_elsewhere_in_an_edited_xcom_starts_nothing(split: Split) -> None:
    split.test_on_stage()
    before = len(split.started())
    elsewhere = split.folder / "evidence" / "larkfell.yaml"
    elsewhere.parent.mkdir(exist_ok=True)
    elsewhere.write_text(split.file.read_text())
    for file in (elsewhere, split.file.parent / ".." / "evidence" / "larkfell.yaml"):
        with pytest.raises(AirflowFailException, match="no gate file of"):
            split.start_from(file)
    assert len(split.started()) == before
