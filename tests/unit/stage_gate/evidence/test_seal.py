"""The seal names everything that it rests on, and what contradicts it is no seal."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds import FOLDERS_VARIABLE
from aem_checks.outcomes import Outcome
from stage_gate.evidence.files import PARTIAL, EvidenceError, SealedFolder, make_folder
from stage_gate.evidence.seal import MANIFEST, Sealed, code_digests, read_manifest
from stage_gate.evidence.signing import NO_KEYS, Keys, Signature, new_private_key, read_key, sign
from stage_gate.evidence.store import Evidence
from stage_gate.rules.verdict import judge
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, plan, planned, recorded, result

PLAN = plan(planned("key_pages"))


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path, "wknd", "2345678", KEYS)


def sealed(evidence: Evidence, outcome: Outcome = Outcome.PASSED) -> Sealed:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages", outcome)))
    (evidence.attempt_folder(attempt) / "sites" / "wknd").mkdir(parents=True)
    (evidence.attempt_folder(attempt) / "sites" / "wknd" / "page.png").write_bytes(b"picture")
    return evidence.seal(attempt, judge, NOW)


def resign(evidence: Evidence, change: Callable[[dict[str, Any]], None]) -> None:
    """What only somebody with the key can do: a manifest that says something else, rightly signed."""
    path = evidence.attempt_folder(1) / MANIFEST
    content = json.loads(path.read_text())["signed"]
    change(content)
    path.write_bytes(sign(content, KEYS))


def test_the_manifest_names_plan_gate_code_candidate_verdict_and_every_file(evidence: Evidence) -> None:
    manifest = sealed(evidence).manifest
    assert (manifest.gate, manifest.gate_digest) == (PLAN.gate, PLAN.gate_digest)
    assert (manifest.execution_id, manifest.candidate_digest) == (CANDIDATE.execution_id, CANDIDATE.digest)
    assert (manifest.attempt, manifest.verdict.outcome, manifest.sealed_at) == (1, Outcome.PASSED, NOW)
    assert manifest.code == code_digests()
    folder = evidence.attempt_folder(1)
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert manifest.files == {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in there.items()
        if name != MANIFEST
    }
    assert {
        "plan.json",
        "candidate.json",
        "results/key_pages.json",
        "sites/wknd/page.png",
    } == set(manifest.files)


def test_what_somebody_has_only_begun_to_write_is_no_part_of_it(evidence: Evidence) -> None:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages")))
    begun = evidence.attempt_folder(attempt) / "results" / f"robots.json{PARTIAL}"
    begun.write_bytes(b"{")
    assert "results/key_pages.json" in evidence.seal(attempt, judge, NOW).manifest.files
    begun.unlink()
    assert evidence.load_seal(attempt).verdict.outcome is Outcome.PASSED


def test_its_own_digest_names_it(evidence: Evidence) -> None:
    digest = sealed(evidence).digest
    assert digest == hashlib.sha256((evidence.attempt_folder(1) / MANIFEST).read_bytes()).hexdigest()
    assert evidence.load_seal(1).digest == digest


@pytest.mark.parametrize(
    ("keys", "worth"),
    [
        (KEYS, Signature.TRUSTED),
        (NO_KEYS, Signature.STRANGE),
        (Keys(read_key(new_private_key())), Signature.STRANGE),
    ],
    ids=["the same", "none", "another"],
)
def test_what_a_seal_is_worth_depends_on_who_reads_it(
    evidence: Evidence, keys: Keys, worth: Signature
) -> None:
    sealed(evidence)
    assert Evidence(evidence.store, "wknd", "2345678", keys).load_seal(1).signature is worth


def test_without_a_key_a_seal_is_written_and_says_that_it_is_not_signed(tmp_path: Path) -> None:
    assert sealed(Evidence(tmp_path, "wknd", "2345678")).signature is Signature.ABSENT


def test_a_manifest_is_read_alone_with_the_digest_and_the_worth_of_its_seal(evidence: Evidence) -> None:
    seal = sealed(evidence)
    folder = evidence.attempt_folder(1)
    assert read_manifest(folder, 1, KEYS) == (seal.digest, seal.manifest, Signature.TRUSTED)
    assert read_manifest(folder, 1, NO_KEYS)[2] is Signature.STRANGE
    (folder / MANIFEST).write_text("no manifest")
    with pytest.raises(EvidenceError, match="The manifest of attempt 1 is corrupt"):
        read_manifest(folder, 1, KEYS)


def test_a_changed_manifest_is_no_seal(evidence: Evidence) -> None:
    sealed(evidence, Outcome.FAILED)
    path = evidence.attempt_folder(1) / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"failed"', b'"passed"'))
    with pytest.raises(EvidenceError, match="was changed after it was signed"):
        evidence.load_seal(1)


@pytest.mark.parametrize(
    "changed",
    [
        {"gate": "another"},
        {"gate_digest": "another"},
        {"execution_id": "1"},
        {"candidate_digest": "another"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_signed_manifest_that_contradicts_its_files_is_no_seal(
    evidence: Evidence, changed: dict[str, str]
) -> None:
    sealed(evidence)
    resign(evidence, lambda content: content.update(changed))
    with pytest.raises(EvidenceError, match="contradicts the files it seals"):
        evidence.load_seal(1)


@pytest.mark.parametrize(
    "changed", [{"attempt": 2}, {"what": "an answer"}], ids=lambda changed: next(iter(changed))
)
def test_a_signature_for_something_else_is_none_for_this(
    evidence: Evidence, changed: dict[str, object]
) -> None:
    sealed(evidence)
    resign(evidence, lambda content: content.update(changed))
    with pytest.raises(EvidenceError, match="The manifest of attempt 1 is the"):
        evidence.load_seal(1)


def test_a_signed_manifest_that_lacks_a_part_is_no_seal(evidence: Evidence) -> None:
    sealed(evidence)
    resign(evidence, lambda content: content.pop("verdict"))
    with pytest.raises(EvidenceError, match=r"(?s)The manifest of attempt 1 is corrupt: .*verdict"):
        evidence.load_seal(1)


def test_an_attempt_copied_under_another_number_is_no_seal(evidence: Evidence) -> None:
    import shutil

    sealed(evidence)
    shutil.copytree(evidence.attempt_folder(1), evidence.attempt_folder(2))
    assert evidence.latest_sealed() == 2
    with pytest.raises(EvidenceError, match=r"The manifest of attempt 2 is the seal of a verdict, attempt 1"):
        evidence.load_seal(2)


@pytest.mark.parametrize("name", ["sites/wknd/page.png", "results/key_pages.json"])
def test_every_file_is_covered_however_deep_it_lies(evidence: Evidence, name: str) -> None:
    sealed(evidence)
    (evidence.attempt_folder(1) / name).unlink()
    with pytest.raises(EvidenceError, match=f"{name} of attempt 1 is missing"):
        evidence.load_seal(1)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a team's own kinds, whose code counts too."""
    folder = tmp_path / "own_kinds"
    folder.mkdir()
    (folder / "stores.py").write_text("A = 1\n")
    monkeypatch.setenv(FOLDERS_VARIABLE, f"{os.pathsep}{folder}{os.pathsep}")
    code_digests.cache_clear()
    return folder


