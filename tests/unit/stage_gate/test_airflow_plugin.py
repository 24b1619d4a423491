"""Is the plugin registered exactly once, installed or not, in Airflow's core and in its workers?"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"

SEEN = """
import json
from airflow import plugins_manager as core
from airflow.sdk import plugins_manager as worker
found = {
    place: [[[p.name, str(p.source)] for p in manager._get_plugins()[0] if p.name == "stage_gate"],
            {where: why for where, why in manager._get_plugins()[1].items() if "stage" in where}]
    for place, manager in (("core", core), ("worker", worker))
}
print("\\n" + json.dumps(found))
"""


def registered(place: Path) -> dict[str, list[object]]:
    """Per plugin manager: the plugins named stage_gate with their source, and the import errors."""
    paths = [str(PLUGINS)]
    if not entry_points(group="airflow.plugins", name="stage_gate"):
        distribution = place / "installed" / "pretended-1.dist-info"
        distribution.mkdir(parents=True)
        (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: pretended\nVersion: 1\n")
        entry = "[airflow.plugins]\nstage_gate = stage_gate.airflow_plugin:StageGatePlugin\n"
        (distribution / "entry_points.txt").write_text(entry)
        paths.append(str(place / "installed"))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "AIRFLOW_HOME": str(place / "home"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run([sys.executable, "-c", SEEN], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_an_installed_package_is_registered_by_its_entry_point_alone(tmp_path: Path) -> None:
    for plugins, errors in registered(tmp_path).values():
        assert isinstance(plugins, list)
        assert len(plugins) == 1
        assert "stage_gate.airflow_plugin:StageGatePlugin" in plugins[0][1]
        assert errors == {}


def test_a_plugins_folder_alone_offers_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    offered = runpy.run_path(str(PLUGINS / "stage_gate_plugin.py"))
    assert offered["StageGatePlugin"].name == "stage_gate"
