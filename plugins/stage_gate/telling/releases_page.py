"""Is anything wrong, and where? The page of all gates, one line each, with what wants somebody now above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from adobe_cloud_manager.questions import WAITS_AT_MOST
from stage_gate.acting.runs import dag_id_of
from stage_gate.configuration.policy import PolicySettings
from stage_gate.evidence.files import EvidenceError, driver_of
from stage_gate.rules.decision import Mode
from stage_gate.telling.addresses import NOWHERE, Addresses, of_execution
from stage_gate.telling.glance import Glance, Memory, line_of_glances
from stage_gate.telling.marks import Marks, marks_of
from stage_gate.telling.release import mode_of
from stage_gate.telling.rendering import render
from stage_gate.telling.standing import Tone, told

if TYPE_CHECKING:
    from pathlib import Path

    from stage_gate.evidence.signing import Keys

_ORDER = (Tone.WAITS, Tone.BUSY, Tone.BAD, Tone.GOOD, Tone.QUIET)
_AT_ONCE = 16
"""Gates that are read side by side where every file is a request."""
_REASON_AT_MOST = 280


@dataclass(frozen=True)
class Known:
    """What Airflow knows of a gate that somebody may see."""

    gate: str
    tags: tuple[str, ...] = ()
    is_paused: bool = False
    guards: bool = True
    """It has a Dag; otherwise its file is not valid."""
    trouble: str = ""
    """Why it guards nothing, or not as its file says."""
    trouble_dag: str = ""
    """The Dag whose only task says what is wrong."""
    is_gone: bool = False
    """There is evidence, and no Dag any more."""


@dataclass(frozen=True)
class Line:
    """One gate on the page."""

    known: Known
    newest: Glance | None
    marks: Marks
    mode: str
    people: tuple[str, ...] = ()
    left: str = ""
    problem: str = ""
    """Why its evidence can't be read."""

    @property
    def tone(self) -> Tone:
        if self.problem or not self.known.guards:
            return Tone.BAD
        return self.newest.standing.tone if self.newest else Tone.QUIET

    @property
    def gate(self) -> str:
        return self.known.gate

    @property
    def reason(self) -> str:
        """The first reason against the newest release, as long as a line has room for."""
        text = self.newest.reason if self.newest else ""
        return text if len(text) <= _REASON_AT_MOST else f"{text[:_REASON_AT_MOST]}…"

    @property
    def cloud_manager(self) -> str:
        return of_execution(self.newest.pin) if self.newest and self.newest.pin else ""

    @property
    def since(self) -> str:
        return told(self.newest.since) if self.newest and self.newest.since else ""


@dataclass(frozen=True)
class Wanted:
    """Something that wants somebody now."""

    gate: str
    what: str
    sentence: str
    address: str
    button: str
    tone: Tone = Tone.WAITS


@dataclass(frozen=True)
class Filter:
    """Which gates are shown."""

    name: str = ""
    """Part of the name."""
    tag: str = ""

    def takes(self, known: Known) -> bool:
        return self.name.lower() in known.gate.lower() and (not self.tag or self.tag in known.tags)


def read_lines(known: Sequence[Known], store: Path, keys: Keys, memory: Memory, now: datetime) -> list[Line]:
    """A line for each gate, those first that want somebody. Never raises for a store that is away: the lines say so."""

    def look(each: Known) -> Line:
        return _line(each, store, keys, memory, now)

    if driver_of(store) is None:
        lines = [look(each) for each in known]
    else:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            lines = list(threads.map(look, known))
    return sorted(lines, key=_place)


def _place(line: Line) -> tuple[int, float, str]:
    at = line.newest.since if line.newest else None
    return _ORDER.index(line.tone), -(at.timestamp() if at else 0.0), line.gate


