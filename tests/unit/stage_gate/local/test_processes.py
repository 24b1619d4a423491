"""Does everything that a component started end with it, whatever it did to get away?"""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from stage_gate.local import processes
from stage_gate.local.processes import Component, Watchdog, end_sessions
from unit.stage_gate.waiting import until


def component(tmp_path: Path, program: str) -> tuple[Component, list[int]]:
    """Start `program`, which appends process ids to the file `pids`; wait for the word `ready` in it."""
    pids = tmp_path / "pids"
    code = textwrap.dedent(program)
    started = Component("sample", [sys.executable, "-c", code, str(pids)], dict(os.environ), tmp_path / "log")
    until(lambda: pids.exists() and "ready" in pids.read_text(), "the component is ready")
    return started, [int(word) for word in pids.read_text().split() if word.isdigit()]


def ended(started: Component) -> int:
    """The exit code of a component that ends by itself."""
    until(lambda: started.exit_code() is not None, "the component has ended")
    started.reap()
    code = started.exit_code()
    assert code is not None
    return code


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


STUBBORN = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the others inherit it
    nap = [sys.executable, "-c", "import time; time.sleep(600)"]
    group = subprocess.Popen(nap, process_group=0)
    session = subprocess.Popen(nap, start_new_session=True)
    with open(sys.argv[1], "w") as file:
        file.write(f"{os.getpid()} {group.pid} {session.pid} ready")
    time.sleep(600)
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
                time.sleep(600)
            os._exit(0)
        os.wait()
        time.sleep(600)
    """
    started, pids = component(tmp_path, orphaning)
    assert end_sessions([started.pid], grace=0.5) == []
    started.reap()
    assert [pid for pid in pids if alive(pid)] == []


def test_a_child_forked_after_the_last_look_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at all processes takes a while; the first two looks see here what there was before."""
    started, pids = component(tmp_path, STUBBORN)
    look, before = processes._members, {psutil.Process(started.pid)}
    looks = iter([before, before])
    monkeypatch.setattr(processes, "_members", lambda leaders: next(looks, None) or look(leaders))
    assert end_sessions([started.pid], grace=0.2) == []
    started.reap()
    assert [pid for pid in pids[:2] if alive(pid)] == []
    os.kill(pids[2], signal.SIGKILL)  # a session of its own, whose parent is gone


def test_ending_a_session_that_is_gone_is_harmless(tmp_path: Path) -> None:
    quick = "import sys; open(sys.argv[1], 'w').write('ready')"
    started, _ = component(tmp_path, quick)
    assert ended(started) == 0
    assert end_sessions([started.pid], grace=0.1) == []


def test_the_watchdog_leaves_alone_what_it_is_told_to_forget(tmp_path: Path) -> None:
    started, pids = component(tmp_path, "import os, sys, time; "
                              "open(sys.argv[1], 'w').write(f'{os.getpid()} ready'); time.sleep(600)")  # fmt: skip
    watchdog = Watchdog()
    watchdog.watch(started.pid)
    watchdog.forget()
    until(lambda: not alive(watchdog.pid), "the watchdog has ended")
    assert alive(pids[0])
    end_sessions([started.pid], grace=1.0)
    started.reap()


def test_the_end_of_the_log_is_there_for_the_error_message(tmp_path: Path) -> None:
    started, _ = component(
        tmp_path, "import sys; open(sys.argv[1], 'w').write('ready'); sys.exit('the database is on fire')"
    )
    assert ended(started) == 1
    assert started.tail() == "the database is on fire"
