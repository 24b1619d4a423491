"""Is a delivery accepted exactly when Adobe signed these bytes?"""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adobe_cloud_manager.events.signature import MissingSignature, Signatures, hmac_is_valid, is_key_path
from unit.adobe_cloud_manager.events.deliveries import PATHS, body, headers, outer, private_key

BODY = body(outer())
KEYS = {PATHS[0]: private_key(0).public_key(), PATHS[1]: private_key(1).public_key()}


def test_what_both_keys_signed_is_valid() -> None:
    signatures = Signatures.of(headers(BODY))
    assert signatures.key_paths == PATHS
    assert signatures.is_valid(BODY, KEYS)


@pytest.mark.parametrize("forged", [{"first": 2}, {"second": 2}])
def test_either_of_the_two_signatures_is_enough(forged: dict[str, int]) -> None:
    assert Signatures.of(headers(BODY, **forged)).is_valid(BODY, KEYS)


@pytest.mark.parametrize("path", PATHS)
def test_one_key_at_hand_is_enough(path: str) -> None:
    assert Signatures.of(headers(BODY)).is_valid(BODY, {path: KEYS[path]})


def test_other_keys_prove_nothing() -> None:
    signatures = Signatures.of(headers(BODY, first=2, second=3))
    assert not signatures.is_valid(BODY, KEYS)
    assert not Signatures.of(headers(BODY)).is_valid(BODY, {})
    swapped = {PATHS[0]: KEYS[PATHS[1]], PATHS[1]: KEYS[PATHS[0]]}
    assert not Signatures.of(headers(BODY)).is_valid(BODY, swapped)


@pytest.mark.parametrize("other", [BODY + b" ", BODY[:-1], b"", BODY.replace(b"3", b"4", 1)])
def test_a_signature_is_one_of_the_raw_bytes_and_of_no_others(other: bytes) -> None:
    assert not Signatures.of(headers(BODY)).is_valid(other, KEYS)


@pytest.mark.parametrize(
    "missing",
    [
        ("X-Adobe-Digital-Signature-1", "x-adobe-digital-signature-2"),
        ("x-adobe-public-key1-path", "x-adobe-public-key2-path"),
        ("X-Adobe-Digital-Signature-1", "x-adobe-public-key2-path"),
    ],
)
def test_without_a_complete_pair_there_is_no_signature(missing: tuple[str, str]) -> None:
    with pytest.raises(MissingSignature, match="holds no digital signature"):
        Signatures.of({name: value for name, value in headers(BODY).items() if name not in missing})


def _alone(signature: str) -> dict[str, str]:
    return {"x-adobe-digital-signature-1": signature, "x-adobe-public-key1-path": PATHS[0]}


def test_a_signature_that_is_longer_than_any_of_adobes_counts_as_absent() -> None:
    longest = base64.b64encode(b"x" * 1536).decode()
    assert len(longest) == 2048
    assert Signatures.of(_alone(longest)).pairs == ((PATHS[0], b"x" * 1536),)
    with pytest.raises(MissingSignature):
        Signatures.of(_alone(f"AAAA{longest}"))


@pytest.mark.parametrize("more", ["!", " ", "\n", "é", "="])
def test_a_true_signature_that_is_not_plain_base64_counts_as_absent(more: str) -> None:
    true = headers(BODY)["X-Adobe-Digital-Signature-1"]
    assert Signatures.of(_alone(true)).is_valid(BODY, KEYS)
    with pytest.raises(MissingSignature):
        Signatures.of(_alone(f"{true[:8]}{more}{true[8:]}"))


def test_a_signature_is_never_shown() -> None:
    assert repr(Signatures.of(headers(BODY))) == "Signatures()"


def test_one_complete_pair_is_enough() -> None:
    one = {name: value for name, value in headers(BODY).items() if "2" not in name}
    assert Signatures.of(one).is_valid(BODY, KEYS)


@pytest.mark.parametrize(
    "uuid", ["0c1de3a8-4f0e-4c4d-9d0e-2f4f4a7c9b55", "0C1DE3A8-4F0E-4C4D-9D0E-2F4F4A7C9B55"]
)
def test_a_key_may_be_named_in_capitals_or_small_letters(uuid: str) -> None:
    assert is_key_path(f"/prod/keys/pub-key-{uuid}.pem")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "@evil.example/prod/keys/pub-key-1.pem",
        "//evil.example/prod/keys/pub-key-1.pem",
        "https://evil.example/prod/keys/pub-key-1.pem",
        "/prod/keys/../../pub-key-1.pem",
        "/prod/keys/pub-key-../1.pem",
        "/prod/keys/pub-key-1.pem?x",
        "/prod/keys/pub-key-1.pem\n",
        "/prod/keys/pub-key-1_pem",
        "/prod/keys/pub-key-.pem",
        "/prod/keys/pub-key-%2e%2e.pem",
        "/PROD/keys/pub-key-1.pem",
        f"/prod/keys/pub-key-{'1' * 101}.pem",
    ],
)
def test_a_key_path_of_another_form_counts_as_absent(path: str) -> None:
    assert not is_key_path(path)
    with pytest.raises(MissingSignature):
        Signatures.of(headers(BODY) | {"x-adobe-public-key1-path": path, "x-adobe-public-key2-path": path})
    half = Signatures.of(headers(BODY) | {"x-adobe-public-key1-path": path})
    assert half.key_paths == (PATHS[1],)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_raises_anything_but_missing(signature: str, path: str) -> None:
    names = {"x-adobe-digital-signature-1": signature, "x-adobe-public-key1-path": path or PATHS[0]}
    try:
        assert not Signatures.of(names).is_valid(BODY, KEYS)
    except MissingSignature:
        return


@given(st.binary(min_size=1, max_size=300))
def test_no_made_up_signature_is_valid(value: bytes) -> None:
    made_up = {
        "x-adobe-digital-signature-1": base64.b64encode(value).decode(),
        "x-adobe-public-key1-path": PATHS[0],
    }
    assert not Signatures.of(made_up).is_valid(BODY, KEYS)


def test_the_hmac_agrees_with_adobes_old_vector() -> None:
    known = "DmnMCtjpsHgz6vZAah8+EzUVnoECjM1nZ1zw34jJX4o="
    assert hmac_is_valid(b"valid-string", known, "confidential")
    assert not hmac_is_valid(b"valid-strinh", known, "confidential")
    assert not hmac_is_valid(b"valid-string", known, "confidentiaL")


@given(st.text(max_size=60))
@example("\ud800")
def test_no_other_text_is_that_hmac(header: str) -> None:
    assert not hmac_is_valid(b"valid-string", header, "confidential")


def test_an_empty_secret_validates_nothing() -> None:
    import hashlib
    import hmac as hmac_module

    by_nothing = base64.b64encode(hmac_module.digest(b"", b"x", hashlib.sha256)).decode()
    assert not hmac_is_valid(b"x", by_nothing, "")
