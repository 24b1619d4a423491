"""How is it shown what was struck where? The coverage table, and the totals below it."""

from __future__ import annotations

import json
from collections import Counter

from faults.kinds import CELLS, At, Kind
from faults.play import Cell, Played
from faults.promises import Promise
from faults.schedule import Happening


def table(played: Played) -> str:
    """Fault by step, how often it struck; ``·`` where it can't happen."""
    width = max(len(kind) for kind in Kind)
    lines = ["".join([" " * width, *(f"{at:>11}" for at in At)])]
    for kind in Kind:
        cells = [f"{played.fired[kind, at]:>11}" if (kind, at) in CELLS else f"{'·':>11}" for at in At]
        lines.append("".join([f"{kind:<{width}}", *cells]))
    return "\n".join(lines)


def totals(played: Played, seconds: float = 0.0) -> str:
    """Numbers for people; ``seconds`` of wall time, if known."""
    ends = ", ".join(f"{count:,} {end}" for end, count in sorted(played.ends.items()))
    rate = f" in {seconds:.0f} s ({played.schedules / seconds:.1f} a second)" if seconds else ""
    return (
        f"{played.schedules:,} schedules{rate}: {played.steps:,} steps, {played.requests:,} requests, of them "
        f"{played.sent:,} acts; {played.fired.total():,} faults struck in {struck(played)} of {len(CELLS)} cells, "
        f"{played.happened.total():,} things happened around them in {len(played.happened)} of {len(Happening)} ways. "
        f"The tasks ended: {ends}. Violations of {len(Promise)} promises: 0."
    )


def struck(played: Played) -> int:
    return sum(played.fired[cell] > 0 for cell in CELLS)


def never_struck(played: Played) -> list[str]:
    """The cells that no schedule has covered."""
    return [f"{kind} at {at}" for kind, at in CELLS if not played.fired[kind, at]]


def packed(played: Played) -> str:
    """As text that a worker hands over."""
    fired = [[kind, at, count] for (kind, at), count in played.fired.items()]
    numbers = [played.schedules, played.steps, played.requests, played.sent]
    return json.dumps([numbers, fired, dict(played.happened), dict(played.ends)])


def unpacked(text: str) -> Played:
    numbers, fired, happened, ends = json.loads(text)
    schedules, steps, requests, sent = numbers
    cells: Counter[Cell] = Counter({(Kind(kind), At(at)): count for kind, at, count in fired})
    around = Counter({Happening(name): count for name, count in happened.items()})
    return Played(schedules, cells, around, steps, requests, sent, Counter(ends))
