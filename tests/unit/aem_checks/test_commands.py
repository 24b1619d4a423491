"""Commands of a team: what they see, and that nothing of them survives. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aem_checks import commands
from aem_checks.commands import CommandResult, run_command

CLEAN = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")


def run(
    command: str, folder: Path, *, seconds: float = 120, grace: float = 0.3, **more: int
) -> CommandResult:
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


def over_when(monkeypatch: pytest.MonkeyPatch, condition: Callable[[], bool]) -> None:
    """The time limit of commands is over as soon as the condition holds, and not before."""

    async def wait_for(ending: Awaitable[Any], seconds: float) -> Any:
        task = asyncio.ensure_future(ending)
        await until(lambda: task.done() or condition(), seconds)
        if task.done():
            return task.result()
        task.cancel()
        raise TimeoutError

    monkeypatch.setattr(commands, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait_for": wait_for}))


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


def test_output_that_waits_in_the_pipe_is_read_though_the_machine_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "_DRAIN_SECONDS", 0.01)

    async def drained() -> bytes:
        reading, writing = os.pipe()
        os.write(writing, b"x" * 1000)
        os.close(writing)
        tail = commands._Tail(2000)
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            task = asyncio.create_task(tail.read(pipe))
            asyncio.get_running_loop().call_soon(time.sleep, 0.5)
            await commands._drain(task)
        return tail.bytes

    assert asyncio.run(drained()) == b"x" * 1000


def test_an_endless_flood_is_ended_by_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over_when(monkeypatch, lambda: (tmp_path / "flooding").exists())
    result = run("yes | { head -c 100000; touch flooding; cat; }", tmp_path, keep_output=100)
    assert result.timed_out
    assert result.exit_code is None
    assert len(result.output) == 100


@needs_proc
def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = uuid.uuid4().hex
    stubborn = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("stubborn", "w").close()
time.sleep(600)
"""
    over_when(monkeypatch, lambda: (tmp_path / "stubborn").exists())
    started = time.monotonic()
    result = run(python(stubborn, marker), tmp_path)
    assert result.timed_out
    assert time.monotonic() - started < 100
    assert running(marker) == []


DAEMON = """
import os, sys
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-I", "-c", "import time; time.sleep(600)", sys.argv[1]], {})
    os._exit(0)
os.close(writing)
os.read(reading, 1)
os.wait()
"""
"""It ends when its daemon is alone: its own process has ended, and the new program has closed the pipe."""


@needs_proc
def test_a_daemon_in_a_session_of_its_own_without_environment_is_found_and_ended(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    started = time.monotonic()
    result = run(python(DAEMON, marker), tmp_path)
    assert result.exit_code == 0
    assert len(result.left_over) == 1
    assert running(marker) == []
    assert time.monotonic() - started < 100


@needs_proc
def test_a_command_that_kills_its_keeper_is_ended_by_its_mark_and_has_no_exit_code(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    killer = "import os,signal,time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)"
    result = run("exec " + python(killer, marker), tmp_path)
    assert result.exit_code is None
    assert not result.timed_out
    asyncio.run(until(lambda: not running(marker)))
    assert running(marker) == []


@needs_proc
def test_a_cancelled_call_leaves_nothing_behind(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex

    async def cancelled() -> None:
        command = python("import time; time.sleep(600)", marker)
        task = asyncio.create_task(
            run_command(command, folder=tmp_path, environment=CLEAN, within=timedelta(minutes=10), grace=0.3)
        )
        await until(lambda: bool(running(marker)))
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
asyncio.run(run_command(sys.argv[1], folder=Path("."), environment={{}}, within=timedelta(minutes=10), grace=0.2))
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


async def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process acts
        await asyncio.sleep(0.05)
