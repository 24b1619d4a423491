"""Reports of test cases, honest and hostile."""

from __future__ import annotations

import time

import pytest

from aem_checks.junit import Case, CaseState, Report, ReportError, combine, read_report


def read(xml: str) -> Report:
    report = read_report(xml.encode())
    assert report is not None
    return report


def test_cases_are_counted_and_not_the_totals() -> None:
    report = read(
        '<testsuites tests="173"><testsuite tests="99"><testcase name="one"/></testsuite></testsuites>'
    )
    assert report.cases == (Case("one", CaseState.PASSED),)


@pytest.mark.parametrize(
    "xml",
    [
        "<testsuite>{case}</testsuite>",
        "<testsuites><testsuite>{case}</testsuite></testsuites>",
        "<testsuites>{case}</testsuites>",
        "<testsuites><testsuite><testsuite><testsuite>{case}</testsuite></testsuite></testsuite></testsuites>",
        '<?xml version="1.0"?><!-- hello --><testsuite><properties/>{case}</testsuite>',
    ],
)
def test_a_failed_case_is_found_wherever_it_stands(xml: str) -> None:
    case = '<testcase classname="Home" name="opens"><failure message="no">because</failure></testcase>'
    assert read(xml.format(case=case)).failed == (Case("Home: opens", CaseState.FAILED, "no because"),)


@pytest.mark.parametrize(
    ("inside", "state"),
    [
        ("<testcase name='x'/>", CaseState.PASSED),
        ("<testcase name='x'><error/></testcase>", CaseState.FAILED),
        ("<testcase name='x'><skipped/></testcase>", CaseState.SKIPPED),
        ("<testcase name='x'><skipped/><failure/></testcase>", CaseState.FAILED),
        ("<testcase name='x' status='failed'/>", CaseState.FAILED),
        ("<testcase name='x' status='notrun'/>", CaseState.SKIPPED),
        ("<testcase name='x' result='timed-out'/>", CaseState.FAILED),
        ("<testcase name='x'><flakyFailure/></testcase>", CaseState.PASSED),
    ],
)
def test_each_way_of_saying_how_a_case_ended_is_understood(inside: str, state: CaseState) -> None:
    assert [case.state for case in read(f"<testsuite>{inside}</testsuite>").cases] == [state]


def test_skipped_cases_are_not_executed() -> None:
    report = read("<testsuite><testcase name='a'><skipped/></testcase><testcase name='b'/></testsuite>")
    assert (len(report.cases), report.executed) == (2, 1)


def test_a_failure_of_a_whole_suite_is_a_failed_case() -> None:
    report = read('<testsuite name="set-up"><error message="no browser"/></testsuite>')
    assert report.failed == (Case("set-up: outside of any case", CaseState.FAILED, "no browser"),)


def test_more_declared_than_listed_failures_are_a_contradiction() -> None:
    report = read('<testsuite name="cut" failures="2" errors="1"><testcase name="a"/></testsuite>')
    assert report.contradictions == ("cut declares 3 failures, but the report lists 0 failed cases",)
    assert read(f'<testsuite failures="{"9" * 5000}"><testcase name="a"/></testsuite>').contradictions == ()


def test_other_xml_is_no_report() -> None:
    assert read_report(b"<coverage><testcase/></coverage>") is None
    assert read_report(b'<!DOCTYPE suite SYSTEM "https://testng.org/testng-1.0.dtd"><suite/>') is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no XML",
        b"<testsuite><testcase>",
        b"<testsuite>\x1b[31m</testsuite>",
        b"\xff\xfe<\x00",
        b'<testsuite xmlns="urn:x"><testcase name="a"/></testsuite>',
    ],
)
def test_a_corrupt_or_strange_report_is_refused(data: bytes) -> None:
    with pytest.raises(ReportError):
        read_report(data)


def bomb(use: str) -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE testsuite [<!ENTITY e0 "boom">{entities}]><testsuite{use}</testsuite>'.encode()


@pytest.mark.parametrize(
    "use", ["><testcase name='a'>&e11;</testcase>", "><testcase name='&e11;'/>", " name='&e11;'>"]
)
def test_an_entity_bomb_is_refused_at_once(use: str) -> None:
    started = time.thread_time()
    with pytest.raises(ReportError):
        read_report(bomb(use))
    assert time.thread_time() - started < 2


def test_a_report_cannot_read_files_of_the_machine() -> None:
    entity = b'<!DOCTYPE testsuite [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    xml = entity + b'<testsuite><testcase name="a">&f;</testcase></testsuite>'
    with pytest.raises(ReportError, match="document type"):
        read_report(xml)


def test_reports_are_combined() -> None:
    one = read('<testsuite failures="9"><testcase name="a"/></testsuite>')
    both = combine([one, one])
    assert len(both.cases) == 2
    assert len(both.contradictions) == 2
    assert combine([]) == Report()
