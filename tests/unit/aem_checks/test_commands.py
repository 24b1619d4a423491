"""Commands of a team: what they see, and that nothing of them survives.

Real processes, as a program of its own runs them; then the reaper by itself, part by part: there what ends processes
and changes users is a double wherever it would end or change the tests.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aem_checks import commands, reaper
from aem_checks.commands import CommandResult, run_command
from aem_checks.reaper import CannotBecome, Order
from unit.aem_checks.other_user import NOBODY, needs_root, open_folder
from unit.simulator.caller import eventually

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


class World:
    """Processes that end at a signal or a time, on a clock that nothing but sleep moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **ends: Iterable[float]) -> None:
        """``p7=(15,)`` is a process that ends at SIGTERM; below 1 it is a time; an empty one never ends."""
        self.now = self.began = 1000.0
        self.signals: list[tuple[str, int, int]] = []
        self.refuses: dict[int, type[OSError]] = {}
        self._ends = {int(name[1:]): set(how) for name, how in ends.items()}
        monkeypatch.setattr(reaper, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep))
        monkeypatch.setattr(reaper, "_alive", self.alive_of)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.send("process", pid, number))
        monkeypatch.setattr(os, "killpg", lambda pid, number: self.send("group", pid, number))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def took(self) -> float:
        return self.now - self.began

    def alive_of(self, group: int) -> set[int]:
        assert group in (0, 7)
        return {
            pid for pid, ends in self._ends.items() if not any(end < 1 and end <= self.took for end in ends)
        }

    def send(self, to: str, pid: int, number: int) -> None:
        self.signals.append((to, pid, number))
        if pid in self.refuses:
            raise self.refuses[pid]
        if number in self._ends.get(pid, ()):
            del self._ends[pid]


TERM, KILL = int(signal.SIGTERM), int(signal.SIGKILL)


def test_what_ends_when_it_is_asked_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, p7=(TERM,), p8=(TERM,))
    reaper._end_all(7, 1.0)
    assert world.signals == [("group", 7, TERM), ("process", 8, TERM)]
    assert world.took == 0


def test_what_takes_its_time_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, p8=(0.5,))
    reaper._end_all(7, 1.0)
    assert world.signals == [("group", 7, TERM), ("process", 8, TERM)]
    assert 0.5 <= world.took < 0.6


def test_what_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, p8=(KILL,), p9=(KILL,))
    reaper._end_all(7, 0.7)
    asked = [("group", 7, TERM), ("process", 8, TERM), ("process", 9, TERM)]
    assert world.signals == [*asked, *((to, pid, KILL) for to, pid, _ in asked)]
    assert 0.7 <= world.took < 0.8


def test_what_can_not_be_killed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, p8=())
    reaper._end_all(7, 0.5)
    assert world.signals.count(("process", 8, KILL)) > 100
    assert 1 < world.took < 10


@pytest.mark.parametrize("refusal", [ProcessLookupError, PermissionError])
def test_one_that_can_not_be_signalled_spares_no_other(
    monkeypatch: pytest.MonkeyPatch, refusal: type[OSError]
) -> None:
    world = World(monkeypatch, p8=(TERM,), p9=(TERM,))
    world.refuses = {7: refusal, 8: refusal}
    reaper._signal_all(7, signal.SIGTERM)
    assert world.signals == [("group", 7, TERM), ("process", 8, TERM), ("process", 9, TERM)]


def test_without_a_command_no_group_is_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Group 0 would be the reaper's own."""
    world = World(monkeypatch, p8=(TERM,))
    reaper._end_all(0, 1.0)
    assert world.signals == [("process", 8, TERM)]


ORDER: Order = {"command": ["/bin/true"], "environment": {}, "grace": 0.3, "user": None}
STOP = [(signal.SIGTERM, reaper._stop), (signal.SIGTERM, signal.SIG_IGN)]


