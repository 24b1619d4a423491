"""Evidence is trusted only as it was sealed, and a claim is taken once."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk import ObjectStoragePath
from pydantic import BaseModel

from aem_checks.outcomes import Outcome
from stage_gate.evidence.claims import Claim, ClaimUnsupported, Rights, Ticket, require_exclusive_create
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.files import (
    EvidenceError,
    driver_of,
    dump,
    exists,
    listed,
    open_store,
    read,
    read_model,
    safe_name,
    write,
)
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import Signature, signed_file
from stage_gate.evidence.store import Evidence
from stage_gate.rules.verdict import judge
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


NAMES = {
    "AZaz09_-.json": "AZaz09_-.json",
    "../../etc/passwd": "_.._etc_passwd",
    ".hidden.": "hidden",
    "X.X": "X.X",
    "a  b": "a_b",
    "key_pages~2": "key_pages_2",
    "größe": "gr_e",
    "..": "_",
    "": "_",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_from_outside_stay_in_the_folder(name: str) -> None:
    assert safe_name(name) == NAMES[name]


class Word(BaseModel):
    text: str


def test_a_model_lies_in_the_evidence_as_json_with_a_line_per_field(tmp_path: Path) -> None:
    assert dump(Word(text="Größe")) == '{\n "text": "Größe"\n}'.encode()
    write(tmp_path / "word.json", dump(Word(text="Größe")))
    assert read_model(tmp_path / "word.json", Word) == Word(text="Größe")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_local_store_is_a_folder_that_nobody_else_may_look_into(tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "var" / "evidence"
    for _ in range(2):
        assert open_store(f"{scheme}{folder}") == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("url", ["{}", "file://{}", "local://{}"])
def test_a_folder_of_this_machine_needs_no_driver_whatever_it_is_called(tmp_path: Path, url: str) -> None:
    assert driver_of(ObjectStoragePath(url.format(tmp_path))) is None
    assert driver_of(tmp_path) is None
    assert driver_of(open_store(f"memory://{tmp_path.name}")) is not None


def long_name(folder: Path) -> Path:
    """One that this machine can't even look for."""
    return folder / ("x" * 300)


def file_in_the_way(folder: Path) -> Path:
    (folder / "file").write_text("no folder")
    return folder / "file"


UNREACHABLE: dict[str, Callable[[Path], object]] = {
    r"/word\.json can't be read: .*No such file": lambda folder: read(folder / "word.json"),
    r"/file/word\.json can't be written: .*it is no folder": lambda folder: write(
        file_in_the_way(folder) / "word.json", b""
    ),
    r"Whether .*/x+ is there can't be told: .*name too long": lambda folder: exists(long_name(folder)),
    r"/file can't be listed: .*Not a directory": lambda folder: listed(file_in_the_way(folder)),
}


@pytest.mark.parametrize("said", UNREACHABLE)
def test_a_store_that_does_not_answer_as_it_should_is_told_and_may_come_back(
    tmp_path: Path, said: str
) -> None:
    with pytest.raises(EvidenceError, match=said) as told:
        UNREACHABLE[said](tmp_path)
    assert told.value.passing is True


def test_what_a_file_says_does_not_pass_by_waiting(tmp_path: Path) -> None:
    (tmp_path / "word.json").write_text('{"word": "x"}')
    with pytest.raises(EvidenceError, match=r"(?s)/word\.json is not a Word: .*text") as told:
        read_model(tmp_path / "word.json", Word)
    assert told.value.passing is False


def test_a_file_is_written_into_folders_that_are_not_there_yet_and_over_what_is(tmp_path: Path) -> None:
    path = tmp_path / "told" / "today" / "word.json"
    for content in (b"first", b"second"):
        write(path, content)
        assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [("word.json", content)]


def test_a_file_is_whole_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "word.json"
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_size, path.exists())))
    write(path, b"whole")
    assert synced == [(5, False)]
    assert path.read_bytes() == b"whole"


