"""How does a careless or hostile server give back what it was sent? In headers, in HTML, in the JSON of an error."""

from __future__ import annotations

import base64
import json
import zlib
from html import escape
from urllib.parse import quote, unquote_plus

from aiohttp import web

MARK = "echo-of-what-was-sent"
"""Stands in everything that echoes, so that a test can see that an echo arrived somewhere."""
_OF_TRANSPORT = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})


def echoed(request: web.Request, response: web.Response) -> web.Response:
    """The same answer, its headers and the end of its HTML with what the request carried, in several spellings."""
    said = _headers(request)
    for name, value in said.items():
        response.headers[f"x-echo-{name}"] = value
        response.headers.add("Set-Cookie", f"{name}={value}; Path=/")
    if response.content_type == "text/html" and isinstance(response.body, bytes):
        body = response.body
        if response.headers.pop("Content-Encoding", "") == "gzip":
            body = zlib.decompress(body, wbits=31)
        response.body = body.replace(b"</body>", _markup(said).encode() + b"</body>")
    return response


def echo_error(request: web.Request, body: bytes, status: int) -> web.Response:
    """An error whose every field that a client may quote repeats what the request carried."""
    said = _headers(request)
    form = unquote_plus(body.decode("utf-8", "replace"))
    alone = said.get("authorization", "").partition(" ")[2]
    words = f"{MARK} {alone} {form} {' '.join(f'{name}: {value}' for name, value in said.items())}"
    document = {
        "error": "invalid_client",
        "error_description": words,
        "type": "http://simulated.invalid/echo",
        "title": words,
        "message": words,
        "errors": [{"field": form, "message": words, "code": "ECHO"}],
    }
    headers = {"Content-Type": "application/json", "Retry-After": "1", "x-request-id": "simulated-echo"}
    return web.Response(
        status=status,
        headers=headers | {f"x-echo-{name}": value for name, value in said.items()},
        body=json.dumps(document).encode(),
    )


def _headers(request: web.Request) -> dict[str, str]:
    return {
        name.lower(): value for name, value in request.headers.items() if name.lower() not in _OF_TRANSPORT
    }


def _markup(said: dict[str, str]) -> str:
    """Raw in a comment, escaped for HTML, for a URL, for JSON, and the payload of basic auth in clear."""
    lines = [
        MARK,
        *(f"{name}: {value}" for name, value in said.items()),
        _login(said.get("authorization", "")),
    ]
    text = "\n".join(lines)
    link = f'<a href="/us/en.html?echo={quote(text, safe="")}">echo</a>'
    return f"<!-- {text} --><pre>{escape(text)}</pre>{link}<script>var echo = {json.dumps(text)};</script>"


def _login(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    return base64.b64decode(value).decode("utf-8", "replace") if scheme.lower() == "basic" else ""
