"""What is read of the dispatcher's files, and what is said where they can't be read?"""

from __future__ import annotations

import pytest

from aem_checks.dispatcher.any_files import AnyReader, Section, Unknown
from aem_checks.dispatcher.place import Budget

FARM = "a/conf.dispatcher.d/enabled_farms/wknd.farm"
FILTERS = "a/conf.dispatcher.d/filters/filters.any"


def read(text: str, **others: str) -> tuple[Section, AnyReader]:
    names = {"filters": FILTERS, "second": "a/conf.dispatcher.d/filters/second.any"}
    reader = AnyReader({FARM: text, **{names[name]: other for name, other in others.items()}}, root="a/")
    return reader.read(FARM), reader


def test_sections_properties_and_values_keep_their_order_and_places() -> None:
    whole, reader = read(
        '# farm\n/f {\n  /docroot "/x y" # why\n  /hosts { "*" \'[a]\' plain }\n  /delay 300\n}\n'
    )
    assert reader.problems == []
    [farm] = whole.sections()
    assert (farm.name, str(farm.place)) == ("f", f"{FARM}:2")
    assert [(each.name, each.value.text, each.value.place.line) for each in farm.properties()] == [
        ("docroot", "/x y", 3),
        ("delay", "300", 5),
    ]
    [hosts] = farm.sections("hosts")
    assert [(each.text, each.quote) for each in hosts.values()] == [("*", '"'), ("[a]", "'"), ("plain", "")]


def test_the_last_value_of_a_name_counts() -> None:
    whole, _ = read('/f { /mode "1" /mode "2" }')
    value = whole.sections()[0].value("mode")
    assert value is not None
    assert value.text == "2"


def test_a_path_without_quotation_marks_is_a_value() -> None:
    whole, reader = read("/f { /file /tmp/vanity_urls }")
    assert [each.value.text for each in whole.sections()[0].properties()] == ["/tmp/vanity_urls"]
    assert reader.problems == []


def test_a_variable_without_quotation_marks_is_one_value() -> None:
    whole, reader = read("/f { /docroot ${DOCROOT}/x }")
    assert [each.value.text for each in whole.sections()[0].properties()] == ["${DOCROOT}/x"]
    assert reader.problems == []


def test_braces_and_hashes_in_quotation_marks_are_characters() -> None:
    whole, reader = read("/f { /url '/a{2}#b' }")
    assert [each.value.text for each in whole.sections()[0].properties()] == ["/a{2}#b"]
    assert reader.problems == []


def test_an_include_brings_its_sections_into_their_place() -> None:
    whole, reader = read(
        '/f { /0 { } $include "../filters/*.any" /9 { } }', filters='/1 { /type "deny" }', second="/2 { }"
    )
    assert [each.name for each in whole.sections()[0].sections()] == ["0", "1", "2", "9"]
    assert whole.sections()[0].included == ["../filters/*.any"]
    assert not reader.missing


@pytest.mark.parametrize(
    "target", ["filters/filters.any", "/etc/httpd/conf.dispatcher.d/filters/filters.any"]
)
def test_an_include_is_found_from_the_server_s_folder_too(target: str) -> None:
    whole, _ = read(f'/f {{ $include "{target}" }}', filters="/1 { }")
    assert [each.name for each in whole.sections()[0].sections()] == ["1"]


def test_an_include_that_is_not_there_leaves_the_section_open_and_is_told() -> None:
    whole, reader = read('/f {\n $include "../filters/none.any" }')
    [farm] = whole.sections()
    assert not farm.is_whole
    assert [type(item) for item in farm.items] == [Unknown]
    assert {target: str(place) for target, place in reader.missing.items()} == {
        "../filters/none.any": f"{FARM}:2"
    }


@pytest.mark.parametrize(
    ("target", "of_the_image"),
    [
        ("../filters/default_filters.any", True),
        ("/mnt/var/www/hosts.any", True),
        ("../filters/default_wknd.any", False),
    ],
)
def test_files_that_the_image_brings_are_not_missed(target: str, of_the_image: bool) -> None:
    _, reader = read(f'/f {{ $include "{target}" }}')
    assert (target in reader.of_the_image, target in reader.missing) == (of_the_image, not of_the_image)


def test_a_pattern_that_names_nothing_is_no_fault() -> None:
    whole, reader = read('/f { $include "../filters/*_site.any" }')
    assert not reader.missing
    assert not whole.sections()[0].is_whole


def test_variables_that_are_known_are_put_in_and_others_stay() -> None:
    reader = AnyReader({FARM: '/f { /a "${A}/x" /b "${B}" }'}, variables={"A": "1"})
    values = [each.value for each in reader.read(FARM).sections()[0].properties()]
    assert [(value.text, value.is_known) for value in values] == [("1/x", True), ("${B}", False)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("/f {\n /a {\n", 2, "never closed"),
        ("/f { }\n\n}", 3, "closes nothing"),
        ('/f {\n /a "x\n}', 2, "quotation mark"),
        ("/f {\n /a 'x\"\n}", 2, "quotation mark"),
        ('/f {\n /a\n /b "x"\n}', 2, "/a neither a value nor braces"),
        ("/f {\n /a }", 2, "/a neither a value nor braces"),
        ("/f { /a /b {\n} }", 1, "/a neither a value nor braces"),
        ("/f\n{\n $include }", 3, "without the name of a file"),
        ("\n/f {\n /a \0 }", 1, "no text"),
        ("/f {\n /a \ufffd }", 2, "no UTF-8"),
        ("/f {\n" + "{" * 20 + "}" * 20 + "}", 2, "sections inside of each other"),
        ('/f {\n $include "wknd.farm" }', 2, "includes itself"),
    ],
)
def test_what_can_not_be_read_is_told_with_its_line(text: str, line: int, words: str) -> None:
    whole, reader = read(text)
    [problem] = reader.problems
    assert (problem.place.file, problem.place.line) == (FARM, line)
    assert words in problem.what
    assert not whole.is_whole


def test_a_broken_file_that_is_included_leaves_a_gap_where_it_stands() -> None:
    whole, reader = read('/f { /0 { } $include "../filters/filters.any" /9 { } }', filters="/1 { }\n}\n")
    assert [str(problem.place) for problem in reader.problems] == [f"{FILTERS}:2"]
    assert [type(item) for item in whole.sections()[0].items] == [Section, Section, Unknown, Section]


def test_files_that_include_each_other_end_with_a_word_about_it() -> None:
    _, reader = read(
        '/f { $include "../filters/filters.any" }',
        filters='$include "./second.any"',
        second='$include "./filters.any"',
    )
    assert ["it includes itself" in problem.what for problem in reader.problems] == [True]


def test_includes_are_followed_fifteen_deep_and_no_further() -> None:
    texts = {f"conf.dispatcher.d/{n}.any": f'$include "./{n + 1}.any"' for n in range(40)}
    reader = AnyReader(texts)
    reader.read("conf.dispatcher.d/0.any")
    assert ["15th file" in problem.what for problem in reader.problems] == [True]


@pytest.mark.parametrize("filler", ["x " * 101, '$include "none.any" ' * 11], ids=["words", "includes"])
def test_what_is_too_long_is_cut_and_says_so(filler: str) -> None:
    budget = Budget(words=100, includes=10)
    reader = AnyReader({FARM: f"/f {{ {filler} }}"}, budget=budget)
    reader.read(FARM)
    assert budget.is_cut
    assert reader.problems == []