def _line(known: Known, store: Path, keys: Keys, memory: Memory, now: datetime) -> Line:
    try:
        found = line_of_glances(store, known.gate, keys, memory)
    except (EvidenceError, OSError) as error:
        return Line(known, None, marks_of(()), _mode(known, None), problem=str(error))
    newest = found[0] if found else None
    waits = newest is not None and newest.held_at is not None
    return Line(
        known,
        newest,
        marks_of(found),
        _mode(known, newest),
        people=_people(newest) if newest and waits else (),
        left=_left(newest.held_at, now) if newest and newest.held_at else "",
    )


def _mode(known: Known, newest: Glance | None) -> str:
    """As its Dag is tagged now; as it was pinned last where there is none."""
    tagged = next((str(mode) for mode in Mode if mode in known.tags), "")
    return tagged or (str(mode_of(newest.pin, None)) if newest and newest.pin else "")


def _left(since: datetime, now: datetime) -> str:
    """How long Cloud Manager goes on waiting at most: it may have begun to wait before the gate held."""
    left = max(since + WAITS_AT_MOST - now, timedelta())
    return f"at most {left / timedelta(days=1):.1f} days left"


def _people(newest: Glance) -> tuple[str, ...]:
    """Whom the pinned policy asks about this outcome."""
    if newest.pin is None or newest.outcome is None:
        return ()
    try:
        policy = PolicySettings.model_validate(newest.pin.gate_content.get("policy") or {})
    except ValidationError:
        return ()
    hotfix = policy.windows.hotfix.ask if policy.windows and policy.windows.hotfix else ()
    return tuple(policy.on(newest.outcome).ask) or tuple(hotfix)


def wanted_now(lines: Iterable[Line], addresses: Addresses = NOWHERE) -> list[Wanted]:
    """Questions, held releases, and gates that do not guard, in this order."""
    found = [each for line in lines for each in _wanted(line, addresses)]
    return sorted(found, key=lambda each: _ORDER.index(each.tone))


def _wanted(line: Line, addresses: Addresses) -> Iterator[Wanted]:
    newest, known, gate = line.newest, line.known, line.gate
    if newest is not None and newest.held_at is not None:
        yield _of_release(line, newest, addresses)
    if known.trouble:
        dag = addresses.dag(known.trouble_dag or dag_id_of(gate))
        yield Wanted(
            gate,
            "guards nothing" if not known.guards else "out of date",
            known.trouble,
            dag,
            "See why",
            Tone.BAD,
        )
    elif known.is_paused:
        sentence = "Its Dag is paused: Airflow starts and continues nothing of it."
        yield Wanted(gate, "paused", sentence, addresses.dag(dag_id_of(gate)), "Unpause it", Tone.BAD)
    elif line.mode == Mode.SHADOW and not known.is_gone:
        sentence = "Shadow mode: it tests and says what it would do, and holds nothing back."
        yield Wanted(gate, "guards nothing", sentence, addresses.gate(gate), "Its policy", Tone.QUIET)


def _of_release(line: Line, newest: Glance, addresses: Addresses) -> Wanted:
    id = newest.execution_id
    left = f", {line.left}" if line.left else ""
    if newest.asked_at is not None:
        whom = ", ".join(line.people) or "the people of its policy"
        sentence = f"Execution {id}: {whom} can answer since {told(newest.asked_at)}{left}. {line.reason}"
        return Wanted(line.gate, "question", sentence, addresses.question(line.gate, id), "Answer")
    sentence = f"Execution {id} is held since {told(newest.held_at)}{left}. {line.reason}"
    return Wanted(line.gate, "held", sentence, addresses.release(line.gate, id), "Release")


def render_releases(
    lines: Sequence[Line], addresses: Addresses, now: datetime, shown: Filter = Filter(), action: str = ""
) -> str:
    """The whole page. ``action`` is where its form for a filter leads."""
    wanted = wanted_now(lines, addresses)
    return render(
        "releases.html",
        addresses=addresses,
        wanted=[each for each in wanted if each.tone is not Tone.QUIET],
        unguarded=[each for each in wanted if each.tone is Tone.QUIET],
        lines=[line for line in lines if shown.takes(line.known)],
        all=len(lines),
        shown=shown,
        tags=sorted({tag for line in lines for tag in line.known.tags}),
        action=action,
        now=told(now),
    )
