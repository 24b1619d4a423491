"""``python -m stage_gate replay``: today's gate file and checks over what was recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from aem_checks.asks import Steps
from aem_checks.kinds.availability.placeholders import Placeholders
from aem_checks.outcomes import Finding, Judgement
from simulator import Simulator
from stage_gate.cli import main
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence.store import Evidence
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.verdict import judge
from unit.stage_gate.recorded_releases import THEIRS, record_releases
from unit.stage_gate.release import KEYS

COUNT = 10
"""Recorded releases: nine passed and were approved, the last failed on a placeholder and was halted."""
BAD = "2000009"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A store of real recordings, and the gate file that they were recorded with."""
    folder = tmp_path_factory.mktemp("recorded")
    with Simulator.start() as simulator:
        content = {
            "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
            "sites": [
                {
                    "name": "larkfell",
                    "stage": simulator.stage_url,
                    "production": simulator.production_url,
                    "pages": ["/us/en.html", "/us/en/gear.html"],
                }
            ],
        }
        (folder / "larkfell.yaml").write_text(yaml.safe_dump(content))
        gate = load_gate(folder / "larkfell.yaml", demands=NO_DEMANDS)
        record_releases(folder / "evidence", gate, simulator, COUNT, scratch=folder / "scratch")
    return folder / "evidence", content


