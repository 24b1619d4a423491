"""The scene that catches most in the least time: everything dies in each phase, and for one gate the disk is full."""

from __future__ import annotations

import pytest

from chaos import table
from chaos.phases import Part, Phase
from chaos.scene import Row, Scene, late_violations
from chaos.store import mounting_is_allowed
from chaos.strikes import strike_named
from chaos.theatre import Theatre
from local_postgres import PostgresMissing, programs

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("second airflow")]
CAST = (
    Part(Phase.WAITING),
    Part(Phase.JUDGING),
    Part(Phase.JUDGING, starved=True),
    Part(Phase.CLAIMED),
    Part(Phase.CLAIMED, good=False),
    Part(Phase.SENT),
    Part(Phase.READ_BACK),
)
Rows = dict[Part, Row]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """What a power cut makes of each release; without the starved one where mounting is not allowed."""
    pytest.importorskip("psycopg2", reason="apache-airflow-providers-postgres is not installed")
    try:
        programs()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    room = mounting_is_allowed(tmp_path_factory.mktemp("mount"))
    parts = [part for part in CAST if room or not part.starved]
    with Theatre(tmp_path_factory.mktemp("chaos"), parts, patient=True) as theatre:
        played = Scene(strike_named("power cut"), theatre, parts).play()
        assert late_violations(theatre.simulator, theatre.players) == [], table.scene(played)
    return {row.part: row for row in played}


def test_a_power_cut_breaks_no_invariant_in_any_phase(rows: Rows) -> None:
    assert {row.part.name: row.end.violations for row in rows.values() if not row.is_right} == {}


@pytest.mark.parametrize(("good", "word"), [(True, "approved"), (False, "halted")])
def test_what_was_claimed_and_not_sent_goes_on_after_a_crash(rows: Rows, good: bool, word: str) -> None:
    end = rows[Part(Phase.CLAIMED, good=good)].end
    assert (end.word, end.record) == (word, word)


@pytest.mark.parametrize("phase", [Phase.SENT, Phase.READ_BACK])
def test_what_was_sent_and_not_acknowledged_takes_effect_once_and_is_on_record(
    rows: Rows, phase: Phase
) -> None:
    end = rows[Part(phase)].end
    assert (end.word, end.record) == ("approved", "approved")


def test_without_room_for_a_seal_nothing_is_sent_and_it_is_said(rows: Rows) -> None:
    starved = Part(Phase.JUDGING, starved=True)
    if starved not in rows:
        pytest.skip("mounting a small file system is not allowed here: it needs root")
    end = rows[starved].end
    assert end.word.startswith("waits")
    assert end.sentence
