"""How does one acting task run, stop between its steps, get hit and die, in the order that a schedule wants?

A task is a coroutine (greenlet) that stops before each step, so that two of them take turns without threads. What
hits it comes in where it would: in the simulator's answers, in the calls that write and read files, or as a crash
that nothing catches.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unittest import mock

import requests
from greenlet import getcurrent, greenlet

from adobe_cloud_manager.hooks.plain_session import PlainSession
from faults.kinds import CLOCKS, CRASHES, LATER, At, Kind
from faults.scene import Scene
from faults.schedule import Strike
from simulator import Fault
from simulator.holds import Hold
from stage_gate.acting import road
from stage_gate.acting.road import Road
from stage_gate.acting.wanting import Held
from stage_gate.evidence import signing
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.observing import side_by_side
from stage_gate.rules.decision import Command, Event
from unit.simulator.caller import eventually

T = TypeVar("T")
_AT = {
    Command.PROVE: At.PROVE,
    Command.CLAIM: At.CLAIM,
    Command.CONFIRM: At.CONFIRM,
    Command.TAKE_TICKET: At.TICKET,
    Command.SEND: At.SEND,
    Command.READ_BACK: At.READ_BACK,
}
_STATUS = {
    Kind.RATE_LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.FORBIDDEN: 403,
    Kind.UNAUTHORIZED: 401,
    Kind.REDIRECT: 307,
    Kind.ACCEPTED_LATE: 202,
}
_EFFECT = {
    Kind.MALFORMED: "malformed",
    Kind.DROPPED: "drop",
    Kind.LOST: "lose_answer",
    Kind.APPLIED_LATE: "drop",
}
_LATE_BY_ITSELF = (At.TICKET, At.SEND)
"""Steps that look at the clock before they do anything."""
SHORT = 0.05
"""Seconds that the request may take that is to time out; its answer never comes, so that it always does."""


class Crash(BaseException):
    """The process of the task is gone: nothing catches this."""


@dataclass(frozen=True)
class End:
    """How one try of a task ended: with a record, held with a sentence, or dead."""

    record: DecisionRecord | None = None
    sentence: str = ""
    error: BaseException | None = None

    @property
    def is_broken(self) -> bool:
        """It came to no decision and does not hold either: somebody has to clear it."""
        return self.record is None and not isinstance(self.error, Held)


@dataclass
class Step:
    """One step that a task has taken, for whoever checks and whoever reads a failure."""

    who: int
    at: At
    event: object = None
    requests: int = 0
    """How many requests of the schedule had been made when it began."""
    statuses: list[tuple[str, int]] = field(default_factory=list)
    """Method and status of each answer that reached the task."""


class Actor(greenlet):
    """One acting task of one Airflow: seals if nobody has, acts, records; tried again after a crash."""

    def __init__(
        self,
        scene: Scene,
        who: int,
        strikes: list[Strike],
        tries: int,
        watch: Callable[[Actor, Step], None],
    ) -> None:
        super().__init__(self._live)
        self.scene, self.who, self.watch = scene, who, watch
        self.strikes = list(strikes)
        self.fired: list[Strike] = []
        self.tries = tries
        self.ends: list[End] = []
        self.record: DecisionRecord | None = None
        """What the act of this try came to, before it is written down."""
        self.taken = 0
        """Steps in this try."""
        self.next: At | None = None
        self.skew = 0.0
        self.now: Step | None = None
        self.struck: Strike | None = None
        self.points = 0
        """Calls of the struck kind in this step so far."""
        self.kept: Hold | None = None
        """The answers that do not come in this step, so that their requests time out."""

    def monotonic(self) -> float:
        return time.monotonic() * 1e-3 + self.skew  # a slow machine changes nothing

    def step(self) -> None:
        """Take one step: go on until just before the next one, or to the end."""
        self.parent = getcurrent()
        self.switch()

    def _live(self) -> None:
        while self.tries:
            self.tries -= 1
            self.taken = 0
            self.ends.append(self._try())
            if isinstance(self.ends[-1].error, Crash):
                self.tries = max(self.tries, 1)

    def _try(self) -> End:
        scene, who = self.scene, self.who
        decision = scene.schedule.sides[who].decision
        try:
            self.take(At.SEAL, lambda: scene.judge_and_seal(who))
            self.record = record = scene.act(who, self.monotonic).perform(decision)
            self.take(At.RECORD, lambda: write_decision(scene.evidence[who], record))
        except Held as held:
            return End(sentence=str(held), error=held)
        except (EvidenceError, Crash) as error:
            return End(sentence=str(error), error=error)
        return End(record=record, sentence=record.sentence)

    def take(self, at: At, do: Callable[[], T]) -> T:
        """Carry out one step, with the fault that the schedule has for it."""
        self.next = at
        getcurrent().parent.switch()
        self.next = None
        self.taken += 1
        self.now = Step(self.who, at, requests=len(self.scene.backstage.requests))
        try:
            with self._struck(at) as strike:
                if strike is not None and strike.kind is Kind.CRASH_BEFORE:
                    self._hit(Crash())
                result = do()
                self.now.event = "done" if result is None else result
                if strike is not None and strike.kind is Kind.CRASH_AFTER:
                    self._hit(Crash())
                return result
        except BaseException as error:
            self.now.event = error if self.now.event is None else self.now.event
            raise
        finally:
            step, self.now = self.now, None
            self.watch(self, step)

    @contextmanager
    def _struck(self, at: At) -> Iterator[Strike | None]:
        self.struck = next((strike for strike in self.strikes if strike.at is at), None)
        if self.struck is None:
            yield None
            return
        strike, self.points = self.struck, 0
        self._arm(strike)
        try:
            yield strike
        finally:
            self._disarm(strike)
            self.struck = None

    def _arm(self, strike: Strike) -> None:
        fault = _fault(strike)
        if fault is not None:
            self.scene.backstage.inject(fault)
        if strike.kind is Kind.TIMED_OUT:
            self.kept = self.scene.backstage.keep_answers(strike.nth, lasting=strike.lasting)
        if strike.kind is Kind.LATENCY and strike.at in _LATE_BY_ITSELF:
            self.skew += 3.0
            self.note(strike)

    def _disarm(self, strike: Strike) -> None:
        if self.scene.backstage.fired():
            self.note(strike)
            if strike.kind in LATER:
                self.scene.under_way += _verbs(self)
        self.scene.backstage.clear_faults()
        if self.kept is not None:
            self.scene.backstage.hand_out(self.kept)
            self.kept = None
        is_over = strike in self.fired and not (strike.lasting and strike.kind not in LATER | CRASHES)
        if is_over:
            self.strikes.remove(strike)

    def note(self, strike: Strike) -> None:
        if strike not in self.fired:
            self.fired.append(strike)

    def point(self, kinds: frozenset[Kind]) -> Kind | None:
        """A place where one of these kinds may strike was reached: the kind, if it is time."""
        strike = self.struck
        if strike is None or strike.kind not in kinds:
            return None
        self.points += 1
        due = self.points >= strike.nth if strike.lasting else self.points == strike.nth
        if not due or (strike.kind is Kind.LATENCY and strike.at in _LATE_BY_ITSELF):
            return None
        self.note(strike)
        return strike.kind

    def _hit(self, crash: Crash) -> None:
        assert self.struck is not None
        self.note(self.struck)
        raise crash

    def time_out(self, send: Callable[[], object]) -> NoReturn:
        """Send what is answered too late. It has been handled by then, however slow the machine is."""
        assert self.kept is not None
        before = self.kept.caught
        try:
            send()
        except requests.Timeout:
            eventually(lambda: self.kept is not None and self.kept.caught > before)
            raise
        raise AssertionError("an answer came that was kept")

    def inside(self) -> None:
        """Somewhere in the middle of a step: the place to die."""
        if self.point(frozenset({Kind.CRASH_INSIDE})):
            raise Crash


def _verbs(actor: Actor) -> list[str]:
    assert actor.now is not None
    since = actor.scene.backstage.requests[actor.now.requests :]
    return [each.path.rsplit("/", 1)[-1] for each in since if each.method == "PUT"]


def _fault(strike: Strike) -> Fault | None:
    """The simulator's rule for a fault of the network, ``None`` for all other kinds."""
    times = None if strike.lasting else 1
    rule: dict[str, Any] = {"path": "^/api/", "nth": strike.nth, "times": times}
    kind = strike.kind
    if kind in _STATUS:
        headers = {"Location": "/api/program/12345/elsewhere"} if kind is Kind.REDIRECT else {}
        return Fault(effect="answer", status=_STATUS[kind], headers=headers, **rule)
    if kind in CLOCKS:
        return Fault(effect="clock", offset=CLOCKS[kind], **rule)
    return Fault(effect=_EFFECT[kind], **rule) if kind in _EFFECT else None  # type: ignore[arg-type]


