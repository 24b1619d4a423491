"""What is known already? A file of verdicts for each module, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from mutants.judging import ROOT, Verdict
from mutants.mutation import Identity

FOLDER = ROOT / "var" / "mutants"
NOTICED = (Verdict.KILLED, Verdict.TIMED_OUT)


@dataclass(frozen=True)
class Judged:
    """What became of one mutant."""

    identity: Identity
    line: int
    """Where its statement begins, for whoever looks it up."""
    verdict: Verdict
    by: str
    """The test that failed."""

    @property
    def is_noticed(self) -> bool:
        return self.verdict in NOTICED


class Results:
    """The verdicts on one module, each written as soon as it is known."""

    def __init__(self, module: str, source: str, folder: Path = FOLDER) -> None:
        """Takes over what was found before: all of it while module and tests are the same; after a change of the tests
        what they noticed, since tests are added and not weakened; nothing after a change of the module.
        """
        self._lock = threading.Lock()
        self._path = folder / f"{module}.jsonl"
        self._head = {"module": hashlib.sha256(source.encode()).hexdigest(), "tests": _digest_of_tests()}
        self.known = {each.identity: each for each in self._kept()}

    def _kept(self) -> list[Judged]:
        if not self._path.exists():
            return []
        head, *lines = self._path.read_text().splitlines()
        was = json.loads(head)
        if was["module"] != self._head["module"]:
            return []
        judged = [_judged(json.loads(line)) for line in lines]
        return judged if was == self._head else [each for each in judged if each.is_noticed]

    def begin(self, *, afresh: bool) -> None:
        """Write down what is taken over, or nothing of it."""
        if afresh:
            self.known.clear()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(self._head), *(json.dumps(asdict(each)) for each in self.known.values())]
        self._path.write_text("\n".join(lines) + "\n")

    def add(self, judged: Judged) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(asdict(judged)) + "\n")
            self.known[judged.identity] = judged


@dataclass(frozen=True)
class Tally:
    """How many mutants of one module came to what; of some not judged yet, if so."""

    module: str
    counted: Counter[Verdict]
    mutants: int
    reviewed: int
    """Not noticed, and somebody wrote down why that does no harm."""

    @property
    def noticed(self) -> int:
        return sum(self.counted[each] for each in NOTICED)

    @property
    def is_whole(self) -> bool:
        return self.counted.total() == self.mutants

    @property
    def share(self) -> float:
        """Percent of the mutants that were noticed."""
        return 100.0 * self.noticed / self.mutants if self.mutants else 100.0


def _judged(entry: dict[str, object]) -> Judged:
    identity = Identity(**entry.pop("identity"))  # type: ignore[arg-type]
    return Judged(identity, verdict=Verdict(str(entry.pop("verdict"))), **entry)  # type: ignore[arg-type]


@cache
def _digest_of_tests() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
