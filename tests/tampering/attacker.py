"""What can a user of Airflow do to a run? Only what the public REST API lets this login do, answer by answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from airflow_api import AirflowApi, AirflowApiError

Json = dict[str, Any]
_LET_OTHERS = 0.05
"""Seconds between two requests: all attackers share one request at a time, and each wants its turn."""

LIES: Mapping[str, Any] = {
    "return_value": "passed",
    "verdict": {"outcome": "passed", "reasons": []},
    "approval": "waiting",
}
"""Keys that a trusting task could read, each with what would help the attacker."""


class Attacker:
    """One login, one run. Every request is counted: accepted (2xx), refused (4xx), or broken (5xx)."""

    def __init__(self, client: AirflowApi, dag_id: str, run_id: str) -> None:
        self.client = client
        self.dag_id = dag_id
        self.run_id = run_id
        self.answers: Counter[int] = Counter()

    @property
    def run(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{quote(self.run_id, safe='')}"

    def forget(self) -> Counter[int]:
        """The answers so far; counting begins anew."""
        answers, self.answers = self.answers, Counter()
        return answers

    @cached_property
    def tasks(self) -> list[Json]:
        """The tasks of the Dag as Airflow describes them, upstream ones first."""
        found: list[Json] = self.client.api("GET", f"/dags/{self.dag_id}/tasks")["tasks"]
        return _upstream_first({task["task_id"]: task for task in found})

    def mark(self, task: str, state: str) -> int:
        return self.tell("PATCH", f"{self.run}/taskInstances/{task}", {"new_state": state})

    def clear(self, tasks: Iterable[str], *, downstream: bool = False) -> int:
        body = {
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
            "dag_run_id": self.run_id,
            "task_ids": list(tasks),
            "include_downstream": downstream,
        }
        return self.tell("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def edit_xcoms(self, task: Json, elsewhere: str) -> None:
        """Replace every XCom of a task, and add those that are not there; `elsewhere`: another run's id."""
        entries = f"{self.run}/taskInstances/{task['task_id']}/xcomEntries"
        listed = self.ask(f"{entries}?limit=100").get("xcom_entries", [])
        known = {(entry["key"], entry["map_index"]) for entry in listed}
        lies = {**LIES, "execution_run_id": elsewhere, **self._signposts(task, known)}
        wanted = {(key, index) for key in lies for index in indices_of(task)}
        for key, index in sorted(known | wanted):
            body = {"value": lies.get(key, "passed"), "map_index": index}
            if (key, index) in known:
                self.tell("PATCH", f"{entries}/{quote(key)}", body)
            else:
                self.tell("POST", entries, {"key": key, **body})

    def _signposts(self, task: Json, known: set[tuple[str, int]]) -> Json:
        """What opens every way after a task: a branch that follows all of them, attempts to ask about."""
        ways_on = list(task["downstream_task_ids"] or [])
        mapped = {each["task_id"] for each in self.tasks if each.get("is_mapped")}
        keys = {key for key, _ in known}
        if "skipmixin_key" not in keys and mapped & set(ways_on):
            return {"skipmixin_key": {"followed": ways_on}, "return_value": [1, 2]}
        returned = {"return_value": ways_on} if "skipmixin_key" in keys or len(ways_on) > 2 else {}
        return {"skipmixin_key": {"followed": ways_on}, **returned}

    def edit_state_store(self, task: Json, lies: Mapping[str, Any]) -> None:
        """Replace everything that a task keeps in Airflow's state store, and add what it might look for."""
        store = f"{self.run}/taskInstances/{task['task_id']}/state-store"
        for index in indices_of(task):
            listed = self.ask(f"{store}?map_index={index}").get("task_state_store", [])
            for key in sorted({*lies, *(entry["key"] for entry in listed)}):
                body = {"value": lies.get(key, "passed")}
                self.tell("PUT", f"{store}/{quote(key)}?map_index={index}", body)

    def set_variable(self, key: str, value: str) -> int:
        body = {"key": key, "value": value}
        status = self.tell("POST", "/variables", body)
        return self.tell("PATCH", f"/variables/{quote(key)}", body) if status == 409 else status

    def trigger(self, run_id: str, conf: Json) -> int:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        return self.tell("POST", f"/dags/{self.dag_id}/dagRuns", body)

    def answer(self, question: Json, options: list[str], params: Json) -> int:
        asked = question["task_instance"]
        path = f"{self.run}/taskInstances/{asked['task_id']}/{asked['map_index']}/hitlDetails"
        return self.tell("PATCH", path, {"chosen_options": options, "params_input": params})

    def questions(self) -> list[Json]:
        """What this run asks people."""
        found: list[Json] = self.ask(f"{self.run}/hitlDetails").get("hitl_details", [])
        return found

    def ask(self, path: str) -> Json:
        """What can be read, or nothing where there is nothing yet."""
        try:
            found: Json = self.client.api("GET", path)
        except AirflowApiError:
            return {}
        return found

    def tell(self, method: str, path: str, body: Json | None = None) -> int:
        """Try to change something; the HTTP status. SQLite answers 500 under load, then it is tried again."""
        for _ in range(30):
            status = self._once(method, path, body)
            time.sleep(_LET_OTHERS)
            if status < 500:
                break
            time.sleep(0.3)
        self.answers[status] += 1
        return status

    def _once(self, method: str, path: str, body: Json | None) -> int:
        try:
            self.client.api(method, path, body)
        except AirflowApiError as error:
            return error.status
        return 200


def indices_of(task: Json) -> tuple[int, ...]:
    """The map indices under which a task keeps things: of a mapped task its own and that of its first instance."""
    return (-1, 0) if task.get("is_mapped") else (-1,)


def _upstream_first(tasks: Mapping[str, Json]) -> list[Json]:
    done: dict[str, Json] = {}
    left = dict(tasks)
    while left:
        waiting_for = {name for task in left.values() for name in task["downstream_task_ids"] or []}
        free = sorted(name for name in left if name not in waiting_for) or sorted(left)
        done |= {name: left.pop(name) for name in free}
    return list(done.values())
