"""Can a user of Airflow make the gate approve? The short form of `make tampering`: every action, every phase."""

from __future__ import annotations

import pytest

from tampering.campaign import fight_all
from tampering.matrix import Action, Phase, short_form
from tampering.outcome import Report

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The end of the campaign; every raid of it is fought once for all tests of this file."""
    found = fight_all(tmp_path_factory.mktemp("tampering"), short_form(), gates=10)
    print(f"\n{found.table()}\n\n{found.summary()}")
    return found


def test_no_attack_through_airflow_s_api_wins_an_approval_without_proof_or_a_second_act(
    report: Report,
) -> None:
    won = {str(each.raid): report.won_by(each) for each in report.attacks if report.won_by(each)}
    assert won == {}
    assert not report.won_elsewhere
    assert not report.won


def test_every_action_was_carried_out_and_every_phase_attacked(report: Report) -> None:
    assert report.problems == []
    assert {
        each for fought in report.attacks for each in fought.raid.actions if fought.accepted(each)
    } == set(Action)
    assert {each.raid.phase for each in report.attacks if each.accepted()} == set(Phase)
    assert all(each.cells.total() for each in report.attacks)


def test_after_each_attack_an_act_was_tried_again(report: Report) -> None:
    idle = [str(each.raid) for each in report.attacks if not each.cashed["failed"] + each.cashed["success"]]
    assert idle == []


def test_the_same_attacks_succeed_on_an_approval_that_trusts_an_xcom(report: Report) -> None:
    shown = {str(each.raid): report.won_by(each) for each in report.controls}
    assert all(shown.values()), shown
    assert any(won.unproven for won in shown.values())
    assert any(won.second for won in shown.values())
