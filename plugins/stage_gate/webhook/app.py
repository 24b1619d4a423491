"""Which paths does the webhook have, and how do its answers look? Imported in the API server only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

from adobe_cloud_manager.events.handshake import challenge_of
from stage_gate.webhook import answers
from stage_gate.webhook.body import BodyTooLong, BodyTooSlow, NoRoom

if TYPE_CHECKING:
    from stage_gate.webhook.answers import Answer
    from stage_gate.webhook.reception import Reception

_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_CHALLENGE = {
    "parameters": [
        {"name": "challenge", "in": "query", "required": True, "schema": {"type": "string", "format": "uuid"}}
    ]
}
_DELIVERY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
_STATUSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "Malformed."},
    401: {"description": "Not signed."},
    403: {"description": "Forged, or for another client id."},
    404: {"description": "No such registration."},
    413: {"description": "Too long."},
    429: {"description": "Too often; to be sent again."},
    503: {"description": "Could not be stored or checked; to be sent again."},
}


def create_app(reception: Reception) -> FastAPI:
    """The application to mount at `PREFIX`; it has one path, and no documentation pages."""
    app = FastAPI(
        title="Stage Gate: Adobe I/O Events",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )

    common: dict[str, Any] = {"response_class": PlainTextResponse, "responses": _STATUSES}

    @app.get("/{registration}", openapi_extra=_CHALLENGE, **common)
    async def answer_challenge(registration: str, request: Request) -> PlainTextResponse:
        """Adobe asks whether the webhook is ours."""
        refusal = reception.admit(registration)
        return _response(refusal) if refusal else _challenge(reception, registration, request)

    @app.post("/{registration}", openapi_extra=_DELIVERY, **common)
    async def take_delivery(registration: str, request: Request) -> PlainTextResponse:
        """Adobe delivers one event or a batch, or asks for a confirmation by `validationUrl`."""
        refusal = reception.admit(registration)
        return _response(refusal) if refusal else await _delivery(reception, registration, request)

    return app


def _challenge(reception: Reception, registration: str, request: Request) -> PlainTextResponse:
    try:
        challenge = challenge_of(request.query_params.get("challenge"))
    except ValueError as error:
        return _response(reception.note(registration, answers.malformed(str(error))))
    return PlainTextResponse(challenge, headers=_ALWAYS)


async def _delivery(reception: Reception, registration: str, request: Request) -> PlainTextResponse:
    try:
        body = await reception.reader.read(request.stream(), request.headers.get("content-length"))
    except BodyTooLong:
        return _response(reception.note(registration, answers.TOO_LONG))
    except BodyTooSlow:
        return _response(reception.note(registration, answers.TOO_SLOW))
    except NoRoom:
        return _response(reception.note(registration, answers.NO_ROOM))
    except ClientDisconnect:
        return _response(answers.TOO_SLOW)  # nobody reads it
    answer = await reception.deliver(registration, request.headers, body)
    later = BackgroundTask(reception.validations.start) if answer is answers.VALIDATING else None
    return _response(answer, later)


def _response(answer: Answer, later: BackgroundTask | None = None) -> PlainTextResponse:
    headers = dict(_ALWAYS)
    if answer.retry_after is not None:
        headers["Retry-After"] = str(answer.retry_after)
    if answer.close:
        headers["Connection"] = "close"
    return PlainTextResponse(f"{answer.sentence}\n", answer.status, headers, background=later)
