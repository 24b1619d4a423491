"""B6: is each dispatcher configuration of the corpus, and each fault put into a good one, judged as is right?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.security._dispatcher_faults import RULES
from aem_checks.kinds.security.dispatcher_config import DispatcherConfig, judged
from aem_checks.outcomes import Judgement, Outcome, Severity
from unit.aem_checks.security.dispatcher_corpus import CORPUS, Case
from unit.aem_checks.security.dispatcher_faults import FAULTS, Fault, bad_of, table
from unit.aem_checks.security.dispatcher_files import DEFAULT, GOOD, Files

PAGE = Path(__file__).parents[4] / "docs" / "dispatcher.md"


def codes(judgement: Judgement, *, notes: bool) -> set[str]:
    return {each.code for each in judgement.findings if (each.outcome is Outcome.PASSED) is notes}


def judge(files: Files, severity: Severity) -> Judgement:
    return judged(files.all_texts(), files.all_links(), severity)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_configuration_is_judged_as_is_right(case: Case) -> None:
    judgement = judge(case.files, Severity.BLOCK)
    assert codes(judgement, notes=False) == case.bad
    assert codes(judgement, notes=True) == case.notes
    assert judgement.examined == case.farms
    assert (judgement.weigh(Severity.BLOCK)[1] is not Outcome.PASSED) is case.blocks


def test_there_are_thirty_configurations_and_each_has_its_own_name() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS) >= 30


def test_nothing_of_the_archetype_as_it_comes_blocks() -> None:
    judgement = judge(DEFAULT, Severity.BLOCK)
    assert {each.severity for each in judgement.findings if each.outcome is not Outcome.PASSED} == {
        Severity.WARN
    }


def test_nothing_is_said_of_a_configuration_as_adobe_advises() -> None:
    assert bad_of(GOOD) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code}: {fault.what}")
def test_a_fault_is_told_by_its_code(fault: Fault) -> None:
    told = [each for each in bad_of(fault.files) if each.code == fault.code]
    assert told, "the fault is not seen"
    assert all("To do: " in each.sentence for each in told)


def test_each_rule_has_a_fault_that_shows_it_and_a_page() -> None:
    assert set(RULES) == {fault.code for fault in FAULTS}
    said = {"too_long"} | {code for code, what in DispatcherConfig.codes.items() if what.startswith("a note")}
    assert set(DispatcherConfig.codes) == set(RULES) | said
    assert all(rule.id and rule.page.startswith("https://") for rule in RULES.values())


def test_a_fault_is_a_warning_unless_it_opens_something() -> None:
    grave = {each.code for fault in FAULTS for each in bad_of(fault.files) if each.severity is None}
    assert grave == {
        "allow_by_glob",
        "first_filter",
        "no_filter",
        "none_enabled",
        "opens",
        "selectors",
        "unreadable",
    }


def test_the_table_in_the_docs_is_what_the_faults_come_to() -> None:
    shown = PAGE.read_text(encoding="utf-8")
    writer = "PYTHONPATH=tests python -m unit.aem_checks.security.dispatcher_faults"
    message = f"docs/dispatcher.md is out of date. To do: put in what '{writer}' prints."
    assert "\n".join(table()) in shown, message
