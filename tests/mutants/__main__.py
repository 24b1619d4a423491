"""`make mutants`: the modules that decide, with one mistake at a time. Hours; ARGS="rules" for a part, "verdict" for a module."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mutants import table
from mutants.bench import BenchError
from mutants.judging import ASIDE, ROOT
from mutants.modules import PARTS, chosen
from mutants.results import FOLDER, Judged, Tally
from mutants.reviewed import outdated, reviews, stanzas
from mutants.run import Work

NEW = FOLDER / "survivors.toml"


def main(arguments: Sequence[str]) -> int:
    """0 only if every mutant was noticed, or has a reviewed reason why not."""
    given = _parser().parse_args(arguments)
    works = [Work(module, tests) for module, tests in chosen(given.names).items()]
    if given.table:
        table.write([_tally(work) for work in works])
        return 0
    try:
        os.nice(10)
        if not given.report:
            _judge(works, given.jobs, afresh=given.afresh)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    return _report(works)


def _judge(works: Sequence[Work], jobs: int, *, afresh: bool) -> None:
    _compile({test for work in works for test in work.tests})
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for work in works:
            known = 0 if afresh else len(work.results.known)
            print(f"{work.module}: {len(work.mutants)} mutants, {known} of them known", flush=True)
            work.run(Path(folder), jobs, _say, afresh=afresh)
            print(table.line(_tally(work)), flush=True)


def _compile(tests: set[str]) -> None:
    """Byte code of our files, as pytest wants it: the benches can't write any, and read it thousands of times."""
    command = [sys.executable, "-m", "pytest", *ASIDE, "--collect-only", *sorted(tests)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)


def _say(judged: Judged) -> None:
    if not judged.is_noticed and judged.identity not in reviews():
        print(
            f"{judged.verdict}: {judged.identity.where}, line {judged.line}",
            judged.identity.diff,
            sep="\n",
            flush=True,
        )


def _tally(work: Work) -> Tally:
    judged, reviewed = work.judged(), reviews()
    kept = sum(not each.is_noticed and each.identity in reviewed for each in judged)
    return Tally(work.module, Counter(each.verdict for each in judged), len(work.mutants), kept)


def _report(works: Sequence[Work]) -> int:
    reviewed = reviews()
    judged = {each.identity: each for work in works for each in work.judged()}
    new = [each for each in judged.values() if not each.is_noticed and each.identity not in reviewed]
    old = outdated(judged, reviewed)
    print(f"\n{table.told([_tally(work) for work in works])}\n")
    NEW.parent.mkdir(parents=True, exist_ok=True)
    NEW.write_text(stanzas(new))
    for each in old:
        print(f"Reviewed, and noticed or gone by now: {each.module} {each.where}\n{each.diff}")
    if new:
        print(f"{len(new)} survivors that nobody has reviewed are in {NEW.relative_to(ROOT)}.")
    return int(bool(new or old))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"modules, or parts: {', '.join(PARTS)}; nothing for all")
    parser.add_argument("--afresh", action="store_true", help="forget what is known of them")
    jobs = 3 * (os.cpu_count() or 1)  # most tests wait more than they work
    parser.add_argument("--jobs", type=int, default=jobs, help=f"mutants that are judged at once ({jobs})")
    parser.add_argument("--report", action="store_true", help="judge nothing; tell what is known")
    parser.add_argument(
        "--table", action="store_true", help="judge nothing; write what is known into docs/proof.md"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
