"""How does a test get a PostgreSQL of its own, and how does it turn back the time of its database?"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stage_gate.local.ports import free_port
from stage_gate.local.processes import Watchdog, tail

USER = "airflow"
DATABASE = "airflow"
_START = 300.0
FORGOTTEN = {"idle_in_transaction_session_timeout": "30s"}
"""When PostgreSQL ends a transaction that nobody goes on with. Never by default: a scheduler that was killed within one
leaves its socket to the workers that it forked, and the locks on its runs with it, so that no other scheduler looks at
these runs again."""
_SETTINGS = {
    **FORGOTTEN,
    "fsync": "off",  # nothing here kills the database's own machine
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
}


class PostgresMissing(RuntimeError):
    """No PostgreSQL server is installed, or none can be run by this user."""


def programs() -> Path:
    """The folder of Debian's newest PostgreSQL. Raises `PostgresMissing`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresMissing("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


class LocalPostgres:
    """A PostgreSQL on a free loopback port with a data folder of its own; gone after the block.

    PostgreSQL refuses to run as root: there it runs as the user `postgres`, or else `nobody`.
    """

    def __init__(self) -> None:
        self.programs = programs()
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="stage-gate-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def version(self) -> str:
        return self._run("postgres", "--version").strip()

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self._start()
            self._run("createdb", *self._where(), DATABASE)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)
            self._process = None
        if self._watchdog is not None:
            self._watchdog.forget()
            self._watchdog = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def dump(self) -> Path:
        """Write down what is in the database now."""
        file = self.folder / "older.dump"
        self._run("pg_dump", *self._where(), "--format=custom", f"--file={file}", DATABASE)
        return file

    def restore(self, file: Path) -> None:
        """Replace the database by an older dump. Nobody may be connected for long: connections are cut."""
        self._run("dropdb", *self._where(), "--force", DATABASE)
        self._run("createdb", *self._where(), DATABASE)
        self._run("pg_restore", *self._where(), f"--dbname={DATABASE}", str(file))

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of one question, on a connection of its own."""
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A connection of psycopg2 that commits each statement; closed after the block."""
        import psycopg2

        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=DATABASE
        )
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def _initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        if self.user is not None:
            for path in (self.folder, password):
                shutil.chown(path, self.user)
        self._run(
            "initdb",
            f"--pgdata={self.folder / 'data'}",
            f"--username={USER}",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

    def _start(self) -> None:
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in _SETTINGS.items()]
        log = self.folder / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    str(self.programs / "postgres"),
                    *("-D", str(self.folder / "data"), "-h", "127.0.0.1", "-p", str(self.port)),
                    *("-k", str(self.folder), *settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
                **self._as_user(),
            )
        self._watchdog = Watchdog()
        self._watchdog.watch(self._process.pid)
        end = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise PostgresMissing(f"PostgreSQL did not start:\n{tail(log, 20)}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        command = [str(self.programs / "pg_isready"), "-q", *self._where()]
        return subprocess.run(command, check=False).returncode == 0

    def _where(self) -> tuple[str, ...]:
        return ("--host=127.0.0.1", f"--port={self.port}", f"--username={USER}")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            env={**os.environ, "PGPASSWORD": self.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **self._as_user(),
        )
        if done.returncode:
            raise PostgresMissing(f"{program} ended with exit code {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _unprivileged_user() -> str | None:
    """Who runs the server: None is whoever runs the tests."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
