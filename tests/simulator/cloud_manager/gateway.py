"""Who may call the API, and how does it refuse? Adobe's gateway, and the three families of error bodies.

Sources: the I/O gateway's codes as documented for Experience Platform behind the same gateway (401013 was
seen on Cloud Manager itself); problem documents as in the fixtures of Adobe's library; the specification's
BadRequestError.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from simulator.ims import Ims
from simulator.scenario import SCOPES, SIMULATED, CredentialPlan, Scenario

PROBLEM = "application/problem+json"
NAMESPACE = "http://ns.adobe.com/adobecloud/"


def check(request: web.Request, scenario: Scenario, ims: Ims) -> CredentialPlan | web.Response:
    """The credential that calls, or the gateway's refusal."""
    key, organisation = request.headers.get("x-api-key"), request.headers.get("x-gw-ims-org-id")
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if not value:
        return gateway_error(403, "403010", "Oauth token is missing.")
    if key is None:
        return gateway_error(403, "403000", "Api Key is required")
    token = ims.token(value) if scheme.lower() == "bearer" else None
    if token is None:
        return gateway_error(401, "401013", _not_valid(value))
    if ims.is_expired(token):
        return gateway_error(scenario.expired_token_status, "401013", "Oauth token is not valid")
    if key != token.credential.client_id:
        return gateway_error(403, "403003", "Api Key is invalid")
    if organisation is None:
        return gateway_error(400, "400003", "Missing header: x-gw-ims-org-id")
    if organisation != scenario.org_id:
        return gateway_error(403, "403025", "Profile is not valid")
    if set(SCOPES) - token.scopes:
        return unauthorized()
    return _permitted(request, token.credential)


def gateway_error(status: int, code: str, message: str) -> web.Response:
    """The gateway's own error; its content type has no charset, and Adobe's library insists on that."""
    return _json(status, {"error_code": code, "message": message}, "application/json")


def problem(status: int, kind: str, title: str, errors: Any = None) -> web.Response:
    """A problem document of Cloud Manager; `errors` has the shape of the case, or is left out."""
    body = {"type": NAMESPACE + kind, "status": status, "title": title}
    return _json(status, body if errors is None else {**body, "errors": errors}, PROBLEM)


def not_found(what: str) -> web.Response:
    return problem(404, "not-found", f"{what} not found.")


def unauthorized() -> web.Response:
    """What a technical account without the right product profile sees."""
    message = "User does not have the necessary permissions for this operation."
    return problem(403, "unauthorized", "User unauthorized.", [message])


def constraint_violation(field: str, message: str, invalid: Any) -> web.Response:
    detail = {"field": field, "code": "VALIDATION_ERROR_CODE", "message": message, "invalidValue": invalid}
    return problem(400, "validation-exception", "Constraint Violations", {field: detail})


def bad_parameter(name: str, reason: str) -> web.Response:
    """BadRequestError of the specification."""
    body = {
        "status": 400,
        "type": NAMESPACE + "error",
        "title": "Validation failed",
        "missingParams": [],
        "invalidParams": [{"name": name, "reason": reason}],
    }
    return _json(400, body, "application/json")


def _permitted(request: web.Request, credential: CredentialPlan) -> CredentialPlan | web.Response:
    reads = request.method in ("GET", "HEAD")
    may_read = credential.content_copy_manage or not request.path.endswith("/contentFlows")
    if credential.profile == "none" or (credential.profile == "developer" and not (reads and may_read)):
        return unauthorized()
    return credential


def _not_valid(token: str) -> str:
    if token.startswith(SIMULATED):
        return "Oauth token is not valid"
    return "Oauth token is not valid: this is a simulator, it takes tokens of its own IMS only"


def _json(status: int, body: Any, content_type: str) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), headers={"Content-Type": content_type})
