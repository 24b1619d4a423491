"""Report files that are no clean XML: coloured, long, nested, garbled; read where that is safe, else refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aem_checks import junit_xml
from aem_checks.junit import MAX_ELEMENTS, Case, CaseState, Report, ReportError, read_report
from aem_checks.junit_xml import MAX_REPORT_BYTES, parse

RED = "<testsuite><testcase name='a'><failure message='{0}'>{0}</failure></testcase></testsuite>"
TEN_MB = 10_000_000


def read(data: bytes) -> Report:
    report = read_report(data)
    assert report is not None
    return report


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF8", "us-ascii", "iso-8859-1", "ISO-8859-15", "windows-1252"]
)
@pytest.mark.parametrize(
    "text", ["\x1b[31mno hero\x1b[0m", "no \x07hero", "no hero\x00", "&#27;[1mno hero&#x1B;[0m"]
)
def test_a_report_with_control_characters_is_read_without_them(text: str, encoding: str) -> None:
    data = f"<?xml version='1.0' encoding='{encoding}'?>{RED.format(text)}".encode()
    report = read(data)
    assert report.cases == (Case("a", CaseState.FAILED, "no hero no hero"),)
    assert report.replaced >= 2


def test_a_clean_report_is_read_as_it_is() -> None:
    report = read(RED.format("&#9;no&#10;hero \x7f").encode())
    assert (report.cases[0].message, report.replaced) == ("no hero no hero", 0)


def test_text_on_both_sides_of_a_control_character_never_becomes_markup() -> None:
    hidden = "]\x1b[0m]><failure/>"
    report = read(
        f"<testsuite><testcase name='a'><system-out><![CDATA[{hidden}]]></system-out></testcase></testsuite>".encode()
    )
    assert [case.state for case in report.cases] == [CaseState.PASSED]


@pytest.mark.parametrize(
    "data",
    [
        b"<testsuite><test\x1bcase name='a'/></testsuite>",
        b"<testsuite><testcase name='a'/></testsuite>\x00\x00",
        "<?xml version='1.0' encoding='utf-16'?><testsuite>\x1b[0m</testsuite>".encode("utf-16"),
        b"<?xml version='1.0' encoding='iso-2022-jp'?><testsuite>\x07</testsuite>",
        b"<?xml version='1.0' encoding='utf-7'?><testsuite>\x07</testsuite>",
        b"<?xml version='1.0' encoding='nonsense'?><testsuite>\x07</testsuite>",
    ],
)
def test_a_control_character_that_cannot_be_replaced_safely_is_no_report(data: bytes) -> None:
    with pytest.raises(ReportError):
        read_report(data)


def test_a_coloured_report_that_is_broken_besides_says_how_to_switch_colours_off() -> None:
    with pytest.raises(ReportError, match=r"1 control characters.*NO_COLOR.*FORCE_COLOR"):
        read_report(b"<testsuite>\x1b[0m<testcase></testsuite>")


@pytest.mark.parametrize("size", [TEN_MB - 1, TEN_MB + 1, 31 * 1024 * 1024])
def test_a_text_may_be_as_long_as_a_report(size: int) -> None:
    data = (
        b"<testsuite tests='1'><testcase name='a'/><system-out>" + b"x" * size + b"</system-out></testsuite>"
    )
    assert read(data).executed == 1


def test_a_report_over_the_limit_says_the_limit() -> None:
    with pytest.raises(ReportError, match="larger than 32 MiB"):
        read_report(b"<testsuite/>".ljust(MAX_REPORT_BYTES + 1))


def test_a_long_page_inside_of_a_report_may_have_a_document_type() -> None:
    page = b"<![CDATA[<!DOCTYPE html>" + b"x" * TEN_MB + b"]]>"
    assert (
        read(b"<testsuite><testcase name='a'/><system-out>" + page + b"</system-out></testsuite>").executed
        == 1
    )


@pytest.mark.parametrize("before", [b"", b"<!-- <testsuite> -->", b"<?xml version='1.0'?> <?x?>"])
def test_a_long_report_with_a_document_type_is_read_within_the_parsers_limits(before: bytes) -> None:
    bomb = b"<!DOCTYPE testsuite [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
    with pytest.raises(ReportError):
        read_report(before + bomb + b"<testsuite name='&b;'>" + b"x" * TEN_MB + b"</testsuite>")


def test_a_report_of_more_elements_than_anybody_reads_says_so() -> None:
    with pytest.raises(ReportError, match="more than 500,000 elements"):
        read_report(b"<testsuite>" + b"<a/>" * MAX_ELEMENTS + b"</testsuite>")


def test_elements_nested_too_deeply_are_refused() -> None:
    deep = b"<testsuite>" * 4000 + b"</testsuite>" * 4000
    with pytest.raises(ReportError):
        read_report(deep)
    with pytest.raises(ReportError):
        read_report(deep.replace(b"><", b">" + b"x" * TEN_MB + b"<", 1))


def test_deep_suites_of_a_long_report_are_counted() -> None:
    deep = b"<testsuite tests='1'>" * 1500 + b"<testcase name='a'/>" + b"x" * TEN_MB + b"</testsuite>" * 1500
    assert (read(deep).executed, read(deep).contradictions) == (1, ())


NAMES = st.sampled_from(
    [
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "flakyFailure",
        "rerunError",
        "aborted",
        "properties",
        "system-out",
        "odd",
        "o:testcase",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "passed",
            "failed",
            "skipped",
            "0",
            "1",
            "7",
            "-1",
            "true",
            "False",
            "99999999999",
            "٣",
            "a()",
            "timeout",
        ]
    ),
    st.text(max_size=12),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            "name",
            "classname",
            "status",
            "result",
            "success",
            "tests",
            "failures",
            "errors",
            "skipped",
            "disabled",
            "executed",
        ]
    ),
    VALUES,
    max_size=4,
)


def written(name: str, attributes: dict[str, str], inside: str) -> str:
    told = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    return f'<{name}{told} xmlns:o="urn:o">{inside}</{name}>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


TREES = st.recursive(
    st.builds(written, NAMES, ATTRIBUTES, st.text(max_size=12).map(_escaped)),
    lambda inner: st.builds(written, NAMES, ATTRIBUTES, st.lists(inner, max_size=5).map("".join)),
    max_leaves=25,
)


def read_or_refused(data: bytes) -> Report | None:
    try:
        return read_report(data)
    except ReportError:
        return None


@settings(max_examples=200, deadline=None)
@given(TREES, st.sampled_from(["testsuite", "testsuites"]), ATTRIBUTES)
def test_no_report_that_can_be_written_breaks_the_reader(
    inside: str, root: str, attributes: dict[str, str]
) -> None:
    data = written(root, attributes, inside).encode("utf-8", "surrogatepass")
    for cut in (data, data[: len(data) * 2 // 3]):
        report = read_or_refused(cut)
        if report is not None:
            assert report.executed + report.count(CaseState.SKIPPED) + len(report.unknown) == len(
                report.cases
            )
            assert len(report.of_success().cases) <= len(report.cases)
            assert set(report.of_success().unknown) == set(report.unknown)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_inside_of_a_report_break_the_reader(data: st.DataObject) -> None:
    whole = bytearray(RED.format("no hero").encode())
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(whole)))
        whole[place:place] = data.draw(st.binary(max_size=6))
    read_or_refused(bytes(whole))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_reader(data: bytes) -> None:
    read_or_refused(data)
    read_or_refused(b"<testsuite>" + data + b"</testsuite>")


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=0x7F), max_size=20))
def test_whatever_stands_in_a_failure_it_stays_one(text: str) -> None:
    report = read_or_refused(RED.format(_escaped(text).replace("'", "&apos;")).encode())
    assert report is None or [case.state for case in report.cases] == [CaseState.FAILED]


def test_what_is_read_holds_no_character_that_stood_for_another() -> None:
    assert junit_xml.readable("\x7f[1;31mno\x7f hero&#27;[0m #x1B[2Kat all") == "no hero at all"
    assert parse(b"<a>\x1b</a>").root.text == junit_xml.MARK
