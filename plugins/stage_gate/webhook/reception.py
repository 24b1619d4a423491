"""What is answered to a delivery? Only a signed one that is addressed to us is stored, and nothing more is done with it.

The order keeps strangers cheap: whom it is addressed to is read before a key is fetched, so that nobody who does not know
a client id can use up the fetches; and a registration's rate counts only what Adobe has signed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from adobe_cloud_manager.events.envelope import MAX_BODY, MalformedDelivery, parse_delivery
from adobe_cloud_manager.events.handshake import validation_target
from adobe_cloud_manager.events.keys import KeyRing, KeyUnavailable, KeyUnknown
from adobe_cloud_manager.events.signature import MissingSignature, Signatures, hmac_is_valid
from stage_gate.webhook import answers
from stage_gate.webhook.body import Reader
from stage_gate.webhook.hmac_secrets import Secrets
from stage_gate.webhook.limits import Bucket
from stage_gate.webhook.refusals import Refusals
from stage_gate.webhook.seen import Seen
from stage_gate.webhook.validations import Validations
from stage_gate.webhook.writer import News, NotStored, Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from adobe_cloud_manager.events.envelope import CloudManagerEvent
    from adobe_cloud_manager.settings import Settings
    from stage_gate.configuration.event_registrations import Registration
    from stage_gate.webhook.answers import Answer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ANSWER_WITHIN = 0.9
"""Seconds from the end of the body."""
LONG_BODY = 32 * 1024
"""Bytes; a longer one is parsed and verified in a thread, and counts against `_LONG_BYTES` before that."""
_LONG_BYTES = 8 * 1024 * 1024
"""Bytes of long bodies that are looked at in a second, whoever sent them."""
_ALL = 10
"""So many times a registration's rate is the limit for all requests together, forged ones included."""
_HANDSHAKE = 4096
"""Bytes; a POST with ``validationUrl`` is a short one."""
_PLAIN_ID = re.compile(r"[0-9A-Za-z:._-]{1,100}")