def test_what_can_t_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    taken = tmp_path / "word.json"
    taken.mkdir()
    with pytest.raises(EvidenceError, match="can't be written"):
        write(taken, b"x")
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize(
    ("module", "call", "number", "said"),
    [
        (os, "fsync", errno.ENOSPC, "No space left on device"),
        (Path, "open", errno.EMFILE, "Too many open files"),
    ],
)
@pytest.mark.parametrize("put", [write, create_exclusively])
def test_a_disk_that_fails_says_why_and_nothing_half_written_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    call: str,
    number: int,
    said: str,
    put: Callable[[Path, bytes], None],
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(module, call, fails)
        with pytest.raises((EvidenceError, OSError), match=said):
            put(tmp_path / "word.json", b"word")
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize("kind", [Claim, Ticket])
def test_claims_and_tickets_lie_where_every_gate_and_version_looks_for_them(
    tmp_path: Path, kind: type[Claim]
) -> None:
    record = kind(**dict(claim()))
    assert rights(tmp_path).take(record) is None
    folder = {Claim: "claims", Ticket: "tickets"}[kind]
    path = tmp_path / folder / "program-12345-pipeline-678901-execution-2345678.json"
    assert rights(tmp_path).place(kind) == path
    signed = json.loads(path.read_bytes())["signed"]
    assert {**signed, "record": kind.model_validate(signed["record"])} == {
        "what": kind.__name__,
        "gate": "",
        "execution_id": "2345678",
        "record": record,
    }
    assert rights(tmp_path).may_have_sent is (kind is Ticket)
    assert rights(tmp_path).held(Claim if kind is Ticket else Ticket) is None


def test_what_was_signed_for_a_gate_is_no_claim(tmp_path: Path) -> None:
    path = rights(tmp_path).place(Claim)
    write(path, signed_file(claim(), "wknd", "2345678", KEYS))
    with pytest.raises(EvidenceError, match=r"was written for gate wknd .*somebody put it here"):
        rights(tmp_path).held(Claim)


def test_no_claim_is_taken_in_a_store_where_two_could_take_it(tmp_path: Path) -> None:
    with pytest.raises(ClaimUnsupported, match=r"The evidence store memory:.* two runs could both act"):
        rights(open_store(f"memory://{tmp_path.name}")).take(claim())


def test_no_two_claims_are_alike_and_none_is_known_to_wait_for_a_ticket_unless_it_says_so() -> None:
    """What is alike would be taken for one's own where the store's answer was lost."""
    assert claim().word != claim().word
    assert claim().sends_with_ticket is False


TRUSTED = {"signature": Signature.TRUSTED}


@pytest.mark.parametrize(
    ("kind", "was"), [(Claim, "claimed for this step"), (Ticket, "sent, or about to be,")]
)
def test_a_claim_says_who_took_it_when_and_whether_that_is_believed(kind: type[Claim], was: str) -> None:
    taken = kind(**dict(claim()))
    told = (
        f"approve was {was} at 2026-11-02 10:00:00 UTC by run execution-2345678 of stage_gate.wknd; "
        "an act is sent once and never again."
    )
    assert str(taken.model_copy(update=TRUSTED)) == told
    assert str(taken) == f"{told} That file is not signed: find out who could write it."


@pytest.mark.parametrize(
    ("changed", "asked", "is_its_own"),
    [
        ({}, ("stage_gate.wknd", "execution-2345678"), True),
        ({}, ("stage_gate.us", "execution-2345678"), False),
        ({}, ("stage_gate.wknd", "execution-7"), False),
        ({"sends_with_ticket": False}, ("stage_gate.wknd", "execution-2345678"), False),
        ({"signature": Signature.ABSENT}, ("stage_gate.wknd", "execution-2345678"), False),
        ({"signature": Signature.ABSENT}, ("stage_gate.us", "execution-2345678"), False),
    ],
)
def test_only_the_run_that_took_a_claim_goes_on_with_it(
    changed: dict[str, object], asked: tuple[str, str], is_its_own: bool
) -> None:
    taken = claim().model_copy(update={**TRUSTED, "sends_with_ticket": True, **changed})
    assert taken.is_of(*asked) is is_its_own


@pytest.mark.parametrize(
    ("signature", "asked", "is_for_it"),
    [
        (Signature.TRUSTED, ("approved", "seal", "2345678"), True),
        (Signature.TRUSTED, ("overridden", "seal", "2345678"), False),
        (Signature.TRUSTED, ("approved", "another seal", "2345678"), False),
        (Signature.TRUSTED, ("approved", "seal", "7"), False),
        (Signature.STRANGE, ("approved", "seal", "2345678"), False),
        (Signature.STRANGE, ("overridden", "seal", "2345678"), False),
    ],
)
def test_a_ticket_is_for_one_act_on_one_seal(
    signature: Signature, asked: tuple[str, str, str], is_for_it: bool
) -> None:
    ticket = Ticket(**dict(claim())).model_copy(update={"signature": signature})
    assert ticket.is_for(*asked) is is_for_it


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
