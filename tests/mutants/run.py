"""How is a module judged? Its tests are looked at once, then each mutant meets the tests that run its statement."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from mutants.bench import Bench, BenchError
from mutants.judging import Limit, Seen, Verdict, path_of
from mutants.mutation import Mutant, mutants_of
from mutants.results import Judged, Results

_SPARE, _TIMES = 15.0, 5.0
"""Seconds that every mutant may take, and how many times as long as its tests take without it; and twice that on the clock."""

_LIKELY = 12
"""How many tests that noticed other mutants are tried first: neighbours are noticed by the same ones."""


class Work:
    """One module, its tests, and what is known of its mutants."""

    def __init__(self, module: str, tests: Sequence[str]) -> None:
        self.module, self.tests = module, tests
        self._source = path_of(module).read_text()
        self._is_program = "__main__" in self._source
        """What it does in a process of its own is not seen by lines."""
        self.mutants = mutants_of(module, self._source)
        self.results = Results(module, self._source)
        self._noticing: dict[str, None] = dict.fromkeys(each.by for each in self.results.known.values())

    def judged(self) -> list[Judged]:
        """What is known, in the order of the lines."""
        known = self.results.known
        return [known[each.identity] for each in self.mutants if each.identity in known]

    def run(self, folder: Path, jobs: int, say: Callable[[Judged], None], *, afresh: bool) -> None:
        """Judge what is not known yet, on so many benches. Raises ``BenchError``."""
        self.results.begin(afresh=afresh)
        left = [each for each in self.mutants if each.identity not in self.results.known]
        if not left:
            return
        with ExitStack() as stack:
            first, *others = (stack.enter_context(Bench(folder)) for _ in range(min(jobs, len(left))))
            seen = first.look(self.module, self.tests)
            benches: queue.SimpleQueue[Bench] = queue.SimpleQueue()
            for bench in (first, *others):
                bench.warm_up(seen.imported)
                benches.put(bench)
            self._control(first, seen)
            for judged in _side_by_side(benches, jobs, left, lambda *of: self._judge(seen, *of)):
                self.results.add(judged)
                say(judged)

    def _control(self, bench: Bench, seen: Seen) -> None:
        """Nothing fails without a mistake, and a module that can't be imported is noticed; else no verdict means anything."""
        tests = self._ordered(seen, seen.tests)
        right, by = bench.judge(self.module, self._source, tests, _limit(seen, tests))
        wrong, _ = bench.judge(
            self.module, f"{self._source}\nraise AssertionError\n", tests, _limit(seen, tests)
        )
        if (right, wrong) != (Verdict.SURVIVED, Verdict.KILLED):
            raise BenchError(
                f"{self.module} without a mistake: {right} {by}; with one in its last line: {wrong}. Its tests tell nothing here."
            )

    def _judge(self, seen: Seen, bench: Bench, mutant: Mutant) -> Judged:
        """First the tests that noticed another one of late, then the module's own, then the rest, which is seldom needed."""
        found = {test for line in mutant.lines for test in seen.touched.get(line, ())}
        tests = self._ordered(seen, seen.tests if self._is_program or "" in found else found)
        likely = [test for test in reversed(list(self._noticing)) if test in tests][:_LIKELY]
        rest = [test for test in tests if test not in likely]
        own = [test for test in rest if test.startswith(_file_of(rest[0]))]
        verdict, by = Verdict.NOT_COVERED, ""
        for part in filter(None, (likely, own, rest[len(own) :])):
            verdict, by = bench.judge(self.module, mutant.source, part, _limit(seen, part))
            if verdict is not Verdict.SURVIVED:
                break
        self._noticing.pop(by, None)
        self._noticing[by] = None
        return Judged(mutant.identity, mutant.lines.start, verdict, by)

    def _ordered(self, seen: Seen, tests: Iterable[str]) -> list[str]:
        """File by file as the table names them, since the tests of one share what it starts; the quick ones first."""
        files = list(dict.fromkeys(_file_of(test) for test in self.tests))
        return sorted(tests, key=lambda test: (files.index(_file_of(test)), seen.tests[test]))


def _side_by_side(
    benches: queue.SimpleQueue[Bench],
    jobs: int,
    mutants: Sequence[Mutant],
    judge: Callable[[Bench, Mutant], Judged],
) -> Iterator[Judged]:
    def judged(mutant: Mutant) -> Judged:
        bench = benches.get()
        try:
            return judge(bench, mutant)
        finally:
            benches.put(bench)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for each in as_completed([pool.submit(judged, mutant) for mutant in mutants]):
                yield each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _limit(seen: Seen, tests: Sequence[str]) -> Limit:
    """Generous: a mutant that runs on for ever is seen a little later, and a slow one is not taken for it."""
    processor = _SPARE + _TIMES * sum(seen.tests[test] for test in tests)
    return Limit(processor, 2 * processor)
