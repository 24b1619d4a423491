"""Of many processes that come for one claim at the same moment, who has it?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from stage_gate.evidence.exclusive import ClaimUnsupported, probe
from unit.stage_gate.object_stores.servers import CountedS3
from unit.stage_gate.stores import s3_store

TESTS = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("processes", [2, 20])
def test_of_many_processes_one_has_the_claim(s3: CountedS3, processes: int) -> None:
    """Each is an interpreter of its own, with Airflow and s3fs, which is what takes the time."""
    path = os.pathsep.join(map(str, (TESTS, TESTS.parent / "plugins")))
    racers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("racer.py")), s3.url, str(number)],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            while racer.stdout.readline().strip() != "ready":
                assert racer.poll() is None, "a racer ended before it was ready"
        said = [racer.communicate()[0].split()[-1] for racer in _all_at_once(racers)]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert Counter(said) == {"won": 1, "lost": processes - 1}
    assert (s3_store(s3.url) / "claims" / "one.json").read_bytes() == str(said.index("won")).encode()


def _all_at_once(racers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return racers


def test_a_server_that_ignores_the_condition_is_refused(s3: CountedS3) -> None:
    s3.ignores_conditions = True
    with pytest.raises(ClaimUnsupported, match="one file was created twice there"):
        probe(s3_store(s3.url))
