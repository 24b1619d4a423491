"""Does docker-compose.yaml work for real? Starts it, runs one gate through it, takes everything down again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from airflow_api import AirflowApi, AirflowApiError
from compose_smoke.engine import engine, missing
from compose_smoke.shell import StepFailed, run, step
from compose_smoke.stand_ins import make_base, make_stand_ins
from simulator import Simulator
from stage_gate.local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
FIRST_PORT = 18100  # as docker-compose.yaml starts the simulator
GATE = "smoke"
HEALTHY_WITHIN = 240.0  # seconds
RUN_WITHIN = 300.0  # seconds

PROVES = """
What this proves: docker-compose.yaml and the Dockerfile build and start as they are; every service became healthy;
no service needs a default password; Airflow on PostgreSQL, Redis and Celery took one release through one gate.
What it does not: the images it starts from are stand-ins made of Debian's packages (PostgreSQL 15, Redis 7.0,
Python 3.11), not the upstream images; and Adobe was the simulator."""


class Stack:
    """docker-compose.yaml, started in one engine under one project name."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._base = ["docker-compose", "--project-name", "stage-gate-smoke", "--profile", "demo"]
        self._base += ["--env-file", str(folder / "smoke.env")]

    def compose(self, *arguments: str, timeout: float = 600.0) -> str:
        return run([*self._base, *arguments], environment=self._environment, folder=ROOT, timeout=timeout)

    def health(self) -> dict[str, str]:
        """Service to "healthy", "starting", "unhealthy", or the container's state where no check is defined."""
        form = "{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        ids = self.compose("ps", "--quiet").split()
        lines = run(["docker", "inspect", "--format", form, *ids], environment=self._environment).splitlines()
        parts = [line.removeprefix("/").split() for line in lines]
        return {part[0].removeprefix("stage-gate-smoke_").removesuffix("_1"): part[-1] for part in parts}

    def in_simulator(self, method: str, path: str, body: object = None) -> object:
        """One call of the simulator's control API, made inside its container."""
        program = (
            "import sys, urllib.request as u; m, p, b = sys.argv[1:];"
            f"q = u.Request('http://127.0.0.1:{FIRST_PORT}/_simulator/' + p, method=m, data=b.encode() or None,"
            " headers={'Content-Type': 'application/json'}); print(u.urlopen(q, timeout=10).read().decode())"
        )
        sent = "" if body is None else json.dumps(body)
        return json.loads(
            self.compose("exec", "-T", "simulator", "python", "-c", program, method, path, sent)
        )


def main() -> int:
    """0: the gate's run ended as it should; 1: it did not, or a step failed; 2: something must be installed."""
    lacking = missing()
    if lacking:
        print(lacking, file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="sg-smoke-"))
    try:
        with engine(folder) as environment:
            _build_images(folder, environment)
            _smoke(folder, environment)
    except (StepFailed, TimeoutError, AirflowApiError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(PROVES)
    return 0


def _build_images(folder: Path, environment: Mapping[str, str]) -> None:
    with step("Base image from Debian's packages"):
        make_base(folder, environment)
    with step("Stand-ins for python, postgres and redis"):
        make_stand_ins(folder, environment)
    with step("The image of the Dockerfile"):
        command = ["docker", "build", "--network", "host", "--tag", "stage-gate:local", str(ROOT)]
        run(command, environment=environment, timeout=1800)


def _smoke(folder: Path, environment: Mapping[str, str]) -> None:
    port, password = free_port(), _write_settings(folder)
    environment = {**environment, "PORT": str(port)}
    stack = Stack(environment, folder)
    try:
        with step("docker-compose up, profile demo"):
            stack.compose("up", "--detach", "--no-build", timeout=HEALTHY_WITHIN)
        with step("Every service healthy"):
            _wait_healthy(stack)
        with step("One release through one gate"):
            _gate_run(stack, AirflowApi(f"http://127.0.0.1:{port}", "admin", password))
    except BaseException:
        logs = stack.compose("logs", "--no-color", "--tail", "40")
        print(f"--- the services' last words\n{logs[-20000:]}", file=sys.stderr)
        raise
    finally:
        with step("docker-compose down"):
            stack.compose("down", "--volumes", "--timeout", "10")


def _write_settings(folder: Path) -> str:
    """`smoke.env` and the gate's folder; returns the password of the user admin."""
    run(["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "env"], folder=folder)
    secrets = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if "=" in line)
    with Simulator.start("demo", first_port=FIRST_PORT) as simulator:
        pointed, described = simulator.environment(), simulator.describe()
    connection = pointed["AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT"]
    secrets |= {
        "CLOUD_MANAGER_READING": connection,
        "CLOUD_MANAGER_DECIDING": connection,
        "CLOUD_MANAGER_API_URL": described["api_url"],
        "CLOUD_MANAGER_IMS_URL": described["ims_url"],
        "GATES_FOLDER": str(folder / "gates"),
    }
    (folder / "gates").mkdir(mode=0o755)
    folder.chmod(0o755)
    shutil.copy(ROOT / "dags" / "gates" / "_demo.yaml", folder / "gates")
    (folder / "gates" / f"{GATE}.yaml").write_text(_gate(described))
    (folder / "smoke.env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    return secrets["AIRFLOW_ADMIN_PASSWORD"]


def _gate(described: Mapping[str, object]) -> str:
    return f"""\
extends: _demo.yaml
pipeline:
  connection: cloud_manager_default
  deciding_connection: cloud_manager_deciding
  program: "{described["program_id"]}"
  pipeline: "{described["pipeline_id"]}"
sites:
  - stage: {described["stage_url"]}
    production: {described["production_url"]}
    pages: [/, /us/en.html]
"""


def _wait_healthy(stack: Stack) -> None:
    end = time.monotonic() + HEALTHY_WITHIN
    while True:
        health = stack.health()
        waiting = {name: state for name, state in health.items() if state not in ("healthy", "running")}
        waiting.pop("migrate", None)
        if not waiting:
            print(f"  {', '.join(sorted(health))}")
            return
        if "unhealthy" in waiting.values() or time.monotonic() > end:
            raise StepFailed(f"services are not healthy: {waiting}")
        time.sleep(2)


def _gate_run(stack: Stack, airflow: AirflowApi) -> None:
    dag = f"stage_gate.{GATE}"
    airflow.wait_for_dag(dag, timeout=90)
    execution = stack.in_simulator("POST", "execution", {"release": "good"})["execution"]  # type: ignore[index]
    run_id = f"execution-{execution}"
    try:
        airflow.trigger(dag, run_id=run_id)
    except AirflowApiError as error:
        if error.status != 409:  # stage_gate.start was faster
            raise
    state = airflow.wait_for_run(dag, run_id, timeout=RUN_WITHIN)
    tasks = airflow.task_states(dag, run_id)
    print("\n".join(f"  {task:45} {seen}" for task, seen in tasks.items()))
    if state != "success" or tasks.get("approve_production") != "success":
        raise StepFailed(f"the run of {dag} ended as {state}; a good release should have been approved")


if __name__ == "__main__":
    os.umask(0o022)
    raise SystemExit(main())
