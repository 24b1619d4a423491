"""Credentials, token requests and the token cache."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.auth import SCOPES, ClientCredential, ServiceCredentials, TokenRequest, parse_token
from adobe_cloud_manager.exceptions import (
    CloudManagerError,
    CredentialError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from adobe_cloud_manager.hooks.token_fetch import author_token
from adobe_cloud_manager.tokens import Token, TokenCache
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.local_server import reply

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
IMS = "https://ims-na1.adobelogin.com"
ORG = {"org_id": "0123456789ABCDEF01234567@AdobeOrg"}
REQUEST = TokenRequest(f"{IMS}/ims/token/v3", {"client_secret": "p8e-hidden"}, "the credential")


def credential(**extra: Any) -> ClientCredential:
    return ClientCredential.from_connection("cm", "client", "p8e-hidden", json.dumps(ORG | extra))


def issued(seconds: object, status: int = 200) -> Token:
    body = json.dumps({"access_token": "tok-hidden", "expires_in": seconds}).encode()
    return parse_token(Answer(status, {}, body), REQUEST, NOW)


@cache
def key_pair() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(days: float) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key_pair().public_key(), 1)
    made = builder.not_valid_before(NOW - timedelta(days=400)).not_valid_after(NOW + timedelta(days=days))
    return made.sign(key_pair(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def private_key() -> str:
    pem = key_pair().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode().replace("\n", "\r\n")


def document(days: float = 200, **changes: Any) -> dict[str, Any]:
    """Service credentials in the shape of the AEM Developer Console's."""
    integration = {
        "imsEndpoint": "ims-na1.adobelogin.com",
        "metascopes": "ent_aem_cloud_api,ent_other",
        "technicalAccount": {"clientId": "cm-p1-e2-integration-0", "clientSecret": "p8e-author"},
        "email": "a@techacct.adobe.com",
        "id": "0000AA@techacct.adobe.com",
        "org": ORG["org_id"],
        "privateKey": private_key(),
        "publicKey": certificate(days),
    }
    return {"ok": True, "integration": integration | changes, "statusCode": 200}


def test_a_connection_becomes_the_form_that_ims_wants() -> None:
    request = credential().token_request(IMS, NOW)
    assert request.url == f"{IMS}/ims/token/v3"
    assert dict(request.form) == {
        "client_id": "client",
        "client_secret": "p8e-hidden",
        "grant_type": "client_credentials",
        "scope": ",".join(SCOPES),
    }


def test_no_secret_is_in_any_representation() -> None:
    service = ServiceCredentials.parse(document())
    shown = [credential(), credential().token_request(IMS, NOW), credential().key(IMS), issued(60), service]
    shown += [service.token_request(IMS, NOW), service.key(IMS)]
    text = " ".join(map(repr, shown)) + " ".join(map(str, shown))
    for secret in ("p8e-hidden", "tok-hidden", "p8e-author", "BEGIN", "eyJ"):
        assert secret not in text


@pytest.mark.parametrize(
    ("login", "password", "extra", "named"),
    [
        (None, "s", json.dumps(ORG), "client id"),
        ("  ", "s", json.dumps(ORG), "client id"),
        ("c", None, json.dumps(ORG), "client secret"),
        ("c", "s", None, "org_id"),
        ("c", "s", "{}", "org_id"),
        ("c", "s", '{"org_id": "0123"}', "org_id"),
        ("c", "s", '{"org_id": "a@AdobeOrg\\r\\nx: y"}', "org_id"),
        ("c\r\nX-Evil: 1", "s", json.dumps(ORG), "client id"),
        ("c", "s", "no json", "not a JSON object"),
        ("c", "s", "[1]", "not a JSON object"),
        ("c", "s", json.dumps(ORG | {"scopes": 3}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": ["ok", 3]}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": "['openid', 'AdobeID']"}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": '["openid", "AdobeID"'}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": '["openid", ["AdobeID"]]'}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": '{"openid": 1}'}), "scopes"),
        ("c", "s", json.dumps(ORG | {"scopes": ['"openid"']}), "scopes"),
        ('"c"', "s", json.dumps(ORG), "client id .* quotation marks .* remove them"),
        ("c", '"p8e-s"', json.dumps(ORG), "client secret .* quotation marks .* remove them"),
        ("c", "'p8e-s'", json.dumps(ORG), "client secret .* quotation marks .* remove them"),
        ("c", '"p8e-s",', json.dumps(ORG), "client secret .* quotation marks .* remove them"),
        ("c", "p8e-s,", json.dumps(ORG), "client secret .* quotation marks .* remove them"),
        ("c", "s", json.dumps({"org_id": f'"{ORG["org_id"]}"'}), "org_id.* quotation marks .* remove them"),
    ],
)
def test_a_connection_that_cannot_work_says_which_field_is_wrong(
    login: str | None, password: str | None, extra: str | None, named: str
) -> None:
    with pytest.raises(CredentialError, match=named):
        ClientCredential.from_connection("cm", login, password, extra)


