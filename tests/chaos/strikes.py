"""What is done to Airflow, its tasks, its database, its evidence and its clock?"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from chaos.phases import Phase
from simulator.faults import clock

if TYPE_CHECKING:
    from chaos.player import Player
    from chaos.theatre import Theatre

GONE = 5.0
"""Seconds that a killed component stays away."""
STOPPED = 18.0
"""Seconds that a stopped process stands still: longer than every detection setting."""
Blow = Callable[["Theatre", list["Player"], Callable[[], None]], None]
"""Strikes, and calls the third argument when the releases shall go on from their moment."""


@dataclass(frozen=True)
class Strike:
    """One scene: what is struck, and which parts are there."""

    name: str
    blow: Blow
    in_task: bool = False
    """In every part a task runs, whose process is struck."""
    phases: frozenset[Phase] = frozenset(Phase)
    must_wait: frozenset[Phase] = frozenset()
    """Where nothing may be sent, whatever the release deserves: what an act needs can't be had."""
    fills_the_store: bool = False
    heals: bool = True
    """What was struck is back before the releases come to rest, so that each ends where it would have ended."""


def component_dies(name: str, *, go_on_while_gone: bool = True) -> Blow:
    """SIGKILL to one component's first process; it is started again some seconds later."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        theatre.airflow.send_signal(name, signal.SIGKILL)
        if go_on_while_gone:
            go_on()
        time.sleep(GONE)
        since = datetime.now(UTC)
        theatre.airflow.start_component(name)
        theatre.airflow.wait_until_healthy(since=since)
        if not go_on_while_gone:
            time.sleep(STOPPED - GONE)
            go_on()

    return blow


def component_stops(name: str) -> Blow:
    """SIGSTOP to one component with all that it has forked, SIGCONT after longer than it takes to be given up."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        with stopped(
            _with_children(
                [theatre.airflow.pids[name]], but={p for each in players for p in each.running.values()}
            )
        ):
            go_on()
            time.sleep(STOPPED)

    return blow


def everything_dies(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
    """A power cut: every process of Airflow at once, tasks included; then everything starts again."""
    for player in players:
        if player.part.starved:
            theatre.store.fill(player.part.slug)
    names = list(theatre.airflow.pids)
    for name in names:
        theatre.airflow.kill(name)
    go_on()
    since = datetime.now(UTC)
    for name in names:
        theatre.airflow.start_component(name)
    theatre.airflow.wait_until_healthy(since=since)


def tasks_die(*, with_supervisor: bool) -> Blow:
    """SIGKILL to the process of every running task, alone or with the supervisor that speaks for it."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        for process in _processes_of(players, with_supervisor=with_supervisor):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        go_on()

    return blow


def tasks_stop(*, with_supervisor: bool) -> Blow:
    """SIGSTOP to the process of every running task; they go on when Airflow may have given them up."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        with stopped(_processes_of(players, with_supervisor=with_supervisor)):
            go_on()
            time.sleep(STOPPED)

    return blow


def airflow_is_upgraded(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
    """Every component is ended in order, the database migrated, everything started again."""
    go_on()
    theatre.airflow.restart()


def database_is_turned_back(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
    """Airflow goes on to its decisions and forgets them: its database becomes what it was before."""
    older = theatre.database.dump()
    go_on()
    end = time.monotonic() + 60
    while not all(_has_acted(player) for player in players) and time.monotonic() < end:
        time.sleep(0.3)
    names = list(theatre.airflow.pids)
    for name in names:
        theatre.airflow.kill(name)
    theatre.database.restore(older)
    since = datetime.now(UTC)
    for name in names:
        theatre.airflow.start_component(name)
    theatre.airflow.wait_until_healthy(since=since)
    theatre.forget()


def store_is_full(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
    """ENOSPC for every write of evidence, until the releases have come to rest."""
    theatre.store.fill()
    go_on()


def store_is_gone(instead: str) -> Blow:
    """The folder of the evidence is not there, as after a lost mount: an empty folder, or a link to nowhere."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        theatre.store.take_away(instead)
        go_on()

    return blow


@contextmanager
def stopped(processes: Iterable[psutil.Process]) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end of the block whatever happens."""
    struck = list(processes)
    try:
        for process in struck:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in struck:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def _processes_of(players: list[Player], *, with_supervisor: bool) -> list[psutil.Process]:
    """The processes of all tasks that run, the supervisor first so that it sees nothing."""
    found: list[psutil.Process] = []
    for player in players:
        for pid in player.running.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                task = psutil.Process(pid)
                parent = task.parent()
                found += (
                    [parent] if with_supervisor and parent is not None and parent.pid != os.getpid() else []
                )
                found.append(task)
    return found


def _with_children(pids: Iterable[int], *, but: set[int]) -> list[psutil.Process]:
    """Processes with all that they forked, except tasks and their supervisors: these are struck by scenes of their own."""
    found: list[psutil.Process] = []
    for pid in pids:
        process = psutil.Process(pid)
        found.append(process)
        for child in process.children(recursive=True):
            spared = {child.pid, *(grandchild.pid for grandchild in child.children())}
            found += [] if spared & but else [child]
    return found


def _has_acted(player: Player) -> bool:
    return player.part.verb is None or (bool(player.puts) and player.is_over)


def clock_is_off(seconds: float) -> Blow:
    """From now on Adobe's `Date` is that far from this machine's clock."""

    def blow(theatre: Theatre, players: list[Player], go_on: Callable[[], None]) -> None:
        theatre.simulator.inject(clock(seconds))
        go_on()

    return blow


_UNCLAIMED = frozenset({Phase.WAITING, Phase.TESTING, Phase.JUDGING, Phase.SEALED, Phase.HOLDING})
COMPONENTS = ("scheduler", "triggerer", "api-server", "dag-processor")

STRIKES = (
    Strike("task SIGKILL", tasks_die(with_supervisor=False), in_task=True),
    Strike("task SIGSTOP", tasks_stop(with_supervisor=False), in_task=True),
    Strike("task and supervisor SIGKILL", tasks_die(with_supervisor=True), in_task=True),
    Strike("task and supervisor SIGSTOP", tasks_stop(with_supervisor=True), in_task=True),
    Strike("database restored", database_is_turned_back, phases=_UNCLAIMED | {Phase.CLAIMED}),
    Strike("evidence ENOSPC", store_is_full, must_wait=_UNCLAIMED, fills_the_store=True, heals=False),
    Strike("evidence gone, empty folder", store_is_gone("empty"), must_wait=_UNCLAIMED, heals=False),
    Strike("evidence gone, dangling link", store_is_gone("nowhere"), must_wait=_UNCLAIMED, heals=False),
    Strike(
        "clock 1 h behind Adobe's", clock_is_off(3600), phases=_UNCLAIMED, must_wait=_UNCLAIMED, heals=False
    ),
    Strike(
        "clock 1 h ahead of Adobe's",
        clock_is_off(-3600),
        phases=_UNCLAIMED,
        must_wait=_UNCLAIMED,
        heals=False,
    ),
    Strike("upgrade: stop, migrate, start", airflow_is_upgraded),
    Strike("power cut", everything_dies),
    Strike("scheduler SIGKILL, moments last", component_dies("scheduler", go_on_while_gone=False)),
    *(Strike(f"{name} SIGKILL", component_dies(name)) for name in COMPONENTS),
    *(Strike(f"{name} SIGSTOP", component_stops(name)) for name in COMPONENTS),
)


def strike_named(name: str) -> Strike:
    """The strike of that name. Raises `KeyError`."""
    return {strike.name: strike for strike in STRIKES}[name]
