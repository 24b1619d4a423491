"""Does the webhook keep its promises, whatever is sent? Each body is judged by what is known of it independently."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from stage_gate.webhook.app import create_app
from stage_gate.webhook.reception import Reception
from stage_gate.webhook.writer import News, Writer
from unit.stage_gate.webhook.adobe import (
    OURS,
    REGISTRATIONS,
    UUID,
    AdobesHost,
    adobes_host,
    body_of,
    event,
    signed,
)
from webhook_soak.asgi import call
from webhook_soak.bodies import Sent, deliveries, spoilt

BODIES = 4
"""Of each example: as it was drawn, and spoilt in three ways."""
TAKEN = {200}
REFUSED = {400, 401, 403, 413}


class Broken(AssertionError):
    """A promise was broken."""


@dataclass
class Seen:
    """What was answered, and how often."""

    answers: Counter[str] = field(default_factory=Counter)
    stored: int = 0


class Endpoint:
    """An app whose store keeps what it is given, in an event loop of its own."""

    def __init__(self, host: AdobesHost) -> None:
        self.kept: list[News] = []
        self.host = host
        self.loop = asyncio.new_event_loop()
        reception = Reception(
            REGISTRATIONS, host.settings, Writer(self._keep), per_second=10_000, within=20.0
        )
        self.app = create_app(reception)

    def _keep(self, together: Sequence[News]) -> None:
        self.kept += together

    def fetch_keys(self) -> None:
        """Before strangers use up the fetches of unknown keys: that is not what is tried here."""
        body = body_of(event("the first one"))
        headers = tuple((name.encode(), value.encode()) for name, value in signed(body).items())
        if self.post(Sent((body,), headers, is_adobes=True)) != 200:
            raise Broken("a good delivery was not taken")

    def post(self, sent: Sent, path: str = f"/{OURS.name}") -> int:
        answer = call(self.app, "POST", path, headers=sent.headers, chunks=sent.chunks)
        return self.loop.run_until_complete(answer).status

    def challenge(self, query: str) -> Any:
        return self.loop.run_until_complete(call(self.app, "GET", f"/{OURS.name}", query=query))


def play(many: int, seed: int) -> Seen:
    """Send so many bodies. Raises ``Broken`` with the smallest body that breaks a promise, shrunk by Hypothesis."""
    seen = Seen()
    with adobes_host() as host:
        endpoint = Endpoint(host)
        try:
            endpoint.fetch_keys()
            _run(many // BODIES, seed, deliveries(), lambda sent: _deliveries(endpoint, sent, seen))
            _run(max(1, many // 40), seed, _QUERIES, lambda query: _challenge(endpoint, query, seen))
            _only_adobes_paths(host)
        finally:
            endpoint.loop.close()
    seen.stored = len(endpoint.kept)
    return seen


def _run(many: int, seed: int, strategy: Any, judge: Any) -> None:
    @seeded(seed)
    @settings(
        max_examples=many,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(strategy)
    def one(drawn: Any) -> None:
        judge(drawn)

    one()


def _deliveries(endpoint: Endpoint, sent: Sent, seen: Seen) -> None:
    for each in (sent, *spoilt(sent)):
        _delivery(endpoint, each, seen)


def _delivery(endpoint: Endpoint, sent: Sent, seen: Seen) -> None:
    before = len(endpoint.kept)
    status = endpoint.post(sent)
    allowed = TAKEN | REFUSED | {429} | ({503} if sent.names_new_keys else set())
    if status not in allowed:
        raise Broken(f"answered {status} by fault of what was sent")
    if len(endpoint.kept) > before and not (sent.is_adobes and _is_all_ours(sent.body)):
        raise Broken("something was stored that Adobe did not sign for us")
    if status == 200 and len(endpoint.kept) == before and not _may_be_taken_unstored(sent):
        raise Broken("answered 200 to an unsigned body")
    seen.answers[f"POST {status}{' signed' if sent.is_adobes else ''}"] += 1


def _is_all_ours(body: bytes) -> bool:
    """Whether each element names our client id, in one of the spellings or both."""
    document = json.loads(body)
    elements = document if isinstance(document, list) else [document]
    names = [
        {each.get(name) for name in ("recipientclientid", "recipient_client_id")} - {None}
        for each in elements
    ]
    return all(each == {OURS.client_id} for each in names)


def _may_be_taken_unstored(sent: Sent) -> bool:
    """Known already, or a handshake."""
    return sent.is_adobes or b"validationUrl" in sent.body


_QUERIES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
    st.text(max_size=40).map(lambda text: f"challenge={text.encode('utf-8', 'replace').hex()}"),
    st.uuids().map(lambda each: f"challenge={each}"),
    st.sampled_from([f"challenge={UUID}&challenge=<b>", f"challenge={UUID}%0d%0aX: y", f"Challenge={UUID}"]),
)


def _challenge(endpoint: Endpoint, query: str, seen: Seen) -> None:
    answer = endpoint.challenge(query)
    if answer.status not in (200, 400):
        raise Broken(f"answered {answer.status} to a challenge")
    if answer.headers["content-type"] != "text/plain; charset=utf-8":
        raise Broken("answered a challenge with something else than plain text")
    is_plain = len(answer.body) == 36 and not set(answer.body.decode()) - set("0123456789abcdefABCDEF-")
    if answer.status == 200 and not is_plain:
        raise Broken("echoed something that is no UUID")
    seen.answers[f"GET {answer.status}"] += 1


def _only_adobes_paths(host: AdobesHost) -> None:
    for path in host.asked:
        if not path.startswith(("/prod/keys/pub-key-", "/csm/registrations/validate?id=")):
            raise Broken(f"asked Adobe's host for {path}")
