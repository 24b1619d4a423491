"""No code of a finding is ever renamed or used for something else: waivers, ledgers and scripts of teams name it."""

from __future__ import annotations

from pathlib import Path

from aem_checks.codes import COMMON, whole_codes
from aem_checks.kinds import all_kinds
from stage_gate.rules import cloud_manager_results, own_tests, smoke_tests
from stage_gate.rules.plan import CLOUD_MANAGER, OWN_TESTS, SMOKE_TESTS

LIST = Path(__file__).with_name("codes.txt")
"""Every code there ever was. To take one out breaks files of teams; a new one is written in, and stays."""


def test_every_code_that_there_ever_was_is_there_and_every_new_one_is_written_down() -> None:
    known = {f"*.{word}" for word in COMMON}
    for name, kind in all_kinds().items():
        known |= whole_codes(name, kind.codes).keys()
    known |= whole_codes(CLOUD_MANAGER, cloud_manager_results.CODES).keys()
    known |= whole_codes(SMOKE_TESTS, smoke_tests.CODES).keys()
    known |= whole_codes(OWN_TESTS, own_tests.CODES).keys()
    kept = set(LIST.read_text(encoding="utf-8").split())
    assert kept - known == set(), "gone or renamed"
    assert known - kept == set(), f"new: write them into {LIST.name}"
