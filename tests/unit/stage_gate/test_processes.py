"""Does everything that a component started end with it, whatever it did to get away?"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import psutil

from stage_gate.local.processes import Component, Watchdog, end_sessions


def component(tmp_path: Path, program: str) -> tuple[Component, list[int]]:
    """Start `program`, which appends process ids to the file `pids`; wait for the word `ready` in it."""
    pids = tmp_path / "pids"
    code = textwrap.dedent(program)
    started = Component("sample", [sys.executable, "-c", code, str(pids)], dict(os.environ), tmp_path / "log")
    end = time.monotonic() + 20
    while "ready" not in (pids.read_text() if pids.exists() else ""):
        assert time.monotonic() < end, started.tail()
        time.sleep(0.02)
    return started, [int(word) for word in pids.read_text().split() if word.isdigit()]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


STUBBORN = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    nap = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    group = subprocess.Popen(nap, process_group=0)
    session = subprocess.Popen(nap, start_new_session=True)
    with open(sys.argv[1], "w") as file:
        file.write(f"{os.getpid()} {group.pid} {session.pid} ready")
    time.sleep(60)
"""


def test_children_in_other_groups_and_sessions_that_ignore_sigterm_end_too(tmp_path: Path) -> None:
    started, pids = component(tmp_path, STUBBORN)
    assert len(pids) == 3
    assert end_sessions([started.pid], grace=0.2) == []
    started.reap()
    assert [pid for pid in pids if alive(pid)] == []


def test_a_forked_child_whose_parent_has_gone_ends_too(tmp_path: Path) -> None:
    orphaning = """
        import os, sys, time
        if os.fork() == 0:
            if os.fork() == 0:
                with open(sys.argv[1], "w") as file:
                    file.write(f"{os.getpid()} ready")
                time.sleep(60)
            os._exit(0)
        os.wait()
        time.sleep(60)
    """
    started, pids = component(tmp_path, orphaning)
    assert end_sessions([started.pid], grace=0.5) == []
    started.reap()
    assert [pid for pid in pids if alive(pid)] == []


def test_ending_a_session_that_is_gone_is_harmless(tmp_path: Path) -> None:
    quick = "import sys; open(sys.argv[1], 'w').write('ready')"
    started, _ = component(tmp_path, quick)
    started.reap()
    assert started.exit_code() == 0
    assert end_sessions([started.pid], grace=0.1) == []


def test_the_watchdog_leaves_alone_what_it_is_told_to_forget(tmp_path: Path) -> None:
    started, pids = component(tmp_path, "import os, sys, time; "
                              "open(sys.argv[1], 'w').write(f'{os.getpid()} ready'); time.sleep(60)")  # fmt: skip
    watchdog = Watchdog()
    watchdog.watch(started.pid)
    watchdog.forget()
    assert not alive(watchdog.pid)
    assert alive(pids[0])
    end_sessions([started.pid], grace=1.0)
    started.reap()


def test_the_end_of_the_log_is_there_for_the_error_message(tmp_path: Path) -> None:
    started, _ = component(
        tmp_path, "import sys; open(sys.argv[1], 'w').write('ready'); sys.exit('the database is on fire')"
    )
    started.reap()
    assert started.exit_code() == 1
    assert started.tail() == "the database is on fire"
