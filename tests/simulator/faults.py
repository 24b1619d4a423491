"""What goes wrong, with which request? Rules that break chosen answers in chosen ways."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Effect = Literal[
    "delay",  # wait `seconds`, then handle the request
    "answer",  # answer `status` with `headers` and `body`; the request is not handled
    "drop",  # close the connection; the request is not handled
    "lose_answer",  # handle the request, then close the connection without an answer
    "late_answer",  # handle the request, answer `seconds` later
    "malformed",  # handle the request, answer JSON that breaks off but has the right length
    "truncate",  # handle the request, close the connection in the middle of the body
    "expire_tokens",  # every token is expired from here on; then handle the request
    "merge",  # handle the request, merge `body` into the JSON of the answer
    "echo",  # handle the request; the answer's headers and HTML repeat what the request carried
    "echo_error",  # answer `status` with what the request carried in headers and JSON; it is not handled
    "clock",  # handle the request, answer with a `Date` that is `offset` seconds off, or with none (None)
]


class Fault(BaseModel):
    """One rule: from the `nth` matching request on, `times` matching ones (None: all) get `effect`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: Effect
    service: str = "api"  # api, ims, blobs, stage, stage-author, production, production-author, or *
    method: str = "*"
    path: str = ""  # regular expression, searched in the path and query as sent
    nth: int = Field(default=1, ge=1)
    times: int | None = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    offset: float | None = None
    status: int = 503
    headers: dict[str, str] = {}
    body: Any = None

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    def matches(self, service: str, method: str, path: str) -> bool:
        """True when this rule is about such a request."""
        return (
            self.service in ("*", service)
            and self.method.upper() in ("*", method)
            and re.search(self.path, path) is not None
        )


class FaultRules:
    """The rules in force, each with the number of requests that it has matched so far."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._rules: list[tuple[Fault, list[int]]] = [(fault, [0]) for fault in faults]

    def add(self, fault: Fault) -> None:
        self._rules.append((fault, [0]))

    def clear(self) -> None:
        self._rules.clear()

    def pick(self, service: str, method: str, path: str) -> tuple[Fault, ...]:
        """Count a request against every rule that matches it; the rules that apply, in their order."""
        picked = []
        for fault, seen in self._rules:
            if fault.matches(service, method, path):
                seen[0] += 1
                if _applies(fault, seen[0]):
                    picked.append(fault)
        return tuple(picked)


def rate_limited(path: str = "", *, retry_after: int | None = 1, times: int | None = 1) -> Fault:
    """429, with `Retry-After` in seconds unless None."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"error_code": "429050", "message": "Too many requests"}
    return Fault(effect="answer", path=path, times=times, status=429, headers=headers, body=body)


def clock(offset: float | None, *, path: str = "", times: int | None = None) -> Fault:
    """Adobe's clock is `offset` seconds ahead of this machine's; None: answers name no time at all."""
    return Fault(effect="clock", offset=offset, path=path, times=times)


def merged(base: Any, patch: Any) -> Any:
    """`base` with `patch` merged into it; a mapping with integer keys as strings reaches into a list."""
    if isinstance(base, list) and isinstance(patch, Mapping):
        return [
            merged(item, patch[str(index)]) if str(index) in patch else item
            for index, item in enumerate(base)
        ]
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in patch.items()}}
    return patch


def body_of(fault: Fault) -> tuple[bytes, str]:
    """The body that an `answer` sends, and its content type."""
    if fault.body is None:
        return b"", "text/plain"
    if isinstance(fault.body, str):
        return fault.body.encode(), "text/plain"
    return json.dumps(fault.body).encode(), "application/json"


def _applies(fault: Fault, seen: int) -> bool:
    return seen >= fault.nth and (fault.times is None or seen < fault.nth + fault.times)
