"""Is what is built for others whole: a source distribution and a wheel that can be installed and used?"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from built_package import ROOT, build_package

IMPORTED = "adobe_cloud_manager.provider, aem_checks.cli, stage_gate.airflow_plugin, stage_gate.dag_bag, stage_gate_plugin"


def run(*command: object, **environment: str) -> str:
    """What a program wrote; the test fails with its output where it does."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both."""
    out = tmp_path_factory.mktemp("built")
    build_package(out, "--offline", "--no-build-isolation")
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the wheel's files and no other of this project."""
    folder = tmp_path_factory.mktemp("installed")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--target",
        folder,
        wheel,
    )
    return folder


def test_a_registry_takes_both(built: Path) -> None:
    said = run(sys.executable, "-m", "twine", "check", "--strict", *built.glob("aem_stage_gate*"))
    assert said.count("PASSED") == 2


def test_nothing_that_lies_in_the_packages_is_left_out(built: Path, wheel: Path) -> None:
    packages = {
        file.relative_to(ROOT / "plugins").as_posix()
        for file in (ROOT / "plugins").rglob("*")
        if file.is_file() and not {"__pycache__", ".egg-info"} & {file.parent.name, file.parent.suffix}
    } - {".airflowignore"}
    assert packages - set(zipfile.ZipFile(wheel).namelist()) == set()
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {f"plugins/{each}" for each in packages} - names == set()


def test_what_was_installed_is_what_runs(installed: Path) -> None:
    code = f"import {IMPORTED}; print(stage_gate.__file__); print(stage_gate_plugin.__file__)"
    for file in run(sys.executable, "-c", code, PYTHONPATH=str(installed)).split():
        assert Path(file).is_relative_to(installed)


@pytest.mark.parametrize("script", ["stage-gate", "aem-checks"])
def test_the_scripts_say_which_version_they_are(script: str, installed: Path) -> None:
    said = run(sys.executable, installed / "bin" / script, "--version", PYTHONPATH=str(installed))
    assert said.startswith("aem-stage-gate 0.1.0, ")
    assert f"usage: {script} " in run(
        sys.executable, installed / "bin" / script, "--help", PYTHONPATH=str(installed)
    )


def test_each_range_admits_what_the_image_has() -> None:
    """Ranges are for the Airflow that somebody has; the exact versions of requirements.txt must lie in them."""
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = {Requirement(each).name: Requirement(each).specifier for each in project["dependencies"]}
    extras = [Requirement(each) for extra in project["optional-dependencies"].values() for each in extra]
    pinned = [
        Requirement(line)
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    known = {**ranges, **{each.name: each.specifier for each in extras}}
    for each in pinned:
        version = str(each.specifier).removeprefix("==")
        if each.name not in (
            "apache-airflow",
            "setuptools",
        ):  # the rest of Airflow, and what builds this project
            assert known[each.name].contains(version), each
    assert ranges.keys() <= {each.name for each in pinned}
