"""How does Adobe IMS hand out tokens? OAuth server-to-server, and the JWT exchange for AEM.

Sources: ServerToServerAuthentication guide (`/ims/token/v3`, seconds) and AEM's service credentials page
(`/ims/exchange/jwt`, milliseconds). The bodies of errors are not documented: these follow RFC 6749.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.scenario import SIMULATED, CredentialPlan, Scenario

ADOBE_IMS = "ims-na1.adobelogin.com"
METASCOPE = "ent_aem_cloud_api"
JWT_CLIENT = "simulated-cm-p12345-e7654321-integration"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token: whose it is, what it may, until when (seconds since 1970)."""

    value: str
    credential: CredentialPlan
    scopes: frozenset[str]
    expires_at: float


class Ims:
    """The tokens that were handed out."""

    def __init__(self, scenario: Scenario, now: Callable[[], float]) -> None:
        self._scenario, self._now = scenario, now
        self._tokens: dict[str, Token] = {}

    def token(self, value: str) -> Token | None:
        """The token of that value, expired ones included; None when it was not handed out here."""
        return self._tokens.get(value)

    def is_expired(self, token: Token) -> bool:
        return token.expires_at <= self._now()

    def accepts(self, value: str) -> bool:
        """True for a token that was handed out here and is not expired: what an AEM author asks."""
        token = self.token(value)
        return token is not None and not self.is_expired(token)

    def expire_all(self) -> None:
        """Every token handed out so far is expired."""
        self._tokens = {
            value: Token(value, token.credential, token.scopes, self._now())
            for value, token in self._tokens.items()
        }

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/ims/token/v3", self._client_credentials)
        app.router.add_post("/ims/exchange/jwt", self._exchange)
        return app

    def service_credentials(self, *, days: int = 365) -> dict[str, Any]:
        """A file as the AEM Developer Console issues it; its certificate is valid for that many days."""
        return {
            "ok": True,
            "integration": {
                "imsEndpoint": ADOBE_IMS,
                "metascopes": METASCOPE,
                "technicalAccount": {"clientId": JWT_CLIENT, "clientSecret": f"{SIMULATED}-jwt-secret"},
                "email": "simulated@techacct.adobe.com",
                "id": "5140000000000000000000BB@techacct.adobe.com",
                "org": self._scenario.org_id,
                "privateKey": _windows(self._private_pem),
                "publicKey": _windows(_certificate(self._key, days)),
            },
            "statusCode": 200,
        }

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def _private_pem(self) -> str:
        form = serialization.PrivateFormat.TraditionalOpenSSL
        pem = self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return pem.decode()

    async def _client_credentials(self, request: web.Request) -> web.Response:
        form = {**request.query, **await request.post()}
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type", "grant_type must be client_credentials")
        credential = self._credential(str(form.get("client_id", "")))
        if credential is None:
            return _error(400, "invalid_client", _unknown_client(str(form.get("client_id", ""))))
        if form.get("client_secret") not in credential.client_secrets:
            return _error(401, "invalid_client", "invalid client_secret parameter")
        scopes = frozenset(str(form.get("scope", "")).replace(",", " ").split())
        if not scopes or scopes - set(credential.scopes):
            return _error(400, "invalid_scope", _bad_scopes(scopes - set(credential.scopes)))
        life = self._scenario.timing.token
        token = self._issue(credential, scopes, life)
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": int(life)})

    async def _exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_id") != JWT_CLIENT or form.get("client_secret") != f"{SIMULATED}-jwt-secret":
            return _error(400, "invalid_client", _unknown_client(str(form.get("client_id", ""))))
        try:
            self._verify(str(form.get("jwt_token", "")), request.host)
        except (jwt.PyJWTError, ValueError) as error:
            return _error(
                400, "invalid_token", f"Could not match JWT signature to any of the bindings ({error})"
            )
        life = self._scenario.timing.token
        token = self._issue(
            CredentialPlan(client_id=JWT_CLIENT, profile="none"), frozenset({METASCOPE}), life
        )
        body = {"token_type": "bearer", "access_token": token, "expires_in": int(life * 1000)}
        return web.json_response(body)

    def _verify(self, value: str, host: str) -> None:
        public = self._key.public_key()
        audience = [f"https://{name}/c/{JWT_CLIENT}" for name in (ADOBE_IMS, host)]
        required = ["exp", "iss", "sub", "aud"]
        claims = jwt.decode(value, public, ["RS256"], audience=audience, options={"require": required})
        if claims["iss"] != self._scenario.org_id:
            raise ValueError("iss is not the organisation")
        if not str(claims["sub"]).endswith("@techacct.adobe.com"):
            raise ValueError("sub is not a technical account")
        if not any(claims.get(f"https://{name}/s/{METASCOPE}") is True for name in (ADOBE_IMS, host)):
            raise ValueError(f"the metascope {METASCOPE} is missing")

    def _credential(self, client_id: str) -> CredentialPlan | None:
        return next((item for item in self._scenario.credentials if item.client_id == client_id), None)

    def _issue(self, credential: CredentialPlan, scopes: frozenset[str], life: float) -> str:
        value = f"{SIMULATED}-token-{secrets.token_urlsafe(24)}"
        self._tokens[value] = Token(value, credential, scopes, self._now() + life)
        return value


def _unknown_client(client_id: str) -> str:
    if client_id.startswith(SIMULATED):
        return "invalid client_id parameter"
    return (
        "this is a simulator and takes simulated credentials only; what it was sent looks real. "
        "It was not kept; if it is real, rotate the secret."
    )


def _bad_scopes(unknown: frozenset[str]) -> str:
    return (
        f"scopes not bound to this credential: {', '.join(sorted(unknown))}"
        if unknown
        else "scope is missing"
    )


def _error(status: int, error: str, description: str) -> web.Response:
    body: Mapping[str, str] = {"error": error, "error_description": description}
    return web.json_response(body, status=status)


def _windows(pem: str) -> str:
    """Line ends as in the file that the AEM Developer Console hands out."""
    return pem.replace("\n", "\r\n")


def _certificate(key: rsa.RSAPrivateKey, days: int) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulated")])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=365))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