def test_the_code_that_judges_is_that_of_three_packages_and_of_a_team_s_own_kinds(code: Path) -> None:
    digests = code_digests()
    assert digests.keys() == {"adobe_cloud_manager", "aem_checks", "stage_gate", "kinds in own_kinds"}
    assert len(set(digests.values())) == 4
    nothing = hashlib.sha256().hexdigest()
    assert nothing not in digests.values(), "each has files"
    assert code_digests() is digests, "read once in a process"


@pytest.mark.parametrize(
    ("name", "text"), [("stores.py", "A = 2\n"), ("other.py", "A = 1\n"), ("stores.py", "A = 1\n\n")]
)
def test_a_change_of_any_file_of_code_shows(code: Path, name: str, text: str) -> None:
    before = code_digests()
    (code / "stores.py").rename(code / name)
    (code / name).write_text(text)
    code_digests.cache_clear()
    after = code_digests()
    assert [each for each in before if before[each] != after[each]] == ["kinds in own_kinds"]


def test_what_is_no_code_does_not(code: Path) -> None:
    before = code_digests()
    (code / "notes.txt").write_text("a thing to remember")
    code_digests.cache_clear()
    assert code_digests() == before


def test_a_sealed_folder_is_only_read(tmp_path: Path) -> None:
    folder = SealedFolder(tmp_path, {}) / "sites" / "wknd"
    for write in (lambda: folder.mkdir(parents=True), lambda: folder.write_bytes(b"x")):
        with pytest.raises(EvidenceError) as refused:
            write()
        assert str(refused.value) == f"{folder} is sealed and can't be written to."
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def kept(tmp_path: Path) -> SealedFolder:
    """Two files that were sealed, one that was added later, one that is gone, one that was changed."""
    root = tmp_path / "attempt-1"
    (root / "sites" / "a b").mkdir(parents=True)
    for name in ("plan.json", "sites/a b/one.txt", "sites/changed.txt", "sites/added.txt"):
        (root / name).write_text(name)
    written = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("plan.json", "sites/a b/one.txt")}
    return SealedFolder(root, {**written, "sites/changed.txt": "0" * 64, "sites/gone.txt": "0" * 64})


