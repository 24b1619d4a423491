"""Does the local Airflow start, run tasks of both sorts, and leave no process behind, however it ends?"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_api import AirflowApiError, client_of
from stage_gate.local.local_airflow import LocalAirflow, LocalAirflowError
from stage_gate.local.ports import free_port

PATIENCE = 300.0
"""Seconds that anything may take on a busy machine."""
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

DAG = """
from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag, task


@dag(schedule=None)
def trivial():
    @task
    def say():
        print("hello from the task")
        return {"said": 1}

    # Airflow loses a try that is resumed before its scheduler has heard of the pause.
    again = {"retries": 5, "retry_delay": timedelta(seconds=1)}
    TimeDeltaSensor(task_id="wait", delta=timedelta(seconds=1), deferrable=True, **again) >> say()


trivial()
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    dags, plugins = tmp_path / "dags", tmp_path / "plugins"
    dags.mkdir()
    plugins.mkdir()
    (dags / "trivial.py").write_text(DAG)
    return dags, plugins


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    place = tmp_path_factory.mktemp("local_airflow")
    for name in ("dags", "plugins"):
        (place / name).mkdir()
    (place / "dags" / "trivial.py").write_text(DAG)
    users = {"admin": "admin", "looker": "viewer"}
    with LocalAirflow(place / "home", dags=place / "dags", plugins=place / "plugins", users=users) as airflow:
        yield airflow


@pytest.mark.airflow
@pytest.mark.xdist_group("second airflow")
def test_a_normal_and_a_deferred_task_run_and_can_be_read_by_rest(airflow: LocalAirflow) -> None:
    client = client_of(airflow)
    client.wait_for_dag("trivial")
    run = client.trigger("trivial", run_id="execution-1")
    assert client.wait_for_run("trivial", run, timeout=PATIENCE) == "success"
    assert client.task_states("trivial", run) == {"wait": "success", "say": "success"}
    said = "hello from the task"  # what a task prints can be written a little after its success is told
    client.wait_until(
        lambda: said in client.task_log("trivial", run, "say") or None, PATIENCE, lambda: "it does not say so"
    )
    assert client.xcom("trivial", run, "say") == {"said": 1}
    assert client.questions() == []
    assert client.import_errors() == {}


@pytest.mark.airflow
@pytest.mark.xdist_group("second airflow")
def test_a_run_id_is_taken_only_once(airflow: LocalAirflow) -> None:
    client = client_of(airflow)
    client.wait_for_dag("trivial")
    client.trigger("trivial", run_id="execution-2")
    with pytest.raises(AirflowApiError) as refused:
        client.trigger("trivial", run_id="execution-2")
    assert refused.value.status == 409


@pytest.mark.airflow
@pytest.mark.xdist_group("second airflow")
def test_a_viewer_may_look_and_not_start(airflow: LocalAirflow) -> None:
    client_of(airflow).wait_for_dag("trivial")
    looker = client_of(airflow, "looker")
    assert looker.api("GET", "/dags/trivial")["dag_id"] == "trivial"
    with pytest.raises(AirflowApiError) as refused:
        looker.trigger("trivial")
    assert refused.value.status == 403


def _connections(process: psutil.Process) -> list[Any]:
    """Its sockets; a worker of Airflow may end while it is looked at, and then it has none."""
    try:
        return list(process.net_connections())
    except psutil.NoSuchProcess:
        return []


@pytest.mark.airflow
@pytest.mark.xdist_group("second airflow")
def test_every_listening_socket_is_on_loopback_and_passwords_are_private(airflow: LocalAirflow) -> None:
    listening = {
        connection.laddr.ip
        for process in _family(airflow.pids.values())
        for connection in _connections(process)
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    passwords = airflow.home / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    assert airflow.password in passwords.read_text()


@pytest.mark.airflow
@pytest.mark.xdist_group("second airflow")
def test_a_component_that_died_is_named_with_the_end_of_its_log_and_can_be_started_again(
    airflow: LocalAirflow,
) -> None:
    os.killpg(airflow.pids["triggerer"], signal.SIGKILL)
    client = client_of(airflow)
    with pytest.raises(LocalAirflowError, match=r"triggerer ended with exit code -9"):
        client.wait_until(lambda: None, PATIENCE, lambda: "the death was not noticed")
    airflow.kill("triggerer")
    airflow.start_component("triggerer")
    airflow.check()


@pytest.mark.airflow
def test_nothing_is_left_when_the_block_ends_by_sigterm(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    owner, family = _start_owner(tmp_path, folders)
    watchdogs = {process for process in family if "processes.py" in " ".join(process.cmdline())}
    owner.terminate()
    assert owner.wait(PATIENCE) == 128 + signal.SIGTERM
    assert _survivors(family - watchdogs, within=0.0) == []
    assert _survivors(watchdogs, within=PATIENCE) == []


@pytest.mark.airflow
def test_nothing_is_left_when_the_owner_is_killed_outright(
    tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    owner, family = _start_owner(tmp_path, folders)
    owner.kill()
    owner.wait(PATIENCE)
    assert _survivors(family, within=PATIENCE) == []


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        local = LocalAirflow(tmp_path / "home", dags=folders[0], plugins=folders[1], port=port)
        with pytest.raises(LocalAirflowError, match=f"Port {port} of 127.0.0.1 is in use"):
            local.__enter__()
    assert local.pids == {}


def test_a_database_that_cannot_be_opened_is_an_error_with_the_end_of_the_log(
    tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    nowhere = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/absent/airflow.db"}
    local = LocalAirflow(tmp_path / "home", dags=folders[0], plugins=folders[1], environment=nowhere)
    with pytest.raises(LocalAirflowError, match=r"(?s)db migrate` ended with exit code .*unable to open"):
        local.__enter__()
    assert local.pids == {}


def _start_owner(
    place: Path, folders: tuple[Path, Path]
) -> tuple[subprocess.Popen[str], set[psutil.Process]]:
    """A Python of its own that holds an Airflow open; and every process of that Airflow."""
    dags, plugins = folders
    program = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(PLUGINS)!r})
        from stage_gate.local.local_airflow import LocalAirflow
        home = Path({str(place / "home")!r})
        with LocalAirflow(home, dags=Path({str(dags)!r}), plugins=Path({str(plugins)!r})):
            print("up", flush=True)
            time.sleep(600)
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "up"
    owner.stdout.close()
    family = set(psutil.Process(owner.pid).children(recursive=True))
    assert len(family) >= 5
    return owner, family


def _family(pids: Iterable[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in pids:
        process = psutil.Process(pid)
        found += [process, *process.children(recursive=True)]
    return found


def _survivors(family: set[psutil.Process], *, within: float) -> list[psutil.Process]:
    end = time.monotonic() + within
    while True:
        alive = [process for process in family if _is_alive(process)]
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
