"""How is a running Airflow asked and told things, through its public REST API only?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import requests

from stage_gate.local.local_airflow import LocalAirflow

T = TypeVar("T")

TERMINAL_RUN_STATES = frozenset({"success", "failed"})
_TRY_AGAIN_FOR = 30.0
"""Seconds for which a request is sent again that SQLite's lock ends with a 500."""


class AirflowApiError(Exception):
    """Airflow answered a REST call with an error; `status` is the HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class AirflowApi:
    """A client of one Airflow, logged in as one user.

    `between_polls` is called while waiting; what it raises ends the wait (say, a component that died).
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        timeout: float = 120.0,
        between_polls: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._timeout = timeout
        self._between_polls = between_polls
        self._token: str | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = (
            "close"  # a kept one can be closed by the server as it is used again
        )

    def api(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        again: bool = False,
    ) -> Any:
        """Call `/api/v2{path}` and return the decoded answer, None when it is empty.

        Raises AirflowApiError on any 4xx or 5xx. SQLite may answer 500 under load ("database is locked"): a read, and
        what may be sent `again`, is tried for thirty seconds.
        """
        again = again or method == "GET"
        end = time.monotonic() + _TRY_AGAIN_FOR
        while True:
            answer = self._send(method, f"/api/v2{path}", json, params)
            if answer.status_code != 500 or not again or time.monotonic() > end:
                break
            time.sleep(0.2)
        if answer.status_code >= 400:
            raise AirflowApiError(
                answer.status_code, f"{method} {path}: HTTP {answer.status_code}: {answer.text[:600]}"
            )
        return answer.json() if answer.content else None

    def trigger(
        self, dag_id: str, *, run_id: str | None = None, conf: Mapping[str, Any] | None = None
    ) -> str:
        """Start a run and return its id. Raises AirflowApiError (409: a run of that id is there already)."""
        body = {"dag_run_id": run_id, "conf": dict(conf or {}), "logical_date": None}
        return str(self.api("POST", f"/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run as Airflow describes it."""
        answer: dict[str, Any] = self.api("GET", _run_path(dag_id, run_id))
        return answer

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance of a run as Airflow describes it."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", path, params={"limit": 100, "offset": len(found)})
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Task id (with `[i]` for a mapped one) to state; None is a task not scheduled yet."""
        return {_label(task): task["state"] for task in self.task_instances(dag_id, run_id)}

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, *, attempt: int = 1, map_index: int = -1
    ) -> str:
        """The log of one try as plain lines."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/logs/{attempt}"
        answer = self.api("GET", path, params={"map_index": map_index, "full_content": "true"})
        return "\n".join(as_line(entry) for entry in answer["content"])

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """The value of an XCom, decoded. Raises AirflowApiError with status 404 when there is none."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        params = {"map_index": map_index, "deserialize": "false", "stringify": "false"}
        return self.api("GET", path, params=params)["value"]

    def questions(self) -> list[dict[str, Any]]:
        """Human-in-the-loop tasks that wait for an answer."""
        answer = self.api("GET", "/dags/~/dagRuns/~/hitlDetails", params={"response_received": "false"})
        found: list[dict[str, Any]] = answer["hitl_details"]
        return found

    def answer(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        options: Sequence[str],
        params_input: Mapping[str, Any] | None = None,
        map_index: int = -1,
    ) -> Any:
        """Answer a human-in-the-loop task; tried again on 500, which SQLite gives under load.

        Raises AirflowApiError: 400 unknown option, 403 not this user's to answer, 409 answered already.
        """
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/{map_index}/hitlDetails"
        body = {"chosen_options": list(options), "params_input": dict(params_input or {})}
        return self.api("PATCH", path, body, again=True)

    def import_errors(self) -> dict[str, str]:
        """File name to the error that its import raised."""
        return {
            error["filename"]: error["stack_trace"]
            for error in self.api("GET", "/importErrors")["import_errors"]
        }

    def wait_for_dag(self, dag_id: str, *, timeout: float = 120.0) -> dict[str, Any]:
        """Wait until a Dag has been read and can be triggered. Raises TimeoutError with the import errors."""

        def ready() -> dict[str, Any] | None:
            try:
                dag: dict[str, Any] = self.api("GET", f"/dags/{quote(dag_id)}")
            except AirflowApiError as error:
                if error.status != 404:
                    raise
                return None
            return dag if not dag["is_stale"] and not dag["has_import_errors"] else None

        return self.wait_until(
            ready,
            timeout,
            lambda: f"Airflow has not read the Dag {dag_id}. Import errors: {self.import_errors() or 'none'}",
        )

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout: float = 300.0) -> str:
        """Wait until a run ended: "success" or "failed". Raises TimeoutError with the states of its tasks."""

        def ended() -> str | None:
            state = self.run(dag_id, run_id)["state"]
            return str(state) if state in TERMINAL_RUN_STATES else None

        return self.wait_until(
            ended, timeout, lambda: f"run {run_id} of {dag_id}: {self.task_states(dag_id, run_id)}"
        )

    def wait_until(
        self, look: Callable[[], T | None], timeout: float, explain: Callable[[], str], *, every: float = 0.2
    ) -> T:
        """Call `look` every `every` seconds until it returns something. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while True:
            self._between_polls()
            seen = look()
            if seen is not None:
                return seen
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout:g} s: {explain()}")
            time.sleep(every)

    def _send(self, method: str, path: str, json: Any, params: Mapping[str, Any] | None) -> requests.Response:
        answer = self._request(method, path, json, params)
        if answer.status_code == 401:
            self._token = None
            answer = self._request(method, path, json, params)
        return answer

    def _request(
        self, method: str, path: str, json: Any, params: Mapping[str, Any] | None
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token or self._log_in()}", "Accept": "application/json"}
        return self._session.request(
            method, self.url + path, json=json, params=params, headers=headers, timeout=self._timeout
        )

    def _log_in(self) -> str:
        answer = self._session.post(f"{self.url}/auth/token", json=self._login, timeout=self._timeout)
        if answer.status_code >= 400:
            raise AirflowApiError(
                answer.status_code, f"log-in as {self._login['username']} refused: HTTP {answer.status_code}"
            )
        self._token = str(answer.json()["access_token"])
        return self._token


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _label(task: Mapping[str, Any]) -> str:
    return str(task["task_id"]) + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")


def as_line(entry: Any) -> str:
    """An entry of a task's log, as Airflow keeps and serves it, in plain words."""
    if not isinstance(entry, dict):
        return str(entry)
    errors = [
        f"{error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or []
    ]
    return "\n".join([str(entry.get("event", "")), *errors])


def client_of(airflow: LocalAirflow, user: str | None = None) -> AirflowApi:
    """Logged in as ``user``, the first of its users unless named; a component that died ends each wait."""
    name = user or airflow.username
    return AirflowApi(airflow.url, name, airflow.passwords[name], between_polls=airflow.check)
