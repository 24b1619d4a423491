"""Where do the cases happen? One Airflow, one simulator with a pipeline, a stage and a production per case."""

from __future__ import annotations

import base64
import json
import shutil
import textwrap
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import yaml

from airflow_api import AirflowApi
from integration.canaries import tables_of
from integration.cases import Case
from integration.play import PATIENCE, Play, Run
from integration.view import View
from local_postgres import LocalPostgres, PostgresMissing
from simulator import Simulator
from stage_gate.local.local_airflow import LocalAirflow
from unit.stage_gate.listeners import web_listener

ROOT = Path(__file__).resolve().parents[2]
KINDS = Path(__file__).parent / "kinds"
"""The own checks of a team."""
PROGRAM = "12345"
USERS = MappingProxyType({"admin": "admin", "mallory": "op"})
STRANGERS = "900"
"""A pipeline that no gate guards."""
READER, DECIDER, WRONG = "simulated-reader", "simulated-decider", "simulated-secret-of-nobody"
SECRETS = ("simulated-secret-reading-5b0e", "simulated-secret-deciding-77aa")
SIGNING_KEY = base64.b64encode(b"a signing key for tests, 32 byte").decode()
SLACK_TOKEN = "simulated-slack-token-3c1d"
SITE_PASSWORD = "simulated-password"
PAGES = ["/us/en.html", "/us/en/magazine.html"]
BROKEN_GATES = {
    "broken-syntax": 'pipeline: {program: "12345"\nsites: [\n',
    "broken-key": 'pipeline: {program: "12345", pipeline: "1"}\nmodus: guard\nsites: []\n',
    "broken-policy": (
        'pipeline: {program: "12345", pipeline: "1"}\n'
        "sites:\n  - {stage: https://a.example.com, pages: [/]}\n"
        "policy:\n  failed: approve\n"
    ),
}
OWN_DAG_HEAD = """\
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import task
from stage_gate import as_stage_test, gate_dag, stage_test

with gate_dag("NAME") as dag:
"""
BROKEN_BLOCKS = {
    "own-raises": "raise OSError('the grid has moved')",
    "own-twice": "for _ in range(2): as_stage_test(BashOperator(task_id='a', bash_command='true'), examined=1)",
    "own-no-id": "as_stage_test(BashOperator(bash_command='true'), examined=1)",
    "own-empty": "as_stage_test(EmptyOperator(task_id='nothing'))",
    "own-syntax": "as_stage_test(BashOperator(",
}
"""Blocks of Dag files that are wrong, by the name of their gate."""
OTHER_DAGS = {
    "load_test": """\
from airflow.sdk import dag, task

REPORT = "<testsuite><testcase name='load'/></testsuite>"

@dag(schedule=None, is_paused_upon_creation=False)
def load_test():
    @task
    def press(params=None, dag_run=None):
        import pathlib
        folder = pathlib.Path(dag_run.conf["folder"], "from-afar")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "load.xml").write_text(REPORT)
    press()

load_test()
"""
}
"""Dags of another team."""
SENSOR_EXAMPLES = ("tell_when_on_stage", "run_our_tests")
"""Those that are Dags of their own."""
LOCKED_OUT = "locked-out"
"""A gate whose connection has a wrong secret."""


