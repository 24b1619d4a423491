"""Who are we for Adobe: which credential, which token request, which token, until when? No I/O here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from adobe_cloud_manager.answers import Answer, error_of
from adobe_cloud_manager.connections import is_quoted, listed
from adobe_cloud_manager.exceptions import CloudManagerError, CredentialError, UnexpectedAnswer
from adobe_cloud_manager.parsing import one_line
from adobe_cloud_manager.settings import is_loopback
from adobe_cloud_manager.tokens import Token

SCOPES = (
    "openid",
    "AdobeID",
    "read_organizations",
    "additional_info.projectedProductContext",
    "read_pc.dma_aem_ams",
)
"""What Adobe's own command line requires of a Cloud Manager credential
(https://github.com/adobe/aio-cli-plugin-cloudmanager, prerun hook)."""

EXPIRES_EARLY = timedelta(minutes=5)
"""A token is renewed this long before its end; of a short-lived one, in the last tenth of its life."""
WARN_BEFORE = timedelta(days=30)
_IMS = "Adobe's log-in service (IMS)"
_SCOPE = re.compile(r"""((?![,"'`\[\]{}\\])[!-~])+""")
_JWT_LIFETIME = timedelta(minutes=5)
_MILLISECONDS_FROM = 1_000_000
"""IMS tells seconds for OAuth and milliseconds for a JWT exchange; no token lives for eleven days."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form to POST to IMS, which is in no representation."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    what: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(self.form[name] for name in ("client_secret", "jwt_token") if self.form.get(name))


class Credential(Protocol):
    """What can ask IMS for a token. ``key`` names it in the cache and holds no secret, only its digest."""

    def key(self, ims_url: str) -> tuple[str, ...]: ...

    def token_request(self, ims_url: str, now: datetime) -> TokenRequest: ...


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ClientCredential:
    """An OAuth server-to-server credential of the Adobe Developer Console."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)
    org_id: str
    scopes: tuple[str, ...] = SCOPES

    @classmethod
    def from_connection(
        cls, conn_id: str, login: str | None, password: str | None, extra: str | None
    ) -> ClientCredential:
        """Read an Airflow connection. Raises ``CredentialError`` naming the field to fill in."""
        options = _extra(conn_id, extra)
        return cls(
            name=conn_id,
            client_id=_required(conn_id, "the client id (login)", login, r"[!-~]+"),
            client_secret=_required(conn_id, "the client secret (password)", password, r"[!-~]+"),
            org_id=_required(
                conn_id,
                'the organisation id ("org_id" in extra, such as 0123456789ABCDEF01234567@AdobeOrg)',
                options.get("org_id"),
                r"[0-9A-Za-z]+@AdobeOrg",
            ),
            scopes=_scopes(conn_id, options.get("scopes")),
        )

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """Scopes that Cloud Manager needs and this credential does not ask for."""
        return tuple(scope for scope in SCOPES if scope not in self.scopes)

    def key(self, ims_url: str) -> tuple[str, ...]:
        """Its name in the token cache: another secret or other scopes are another credential."""
        return ("oauth", ims_url, self.client_id, _digest(self.client_secret), *self.scopes)

    def token_request(self, ims_url: str, now: datetime) -> TokenRequest:
        """The form for a token, the same at any time
        (https://developer.adobe.com/developer-console/docs/guides/authentication/ServerToServerAuthentication/ims)."""
        form = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "grant_type": "client_credentials",
            "scope": ",".join(self.scopes),
        }
        return TokenRequest(f"{ims_url}/ims/token/v3", form, f"the credential of connection {self.name!r}")


def _extra(conn_id: str, extra: str | None) -> Mapping[str, Any]:
    try:
        options = json.loads(extra) if extra else {}
    except ValueError:
        options = None
    if isinstance(options, dict):
        return options
    raise CredentialError(
        f'The extra of connection {conn_id!r} is not a JSON object: write {{"org_id": "<id>@AdobeOrg"}}.'
    )