def played(
    monkeypatch: pytest.MonkeyPatch, ending: Any, alive: list[set[int]]
) -> tuple[dict[str, Any], list[tuple[int, float]], list[Any]]:
    """The answer where the command ends so, with what is alive then; who was ended, and how signals are taken."""
    ended: list[tuple[int, float]] = []
    taken: list[Any] = []

    def start(order: Order) -> SimpleNamespace:
        if isinstance(ending, CannotBecome):
            raise ending
        return SimpleNamespace(pid=77, wait=wait)

    def wait() -> int:
        if isinstance(ending, Exception):
            raise ending
        return int(ending)

    monkeypatch.setattr(signal, "signal", lambda *how: taken.append(how))
    monkeypatch.setattr(reaper, "_start", start)
    known = 0 if isinstance(ending, CannotBecome) else 77
    monkeypatch.setattr(reaper, "_alive", lambda group: alive.pop(0) if group == known else {1})
    monkeypatch.setattr(reaper, "_end_all", lambda *of: ended.append(of))
    monkeypatch.setattr(reaper, "_describe", lambda pid: f"p ({pid})")
    return reaper._run(ORDER), ended, taken


def test_the_answer_tells_what_outlived_the_command_and_what_can_not_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer, ended, taken = played(monkeypatch, 3, [{12, 11}, {12}])
    assert answer == {"exit": 3, "left_over": ["p (11)", "p (12)"], "survivors": ["p (12)"], "problem": ""}
    assert ended == [(77, 0.3)]
    assert taken == STOP


def test_a_command_that_was_stopped_has_no_exit_code_and_left_nothing_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer, ended, taken = played(monkeypatch, reaper._Stopped(), [{11}])
    assert answer == {"exit": None, "left_over": [], "survivors": ["p (11)"], "problem": ""}
    assert ended == [(77, 0.3)]
    assert taken == STOP
    with pytest.raises(reaper._Stopped):
        reaper._stop(signal.SIGTERM, None)


def test_a_command_that_could_not_become_its_user_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, ended, _ = played(monkeypatch, CannotBecome("it can't"), [set()])
    assert answer == {"exit": None, "left_over": [], "survivors": [], "problem": "it can't"}
    assert ended == [(0, 0.3)]


def test_long_lists_of_processes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is read up to a limit: a fork bomb must not make it unreadable."""
    answer, _, _ = played(monkeypatch, 0, [set(range(100, 1000)), set(range(100, 1000))])
    assert answer["left_over"] == answer["survivors"] == [f"p ({pid})" for pid in range(100, 120)]


def test_the_answer_replaces_the_order_that_the_command_must_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = ORDER | {"environment": {"SECRET": "x" * 5000}}
    seen: list[Any] = []

    def run(given: Order) -> dict[str, Any]:
        seen.append((given, os.fstat(paper.fileno()).st_size, os.get_inheritable(paper.fileno())))
        return {"exit": 0}

    monkeypatch.setattr(reaper, "_prepare", lambda: seen.append("prepared"))
    monkeypatch.setattr(reaper, "_run", run)
    with tempfile.TemporaryFile() as paper:
        paper.write(json.dumps(order).encode())
        paper.flush()
        os.set_inheritable(paper.fileno(), True)
        reaper.main([str(paper.fileno())])
        assert seen == ["prepared", (order, 0, False)]
        paper.seek(0)
        assert json.loads(paper.read()) == {"exit": 0}


class Library:
    """The system's library of C: what it is asked, and what it refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *refused: int | str) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._refused = refused
        self._keeps_errno = False
        monkeypatch.setattr(ctypes, "CDLL", self.opened)
        monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EPERM if self._keeps_errno else 0)

    def opened(self, name: None, use_errno: bool = False) -> Library:
        self._keeps_errno = bool(use_errno)
        return self

    def prctl(self, option: int, *values: Any) -> int:
        self.asked.append((option, *(value.value for value in values)))
        return -1 if option in self._refused else 0

    def capset(self, header: Any, nothing: Any) -> int:
        self.asked.append(("capset", list(header), list(nothing)))
        return -1 if "capset" in self._refused else 0


