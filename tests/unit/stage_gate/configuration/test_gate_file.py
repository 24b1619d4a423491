"""Gate files: what a team may write, what is refused, and how one file can build on another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import (
    GateFileError,
    gate_digest,
    gate_from_content,
    gate_paths,
    load_gate,
    load_gate_for_run,
)
from stage_gate.rules.decision import Action, Mode, Policy
from stage_gate.rules.demands import NO_DEMANDS

SMALLEST = """\
pipeline: {program: "12345", pipeline: 678901}
sites:
  - stage: https://publish-p12345-e7654321.adobeaemcloud.com
    production: https://www.wknd.site
    pages: [/, /us/en.html]
"""
REPOSITORY = Path(__file__).resolve().parents[4]


def write(folder: Path, text: str, name: str = "wknd.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def gate_of(folder: Path, text: str) -> Gate:
    return load_gate(write(folder, text))


def mistake_in(folder: Path, text: str) -> GateFileError:
    with pytest.raises(GateFileError) as caught:
        gate_of(folder, text)
    return caught.value


def test_six_lines_make_a_gate_that_only_watches(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, SMALLEST)
    assert (gate.name, gate.mode) == ("wknd", Mode.SHADOW)
    assert (gate.pipeline.program, gate.pipeline.pipeline) == ("12345", "678901")
    assert gate.pipeline.connection == gate.pipeline.deciding == "cloud_manager_default"
    assert gate.policy.rules == Policy(Action.APPROVE, Action.HALT, Action.HOLD)
    assert gate.waits.poll is None
    assert any(check.blocks for check in gate.stage_checks)
    assert gate.check("key_pages").kind == "key_pages"
    assert gate.check("production.key_pages").target == "production"


def test_everything_that_a_gate_can_say_is_read(tmp_path: Path) -> None:
    gate = gate_of(
        tmp_path,
        SMALLEST.replace("{program", "{connection: cm, deciding_connection: cm_deciding, program")
        + "mode: guard\n"
        + "policy:\n  passed: {ask: [alice]}\n  failed: hold\n"
        + "  inconclusive: {ask: [alice, bob], within: 30m, silence: halt}\n"
        + "waits: {poll: 1s, stage_deployment: 2h, approval: 1h, production_deployment: 3h, read_back: 5s}\n",
    )
    assert gate.mode is Mode.GUARD
    assert gate.pipeline.deciding == "cm_deciding"
    assert gate.policy.rules == Policy(Action.ASK, Action.HOLD, Action.ASK)
    asked = gate.policy.on(Outcome.INCONCLUSIVE)
    assert (asked.ask, asked.within, asked.silence) == (("alice", "bob"), timedelta(minutes=30), "halt")
    assert gate.policy.passed.silence == "hold"
    assert gate.waits.poll == timedelta(seconds=1)
    assert gate.waits.read_back == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("policy:\n  failed: approve\n", 7, ["approve can follow a passed verdict only", "halt, hold"]),
        ("policy:\n  inconclusive: approve\n", 7, ["approve can follow a passed verdict only"]),
        ("policy: {passed: halt}\n", 6, ["can't follow a passed verdict"]),
        ("policy: {failed: aprove}\n", 6, ["'aprove' is unknown"]),
        ("policy: {failed: ask}\n", 6, ["does not say whom", "ask: [alice, bob]"]),
        ("policy: {failed: true}\n", 6, ["unknown"]),
        ("policy: {failed: }\n", 6, ["unknown"]),
        ("policy: {inconclusive: {ask: []}}\n", 6, ["nobody is asked"]),
        ("policy: {inconclusive: {ask: alice}}\n", 6, ["nobody is asked"]),
        ("policy: {inconclusive: {ask: [everybody]}}\n", 6, ["not one Airflow user"]),
        ("policy: {inconclusive: {ask: [alice], silence: approve}}\n", 6, ["silence can't mean approve"]),
        ("policy: {inconclusive: {ask: [alice], within: 8}}\n", 6, ["not a duration"]),
        ("policy: {inconclusive: {ask: [alice], whithin: 8h}}\n", 6, ["Did you mean within?"]),
        ("policy: {inconclusive: {action: approve, ask: [alice]}}\n", 6, ["'action' is unknown"]),
        ("policy: {flaky: hold}\n", 6, ["'flaky' is unknown"]),
        ("mode: on\n", 6, ["mode is 'on'", "'shadow' or 'guard'"]),
        ("mode: Guard\n", 6, ["'shadow' or 'guard'"]),
        ("waits: {poll: 0s}\n", 6, ["too short"]),
        ("waits: {pol: 1s}\n", 6, ["Did you mean poll?"]),
        ("chekcs: {}\n", 6, ["'chekcs' is unknown", "Did you mean checks?"]),
        ("checks:\n  key_page: {}\n", 7, ["Did you mean key_pages?"]),
        ("schedule: daily\n", 6, ["'schedule' is unknown"]),
    ],
)
def test_a_mistake_names_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    error = mistake_in(tmp_path, SMALLEST + text)
    assert error.line == line, str(error)
    assert str(error).startswith(f"{tmp_path / 'wknd.yaml'}:{line}: ")
    assert all(word in str(error) for word in words), str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("", ["'pipeline' does not say"]),
        ("pipeline: 678901\n", ["'pipeline' does not say"]),
        ('pipeline: {program: "1"}\n', ["'pipeline' is missing in pipeline"]),
        ("pipeline: {program: WKND, pipeline: 1}\n", ["'WKND' is not an id"]),
        ("pipeline: {program: 1, pipeline: 1.5}\n", ["pipeline.pipeline is 1.5"]),
        ("pipeline: {program: true, pipeline: 1}\n", ["pipeline.program is True"]),
        ("pipeline: {program: 1, pipeline: 1, conection: x}\n", ["Did you mean connection?"]),
        ("pipeline: {program: 1, pipeline: 1, connection: 'x y'}\n", ["'x y'"]),
    ],
)
def test_a_pipeline_that_is_not_named_rightly_is_refused(
    tmp_path: Path, pipeline: str, words: list[str]
) -> None:
    error = mistake_in(tmp_path, pipeline + SMALLEST.split("\n", 1)[1])
    assert error.line == 1
    assert all(word in str(error) for word in words), str(error)


def test_a_gate_without_an_effective_blocking_check_is_refused(tmp_path: Path) -> None:
    kinds = {check.kind for check in gate_of(tmp_path, SMALLEST).stage_checks}
    off = "".join(f"  {kind}: false\n" for kind in kinds - {"key_pages"})
    for settings in ("{severity: warn}", "{dry_run: true}", "{severity: block, dry_run: true}"):
        error = mistake_in(tmp_path, SMALLEST + f"checks:\n{off}  key_pages: {settings}\n")
        assert "no check of stage blocks" in str(error)
        assert error.line == 6


def test_a_gate_builds_on_defaults_and_a_mistake_there_names_that_file(tmp_path: Path) -> None:
    defaults = "mode: guard\npolicy: {failed: hold}\npipeline: {connection: shared}\n"
    write(tmp_path, defaults, "_defaults.yaml")
    gate = gate_of(tmp_path, "extends: _defaults.yaml\npolicy: {passed: hold}\n" + SMALLEST)
    assert gate.mode is Mode.GUARD
    assert gate.policy.rules == Policy(Action.HOLD, Action.HOLD, Action.HOLD)
    assert gate.pipeline.connection == "shared"
    write(tmp_path, defaults.replace("hold", "approve"), "_defaults.yaml")
    error = mistake_in(tmp_path, "extends: _defaults.yaml\n" + SMALLEST)
    assert str(error).startswith(f"{tmp_path / '_defaults.yaml'}:2: policy.failed: approve can follow")


def test_what_a_run_pinned_gives_the_same_gate_after_the_file_is_gone(tmp_path: Path) -> None:
    write(tmp_path, "waits: {poll: 1s}\n", "_defaults.yaml")
    text = "extends: _defaults.yaml\n" + SMALLEST + "policy: {inconclusive: {ask: [alice], within: 1h30m}}\n"
    gate = gate_of(tmp_path, text)
    pinned = json.loads(json.dumps(gate.content))
    assert gate_from_content("wknd", pinned, folder=tmp_path) == gate


def test_the_digest_follows_the_content_and_not_its_layout(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, SMALLEST)
    lines = SMALLEST.splitlines(keepends=True)
    assert gate_of(tmp_path, "# a comment\n" + "".join(lines[1:]) + lines[0]).digest == gate.digest
    assert gate_of(tmp_path, SMALLEST + "mode: guard\n").digest != gate.digest
    assert gate_digest("other", gate.content) != gate.digest == gate_digest("wknd", gate.content)


def test_only_gates_are_found_in_the_folder(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "_defaults.yaml", ".hidden.yaml", "notes.txt"):
        write(tmp_path, SMALLEST, name)
    (tmp_path / "c.yaml").mkdir()
    assert [path.name for path in gate_paths(tmp_path)] == ["a.yml", "b.yaml"]
    assert gate_paths(tmp_path / "none") == []


@pytest.mark.parametrize(
    "name", ["_defaults.yaml", "Wknd.yaml", "wknd site.yaml", "-wknd.yaml", "wknd.json", "ä.yaml"]
)
def test_a_file_that_cannot_name_a_gate_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GateFileError):
        load_gate(write(tmp_path, SMALLEST, name))


def test_two_files_for_one_gate_are_refused(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST, "wknd.yml")
    assert "both wknd.yaml and wknd.yml" in str(mistake_in(tmp_path, SMALLEST))


GUARD = SMALLEST + "mode: guard\n"


def test_a_second_gate_that_acts_on_the_pipeline_is_refused_with_its_name(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST + "mode: shadow\n", "beside.yaml")
    write(tmp_path, GUARD.replace("678901", "678902"), "another.yaml")
    write(tmp_path, "sites: [", "broken.yaml")
    gate_of(tmp_path, GUARD)
    write(tmp_path, "pipeline: {program: 12345, pipeline: '678901'}\nmode: guard\n", "_base.yaml")
    write(tmp_path, "extends: _base.yaml\n" + SMALLEST.partition("\n")[2], "zz.yaml")
    error = mistake_in(tmp_path, GUARD)
    assert error.line == 1
    assert "pipeline 678901 of program 12345 is guarded by zz.yaml too" in str(error)
    assert "'mode: shadow'" in error.remedy
    with pytest.raises(GateFileError, match=r"guarded by wknd\.yaml too"):
        load_gate_for_run(tmp_path / "zz.yaml", demands=NO_DEMANDS)
    (tmp_path / "zz.yaml").unlink()
    assert gate_of(tmp_path, GUARD).mode is Mode.GUARD


def test_a_second_gate_that_begins_to_act_in_a_file_that_it_extends_is_refused(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path, "mode: shadow\n", "parts/base.yaml")
    write(tmp_path, "extends: parts/base.yaml\n" + SMALLEST, "zz.yaml")
    path = write(tmp_path, GUARD)
    load_gate(path, demands=NO_DEMANDS)
    write(tmp_path, "mode: guard\n", "parts/base.yaml")
    with pytest.raises(GateFileError, match=r"is guarded by zz\.yaml too"):
        load_gate(path, demands=NO_DEMANDS)


def test_a_second_gate_is_seen_though_its_file_has_the_size_and_the_time_of_before(tmp_path: Path) -> None:
    other = write(tmp_path, SMALLEST + "mode: shadow\n", "zz.yaml")
    path = write(tmp_path, GUARD)
    load_gate(path, demands=NO_DEMANDS)
    before = other.stat()
    write(tmp_path, SMALLEST + "mode: guard \n", "zz.yaml")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (other.stat().st_size, other.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with pytest.raises(GateFileError, match=r"is guarded by zz\.yaml too"):
        load_gate(path, demands=NO_DEMANDS)


def test_reading_a_gate_loads_neither_airflow_nor_parsers_nor_http_clients(tmp_path: Path) -> None:
    file = write(tmp_path, SMALLEST)
    code = (
        "import sys\nfrom stage_gate.configuration.gate_file import load_gate\n"
        "from stage_gate.configuration.describe import describe\n"
        "from stage_gate.rules.demands import NO_DEMANDS\n"
        f"describe(load_gate({str(file)!r}, demands=NO_DEMANDS))\n"
        "heavy = {'airflow', 'lxml', 'selectolax', 'aiohttp', 'requests', 'jsonschema'} & set(sys.modules)\n"
        "print(','.join(sorted(heavy)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY / "plugins")},
        cwd=tmp_path,
    )
    assert run.stdout.strip() == ""


def test_the_names_of_a_gate_file_are_split_between_gate_and_checks_without_rest() -> None:
    from aem_checks.config import CHECK_KEYS, GATE_KEYS
    from stage_gate.configuration.gate import GateSettings

    assert set(GateSettings.model_fields) == GATE_KEYS
    assert not CHECK_KEYS & GATE_KEYS


def test_the_files_that_come_with_stage_gate_can_be_read(tmp_path: Path) -> None:
    gates = REPOSITORY / "dags" / "gates"
    for path in gates.glob("_*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    gate = gate_of(tmp_path, "extends: _demo.yaml\n" + SMALLEST)
    assert gate.mode is Mode.GUARD
    assert gate.waits.poll == timedelta(seconds=1)
    for path in gate_paths(gates):
        load_gate(path)


def test_files_that_settings_name_are_found_from_the_folder_of_the_gate_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gates"
    folder.mkdir()
    (folder / "redirects.csv").write_text("from,to,code\n/old,/us/en.html,301\n", encoding="utf-8")
    checks = "checks:\n  redirects: {file: redirects.csv}\n  suites: [{name: a, folder: ui.tests, run: npm test}]\n"
    monkeypatch.chdir(tmp_path)
    gate = gate_of(folder, SMALLEST + checks)
    assert gate.check("suites.a").settings.working_folder == (folder / "ui.tests").resolve()  # type: ignore[attr-defined]
    assert gate_from_content("wknd", gate.content, folder=folder) == gate
    (folder / "redirects.csv").unlink()
    with pytest.raises(GateFileError, match="redirects"):
        gate_of(folder, SMALLEST + checks)