@pytest.mark.parametrize(
    "given",
    [
        "openid, AdobeID",
        "openid AdobeID",
        ["openid", "AdobeID"],
        "openid,AdobeID,",
        '["openid","AdobeID"]',
        ' [ "openid",\n"AdobeID" ] ',
        '"openid","AdobeID"',
        '"openid, AdobeID"',
    ],
)
def test_scopes_are_read_in_any_usual_form(given: object) -> None:
    seen = credential(scopes=given)
    assert seen.scopes == ("openid", "AdobeID")
    assert "read_pc.dma_aem_ams" in seen.missing_scopes
    assert credential().missing_scopes == ()


@pytest.mark.parametrize("given", [None, "", " ", [], "[]"])
def test_no_scopes_are_those_that_cloud_manager_needs(given: object) -> None:
    assert credential(scopes=given).scopes == SCOPES


def test_what_is_wrong_with_a_secret_does_not_quote_it() -> None:
    with pytest.raises(CredentialError) as caught:
        ClientCredential.from_connection("cm", "client", '"p8e-hidden"', json.dumps(ORG))
    assert "p8e-hidden" not in str(caught.value)


def test_another_secret_or_another_ims_is_another_key_of_the_cache() -> None:
    other = ClientCredential.from_connection("cm", "client", "p8e-other", json.dumps(ORG))
    keys = {
        credential().key(IMS),
        other.key(IMS),
        credential().key("http://x"),
        credential(scopes="a").key(IMS),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("expires_in", "life"), [(86399, 86399), (86399999, 86399.999), ("3600", 3600), (60, 60), (2, 2)]
)
def test_seconds_and_milliseconds_are_told_apart(expires_in: object, life: float) -> None:
    token = issued(expires_in)
    early = min(300.0, life / 10)
    assert (token.expires_at - NOW).total_seconds() == pytest.approx(life - early, abs=0.001)
    assert token.is_valid(NOW)
    assert not token.is_valid(NOW + timedelta(seconds=life - early))