def test_the_reaper_adopts_orphans_ends_with_its_worker_and_keeps_its_memory_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG with SIGTERM, PR_SET_DUMPABLE of prctl(2)."""
    library = Library(monkeypatch)
    reaper._prepare()
    assert library.asked == [(36, 1, 0, 0, 0), (1, 15, 0, 0, 0), (4, 0, 0, 0, 0)]


@pytest.mark.parametrize("missing", [OSError, AttributeError])
def test_a_system_without_prctl_is_no_reason_to_run_nothing(
    monkeypatch: pytest.MonkeyPatch, missing: type[Exception]
) -> None:
    def no_library(name: None) -> object:
        if missing is OSError:
            raise OSError
        return object()

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    reaper._prepare()


def test_all_capabilities_are_given_up_and_none_can_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """PR_SET_NO_NEW_PRIVS and PR_CAP_AMBIENT_CLEAR_ALL of prctl(2), and three empty sets of capset(2)."""
    library = Library(monkeypatch)
    reaper._drop_capabilities()
    assert library.asked == [(38, 1, 0, 0, 0), (47, 4, 0, 0, 0), ("capset", [0x20080522, 0], [0] * 6)]


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        (38, r"^prctl 38 was refused \(Operation not permitted\)$"),
        (47, r"^prctl 47 was refused \(Operation not permitted\)$"),
        ("capset", r"^it can't give up its capabilities \(Operation not permitted\)$"),
    ],
)
def test_a_command_that_keeps_a_right_is_not_started(
    monkeypatch: pytest.MonkeyPatch, refused: int | str, says: str
) -> None:
    Library(monkeypatch, refused)
    with pytest.raises(CannotBecome, match=says):
        reaper._drop_capabilities()


class Kernel:
    """The users and groups of a process that is root in group 4 too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ignores: str, refuses: str = "") -> None:
        self.asked: list[str] = []
        self.groups, self.uids, self.gids = [0, 4], (0, 0, 0), (0, 0, 0)
        self.readable = True
        self._ignores, self._refuses = ignores, refuses
        for name in ("setgroups", "setresgid", "setresuid", "setuid"):
            monkeypatch.setattr(os, name, getattr(self, name))
        monkeypatch.setattr(os, "getgroups", lambda: self.groups)
        monkeypatch.setattr(os, "getresuid", lambda: self.uids)
        monkeypatch.setattr(os, "getresgid", lambda: self.gids)
        monkeypatch.setattr(os, "access", lambda path, how: (path, how) == (".", 5) and self.readable)
        monkeypatch.setattr(reaper, "_drop_capabilities", lambda: self.asked.append("capabilities"))

    def _obeys(self, name: str) -> bool:
        self.asked.append(name)
        if name == self._refuses:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return name not in self._ignores

    def setgroups(self, groups: list[int]) -> None:
        if self._obeys("setgroups"):
            self.groups = groups

    def setresgid(self, *gids: int) -> None:
        if self._obeys("setresgid"):
            self.gids = (gids[0], gids[1], gids[2])

    def setresuid(self, *uids: int) -> None:
        if self._obeys("setresuid"):
            self.uids = (uids[0], uids[1], uids[2])

    def setuid(self, uid: int) -> None:
        self.asked.append("setuid")
        if uid != 0 or "setuid" not in self._ignores:
            raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_command_becomes_its_user_in_all_and_first_loses_the_workers_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(monkeypatch)
    reaper.become(1001, 2002)
    assert kernel.asked == ["setgroups", "setresgid", "setresuid", "capabilities", "setuid"]
    assert (kernel.groups, kernel.gids, kernel.uids) == ([], (2002,) * 3, (1001,) * 3)


def test_the_group_of_the_user_itself_may_be_named_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, "setgroups").groups = [2002]
    reaper.become(1001, 2002)


@pytest.mark.parametrize(
    ("ignored", "says"),
    [
        ("setgroups", "^it did not become user 1001 with group 2002$"),
        ("setresgid", "^it did not become user 1001 with group 2002$"),
        ("setresuid", "^it did not become user 1001 with group 2002$"),
        ("setuid", "^user 1001 could become root again$"),
    ],
)
def test_what_a_system_call_left_undone_is_noticed(
    monkeypatch: pytest.MonkeyPatch, ignored: str, says: str
) -> None:
    Kernel(monkeypatch, ignored)
    with pytest.raises(CannotBecome, match=says):
        reaper.become(1001, 2002)


