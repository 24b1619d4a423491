"""How is a scene played? Every part is brought to its moment, something is struck, and each release has to come to rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.invariants import End, broken_rules, end_of, stray_requests
from chaos.phases import Part
from chaos.player import Player
from chaos.strikes import Strike
from chaos.theatre import Theatre
from simulator import Simulator

TO_ITS_MOMENT = 600.0
TO_REST = 600.0
TO_THE_END = 300.0
_EVERY = 0.3


@dataclass(frozen=True)
class Row:
    """What became of one release in one scene. `seconds`: from the blow until it was at rest."""

    strike: str
    part: Part
    end: End
    seconds: float

    @property
    def is_right(self) -> bool:
        return not self.end.violations


class Scene:
    """One strike at all parts at once."""

    def __init__(self, strike: Strike, theatre: Theatre, parts: Sequence[Part]) -> None:
        self.strike = strike
        self.theatre = theatre
        wanted = [part for part in parts if part.phase in strike.phases]
        self.players = [Player(part, theatre, in_task=strike.in_task) for part in wanted]
        theatre.players += self.players
        self._rested: dict[str, float] = {}

    def play(self) -> list[Row]:
        """Play it to its end and leave a theatre in which the next one can begin."""
        late = self._bring_to_their_moments()
        struck = time.monotonic()
        self.strike.blow(self.theatre, self.players, self._go_on)
        self._wait(self.players, self._is_at_rest, TO_REST)
        ends = {player: self._end(player, late) for player in self.players}
        self.theatre.mend()
        self._clear_away()
        return [
            Row(
                self.strike.name,
                player.part,
                ends[player],
                self._rested.get(player.run_id, struck + TO_REST) - struck,
            )
            for player in self.players
        ]

    def _bring_to_their_moments(self) -> list[Player]:
        """All at about the same time: nothing can be held longer than the gate waits for an answer."""
        held_from_the_start = [each for each in self.players if each.in_task and each.part.phase.is_deferred]
        others = [each for each in self.players if each not in held_from_the_start]
        for player in others:
            player.begin()
        late = self._wait(others, lambda player: player.is_tested, TO_ITS_MOMENT)
        for player in held_from_the_start:
            player.begin()
        for player in others:
            if player not in late:
                player.go_to_its_moment()
        return late + self._wait(
            [each for each in self.players if each not in late],
            lambda player: player.is_in_its_moment,
            TO_ITS_MOMENT,
        )

    def _end(self, player: Player, late: list[Player]) -> End:
        end = end_of(player, can_write=self.strike.heals)
        more: list[str] = []
        if player in late:
            more.append(
                f"never was in its moment: { ({name: task.state for name, task in player.tasks.items()}) }"
            )
        if player.puts and player.part.phase in self.strike.must_wait:
            more.append("something was sent although production had to wait")
        if self.strike.heals and player.part.verb and not player.puts:
            more.append(f"whatever died is back, and nothing was sent: it deserves {player.part.verb}")
        return End(end.word, end.record, end.sentence, (*end.violations, *more))

    def _go_on(self) -> None:
        for player in self.players:
            player.let_go()

    def _is_at_rest(self, player: Player) -> bool:
        if not player.is_at_rest:
            return False
        self._rested.setdefault(player.run_id, time.monotonic())
        return True

    def _clear_away(self) -> None:
        """A person ends what waits; runs that hold have to notice."""
        for player in self.players:
            player.reject()
        self._wait(self.players, lambda player: player.is_over, TO_THE_END)

    def _wait(self, players: list[Player], there: Callable[[Player], bool], seconds: float) -> list[Player]:
        """Wait for all; returns those that are not there in time."""
        until = time.monotonic() + seconds
        left = list(players)
        while left and time.monotonic() < until:
            left = [player for player in left if not there(player)]
            time.sleep(_EVERY if left else 0)
        return left


def late_violations(simulator: Simulator, players: Sequence[Player]) -> list[str]:
    """The invariants once more, when nothing moves any more: a process that stood still may act late."""
    known = {player.execution for player in players}
    late = [f"{player.run_id}: {rule}" for player in players for rule in broken_rules(player)]
    return late + [f"sent to nobody's execution: {request}" for request in stray_requests(simulator, known)]
