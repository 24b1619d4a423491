"""How long do the pages take for a large deployment? Two hundred gates with twenty releases each, and two thousand findings."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from aem_checks.outcomes import Outcome
from benchmarks.figures import Figure, say
from stage_gate.evidence.files import dump, write
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import MANIFEST, Manifest
from stage_gate.evidence.signing import sign
from stage_gate.evidence.store import Evidence
from stage_gate.pages.release import page_of
from stage_gate.pages.tickets import Ticket
from stage_gate.rules.decision import Decision
from stage_gate.rules.verdict import Verdict
from stage_gate.telling.addresses import NOWHERE, Addresses
from stage_gate.telling.glance import LAST, Memory
from stage_gate.telling.releases_page import Known, read_lines, render_releases
from unit.stage_gate.kept_releases import READER, candidate_of
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import NOW, finding, result
from unit.stage_gate.test_dags import GATE
from unit.stage_gate.told_releases import release

GATES = 200
FINDINGS = 2000
REPETITIONS = 5
TITLE = f"16. Pages: {GATES} gates with {LAST} releases each, and a release with {FINDINGS} findings"
NOTES = (
    "Processor time from the files to the page, in the process that serves it, every signature verified.",
    f"The first time nothing is remembered; later what has not changed is. Later: the median of {REPETITIONS}.",
)
_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""16,000 files are made faster there."""
_FILES = {f"sites/wknd/recording/bodies/{number:064x}": f"{number:064x}" for number in range(300)}


def measure() -> list[Figure]:
    """Make the store once, and show its pages."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-", dir=_IN_MEMORY) as folder:
        store, known = Path(folder), [Known(f"gate-{number:03}", ("guard",)) for number in range(GATES)]
        for each in known:
            for number in range(LAST):
                _keep(store, each.gate, str(2_000_001 + number))
        say(f"  {GATES * LAST} releases are there")
        memory = Memory()

        def page() -> None:
            now = datetime.now(UTC)
            render_releases(read_lines(known, store, READER, memory, now), Addresses(""), now)

        first, later = _seconds(page), median(_seconds(page) for _ in range(REPETITIONS))
        many = tuple(
            finding(f"/{n}.html answered 500. To do: read its log.", subject=f"/{n}.html")
            for n in range(FINDINGS)
        )
        release(
            store, "2345678", Decision.HALTED, results=(result("key_pages", Outcome.FAILED, findings=many),)
        )
        one = median(_seconds(lambda: _one(store)) for _ in range(REPETITIONS))
    return [
        Figure(f"Releases of {GATES} gates", later, "s", 1.0, f"the first time {first:.2f} s"),
        Figure(f"a release with {FINDINGS} findings", one, "s", 1.0),
    ]


def _one(store: Path) -> None:
    page_of(Ticket("wknd", "2345678"), lambda: store, lambda: READER, lambda: store, NOWHERE)


def _seconds(what: Callable[[], None]) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


def _keep(store: Path, gate: str, execution: str) -> None:
    """What the page of all gates reads of a release, and nothing else."""
    evidence, content = Evidence(store, gate, execution, KEYS), {**GATE, "mode": "guard"}
    ids = {"program_id": "12345", "pipeline_id": "678901", "execution_id": execution}
    pin = {"gate": gate, "gate_digest": "", "gate_content": content, "trigger": "MANUAL", "pinned_at": NOW}
    evidence.write_pin(Pin.model_validate(pin | ids))
    candidate, halted = candidate_of(execution), int(execution) % 5 == 0
    outcome = Outcome.FAILED if halted else Outcome.PASSED
    folder = evidence.attempt_folder(1)
    write(folder / "candidate.json", dump(candidate))
    manifest = Manifest(
        what="seal of a verdict",
        gate=gate,
        execution_id=execution,
        attempt=1,
        sealed_at=NOW + timedelta(minutes=5),
        gate_digest="",
        candidate_digest=candidate.digest,
        verdict=Verdict(
            outcome=outcome, summary="17 checks.", reasons=("key_pages: It is 500.",) if halted else ()
        ),
        code={},
        files=_FILES,
    )
    write(folder / MANIFEST, sign(manifest.model_dump(mode="json"), KEYS))
    decision = Decision.HALTED if halted else Decision.APPROVED
    at = NOW + timedelta(minutes=6)
    write_decision(
        evidence, DecisionRecord(decision=decision, sentence="As decided.", by="Stage Gate", at=at)
    )