@pytest.mark.parametrize("refused", ["setgroups", "setresgid", "setresuid"])
def test_a_refused_change_of_user_is_told(monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    Kernel(monkeypatch, refuses=refused)
    says = r"^it can't become user 1001 with group 2002 \(Operation not permitted\)$"
    with pytest.raises(CannotBecome, match=says):
        reaper.become(1001, 2002)


def test_a_user_that_may_not_read_the_working_folder_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Kernel(monkeypatch).readable = False
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotBecome, match=f"^its user 1001 may not read the working folder {tmp_path}$"):
        reaper.become(1001, 2002)


@needs_proc
def test_the_reaper_finds_all_below_itself_and_buries_the_dead() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        eventually(
            lambda: reaper._describe(grandchild) == f"sleep ({grandchild})"
        )  # once it is no shell any more
        dead = subprocess.Popen(["/bin/true"])
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        try:
            seen = dict(reaper._processes())
            assert (seen[os.getpid()], seen[child.pid], seen[grandchild]) == (
                os.getppid(),
                os.getpid(),
                child.pid,
            )
            assert dead.pid not in seen
            alive = reaper._alive(0)
            assert {child.pid, grandchild} <= alive
            assert not {os.getpid(), os.getppid(), 1} & alive
            with pytest.raises(ChildProcessError):
                os.waitpid(dead.pid, os.WNOHANG)
        finally:
            os.kill(grandchild, signal.SIGKILL)
            child.kill()
    assert reaper._describe(1 << 30) == f"? ({1 << 30})"


def test_everything_below_the_reaper_is_found_once_however_deep_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A number that is given to a new process meanwhile may even make a circle."""
    me = os.getpid()
    tree = {11: me, 12: me, 21: 11, 22: 12, 31: 21, 32: 22, 13: 14, 14: 13, 15: 31, 31_000: 15}
    monkeypatch.setattr(reaper, "_processes", lambda: iter([*tree.items(), (12, 32)]))
    assert reaper._alive(0) == {11, 12, 21, 22, 31, 32, 15, 31_000}


def test_all_the_dead_are_buried() -> None:
    dead = [subprocess.Popen(["/bin/true"]) for _ in range(3)]
    for each in dead:
        os.waitid(os.P_PID, each.pid, os.WEXITED | os.WNOWAIT)
    reaper._bury()
    for each in dead:
        with pytest.raises(ChildProcessError):
            os.waitpid(each.pid, os.WNOHANG)


def test_a_process_is_described_whatever_its_name_is(tmp_path: Path) -> None:
    program = os.fsencode(tmp_path) + b"/\xff) Z 1 ("
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        try:
            eventually(lambda: reaper._describe(process.pid) == f"\ufffd) Z 1 ( ({process.pid})")
            assert (process.pid, os.getpid()) in reaper._processes()
        finally:
            process.kill()


PROC = {
    "11": (b"11 (a) S 1 x", 1),
    "12": (b"12 (dead) Z 1 x", 1),
    "13": (b"13 (its first thread is dead) Z 1 x", 2),
    "14": (b"14 (gone) X 1 x", 1),
    "15": (b"", 0),
    "17": (b"17 (b) R 13 x", 1),
}


def test_what_is_dead_or_gone_is_no_process_but_one_whose_other_threads_run_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Told:
        def __init__(self, root: str, entry: str, name: str) -> None:
            assert (root, name) == ("/proc", "stat")
            self.read_bytes = lambda: PROC[entry][0] if entry in PROC else os.stat(f"/nowhere/{entry}")

    def listed(folder: str) -> list[str]:
        if folder == "/proc":
            return ["self", *PROC, "16"]
        return ["1"] * PROC[folder.split("/")[2]][1]

    monkeypatch.setattr(reaper, "Path", Told)
    monkeypatch.setattr(os, "listdir", listed)
    assert list(reaper._processes()) == [(11, 1), (13, 1), (17, 13)]


@pytest.mark.parametrize(
    ("problem", "group", "alive"),
    [(None, 7, {7}), (PermissionError, 7, {7}), (ProcessLookupError, 7, set()), (None, 0, set())],
)
def test_without_proc_the_group_of_the_command_is_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch, problem: type[OSError] | None, group: int, alive: set[int]
) -> None:
    def killpg(pid: int, number: int) -> None:
        assert (pid, number) == (7, 0)
        if problem is not None:
            raise problem

    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setattr(os, "killpg", killpg)
    assert reaper._alive(group) == alive


def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How a program is started as another user; what comes before it is done here instead of in the new process."""
    options: dict[str, Any] = {}

    def popen(command: list[str], *, preexec_fn: Callable[[], None], **more: Any) -> None:
        options.update(more, command=command)
        try:
            preexec_fn()
        except Exception as error:
            raise subprocess.SubprocessError("Exception occurred in preexec_fn.") from error

    monkeypatch.setattr(subprocess, "Popen", popen)
    reaper._start(ORDER | {"environment": {"NAME": "x"}, "user": [1001, 2002]})
    return options


