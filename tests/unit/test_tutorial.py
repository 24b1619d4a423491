"""Do the commands that the tutorial shows work, on the files that the demo leaves?"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import HOME, write_gate
from demo.releases import GATE
from simulator import Simulator, scenario_path
from stage_gate.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
COMMANDS = re.findall(r"^```\n(.+?)\n```$", PAGE, re.MULTILINE)
PYTHON = ".venv/bin/python -m "


def test_it_shows_commands() -> None:
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("make ")])
def test_what_is_made_can_be_made(command: str) -> None:
    done = subprocess.run(
        [*shlex.split(command), "--dry-run", "-C", ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith(f"{PYTHON}stage_gate")])
def test_what_is_asked_of_the_gate_is_understood(command: str) -> None:
    _parser().parse_args(shlex.split(command)[3:])


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith(f"{PYTHON}aem_checks")])
def test_checks_of_the_demo_s_gate_run_outside_airflow(command: str, tmp_path: Path) -> None:
    with Simulator.start(scenario_path("demo")) as simulator:
        write_gate(tmp_path / HOME.relative_to(ROOT) / "gates", simulator)
        words = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "key_pages" in done.stdout


def test_the_gate_is_called_as_in_the_demo() -> None:
    assert f"var/demo/gates/{GATE}.yaml" in PAGE
    assert f"var/demo/evidence/{GATE}/execution-" in PAGE
