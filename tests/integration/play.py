"""How is one case driven, and what can a test see of it afterwards?"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from airflow_api import AirflowApi, AirflowApiError
from integration.cases import Case
from integration.task_logs import said
from simulator.world import SeenAct

if TYPE_CHECKING:
    from integration.house import House

PATIENCE = 1800.0
"""Seconds that anything may take: all cases share two cores with whatever else is tested at that time."""
BEFORE_ANSWERING = 4.0
"""Seconds in which Airflow gets the parking of a question on record."""
Json = dict[str, Any]
PERSON = "a person"
_VERBS = {("advance", True): "approve", ("cancel", False): "reject"}


@dataclass(frozen=True)
class Run:
    """The end of a run: everything a test asks about."""

    play: Play
    run_id: str
    state: str
    tasks: dict[str, str | None]
    notes: Json = field(default_factory=dict)
    """What the script saw on the way."""

    @property
    def folder(self) -> Path:
        return self.play.evidence / self.run_id

    @property
    def decision(self) -> Json:
        """The decision on record, empty where there is none."""
        envelope = _read(self.folder / "decision.json") or _read(self.folder / "noted.json")
        record: Json = envelope["signed"]["record"] if envelope else {}
        return record

    @property
    def verdict(self) -> Json:
        """The newest verdict, empty where none was sealed."""
        seal = _read(max(self.folder.glob("attempt-*/manifest.json"), default=self.folder / "none"))
        verdict: Json = seal["signed"]["verdict"] if seal else {}
        return verdict

    @property
    def acts(self) -> list[str]:
        """What the gate sent for this execution: `approve`, `reject`, or the raw act if it is neither."""
        return [verb_of(act) for act in self.play.acts(self.run_id) if act.by != PERSON]

    @property
    def last_words(self) -> str:
        """The log of `publish_report`."""
        return self.log("publish_report")

    def log(self, task: str) -> str:
        """What a task has said."""
        return self.play.log(self.run_id, task)

    @property
    def report_address(self) -> str:
        """Where the report opens in Airflow."""
        return f"{self.play.airflow.url}/stage-gate/evidence/run/{self.play.dag_id}/{self.run_id}"


class Play:
    """The means of a script: the release, the run in Airflow, the people."""

    def __init__(self, case: Case, house: House) -> None:
        self.case = case
        self.house = house
        self.simulator = house.simulator
        self.airflow: AirflowApi = house.client()
        self.dag_id = f"stage_gate.{case.slug}"
        self.evidence = house.evidence / case.slug
        self.pipeline = house.pipelines[case.name]
        self.file = house.file_of(case)
        self.gate_file = house.gates / f"{case.slug}.yaml"

    @contextmanager
    def gate_file_says(self, **content: Any) -> Iterator[None]:
        """Change the case's gate file for a while; whoever reads it finds one or the other whole."""
        as_it_was = self.gate_file.read_text()
        self._write_gate_file(yaml.safe_dump({**yaml.safe_load(as_it_was), **content}, sort_keys=False))
        try:
            yield
        finally:
            self._write_gate_file(as_it_was)

    def _write_gate_file(self, text: str) -> None:
        partial = self.gate_file.with_suffix(".partial")
        partial.write_text(text)
        partial.replace(self.gate_file)

    def start_execution(self, **how: Any) -> str:
        """Cloud Manager starts an execution of this case's release; its id."""
        if not self.case.at_once:
            self.house.doors.wait(PATIENCE)
        return self.simulator.start_execution(self.case.name, pipeline=self.pipeline, **how)

    def begin(self, **how: Any) -> str:
        """Start an execution and its run; the run's id."""
        return self.guard(self.start_execution(**how))

    def begin_and_let_go(self) -> str:
        """For a release whose code quality waits: somebody lets it go on once the run has pinned it and has said so."""
        run_id, waits = self.begin(), "wait_for_stage_deployment"
        self.until(run_id, waits, "deferred")
        self.airflow.wait_until(
            lambda: "waits for a person" in self.log(run_id, waits) or None,
            PATIENCE,
            lambda: f"nobody is told: {self.log(run_id, waits)}",
            every=1.0,
        )
        self.person("approve", run_id)
        return run_id

    def guard(self, execution_id: str) -> str:
        """Start the run of an execution, as `stage_gate.start` does, unless that was quicker; its id."""
        run_id = f"execution-{execution_id}"
        try:
            return self.trigger(self.dag_id, dag_run_id=run_id)
        except AirflowApiError as error:
            if error.status != 409:
                raise
            return run_id

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Start a run of any Dag, as a person does; its id."""
        return str(self.tell("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, **body})["dag_run_id"])

    def end(self, run_id: str, **notes: Any) -> Run:
        """Wait for the end of a run."""
        state = self.airflow.wait_until(
            lambda: self.house.ended(self.dag_id, run_id),
            PATIENCE,
            lambda: f"{self.dag_id} {run_id} has not ended: {self.tasks(run_id)}",
        )
        return Run(self, run_id, state, self.tasks(run_id), notes)

    def tasks(self, run_id: str) -> dict[str, str | None]:
        return self.airflow.task_states(self.dag_id, run_id)

    def until(self, run_id: str, task: str, *states: str) -> None:
        """Wait until a task is in one of these states (`success` unless named)."""
        wanted = states or ("success",)

        def there() -> bool | None:
            over = self.house.ended(self.dag_id, run_id)
            if self.house.view.tasks(self.dag_id, run_id).get(_mapped(task), (None, 0))[0] in wanted:
                return True
            assert over is None, f"{run_id} is {over} and {task} never was {wanted}: {self.tasks(run_id)}"
            return None

        self.airflow.wait_until(
            there,
            PATIENCE,
            lambda: f"{task} is not {wanted}: {self.tasks(run_id)}",
        )

    def until_approval_waits(self, run_id: str) -> None:
        """Wait until the approval waits in Cloud Manager."""
        self.airflow.wait_until(
            lambda: True if self.approval(run_id) == "WAITING" else None,
            PATIENCE,
            lambda: "the approval does not wait",
        )

    def until_over(self, execution_id: str) -> None:
        """Wait until an execution has ended in Cloud Manager."""
        self.airflow.wait_until(
            lambda: None if self.simulator.execution(execution_id)["status"] == "RUNNING" else True,
            PATIENCE,
            lambda: f"execution {execution_id} still runs",
        )

    def approval(self, run_id: str) -> str:
        """The status of the approval step in Cloud Manager."""
        steps = self.simulator.execution(_execution(run_id))["_embedded"]["stepStates"]
        return str(next(step["status"] for step in steps if step["action"] == "approval"))

    def person(self, verb: Any, run_id: str) -> None:
        """Somebody decides in Cloud Manager."""
        self.simulator.person(verb, _execution(run_id))

    def answer(
        self,
        run_id: str,
        option: str,
        reason: str | None,
        *,
        user: str | None = None,
        attempt: int = 1,
        task: str = "ask_release_manager",
        **form: str,
    ) -> int:
        """Answer a question of the gate about an attempt as an Airflow user; the HTTP status.

        The form is filled in as the page does it: with the seal of the question, and for an override with the
        words that accept all of it, unless `form` says otherwise.
        """
        client = self.house.client(user) if user else self.airflow
        asked = self.question(run_id, attempt, task)
        words = re.search("`(all [0-9]+ named above)`", asked["body"])
        accepts = words[1] if words and option == "Override" else None
        given = {"reason": reason, "accepts": accepts, "seal": asked["params"]["seal"]["value"], **form}
        try:
            client.answer(self.dag_id, run_id, task, [option], given, map_index=attempt - 1)
        except AirflowApiError as error:
            return error.status
        finally:
            self.house.view.look_again()
        return 200

    def decide(
        self, run_id: str, option: str, reason: str, *, task: str = "ask_release_manager", attempt: int = 1
    ) -> None:
        """Answer a question as the person who is asked, until the answer is taken."""
        asked = f"{task}[{attempt - 1}]"
        self.until_taken(
            run_id, asked, lambda: self.answer(run_id, option, reason, task=task, attempt=attempt)
        )

    def until_taken(self, run_id: str, asked: str, send: Callable[[], int]) -> None:
        """Answer until the answer is taken: on a busy machine Airflow can lose one (upstream issue 72716) and ask again."""
        taken = False
        while not taken:
            self.until(run_id, asked, "awaiting_input")
            time.sleep(BEFORE_ANSWERING)
            tries = self.task(run_id, asked)["try_number"]
            assert send() == 200
            taken = self.airflow.wait_until(
                lambda tries=tries: self._taken(run_id, asked, tries),
                PATIENCE,
                lambda: f"the answer is not taken: {self.tasks(run_id)}",
            )

    def _taken(self, run_id: str, asked: str, tries: int) -> bool | None:
        """Whether the answer was taken or the question is asked again; None while neither can be seen."""
        task = self.task(run_id, asked)
        if task["state"] == "success":
            return True
        return False if task["try_number"] > tries else None

    def question(self, run_id: str, attempt: int = 1, task: str = "ask_release_manager") -> Json:
        """The question about an attempt, as Airflow shows it."""
        found: Json = self.airflow.api(
            "GET", f"{self._path(run_id)}/taskInstances/{task}/{attempt - 1}/hitlDetails"
        )
        return found

    def told(self, run_id: str) -> list[tuple[str, str]]:
        """What Slack was told of an execution: event and text of each message, in order."""
        found = []
        for body in self.house.slack.bodies:
            blocks = json.loads(body["blocks"])
            if not blocks:
                continue  # of an example, which speaks for itself
            subject, *texts = [block["text"]["text"] for block in blocks]
            about, _, event = subject.rpartition(": ")
            if about.endswith(f"execution {_execution(run_id)}"):
                found.append((event, " ".join(texts)))
        return found

    @property
    def remembered(self) -> Json:
        """What Airflow remembers for this gate: each note's name, with its time and text."""
        assets = self.airflow.api("GET", "/assets?name_pattern=adobe_io_events")["assets"]
        path = f"/assets/{assets[0]['id']}/state-store/gate-{self.case.slug}"
        found: Json = self.airflow.api("GET", path)["value"]
        return found

    def clear(self, run_id: str, *tasks: str, downstream: bool = False) -> None:
        """Clear tasks of a run, whatever state they are in."""
        body = {
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
            "dag_run_id": run_id,
            "task_ids": list(tasks),
            "include_downstream": downstream,
        }
        self.tell("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def mark(self, run_id: str, task: str, state: str) -> None:
        """Mark a task as an Airflow user may."""
        self.tell("PATCH", f"{self._path(run_id)}/taskInstances/{task}", {"new_state": state})

    def mark_run(self, run_id: str, state: str) -> None:
        self.tell("PATCH", self._path(run_id), {"state": state})

    def set_xcom(self, run_id: str, task: str, key: str, value: Any) -> None:
        """Overwrite an XCom as an Airflow user may."""
        path = f"{self._path(run_id)}/taskInstances/{task}/xcomEntries/{quote(key)}"
        self.tell("PATCH", path, {"value": value, "map_index": -1})

    def task(self, run_id: str, task: str) -> Json:
        """A task instance as Airflow describes it; without a state while there is none."""
        name, index = _mapped(task)
        path = f"{self._path(run_id)}/taskInstances/{name}"
        try:
            found: Json = self.airflow.api("GET", path if index < 0 else f"{path}/{index}")
        except AirflowApiError as error:
            if error.status != 404:
                raise
            return {"state": None, "try_number": 0}
        return found

    def log(self, run_id: str, task: str, tries: int | None = None) -> str:
        """What a task has said, or in which of its `tries`."""
        name, index = _mapped(task)
        return said(self.house.airflow.home, self.dag_id, run_id, name, map_index=index, attempt=tries)

    def acts(self, run_id: str) -> list[SeenAct]:
        return [act for act in self.simulator.acts if act.execution == _execution(run_id)]

    def tell(self, method: str, path: str, body: Json) -> Any:
        """Change something in Airflow; SQLite may answer 500 ("database is locked") under load.

        A run that is told to start may be stored all the same: 409 after a 500 means that this one is there.
        """
        try:
            return self._told(method, path, body)
        finally:
            self.house.view.look_again()

    def _told(self, method: str, path: str, body: Json) -> Any:
        failed = False
        for _ in range(20):
            try:
                return self.airflow.api(method, path, body)
            except AirflowApiError as error:
                if error.status == 409 and failed and path.endswith("/dagRuns") and "dag_run_id" in body:
                    return self.airflow.api("GET", f"{path}/{quote(body['dag_run_id'], safe='')}")
                if error.status != 500:
                    raise
                failed = True
                time.sleep(0.5)
        return self.airflow.api(method, path, body)

    def _path(self, run_id: str) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{quote(run_id, safe='')}"


def verb_of(act: SeenAct) -> str:
    """The one word for what an act does to an approval; anything else is shown as it was sent."""
    body = act.body if isinstance(act.body, dict) else {}
    return _VERBS.get((act.verb, body.get("approved")), f"{act.verb} {act.action} {act.body}")


def _mapped(task: str) -> tuple[str, int]:
    """Task id and map index, -1 for a task that is not mapped: `ask_release_manager[0]` is the first question."""
    name, _, index = task.partition("[")
    return name, int(index.rstrip("]")) if index else -1


def _execution(run_id: str) -> str:
    return run_id.removeprefix("execution-")


def _read(path: Path) -> Json:
    found: Json = json.loads(path.read_text()) if path.exists() else {}
    return found
