"""Evidence is trusted only as it was sealed, and a claim is taken once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.claims import Claim, ClaimUnsupported, Rights, Ticket, require_exclusive_create
from stage_gate.evidence import Evidence
from stage_gate.files import EvidenceError, open_store, safe_name
from stage_gate.seal import Sealed
from stage_gate.verdict import judge
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, plan, planned, recorded, result

PLAN = plan(planned("key_pages"))


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path, "wknd", "2345678")


def sealed(evidence: Evidence, outcome: Outcome = Outcome.PASSED) -> Sealed:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages", outcome)))
    return evidence.seal(attempt, judge)


def test_a_seal_is_read_back_with_everything_in_it(evidence: Evidence) -> None:
    seal = sealed(evidence)
    assert seal.verdict.outcome is Outcome.PASSED
    assert (seal.plan, seal.candidate) == (PLAN, CANDIDATE)
    assert seal.recorded == (recorded(result("key_pages")),)
    assert evidence.latest_sealed() == 1


def test_sealing_again_changes_nothing(evidence: Evidence) -> None:
    first = sealed(evidence)
    again = evidence.seal(1, lambda *_: judge(PLAN, CANDIDATE, []))
    assert again == first


@pytest.mark.parametrize("name", ["plan.json", "candidate.json", "results/key_pages.json"])
def test_a_sealed_file_that_was_changed_is_noticed(evidence: Evidence, name: str) -> None:
    sealed(evidence, Outcome.FAILED)
    path = evidence.attempt_folder(1) / name
    path.write_bytes(path.read_bytes().replace(b"failed", b"passed") + b" ")
    with pytest.raises(EvidenceError, match=f"{name} of attempt 1 was changed"):
        evidence.load_seal(1)


def test_a_sealed_file_that_is_gone_or_new_is_noticed(evidence: Evidence) -> None:
    sealed(evidence)
    folder = evidence.attempt_folder(1)
    (folder / "results" / "another.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"results/another\.json of attempt 1 was added"):
        evidence.load_seal(1)
    (folder / "results" / "another.json").unlink()
    (folder / "results" / "key_pages.json").unlink()
    with pytest.raises(EvidenceError, match="is missing"):
        evidence.load_seal(1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"attempt": 2, "files": {}}', '{"attempt": 1, "files": []}']
)
def test_a_corrupt_manifest_is_no_seal(evidence: Evidence, text: str) -> None:
    sealed(evidence)
    (evidence.attempt_folder(1) / "manifest.json").write_text(text)
    with pytest.raises(EvidenceError, match="manifest"):
        evidence.load_seal(1)


def test_results_cannot_be_added_to_a_sealed_attempt(evidence: Evidence) -> None:
    sealed(evidence)
    with pytest.raises(EvidenceError, match="clear settle_stage"):
        evidence.open_attempt()


def test_a_retest_is_a_numbered_attempt_and_takes_the_old_seal_away(evidence: Evidence) -> None:
    sealed(evidence)
    assert evidence.begin_attempt(PLAN, CANDIDATE) == 2
    assert evidence.latest_sealed() == 0
    assert evidence.is_sealed(1)


def test_an_unreadable_result_is_an_error_and_not_a_missing_one(evidence: Evidence) -> None:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded()).write_text('{"half": ')
    with pytest.raises(EvidenceError):
        evidence.read_results(attempt)


def test_names_from_outside_stay_in_the_folder() -> None:
    assert safe_name("../../etc/passwd") == "_.._etc_passwd"
    assert safe_name("..") == "_"


def claim(run_id: str = "execution-2345678") -> Claim:
    return Claim(
        act="approve",
        decision="approved",
        program_id="12345",
        pipeline_id="678901",
        execution_id="2345678",
        step_id="90039",
        seal_digest="seal",
        dag_id="stage_gate.wknd",
        run_id=run_id,
        at=NOW,
    )


def rights(store: Path) -> Rights:
    return Rights(store, "12345", "678901", "2345678", KEYS)


@pytest.mark.parametrize("kind", [Claim, Ticket])
def test_of_many_who_take_it_at_once_one_gets_it(tmp_path: Path, kind: type[Claim]) -> None:
    start = threading.Barrier(16)
    got: list[str] = []

    def race(name: str) -> None:
        start.wait()
        if rights(tmp_path).take(kind(**dict(claim(name)))) is None:
            got.append(name)

    threads = [threading.Thread(target=race, args=(f"run {n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    held = rights(tmp_path).held(kind)
    assert held is not None
    assert held.run_id == got[0]


def test_approve_and_reject_of_one_step_share_one_claim(tmp_path: Path) -> None:
    assert rights(tmp_path).take(claim()) is None
    taken = rights(tmp_path).take(claim().model_copy(update={"act": "reject"}))
    assert str(taken).startswith("approve was claimed for this step")


def test_a_store_that_cannot_create_exclusively_is_refused() -> None:
    store = open_store("memory://evidence")
    with pytest.raises(ClaimUnsupported, match="mode: shadow"):
        require_exclusive_create(store)


def test_evidence_works_on_an_object_store(tmp_path: Path) -> None:
    store = open_store(f"memory://{tmp_path.name}")
    evidence = Evidence(store, "wknd", "2345678")
    assert sealed(evidence).verdict.outcome is Outcome.PASSED
    assert Evidence(store, "wknd", "2345678").load_seal(1).candidate == CANDIDATE


def test_an_attempt_that_has_results_is_never_begun_again(evidence: Evidence) -> None:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages", Outcome.FAILED)))
    assert evidence.begin_attempt(PLAN, CANDIDATE) == attempt + 1


def test_what_a_killed_worker_left_half_written_is_no_result(evidence: Evidence) -> None:
    attempt = evidence.begin_attempt(PLAN, CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages")))
    (evidence.attempt_folder(attempt) / "results" / ".key_pages.json.4711.partial").write_bytes(b'{"half')
    assert len(evidence.read_results(attempt)) == 1
