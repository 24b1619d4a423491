"""How does a team's command run: as whom, what does it see, what is kept of its output, and what ends it?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from aem_checks.code_user import CodeUser
    from aem_checks.reaper import Order

MARKER = "STAGE_GATE_SUITE_RUN"
"""A variable in the environment of the command and of what it starts, different in each run."""
_CHUNK = 65536
_DRAIN_LOOKS = 20
_DRAIN_SECONDS = 0.1
_REPORT_BYTES = 65536


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. ``exit_code`` is ``None`` when it did not end by itself."""

    exit_code: int | None
    timed_out: bool
    output: bytes
    """The last bytes of its standard output and error together."""
    output_bytes: int
    """How much it wrote in all, in bytes."""
    left_over: tuple[str, ...] = ()
    """Processes that outlived the command and were ended, as ``name (pid)``."""
    survivors: tuple[str, ...] = ()
    """Processes that could not be ended."""
    problem: str = ""
    """Why it was not started at all, as the end of a sentence."""

    @property
    def is_over(self) -> bool:
        """Whether it is known that nothing of it runs any more."""
        return not self.survivors and (self.timed_out or self.exit_code is not None)


async def run_command(
    command: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    within: timedelta,
    user: CodeUser | None = None,
    line: socket.socket | None = None,
    grace: float = 5.0,
    keep_output: int = 256 * 1024,
) -> CommandResult:
    """Run a shell command in a folder with exactly this environment, then end all that it started.

    It runs as ``user``, or as this process's own. ``line`` is its standard input, closed here when it has begun.
    After ``within`` everything gets SIGTERM and, ``grace`` seconds later, SIGKILL. Of the output only the
    last ``keep_output`` bytes are held in memory. A cancelled call ends the processes before it returns.
    Raises ``OSError`` when the command cannot be started, for example because the folder is missing.
    """
    mark = uuid.uuid4().hex
    order: Order = {
        "command": ["/bin/sh", "-c", command],
        "environment": {**environment, MARKER: mark},
        "grace": grace,
        "user": None if user is None else [user.uid, user.gid],
    }
    process, output, report = await _start(order, folder, line)
    tail = _Tail(keep_output)
    reading = asyncio.create_task(tail.read(output))
    timed_out = False
    try:
        await asyncio.wait_for(process.wait(), within.total_seconds())
    except TimeoutError:
        timed_out = True
    finally:
        await _stop(process, grace)
        _end_marked(mark)
        await _drain(reading)
        answer = _read_answer(report)
    return CommandResult(
        exit_code=None if timed_out else answer.get("exit"),
        timed_out=timed_out,
        output=tail.bytes,
        output_bytes=tail.total,
        left_over=tuple(answer.get("left_over", ())),
        survivors=tuple(answer.get("survivors", ())),
        problem=str(answer.get("problem", "")),
    )


async def _start(
    order: Order, folder: Path, line: socket.socket | None
) -> tuple[asyncio.subprocess.Process, BinaryIO, BinaryIO]:
    """The process, its output and the file of the reaper's answer.

    The pipe is our own: asyncio's ``wait`` waits for the end of its pipes, and an escaped process could
    keep one open for ever. The order, with all secrets of the environment, reaches the reaper in a file without
    a name, so that nothing of it stands in the reaper's own environment, nor decides what the reaper loads.
    """
    paper = _unnamed(json.dumps(order).encode())
    reading, writing = os.pipe()
    output = os.fdopen(reading, "rb", buffering=0)
    reaper = Path(__file__).with_name("reaper.py")
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(reaper), str(paper.fileno())),
            cwd=folder,
            env={MARKER: order["environment"][MARKER]},
            stdin=asyncio.subprocess.DEVNULL if line is None else line.fileno(),
            stdout=writing,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[paper.fileno()],
        )
    except BaseException:
        paper.close()
        output.close()
        raise
    finally:
        os.close(writing)
        if line is not None:
            line.close()
    return process, output, paper


def _unnamed(content: bytes) -> BinaryIO:
    """An open file that has no name, at its beginning."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever asked for it
    file.write(content)
    file.flush()
    file.seek(0)
    return file


async def _stop(process: asyncio.subprocess.Process, grace: float) -> None:
    """Ask the reaper to clean up; it needs its patience and a few seconds more, then it is killed itself."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    ending = asyncio.ensure_future(process.wait())
    done, _ = await asyncio.wait({ending}, timeout=grace + 10)
    if not done:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await ending


def _end_marked(mark: str) -> None:
    """The last resort, for a command that killed the reaper: end what carries the mark of this run."""
    needle = f"{MARKER}={mark}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if needle in environ.read_bytes():
                os.kill(int(environ.parent.name), signal.SIGKILL)


async def _drain(reading: asyncio.Task[None]) -> None:
    """Let the rest of the output arrive; a process that escaped may hold the pipe open for ever.

    In many short looks: a machine that stands still for all of the time has read nothing meanwhile.
    """
    for _ in range(_DRAIN_LOOKS):
        if (await asyncio.wait({reading}, timeout=_DRAIN_SECONDS))[0]:
            break
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def _read_answer(report: BinaryIO) -> dict[str, Any]:
    """What the reaper wrote; nothing when somebody killed it."""
    with report:
        report.seek(0)
        try:
            answer = json.loads(report.read(_REPORT_BYTES))
        except ValueError:
            return {}
    return answer if isinstance(answer, dict) else {}


class _Tail:
    """The last bytes of a stream, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._limit = limit
        self._held = 0
        self._chunks: deque[bytes] = deque()

    async def read(self, pipe: BinaryIO) -> None:
        stream = asyncio.StreamReader(limit=_CHUNK)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        with contextlib.closing(transport):
            while chunk := await stream.read(_CHUNK):
                self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._held += len(chunk)
        self._chunks.append(chunk)
        while self._held - len(self._chunks[0]) >= self._limit:
            self._held -= len(self._chunks.popleft())

    @property
    def bytes(self) -> bytes:
        return b"".join(self._chunks)[-self._limit :]
