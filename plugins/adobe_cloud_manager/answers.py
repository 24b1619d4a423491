"""What does an answer of Cloud Manager mean, the good one and each kind of bad one? No I/O here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from adobe_cloud_manager import exceptions as errors
from adobe_cloud_manager.parsing import one_line

_LONGEST_QUOTE = 500
_BEARER = re.compile(r"(?i)\bbearer\s+\S+")
CREDENTIAL_CODES = frozenset({"401013", "403000", "403003", "403010", "403025"})
"""Codes with which Adobe's gateway refuses the credential itself, whatever the operation
(https://experienceleague.adobe.com/docs/experience-platform/landing/troubleshooting.html)."""

_REMEDIES = {
    "401013": "The access token is not valid: the credential may have been removed from its project in the "
    "Adobe Developer Console.",
    "403000": "The request carried no API key.",
    "403003": "Add the Cloud Manager API to this credential's project in the Adobe Developer Console.",
    "403010": "The request carried no access token.",
    "403025": "The organisation does not belong to this credential: compare org_id with its page.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as both hooks hand it on; header names in lower case.

    ``cut`` tells that only the end of the body was kept.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False

    @property
    def request_id(self) -> str | None:
        """The ``x-request-id`` that Adobe's support asks for."""
        return one_line(self.headers.get("x-request-id", ""))[:100] or None

    @property
    def date(self) -> datetime | None:
        """When the server says that it answered, to the second; ``None`` where it does not say so readably."""
        try:
            moment = parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def without(self, *secrets: str) -> Answer:
        """The same answer; of an error, which sentences may quote, without these texts: some servers echo what they get."""
        if self.status < 400:
            return self
        forms = [
            form for secret in secrets for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))
        ]
        headers, body = dict(self.headers), _spelled_as_here(self.body)
        for form in filter(None, forms):
            headers = {name: value.replace(form, "***") for name, value in headers.items()}
            body = body.replace(form.encode(), b"***")
        return replace(self, headers=headers, body=body)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def _spelled_as_here(body: bytes) -> bytes:
    """A JSON body with the escapes that this side uses, anything else as it is."""
    try:
        return json.dumps(json.loads(body)).encode()
    except (ValueError, RecursionError):
        return body


def read_json(answer: Answer, what: str) -> Mapping[str, Any]:
    """The JSON object of a 200. Raises the error of any other status, or ``UnexpectedAnswer``."""
    if answer.status != 200:
        raise error_of(answer, what)
    return json_object(answer, what)


def json_object(answer: Answer, what: str) -> Mapping[str, Any]:
    """The body as a JSON object. Raises ``UnexpectedAnswer``."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    raise errors.UnexpectedAnswer(
        f"Cloud Manager answered {what} with something that is not a JSON object "
        f"({len(answer.body)} bytes, {one_line(answer.content_type)[:60] or 'no content type'}).",
        status=answer.status,
        request_id=answer.request_id,
    )


def error_of(
    answer: Answer, what: str, *, who: str = "Cloud Manager", now: datetime | None = None
) -> errors.CloudManagerError:
    """The error of an answer that is not the hoped-for one, as in "Cloud Manager answered 404 to …"."""
    code, said = _reason(answer)
    sentence = f"{who} answered {answer.status} to {what}{': ' + said if said else ''}."
    if code in _REMEDIES:
        sentence = f"{sentence} {_REMEDIES[code]}"
    known: dict[str, Any] = {"status": answer.status, "request_id": answer.request_id, "error_code": code}
    if answer.status == 429 or answer.status >= 500:
        kind = errors.RateLimited if answer.status == 429 else errors.Unavailable
        pause = retry_after(answer.headers, now or datetime.now(UTC))
        return kind(sentence, retry_after=pause, **known)
    return _error_type(answer.status, code)(sentence, **known)


def _error_type(status: int, code: str | None) -> type[errors.CloudManagerError]:
    if status == 401 or code in CREDENTIAL_CODES:
        return errors.CredentialError
    if not 400 <= status < 500:
        return errors.UnexpectedAnswer
    by_status: dict[int, type[errors.CloudManagerError]] = {
        403: errors.PermissionDenied,
        404: errors.NotFound,
        409: errors.Conflict,
        412: errors.Conflict,
    }
    return by_status.get(status, errors.InvalidRequest)


def _reason(answer: Answer) -> tuple[str | None, str]:
    """Code and words of the three error bodies: gateway, problem document, specified bad request."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return None, ""
    code = body.get("error_code") or body.get("type")
    words = [body.get("message"), body.get("title"), *_problems(body.get("errors"))]
    words += _parameters(body.get("missingParams"), "missing") + _parameters(
        body.get("invalidParams"), "invalid"
    )
    said = "; ".join(dict.fromkeys(one_line(str(word)).rstrip(".") for word in words if word))
    said = _BEARER.sub("Bearer ***", said)
    return (one_line(str(code))[:200] if code else None), said[:_LONGEST_QUOTE]


def _problems(problems: object) -> list[str]:
    """``errors`` comes as strings, as objects, or as an object of objects by field."""
    entries = list(problems.values()) if isinstance(problems, dict) else problems
    if not isinstance(entries, list):
        return []
    return [_problem(entry) if isinstance(entry, dict) else str(entry) for entry in entries]


def _problem(entry: Mapping[str, Any]) -> str:
    """Field, message and code, without ``invalidValue``: it may quote a secret."""
    parts = [str(entry[key]) for key in ("field", "message") if entry.get(key)]
    code = f" ({entry['code']})" if entry.get("code") else ""
    return " ".join(parts) + code


def _parameters(parameters: object, fault: str) -> list[str]:
    entries = parameters if isinstance(parameters, list) else []
    named = [entry for entry in entries if isinstance(entry, dict)]
    return [
        f"{fault} parameter {entry.get('name', '?')} {entry.get('reason') or entry.get('type') or ''}".strip()
        for entry in named
    ]


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or an HTTP date; ``None`` without one."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def network_error(
    cause: BaseException, what: str, kind: Callable[[str], errors.CloudManagerError] = errors.Unavailable
) -> errors.CloudManagerError:
    """The error of an exchange that broke; it quotes the operating system, never a URL or a header."""
    return kind(f"{what[:1].upper()}{what[1:]} failed: {_why(cause)}.")


def _why(cause: BaseException) -> str:
    seen: list[BaseException] = []
    stack: list[object] = [cause]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseException) and error not in seen:
            seen.append(error)
            stack += [*error.args, getattr(error, "reason", None), error.__cause__, error.__context__]
    details = [error.strerror for error in seen if isinstance(error, OSError) and error.strerror]
    names = type(cause).__name__
    return one_line(f"{names} ({details[-1]})" if details else names)[:200]
