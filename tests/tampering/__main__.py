"""`make tampering`: the whole matrix of attacks through Airflow's API, and a table of what they won. Minutes."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tampering.campaign import fight_all
from tampering.matrix import Action, Phase, Raid, full_matrix, short_form


def main(arguments: Sequence[str]) -> int:
    """Fight; 0 only if every attack took place and won nothing, and the controls won something."""
    given = _parser().parse_args(arguments)
    began = time.monotonic()
    raids = list(short_form() if given.short else full_matrix(given.parts))
    raids = [raid for raid in raids if _is_wanted(raid, given)]
    print(f"{len(raids)} runs on {given.gates} gates, in one Airflow …", flush=True)
    with tempfile.TemporaryDirectory(prefix="tampering-") as folder:
        home = given.folder or Path(folder)
        report = fight_all(home, raids, gates=given.gates, say=lambda line: print(line, flush=True))
    print(f"\n{report.table()}\n\n{report.summary()}\n{time.monotonic() - began:.0f} s in all.")
    for problem in report.problems:
        print(f"\nNot fought: {problem}", file=sys.stderr)
    weak = [each.raid for each in report.controls if not report.won_by(each)]
    for raid in weak:
        print(f"The control shows nothing: {raid}", file=sys.stderr)
    return int(bool(report.won or report.problems or weak))


def _is_wanted(raid: Raid, given: argparse.Namespace) -> bool:
    return (not given.action or set(raid.actions) & set(given.action)) and (
        not given.phase or raid.phase in given.phase
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make tampering", description=__doc__)
    parser.add_argument("--parts", type=int, default=3, help="runs that the tasks of a Dag are dealt out to")
    parser.add_argument("--gates", type=int, default=10, help="gates that are attacked side by side")
    parser.add_argument("--folder", type=Path, help="keep logs and evidence in this new folder")
    parser.add_argument("--short", action="store_true", help="what CI runs")
    parser.add_argument("--action", action="append", type=Action, help="only this one; may be given again")
    parser.add_argument("--phase", action="append", type=Phase, help="only this one; may be given again")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