class Reception:
    """Everything between the paths and the database, for one process."""

    def __init__(
        self,
        registrations: Mapping[str, Registration],
        settings: Settings,
        writer: Writer,
        *,
        per_second: float,
        reader: Reader | None = None,
        within: float = ANSWER_WITHIN,
    ) -> None:
        self._within = within
        self.reader = reader or Reader(MAX_BODY)
        self.validations = Validations()
        self._registrations = registrations
        self._settings = settings
        self._keys = KeyRing(settings.event_keys_url)
        self._secrets = Secrets()
        self._writer = writer
        self._seen = Seen()
        self._fetches: set[asyncio.Task[dict[str, RSAPublicKey] | None]] = set()
        self._refusals = Refusals()
        self._all = Bucket(per_second * _ALL, per_second * _ALL * 2)
        self._long_bytes = Bucket(_LONG_BYTES, 2 * _LONG_BYTES)
        self._rates = {name: Bucket(per_second, per_second * 10) for name in registrations}

    def admit(self, name: str) -> Answer | None:
        """The refusal of a request before its body is read, if it is one."""
        if wait := self._all.take(time.monotonic()):
            return self.note(name, answers.too_often(wait))
        return None if name in self._registrations else self.note(name, answers.UNKNOWN)

    def note(self, name: str, answer: Answer) -> Answer:
        """Write a line where this is no 200; the answer comes back."""
        if answer.status != 200:
            known = name if name in self._registrations else ""
            self._refusals.note(answer.status, answer.sentence, known, time.monotonic())
        return answer

    async def deliver(self, name: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a body that was read whole, `within` so many seconds. Stores before it says 200."""
        until = time.monotonic() + self._within
        try:
            answer = await self._deliver(self._registrations[name], headers, body, until)
        except MalformedDelivery as error:
            answer = answers.malformed(str(error))
        except NotStored as error:
            answer = answers.not_stored(str(error))
        return self.note(name, answer)

    async def _deliver(
        self, registration: Registration, headers: Mapping[str, str], body: bytes, until: float
    ) -> Answer:
        if (target := _validation_url(body)) is not None:
            return self._validate(target)
        if len(body) > LONG_BODY and (wait := self._long_bytes.take(time.monotonic(), len(body))):
            return answers.too_often(wait)
        try:
            signatures = Signatures.of(headers)
        except MissingSignature:
            if not (registration.hmac_connection and "x-adobe-signature" in headers):
                return answers.UNSIGNED
            signatures = None  # the legacy HMAC decides, and only where there is no other signature
        events = await _apart(body, parse_delivery, body)
        if not all(_is_for(registration, event) for event in events):
            return answers.FOREIGN
        if signatures is None:
            refusal = await self._refused_hmac(registration, headers["x-adobe-signature"], body)
        else:
            refusal = await self._refused(signatures, body, until)
        return refusal or await self._take(registration, _news_of(events, body), until)

    def _validate(self, url: object) -> Answer:
        try:
            target = validation_target(url, self._settings.event_validation_url)
        except ValueError as error:
            return answers.malformed(str(error))
        wait = self.validations.plan(target, time.monotonic())
        return answers.too_often(wait) if wait else answers.VALIDATING

    async def _refused(self, signatures: Signatures, body: bytes, until: float) -> Answer | None:
        """None where either signature is Adobe's. A key that is missing just now may be the one: then it is no 403."""
        fetches = [self._fetch(path) for path in signatures.key_paths]
        missing = False
        try:
            for each in asyncio.as_completed(fetches, timeout=max(0.0, until - time.monotonic())):
                keys = await each
                if keys is None:
                    missing = True
                elif await _apart(body, signatures.is_valid, body, keys):
                    return None
        except TimeoutError:
            missing = True
        return answers.NO_KEY if missing else answers.FORGED

    def _fetch(self, path: str) -> asyncio.Task[dict[str, RSAPublicKey] | None]:
        """Its key is fetched to the end even if nobody waits for it any more: the next attempt finds it."""
        fetch = asyncio.ensure_future(self._key(path))
        self._fetches.add(fetch)
        fetch.add_done_callback(self._fetches.discard)
        return fetch

    async def _key(self, path: str) -> dict[str, RSAPublicKey] | None:
        """The key by its path; nothing where Adobe has none of that name, None where it can't be had now."""
        try:
            return {path: await self._keys.get(path)}
        except KeyUnknown:
            return {}
        except KeyUnavailable:
            return None

    async def _refused_hmac(self, registration: Registration, given: str, body: bytes) -> Answer | None:
        secret = await self._secrets.of(registration.hmac_connection, time.monotonic())
        if not secret:
            return answers.NO_SECRET
        return None if await _apart(body, hmac_is_valid, body, given, secret) else answers.FORGED

    async def _take(self, registration: Registration, news: News, until: float) -> Answer:
        """Store what is new. Known ids come from signed bodies only: no header can make an event known."""
        now = time.monotonic()
        if all(self._seen.has(each, now) for each in news.event_ids):
            return answers.KNOWN
        if wait := self._rates[registration.name].take(now):
            return answers.too_often(wait)
        stored = self._writer.put(news)
        stored.add_done_callback(lambda done: self._remember(news, done))
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await asyncio.shield(_quiet(asyncio.wrap_future(stored)))
        except TimeoutError:
            return answers.NOT_IN_TIME
        return answers.TAKEN

    def _remember(self, news: News, done: Future[None]) -> None:
        """Called by the writer's thread, also for what was stored too late for its answer."""
        if not done.cancelled() and done.exception() is None:
            self._seen.add(news.event_ids, time.monotonic())


def _quiet(future: asyncio.Future[None]) -> asyncio.Future[None]:
    """Whose exception may come when nobody waits any more: the writer has logged it."""
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return future


def _validation_url(body: bytes) -> object:
    """The value of ``validationUrl`` where this is a handshake and no event; else None."""
    if len(body) > _HANDSHAKE or b"validationUrl" not in body:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_handshake = isinstance(document, dict) and "event" not in document
    return document.get("validationUrl") if is_handshake else None


def _is_for(registration: Registration, event: CloudManagerEvent) -> bool:
    return hmac.compare_digest(event.recipient.encode(), registration.client_id.encode())


def _news_of(events: Sequence[CloudManagerEvent], body: bytes) -> News:
    """Ids and subjects. What is no plain id is replaced by a digest of it; without any, of the body."""
    ids = (_id_of(event.event_id.encode() or b"%d of %b" % (at, body)) for at, event in enumerate(events))
    subjects = (event.subject for event in events if event.subject)
    hints = (event.hint for event in events if event.hint)
    return News(tuple(dict.fromkeys(ids)), tuple(dict.fromkeys(subjects)), tuple(dict.fromkeys(hints)))


def _id_of(given: bytes) -> str:
    text = given[:200].decode("ascii", "replace")
    return text if _PLAIN_ID.fullmatch(text) else f"sha256:{hashlib.sha256(given).hexdigest()[:32]}"


async def _apart(body: bytes, function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call a function of a body: in a thread where that takes long enough to keep the web interface waiting."""
    if len(body) <= LONG_BODY:
        return function(*args)
    return await asyncio.to_thread(function, *args)
