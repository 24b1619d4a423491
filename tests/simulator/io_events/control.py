"""How does a test steer I/O Events? `sim.io_events`, from any thread; a process is told over the control API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from simulator.io_events.faults import EventFault
from simulator.io_events.letters import Effect
from simulator.io_events.payloads import Emitted, Noun, Spelling, Verb, emitted
from simulator.io_events.post import Attempt
from simulator.io_events.registrations import Handshake, Registration, Style
from simulator.io_events.service import IoEvents
from simulator.io_events.signing import signed_headers

T = TypeVar("T")
Call = Callable[[Coroutine[Any, Any, Any], float], Any]  # runs a coroutine in the simulator's loop
_PATIENCE = 120.0  # seconds that the loop may need for anything, on a busy machine


class IoEventsControl:
    """I/O Events of a running simulator."""

    def __init__(self, events: IoEvents, call: Call, now: Callable[[], float], org_id: str) -> None:
        self._events, self._call, self._now, self._org_id = events, call, now, org_id

    @property
    def url(self) -> str:
        """What events-va6.adobe.io, static.adobeioevents.com and csm.adobe.io are here."""
        return self._events.url

    @property
    def stranger_url(self) -> str:
        """A stranger's server, which has a stranger's key at every path; its requests have service `stranger`."""
        return self._events.composer.elsewhere

    @property
    def journal_url(self) -> str:
        """The journal of the registration that is there from the start, without a webhook."""
        return self._events.first.journal_url

    @property
    def registrations(self) -> list[Registration]:
        return list(self._events.registrations.values())

    @property
    def deliveries(self) -> list[Attempt]:
        """Every attempt to deliver so far, oldest first."""
        return list(self._events.post.attempts)

    @property
    def begun(self) -> int:
        """How many slow deliveries a webhook has had a part of so far."""
        return self._events.post.begun

    @property
    def next_attempt_in(self) -> float | None:
        """Simulated seconds until a delivery is tried again; None when none is to be."""
        return self._do(lambda: self._events.post.next_attempt_in)

    @property
    def emitted(self) -> list[Emitted]:
        """Every event so far, oldest first, delivered or not."""
        return list(self._events.emitted)

    def register(
        self,
        url: str,
        *,
        client_id: str | None = None,
        style: Style = "single",
        spelling: Spelling = "both",
        speed: float = 1.0,
        patience: float = 10.0,
        handshake: Handshake = "sync",
    ) -> Registration:
        """A registration with a webhook on this machine, after the handshake; its status says how that went.

        `speed` divides the delays of retries; `patience` is for one attempt, in real seconds. `handshake`: `async`
        leaves out the GET, `none` everything. Without a client id it is the first credential's.
        """
        options = {"style": style, "spelling": spelling, "speed": speed, "patience": patience}
        return self._run(
            self._events.register(url, client_id=client_id, handshake=handshake, **options), patience
        )

    def disable(self, registration: Registration) -> None:
        """As Adobe does after a day of failures: nothing is delivered, what was to be tried again is dropped."""
        self._do(lambda: setattr(registration, "status", "DISABLED"))

    def enable(self, registration: Registration) -> None:
        """As a person does in the Developer Console, with another handshake."""
        self._run(self._events.shake_hands(registration), registration.patience)

    def fault(self, effect: str, **options: Any) -> None:
        """Add a rule; the options are those of `EventFault`."""
        rule = EventFault.model_validate({"effect": effect, **options})
        self._do(lambda: self._events.faults.add(rule, self._now()))

    def clear_faults(self) -> None:
        self._do(self._events.faults.clear)

    def forge(
        self,
        registration: Registration,
        *effects: Effect,
        path: str,
        noun: Noun = "pipeline-execution",
        verb: Verb = "started",
    ) -> Attempt:
        """Send an event that never happened, about the resource at that path; without effects a perfect one."""
        event = emitted(noun, verb, path, at=self._now(), org_id=self._org_id)
        letter = self._do(lambda: self._events.composer.compose(registration, [event], effects))
        return self._run(self._events.post.send(registration, letter), registration.patience)

    def replay(self, attempts: Sequence[Attempt] | None = None) -> list[Attempt]:
        """Send the same bytes and signatures again, as one who overheard them; all of them without a choice."""
        chosen = self.deliveries if attempts is None else attempts
        registrations = self._events.registrations
        made = []
        for each in chosen:
            to = registrations[each.registration]
            made.append(self._run(self._events.post.send(to, each.letter), to.patience))
        return made

    def send(
        self, registration: Registration, body: bytes, *, headers: dict[str, str] | None = None
    ) -> Attempt:
        """Send any bytes, signed as Adobe signs; `headers` replace those of the signature."""
        event = emitted("pipeline-execution", "started", "/", at=self._now(), org_id=self._org_id)

        def letter() -> Any:
            made = self._events.composer.compose(registration, [event])
            signed = {**made.headers, **signed_headers(body, *self._events.keys.pairs), **(headers or {})}
            return dataclasses.replace(made, body=body, headers=signed)

        return self._run(self._events.post.send(registration, self._do(letter)), registration.patience)

    def settle(self, seconds: float = 300.0) -> None:
        """Wait until everything that is due has been delivered or has failed for now."""
        self._call(self._events.settle(), seconds)

    def expire_journals(self) -> None:
        """Everything in the journals is forgotten, as when seven days have passed."""
        self._do(self._events.expire_journals)

    def set_retry_after(self, seconds: int) -> None:
        """What a journal says at its end; 10 as at Adobe otherwise."""
        self._events.retry_after = seconds

    def rotate_keys(self) -> None:
        """Adobe replaces the older of its two key pairs."""
        self._do(self._events.keys.rotate)

    def _run(self, coroutine: Coroutine[Any, Any, T], patience: float) -> T:
        done: T = self._call(coroutine, 2 * patience + _PATIENCE)
        return done

    def _do(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        done: T = self._call(call(), _PATIENCE)
        return done