def _playing() -> Actor | None:
    current = getcurrent()
    return current if isinstance(current, Actor) and current.now is not None else None


def _store_call(real: Callable[..., T], kinds: frozenset[Kind], *, after: bool = False) -> Callable[..., T]:
    """A call to the store that fails or dies as the schedule wants; ``after``: dies when it is done."""

    def call(*args: Any, **options: Any) -> T:
        actor = _playing()
        kind = actor.point(kinds) if actor else None
        if kind is not None:
            number = errno.ENOSPC if kind is Kind.FULL else errno.EIO
            raise OSError(number, os.strerror(number))
        result = real(*args, **options)
        if actor and after:
            actor.inside()
        return result

    return call


WRITING, READING = frozenset({Kind.FULL, Kind.IO_ERROR}), frozenset({Kind.UNREADABLE})


def _carry_out(real: Callable[[Road, Command], Event]) -> Callable[[Road, Command], Event]:
    def carry_out(road: Road, doing: Command) -> Event:
        actor = getcurrent()
        return (
            actor.take(_AT[doing], lambda: real(road, doing))
            if isinstance(actor, Actor)
            else real(road, doing)
        )

    return carry_out


_SAME = re.compile(r"/program/\d+/(pipelines|environment/[^/]*/domain-mappings)$")
"""What never changes in the scenario: asked for once, and whenever a fault may strike."""
_REMEMBERED: dict[str, requests.Response] = {}


