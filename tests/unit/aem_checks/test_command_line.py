"""How do the command lines end where whoever reads them goes away, and what do they call themselves?"""

from __future__ import annotations

import subprocess
import sys

import pytest

from aem_checks.command_line import UNREAD, called_as, versions


def test_a_reader_who_has_seen_enough_costs_no_traceback() -> None:
    command = [sys.executable, "-m", "aem_checks", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
    assert said == b""
    assert running.returncode == UNREAD


@pytest.mark.parametrize(
    ("typed", "called"),
    [("/opt/bin/stage-gate", "stage-gate"), ("/x/stage_gate/__main__.py", "python -m stage_gate")],
)
def test_it_is_called_as_it_was_typed(typed: str, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [typed])
    assert called_as("stage_gate") == called


def test_what_is_not_installed_is_said() -> None:
    assert versions("no-such-distribution").split(", ")[1] == "no-such-distribution not installed"