def _required(conn_id: str, what: str, value: object, pattern: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise CredentialError(f"Connection {conn_id!r} lacks {what}.")
    if is_quoted(text):
        raise CredentialError(
            f"Connection {conn_id!r} has {what} with the quotation marks or comma of the JSON that it was copied from: "
            "remove them."
        )
    if not re.fullmatch(pattern, text):
        raise CredentialError(
            f"Connection {conn_id!r} has something in {what} that cannot be right; copy it again."
        )
    return text


def _scopes(conn_id: str, value: object) -> tuple[str, ...]:
    names = listed(value) if isinstance(value, str) else value
    if names in (None, []):
        return SCOPES
    if isinstance(names, list) and all(isinstance(name, str) and _SCOPE.fullmatch(name) for name in names):
        return tuple(dict.fromkeys(names))
    raise CredentialError(
        f'The "scopes" of connection {conn_id!r} are not a comma separated list, such as {",".join(SCOPES)}.'
    )


@dataclass(frozen=True, slots=True)
class ServiceCredentials:
    """The service-credentials JSON of an AEM environment's Developer Console, for its author tier."""

    ims_host: str
    client_id: str
    client_secret: str = field(repr=False)
    org_id: str
    technical_account: str
    metascopes: tuple[str, ...]
    private_key: str = field(repr=False)
    certificate: str = field(repr=False)

    @classmethod
    def parse(cls, document: str | Mapping[str, Any]) -> ServiceCredentials:
        """Read the JSON as downloaded, or its ``integration``. Raises ``CredentialError``."""
        raw = _integration(document)
        account = raw.get("technicalAccount")
        account = account if isinstance(account, dict) else {}
        return cls(
            ims_host=_field(raw, "imsEndpoint", r"[0-9A-Za-z.:-]+"),
            client_id=_field(account, "clientId"),
            client_secret=_field(account, "clientSecret"),
            org_id=_field(raw, "org"),
            technical_account=_field(raw, "id"),
            metascopes=tuple(re.findall(r"[^,\s]+", _field(raw, "metascopes", r"[!-~ ]+"))),
            private_key=_field(raw, "privateKey", r"-----BEGIN [\s\S]+"),
            certificate=_field(raw, "publicKey", r"-----BEGIN [\s\S]+"),
        )

    @property
    def author_host(self) -> str | None:
        """The author that they open: program and environment are in the client id, as in ``cm-p1234-e5678-integration``
        (Adobe's tutorial on service credentials); ``None`` where they are not."""
        found = re.match(r"cm-p(\d+)-e(\d+)-", self.client_id)
        return f"author-p{found[1]}-e{found[2]}.adobeaemcloud.com" if found else None

    @property
    def certificate_expires_at(self) -> datetime:
        """When the certificate ends, after which IMS refuses the key. Raises ``CredentialError``."""
        from cryptography import x509

        try:
            return x509.load_pem_x509_certificate(self.certificate.encode()).not_valid_after_utc
        except ValueError:
            raise CredentialError("The publicKey of the service credentials is not a certificate.") from None

    def expiry_warning(self, now: datetime) -> str | None:
        """A sentence from 30 days before the certificate ends, else ``None``."""
        end = self.certificate_expires_at
        if end - now > WARN_BEFORE:
            return None
        state = "has expired" if end <= now else f"expires in {(end - now).days} days"
        return (
            f"The certificate of the service credentials {self.client_id!r} {state} "
            f"({end:%Y-%m-%d %H:%M} UTC): create a new key in the environment's Developer Console "
            "(Integrations) and store its JSON."
        )

    def key(self, ims_url: str) -> tuple[str, ...]:
        """Its name in the token cache."""
        return ("jwt", ims_url, self.client_id, _digest(self.client_secret), _digest(self.private_key))

    def token_request(self, ims_url: str, now: datetime) -> TokenRequest:
        """The signed form of the JWT exchange
        (https://experienceleague.adobe.com/docs/experience-manager-learn/getting-started-with-aem-headless/authentication/service-credentials.html).

        Raises ``CredentialError`` where the certificate has expired, the key is unusable, or the JSON is for
        another IMS than the deployment's (which the simulator on this machine may stand in for).
        """
        self._check(ims_url, now)
        form = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "jwt_token": self._assertion(now),
        }
        return TokenRequest(
            f"{ims_url}/ims/exchange/jwt", form, f"the service credentials {self.client_id!r}"
        )

    def _check(self, ims_url: str, now: datetime) -> None:
        deployment = urlsplit(ims_url)
        if self.ims_host != deployment.netloc and not is_loopback(deployment.hostname or ""):
            raise CredentialError(
                f"The service credentials are for {self.ims_host}, this deployment asks {deployment.netloc} "
                "([adobe_cloud_manager] ims_url)."
            )
        if self.certificate_expires_at <= now:
            raise CredentialError(str(self.expiry_warning(now)))

    def _assertion(self, now: datetime) -> str:
        import jwt

        claims: dict[str, Any] = {
            "iss": self.org_id,
            "sub": self.technical_account,
            "exp": int((now + _JWT_LIFETIME).timestamp()),
            "aud": f"https://{self.ims_host}/c/{self.client_id}",
        }
        claims |= {f"https://{self.ims_host}/s/{scope}": True for scope in self.metascopes}
        try:
            return jwt.encode(claims, self.private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise CredentialError(
                "The privateKey of the service credentials is not a usable RSA key."
            ) from None


def _integration(document: str | Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        raw = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        raw = None
    inner = raw.get("integration", raw) if isinstance(raw, Mapping) else None
    if isinstance(inner, Mapping):
        return inner
    raise CredentialError("The service credentials are not the JSON that the AEM Developer Console offers.")


def _field(raw: Mapping[str, Any], key: str, pattern: str = r"[!-~]+") -> str:
    value = raw.get(key)
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(pattern, text):
        return text
    raise CredentialError(f"The service credentials lack a usable {key!r}: download the JSON again.")


def parse_token(answer: Answer, request: TokenRequest, now: datetime) -> Token:
    """The token of IMS's answer.

    Raises ``CredentialError`` where IMS refuses the credential, ``RateLimited`` or ``Unavailable`` where it
    could not answer, ``UnexpectedAnswer`` where the answer carries no token.
    """
    answer = answer.without(*request.secrets)
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    document = body if isinstance(body, dict) else {}
    if answer.status != 200:
        raise _refusal(answer, document, request)
    value, seconds = document.get("access_token"), _seconds(document.get("expires_in"))
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value) or seconds is None:
        raise UnexpectedAnswer(
            f"IMS answered 200 for {request.what}, but without a usable token.", status=200
        )
    life = timedelta(seconds=seconds)
    return Token(value, now, now + life - min(EXPIRES_EARLY, life / 10))


def _seconds(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else -1.0
    except ValueError:
        return None
    if not 0 < number < 1e12:
        return None
    return number / 1000 if number >= _MILLISECONDS_FROM else number


def _refusal(answer: Answer, body: Mapping[str, Any], request: TokenRequest) -> CloudManagerError:
    said = " ".join(str(body[key]) for key in ("error", "error_description") if body.get(key))
    said = one_line(said)[:300]
    if answer.status == 429 or answer.status >= 500:
        return error_of(answer, f"the token request for {request.what}", who=_IMS)
    quoted = f" IMS said: {said}." if said else ""
    return CredentialError(
        f"{_IMS} refused {request.what} with {answer.status}: {_remedy(said)}{quoted}",
        status=answer.status,
        request_id=answer.request_id,
        error_code=one_line(str(body.get("error", "")))[:100] or None,
    )


def _remedy(said: str) -> str:
    text = said.lower()
    if "scope" in text:
        return "a scope is not granted to it; copy the scopes from the credential's page."
    if "client_secret" in text or "secret" in text:
        return "the client secret is wrong or was deleted."
    if "client_id" in text:
        return "the client id is unknown."
    if "jwt" in text:
        return (
            "the signed request is not accepted; check the clock of this machine and the key's certificate."
        )
    if "invalid_client" in text or "unauthorized_client" in text:
        return "client id and client secret do not belong together, or are not for server-to-server use."
    return "check client id, client secret and scopes against the credential's page."
