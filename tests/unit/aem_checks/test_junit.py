"""Reports of test cases, honest and hostile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aem_checks import junit_words as words
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
        ("<testcase name='x'><flakyFailure/><failure/></testcase>", CaseState.FAILED),
        ("<testcase name='x'><rerunError/></testcase>", CaseState.FAILED),
        ("<testcase name='x' success='False'/>", CaseState.FAILED),
        ("<testcase name='x' success='true' status='Failed'/>", CaseState.FAILED),
        ("<testcase name='x' passed='no'/>", CaseState.FAILED),
        ("<testcase name='x' errors='0' failures='0'/>", CaseState.PASSED),
        ("<testcase name='x' failures='1'/>", CaseState.FAILED),
        ("<testcase name='x' timeout='30'/>", CaseState.PASSED),
        ("<testcase name='x' timeout='true'/>", CaseState.FAILED),
        ("<testcase name='x' executed='False'/>", CaseState.SKIPPED),
        ("<testcase name='x' skipped='true'/>", CaseState.SKIPPED),
        ("<testcase name='x' skipped='maybe'/>", CaseState.UNKNOWN),
        ("<testcase name='x' flaky='true'/>", CaseState.PASSED),
        ("<testcase name='x' status=' '/>", CaseState.PASSED),
        ("<testcase name='x' status='not passed'/>", CaseState.UNKNOWN),
        ("<testcase name='x' status='не passed'/>", CaseState.UNKNOWN),
        ("<testcase name='x' status='passed' result='canceled'/>", CaseState.UNKNOWN),
        ("<testcase name='x'><skipped/><lost/></testcase>", CaseState.UNKNOWN),
        ("<testcase name='x' xmlns:o='urn:o' o:status='failed'/>", CaseState.FAILED),
        ("<testcase name='x' xmlns:o='urn:o'><o:failure/></testcase>", CaseState.FAILED),
        ("<testcase name='x'><properties><failure/></properties></testcase>", CaseState.FAILED),
        ("<testcase name='x'><properties><Failure/></properties></testcase>", CaseState.FAILED),
        ("<testcase name='x'><system-out><errors/></system-out></testcase>", CaseState.FAILED),
        ("<testcase name='x' failure-message='no hero'/>", CaseState.UNKNOWN),
        ("<testcase name='x' errorType='AssertionError'/>", CaseState.UNKNOWN),
        ("<testcase name='x' failure-message=''/>", CaseState.PASSED),
        (
            "<testcase name='x'><system-out>a</system-out><system-err/><properties/></testcase>",
            CaseState.PASSED,
        ),
        ("<testcase name='x'><!-- failure --><?failure?></testcase>", CaseState.PASSED),
    ],
)
def test_each_way_of_saying_how_a_case_ended_is_understood(inside: str, state: CaseState) -> None:
    assert [case.state for case in read(f"<testsuite>{inside}</testsuite>").cases] == [state]


@pytest.mark.parametrize("word", ["aborted", "disabled", "ignored", "blocked", "notRun", "todo"])
def test_an_element_that_says_not_run_is_no_pass(word: str) -> None:
    report = read(f"<testsuite><testcase name='a'><{word}/></testcase></testsuite>")
    assert (report.count(CaseState.SKIPPED), report.executed) == (1, 0)


@pytest.mark.parametrize(
    "word", ["passt", "warned", "inconclusive", "cancelled", "unknown", "xpass", "", "0x1"]
)
def test_a_word_that_nobody_knows_is_neither_passed_nor_executed(word: str) -> None:
    element = f"<testcase name='a'><{word or 'odd'}/></testcase>" if word != "0x1" else ""
    for case in filter(None, (element, f"<testcase name='a' status='{word or '?'}'/>")):
        report = read(f"<testsuite>{case}</testsuite>")
        assert [each.state for each in report.cases] == [CaseState.UNKNOWN]
        assert report.executed == 0
        assert report.unknown[0].message in {f"<{word or 'odd'}>", f"status={word or '?'}"}


def test_no_word_means_two_things() -> None:
    lists = [words.FAILED, words.SKIPPED, words.PASSED, words.FLAKY, words.BESIDE]
    assert sum(map(len, lists)) == len(frozenset().union(*lists))
    assert all(words.bare(word) == word for each in lists for word in each)


@pytest.mark.parametrize(
    ("means", "known"),
    [
        ("failed", words.FAILED),
        ("did not run", words.SKIPPED),
        ("passed, flaky", words.FLAKY),
        ("passed", words.PASSED),
    ],
)
def test_the_words_that_are_known_are_listed_for_the_teams(means: str, known: frozenset[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "suites.md").read_text(encoding="utf-8")
    assert f"| {means} | {', '.join(sorted(known))} |" in page


def test_a_case_inside_of_a_case_speaks_for_itself() -> None:
    inner = "<testcase name='row'><failure/></testcase>"
    report = read(f"<testsuite><testcase name='all'><system-out/>{inner}</testcase></testsuite>")
    assert [case.state for case in report.cases] == [CaseState.PASSED, CaseState.FAILED]


def test_skipped_cases_are_not_executed() -> None:
    report = read("<testsuite><testcase name='a'><skipped/></testcase><testcase name='b'/></testsuite>")
    assert (len(report.cases), report.executed) == (2, 1)


def test_a_failure_of_a_whole_suite_is_a_failed_case() -> None:
    report = read('<testsuite name="set-up"><error message="no browser"/></testsuite>')
    assert report.failed == (Case("set-up: outside of any case", CaseState.FAILED, "no browser"),)


@pytest.mark.parametrize(
    "inside",
    ["<Failure/>", "<failed/>", "<properties><failure/></properties>", "<system-err><Error/></system-err>"],
)
def test_a_failure_beside_cases_is_one_however_it_is_written(inside: str) -> None:
    report = read(f"<testsuite name='s'>{inside}<testcase name='a'/></testsuite>")
    assert [case.name for case in report.failed] == ["s: outside of any case"]


@pytest.mark.parametrize("name", ["TestCase", "test-case", "TestSuite"])
def test_a_case_that_is_spelled_otherwise_is_not_passed_over(name: str) -> None:
    with pytest.raises(ReportError, match=f"it writes <{name}>"):
        read(f"<testsuite><{name} name='a'><failure/></{name}><testcase name='b'/></testsuite>")


def test_more_declared_than_listed_failures_are_a_contradiction() -> None:
    report = read('<testsuite name="cut" failures="2" errors="1"><testcase name="a"/></testsuite>')
    assert report.contradictions == ("cut declares 3 failures, but the report lists 0 failed cases",)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        ("tests='some'", "tests=some"),
        ("failures='-1'", "failures=-1"),
        ("Failures='two'", "failures=two"),
        ("errors='1,234'", "errors=1,234"),
        ("skipped='?'", "skipped=?"),
        (f"failures='{'9' * 5000}'", f"failures={'9' * 60}"),
    ],
)
def test_a_total_that_can_not_be_read_may_count_what_is_not_listed(totals: str, said: str) -> None:
    report = read(f"<testsuite name='s' {totals}><testcase name='a'/></testsuite>")
    assert report.contradictions == (f"s declares {said}, which is no number",)


@pytest.mark.parametrize("name", ["failures", "Failures", "failed", "failing", "error", "crashed"])
def test_failures_are_counted_by_whatever_name(name: str) -> None:
    report = read(f"<testsuite name='s' {name}='1'><testcase name='a'/></testsuite>")
    assert report.contradictions == ("s declares 1 failures, but the report lists 0 failed cases",)


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (
            '<testsuite name="s" tests="3"><testcase name="a"/></testsuite>',
            "s declares 3 cases, but the report lists 1",
        ),
        (
            '<testsuites name="all" tests="2"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>',
            "all declares 2 cases, but the report lists 1",
        ),
        (
            '<testsuites><testsuite name="s" tests="2"/><testsuite><testcase name="a"/><testcase name="b"/></testsuite>'
            "</testsuites>",
            "s declares 2 cases, but the report lists 0",
        ),
        (
            '<testsuite name="s" tests="1" skipped="1"><testcase name="a"/></testsuite>',
            "s declares 1 cases that did not run, but the report lists 0 such cases",
        ),
        (
            '<testsuite name="s" result="failed"><testcase name="a"/></testsuite>',
            "s says result=failed of itself, but the report lists no failed case",
        ),
    ],
)
def test_a_total_that_the_listing_does_not_bear_out_is_a_contradiction_with_both_numbers(
    xml: str, said: str
) -> None:
    assert read(xml).contradictions == (said,)


FLAKY = "<testcase name='a'><flakyFailure/><flakyError/></testcase>"
RERUN = "<testcase name='b'><failure/><rerunFailure/></testcase>"


@pytest.mark.parametrize(
    "xml",
    [
        f"<testsuite tests='1' failures='0'>{FLAKY}</testsuite>",
        f"<testsuite tests='3' failures='1' errors='1'>{FLAKY}</testsuite>",
        f"<testsuite tests='5' failures='4'>{FLAKY}{RERUN}</testsuite>",
        f"<testsuites tests='5' failures='4'><testsuite tests='2' failures='1'>{FLAKY}{RERUN}</testsuite></testsuites>",
        "<testsuite tests='1' failures='2'><testcase name='a'><failure/><failure/></testcase></testsuite>",
        "<testsuite tests='3' skipped='2' disabled='2'><testcase name='a'/></testsuite>",
        "<testsuites skipped='1'><testsuite tests='2'><testcase name='a'/></testsuite></testsuites>",
        "<testsuite tests='1' disabled='40'><testcase name='a'/></testsuite>",
        "<testsuite tests='1.0' failures='none' errors='null' skipped=''><testcase name='a'/></testsuite>",
        "<testsuite tests='3' failures='2' errors='0' failed='2'><testcase name='a'><failure/><failure/></testcase></testsuite>",
    ],
)
def test_totals_may_count_cases_tries_or_elements(xml: str) -> None:
    assert read(xml).contradictions == ()


def test_more_tries_than_are_listed_are_a_contradiction() -> None:
    assert read(f"<testsuite tests='4'>{FLAKY}</testsuite>").contradictions != ()
    assert read(f"<testsuite failures='3'>{FLAKY}</testsuite>").contradictions != ()


def listed(*cases: str, tests: int | None = None, classname: str = "A") -> Report:
    """A suite of cases that are written ``name``, ``name!`` where they failed, ``name-`` where they were skipped."""
    inside = {"!": "<failure message='no'/>", "-": "<skipped/>"}
    told = "".join(
        f"<testcase classname='{classname}' name='{each.rstrip('!-')}'>{inside.get(each[-1], '')}</testcase>"
        for each in cases
    )
    return read(f"<testsuite tests='{len(cases) if tests is None else tests}'>{told}</testsuite>")


def test_tries_of_a_method_that_are_listed_one_by_one_are_one_flaky_case_if_the_command_ended_well() -> None:
    report = listed("a()", "b()!", "b()!", "b()", tests=2)
    assert [case.state.value for case in report.cases] == ["passed", "failed", "failed", "passed"]
    assert report.of_success().cases == (
        Case("A: a()", CaseState.PASSED),
        Case("A: b()", CaseState.PASSED, "no", flaky=True),
    )


@pytest.mark.parametrize(
    "cases",
    [
        ("b()", "b()!"),
        ("b()!", "b()", "b()!"),
        ("b()!", "b()-"),
        ("b!", "b"),
        ("b(String)!", "b(String)"),
        ("a row!", "a row"),
        ("b()!", "c()"),
        ("b()!", "b()"),
        ("a()", "b()!", "b()!", "b()"),
    ],
)
def test_what_may_be_rows_or_did_not_pass_in_the_end_stays_failed(cases: tuple[str, ...]) -> None:
    report = listed(*cases).of_success()
    assert len(report.failed) == sum(case.endswith("!") for case in cases)
    assert report.flaky == ()


def test_methods_of_two_suites_are_not_tries_of_one() -> None:
    one = "<testsuite><testcase classname='A' name='b()'><failure/></testcase></testsuite>"
    other = "<testsuite><testcase classname='A' name='b()'/></testsuite>"
    assert len(read(f"<testsuites>{one}{other}</testsuites>").of_success().failed) == 1


def test_tries_that_only_the_number_of_cases_gives_away_are_one_case() -> None:
    report = listed("a", "b", "b", "b", tests=2)
    assert [(case.name, case.flaky) for case in report.cases] == [("A: a", False), ("A: b", True)]
    assert [case.state.value for case in listed("b", "b!", tests=1).cases] == ["failed"]
    assert not listed("b", "b", tests=2).flaky
    assert len(listed("b", "b", tests=2).cases) == 2


def test_a_failure_is_never_taken_for_a_try_of_a_command_that_failed() -> None:
    assert len(listed("b!", "b", tests=1).failed) == 1
    assert listed("b!", "b", tests=1).of_success().failed == ()


@pytest.mark.parametrize(
    ("output", "flaky"),
    [
        ("[[ATTACHMENT|shots/home/test-failed-1.png]]", True),
        ("[[ATTACHMENT|shots/home/error-context.md]]", True),
        ("[[ATTACHMENT|shots/home-retry1/trace.zip]]", True),
        ("[[ATTACHMENT|shots/home/trace.zip]]", False),
        ("wrote test-failed-1.png", False),
    ],
)
def test_what_playwright_leaves_beside_a_case_tells_a_retry(output: str, flaky: bool) -> None:
    inside = f"<system-out><![CDATA[{output}]]></system-out>"
    assert read(f"<testsuite><testcase name='a'>{inside}</testcase></testsuite>").cases[0].flaky is flaky


def test_where_a_case_is_to_fail_its_attachments_tell_nothing() -> None:
    inside = "<properties><property name='fail' value=''/></properties><system-out>[[ATTACHMENT|a/error-context.md]]</system-out>"
    assert read(f"<testsuite><testcase name='a'>{inside}</testcase></testsuite>").flaky == ()


def test_other_xml_is_no_report() -> None:
    assert read_report(b"<coverage><testcase/></coverage>") is None
    assert read_report(b'<!DOCTYPE suite SYSTEM "https://testng.org/testng-1.0.dtd"><suite/>') is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no XML",
        b"<testsuite><testcase>",
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