def test_before_a_command_starts_it_becomes_its_user_and_is_bound_to_the_reaper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is killed with the reaper: PR_SET_PDEATHSIG with SIGKILL, which a change of user would take off again."""
    library = Library(monkeypatch)
    monkeypatch.setattr(reaper, "become", lambda *ids: library.asked.append(("become", *ids)))
    options = {"command": ["/bin/true"], "env": {"NAME": "x"}, "start_new_session": True, "umask": 0o077}
    assert started(monkeypatch) == options
    assert library.asked == [("become", 1001, 2002), (1, 9, 0, 0, 0)]


def test_a_command_that_can_not_be_bound_to_the_reaper_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Library(monkeypatch, 1)
    monkeypatch.setattr(reaper, "become", lambda *ids: None)
    with pytest.raises(CannotBecome, match=r"^prctl 1 was refused \(Operation not permitted\)$"):
        started(monkeypatch)


def test_what_keeps_a_command_from_becoming_its_user_is_heard_from_the_new_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def become(uid: int, gid: int) -> None:
        raise CannotBecome(f"it can't become {uid}")

    monkeypatch.setattr(reaper, "become", become)
    with pytest.raises(CannotBecome, match=r"^it can't become 1001$"):
        started(monkeypatch)
    library = Library(monkeypatch, 1)
    monkeypatch.setattr(reaper, "become", lambda *ids: None)
    with pytest.raises(CannotBecome, match=r"^prctl 1 was refused \(Operation not permitted\)$"):
        started(monkeypatch)
    assert library.asked == [(1, 9, 0, 0, 0)]


SHOW = 'echo "$(id -u) $(id -g) $(id -G) $(umask) $NAME$SECRET" > shown; mkdir made'


@needs_root
@needs_proc
@pytest.mark.parametrize(
    ("user", "shown"), [([NOBODY, NOBODY], f"{NOBODY} {NOBODY} {NOBODY} 0077 x\n"), (None, None)]
)
def test_a_command_starts_as_its_user_in_a_session_of_its_own(
    monkeypatch: pytest.MonkeyPatch, user: list[int] | None, shown: str | None
) -> None:
    monkeypatch.setenv("SECRET", "canary")
    environment = {"PATH": os.environ["PATH"], "NAME": "x"}
    with open_folder() as folder:
        folder.chmod(0o777)
        monkeypatch.chdir(folder)
        opened = os.listdir("/proc/self/fd")
        command = ["/bin/sh", "-c", f"{SHOW}; kill -STOP $$"]
        order: Order = {"command": command, "environment": environment, "grace": 0.3, "user": user}
        with reaper._start(order) as process:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert os.getsid(process.pid) == process.pid
            process.kill()
        assert len(os.listdir("/proc/self/fd")) == len(opened)
        if shown is None:
            assert (folder / "shown").read_text().startswith("0 0 ")
            assert (folder / "shown").read_text().endswith(" x\n")
        else:
            assert (folder / "shown").read_text() == shown
            assert stat.S_IMODE((folder / "made").stat().st_mode) == 0o700


@needs_root
@pytest.mark.parametrize(
    ("mode", "command", "says"),
    [
        (0o700, "/bin/true", f"^its user {NOBODY} may not read the working folder /"),
        (0o755, "/no/such/program", "No such file or directory: '/no/such/program'$"),
    ],
)
def test_a_command_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, mode: int, command: str, says: str
) -> None:
    with open_folder() as folder:
        monkeypatch.chdir(folder)
        folder.chmod(mode)
        with pytest.raises(CannotBecome, match=says):
            reaper._start(ORDER | {"command": [command], "user": [NOBODY, NOBODY]})
