"""Whose word is a signed record, what is it about, and which one stands where two are written?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stage_gate.evidence import signing as signed
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import (
    NO_KEYS,
    Keys,
    Signature,
    SignedRecord,
    is_believed,
    keep_first,
    new_private_key,
    read_key,
    read_signed,
    signed_file,
)
from unit.stage_gate.release import KEYS

STRANGER = Keys(read_key(new_private_key()))


class Note(SignedRecord):
    text: str


class Other(SignedRecord):
    text: str


NOTE = Note(text="It rains.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes" / "note.json"


def put(
    path: Path, record: SignedRecord = NOTE, keys: Keys = KEYS, gate: str = "wknd", execution: str = "7"
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(signed_file(record, gate, execution, keys))


def read(path: Path, gate: str | None = "wknd", execution: str | None = "7") -> Note:
    return read_signed(path, Note, KEYS, gate, execution)


def keep(path: Path, text: str, is_meant: Callable[[Note], bool] = lambda known: True) -> Note:
    return keep_first(path, Note(text=text), KEYS, "wknd", "7", is_meant)


@pytest.mark.parametrize("about", [("wknd", "7"), (None, "7"), ("wknd", None), (None, None)])
def test_a_record_is_read_as_it_was_written_and_says_what_its_signature_is_worth(
    path: Path, about: tuple[str | None, str | None]
) -> None:
    put(path)
    found = read(path, *about)
    assert (found.text, found.signature, found.is_trusted) == ("It rains.", Signature.TRUSTED, True)


def test_what_a_signature_is_worth_is_never_part_of_what_is_signed(path: Path) -> None:
    put(path, NOTE.model_copy(update={"signature": Signature.TRUSTED}), NO_KEYS)
    content = json.loads(path.read_bytes())["signed"]
    assert content == {"what": "Note", "gate": "wknd", "execution_id": "7", "record": {"text": "It rains."}}
    assert read(path).signature is Signature.ABSENT
    assert Note.model_config["extra"] == "forbid"
    assert Note.model_config["frozen"]


@pytest.mark.parametrize("about", [("us", "7"), ("wknd", "8"), ("us", None), (None, "8")])
def test_a_record_about_another_gate_or_execution_is_refused(
    path: Path, about: tuple[str | None, str | None]
) -> None:
    put(path)
    asked = f"not for gate {about[0]} and execution {about[1]}: somebody put it here"
    with pytest.raises(EvidenceError, match=f"was written for gate wknd and execution 7, {asked}"):
        read(path, *about)


def test_a_record_of_another_kind_stands_in_for_none_though_it_has_the_same_fields(path: Path) -> None:
    put(path, Other(text="It rains."))
    with pytest.raises(EvidenceError, match=r"note.json is no Note\.$"):
        read(path)


@pytest.mark.parametrize("missing", ["what", "gate", "execution_id", "record"])
def test_a_record_that_lacks_a_part_is_none(path: Path, missing: str) -> None:
    put(path, keys=NO_KEYS)
    document = json.loads(path.read_bytes())
    del document["signed"][missing]
    path.write_text(json.dumps(document))
    with pytest.raises(EvidenceError, match=f"note.json is no Note: '{missing}'"):
        read(path)


def test_a_record_with_another_field_is_none(path: Path) -> None:
    put(path, keys=NO_KEYS)
    path.write_text(path.read_text().replace('"text"', '"word"'))
    with pytest.raises(EvidenceError, match=r"(?s)note.json is no Note: .*word"):
        read(path)


def test_a_file_that_is_none_is_told_by_its_name(path: Path) -> None:
    put(path)
    path.write_text("no record")
    with pytest.raises(EvidenceError, match=r"note.json is corrupt"):
        read(path)


@pytest.mark.parametrize(
    ("keys", "believed"),
    [(KEYS, True), (NO_KEYS, True), (STRANGER, False)],
    ids=["its key is trusted", "no key is known", "another key is trusted"],
)
def test_who_is_believed(path: Path, keys: Keys, believed: bool) -> None:
    put(path)
    assert is_believed(read_signed(path, Note, keys, "wknd", "7"), keys) is believed


def test_the_first_record_stands(path: Path) -> None:
    assert keep(path, "first").text == "first"
    assert keep(path, "second").text == "first"
    assert keep(path, "second").is_trusted


def test_one_that_is_not_meant_is_replaced(path: Path) -> None:
    keep(path, "first")
    assert keep(path, "second", lambda known: known.text != "first").text == "second"


def foreign(path: Path) -> None:
    put(path, gate="us")


def of_another_execution(path: Path) -> None:
    put(path, execution="8")


def of_a_stranger(path: Path) -> None:
    put(path, keys=STRANGER)


def unsigned(path: Path) -> None:
    put(path, keys=NO_KEYS)


def broken(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("no record")


@pytest.mark.parametrize("plant", [foreign, of_another_execution, of_a_stranger, unsigned, broken])
def test_what_somebody_without_a_key_put_there_is_replaced(path: Path, plant: Callable[[Path], None]) -> None:
    plant(path)
    kept = keep(path, "mine")
    assert (kept.text, kept.is_trusted) == ("mine", True)


@pytest.mark.parametrize("ids", [("us", "7"), ("wknd", "8")])
def test_what_is_kept_is_read_back_as_what_it_is_about(
    path: Path, monkeypatch: pytest.MonkeyPatch, ids: tuple[str, str]
) -> None:
    """Whatever comes between writing and reading: a record of somebody else is never returned."""
    monkeypatch.setattr(
        signed, "create_exclusively", lambda path, content: put(path, gate=ids[0], execution=ids[1])
    )
    with pytest.raises(EvidenceError, match="somebody put it here"):
        keep(path, "mine")


def test_a_store_that_takes_nothing_is_told_and_may_come_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(signed, "create_exclusively", full)
    with pytest.raises(EvidenceError, match=r"note.json can't be written: .*No space left") as refused:
        keep(path, "mine")
    assert refused.value.passing
