"""What is read of Apache's files, and what is said where they can't be read?"""

from __future__ import annotations

import pytest

from aem_checks.dispatcher.apache_files import ApacheReader, Directive
from aem_checks.dispatcher.place import Budget

VHOST = "a/conf.d/enabled_vhosts/wknd.vhost"


def read(text: str, **others: str) -> tuple[list[Directive], ApacheReader]:
    more = {f"a/conf.d/{name}.conf": other for name, other in others.items()}
    reader = ApacheReader({VHOST: text, **more}, root="a/")
    return reader.read(VHOST), reader


def test_directives_have_their_arguments_place_and_containers() -> None:
    found, reader = read(
        '<VirtualHost *:80>\n  <Directory "/a b">\n\tHeader set X "a \\" b"\n  </Directory>\n</VirtualHost>\n'
    )
    assert reader.problems == []
    [header] = found
    assert (header.name, header.arguments, str(header.place)) == (
        "header",
        ("set", "X", 'a \\" b'),
        f"{VHOST}:3",
    )
    assert [(each.name, each.arguments) for each in header.within] == [
        ("virtualhost", ("*:80",)),
        ("directory", ("/a b",)),
    ]


def test_lines_go_on_after_a_backslash_and_so_do_comments() -> None:
    found, _ = read("Header set \\\n  Vary \\\n  Origin\n# Header set \\\n  Vary User-Agent\nLast one")
    assert [(each.name, each.arguments, each.place.line) for each in found] == [
        ("header", ("set", "Vary", "Origin"), 1),
        ("last", ("one",), 6),
    ]


def test_a_hash_within_a_line_is_no_comment() -> None:
    found, _ = read("SetEnvIf ^/a /b#c [NE]")
    assert found[0].arguments == ("^/a", "/b#c", "[NE]")


def test_included_files_stand_where_they_are_included() -> None:
    found, reader = read(
        "<VirtualHost *>\nInclude conf.d/*.conf\n</VirtualHost>\n", one="First 1", two="Second 2"
    )
    assert [each.name for each in found] == ["include", "first", "second"]
    assert [each.within[0].name for each in found] == ["virtualhost"] * 3
    assert not reader.missing


@pytest.mark.parametrize(
    ("line", "is_missed"),
    [
        ("Include conf.d/none.conf", True),
        ("IncludeOptional conf.d/none.conf", False),
        ("Include conf.d/none/*.conf", False),
        ("Include conf.d/variables/default.vars", False),
        ("Include /mnt/var/elsewhere.conf", False),
        ("Include /etc/httpd/conf.d/none.conf", True),
        ("Include conf.d/${NAME}.conf", False),
    ],
)
def test_a_file_is_missed_that_neither_the_commit_nor_the_image_has(line: str, is_missed: bool) -> None:
    _, reader = read(line)
    assert bool(reader.missing) is is_missed


def test_variables_are_those_that_are_set_on_every_environment() -> None:
    of_production = "<IfDefine ENVIRONMENT_PROD>\nDefine B 2\nDefine C 3\n</IfDefine>\n"
    text = f"Define A 1\nDefine B 1\n{of_production}Define C 4\nUse ${{A}} ${{B}} ${{C}}"
    found, reader = read(text)
    assert reader.variables == {"A": "1"}
    assert found[-1].arguments == ("1", "${B}", "${C}")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("<VirtualHost *>\n<If x>\n", 2, "<if> that is never closed"),
        ("\n</If>\n", 2, "closes nothing"),
        ("<VirtualHost *>\n</Directory>\n", 2, "closes <directory>, but <virtualhost> of line 1 is open"),
        ("<VirtualHost\n", 1, "does not end with '>'"),
        ("<A>\n" * 30, 16, "containers inside of each other"),
        ("A\0", 1, "no text"),
        ("Include conf.d/enabled_vhosts/wknd.vhost", 1, "includes itself"),
    ],
)
def test_what_can_not_be_read_is_told_with_its_line(text: str, line: int, words: str) -> None:
    _, reader = read(text)
    [problem] = reader.problems
    assert (problem.place.file, problem.place.line) == (VHOST, line)
    assert words in problem.what


def test_what_stands_before_a_broken_line_is_read() -> None:
    found, _ = read("Header set A 1\n</If>\n")
    assert [each.name for each in found] == ["header"]


def test_what_is_too_long_is_cut_and_says_so() -> None:
    budget = Budget(words=100)
    assert len(ApacheReader({VHOST: "A 1\n" * 101}, budget=budget).read(VHOST)) == 100
    assert budget.is_cut


def test_rewrites_and_redirects_are_kept_only_for_some_environments() -> None:
    found, _ = read(
        "RewriteRule a b\nRedirect a b\n<IfDefine ENVIRONMENT_PROD>\nRewriteRule a b\n</IfDefine>\n"
    )
    assert [(each.name, each.place.line) for each in found] == [("rewriterule", 4)]
