"""How does a complete Airflow run on one machine, for the demo, for `make up` and for the tests?

Only subprocesses: nothing here imports Airflow. The embedded default is SQLite with LocalExecutor; another
database or executor comes by `environment` (AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, AIRFLOW__CORE__EXECUTOR).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import requests

from stage_gate.local.local_key import with_local_key
from stage_gate.local.ports import free_port, port_is_free
from stage_gate.local.processes import Component, Watchdog, end_sessions, tail

HEALTH_TIMEOUT = 300.0
"""Seconds within which all components must be healthy: 8 on an idle machine of two cores."""

SQLITE_TIMEOUT = 60.0
"""Seconds that a component waits for SQLite's lock; after the default of 5 a busy scheduler gives up and ends."""
API_SQLITE_TIMEOUT = 2.0
"""The API server writes its audit log inside its event loop, so meanwhile it can't end a request that holds the lock:
the short wait ends that with a 500 for one of them, and whoever asked tries again."""

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
CELERY_WORKER = ("celery", "worker", "--skip-serve-logs", "--concurrency", "4")
_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_HEARTBEATS = ("scheduler", "dag_processor", "triggerer")


class LocalAirflowError(Exception):
    """Airflow did not start, or a part of it ended; the message carries the end of that part's log."""


class LocalAirflow:
    """An Airflow on loopback, as a context manager: healthy inside the block, gone without a trace after it.

    `home` keeps database, logs, the password file and a signing key (both 0600) and may be used again. `environment` goes to
    every component; nothing named AIRFLOW… is inherited from the caller. `port` None picks a free one.
    `users` maps names to roles of the simple auth manager (viewer, user, op, admin).
    Raises LocalAirflowError. In a main thread SIGTERM ends the block like Ctrl-C does.
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path,
        plugins: Path,
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.resolve()
        self.port = port if port is not None else free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.users = dict(users or {"admin": "admin"})
        self.username = next(iter(self.users))
        self.environment = self._environment(dags.resolve(), plugins.resolve(), environment or {})
        self.passwords: dict[str, str] = {}
        self._components: list[Component] = []
        self._left_behind: list[int] = []
        self._watchdog: Watchdog | None = None
        self._old_sigterm: Any = None

    def __enter__(self) -> Self:
        self._catch_sigterm()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def password(self) -> str:
        return self.passwords[self.username]

    @property
    def pids(self) -> dict[str, int]:
        """Component name to process id; each leads a session of its own."""
        return {component.name: component.pid for component in self._components}

    def check(self) -> None:
        """Raise LocalAirflowError when a component has ended."""
        for component in self._components:
            code = component.exit_code()
            if code is not None:
                raise LocalAirflowError(
                    f"Airflow's {component.name} ended with exit code {code}. "
                    f"The end of {component.log}:\n{component.tail()}"
                )

    def kill(self, name: str) -> None:
        """Kill one component outright (SIGKILL to its whole session), as a power cut would."""
        component = next(part for part in self._components if part.name == name)
        end_sessions([component.pid], grace=0.0)
        component.reap()
        self._components.remove(component)

    def send_signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the first process of one component alone; what it has forked goes on.

        A component that SIGKILL ended can be started again; `stop` ends what it left behind.
        """
        component = next(part for part in self._components if part.name == name)
        os.kill(component.pid, number)
        if number == signal.SIGKILL:
            component.reap()
            self._components.remove(component)
            self._left_behind.append(component.pid)

    def restart(self) -> None:
        """End all components in order, migrate the database and start them again, as an upgrade does."""
        for component in [*self._components]:
            end_sessions([component.pid])
            component.reap()
        self.stop()
        self._start()

    def start_component(self, name: str) -> None:
        """Start one component; after `kill`, again."""
        command = airflow_command(*(CELERY_WORKER if name == "worker" else COMPONENTS[name]))
        log = self._log_folder() / f"{name}.log"
        component = Component(name, command, self._environment_of(name), log)
        self._components.append(component)
        if self._watchdog is not None:
            self._watchdog.watch(component.pid)

    def stop(self) -> None:
        """End every process that was started and everything these forked: SIGTERM, then SIGKILL."""
        ignored = _ignore_interrupts()
        try:
            left = end_sessions([*(component.pid for component in self._components), *self._left_behind])
            for component in self._components:
                component.reap()
            self._components, self._left_behind = [], []
            if self._watchdog is not None:
                self._watchdog.forget()
                self._watchdog = None
        finally:
            ignored()
            self._release_sigterm()
        if left:
            raise LocalAirflowError(f"these processes of Airflow survived SIGKILL: {left}")

    def wait_until_healthy(self, *, since: datetime, timeout: float = HEALTH_TIMEOUT) -> None:
        """Wait until API, database, scheduler, Dag processor and triggerer report a heartbeat after `since`.

        Raises LocalAirflowError when a component ends or `timeout` seconds pass.
        """
        end = time.monotonic() + timeout
        missing = "no answer"
        while time.monotonic() < end:
            self.check()
            missing = self._unhealthy(since)
            if not missing:
                return
            time.sleep(0.15)
        tails = "\n".join(f"--- {part.name}: {part.log}\n{part.tail(12)}" for part in self._components)
        raise LocalAirflowError(f"Airflow was not healthy within {timeout:g} s ({missing}).\n{tails}")

    def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log_folder().mkdir(parents=True, exist_ok=True)
        self._write_passwords()
        self.environment = with_local_key(self.environment, self.home)
        if not port_is_free(self.port):
            raise LocalAirflowError(
                f"Port {self.port} of 127.0.0.1 is in use: end what listens there or choose another."
            )
        self._migrate()
        since = datetime.now(UTC)
        self._watchdog = Watchdog()
        for name in COMPONENTS:
            self.start_component(name)
        if "Celery" in self.environment["AIRFLOW__CORE__EXECUTOR"]:
            self.start_component("worker")
        self.wait_until_healthy(since=since)
        # The first request builds the execution API's application, 3 s that the first task would wait.
        _get(f"{self.url}/execution/health", timeout=120.0)

    def _environment(self, dags: Path, plugins: Path, extra: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        loopback = ",".join(filter(None, [inherited.get("NO_PROXY"), "127.0.0.1", "localhost"]))
        own = {
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": loopback,
            "no_proxy": loopback,
            "AIRFLOW_HOME": str(self.home),
        }
        settings = {
            "CORE__DAGS_FOLDER": str(dags),
            "CORE__PLUGINS_FOLDER": str(plugins),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "8",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGBAG_IMPORT_TIMEOUT": "300",  # of every task as well; a busy machine needs 5 s for 20 gates
            "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "360",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                f"{name}:{role}" for name, role in self.users.items()
            ),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._password_file()),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": self._sqlite(SQLITE_TIMEOUT),
            "DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "-1",  # waiting for a connection stops the API server's event loop
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": secrets.token_urlsafe(32),
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "WORKERS__EXECUTION_API_TIMEOUT": "120",  # after 5 s a busy machine would lose tasks
        }
        return {
            **inherited,
            **own,
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            **extra,
        }

    def _environment_of(self, name: str) -> Mapping[str, str]:
        is_ours = name == "api-server" and self.environment[_DATABASE] == self._sqlite(SQLITE_TIMEOUT)
        return {**self.environment, **({_DATABASE: self._sqlite(API_SQLITE_TIMEOUT)} if is_ours else {})}

    def _sqlite(self, timeout: float) -> str:
        return f"sqlite:///{self.home / 'airflow.db'}?timeout={timeout:g}"

    def _migrate(self) -> None:
        log = self._log_folder() / "migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603 - our own command
                airflow_command("db", "migrate"),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if done.returncode:
            raise LocalAirflowError(
                f"`airflow db migrate` ended with exit code {done.returncode}. "
                f"The end of {log}:\n{tail(log, 25)}"
            )

    def _write_passwords(self) -> None:
        path = self._password_file()
        known = json.loads(path.read_text()) if path.exists() else {}
        self.passwords = {name: known.get(name) or secrets.token_urlsafe(12) for name in self.users}
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(self.passwords, file)

    def _unhealthy(self, since: datetime) -> str:
        """What is missing, or an empty string. A heartbeat older than `since` is of an earlier Airflow."""
        health = _get(f"{self.url}/api/v2/monitor/health", timeout=30.0)
        if health is None:
            return "the API server does not answer"
        if health["metadatabase"]["status"] != "healthy":
            return "the database is not healthy"
        waiting = [
            part for part in _HEARTBEATS if not _beats(health[part], f"latest_{part}_heartbeat", since)
        ]
        return f"no heartbeat of {', '.join(waiting)}" if waiting else ""

    def _password_file(self) -> Path:
        return self.home / "passwords.json"

    def _log_folder(self) -> Path:
        return self.home / "logs" / "components"

    def _catch_sigterm(self) -> None:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._old_sigterm = signal.signal(signal.SIGTERM, _leave)

    def _release_sigterm(self) -> None:
        if self._old_sigterm is not None:
            signal.signal(signal.SIGTERM, self._old_sigterm)
            self._old_sigterm = None


def airflow_command(*arguments: str) -> list[str]:
    """The command line of the Airflow that is installed beside this Python."""
    return [sys.executable, "-m", "airflow", *arguments]


def _get(url: str, *, timeout: float) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(url, timeout=timeout)
            return answer.json() if answer.ok else None
        except (requests.RequestException, ValueError):
            return None


def _beats(part: Mapping[str, Any], field: str, since: datetime) -> bool:
    beat = part.get(field)
    return part["status"] == "healthy" and beat is not None and datetime.fromisoformat(beat) >= since


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _ignore_interrupts() -> Callable[[], None]:
    """Let a second Ctrl-C not cut the clean-up short; returns what restores the handlers."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    old = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in old.items():
            signal.signal(number, handler)

    return restore
