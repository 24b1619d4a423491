"""How long does `python -m stage_gate replay` take for two hundred recorded releases?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml

from benchmarks.figures import Figure, say
from simulator import Simulator
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.demands import NO_DEMANDS
from unit.stage_gate.recorded_releases import EVERY_BAD_ONE, record_releases

ROOT = Path(__file__).resolve().parents[2]
RELEASES = 200
SECONDS = 10.0
REPETITIONS = 3
NAME = "larkfell"
PAGES = ["/us/en.html", "/us/en/gear.html", "/us/en/magazine.html"]
TITLE = f"6. Replay: today's policy and checks over {RELEASES} recorded releases"
NOTES = (
    "The whole command, from the start of its process to its end, Airflow's import included: every seal and digest verified,",
    "every recording read and judged again. Real recordings of the simulated stage, three pages with all that they load,",
    f"sealed by the real code. Today's gate only warns of what stopped one in ten. The median of {REPETITIONS}.",
)


def measure() -> list[Figure]:
    """Record the releases once, and replay them with the gate of then and with another one."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        home = Path(folder)
        _record(home)
        say(f"  {RELEASES} releases are recorded, {_size(home / 'evidence') / 1e6:.0f} MB")
        start = median(_seconds(home, store="empty") for _ in range(REPETITIONS))
        taken = []
        for turn in range(REPETITIONS):
            taken.append(_seconds(home))
            say(f"  turn {turn}: {taken[-1]:.2f} s")
    beside = f"{(median(taken) - start) / RELEASES * 1000:.0f} ms a release; the command alone {start:.2f} s"
    return [Figure(f"replay of {RELEASES} releases", median(taken), "s", SECONDS, beside)]


def _record(home: Path) -> None:
    with Simulator.start() as simulator:
        content = {
            "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
            "sites": [
                {
                    "name": NAME,
                    "stage": simulator.stage_url,
                    "production": simulator.production_url,
                    "pages": PAGES,
                }
            ],
        }
        file = home / f"{NAME}.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        gate = load_gate(file, demands=NO_DEMANDS)
        record_releases(home / "evidence", gate, simulator, RELEASES, scratch=home / "scratch")
    changed = {**content, "checks": {"placeholders": {"severity": "warn"}}}
    file.write_text(yaml.safe_dump(changed), encoding="utf-8")
    (home / "empty").mkdir()


def _seconds(home: Path, store: str = "evidence") -> float:
    """Run the command once; raises ``RuntimeError`` unless it replays all that is in the store."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment |= {"AIRFLOW_HOME": str(home / "airflow"), "PYTHONPATH": str(ROOT / "plugins")}
    call = [
        "replay",
        "--gate-file",
        str(home / f"{NAME}.yaml"),
        "--evidence",
        str(home / store),
        "--json",
    ]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "stage_gate", *call],
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    if store != "empty":
        _require_all(done)
    return seconds


def _require_all(done: subprocess.CompletedProcess[str]) -> None:
    rows = json.loads(done.stdout)["releases"] if done.stdout else []
    differ = sum(bool(row["differs"]) for row in rows)
    if (len(rows), differ) != (RELEASES, RELEASES // EVERY_BAD_ONE):
        raise RuntimeError(f"{len(rows)} releases were replayed, {differ} differ: {done.stderr[-2000:]}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
