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

import pytest

from aem_checks.rate_limit import RateLimit, _file_name


def _ask(folder: Path, count: int, moments) -> None:
    async def ask() -> None:
        limit = RateLimit(50, folder=folder)
        for _ in range(count):
            await limit.acquire("a.example")
            moments.append(time.monotonic())

    asyncio.run(ask())


def _check_spacing(moments: list[float], least: float) -> None:
    ordered = sorted(moments)
    assert ordered[-1] - ordered[0] >= least * (len(ordered) - 1) * 0.95


@pytest.mark.asyncio
async def test_tasks_are_spaced_evenly_and_in_order(tmp_path):
    limit, done = RateLimit(100, folder=tmp_path / "rate"), []

    async def one(number: int) -> None:
        await limit.acquire("a.example")
        done.append((number, time.monotonic()))

    await asyncio.gather(*(one(number) for number in range(20)))
    assert [number for number, _ in done] == list(range(20))
    _check_spacing([moment for _, moment in done], 0.01)


def test_processes_share_one_rate(tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        moments = manager.list()
        processes = [context.Process(target=_ask, args=(tmp_path, 10, moments)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(20)
        assert len(moments) == 30
        _check_spacing(list(moments), 0.02)


def test_threads_share_one_rate(tmp_path):
    moments: list[float] = []
    threads = [threading.Thread(target=_ask, args=(tmp_path, 8, moments)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(moments) == 24
    _check_spacing(moments, 0.02)


@pytest.mark.asyncio
async def test_hosts_do_not_slow_each_other_down(tmp_path):
    limit = RateLimit(2, folder=tmp_path)
    waits = await asyncio.gather(*(limit.acquire(f"{number}.example") for number in range(5)))
    assert max(waits) < 0.2


@pytest.mark.asyncio
async def test_a_killed_holder_of_the_lock_blocks_nobody(tmp_path):
    path = tmp_path / _file_name("a.example")
    path.write_bytes(b"")
    child = os.fork()
    if child == 0:
        handle = os.open(path, os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        time.sleep(60)  # noqa: ASYNC251 - the child has no loop
        os._exit(0)
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(RateLimit(100, folder=tmp_path).acquire("a.example"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it is dead already
    await asyncio.wait_for(waiting, 2)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "stored", [b"", b"abc", struct.pack("<d", float("nan")), struct.pack("<d", float("inf")), b"\xff" * 8]
)
async def test_a_damaged_or_stale_file_is_no_reason_to_wait(tmp_path, stored):
    (tmp_path / _file_name("a.example")).write_bytes(stored)
    assert await RateLimit(10, folder=tmp_path).acquire("a.example") == 0


@pytest.mark.asyncio
async def test_probes_have_a_slower_pace_that_does_not_hold_up_others(tmp_path):
    limit = RateLimit(200, folder=tmp_path)
    await limit.acquire("a.example", per_second=4)
    slow = asyncio.create_task(limit.acquire("a.example", per_second=4))
    started = time.monotonic()
    for _ in range(5):
        await limit.acquire("a.example")
    assert time.monotonic() - started < 0.15
    assert await slow > 0.15


@pytest.mark.asyncio
async def test_the_loop_stays_free_while_others_hold_the_lock(tmp_path):
    limit = RateLimit(1000, folder=tmp_path)
    await limit.acquire("a.example")
    with (tmp_path / _file_name("a.example")).open("rb+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        waiting = asyncio.create_task(limit.acquire("a.example"))
        ticks = 0
        started = time.monotonic()
        while time.monotonic() - started < 0.1:
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 20
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="more than 0"):
        RateLimit(0)
