"""What can be answered to Adobe I/O? 4xx ends its attempts, so only what is forged or malformed gets one. No I/O here."""

from __future__ import annotations

import math
from dataclasses import dataclass

AGAIN = 30
"""Seconds for Retry-After where nothing better is known; Adobe keeps its own times, a proxy may not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a sentence of ours; 200 is the only one that says that a delivery is safe."""

    status: int
    sentence: str
    retry_after: int | None = None
    """Seconds."""
    close: bool = False
    """End the connection: the rest of the body is not wanted."""


TAKEN = Answer(200, "Taken.")
KNOWN = Answer(200, "Known already.")
VALIDATING = Answer(200, "Validating.")
UNKNOWN = Answer(404, "There is no such registration here: compare [stage_gate] event_registrations.")
UNSIGNED = Answer(401, "It holds no digital signature of Adobe I/O.")
FORGED = Answer(403, "No signature is one of this body by Adobe's keys.")
FOREIGN = Answer(403, "It is addressed to another client id: compare [stage_gate] event_registrations.")
TOO_LONG = Answer(413, "The body is longer than any that Adobe I/O sends.", close=True)
TOO_SLOW = Answer(503, "The body was not read in time.", AGAIN, close=True)
NO_ROOM = Answer(503, "Too many bodies are being read at once.", AGAIN, close=True)
NO_KEY = Answer(503, "Adobe's public key could not be fetched in time: can this host reach it?", AGAIN)
NO_SECRET = Answer(
    503, "The connection that [stage_gate] event_hmac names has no password, or is not there.", AGAIN
)
NOT_IN_TIME = Answer(
    503, "It was not stored in time; if it still is, the next attempt is known already.", AGAIN
)


def malformed(sentence: str) -> Answer:
    """400 with a sentence that quotes nothing of what came."""
    return Answer(400, sentence)


def too_often(seconds: float) -> Answer:
    """429: Adobe tries again, as it does after 5xx."""
    return Answer(429, "There is more than [stage_gate] event_rate lets through.", max(1, math.ceil(seconds)))


def not_stored(sentence: str) -> Answer:
    """503 with what is wrong on this side."""
    return Answer(503, sentence, AGAIN)