def _without_wire(actor: Actor | None, url: str, headers: Mapping[str, str]) -> requests.Response | None:
    """An answer where no fault waits: a question whose answer is always the same, or the simulator asked directly."""
    if actor is not None and actor.struck is not None:
        return None
    response = _REMEMBERED.get(url)
    if response is not None:
        response.headers["Date"] = formatdate(usegmt=True)
        return response
    return actor.scene.backstage.answer(url, headers) if actor else None


def _get(real: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def get(session: PlainSession, url: str, headers: Mapping[str, str], **options: Any) -> requests.Response:
        actor = _playing()
        response = _without_wire(actor, url, headers)
        if response is None:
            return real(session, url, headers=headers, **options)
        if actor and actor.now:
            actor.now.statuses.append(("GET", response.status_code))
        return response

    return get


def _remember(response: requests.Response) -> None:
    if response.status_code == 200 and _SAME.search(response.url):
        assert response.content
        _REMEMBERED.setdefault(response.url, response)


def _send(real: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def send(session: PlainSession, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        actor = _playing()
        if actor and actor.point(frozenset({Kind.LATENCY})):
            actor.skew += 3.0
        if actor and "/api/" in str(request.url) and actor.point(frozenset({Kind.TIMED_OUT})):
            actor.time_out(lambda: real(session, request, **options | {"timeout": SHORT}))
        response = real(session, request, **options)
        if actor is None or actor.struck is None:
            _remember(response)
        if actor and actor.now:
            actor.now.statuses.append((str(request.method), response.status_code))
            actor.inside()
        return response

    return send


@contextmanager
def on_stage() -> Iterator[None]:
    """Put the places where faults strike into the code; no file is synchronised, since no machine loses power here."""
    _REMEMBERED.clear()
    with ExitStack() as stack:

        def replace(owner: object, name: str, new: Any) -> None:
            stack.enter_context(mock.patch.object(owner, name, new))

        replace(side_by_side, "AT_ONCE", 1)  # one after another, where the faults wait
        replace(road.Road, "_carry_out", _carry_out(Road._carry_out))
        replace(PlainSession, "get", _get(PlainSession.get))
        replace(PlainSession, "send", _send(PlainSession.send))
        replace(requests.sessions, "get_environ_proxies", lambda url, no_proxy=None: {})
        replace(signing, "public_key", cache(signing.public_key))
        replace(os, "fsync", _store_call(lambda number: None, WRITING, after=True))
        replace(os, "link", _store_call(os.link, WRITING, after=True))
        replace(Path, "read_bytes", _store_call(Path.read_bytes, READING, after=True))
        yield