def test_a_sealed_folder_has_what_was_sealed_and_nothing_else(kept: SealedFolder) -> None:
    assert [each.name for each in kept.iterdir()] == ["plan.json", "sites"]
    assert [each.name for each in (kept / "sites").iterdir()] == ["a b", "changed.txt", "gone.txt"]
    found = {
        name: (kept / "sites" / name).exists()
        for name in ("a b", "changed.txt", "gone.txt", "added.txt", "x")
    }
    assert found == {"a b": True, "changed.txt": True, "gone.txt": True, "added.txt": False, "x": False}
    assert (kept.exists(), (kept / "sit").exists()) == (True, False)
    assert not SealedFolder(kept.root, {}).exists()


def test_a_sealed_folder_is_called_as_it_is_in_the_store(kept: SealedFolder) -> None:
    inside = kept / "sites" / "a b"
    assert (kept.name, inside.name, inside.place) == ("attempt-1", "a b", "sites/a b")
    assert (str(kept), str(inside)) == (str(kept.root), f"{kept.root}/sites/a b")


def test_a_sealed_file_is_read_as_it_was_sealed_or_not_at_all(kept: SealedFolder) -> None:
    assert (kept / "sites" / "a b" / "one.txt").read_bytes() == b"sites/a b/one.txt"
    with pytest.raises(FileNotFoundError) as added:
        (kept / "sites" / "added.txt").read_bytes()
    assert added.value.args == (errno.ENOENT, "it is not among the sealed files")
    assert added.value.filename == f"{kept.root}/sites/added.txt"
    with pytest.raises(EvidenceError) as changed:
        (kept / "sites" / "changed.txt").read_bytes()
    assert str(changed.value) == f"{kept.root}/sites/changed.txt was changed after it was sealed."
    with pytest.raises(EvidenceError, match="can't be read"):
        (kept / "sites" / "gone.txt").read_bytes()


def test_a_name_that_leads_nowhere_is_no_folder_and_says_so(tmp_path: Path) -> None:
    link = tmp_path / "store"
    link.symlink_to(tmp_path / "lost")
    with pytest.raises(NotADirectoryError) as lost:
        make_folder(link)
    assert lost.value.args == (errno.ENOTDIR, "it is no folder; is what it leads to mounted?")
    assert lost.value.filename == str(link)