@pytest.mark.parametrize("expires_in", [None, 0, -1, "soon", False, [], float("inf"), "nan"])
def test_a_token_without_a_usable_life_is_refused(expires_in: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        issued(expires_in)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"access_token": "a\\nb", "expires_in": 9}', b"<html>"]
)
def test_a_200_without_a_token_is_an_unexpected_answer(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_token(Answer(200, {}, body), REQUEST, NOW)


@pytest.mark.parametrize(
    ("error", "description", "told"),
    [
        ("invalid_client", "invalid client_secret parameter", "secret is wrong"),
        ("invalid_client", "invalid client_id parameter", "client id is unknown"),
        ("invalid_scope", "x", "scope is not granted"),
        ("unauthorized_client", "", "do not belong together"),
        ("invalid_jwt_token", "expired", "clock"),
        ("other", "", "check client id"),
    ],
)
def test_a_refusal_of_ims_says_what_to_correct(error: str, description: str, told: str) -> None:
    body = json.dumps({"error": error, "error_description": description}).encode()
    with pytest.raises(CredentialError, match=told):
        parse_token(Answer(400, {}, body), REQUEST, NOW)


def test_ims_cannot_make_us_print_the_secret() -> None:
    body = json.dumps({"error": "invalid_client", "error_description": "p8e-hidden\nERROR"}).encode()
    with pytest.raises(CredentialError) as caught:
        parse_token(Answer(401, {}, body), REQUEST, NOW)
    assert "p8e-hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 429, 503])
@pytest.mark.parametrize(
    "field", ["error", "error_description", "message", "title", "errors", "x-request-id"]
)
def test_no_error_of_ims_can_make_us_print_the_secret(status: int, field: str) -> None:
    secret = 'odd"&</secret'
    request = TokenRequest("https://ims.example.com", {"client_secret": secret}, "the credential of a test")
    said = f"you sent {secret}"
    body = json.dumps({field: [said] if field == "errors" else said}).replace("&", "\\u0026").encode()
    with pytest.raises(CloudManagerError) as error:
        parse_token(Answer(status, {"x-request-id": said}, body), request, NOW)
    assert "secret" not in f"{error.value} {error.value.request_id} {error.value.error_code}".replace(
        "client secret", ""
    )


def test_an_ims_that_is_down_or_full_is_no_wrong_credential() -> None:
    with pytest.raises(Unavailable, match="IMS"):
        issued(60, status=503)
    with pytest.raises(RateLimited, match="IMS"):
        issued(60, status=429)


def test_the_signed_request_is_the_one_of_adobes_own_client() -> None:
    request = ServiceCredentials.parse(document()).token_request(IMS, NOW)
    assert request.url == f"{IMS}/ims/exchange/jwt"
    assert request.form["client_id"] == "cm-p1-e2-integration-0"
    assert request.form["client_secret"] == "p8e-author"
    signed = request.form["jwt_token"]
    assert jwt.get_unverified_header(signed) == {"alg": "RS256", "typ": "JWT"}
    audience = f"{IMS}/c/cm-p1-e2-integration-0"
    claims = jwt.decode(
        signed, key_pair().public_key(), ["RS256"], audience=audience, options={"verify_exp": False}
    )
    assert claims == {
        "iss": ORG["org_id"],
        "sub": "0000AA@techacct.adobe.com",
        "exp": int(NOW.timestamp()) + 300,
        "aud": audience,
        f"{IMS}/s/ent_aem_cloud_api": True,
        f"{IMS}/s/ent_other": True,
    }


def test_the_json_is_read_as_downloaded_or_as_its_integration() -> None:
    whole = ServiceCredentials.parse(json.dumps(document()))
    assert whole == ServiceCredentials.parse(document()["integration"])
    assert whole.certificate_expires_at == NOW + timedelta(days=200)


@pytest.mark.parametrize(
    "broken",
    ["no json", "[]", "{}", json.dumps(document(privateKey="")), json.dumps(document(org=3))],
    ids=["no JSON", "a list", "empty", "no private key", "an organisation that is a number"],
)
def test_a_json_that_lacks_something_is_a_credential_error(broken: str) -> None:
    with pytest.raises(CredentialError):
        ServiceCredentials.parse(broken)


@pytest.mark.parametrize(
    ("days", "said"), [(31, None), (29, "in 29 days"), (0.5, "in 0 days"), (-1, "has expired")]
)
def test_the_certificates_end_is_announced_thirty_days_ahead(days: float, said: str | None) -> None:
    warning = ServiceCredentials.parse(document(days)).expiry_warning(NOW)
    assert (said is None) == (warning is None)
    assert said is None or said in str(warning)


def test_an_expired_certificate_is_told_before_ims_is_asked() -> None:
    with pytest.raises(CredentialError, match="has expired"):
        ServiceCredentials.parse(document(-1)).token_request(IMS, NOW)


def test_credentials_for_another_ims_are_not_sent_to_the_configured_one() -> None:
    with pytest.raises(CredentialError, match="ims_url"):
        ServiceCredentials.parse(document(imsEndpoint="ims.evil.example")).token_request(IMS, NOW)


@pytest.mark.parametrize(
    "key",
    ["-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----", certificate(1)],
    ids=["no key at all", "a certificate"],
)
def test_an_unusable_key_is_a_credential_error_without_the_key(key: str) -> None:
    with pytest.raises(CredentialError, match="privateKey") as caught:
        ServiceCredentials.parse(document(privateKey=key)).token_request(IMS, NOW)
    assert "BEGIN" not in str(caught.value)


def test_an_author_token_is_fetched_once_and_its_milliseconds_are_understood(
    adobe: Adobe, caplog: pytest.LogCaptureFixture
) -> None:
    soon = document((datetime.now(UTC) - NOW).days + 20)
    soon["integration"]["technicalAccount"]["clientSecret"] = adobe.client_secret
    adobe.token_answers = [reply(200, {"access_token": "author-token", "expires_in": 86399999})]
    first, second = author_token(json.dumps(soon)), author_token(json.dumps(soon))
    assert first is second
    assert [request.path for request in adobe.token_calls] == ["/ims/exchange/jwt"]
    assert timedelta(hours=23) < first.expires_at - datetime.now(UTC) < timedelta(hours=24)
    assert "certificate" in caplog.text
    assert "author-token" not in caplog.text


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_token_is_handed_out_until_shortly_before_its_end() -> None:
    clock = Clock()
    cache_ = TokenCache(clock)
    cache_.put(("k",), issued(3600))
    assert cache_.get(("k",)) is not None
    clock.now += timedelta(minutes=54)
    assert cache_.get(("k",)) is not None
    clock.now += timedelta(minutes=2)
    assert cache_.get(("k",)) is None


def test_a_refused_token_is_given_up_but_not_its_successor() -> None:
    cache_ = TokenCache(Clock())
    old = issued(3600)
    cache_.put(("k",), old)
    assert cache_.give_up(("k",), old)
    assert cache_.get(("k",)) is None
    new = cache_.put(("k",), Token("new", NOW, NOW + timedelta(hours=1)))
    assert cache_.give_up(("k",), old)
    assert cache_.get(("k",)) is new


def test_tokens_are_not_asked_for_again_and_again_where_permissions_are_missing() -> None:
    clock = Clock()
    cache_ = TokenCache(clock)
    token = cache_.put(("k",), issued(86400))
    cache_.refused_when_new(("k",), token)
    assert not cache_.give_up(("k",), token)
    clock.now += timedelta(minutes=11)
    assert cache_.give_up(("k",), token)
