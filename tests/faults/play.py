"""How is a schedule played? Step by step, in its order, then once more with nothing failing."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from faults.actor import Actor, on_stage
from faults.backstage import SCENARIO
from faults.happenings import happen
from faults.kinds import CRASHES, At, Kind
from faults.promises import Promise, Promises, Violation
from faults.scene import House, Scene
from faults.schedule import Happening, Schedule, Strike
from simulator import Simulator

Cell = tuple[Kind, At]


@dataclass
class Played:
    """What schedules have shown, added up."""

    schedules: int = 0
    fired: Counter[Cell] = field(default_factory=Counter)
    """How often each fault struck at each step."""
    happened: Counter[Happening] = field(default_factory=Counter)
    steps: int = 0
    requests: int = 0
    sent: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """How the last tries ended: by decision, or held."""

    def add(self, other: Played) -> None:
        self.schedules += other.schedules
        self.steps += other.steps
        self.requests += other.requests
        self.sent += other.sent
        self.fired += other.fired
        self.happened += other.happened
        self.ends += other.ends


@contextmanager
def opened_house() -> Iterator[House]:
    """A simulator, and the settings that lead there; one for thousands of schedules."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="stage-gate-faults-", dir=memory) as folder,
        pytest.MonkeyPatch.context() as patch,
        Simulator.start(SCENARIO) as simulator,
        on_stage(),
    ):
        for name, value in simulator.environment().items():
            patch.setenv(name, value)
        patch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "1000000000")
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            house = House(simulator, Path(folder))
            with closing(house.backstage):
                yield house
        finally:
            logging.disable(before)


def play(house: House, schedule: Schedule) -> Played:
    """Play one schedule. Raises ``Violation`` with the name of the schedule in its notes."""
    try:
        return Play(house, schedule).whole()
    except Violation as violation:
        violation.add_note(f"schedule {schedule.name}: {schedule}")
        raise


class Play:
    """One schedule on stage; a state machine drives it step by step, ``whole`` in the schedule's own order."""

    def __init__(self, house: House, schedule: Schedule) -> None:
        self.schedule = schedule
        self.scene = Scene(house, schedule)
        self.promises = Promises(self.scene)
        self.happened: Counter[Happening] = Counter()
        self.fired: Counter[Cell] = Counter()
        self.actors = [self._actor(who, faults=True) for who in (0, 1)]

    def _actor(self, who: int, *, faults: bool) -> Actor:
        side = self.schedule.sides[who]
        strikes = [each for each in self.schedule.strikes if each.who == who and faults]
        tries = 2 if side.cleared and not strikes and faults else 1
        return Actor(self.scene, who, strikes, tries, self.promises.watch)

    def whole(self) -> Played:
        """Play it to its end."""
        waiting = list(self.schedule.happenings)
        for number, who in enumerate(self.schedule.order):
            if all(actor.dead for actor in self.actors):
                break
            while waiting and waiting[0][0] <= number:
                self.happen(waiting.pop(0)[1], number % 2)
            if self.scene.under_way and number % 5 == 4:
                self.happen(Happening.LATE_ARRIVES, 0)
            self.step(who if not self.actors[who].dead else 1 - who)
        return self.finish()

    def happen(self, happening: Happening, who: int) -> None:
        happen(self.scene, happening, who)
        self.happened[happening] += 1

    def strike(self, strike: Strike) -> None:
        """From now on this fault waits for its task."""
        self.actors[strike.who].strikes.append(strike)

    def step(self, who: int) -> None:
        """Let one task take one step. Raises ``Violation``."""
        actor = self.actors[who]
        ends = len(actor.ends)
        try:
            actor.step()
        except Violation:
            raise
        except Exception as error:
            raise Violation(Promise.ENDS, f"task {who} ended with {error!r}, which holds nothing") from error
        if len(actor.ends) > ends:
            self.promises.ended(actor)

    def clear(self, who: int) -> None:
        """Somebody clears the task: it begins anew, with nothing that struck it before."""
        self._count(self.actors[who])
        self.actors[who] = self._actor(who, faults=False)

    def finish(self) -> Played:
        """Faults go on to the end of both tasks, then stop; cleared once more, each ends, decided or held.

        A task that some fault has met, or that broke down, is always cleared; of the others, those whose side says so.
        """
        for who in (0, 1):
            self._to_the_end(who)
        self.happen(Happening.LATE_ARRIVES, 0)
        for who, actor in enumerate(self.actors):
            self._count(actor)
            if actor.fired or actor.ends[-1].is_broken or self.schedule.sides[who].cleared:
                self.actors[who] = self._actor(who, faults=False)
                self._to_the_end(who)
        if set(self.happened) == {Happening.LATE_ARRIVES} and all(kind in CRASHES for kind, _ in self.fired):
            for actor in self.actors:
                tries = [each for each in self.actors if self.scene.is_same_run(actor.who, each.who)]
                self.promises.went_on(actor, tries)
        ends: Counter[str] = Counter()
        for actor in self.actors:
            record = actor.ends[-1].record
            ends[str(record.decision) if record else "held"] += 1
        return Played(
            schedules=1,
            fired=self.fired,
            happened=self.happened,
            steps=len(self.promises.steps),
            requests=len(self.scene.backstage.requests),
            sent=len(self.promises.sent),
            ends=ends,
        )

    def _to_the_end(self, who: int) -> None:
        while not self.actors[who].dead:
            self.step(who)

    def _count(self, actor: Actor) -> None:
        self.fired.update((strike.kind, strike.at) for strike in actor.fired)