class House:
    """Everything is up inside the block; every case's script runs in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        cases: Sequence[Case],
        *,
        dags: Path = ROOT / "dags",
        users: Mapping[str, str] = USERS,
        releases: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`users`: names and roles of Airflow's users; `releases`: those that cases play beside their own."""
        self.folder = folder
        self.cases = cases
        self.dags = dags
        self.users = users
        self.releases = releases
        self.evidence = folder / "evidence"
        self.gates = folder / "gates"
        self.pipelines = {case.name: str(1000 + number) for number, case in enumerate(cases)}
        self.doors = threading.Event()
        self._first = sum(case.at_once for case in cases)
        self.closing = threading.Event()
        self.postgres: LocalPostgres | None = None
        """Airflow's database; None where that is SQLite."""
        self._one_request = threading.Lock()
        self.ends: dict[str, Future[Run]] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.slack_url, self.slack = stack.enter_context(web_listener({"ok": True}))
            self.simulator = stack.enter_context(Simulator.start(self._scenario()))
            self._write_gates()
            self._write_dags()
            database = self._database(stack)
            airflow = LocalAirflow(
                self.folder / "airflow",
                dags=self.dags,
                plugins=ROOT / "plugins",
                environment={**self._environment(), **database},
                users=self.users,
            )
            self.airflow = stack.enter_context(airflow)
            self._client = self.client()
            self.view = View(self._client, self.postgres)
            for case in self.cases:
                self._client.wait_for_dag(f"stage_gate.{case.slug}", timeout=PATIENCE)
            self._begin(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.doors.set()
        self._stack.close()

    def tables(self) -> dict[str, bytes]:
        """What is in each table of Airflow's database now."""
        return tables_of(self.postgres or self.airflow.home / "airflow.db")

    def end_of(self, case: Case) -> Run:
        return self.ends[case.name].result(PATIENCE)

    def ended(self, dag_id: str, run_id: str) -> str | None:
        """The state of a run that is over."""
        state = self.view.state(dag_id, run_id)
        return state if state in ("success", "failed") else None

    def client(self, user: str = "admin") -> AirflowApi:
        """A REST client whose waits end when a component of Airflow dies or the session ends."""
        return OneAtATime(
            self._one_request,
            self.airflow.url,
            user,
            self.airflow.passwords[user],
            between_polls=self.still_open,
        )

    def still_open(self) -> None:
        """Raise when a component of Airflow has died or the session ends."""
        assert not self.closing.is_set(), "the session ended before this case did"
        self.airflow.check()

    def file_of(self, case: Case) -> Path:
        """The file that a case's `waits_for_a_file` waits for."""
        return self.folder / f"{case.slug}.go"

    def open_doors(self) -> None:
        """Let the other cases begin, once all that begin before them have asked for it.

        From then on `stage_gate.start` starts no run beside them.
        """
        with self._lock:
            self._first -= 1
            if self._first > 0:
                return
        self._client.api("PATCH", "/dags/stage_gate.start", {"is_paused": True})
        path, active = "/dags/stage_gate.start/dagRuns/~/taskInstances", {"state": ["queued", "running"]}
        self._client.wait_until(
            lambda: self._client.api("GET", path, params=active)["total_entries"] == 0 or None,
            PATIENCE,
            lambda: "stage_gate.start goes on",
        )
        self.doors.set()

    def _database(self, stack: ExitStack) -> dict[str, str]:
        """PostgreSQL where it is installed; SQLite has one writer at a time, and all cases write.

        Under load its lock costs tasks: a worker that can't report in time leaves a failed task with an empty log.
        """
        try:
            self.postgres = stack.enter_context(LocalPostgres())
        except PostgresMissing:
            return {}
        return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.postgres.url}

    def _begin(self, stack: ExitStack) -> None:
        threads = stack.enter_context(ThreadPoolExecutor(max_workers=len(self.cases) or 1))
        stack.callback(self.doors.set)
        stack.callback(self.closing.set)
        if not any(case.at_once for case in self.cases):
            self.open_doors()
        for case in self.cases:
            end = self.ends[case.name] = threads.submit(case.script, Play(case, self))
            if case.at_once:
                end.add_done_callback(self._open_doors_all_the_same)

    def _open_doors_all_the_same(self, end: Future[Run]) -> None:
        """A script that failed asks for nothing any more."""
        if end.exception() is not None:
            self.open_doors()

    def _scenario(self) -> dict[str, Any]:
        environments: list[dict[str, Any]] = []
        pipelines: list[dict[str, Any]] = []
        for case in self.cases:
            stage, production = _environments_of(self.pipelines[case.name])
            environments += [
                {"id": stage, "name": f"{case.slug}-stage", "type": "stage", "pages": 1, **case.stage},
                {"id": production, "name": f"{case.slug}-prod", "type": "prod", "pages": 1},
            ]
            plan = {"id": self.pipelines[case.name], "name": case.slug, "production": production}
            if case.split:
                source = source_of(self.pipelines[case.name])
                plan |= {"kind": "full-stack production only", "source": source}
                tested = {"id": source, "name": f"{case.slug}-stage", "stage": stage}
                pipelines.append({"kind": "full-stack stage only", **tested})
            pipelines.append({**plan, **({} if case.split else {"stage": stage}), **case.pipeline})
        environments.append({"id": "9000", "name": "strangers", "type": "stage", "site": False})
        pipelines.append({"id": STRANGERS, "name": "strangers", "stage": "9000", "history": 1})
        return {
            "credentials": [
                {
                    "client_id": READER,
                    "client_secrets": [SECRETS[0]],
                    "profile": "developer",
                    "content_copy_manage": True,
                },
                {"client_id": DECIDER, "client_secrets": [SECRETS[1]]},
            ],
            "programs": [
                {"id": PROGRAM, "name": "integration", "environments": environments, "pipelines": pipelines}
            ],
            "releases": {case.name: case.release for case in self.cases} | {"good": {}, **self.releases},
        }

    def _write_gates(self) -> None:
        self.gates.mkdir(parents=True)
        sites = self.simulator.describe()["environments"]
        for case in self.cases:
            stage, production = (
                sites[each]["publish"] for each in _environments_of(self.pipelines[case.name])
            )
            gate = self._gate(case, stage, production)
            (self.gates / f"{case.slug}.yaml").write_text(yaml.safe_dump(gate, sort_keys=False))
        locked = {
            "pipeline": {"program": PROGRAM, "pipeline": STRANGERS, "connection": "wrong_secret"},
            "sites": [{"stage": "https://stage.simulated.invalid", "pages": ["/"]}],
        }
        (self.gates / f"{LOCKED_OUT}.yaml").write_text(yaml.safe_dump(locked))
        for name, text in BROKEN_GATES.items():
            (self.gates / f"{name}.yaml").write_text(text)

    def _write_dags(self) -> None:
        """The Dag files of cases that have one, beside those that all have."""
        if not any(case.dag_file for case in self.cases):
            return
        given, self.dags = self.dags, self.folder / "dags"
        shutil.copytree(given, self.dags, ignore=shutil.ignore_patterns("gates"))
        for case in self.cases:
            self._write_dag(case.slug, case.dag_file)
        if given == ROOT / "dags":
            self._write_other_dags()

    def _write_dag(self, name: str, block: str) -> None:
        example = self.dags / "examples" / f"{block}.py"
        if block and example.is_file():
            (self.dags / f"{name}.py").write_text(example.read_text().replace('"wknd"', f'"{name}"'))
        elif block:
            places = block.replace("FOLDER", str(self.folder / "reports")).replace(
                "EVIDENCE", str(self.evidence)
            )
            head = OWN_DAG_HEAD.replace("NAME", name)
            (self.dags / f"{name}.py").write_text(f"{head}\n{textwrap.indent(places, '    ')}")

    def _write_other_dags(self) -> None:
        """Those of other people: examples, a load test, and files that are wrong, with their gates."""
        examples = {name: (self.dags / "examples" / f"{name}.py").read_text() for name in SENSOR_EXAMPLES}
        for name, text in {**OTHER_DAGS, **examples}.items():
            mine = text.replace("npm ci && npx cypress run", "true").replace("/opt/ui.tests", "/")
            (self.dags / f"{name}.py").write_text(mine)
        for name, block in BROKEN_BLOCKS.items():
            self._write_dag(name, block)
            gate = {"pipeline": {"program": PROGRAM, "pipeline": f"77{len(name)}"}}
            site = {"sites": [{"stage": "https://stage.simulated.invalid", "pages": ["/"]}]}
            (self.gates / f"{name}.yaml").write_text(yaml.safe_dump({**gate, **site}))

    def _gate(self, case: Case, stage: str, production: str) -> dict[str, Any]:
        access = {"access": "stage_login"} if case.stage.get("access") == "basic" else {}
        wanted = case.gate.get("checks", {})
        named = {kind: _filled_in(kind, each, self.file_of(case)) for kind, each in wanted.items()}
        return {
            "pipeline": {
                "program": PROGRAM,
                "pipeline": self.pipelines[case.name],
                "connection": "reading",
                "deciding_connection": "deciding",
                **({"source": {"pipeline": source_of(self.pipelines[case.name])}} if case.split else {}),
            },
            "mode": "guard",
            "sites": [
                {
                    "name": case.slug,
                    "stage": {"url": stage, **access},
                    "production": production,
                    "pages": PAGES,
                    "requests_per_second": 500,
                }
            ],
            "production_tests": [],
            "waits": {
                "poll": "2s",
                "stage_deployment": "2h",
                "approval": "2h",
                "production_deployment": "2h",
                "read_back": "20s",
            },
            **case.gate,
            "checks": {
                "others": False,
                "key_pages": {},
                "settled": {"answers": 1, "every": "0.1s", "within": "60s"},
                **named,
            },
        }

    def _environment(self) -> dict[str, str]:
        org = {"org_id": self.simulator.org_id}
        return (
            self.simulator.environment()
            | {
                "AIRFLOW_CONN_READING": _connection(READER, SECRETS[0], org),
                "AIRFLOW_CONN_DECIDING": _connection(DECIDER, SECRETS[1], org),
                "AIRFLOW_CONN_WRONG_SECRET": _connection(READER, WRONG, org),
                "AIRFLOW_CONN_STAGE_GATE_SIGNING": _connection("", SIGNING_KEY, {}),
                "AIRFLOW_CONN_SLACK": _connection(
                    "", SLACK_TOKEN, {"base_url": f"{self.slack_url}/"}, "slack"
                ),
                "AIRFLOW_CONN_STAGE_LOGIN": _connection("simulated-user", SITE_PASSWORD, {}),
                "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(self.gates),
                "AIRFLOW__STAGE_GATE__EVIDENCE": str(self.evidence),
                "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
                "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "2000",  # one program with a pipeline per case
                "AEM_CHECKS_KINDS": str(KINDS),
            }
        )


class OneAtATime(AirflowApi):
    """A client that shares one request at a time with all others.

    Airflow's API server has 15 connections to its database and waits for one in its event loop: if thirty scripts
    ask at once it can stand still for minutes.
    """

    def __init__(self, lock: threading.Lock, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = lock

    def api(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return super().api(*args, **kwargs)


def source_of(pipeline: str) -> str:
    """The stage-only pipeline of a case that is split."""
    return f"{pipeline}9"


def _environments_of(pipeline: str) -> tuple[str, str]:
    return f"{pipeline}1", f"{pipeline}2"


def _filled_in(kind: str, settings: Any, file: Path) -> Any:
    """Settings of a check, with the name of the case's file where they ask for it. All runs as one user here, so a
    gate file accepts that its team's own checks are not isolated."""
    if not isinstance(settings, dict):
        return settings
    own = {"isolation": "accepted"} if (KINDS / f"{kind}.py").exists() else {}
    return {**own, **settings, **({"file": str(file)} if "file" in settings else {})}


def _connection(login: str, password: str, extra: dict[str, Any], kind: str = "http") -> str:
    return json.dumps({"conn_type": kind, "login": login, "password": password, "extra": extra})
