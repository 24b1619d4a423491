"""Does a pattern of the dispatcher match, as Adobe and POSIX write it down, and without end of time?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aem_checks.dispatcher.nodes import PatternError
from aem_checks.dispatcher.patterns import Matcher, TooMuch, example

ADOBE = (
    ("*/geo*", "GET /content/geometrixx/en.html", True),
    ("*outdoors/*", "GET /content/geometrixx-outdoors/en.html", True),
    ("*outdoors/??/*", "GET /content/geometrixx-outdoors/en/men.html", True),
    ("*outdoors/??/*", "GET /content/geometrixx-outdoors/en.html", False),
    ("*[o]men.html*", "GET /content/geometrixx-outdoors/en/women.html", True),
    ("*[o]men.html*", "GET /content/geometrixx-outdoors/en/men.html", False),
    ("*[o/]men.html*", "GET /content/geometrixx-outdoors/en/men.html", True),
    ("*[m-p]men.html*", "GET /content/geometrixx-outdoors/en/women.html", True),
    ("*[!o]men.html*", "GET /content/geometrixx-outdoors/en/men.html", True),
    ("*[!o!/]men.html*", "GET /content/geometrixx-outdoors/en/women.html", False),
    ("*[^o/]men.html*", "GET /content/geometrixx-outdoors/en/men.html", False),
    ("*[omen.html*", "GET /content/women.html", False),
)
"""The examples of Adobe's page on glob patterns (dispatcher-configuration#designing-patterns-for-glob-properties)."""


@pytest.mark.parametrize(("pattern", "text", "matches"), ADOBE)
def test_globs_match_as_in_adobes_examples(pattern: str, text: str, matches: bool) -> None:
    assert Matcher().matches(pattern, text, is_regex=False) is matches


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("(css|jpe?g)", "jpg", True),
        ("(css|js)", "json", False),
        ("[0-9-]+", "-1", True),
        ("(feed|[0-9-]+|jcr:content)", "jcr:content", True),
        ("/content/a\\.html", "/content/axhtml", False),
        ("^/a$", "/a", True),
        ("/a|/b", "/b", True),
        ("a{2,3}", "aaaa", False),
        ("a{2,}", "aaaa", True),
        ("a{,2}", "a{,2}", True),
        ("[]a]+", "]a", True),
        ("[^]a]", "]", False),
        ("[[:alpha:]_]+", "ab_", True),
        ("[\\w.-]+", "a.b-1", True),
        ("\\d+", "12", True),
        ("\\D", "1", False),
        ("(?:a|b)c", "bc", True),
        ("", "", True),
        (".*", "a\nb", True),
    ],
)
def test_regular_expressions_match_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert Matcher().matches(pattern, text, is_regex=True) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[a",
        "*a",
        "(?!a)b",
        "(?i)a",
        "[[:none:]]",
        "\\b",
        "a{256}",
        "a*******",
        "(" * 60 + ")" * 60,
        "a" * 2001,
    ],
)
def test_a_pattern_that_can_not_be_judged_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Matcher().matches(pattern, "a", is_regex=True)


def test_a_pattern_that_others_try_again_and_again_is_tried_once() -> None:
    assert not Matcher(steps=100_000).matches("((a+)+)+b", "a" * 100, is_regex=True)


def test_a_matcher_gives_up_after_its_steps() -> None:
    matcher = Matcher(steps=50)
    with pytest.raises(TooMuch):
        matcher.matches("(a|b)*c", "ab" * 50, is_regex=True)


SIMPLE = st.recursive(
    st.sampled_from(["a", "b", "ab", ".", "[ab]", "[^a]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}"])).map(lambda two: f"({two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@given(SIMPLE, st.text("abc", max_size=6))
def test_what_matches_is_what_pythons_re_says(pattern: str, text: str) -> None:
    expected = re.fullmatch(pattern, text, re.DOTALL) is not None
    assert Matcher().matches(pattern, text, is_regex=True) is expected


@given(SIMPLE)
def test_an_example_is_one(pattern: str) -> None:
    assert Matcher().matches(pattern, example(pattern, is_regex=True), is_regex=True)


@given(st.text("ab*?[]-!^/", max_size=12))
def test_an_example_of_a_glob_is_one_unless_nothing_is(pattern: str) -> None:
    text = example(pattern, is_regex=False)
    assert text == "" or Matcher().matches(pattern, text, is_regex=False) or "[" in pattern
