"""``python -m stage_gate`` against the simulated Cloud Manager and sites."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import Fault, Simulator
from stage_gate.cli import main
from stage_gate.commands.help import examples
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.surroundings import Fact
from unit.stage_gate.observing.test_siblings import PATHS
from unit.stage_gate.waiting import PATIENCE


@pytest.fixture(scope="module")
def simulated() -> Iterator[Simulator]:
    with Simulator.start() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulated: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    """The simulator, Airflow pointed at it, and an evidence store of its own."""
    for name, value in simulated.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    yield simulated
    simulated.clear_faults()
    simulated.set_site("stage", access="open")


def write_gate(simulator: Simulator, folder: Path, *, extra: str = "", **replaced: str) -> Path:
    values = {
        "program": simulator.program_id,
        "pipeline": simulator.pipeline_id,
        "stage": simulator.stage_url,
        "production": simulator.production_url,
    } | replaced
    file = folder / "wknd.yaml"
    file.write_text(
        'pipeline: {{program: "{program}", pipeline: "{pipeline}"}}\n'
        "sites:\n  - {{name: wknd, stage: '{stage}', production: '{production}', pages: [/us/en.html]}}\n".format(
            **values
        )
        + extra,
        encoding="utf-8",
    )
    return file


def doctor(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["doctor", str(file), "--timeout", str(PATIENCE)])
    return code, capsys.readouterr().out


def test_init_lists_the_pipelines_and_writes_a_gate_that_the_doctor_likes(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gates"
    code = main(["init", "--folder", str(folder), "--pipeline", simulator.pipeline_id, "--name", "wknd"])
    out = capsys.readouterr().out
    assert code == 0, out
    assert f"  * {simulator.pipeline_id}" in out
    assert "    678906     Code quality" in out
    gate = load_gate(folder / "wknd.yaml")
    assert gate.sites[0].stage.url == simulator.stage_url
    assert gate.sites[0].production is not None
    assert gate.sites[0].production.identity == simulator.production_url
    assert "/us/en.html" in gate.sites[0].pages
    code, out = doctor(folder / "wknd.yaml", capsys)
    assert code == 0, out
    assert "✘" not in out


def test_init_writes_nothing_where_the_choice_is_not_clear(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--folder", str(tmp_path)]) == 1
    assert "choose one with --program and --pipeline" in capsys.readouterr().err
    assert main(["init", "--folder", str(tmp_path), "--program", "nothing"]) == 1
    assert "No program 'nothing'" in capsys.readouterr().err
    assert (
        main(["init", "--folder", str(tmp_path), "--pipeline", simulator.pipeline_id, "--name", "A b"]) == 1
    )
    assert "cannot name a gate" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_init_only_lists_when_asked_to(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--list", "--folder", str(tmp_path)]) == 0
    assert "Program 12345" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_init_with_a_wrong_secret_says_so_and_never_shows_it(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = simulator.environment()["AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT"]
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", right.replace(simulator.client_secret, "canary-7d1e"))
    assert main(["init", "--folder", str(tmp_path), "--connection", "wrong"]) == 1
    shown = capsys.readouterr()
    assert "secret" in shown.err
    assert "canary-7d1e" not in shown.out + shown.err


def test_the_doctor_finds_a_healthy_gate_healthy(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = doctor(write_gate(simulator, tmp_path), capsys)
    assert code == 0, out
    for line in (
        "✔ Gate file",
        "✔ Evidence",
        "✔ Scopes",
        "✔ Clock",
        "✔ Credential",
        "✔ Pipeline:",
        "? Right to approve",
    ):
        assert line in out
    assert "✔ Host of stage, site wknd" in out
    assert "answers 200 (asked from 127.0.0.1)" in out
    assert list((tmp_path / "evidence").iterdir()) == []


@pytest.mark.parametrize("fact", Fact)
def test_the_doctor_tries_every_fact_about_changes_of_stage(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], fact: Fact
) -> None:
    file = write_gate(simulator, tmp_path)
    file.write_text(f"{file.read_text()}\nmode: guard\n")
    _, healthy = doctor(file, capsys)
    assert all(f"✔ Fact {each}: " in healthy for each in Fact)
    simulator.inject(Fault(effect="answer", status=403, path=PATHS[fact], times=None))
    code, out = doctor(file, capsys)
    assert code == 1
    assert f"✘ Fact {fact}: nobody can tell " in out
    assert "this gate holds every release" in out
    assert f"name {fact} under policy.accept_unread" in " ".join(out.split())
    file.write_text(f"{file.read_text()}policy: {{accept_unread: [{fact}]}}\n")
    _, accepted = doctor(file, capsys)
    assert f"? Fact {fact}: " in accepted


def test_the_doctor_names_an_ip_allow_list(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set_site("stage", access="ip-blocked")
    code, out = doctor(write_gate(simulator, tmp_path), capsys)
    assert code == 1
    assert "answers 405" in out
    assert "IP allow list" in out


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"pipeline": "999999"}, ["✘ Pipelines: pipeline 999999 can't be read", "init"]),
        ({"program": "999999"}, ["✘ Program: program 999999 can't be read"]),
        ({"pipeline": "678906"}, ["✘ Pipeline: 'Code quality", "does not deploy to stage"]),
        ({"stage": "http://127.0.0.1:1"}, ["✘ Host of stage", "✘ Stage of site wknd", "refused"]),
    ],
)
def test_the_doctor_names_what_does_not_fit_the_pipeline(
    simulator: Simulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    replaced: dict[str, str],
    words: list[str],
) -> None:
    code, out = doctor(write_gate(simulator, tmp_path, **replaced), capsys)
    assert code == 1
    assert all(word in out for word in words), out


def test_the_doctor_sees_swapped_hosts(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gate(simulator, tmp_path, stage=simulator.production_url, production=simulator.stage_url)
    code, out = doctor(file, capsys)
    assert (code, out.count("were stage and production swapped?")) == (1, 2)


def test_the_doctor_says_where_a_broken_file_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wknd.yaml").write_text("pipeline: {program: 1, pipeline: 2}\nsites: []\n", encoding="utf-8")
    assert main(["doctor", "wknd", "--folder", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"✘ Gate file: {tmp_path / 'wknd.yaml'}:2: a list of at least one site" in out
    assert main(["doctor", "none", "--folder", str(tmp_path)]) == 1
    assert "none.yaml" in capsys.readouterr().out


def test_a_connection_that_is_missing_is_named(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gate(simulator, tmp_path)
    file.write_text(
        file.read_text(encoding="utf-8").replace("{program", "{connection: nowhere, program"),
        encoding="utf-8",
    )
    code, out = doctor(file, capsys)
    assert code == 1
    assert "✘ Connection: The connection 'nowhere' does not exist" in out


def test_the_access_connection_of_a_site_is_used_and_its_absence_is_named(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gate(simulator, tmp_path)
    text = file.read_text(encoding="utf-8")
    protected = text.replace(
        f"stage: '{simulator.stage_url}'", f"stage: {{url: '{simulator.stage_url}', access: nowhere}}"
    )
    file.write_text(protected, encoding="utf-8")
    code, out = doctor(file, capsys)
    assert code == 1
    assert "connection 'nowhere' can't be used: The connection 'nowhere' does not exist" in out


def test_evidence_that_cannot_be_written_is_named(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "file" / "evidence"))
    code, out = doctor(write_gate(simulator, tmp_path), capsys)
    assert code == 1
    assert "✘ Evidence: the store can't be written" in out


def test_the_schema_is_written_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--output", str(tmp_path / "gate.json")]) == 0
    assert str(tmp_path / "gate.json") in capsys.readouterr().out
    assert (tmp_path / "gate.json").stat().st_size > 1000


def test_wrong_usage_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["docter"])
    assert ended.value.code == 2


def test_an_interrupt_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("stage_gate.cli._schema", interrupted)
    assert main(["schema"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_fault_of_the_program_says_nothing_about_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(options: object) -> int:
        raise IndexError("what nobody expected")

    monkeypatch.setattr("stage_gate.cli._schema", broken)
    assert main(["schema"]) == 70
    assert "IndexError: what nobody expected" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(examples()))
def test_the_help_of_a_command_has_examples_that_it_takes_and_says_what_its_exit_codes_mean(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[argparse.Namespace] = []
    monkeypatch.setattr("stage_gate.cli._run", lambda name: lambda options: taken.append(options) or 0)
    for name in ("_doctor", "_schema", "_init"):
        monkeypatch.setattr(f"stage_gate.cli.{name}", lambda options: taken.append(options) or 0)
    with pytest.raises(SystemExit) as asked:
        main([command, "--help"])
    assert asked.value.code == 0
    told = capsys.readouterr().out
    for arguments in examples()[command]:
        assert f" {command} {arguments}".rstrip() in told
        assert main([command, *arguments.split()]) == 0, "it is taken as it stands"
    assert len(taken) == len(examples()[command])
    for code in ("  0 ", "  1 ", "  2 ", "  70 ", "  130 ", "  141 "):
        assert code in told.partition("exit codes:")[2]


def test_every_command_has_examples() -> None:
    assert set(examples()) | {"up"} == {name for name in commands_of_the_help() if name}


def commands_of_the_help() -> set[str]:
    from stage_gate.cli import _parser

    [chosen] = [each for each in _parser()._actions if each.choices]
    return set(chosen.choices or ())
