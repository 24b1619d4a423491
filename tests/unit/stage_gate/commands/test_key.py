"""A signing key is made once, kept private, and told to the right places."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stage_gate.cli import main
from stage_gate.configuration.settings import keys
from stage_gate.evidence.signing import key_id, public_key, read_key
from stage_gate.local.local_key import VARIABLE, local_key, with_local_key

TRUSTED = "AIRFLOW__STAGE_GATE__TRUSTED_KEYS"


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_a_printed_pair_is_what_workers_sign_and_others_verify_with(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["key"]) == 0
    lines = printed(capsys)
    assert lines.keys() == {VARIABLE, TRUSTED}
    monkeypatch.setenv(TRUSTED, lines[TRUSTED])
    assert [key_id(each) for each in keys().trusted] == list(keys().believed)
    assert not keys().can_sign
    monkeypatch.setenv(VARIABLE, lines[VARIABLE].strip("'"))
    own = keys()
    assert own.private is not None
    assert public_key(own.private) == own.trusted[0]


def test_what_is_printed_is_a_shell_file_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    main(["key"])
    shell = f'{capsys.readouterr().out}\nprintf %s "${VARIABLE}"'
    done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    assert len(read_key(json.loads(done.stdout)["password"])) == 32


def test_every_pair_is_a_new_one_and_kept_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key"]) == 0
    first = printed(capsys)
    assert main(["key"]) == 0
    assert printed(capsys)[TRUSTED] != first[TRUSTED]


def test_public_prints_the_half_of_the_configured_key_that_is_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["key"])
    lines = printed(capsys)
    monkeypatch.setenv(VARIABLE, lines[VARIABLE].strip("'"))
    assert main(["key", "--public"]) == 0
    shown = capsys.readouterr().out
    assert shown.strip() == lines[TRUSTED]
    assert json.loads(lines[VARIABLE].strip("'"))["password"] not in shown


def test_without_a_configured_key_there_is_nothing_public(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "--public"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "no connection stage_gate_signing" in said.err


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"password": s3cret}', "is no valid JSON"), ("s3cret", "is neither a connection URI nor JSON")],
)
def test_a_signing_connection_that_cannot_be_read_is_a_mistake_and_no_choice(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """Airflow says of it that there is none, and without a key a worker would only not sign."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=f"'stage_gate_signing' can't be read: {VARIABLE} {said}") as caught:
        keys()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", " "])
def test_no_signing_connection_is_a_choice(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    assert keys().private is None


def test_a_home_keeps_one_key_for_its_owner_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    assert main(["key", "--airflow-home", str(home)]) == 0
    lines = printed(capsys)
    (file,) = home.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert with_local_key({}, home)[VARIABLE] == lines[VARIABLE].strip("'")
    assert main(["key", "--public", "--airflow-home", str(home)]) == 0
    assert capsys.readouterr().out.strip() == lines[TRUSTED]


def test_a_configured_connection_is_left_alone(tmp_path: Path) -> None:
    assert with_local_key({VARIABLE: "theirs"}, tmp_path) == {VARIABLE: "theirs"}
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_file_is_named_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "signing.key").write_text("c2VjcmV0")
    with pytest.raises(ValueError, match=r"signing\.key is no signing key: it has 6 bytes"):
        local_key(tmp_path)
    assert main(["key", "--airflow-home", str(tmp_path)]) == 1
    assert "c2VjcmV0" not in capsys.readouterr().err
