"""How long does it take to read a Dag file with gate_dag, against a gate file with as many tasks?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.dag_import import GATE, ROOT
from benchmarks.figures import Figure, ratio, say

REPETITIONS = 7
TESTS = 6
"""Tests of the team: Airflow tasks in one, suites in the other, each a task of its own."""
GOAL = 1.1
TITLE = "A Dag file with gate_dag, against a gate file with as many tasks"
NOTES = (
    "Each interpreter imports what the Dag processor has imported before it reads a file; then it reads the file of one gate",
    f"with {TESTS} tests of its team: tasks in a Dag file of its own, or suites in its gate file. Seconds of processor time,",
    f"{REPETITIONS} rounds after one that does not count, in turns. As the Dag processor reads it: the Docs tab is written, and",
    "all Dag files are looked through for gates that they build. As a task reads it: neither.",
)
_CHILD = """
import importlib.util, json, sys, time
import airflow.dag_processing.dagbag, airflow.sdk, airflow.utils.file
from stage_gate.import_ahead import import_ahead
import_ahead()
began = time.process_time()
spec = importlib.util.spec_from_file_location("dag_file", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
took = time.process_time() - began
dags = [each for each in vars(module).values() if getattr(each, "dag_id", "") == "stage_gate.site"]
print("\\n" + json.dumps([took, len(dags[0].tasks)]))
"""
_OWN = """\
# A Dag file for Airflow.
from stage_gate import gate_dag, stage_test

with gate_dag("site") as dag:
    for number in range({tests}):
        @stage_test(task_id=f"test_{{number}}")
        def test(): ...
"""


def measure() -> list[Figure]:
    """Both ways in turns, as the Dag processor and as a task."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        files = {"yaml": _yaml(Path(folder, "yaml")), "own": _own(Path(folder, "own"))}
        return [
            _figure("as the Dag processor reads it", files, None),
            _figure("as a task reads it", files, "stage_gate.site"),
        ]


def _figure(name: str, files: dict[str, Path], wanted: str | None) -> Figure:
    taken: dict[str, list[float]] = {way: [] for way in files}
    tasks: dict[str, int] = {}
    for turn in range(REPETITIONS + 1):
        for way in files if turn % 2 else reversed(files):
            seconds, tasks[way] = _read(files[way], wanted)
            taken[way].append(seconds)
    own, yaml = taken["own"][1:], taken["yaml"][1:]
    beside = (
        f"{min(own):.3f} s with {tasks['own']} tasks / {min(yaml):.3f} s with {tasks['yaml']}, at the least"
    )
    say(f"  {name}: {beside}")
    return Figure(name, ratio(own, yaml), "times", GOAL, beside)


def _read(file: Path, wanted: str | None) -> tuple[float, int]:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AEM_CHECKS", "_AIRFLOW"))
    }
    environment |= {
        "AIRFLOW_HOME": str(file.parent / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(file.parent),
        "PYTHONPATH": str(ROOT / "plugins"),
    }
    if wanted:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = wanted
    command = [sys.executable, "-c", _CHILD, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, tasks = json.loads(done.stdout.splitlines()[-1])
    return seconds, tasks


def _gate(folder: Path, more: str = "") -> None:
    (folder / "gates").mkdir(parents=True)
    (folder / "gates" / "site.yaml").write_text(GATE.format(number=1) + more, encoding="utf-8")


def _yaml(folder: Path) -> Path:
    suites = [{"name": f"test-{number}", "folder": ".", "run": "true"} for number in range(TESTS)]
    _gate(folder, f"checks: {json.dumps({'suites': suites})}\n")
    return Path(shutil.copy(ROOT / "dags" / "stage_gates.py", folder))


def _own(folder: Path) -> Path:
    _gate(folder)
    file = folder / "site_gate.py"
    file.write_text(_OWN.format(tests=TESTS), encoding="utf-8")
    return file
