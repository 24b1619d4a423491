"""Commands of a team: what they see, and that nothing of them survives. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from aem_checks.commands import CommandResult, run_command

CLEAN = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")


def run(command: str, folder: Path, *, seconds: float = 20, grace: float = 0.3, **more: int) -> CommandResult:
    return asyncio.run(
        run_command(
            command,
            folder=folder,
            environment=CLEAN,
            within=timedelta(seconds=seconds),
            grace=grace,
            **more,
        )
    )


def python(program: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-I", "-c", program, *arguments])


def running(marker: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (entry / "cmdline").read_text(errors="replace") and "State:\tZ" not in (
                entry / "status"
            ).read_text(errors="replace"):
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_exit_code_and_output_come_back(tmp_path: Path) -> None:
    result = run("echo out; echo err >&2; exit 3", tmp_path)
    assert (result.exit_code, result.timed_out) == (3, False)
    assert result.output == b"out\nerr\n"
    assert result.output_bytes == 8
    assert result.left_over == result.survivors == ()


def test_a_command_that_a_signal_ends_has_a_negative_exit_code(tmp_path: Path) -> None:
    assert run("kill -KILL $$", tmp_path).exit_code == -9


def test_the_environment_holds_nothing_that_was_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", "secret-of-the-gate")
    names = {line.split("=")[0] for line in run("env", tmp_path).output.decode().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LANG", "STAGE_GATE_SUITE_RUN"}


def test_a_missing_folder_is_an_error_of_the_operating_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run("true", tmp_path / "missing")


def test_of_a_flood_of_output_only_the_tail_is_kept(tmp_path: Path) -> None:
    flood = "import sys\nfor _ in range(3000): sys.stdout.write('x' * 9999 + '\\n')\nprint('the end')"
    result = run(python(flood), tmp_path, keep_output=1000)
    assert len(result.output) == 1000
    assert result.output.endswith(b"the end\n")
    assert result.output_bytes == 3000 * 10000 + 8


def test_an_endless_flood_is_ended_by_the_time_limit(tmp_path: Path) -> None:
    result = run("yes", tmp_path, seconds=0.5, keep_output=100)
    assert result.timed_out
    assert result.exit_code is None
    assert len(result.output) == 100


@needs_proc
def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    stubborn = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    started = time.monotonic()
    result = run(python(stubborn, marker), tmp_path, seconds=0.5)
    assert result.timed_out
    assert time.monotonic() - started < 10
    assert running(marker) == []


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-I", "-c", "import time; time.sleep(600)", sys.argv[1]], {})
    os._exit(0)
time.sleep(0.3)
"""


@needs_proc
def test_a_daemon_in_a_session_of_its_own_without_environment_is_found_and_ended(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    started = time.monotonic()
    result = run(python(DAEMON, marker), tmp_path)
    assert result.exit_code == 0
    assert len(result.left_over) == 1
    assert running(marker) == []
    assert time.monotonic() - started < 10


@needs_proc
def test_a_command_that_kills_its_keeper_is_ended_by_its_mark_and_has_no_exit_code(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    killer = "import os,signal,time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)"
    result = run("exec " + python(killer, marker), tmp_path)
    assert result.exit_code is None
    assert not result.timed_out
    assert running(marker) == []


@needs_proc
def test_a_cancelled_call_leaves_nothing_behind(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex

    async def cancelled() -> None:
        command = python("import time; time.sleep(600)", marker)
        task = asyncio.create_task(
            run_command(command, folder=tmp_path, environment=CLEAN, within=timedelta(minutes=1), grace=0.3)
        )
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert running(marker) == []


@needs_proc
def test_a_worker_that_is_killed_takes_its_command_with_it(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    worker = f"""
import asyncio, sys
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[3] / "plugins")!r})
from aem_checks.commands import run_command
asyncio.run(run_command(sys.argv[1], folder=Path("."), environment={{}}, within=timedelta(minutes=1), grace=0.2))
"""

    async def kill_the_worker() -> None:
        command = "echo ready > ready; exec " + python("import time; time.sleep(600)", marker)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", worker, command, cwd=tmp_path, env=CLEAN
        )
        await until(lambda: (tmp_path / "ready").exists())
        process.kill()
        await process.wait()
        await until(lambda: not running(marker))

    asyncio.run(kill_the_worker())
    assert running(marker) == []


async def until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process acts
        await asyncio.sleep(0.05)
