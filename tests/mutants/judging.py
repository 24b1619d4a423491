"""Does a test fail once a module has a mistake? In a process of its own for each mutant, forked from a warm one.

The warm process has imported all that the tests need from others (Airflow takes seconds) and nothing of ours. So each
child imports our packages anew, the mutated module among them: a mistake in a table, a decorator or a default counts
from the first line on, and whoever imports it sees the mutant.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
ASIDE = (
    *("--disable-plugin-autoload", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider"),
    *("-W", "ignore", "-q", "-x", "--tb=no", "--no-header"),
)
"""For pytest. Of the plugins of others only what tests can't do without: to find and load them all takes long."""
_HELD_BACK = 4 << 30
"""Bytes of memory that a mutant may have: some mistakes collect without end."""


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"
    """It ran on far longer than the tests do without it."""
    NOT_COVERED = "not covered"
    """No test runs its statement."""


@dataclass(frozen=True)
class Limit:
    """How long the tests of a mutant may take, in seconds."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Seen:
    """What the tests of a module do without any mistake."""

    tests: dict[str, float]
    """Seconds of each, in their order."""
    touched: dict[int, list[str]]
    """Tests by line that they ran; ``""`` where the line ran on import."""
    processor: float
    wall: float
    imported: list[str] = field(default_factory=list)
    """Modules of others, in the order of their import."""


def path_of(module: str) -> Path:
    """The file of one of our modules."""
    path = PLUGINS.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def warm_up(imported: Sequence[str]) -> None:
    """Import what others wrote, so that every child has it already."""
    sys.path[:0] = [str(PLUGINS), str(ROOT / "tests")]
    spec = importlib.util.spec_from_file_location("settings_before_airflow", ROOT / "tests" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    for name in imported:
        with suppress(BaseException):  # what can't be imported alone, each child imports in its own order
            importlib.import_module(name)
    for name, each in list(sys.modules.items()):  # Airflow looks for providers, and so imports some of ours
        if not _is_of_others(each) and name.split(".")[0] not in ("mutants", "__main__"):
            del sys.modules[name]


def look(module: str, tests: Sequence[str]) -> Seen:
    """Run the tests as they are. Raises ``RuntimeError`` if one fails: then nothing can be judged by them."""
    told = _in_child(lambda: _look(module, tests), Limit(600, 1800))
    if not isinstance(told, dict):
        raise RuntimeError(f"the tests of {module} came to no end without a mistake ({told})")
    if told["failed"]:
        raise RuntimeError(f"the tests of {module} fail without a mistake: {told['failed']}")
    touched = {int(line): found for line, found in told["touched"].items()}
    return Seen(told["tests"], touched, told["processor"], told["wall"], told["imported"])


def judge(module: str, source: str, tests: Sequence[str], limit: Limit) -> tuple[Verdict, str]:
    """What the tests, in this order, make of the module with this source; and the test that failed."""
    told = _in_child(lambda: _judge(module, source, tests), limit)
    if isinstance(told, dict):
        return (Verdict.KILLED if told["failed"] else Verdict.SURVIVED), told["failed"]
    return (Verdict.TIMED_OUT, "") if told == "too long" else (Verdict.KILLED, told)


def _look(module: str, tests: Sequence[str]) -> dict[str, Any]:
    from coverage import Coverage

    before, began, used = set(sys.modules), time.monotonic(), time.process_time()
    coverage = Coverage(data_file=None, config_file=False, include=[str(path_of(module))])
    watch = _Watch(coverage.switch_context)
    coverage.start()
    try:
        failed = watch.run(tests)
    finally:
        coverage.stop()
    touched = coverage.get_data().contexts_by_lineno(str(path_of(module)))
    return {
        "failed": failed,
        "tests": watch.seconds,
        "touched": touched,
        "processor": time.process_time() - used,
        "wall": time.monotonic() - began,
        "imported": [
            name for name, each in list(sys.modules.items()) if name not in before and _is_of_others(each)
        ],
    }


def _is_of_others(module: ModuleType) -> bool:
    return not (getattr(module, "__file__", None) or "").startswith((str(PLUGINS), str(ROOT / "tests")))


def _judge(module: str, source: str, tests: Sequence[str]) -> dict[str, Any]:
    sys.meta_path.insert(0, _Instead(module, source))
    return {"failed": _Watch().run(tests)}


class _Instead(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module, with another source than its file has."""

    def __init__(self, module: str, source: str) -> None:
        super().__init__(module, str(path_of(module)))
        self._source = source.encode()

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(name, self.path, loader=self)
            if name == self.name
            else None
        )

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self._source, self.path)