class Replayed:
    """What one replay said."""

    def __init__(self, store: Path, file: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        call = ["replay", "--gate-file", str(file), "--evidence", str(store), *arguments]
        self.code = main([*call, "--json"])
        said = capsys.readouterr()
        self.error = said.err
        found = json.loads(said.out) if said.out else {"releases": [], "totals": []}
        self.rows = {row["execution"]: row for row in found["releases"]}
        self.totals = "\n".join(found["totals"])
        main(call)
        self.text = capsys.readouterr().out

    @property
    def differing(self) -> list[str]:
        return [execution for execution, row in self.rows.items() if row["differs"]]


@pytest.fixture
def replay(recorded: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Replay with changes to the gate file of then."""

    def call(*arguments: str, store: Path | None = None, **changes: object) -> Replayed:
        file = tmp_path / "larkfell.yaml"
        file.write_text(yaml.safe_dump(recorded[1] | changes))
        return Replayed(store or recorded[0], file, *arguments, capsys=capsys)

    return call


def digests(store: Path) -> dict[str, str]:
    files = (path for path in store.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_gate_decides_the_same(replay: Any) -> None:
    said = replay()
    assert said.code == 0, said.text
    assert said.differing == []
    assert len(said.rows) == COUNT
    assert said.rows[BAD]["then"] == said.rows[BAD]["now"] == {"outcome": "failed", "follows": "halt"}
    assert said.rows["2000000"]["recorded"] == "approved by Stage Gate"
    assert (
        f"{COUNT} releases: 0 would be decided differently, {COUNT} the same, 0 can't be replayed."
        in said.text
    )


def test_it_writes_nothing_into_the_evidence(replay: Any, recorded: tuple[Path, dict[str, Any]]) -> None:
    before = digests(recorded[0])
    replay(checks={"placeholders": {"severity": "warn"}})
    assert digests(recorded[0]) == before


MILDER = {
    "severity": {"checks": {"placeholders": {"severity": "warn"}}},
    "dry run": {"checks": {"placeholders": {"dry_run": True}}},
    "off": {"checks": {"placeholders": False}},
    "quarantine": {
        "policy": {
            "quarantine": [
                {"check": "placeholders", "owner": "alice", "until": "2999-01-01", "why": "Known."}
            ]
        }
    },
    "waiver": {
        "policy": {
            "waivers": [
                {
                    "check": "placeholders",
                    "code": "placeholders.unresolved",
                    "subject": "*LARKFELL*",
                    "owner": "alice",
                    "until": "2999-01-01",
                    "why": "Known.",
                }
            ]
        }
    },
}


@pytest.mark.parametrize("way", [way for way in MILDER if way != "waiver"])
def test_a_milder_gate_would_have_approved_what_was_halted(replay: Any, way: str) -> None:
    said = replay(**MILDER[way])
    assert said.code == 1
    assert said.differing == [BAD]
    assert said.rows[BAD]["now"] == {"outcome": "passed", "follows": "approve"}
    assert any("placeholders: " in reason for reason in said.rows[BAD]["gone"])
    assert "DIFFERS" in said.text
    assert "1 × failed → halt would be passed → approve" in said.totals


def test_a_waiver_counts_for_the_findings_it_names_alone(
    replay: Any, recorded: tuple[Path, dict[str, Any]]
) -> None:
    entry = json.loads(
        (
            recorded[0] / "larkfell" / f"execution-{BAD}" / "attempt-1" / "results" / "placeholders.json"
        ).read_text()
    )
    subjects = [each["subject"] for each in entry["result"]["findings"]]
    assert subjects
    codes = {each["code"] for each in entry["result"]["findings"]}
    assert codes == {"placeholders.unresolved"}
    excuse = {
        "check": "placeholders",
        "code": "placeholders.unresolved",
        "owner": "alice",
        "until": "2999-01-01",
        "why": "Known.",
    }
    waivers = [{**excuse, "subject": subject} for subject in dict.fromkeys(subjects)]
    assert replay(policy={"waivers": waivers}).differing == [BAD]
    assert replay(policy={"waivers": [{**excuse, "subject": "another"}]}).differing == []


def test_where_nothing_was_kept_of_what_a_check_was_told_its_findings_of_then_count(
    replay: Any, recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(recorded[0], tmp_path / "evidence"))
    folder = store / "larkfell" / f"execution-{BAD}" / "attempt-1"
    entry = json.loads((folder / "results" / "robots.json").read_text())
    bare = {"code": "robots.open", "subject": "/robots.txt", "sentence": "/robots.txt keeps nobody out."}
    entry["result"] |= {"outcome": "failed", "cause": "product", "severity": "block", "findings": [bare]}
    (folder / "results" / "robots.json").write_text(json.dumps(entry))
    shutil.rmtree(folder / "sites" / "larkfell" / "told")
    (folder / "manifest.json").unlink()
    Evidence(store, "larkfell", BAD, KEYS).seal(1, judge)
    excuse = {"check": "robots", "code": "robots.unavailable", "subject": "/robots.txt", "owner": "alice"}
    waivers = [{**excuse, "until": "2999-01-01", "why": "Known."}]
    said = replay(store=store, policy={"waivers": waivers}).rows[BAD]
    assert (said["gone"], said["new"]) == ([], [])


def test_another_policy_is_told_for_every_release_it_changes(replay: Any) -> None:
    said = replay(policy={"passed": {"ask": ["alice"]}, "failed": "hold"})
    assert len(said.differing) == COUNT
    assert "9 × passed → approve would be passed → ask" in said.totals
    assert said.rows[BAD]["now"]["follows"] == "hold"


def test_a_window_counts_at_the_time_of_then(replay: Any) -> None:
    said = replay(policy={"windows": {"timezone": "UTC", "open": ["Mon 09:00-12:00"]}})
    monday, tuesday = said.rows["2000000"], said.rows["2000001"]
    assert (monday["now"]["follows"], tuesday["now"]["follows"]) == ("approve", "approve in window")


def test_a_check_that_was_not_recorded_is_named_and_proves_nothing(replay: Any) -> None:
    said = replay(checks={"redirects": {"rules": [{"from": "/old", "to": "/us/en.html"}]}})
    assert said.code == 1
    assert all(row["now"]["outcome"] != "passed" for row in said.rows.values())
    assert any("was not recorded then" in note for note in said.rows["2000000"]["notes"])


def test_pages_and_sites_that_were_not_recorded_are_named(
    replay: Any, recorded: tuple[Path, dict[str, Any]]
) -> None:
    site = recorded[1]["sites"][0]
    more = replay(sites=[{**site, "pages": [*site["pages"], "/us/en/new.html"]}])
    assert "1 pages of larkfell were not recorded then, such as /us/en/new.html." in more.rows[BAD]["notes"]
    other = replay(sites=[{**site, "name": "other"}])
    assert {row["now"]["outcome"] for row in other.rows.values()} == {"inconclusive"}
    assert "key_pages was not recorded then." in other.rows[BAD]["notes"]


def _at_once(judgement: Judgement) -> Steps[Judgement]:
    yield from ()
    return judgement


def test_todays_code_judges_the_recorded_pages(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Finding(code="unresolved", subject="/us/en.html", sentence="A newer check sees more.")
    monkeypatch.setattr(
        Placeholders, "judge", lambda self, visit: _at_once(Judgement(examined=1, findings=(found,)))
    )
    said = replay()
    assert len(said.differing) == COUNT - 1
    assert said.rows["2000000"]["new"] == ["placeholders: A newer check sees more."]
    monkeypatch.setattr(Placeholders, "judge", lambda self, visit: 1 / 0)
    broken = replay()
    assert broken.rows["2000000"]["now"]["outcome"] == "inconclusive"
    assert "broke off with ZeroDivisionError" in broken.rows["2000000"]["new"][0]


def test_todays_settings_judge_what_a_check_was_told_then(replay: Any) -> None:
    """No request is made: there is no site any more."""
    said = replay(checks={"real_404": {"contains": "words that no page ever showed"}})
    assert said.code == 1
    assert len(said.differing) == COUNT - 1
    assert all(row["now"]["outcome"] == "failed" for row in said.rows.values())


def test_todays_settings_judge_what_a_browser_saw_then(replay: Any) -> None:
    """No page is opened: what was somebody else's fault then is the site's own now, and blocks."""
    said = replay(checks={"page_errors": {"first_party": [THEIRS]}})
    assert len(said.differing) == COUNT - 1
    (new,) = said.rows["2000000"]["new"]
    assert "page_errors" in new
    assert "throws an exception that nobody catches: 'theirs is null'" in new


def test_what_nobody_asked_then_counts_as_it_was_found_then(replay: Any) -> None:
    said = replay(checks={"cors": {"paths": ["/api/elsewhere.json"]}})
    assert said.code == 0
    assert (
        "cors can't be judged again, so what it found then counts: it asks what nobody asked then"
        in said.text
    )


def test_a_failure_that_the_second_recording_does_not_show_is_flaky(
    replay: Any, recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The gate re-runs a failing page check on new pages; so does a replay, where they were recorded."""
    store = Path(shutil.copytree(recorded[0], tmp_path / "evidence"))
    folder = store / "larkfell" / f"execution-{BAD}" / "attempt-1"
    good = store / "larkfell" / "execution-2000000" / "attempt-1" / "sites" / "larkfell" / "recording"
    again = folder / "sites" / "larkfell" / "confirmation" / "placeholders"
    evidence = Evidence(store, "larkfell", BAD, KEYS)
    verdict = evidence.load_seal(1).verdict
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(good, again)
    (folder / "manifest.json").unlink()
    evidence.seal(1, lambda *_: verdict)
    assert replay(store=store).rows[BAD]["now"]["outcome"] == "passed"
    strict = replay(store=store, policy={"flakes": {"count_as": "failed"}})
    assert strict.rows[BAD]["now"]["outcome"] == "failed"
    spent = replay(store=store, policy={"flakes": {"reruns": 0}})
    assert spent.rows[BAD]["now"]["outcome"] == "failed"
    assert any("budget of re-runs" in reason for reason in spent.rows[BAD]["new"])


def test_what_the_second_recording_had_no_answer_to_stands_whatever_else_it_shows(
    replay: Any, recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The page that failed did not answer the second time, and another one failed, which is excused today."""
    store = Path(shutil.copytree(recorded[0], tmp_path / "evidence"))
    folder = store / "larkfell" / f"execution-{BAD}" / "attempt-1"
    entry = json.loads((folder / "results" / "placeholders.json").read_text())
    (failed,) = {each["subject"] for each in entry["result"]["findings"] if each["outcome"] == "failed"}
    good = store / "larkfell" / "execution-2000000" / "attempt-1" / "sites" / "larkfell" / "recording"
    again = folder / "sites" / "larkfell" / "confirmation" / "placeholders"
    evidence = Evidence(store, "larkfell", BAD, KEYS)
    verdict = evidence.load_seal(1).verdict
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(good, again)
    index = json.loads((again / "index.json").read_text())
    nothing = {"status": 0, "error": "it was cut off", "bytes": 0, "sha256": hashlib.sha256().hexdigest()}
    for page in index["pages"]:
        final = page["hops"][-1]
        final |= (
            nothing if page["url"] == failed else {"headers": [*final["headers"], ["X-A", "$[env:OTHER]"]]}
        )
    (again / "index.json").write_text(json.dumps(index))
    (folder / "manifest.json").unlink()
    evidence.seal(1, lambda *_: verdict)
    waivers = [
        {
            "check": "placeholders",
            "code": "placeholders.unresolved",
            "subject": subject,
            "owner": "alice",
            "until": "2999-01-01",
            "why": "Known.",
        }
        for subject in (page["url"] for page in index["pages"] if page["url"] != failed)
    ]
    said = replay(store=store, policy={"waivers": waivers}).rows[BAD]
    assert said["now"]["outcome"] == "failed"
    stands = "The re-run had no answer to everything, so this stands."
    assert any(failed in reason and stands in reason for reason in said["new"]), said


def test_since_leaves_the_older_ones_out(replay: Any) -> None:
    assert len(replay("--since", "2026-03-09").rows) == 3
    late = replay("--since", "2027-01-01")
    assert late.code == 2
    assert "no sealed release" in late.error


def test_evidence_that_was_changed_is_told_and_not_judged(
    replay: Any, recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(recorded[0], tmp_path / "evidence"))
    (store / "larkfell" / "execution-2000003" / "attempt-1" / "plan.json").write_text("{}")
    (store / "larkfell" / "execution-2000004" / "pin.json").write_text("{}")
    said = replay(store=store)
    assert said.code == 1
    assert "plan.json of attempt 1 was changed" in said.rows["2000003"]["trouble"]
    assert "pin.json is corrupt" in said.rows["2000004"]["trouble"]
    assert "2 can't be replayed" in said.totals


def test_another_file_can_be_tried_on_the_releases_of_a_gate(
    recorded: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text(yaml.safe_dump(recorded[1]))
    assert Replayed(recorded[0], file, capsys=capsys).code == 2
    assert Replayed(recorded[0], file, "larkfell", capsys=capsys).code == 0


def test_wrong_usage_is_told_apart(
    recorded: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(recorded[0])
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "larkfell.yaml"
    broken.write_text("pipeline: 1\n")
    for call in (
        ["--evidence", str(tmp_path / "none")],
        ["no-such-gate", "--folder", str(tmp_path), "--evidence", store],
        ["--folder", str(tmp_path / "empty"), "--evidence", store],
        ["--gate-file", str(broken), "--evidence", store],
    ):
        assert main(["replay", *call]) == 2, call
        assert capsys.readouterr().err.startswith("Wrong usage: ")
    assert not (tmp_path / "none").exists()
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--since", "yesterday"])
    assert ended.value.code == 2
