"""What do filters say to a request? As the dispatcher asks them: the last rule that matches wins."""

from __future__ import annotations

import pytest

from aem_checks.dispatcher.any_files import AnyReader
from aem_checks.dispatcher.filters import (
    Request,
    Says,
    decomposed,
    filtered,
    globbed,
    request_of,
    rules_in,
)
from aem_checks.dispatcher.patterns import Matcher

FILE = "conf.dispatcher.d/filters/filters.any"


def says(filters: str, request: Request) -> str:
    rules = rules_in(AnyReader({FILE: filters}).read(FILE))
    return filtered(rules, request, Matcher()).says.name


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("/content/page", ("/content/page", "", "", "")),
        ("/content/page.html", ("/content/page", "", "html", "")),
        ("/content/page.a.b.html", ("/content/page", "a.b", "html", "")),
        ("/content/page.a.html/suffix.x", ("/content/page", "a", "html", "/suffix.x")),
        ("/etc.clientlibs/site/a.css", ("/etc", "", "clientlibs", "/site/a.css")),
        ("/.1.json", ("/", "1", "json", "")),
    ],
)
def test_a_url_is_taken_apart_at_its_first_dot(url: str, parts: tuple[str, ...]) -> None:
    assert decomposed(url) == parts


@pytest.mark.parametrize(
    ("sent", "url", "query"),
    [
        ("/content/../libs/text.jsp", "/libs/text.jsp", None),
        ("/content/.{.}/libs/text.jsp", "/content/.{.}/libs/text.jsp", None),
        ("/a.qu%65ry.js%6Fn?statement=//*", "/a.query.json", "statement=//*"),
        ("/content.json;%0aa.css", "/content.json;\na.css", None),
        ("//bin///a.json?", "/bin/a.json", ""),
    ],
)
def test_the_dispatcher_sees_what_apache_has_decoded(sent: str, url: str, query: str | None) -> None:
    request = request_of(sent)
    assert (request.url, request.query) == (url, query)


DENY = '/0 { /type "deny" /url "*" }\n'


@pytest.mark.parametrize(
    ("rule", "matches", "other"),
    [
        ('/url "/a/*"', Request("/a/b/c.html"), Request("/b/a/")),
        ("/url '/a/[a-z]{2}'", Request("/a/de"), Request("/a/deu")),
        ('/url "/a.html"', Request("/a.html", "q=1"), Request("/a.htm")),
        ('/path "/a/*"', Request("/a/b.c.html"), Request("/b.a/a/")),
        ('/path "/a"', Request("/a.html"), Request("/a/b.html")),
        ("/selectors '(x|y)'", Request("/a.z.y.html"), Request("/a.xy.html")),
        ('/selectors "*"', Request("/a.z.html"), Request("/a.html")),
        ("/selectors ''", Request("/a.html"), Request("/a.x.html")),
        ("/extension '(js|css)'", Request("/a.js"), Request("/a.json")),
        ('/extension ""', Request("/a"), Request("/a.html")),
        ('/suffix "*"', Request("/a.html/b"), Request("/a.html")),
        ('/suffix "/b*"', Request("/a.html/b/c"), Request("/a.html/c")),
        ('/method "GET"', Request("/a"), Request("/a", method="POST")),
        ("/method '(GET|HEAD)'", Request("/a", method="HEAD"), Request("/a", method="GETS")),
        ('/query "a=*"', Request("/x", "a=1"), Request("/x")),
        ('/query "*"', Request("/x", "a=1"), Request("/x")),
        ('/query "debug=*"', Request("/x", "debug=layout"), Request("/x", "a=1&debug=layout")),
        ('/glob "GET /a* HTTP/1.1"', Request("/a", "b=1"), Request("/b", "GET /a HTTP/1.1")),
        ('/url "/a/*" /extension "html"', Request("/a/b.html"), Request("/a/b.json")),
    ],
)
def test_a_rule_matches_by_each_part_that_it_names(rule: str, matches: Request, other: Request) -> None:
    filters = f'{DENY}/1 {{ /type "allow" {rule} }}'
    assert says(filters, matches) == "ALLOW"
    assert says(filters, other) == "DENY"


def test_the_protocol_is_that_of_today() -> None:
    assert says(f'{DENY}/1 {{ /type "allow" /protocol "HTTP/1.1" }}', Request("/a")) == "ALLOW"
    assert says(f'{DENY}/1 {{ /type "allow" /protocol "HTTP/1.0" }}', Request("/a")) == "DENY"


def test_the_last_rule_that_matches_wins() -> None:
    closed = DENY + '/1 { /type "allow" /url "/bin/*" }\n/2 { /type "deny" /url "/bin/a*" }\n'
    assert says(closed, Request("/bin/abc")) == "DENY"
    assert says(closed, Request("/bin/b")) == "ALLOW"
    assert says(closed + '/3 { /type "allow" /url "/bin/abc" }', Request("/bin/abc")) == "ALLOW"


def test_where_no_rule_matches_nothing_is_said() -> None:
    assert says('/1 { /type "allow" /url "/a" }', Request("/b")) == Says.NOTHING.name


@pytest.mark.parametrize(
    "behind",
    [
        '$include "./default_filters.any"',
        '/9 { /type "deny" /url "${CONSOLES}" }',
        "/9 { /type \"deny\" /url '(?!a)b' }",
        '/9 { /type "perhaps" /url "*" }',
        '/9 { /type "deny" /urll "/a" }',
        '/9 { /type "deny" }',
    ],
    ids=["include", "variable", "expression", "type", "part", "nothing"],
)
def test_what_is_not_known_behind_a_rule_leaves_its_answer_open(behind: str) -> None:
    assert says(f'{DENY}/1 {{ /type "allow" /url "/a" }}\n{behind}', Request("/a")) == "UNKNOWN"


def test_what_is_not_known_does_not_matter_where_it_says_the_same_or_stands_before() -> None:
    assert says(f'{DENY}/9 {{ /type "deny" /url "${{X}}" }}', Request("/a")) == "DENY"
    assert says('$include "./default_filters.any"\n/9 { /type "allow" /url "/a" }', Request("/a")) == "ALLOW"
    assert says(f'{DENY}/9 {{ /type "allow" /url "${{X}}" /method "POST" }}', Request("/a")) == "DENY"


@pytest.mark.parametrize(
    ("name", "said"),
    [("nocache", "DENY"), ("utm_source", "ALLOW"), ("utm_sources", "ALLOW"), ("q", "NOTHING")],
)
def test_parameters_are_asked_in_the_same_way(name: str, said: str) -> None:
    text = '/1 { /glob "*cache" /type "allow" } /2 { /glob "nocache" /type "deny" } /3 { /glob "utm_*" /type "allow" }'
    assert globbed(rules_in(AnyReader({FILE: text}).read(FILE)), name, Matcher()).says.name == said