class _Watch:
    """Runs chosen tests in a given order, up to the first that fails."""

    def __init__(self, begins: Callable[[str], None] = lambda test: None) -> None:
        self._begins = begins
        self.seconds: Counter[str] = Counter()
        self._failed = ""

    def run(self, tests: Sequence[str]) -> str:
        """The first test that failed, or what went wrong before any could; empty if none did."""
        _be_quick()
        self._rank = {test: number for number, test in enumerate(tests)}
        files = sorted(
            {test.partition("::")[0] for test in tests}
        )  # folder by folder, or pytest loses fixtures
        ended = pytest.main([*ASIDE, f"--rootdir={ROOT}", *files], plugins=[self])
        if ended in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return ""
        return self._failed or f"(pytest ended with {ended!r})"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only the chosen tests; a whole file where only the file is named."""
        end = len(self._rank)
        ranks = {
            item.nodeid: min(self._rank.get(name, end) for name in _names(item.nodeid)) for item in items
        }
        items[:] = sorted(
            (item for item in items if ranks[item.nodeid] < end), key=lambda item: ranks[item.nodeid]
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._begins(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed = f"{report.nodeid} (import)"


def _names(test: str) -> tuple[str, str, str]:
    """The names under which a test may be chosen: its own, without what it is parametrized with, and its file's."""
    return test, test.partition("[")[0], test.partition("::")[0]


def _be_quick() -> None:
    """Hypothesis draws the same examples each time, and looks for no smaller one; whatever profile a conftest loads."""
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants",
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    type.__setattr__(settings, "load_profile", staticmethod(lambda name: None))


def _in_child(work: Callable[[], dict[str, Any]], limit: Limit) -> dict[str, Any] | str:
    """What ``work`` comes to in a child; or a word where it came to nothing: ``too long``, or how it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _alone(limit)
        try:
            told = json.dumps(work()).encode()
        except BaseException as error:  # noqa: BLE001 - whatever a mutant does to the tests, it was noticed
            told = json.dumps({"failed": f"({error!r})"}).encode()
        with os.fdopen(writing, "wb") as answer:
            answer.write(told + b"\n")
        os._exit(0)
    os.close(writing)
    try:
        return _heard(child, reading, limit.wall)
    finally:
        os.close(reading)
        _end_all_of(child)


def _alone(limit: Limit) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    most = int(limit.processor) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 2))
    resource.setrlimit(resource.RLIMIT_AS, (_HELD_BACK, _HELD_BACK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _heard(child: int, reading: int, wall: float) -> dict[str, Any] | str:
    deadline, told = time.monotonic() + wall, b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "too long"
        part = os.read(reading, 1 << 16)
        told += part
        if not part or told.endswith(b"\n"):
            break
    _, status = os.waitpid(child, 0)
    if told:
        answer: dict[str, Any] = json.loads(told)
        return answer
    died = -os.waitstatus_to_exitcode(status)
    return "too long" if died in (signal.SIGXCPU, signal.SIGKILL) else f"(died of signal {died})"


def _end_all_of(child: int) -> None:
    """Nothing that a mutant started goes on: in a process namespace of its own that is everything but the first."""
    if os.getpid() == 1:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
