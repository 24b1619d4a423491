"""Is a host asked no more often than allowed, by all tasks, threads and processes together?"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import signal
import struct
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from aem_checks import rate_limit
from aem_checks.rate_limit import RateLimit, _file_name
from simulator.aem.clock import Clock


@pytest.fixture
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still, and nobody sleeps: what each one would have had to wait is its turn."""
    sleeping = {**vars(asyncio), "sleep": lambda _: asyncio.sleep(0)}
    monkeypatch.setattr(rate_limit, "time", Clock(1000.0))
    monkeypatch.setattr(rate_limit, "asyncio", SimpleNamespace(**sleeping))


def _ask(folder: Path, count: int, turns) -> None:
    async def ask() -> None:
        limit = RateLimit(50, folder=folder)
        for _ in range(count):
            turns.append(await limit.acquire("a.example"))

    asyncio.run(ask())


def _evenly(count: int, spacing: float):
    return pytest.approx([number * spacing for number in range(count)])


@pytest.mark.usefixtures("_still")
@pytest.mark.asyncio
async def test_tasks_are_spaced_evenly_and_in_order(tmp_path):
    limit = RateLimit(100, folder=tmp_path / "rate")
    turns = await asyncio.gather(*(limit.acquire("a.example") for _ in range(20)))
    assert turns == _evenly(20, 0.01)


@pytest.mark.asyncio
async def test_turns_are_waited_for(tmp_path):
    limit, done = RateLimit(100, folder=tmp_path / "rate"), []

    async def one(number: int) -> None:
        await limit.acquire("a.example")
        done.append(number)

    started = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(20)))
    assert time.monotonic() - started >= 19 * 0.01 * 0.99
    assert done == list(range(20))


@pytest.mark.usefixtures("_still")
def test_processes_share_one_rate(tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        turns = manager.list()
        processes = [context.Process(target=_ask, args=(tmp_path, 10, turns)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert sorted(turns) == _evenly(30, 0.02)


@pytest.mark.usefixtures("_still")
def test_threads_share_one_rate(tmp_path):
    turns: list[float] = []
    threads = [threading.Thread(target=_ask, args=(tmp_path, 8, turns)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(turns) == _evenly(24, 0.02)


@pytest.mark.asyncio
async def test_hosts_do_not_slow_each_other_down(tmp_path):
    limit = RateLimit(2, folder=tmp_path)
    waits = await asyncio.gather(*(limit.acquire(f"{number}.example") for number in range(5)))
    assert waits == [0] * 5


@pytest.mark.asyncio
async def test_a_killed_holder_of_the_lock_blocks_nobody(tmp_path):
    path = tmp_path / _file_name("a.example")
    path.write_bytes(b"")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        handle = os.open(path, os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(writing, b"locked")
        time.sleep(600)  # noqa: ASYNC251 - the child has no loop
        os._exit(0)
    assert os.read(reading, 6) == b"locked"
    waiting = asyncio.create_task(RateLimit(100, folder=tmp_path).acquire("a.example"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it is dead already
    await asyncio.wait_for(waiting, 60)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "stored", [b"", b"abc", struct.pack("<d", float("nan")), struct.pack("<d", float("inf")), b"\xff" * 8]
)
async def test_a_damaged_or_stale_file_is_no_reason_to_wait(tmp_path, stored):
    (tmp_path / _file_name("a.example")).write_bytes(stored)
    assert await RateLimit(10, folder=tmp_path).acquire("a.example") == 0


@pytest.mark.usefixtures("_still")
@pytest.mark.asyncio
async def test_probes_have_a_slower_pace_of_their_own(tmp_path):
    limit = RateLimit(200, folder=tmp_path)
    probes = [await limit.acquire("a.example", per_second=4) for _ in range(3)]
    assert probes == pytest.approx([0, 0.005 + 0.25, 0.01 + 0.5])
    assert await limit.acquire("a.example") == pytest.approx(0.015)


@pytest.mark.asyncio
async def test_probes_that_wait_do_not_hold_up_others(tmp_path):
    limit = RateLimit(200, folder=tmp_path)
    await limit.acquire("a.example", per_second=0.002)
    slow = asyncio.create_task(limit.acquire("a.example", per_second=0.002))
    for _ in range(5):
        await limit.acquire("a.example")
    assert not slow.done()
    slow.cancel()


@pytest.mark.asyncio
async def test_the_loop_stays_free_while_others_hold_the_lock(tmp_path):
    limit = RateLimit(1000, folder=tmp_path)
    await limit.acquire("a.example")
    with (tmp_path / _file_name("a.example")).open("rb+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        waiting = asyncio.create_task(limit.acquire("a.example"))
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 60)


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="more than 0"):
        RateLimit(0)
