"""Does the ledger keep each check's history, believe only what was signed, and tell it without Airflow?"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from aem_checks.outcomes import CheckResult, Outcome, Severity
from simulator import Simulator
from stage_gate.cli import main
from stage_gate.configuration.flaky import proposals
from stage_gate.configuration.policy import PolicySettings
from stage_gate.evidence.ledger import (
    FOLDER,
    Ledger,
    fingerprint,
    known_since,
    read_ledger,
    told_of,
    write_entry,
)
from stage_gate.evidence.signing import NO_KEYS, Keys, public_key
from stage_gate.evidence.store import Evidence
from stage_gate.tasks.judging import Judge
from unit.stage_gate.kept_releases import READER, STRANGER, keep
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.samples import NOW, finding, result
from unit.stage_gate.tasks.test_waits import context, signing

__all__ = ["signing"]

ROOT = Path(__file__).resolve().parents[4]
TODAY = datetime.now(UTC).date()
FLAKY = result(
    "key_pages", flaky=True, attempts=2, findings=(finding("Passed only on re-run.", outcome="passed"),)
)
FAILED = result("key_pages", Outcome.FAILED)


def enter(store: Path, execution: str, *results: CheckResult, keys: Keys = KEYS, **more: object) -> Path:
    """Seal a release and enter it, as ``judge`` does."""
    sealed = keep(store, execution, keys=keys, results=results, **more)  # type: ignore[arg-type]
    return write_entry(Evidence(store, "wknd", execution, keys), sealed)


def read(store: Path, keys: Keys = READER, last: int | None = None) -> Ledger:
    return read_ledger(store, "wknd", keys, last=last)


def test_an_entry_says_how_each_check_ended_and_what_it_found(tmp_path: Path) -> None:
    enter(tmp_path, "2000001", FAILED, result("placeholders", severity=Severity.WARN, examined=7))
    [entry] = read(tmp_path).entries
    assert (entry.execution_id, entry.attempt, entry.outcome) == ("2000001", 1, Outcome.FAILED)
    assert (entry.commit_id, entry.artifacts_version) == ("0123456789abcdef", "2026.1102.090000.0002345678")
    check = entry.check("key_pages")
    assert check is not None
    assert (check.outcome, check.seconds, check.runs, check.flaky) == (Outcome.FAILED, 2.0, 1, False)
    assert [each.subject for each in check.findings] == ["/us/en.html"]
    assert check.findings[0].code == "key_pages.bad"
    assert check.findings[0].fingerprint == fingerprint("key_pages", "/us/en.html", "key_pages.bad")
    other = entry.check("placeholders")
    assert other is not None
    assert (other.severity, other.examined, other.findings) == (Severity.WARN, 7, ())


def test_a_finding_has_the_same_fingerprint_in_every_release_and_another_in_each_check() -> None:
    assert fingerprint("key_pages", "/a.html", "a") == fingerprint("key_pages", "/a.html", "a")
    assert fingerprint("key_pages", "/a.html", "a") != fingerprint("placeholders", "/a.html", "a")
    codes = ("key_pages.status", "key_pages.login", "key_pages")
    assert len({fingerprint("key_pages", "/a.html", code) for code in codes}) == 3
    assert fingerprint("key_pages", "\ud800", "a")


def test_releases_are_told_once_each_by_their_newest_attempt_and_oldest_first(tmp_path: Path) -> None:
    for execution in ("9999999", "10000000"):
        sealed = keep(tmp_path, execution, attempts=2)
        evidence = Evidence(tmp_path, "wknd", execution, KEYS)
        for attempt in (1, 2):
            write_entry(evidence, evidence.load_seal(attempt))
        assert sealed.attempt == 2
    ledger = read(tmp_path)
    assert [(each.execution_id, each.attempt) for each in ledger.entries] == [
        ("9999999", 1),
        ("9999999", 2),
        ("10000000", 1),
        ("10000000", 2),
    ]
    assert [(each.execution_id, each.attempt) for each in ledger.releases] == [
        ("9999999", 2),
        ("10000000", 2),
    ]
    assert [each.execution_id for each in read(tmp_path, last=1).releases] == ["10000000"]
    assert [each.execution_id for each in ledger.before("10000000").releases] == ["9999999"]


@pytest.mark.parametrize("keys", [NO_KEYS, STRANGER], ids=["unsigned", "by a stranger"])
def test_what_no_trusted_key_signed_is_left_out_and_said(tmp_path: Path, keys: Keys) -> None:
    enter(tmp_path, "2000001", FAILED)
    enter(tmp_path, "2000002", keys=keys)
    ledger = read(tmp_path)
    assert [each.execution_id for each in ledger.entries] == ["2000001"]
    [refused] = ledger.refused
    assert "execution-2000002-attempt-1.json" in refused


def test_where_no_key_is_known_unsigned_entries_count(tmp_path: Path) -> None:
    enter(tmp_path, "2000001", keys=NO_KEYS)
    assert len(read(tmp_path, keys=NO_KEYS).entries) == 1


@pytest.mark.parametrize("change", ["outcome", "renamed", "garbage", "folder"])
def test_a_broken_entry_never_breaks_the_ledger(tmp_path: Path, change: str) -> None:
    enter(tmp_path, "2000001")
    path = enter(tmp_path, "2000002", FAILED)
    if change == "outcome":
        path.write_text(path.read_text().replace('"failed"', '"passed"'))
    elif change == "renamed":
        path.rename(path.with_name("execution-2000003-attempt-1.json"))
    elif change == "garbage":
        path.write_bytes(b"\xff\x00{" * 1000)
    else:
        path.unlink()
        path.mkdir()
    ledger = read(tmp_path)
    assert [each.execution_id for each in ledger.entries] == ["2000001"]
    assert len(ledger.refused) == 1


def test_it_stays_when_the_evidence_is_thrown_away(tmp_path: Path) -> None:
    enter(tmp_path, "2000001", FAILED)
    shutil.rmtree(tmp_path / "wknd" / "execution-2000001")
    assert len(read(tmp_path).entries) == 1


def test_numbers_of_a_check_are_taken_over_and_nothing_else(tmp_path: Path) -> None:
    written = {
        "seen": 41,
        "share": 0.5,
        "text": "41",
        "none": None,
        "true": True,
        "huge": 1e300,
        "x\n::group::": 1,
    }
    files = {
        "sites/wknd/coverage/measures.json": json.dumps(written).encode(),
        "sites/wknd/deeper/down/measures.json": b'{"lost": 1}',
        "sites/wknd/broken/measures.json": b'{"nan": NaN, ',
        "sites/wknd/list/measures.json": b"[1]",
    }
    enter(tmp_path, "2000001", files=files)
    [entry] = read(tmp_path).entries
    assert dict(entry.measures) == {
        "wknd/coverage/seen": 41.0,
        "wknd/coverage/share": 0.5,
        "wknd/coverage/x : :group::": 1.0,
    }
    assert [number for _, number in read(tmp_path).trend("wknd/coverage/seen")] == [41.0]


def store_of(folder: Path, *flaky: bool) -> Path:
    for number, was in enumerate(flaky, 2000001):
        enter(folder, str(number), FLAKY if was else result("key_pages"), result("placeholders"))
    return folder


@pytest.mark.parametrize(
    ("flaky", "named"),
    [
        ((True, False, True, False, True), True),
        ((True, False, True, False, False), False),
        ((True, True, True, *[False] * 9), False),
        ((False, *[False] * 7, True, True, True), True),
        ((), False),
    ],
)
def test_a_check_that_was_flaky_too_often_of_late_is_named_with_a_quarantine(
    tmp_path: Path, flaky: tuple[bool, ...], named: bool
) -> None:
    found = list(proposals(read(store_of(tmp_path, *flaky)), PolicySettings(), date(2026, 11, 20)))
    assert [each.check for each in found] == (["key_pages"] if named else [])
    for each in found:
        assert f"key_pages was flaky in 3 of the last {min(len(flaky), 10)} releases." in each.sentence
        assert "until: 2026-12-04" in each.line


def test_what_is_proposed_can_be_written_into_a_gate_file(tmp_path: Path) -> None:
    import yaml

    [found] = proposals(read(store_of(tmp_path, True, True, True)), PolicySettings(), TODAY)
    [item] = yaml.safe_load(found.line)
    policy = PolicySettings.model_validate({"quarantine": [item | {"owner": "alice@example.com"}]})
    assert list(proposals(read(tmp_path), policy, TODAY)) == [], "what is in quarantine is not proposed"
    later = TODAY + timedelta(days=15)
    assert len(list(proposals(read(tmp_path), policy, later))) == 1


def test_the_rule_is_the_gate_s_and_can_be_switched_off(tmp_path: Path) -> None:
    ledger = read(store_of(tmp_path, True, False))
    once = PolicySettings.model_validate({"flakes": {"quarantine_after": 1, "of_last": 2}})
    never = PolicySettings.model_validate({"flakes": {"quarantine_after": 0}})
    assert [each.check for each in proposals(ledger, once, NOW.date())] == ["key_pages"]
    assert list(proposals(ledger, never, NOW.date())) == []


def test_a_report_tells_how_a_check_fared_and_since_when_a_finding_is_known(tmp_path: Path) -> None:
    for execution, found in {
        "2000001": FAILED,
        "2000002": FLAKY,
        "2000003": FAILED,
        "2000004": FAILED,
    }.items():
        enter(tmp_path, execution, found)
    ledger = read(tmp_path)
    assert told_of(ledger, "key_pages") == "1 of 4 passed, 1 flaky"
    assert told_of(ledger, "brand_new") == ""
    [bad] = FAILED.findings
    assert known_since(ledger, "key_pages", bad) == "known since execution 2000003"
    assert known_since(ledger, "key_pages", bad.model_copy(update={"subject": "/other.html"})) == "new"
    assert known_since(ledger, "key_pages", bad.model_copy(update={"code": "key_pages.worse"})) == "new"
    assert known_since(Ledger("wknd"), "key_pages", bad) == ""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process in which there is no Airflow at all."""
    code = (
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'airflow': raise ImportError(name)\n"
        "sys.meta_path.insert(0, No())\n"
        "from stage_gate.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**clean, "PYTHONPATH": str(ROOT / "plugins"), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_it_is_read_without_airflow(tmp_path: Path) -> None:
    enter(store_of(tmp_path, True, True, True), "2000009", FAILED, result("placeholders"))
    enter(tmp_path, "2000010", keys=STRANGER)
    assert KEYS.private is not None
    key = base64.b64encode(public_key(KEYS.private)).decode()
    said = run("ledger", "wknd", "--evidence", str(tmp_path), "--key", key)
    assert said.returncode == 1, "an entry by a stranger"
    assert "wknd: 4 releases, 4 sealed attempts" in said.stdout
    row = next(line for line in said.stdout.splitlines() if line.startswith("key_pages"))
    assert row.split() == ["key_pages", "3", "1", "0", "3", "3", "2.0", "~~~F"]
    assert "- {check: key_pages, owner: <who repairs it>" in said.stdout
    assert "execution-2000010-attempt-1.json is by a key that is not trusted here" in said.stdout
    told = json.loads(run("ledger", "wknd", "--evidence", str(tmp_path), "--key", key, "--json").stdout)
    assert [each["execution_id"] for each in told["entries"]][-1] == "2000009"
    assert [each["check"] for each in told["proposals"]] == ["key_pages"]


def test_without_a_key_it_says_that_signatures_were_not_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(tmp_path, "2000001", keys=STRANGER)
    assert main(["ledger", "wknd", "--evidence", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "1 releases, 1 sealed attempts" in said.out
    assert "signatures were not checked" in said.err


def test_wrong_usage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "wknd", "--evidence", str(tmp_path / "none")]) == 2
    assert "there is no evidence store" in capsys.readouterr().err
    assert main(["ledger", "wknd", "--evidence", str(tmp_path), "--key", "nonsense"]) == 2


def test_a_ledger_that_was_lost_is_entered_again_from_what_can_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(tmp_path, "2000001", FAILED)
    keep(tmp_path, "2000002", keys=STRANGER)
    shutil.rmtree(tmp_path / "wknd" / FOLDER)
    assert KEYS.private is not None
    connection = {"conn_type": "generic", "password": base64.b64encode(KEYS.private).decode()}
    monkeypatch.setenv("AIRFLOW_CONN_STAGE_GATE_SIGNING", json.dumps(connection))
    assert main(["ledger", "wknd", "--evidence", str(tmp_path), "--rebuild"]) == 1
    said = capsys.readouterr()
    assert "Entered 1 sealed attempts into the ledger of wknd; 1 were left out." in said.out
    assert "execution 2000002, attempt 1: left out: the seal is by a key" in said.err
    assert [each.execution_id for each in read(tmp_path).entries] == ["2000001"]


@pytest.mark.parametrize("writable", [True, False])
def test_judge_enters_what_it_sealed_and_a_ledger_that_can_t_be_written_stops_nothing(
    simulator: Simulator, tmp_path: Path, signing: None, caplog: pytest.LogCaptureFixture, writable: bool
) -> None:
    release = Release(simulator, tmp_path)
    seal = release.seal(Outcome.FAILED)
    if not writable:
        (release.evidence.store / "larkfell" / FOLDER).write_text("in the way")
    judge = Judge(task_id="judge", gate_file=str(release.gate_file))
    with caplog.at_level("INFO"):
        assert judge.execute(context(release)) == [1]
    if writable:
        [entry] = read_ledger(release.evidence.store, "larkfell", READER).entries
        assert (entry.execution_id, entry.seal_digest) == (release.execution_id, seal)
    else:
        assert "python -m stage_gate ledger larkfell --rebuild" in caplog.text
