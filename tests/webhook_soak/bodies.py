"""Which bodies and headers does a stranger think of? Strategies: noise, JSON, and events that are nearly right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from simulator.io_events.signing import key_pair
from unit.stage_gate.webhook.adobe import OURS, UUID, event, signed, under_true_paths


@dataclass(frozen=True)
class Sent:
    """One POST: `chunks` are the body in the pieces in which it arrives."""

    chunks: tuple[bytes, ...]
    headers: tuple[tuple[bytes, bytes], ...]
    is_adobes: bool
    """Whether the headers hold a signature of exactly this body by a key of Adobe's, under its own name."""
    names_new_keys: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def spoilt(sent: Sent) -> tuple[Sent, ...]:
    """The same with another body under the same signatures: a byte changed, the end cut off, something added."""
    body = sent.body
    at = len(body) * 7 // 11
    others = (body[:at] + bytes([body[at] ^ 0x20]) + body[at + 1 :], body[:-1]) if body else (b"0", b"1")
    return tuple(replace(sent, chunks=(each,), is_adobes=False) for each in (*others, body + b" "))


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [OURS.client_id, UUID, "10" * 3000, "https://cloudmanager.adobe.io/api/program/1/pipeline/2"]
    )
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_NAMES = st.sampled_from(
    ["eventid", "event_id", "recipientclientid", "recipient_client_id", "event", "validationUrl", "challenge"]
)
_HOSTILE = st.sampled_from(
    [
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b"-",
        b"1e999999",
        b'"\\ud800"',
        b"NaN",
        b"[NaN]",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"event":{},"event":{"@id":"x"}}',
        b"\x00",
        b'{"validationUrl":"https://csm.adobe.io.evil.example/csm/registrations/validate?id=1&challenge=2"}',
        b'{"validationUrl":{"a":1}}',
        b'{"validationUrl":"\\u0000"}',
    ]
)


@st.composite
def _nearly_an_event(draw: st.DrawFn) -> Any:
    """An event for us in which something is replaced, added or left out."""
    wrapped = event(draw(st.text(max_size=30) | st.just(UUID)))
    for _ in range(draw(st.integers(0, 3))):
        place = (
            wrapped["event"] if isinstance(wrapped.get("event"), dict) and draw(st.booleans()) else wrapped
        )
        name = draw(st.sampled_from(sorted(place)) if place else _NAMES)
        if draw(st.booleans()):
            place.pop(name, None)
        else:
            place[draw(_NAMES | st.just(name))] = draw(JSON)
    return wrapped


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


BODIES: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=300),
    _HOSTILE,
    JSON.map(_text),
    st.dictionaries(_NAMES, JSON, max_size=4).map(_text),
    _nearly_an_event().map(_text),
    st.lists(_nearly_an_event(), max_size=22).map(_text),
    st.tuples(_nearly_an_event().map(_text), st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]]),
)
_AN_EVENT = st.uuids().map(lambda each: _text(event(str(each))))
_Headers = dict[str, str]


def _unsigned(body: bytes) -> _Headers:
    return {}


def _of_something_else(body: bytes) -> _Headers:
    return signed(body + b"\n")


def _of_strangers(body: bytes) -> _Headers:
    return under_true_paths(body)


def _crossed(body: bytes) -> _Headers:
    """Both signatures are true, each under the other one's name."""
    headers = signed(body)
    one, two = "x-adobe-public-key1-path", "x-adobe-public-key2-path"
    return headers | {one: headers[two], two: headers[one]}


_FORGERIES: list[Callable[[bytes], _Headers]] = [_unsigned, _of_something_else, _of_strangers, _crossed]
_NOISE = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


@st.composite
def deliveries(draw: st.DrawFn) -> Sent:
    """A POST: in one case of four it is really signed by Adobe, whatever the body is; some of these are as they should be."""
    names_new_keys = False
    is_adobes = draw(st.integers(0, 3)) == 0
    body = draw(_AN_EVENT if is_adobes and draw(st.integers(0, 2)) == 0 else BODIES)
    if is_adobes:
        headers = signed(body, first=draw(st.sampled_from([0, -1])))
        headers["x-adobe-public-key1-path"] = key_pair(0).path
    else:
        headers = draw(st.sampled_from(_FORGERIES))(body)
        for name in [name for name in headers if name != "content-type"]:
            kind = draw(st.integers(0, 12))
            if kind == 0:
                headers[name] = draw(_NOISE)
            elif kind == 1 and name.endswith("path"):
                names_new_keys = True
                headers[name] = f"/prod/keys/pub-key-{draw(st.uuids())}.pem"
    at = draw(st.lists(st.integers(0, len(body)), max_size=3).map(sorted))
    edges = [0, *at, len(body)]
    chunks = tuple(body[start:end] for start, end in pairwise(edges))
    raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
    return Sent(chunks, raw, is_adobes, names_new_keys)
