"""Where can a mutant do no harm? A process with network, processes and temporary files of its own; the repository is read-only.

A mutant of what ends processes may end all of them, one of the network guard may ask anybody. So each bench is started
by ``unshare`` (util-linux), as root or in a user namespace; without it nothing is judged.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from mutants import judging
from mutants.judging import ROOT, Limit, Seen, Verdict

_APART = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child")
_FURNISH = """
ip link set lo up && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
cd "$0" && mount -t tmpfs none "$1" && shift && exec "$@"
"""


class BenchError(Exception):
    """Nothing can be judged here; the message says why and what to do."""


def apart(folder: Path, *command: str) -> list[str]:
    """The command in namespaces of its own: only itself to talk to and to end, and nothing here to write to.

    ``folder`` is in memory, so that the thousands of files that the tests flush cost no time.
    """
    root = () if os.geteuid() == 0 else ("--map-root-user",)
    return [*_APART, *root, "sh", "-c", _FURNISH, str(ROOT), str(folder), *command]


class Bench:
    """One warm process; one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is for its temporary files, and outside the repository."""
        path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "plugins")])
        environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            self._process = subprocess.Popen(
                apart(folder, sys.executable, "-m", "mutants.bench"),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for whoever started the bench
            )
        except FileNotFoundError:
            raise BenchError("unshare is not installed: apt-get install util-linux iproute2") from None

    def look(self, module: str, tests: Sequence[str]) -> Seen:
        """What the tests do without a mistake. Raises ``BenchError`` if they fail."""
        told = self._asked("look", module, tests)
        return Seen(**{**told, "touched": {int(line): found for line, found in told["touched"].items()}})

    def warm_up(self, imported: Sequence[str]) -> None:
        self._asked("warm_up", imported)

    def judge(self, module: str, source: str, tests: Sequence[str], limit: Limit) -> tuple[Verdict, str]:
        """What becomes of one mutant, and by which test."""
        verdict, by = self._asked("judge", module, source, tests, asdict(limit))
        return Verdict(verdict), by

    def _asked(self, *question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise BenchError(
                f"The bench ended ({self._process.wait()}): it needs unshare and mount (util-linux), ip (iproute2), and root or "
                "user namespaces."
            ) from None
        if "problem" in answer:
            raise BenchError(answer["problem"])
        return answer["answer"]

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Answer questions, a line of JSON each."""
    del os.environ["PYTHONPATH"]  # no business of the tests
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        try:
            answer = {"answer": _answer(*json.loads(line))}
        except RuntimeError as error:
            answer = {"problem": str(error)}
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:  # nobody asks any more
            os._exit(0)


def _answer(question: str, *of: Any) -> Any:
    if question == "look":
        return asdict(judging.look(*of))
    if question == "warm_up":
        judging.warm_up(*of)
        gc.collect()
        gc.freeze()
        return None
    module, source, tests, limit = of
    _lay_over(judging.path_of(module), source)
    return judging.judge(module, source, tests, Limit(**limit))


def _lay_over(path: Path, source: str) -> None:
    """Whoever starts the file as a program of its own gets the mutant, too; outside of the bench nobody sees it."""
    mutant = Path(os.environ["TMPDIR"], f"mutant-{path.name}")
    is_new = not mutant.exists()
    mutant.write_text(source)
    if is_new:
        subprocess.run(["mount", "--bind", mutant, path], check=True)


if __name__ == "__main__":
    main()
