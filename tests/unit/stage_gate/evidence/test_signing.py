"""A signature is worth something with a trusted key only, and nothing once a byte of what it covers changed."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import (
    NO_KEYS,
    Keys,
    Signature,
    key_id,
    new_private_key,
    open_signed,
    public_key,
    read_key,
    sign,
)
from unit.stage_gate.release import KEYS

assert KEYS.private is not None
PUBLIC = public_key(KEYS.private)
READERS = Keys(trusted=(PUBLIC,))
OTHER = Keys(read_key(new_private_key()))
CONTENT = {"what": "seal of a verdict", "outcome": "failed", "files": {"plan.json": "ab"}}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_what_was_signed_is_trusted_by_those_who_know_the_key() -> None:
    text = sign(CONTENT, KEYS)
    for keys in (KEYS, READERS, Keys(OTHER.private, (PUBLIC,))):
        opened = open_signed(text, keys, "It")
        assert (opened.content, opened.signature, opened.key) == (CONTENT, Signature.TRUSTED, key_id(PUBLIC))


@pytest.mark.parametrize("keys", [NO_KEYS, OTHER], ids=["none", "another"])
def test_a_key_that_is_not_trusted_here_signs_nothing(keys: Keys) -> None:
    opened = open_signed(sign(CONTENT, KEYS), keys, "It")
    assert (opened.signature, opened.key) == (Signature.STRANGE, key_id(PUBLIC))


def test_where_trusted_keys_are_named_an_own_key_has_to_be_among_them() -> None:
    """Who replaces the connection with the private key gains no trust."""
    replaced = Keys(OTHER.private, (PUBLIC,))
    assert open_signed(sign(CONTENT, replaced), replaced, "It").signature is Signature.STRANGE


def test_without_a_key_it_is_written_and_read_as_unsigned() -> None:
    opened = open_signed(sign(CONTENT, NO_KEYS), KEYS, "It")
    assert (opened.content, opened.signature, opened.key) == (CONTENT, Signature.ABSENT, "")


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text(), values), st.text(min_size=1), values)
def test_any_change_of_what_is_signed_is_noticed(content: dict[str, object], key: str, value: object) -> None:
    envelope = json.loads(sign(content, KEYS))
    envelope["signed"][key] = value
    text = json.dumps(envelope).encode()
    if json.loads(text)["signed"] == json.loads(json.dumps(content)):
        assert open_signed(text, READERS, "It").signature is Signature.TRUSTED
        return
    with pytest.raises(EvidenceError, match="It was changed after it was signed"):
        open_signed(text, READERS, "It")


LONG_AGO = """{
 "signed": {
  "what": "seal of a verdict",
  "where": "Z\\u00fcrich",
  "files": {
   "plan.json": "ab"
  },
  "counts": [
   1,
   2
  ]
 },
 "key": "56475aa75463474c",
 "signature": "ObH7qzdEzMNuG1DpfaQzpLvI+jQQGQrrQMuT9Vpx6yhi7HqBnXRW3F29ZMHpUOVD9TkFkmlTXJEa3c7UVdc1AQ=="
}"""


def test_evidence_of_years_ago_stays_verifiable_and_is_written_in_the_same_way_today() -> None:
    long_ago = Keys(bytes(range(32)))
    opened = open_signed(LONG_AGO.encode(), long_ago, "It")
    assert (opened.signature, opened.key) == (Signature.TRUSTED, "56475aa75463474c")
    assert opened.content["where"] == "Zürich"
    assert sign(opened.content, long_ago).decode() == LONG_AGO


@pytest.mark.parametrize(
    ("keys", "believes_itself"),
    [
        (NO_KEYS, False),
        (OTHER, True),
        (Keys(OTHER.private, (PUBLIC,)), False),
        (Keys(KEYS.private, (PUBLIC,)), True),
    ],
    ids=["no key", "its own", "others are named", "its own is named"],
)
def test_who_believes_what_it_signs_itself(keys: Keys, believes_itself: bool) -> None:
    assert keys.can_sign_for_itself is believes_itself
    assert keys.can_sign is (keys is not NO_KEYS)
    assert READERS.can_sign is READERS.can_sign_for_itself is False


def test_how_the_json_is_written_changes_nothing() -> None:
    envelope = json.loads(sign(CONTENT, KEYS))
    turned = {**envelope, "signed": dict(reversed(envelope["signed"].items()))}
    assert open_signed(json.dumps(turned, indent=7).encode(), READERS, "It").signature is Signature.TRUSTED


def test_a_signature_under_the_name_of_another_key_is_refused() -> None:
    envelope = json.loads(sign(CONTENT, OTHER)) | {"key": key_id(PUBLIC)}
    with pytest.raises(EvidenceError, match="never signed by that key"):
        open_signed(json.dumps(envelope).encode(), READERS, "It")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'"signed"',
        b'{"signed": []}',
        b'{"signed": {}, "key": 1}',
        b'{"signed": {"key": 1}, "key": "a", "signature": {}}',
        b'{"signed": {}, "signature": "?"}',
        b'{"signed": {}, "signature": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=[
        "empty",
        "list",
        "no content",
        "text",
        "list inside",
        "key",
        "object",
        "base64",
        "number",
        "deep",
        "not UTF-8",
    ],
)
def test_what_is_no_signed_file_is_corrupt_and_never_a_crash(text: bytes) -> None:
    with pytest.raises(EvidenceError, match=r"It is corrupt: .*\(.+\)"):
        open_signed(text, KEYS, "It")


@pytest.mark.parametrize("text", [b'{"signed": []}', b'{"signed": {}, "key": 1}'])
def test_parts_of_the_wrong_type_are_said_to_be_that(text: bytes) -> None:
    with pytest.raises(EvidenceError, match="its parts have the wrong types"):
        open_signed(text, KEYS, "It")


def test_a_signature_that_names_no_key_is_of_none() -> None:
    opened = open_signed(b'{"signed": {}, "signature": "AAAA"}', KEYS, "It")
    assert (opened.signature, opened.key) == (Signature.STRANGE, "")


def test_how_a_signature_is_told() -> None:
    """In the middle of a sentence: "The seal is …"."""
    assert [str(each) for each in Signature] == ["trusted", "by a key that is not trusted here", "not signed"]


def test_a_signature_of_the_wrong_length_is_refused() -> None:
    envelope = json.loads(sign(CONTENT, KEYS)) | {"signature": base64.b64encode(b"short").decode()}
    with pytest.raises(EvidenceError):
        open_signed(json.dumps(envelope).encode(), READERS, "It")


@pytest.mark.parametrize(
    ("text", "words"),
    [("%%%", "not base64"), ("ü", "not base64"), ("c2VjcmV0", "6 bytes"), ("", "0 bytes")],
    ids=["garbage", "no ASCII", "short", "empty"],
)
def test_what_is_no_key_is_refused_without_being_shown(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        read_key(text)
    assert not text or text not in str(refused.value)


def test_a_private_key_is_never_shown() -> None:
    assert KEYS.private is not None
    assert repr(KEYS.private)[2:-1] not in repr(KEYS)
    assert base64.b64encode(KEYS.private).decode() not in repr(KEYS)


def test_a_key_may_be_wrapped_over_lines() -> None:
    assert KEYS.private is not None
    text = base64.encodebytes(KEYS.private).decode()
    assert read_key(f" {text[:20]}\n{text[20:]}") == KEYS.private
