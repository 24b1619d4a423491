"""Can claims be taken in the evidence store, how long does it take to answer, and do all workers reach the same one?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

from stage_gate.commands.diagnosis import Diagnosis, bad, good, unknown
from stage_gate.evidence.exclusive import ClaimUnsupported, create_exclusively, probe
from stage_gate.evidence.files import EvidenceError, driver_of
from stage_gate.rules.decision import Mode

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate

RACERS = 8
"""Who try to create one claim at the same moment."""
ROUNDS = 5
"""Writes, and reads, of which the median is told."""
SLOW_SECONDS = 0.5
"""A median from which on a store is called slow: a release of the demo asks 700 times, tens of them one after another."""
_REMEDY = (
    "Correct [stage_gate] evidence (AIRFLOW__STAGE_GATE__EVIDENCE), its connection, or the rights in the store; "
    "docs/object-stores.md lists them."
)


def examine_store(gate: Gate) -> Iterator[Diagnosis]:
    """Create, race, read and time a probe in the configured store, and remove it again."""
    from stage_gate.configuration.settings import evidence_store, may_span_machines

    try:
        store = evidence_store()
        probe(store)
        winners = race(store)
        seconds = time_of(store)
    except ClaimUnsupported as error:
        yield _not_exclusive(gate, str(error))
        return
    except EvidenceError as error:
        yield bad(
            "Evidence", str(error).partition(" To do: ")[0], str(error).partition(" To do: ")[2] or _REMEDY
        )
        return
    except Exception as error:  # noqa: BLE001 - every storage library has errors of its own
        yield bad("Evidence", f"the store can't be written: {type(error).__name__}: {error}", _REMEDY)
        return
    if winners != 1:
        yield _not_exclusive(
            gate, f"Of {RACERS} who created one claim in {store} at the same moment, {winners} did."
        )
        return
    yield good(
        "Evidence", f"{store} can be written, and of {RACERS} who create a file there at once one does"
    )
    yield judge_time(*seconds)
    if driver_of(store) is None and may_span_machines():
        yield unknown(
            "Evidence",
            f"{store} is a folder, and the executor runs tasks on several hosts",
            "Name an object store, or make sure that this folder is the same one on every host (docs/object-stores.md).",
        )


def _not_exclusive(gate: Gate, why: str) -> Diagnosis:
    if gate.mode is Mode.GUARD:
        return bad("Evidence", why, "Guard mode pins nothing there, so production would wait.")
    return unknown("Evidence", f"guard mode will refuse this store: {why}")


def race(store: Path) -> int:
    """How many of ``RACERS`` created one probe claim."""
    path = store / f".probe-{uuid4().hex}"

    def create(number: int) -> bool:
        try:
            create_exclusively(path, f"{number} {uuid4().hex}".encode())
        except FileExistsError:
            return False
        return True

    try:
        with ThreadPoolExecutor(RACERS) as pool:
            return sum(pool.map(create, range(RACERS)))
    finally:
        path.unlink(missing_ok=True)


def time_of(store: Path) -> tuple[float, float]:
    """Median seconds of a write and of a read of a small file. Raises what the store raises."""
    path = store / f".probe-{uuid4().hex}"
    try:
        return _median(lambda: path.write_bytes(b"written by doctor")), _median(path.read_bytes)
    finally:
        path.unlink(missing_ok=True)


def _median(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        do()
        times.append(time.monotonic() - began)
    return median(times)


def judge_time(writing: float, reading: float) -> Diagnosis:
    """What the median seconds of a write and of a read mean."""
    said = f"a write takes {writing * 1000:.0f} ms, a read {reading * 1000:.0f} ms (medians of {ROUNDS})"
    if max(writing, reading) < SLOW_SECONDS:
        return good("Evidence", said)
    remedy = "Use a store in the region of the workers; acting on a slow one is held where its last looks get too old."
    return unknown("Evidence", f"the store is slow: {said}", remedy)
