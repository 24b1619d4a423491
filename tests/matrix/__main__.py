"""`make matrix`: the wheel in fresh environments, unit tests, Dag parse and the demo's releases in each.

ARGS="oldest composer" for some of them, ARGS="--quick" for the tests of the Dags and the provider only.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from built_package import ROOT, build_package
from compose_smoke.shell import StepFailed, run, step
from matrix.cells import CELLS, Cell

EXTRAS = ("browser", "calendar", "redis", "slack", "email", "pagerduty")
TOOLS = re.compile(
    r"^(?!apache-|redis|ruff|mypy|mutmut|import-linter|check-jsonschema|types-|lxml-stubs)\w[^#\n]*",
    re.MULTILINE,
)
"""Of requirements-dev.txt: what tests import. The wheel's ranges bring the rest, which is what is tried."""
QUICK = (
    "tests/unit/stage_gate/test_dags.py",
    "tests/unit/stage_gate/test_provider.py",
    "tests/unit/adobe_cloud_manager",
)
PARSED = """
import sys, aem_checks, adobe_cloud_manager, stage_gate
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert bag.dags and not bag.import_errors, bag.import_errors
for package in (aem_checks, adobe_cloud_manager, stage_gate):
    assert package.__file__.startswith(sys.prefix), package.__file__
print(len(bag.dags), "Dags")
"""


def main(arguments: list[str]) -> int:
    """Try each cell to its end; 1 where any failed, 2 for a name that is none."""
    quick, names = "--quick" in arguments, [each for each in arguments if each != "--quick"]
    unknown = sorted(set(names) - {cell.name for cell in CELLS})
    if unknown:
        print(f"There is no cell {unknown[0]!r}; there are {', '.join(cell.name for cell in CELLS)}.")
        return 2
    with tempfile.TemporaryDirectory(prefix="stage-gate-matrix-") as folder:
        home = Path(folder)
        with step("Building the wheel"):
            wheel = build_package(home)
        rows = [_tried(cell, wheel, home, quick) for cell in CELLS if not names or cell.name in names]
    print("\n| environment | Python | Airflow | result | seconds |\n|---|---|---|---|---|")
    print("\n".join(row for row, _ in rows))
    return 0 if all(well for _, well in rows) else 1


def _tried(cell: Cell, wheel: Path, home: Path, quick: bool) -> tuple[str, bool]:
    """A row of the table, and whether all went well. The environment goes with it."""
    began, airflow, told = time.monotonic(), cell.airflow or "newest", "passed"
    environment = home / cell.name
    try:
        airflow = _install(cell, wheel, environment)
        _try(cell, environment, quick)
    except StepFailed as error:
        print(error)
        told = "**failed**"
    shutil.rmtree(environment, ignore_errors=True)
    return (
        f"| {cell.name} | {cell.python} | {airflow} | {told} | {time.monotonic() - began:.0f} |",
        told == "passed",
    )


def _install(cell: Cell, wheel: Path, environment: Path) -> str:
    """Fresh, with the wheel and what its ranges bring; returns Airflow's version."""
    tools = [line.strip() for line in TOOLS.findall((ROOT / "requirements-dev.txt").read_text())]
    wanted = [f"aem-stage-gate[{','.join(EXTRAS)}] @ {wheel.as_uri()}", *_ranges(cell.airflow), *tools]
    with step(
        f"{cell.name}: Python {cell.python}, Airflow {cell.airflow or 'newest'}, {cell.resolution} versions"
    ):
        _uv("venv", "--quiet", "--python", cell.python, str(environment))
        python = str(environment / "bin" / "python")
        options = ["--quiet", "--python", python, "--compile-bytecode", "--resolution", cell.resolution]
        _uv("pip", "install", *options, *wanted)
        return run([python, "-c", "import airflow; print(airflow.__version__)"]).strip().splitlines()[-1]


def _ranges(airflow: str) -> list[str]:
    """What the wheel asks for, named by itself: only of that does uv take the lowest version of each range."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges: list[str] = [*project["dependencies"]]
    for extra in EXTRAS:
        ranges += project["optional-dependencies"][extra]
    return [*ranges, *([f"apache-airflow-core=={airflow}"] if airflow else [])]


def _try(cell: Cell, environment: Path, quick: bool) -> None:
    python = str(environment / "bin" / "python")
    around = {**os.environ, "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}", "KEEP": "0"}
    with step(f"{cell.name}: the Dag file"):
        run(
            [python, "-c", PARSED, str(ROOT / "dags" / "stage_gates.py")],
            environment=around,
            folder=environment,
        )
    with step(f"{cell.name}: unit tests"):
        tests = QUICK if quick else ("tests/unit",)
        command = [
            python,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "-o",
            "pythonpath=tests",
            "-p",
            "no:cacheprovider",
            *tests,
        ]
        print(run(command, environment=around, folder=ROOT, timeout=3600).strip().splitlines()[-1])
    with step(f"{cell.name}: three releases through a real Airflow"):
        run(
            [python, "-m", "demo"],
            environment={**around, "PYTHONPATH": str(ROOT / "tests")},
            folder=environment,
        )


def _uv(*arguments: str) -> str:
    return run([sys.executable, "-m", "uv", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
