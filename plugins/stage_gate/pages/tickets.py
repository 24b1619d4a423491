"""Who may read this execution's evidence without Airflow's cookie? Whoever has a ticket, for a quarter of an hour.

The cookie opens one address only, which hands out the ticket. Files are served for the ticket alone: a page from the
evidence, whatever it is made to do, is worth nothing to anybody who has the cookie and no ticket, and the other way round.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt

LASTS = 900
"""Seconds."""
_ALGORITHM = "HS256"
_AUDIENCE = "stage-gate-evidence"


class NoTicket(Exception):
    """It is none of ours, or its time is over."""


@dataclass(frozen=True)
class Ticket:
    """What it opens: the evidence of one execution under one gate."""

    gate: str
    execution_id: str


class Tickets:
    """Writes and reads tickets with a key that is made from the API server's own and good for nothing else."""

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._key = hmac.new(secret.encode(), _AUDIENCE.encode(), hashlib.sha256).digest()
        self._now = now

    def write(self, ticket: Ticket) -> str:
        """The ticket as one segment of an address."""
        until = int(self._now()) + LASTS
        claims = {"aud": _AUDIENCE, "exp": until, "gate": ticket.gate, "execution": ticket.execution_id}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, text: str) -> Ticket:
        """Raises ``NoTicket``."""
        try:
            claims = jwt.decode(
                text,
                self._key,
                [_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["exp", "aud"], "verify_exp": False},
            )
            late = self._now() >= claims["exp"]
            ticket = Ticket(str(claims["gate"]), str(claims["execution"]))
        except (jwt.InvalidTokenError, KeyError, TypeError) as error:
            raise NoTicket from error
        if late:
            raise NoTicket
        return ticket
