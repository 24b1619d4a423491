"""How many requests does a release cost? Each is paid for, and waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from demo.__main__ import write_gate
from demo.releases import GATE
from simulator import Simulator
from unit.stage_gate.object_stores.player import Player
from unit.stage_gate.object_stores.servers import CountedS3

MOST = {"the first release": 800, "a release with a baseline": 900}
"""Requests of one release of the demo, with all its checks and the tests of production."""


def test_a_release_of_the_demo_asks_its_store_at_most_800_times(
    s3: CountedS3, demo: Simulator, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All checks of the demo's gate, Chromium's among them: that is what is counted, and what takes the time."""
    write_gate(tmp_path / "gates", demo)
    player = Player(demo, tmp_path / "gates" / f"{GATE}.yaml", s3.begin)
    for what, most in MOST.items():
        s3.asked.clear()
        player.start("good")
        assert player.play() == ["approve_production"]
        assert player.errors == {}
        asked, by_verb = s3.asked.total(), Counter[str]()
        for (_, verb), times in s3.asked.items():
            by_verb[verb] += times
        record_property(what, f"{asked} requests: {dict(by_verb)}")
        assert asked <= most, f"{what}: {s3.table()}"
        assert by_verb["HEAD"] < asked / 50, "what is there is read, and not asked for before that"
