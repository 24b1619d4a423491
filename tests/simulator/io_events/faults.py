"""What goes wrong on the way of events? Rules that spoil chosen deliveries or journal entries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.io_events.letters import Effect

Trouble = Literal[
    "duplicate",  # sent `count` times, at once: the same event ids, other delivery ids
    "reorder",  # `count` of them are held back, then leave in reverse order
    "slow",  # the body takes `seconds` (real) to be sent, in the first attempt
    "down",  # for `seconds` of simulated time from now no attempt reaches the webhook
    "lose",  # neither sent nor tried again
    "answer_lost",  # the webhook's answer never arrives: tried again
]


class EventFault(BaseModel):
    """From the `nth` first attempt (or journal entry) on, `times` of them (None: all; a reorder: `count`) get
    `effect`.

    For the journal there are `duplicate`, `reorder` and `lose`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: Trouble | Effect
    where: Literal["webhook", "journal"] = "webhook"
    registration: str | None = None  # id; None: any
    nth: int = Field(default=1, ge=1)
    times: int | None = Field(default=1, ge=1)
    count: int = Field(default=2, ge=2)
    seconds: float = Field(default=1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _enough_to_reorder(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("effect") == "reorder":
            return {"times": value.get("count", 2), **value}
        return value


class EventFaults:
    """The rules in force, each with the number of matches so far, and when the webhooks are down."""

    def __init__(self) -> None:
        self._rules: list[tuple[EventFault, list[int]]] = []
        self._down: list[tuple[float, float, str | None]] = []

    def add(self, fault: EventFault, now: float) -> None:
        if fault.effect == "down":
            self._down.append((now, now + fault.seconds, fault.registration))
        else:
            self._rules.append((fault, [0]))

    def clear(self) -> None:
        self._rules.clear()
        self._down.clear()

    def is_down(self, registration: str, at: float) -> bool:
        """True when an attempt at that time reaches nobody."""
        return any(start <= at < end and who in (None, registration) for start, end, who in self._down)

    def pick(self, registration: str, where: str) -> tuple[EventFault, ...]:
        """Count one delivery or entry against every rule about it; the rules that apply, in their order."""
        picked = []
        for fault, seen in self._rules:
            if fault.where == where and fault.registration in (None, registration):
                seen[0] += 1
                if seen[0] >= fault.nth and (fault.times is None or seen[0] < fault.nth + fault.times):
                    picked.append(fault)
        return tuple(picked)
