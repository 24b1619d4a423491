"""`make chaos`: the whole matrix on a real Airflow, PostgreSQL and the simulator, and its table. ARGS="-k api" for a part."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chaos import table
from chaos.phases import CAST
from chaos.scene import Row, Scene, late_violations
from chaos.strikes import STRIKES
from chaos.theatre import Theatre
from local_postgres import PostgresMissing
from stage_gate.local.local_airflow import LocalAirflowError

_QUIET = 10.0
"""Seconds to wait before the last look: whoever stood still has come to life by then."""


def main() -> int:
    """0 only if every release of every scene ended right."""
    wanted = _arguments()
    strikes = [strike for strike in STRIKES if wanted.k in strike.name]
    folder = Path(tempfile.mkdtemp(prefix="stage-gate-chaos-"))
    began = time.monotonic()
    try:
        with Theatre(folder, CAST) as theatre:
            _say(table.head(database=theatre.database.version, is_mounted=theatre.store.is_mounted))
            playable = [each for each in strikes if theatre.store.is_mounted or not each.fills_the_store]
            scenes = [Scene(each, theatre, CAST) for each in playable]
            rows = [row for each in scenes for row in _played(each)]
            time.sleep(_QUIET)
            late = late_violations(theatre.simulator, theatre.players)
    except (LocalAirflowError, PostgresMissing) as error:
        sys.stderr.write(f"{error}\nThe logs of Airflow stay in {folder}.\n")
        return 2
    _say(table.foot(rows, late, time.monotonic() - began))
    well = not late and all(row.is_right for row in rows)
    if well and not wanted.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _say(f"The logs of Airflow and its tasks stay in {folder}.")
    return 0 if well else 1


def _played(scene: Scene) -> list[Row]:
    rows = scene.play()
    _say(table.scene(rows))
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("-k", default="", metavar="TEXT", help="only scenes with this text in their name")
    parser.add_argument("--keep", action="store_true", help="keep Airflow's logs")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
