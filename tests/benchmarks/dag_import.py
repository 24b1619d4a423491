"""How long does it take to import the Dag file with 1, 10 and 200 gates, and one gate of 200 as a task does?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bare_dag import write_bare_dag
from benchmarks.figures import Figure, ratio, say
from stage_gate.configuration.gate_file import load_gate
from stage_gate.dag import build_gate_dag

ROOT = Path(__file__).resolve().parents[2]
REPETITIONS = 5
AGAINST_BARE = 1.25
"""The goal: at most so many times the time of a bare Dag with as many tasks and arrows."""
GATE = """\
pipeline: {{program: "12345", pipeline: "{number}"}}
sites:
  - stage: https://publish-p12345-e{number}.adobeaemcloud.com
    production: https://www.site-{number}.example.com
    pages: [/, /us/en.html, /us/en/magazine.html]
mode: shadow
"""
TITLE = "2. Dag file: dags/stage_gates.py imported in a fresh interpreter"
NOTES = (
    "Every interpreter imports `from airflow.sdk import DAG` first, the floor of any Dag file, and then the Dag file; the",
    "figures are both against the floor. Seconds of processor time, which depends less on other load; medians of",
    f"{REPETITIONS} rounds after one that does not count. A further gate: what 10 or 200 with the default checks take more than",
    "1, against what as many bare Dags with the same tasks and arrows take more than 1, in the same round.",
)
_CHILD = """
import importlib.util, json, sys, time
began = time.process_time()
from airflow.sdk import DAG
floor = time.process_time()
spec = importlib.util.spec_from_file_location("stage_gates", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
ended = time.process_time()
dags = sum(isinstance(each, DAG) and each.dag_id != "stage_gate.start" for each in vars(module).values())
print("\\n" + json.dumps([floor - began, ended - floor, dags]))
"""


@dataclass(frozen=True)
class Case:
    """What one interpreter imports."""

    gates: int
    """How many gate files there are."""
    wanted: str | None = None
    """The one Dag that a running task needs."""
    bare: bool = False
    """Bare Dags of the same shape instead."""

    @property
    def expected(self) -> int:
        return 1 if self.wanted else self.gates


ONE, TEN, MANY = Case(1), Case(10), Case(200)
ONE_OF_MANY = Case(200, wanted="stage_gate.site-77")
BARE = {case: Case(case.gates, bare=True) for case in (ONE, TEN, MANY)}
CASES = (ONE, TEN, MANY, ONE_OF_MANY, *BARE.values())
WAYS_ON = {
    "pin_candidate": ["wait_for_stage_deployment", "wait_for_approval_step"],
    "decide": ["approve_production"],
}
_BARE_DAGS = """\
from pathlib import Path

code = compile(Path({file!r}).read_text(), "bare", "exec")
for number in range({count}):
    dags = {{"__name__": f"bare_{{number}}"}}
    exec(code, dags)
    globals()[f"dag_{{number}}"] = dags["dag"]
"""


@dataclass(frozen=True)
class Taken:
    """Seconds of processor time."""

    floor: float
    """Of airflow.sdk alone."""
    file: float
    """Of the Dag file after it."""

    @property
    def times(self) -> float:
        return (self.floor + self.file) / self.floor


def measure() -> list[Figure]:
    """Import in turns, every case in an interpreter of its own."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        home = Path(folder)
        for case, bare in BARE.items():
            _write_gates(home / str(case.gates), case.gates)
            _write_bare_dags(home, bare.gates)
        taken: dict[Case, list[Taken]] = {case: [] for case in CASES}
        for turn in range(REPETITIONS + 1):
            for case in CASES if turn % 2 else reversed(CASES):
                taken[case].append(_import(case, home))
            told = (f"{_name(case)} {taken[case][-1].file:.3f} s" for case in CASES)
            say(f"  turn {turn}: airflow.sdk {taken[ONE][-1].floor:.2f} s, and then {', '.join(told)}")
    return _figures({case: each[1:] for case, each in taken.items()})


def _figures(taken: dict[Case, list[Taken]]) -> list[Figure]:
    times = {case: median(each.times for each in taken[case]) for case in CASES}
    file = {case: median(each.file for each in taken[case]) for case in CASES}
    floor = median(each.floor for each in taken[ONE])
    only = f"{file[ONE_OF_MANY]:.3f} s, one Dag built; all 200: {file[MANY]:.3f} s"
    return [
        Figure(
            "1 gate against airflow.sdk alone",
            times[ONE],
            "times",
            1.2,
            f"{file[ONE]:.3f} s on top of {floor:.2f} s",
        ),
        Figure("10 gates against airflow.sdk alone", times[TEN], "times"),
        Figure("200 gates against airflow.sdk alone", times[MANY], "times"),
        _further(taken, TEN),
        _further(taken, MANY),
        Figure("1 of 200 gates, as a task does", times[ONE_OF_MANY], "times", None, only),
    ]


def _further(taken: dict[Case, list[Taken]], many: Case) -> Figure:
    """What each gate after the first costs, beside each bare Dag after the first."""
    gates, bare = _each(taken, many, ONE), _each(taken, BARE[many], BARE[ONE])
    beside = f"gate {median(gates):.1f} ms, bare Dag {median(bare):.1f} ms"
    return Figure(
        f"a further gate against a bare Dag, up to {many.gates}",
        ratio(gates, bare),
        "times",
        AGAINST_BARE,
        beside,
    )


def _each(taken: dict[Case, list[Taken]], many: Case, one: Case) -> list[float]:
    """Milliseconds that each Dag after the first took, by rounds."""
    rounds = zip(taken[many], taken[one], strict=True)
    return [(more.file - first.file) / (many.gates - 1) * 1000 for more, first in rounds]


def _import(case: Case, home: Path) -> Taken:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AEM_CHECKS"))
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(home / str(case.gates)),
        "PYTHONPATH": str(ROOT / "plugins"),
    }
    if case.wanted:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = case.wanted
    file = str(_bare_file(home, case.gates) if case.bare else ROOT / "dags" / "stage_gates.py")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, file], env=environment, capture_output=True, text=True, check=True
    )
    floor, seconds, dags = json.loads(done.stdout.splitlines()[-1])
    if dags != case.expected:
        raise RuntimeError(f"{dags} gates were built, not {case.expected}: {done.stderr[-2000:]}")
    return Taken(floor, seconds)


def _name(case: Case) -> str:
    if case.bare:
        return f"{case.gates} bare"
    return f"1 of {case.gates}" if case.wanted else f"{case.gates} gate{'s' * (case.gates > 1)}"


def _write_gates(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"site-{number}.yaml").write_text(GATE.format(number=number), encoding="utf-8")


def _bare_file(home: Path, count: int) -> Path:
    return home / f"bare_{count}.py"


def _write_bare_dags(home: Path, count: int) -> None:
    """A Dag file with so many Dags, each of the shape of a gate's."""
    gate_file, bare = home / str(count) / "site-1.yaml", home / "bare.py"
    write_bare_dag(build_gate_dag(load_gate(gate_file), gate_file, ""), WAYS_ON, bare)
    _bare_file(home, count).write_text(_BARE_DAGS.format(file=str(bare), count=count), encoding="utf-8")
