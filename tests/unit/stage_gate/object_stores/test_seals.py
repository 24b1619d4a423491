"""Is what was changed in a store after the seal noticed, although not every file is read again?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor_store import examine_store
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence.files import EvidenceError, open_store
from stage_gate.evidence.seal import MANIFEST
from stage_gate.evidence.signing import NO_KEYS, sign
from stage_gate.evidence.store import Evidence
from stage_gate.rules.verdict import judge
from unit.stage_gate.object_stores.servers import URL, CountedS3, refusal
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, plan, planned, recorded, result

RESULT, PICTURE = "results/key_pages.json", "sites/wknd/page.png"


def opened() -> Evidence:
    """The evidence as another task opens it."""
    return Evidence(open_store(URL), "wknd", "2345678", KEYS)


@pytest.fixture
def folder(s3: CountedS3) -> Path:
    """The folder of a sealed attempt in the store."""
    evidence = opened()
    attempt = evidence.begin_attempt(plan(planned("key_pages")), CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages")))
    (evidence.attempt_folder(attempt) / PICTURE).write_bytes(b"picture")
    assert evidence.seal(attempt, judge, NOW).verdict.outcome is Outcome.PASSED
    return evidence.attempt_folder(attempt)


def remove(folder: Path, name: str) -> None:
    (folder / name).unlink()


def change(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"another")


def add(folder: Path, name: str) -> None:
    (folder / f"{name}.more").write_bytes(b"more")


@pytest.mark.parametrize("name", [RESULT, PICTURE])
@pytest.mark.parametrize(
    ("do", "said"), [(remove, "is missing"), (change, "was changed"), (add, "was added")]
)
def test_whatever_is_changed_in_the_store_is_noticed_by_the_same_task_and_by_the_next(
    folder: Path, name: str, do: Callable[[Path, str], None], said: str
) -> None:
    same = opened()
    same.load_seal(1)
    do(folder, name)
    for evidence in (same, opened()):
        with pytest.raises(EvidenceError, match=f"{said} after it was sealed"):
            evidence.load_seal(1)


def test_files_with_their_sealed_marks_are_not_read_and_others_are(folder: Path, s3: CountedS3) -> None:
    s3.asked.clear()
    opened().load_seal(1)
    assert (s3.asked["nobody", "GET"], s3.asked["nobody", "LIST"]) == (1, 1), "the manifest and a listing"
    (folder / PICTURE).write_bytes(b"longer")
    (folder / PICTURE).write_bytes(b"picture")
    sealed = json.loads((folder / MANIFEST).read_bytes())["signed"]
    sealed["marks"][PICTURE] = "as before it was copied here"
    (folder / MANIFEST).write_bytes(sign(sealed, KEYS))
    s3.asked.clear()
    opened().load_seal(1)
    assert s3.asked["nobody", "GET"] == 2, "the picture is read, and is what it was"


def test_the_marks_of_a_seal_without_a_trusted_key_prove_nothing(folder: Path, s3: CountedS3) -> None:
    """Whoever can write there could have written the marks as well, so every file is read."""

    def forged(content: dict[str, Any]) -> None:
        (folder / MANIFEST).write_bytes(sign(content, NO_KEYS))

    sealed = json.loads((folder / MANIFEST).read_bytes())["signed"]
    forged({**sealed, "files": {**sealed["files"], PICTURE: "0" * 64}})
    with pytest.raises(EvidenceError, match=r"page\.png of attempt 1 was changed"):
        opened().load_seal(1)


@pytest.mark.parametrize("verbs", [("GET", "LIST", "PUT", "HEAD"), ("PUT",)], ids=["no rights", "read-only"])
def test_the_doctor_names_a_store_without_rights(
    s3: CountedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verbs: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", URL)
    s3.answers = lambda verb, key: refusal(403, "AccessDenied", "Access Denied") if verb in verbs else None
    file = tmp_path / "wknd.yaml"
    file.write_text(
        "mode: guard\npipeline: {program: 1, pipeline: 2}\nsites:\n  - {stage: https://wknd.site, pages: [/]}\n"
    )
    (line,) = examine_store(load_gate(file))
    assert line.state is State.BAD
    assert "the store can't be written: " in str(line)
    assert "PermissionError" in str(line) or "Access Denied" in str(line)
    assert "docs/object-stores.md lists them" in str(line)
