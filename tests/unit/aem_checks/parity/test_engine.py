"""The parity engine by itself: rules, facts, noise, confirmation, drift."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable

import pytest

from aem_checks.asking import ask_then
from aem_checks.asks import Steps
from aem_checks.parity import attribution
from aem_checks.parity.compare import Pair, Suspicion, by_field, groups
from aem_checks.parity.facts import Facts, Reader
from aem_checks.parity.rules import Normaliser, marks_in, node_name
from aem_checks.parity.sampling import Ask, Compared, SideName, compare
from aem_checks.response import Response, make_headers
from benchmarks.parity import examine, false_alarms, misses
from benchmarks.parity_pages import Page
from benchmarks.parity_regressions import REGRESSIONS

RULES = Normaliser(frozenset({"www.wknd.site", "stage.wknd.site:8443"}))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://www.wknd.site/us/en.html", "{host}/us/en.html"),
        ("//stage.wknd.site:8443/us/en.html?stage-gate=12ab", "{host}/us/en.html"),
        ("https://www.wknd.site.evil.example/", "https://www.wknd.site.evil.example/"),
        ("/a;jsessionid=0A1B.node1?x=1", "/a;jsessionid={session}?x=1"),
        ("id 3f2504e0-4f89-41d3-9a0c-0305e82c3301", "id {uuid}"),
        ("2026-11-23T06:00:00.123Z", "{time}"),
        ("Mon, 23 Nov 2026 06:00:00 GMT", "{time}"),
        ("/coreimg/1763800000000/a.jpeg", "/coreimg/{time}/a.jpeg"),
        ("Release of 2026-11-23", "Release of 2026-11-23"),
        (
            "/etc.clientlibs/a.lc-181cd4102f7f49aa30eea548a7715c31-lc.min.css",
            "/etc.clientlibs/a.lc-{hash}-lc.css",
        ),
        ("/static/app.3fa9c1d2.js", "/static/app.{hash}.js"),
        ("/static/app.deadbeef.js", "/static/app.{hash}.js"),
        ("/static/app-34797518231542119339.chunk.js", "/static/app-{hash}.chunk.js"),
        ("/static/app.12345678.bundle.min.js", "/static/app.{hash}.bundle.js"),
        ("/assets/index-DkX9a1Qz.js", "/assets/index-{hash}.js"),
        ("/static/bootstrap-datepicker.min.js", "/static/bootstrap-datepicker.js"),
        ("token AbCdEfGhIjKlMnOpQrStUvWx12", "token {token}"),
        ("climbing-in-the-southern-alps-2026-guide", "climbing-in-the-southern-alps-2026-guide"),
        ("  two\n  words ", "two words"),
        ("", ""),
    ],
)
def test_each_rule_takes_out_what_differs_anyway_and_leaves_its_mark(written: str, read: str) -> None:
    assert RULES(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Button_root__x7f3a", "Button_root__{made}"),
        ("css-1q2w3e4", "css-{made}"),
        ("_hero_1x2yz_12", "_hero_{made}"),
        ("cmp-teaser__title", "cmp-teaser__title"),
        ("aem-GridColumn--default--12", "aem-GridColumn--default--12"),
    ],
)
def test_class_names_lose_what_a_build_makes_up(written: str, read: str) -> None:
    assert RULES.class_name(written) == read


def test_names_of_copied_nodes_lose_their_number() -> None:
    names = ("teaser_812", "teaser_copy_copy_1234567", "teaser", "h2_1")
    assert [node_name(name) for name in names] == ["teaser", "teaser", "teaser", "h2_1"]


def test_a_finding_can_say_which_rules_were_at_work() -> None:
    assert marks_in(["/a/{time}", "b"]) == [
        "{time} is a date with a time, or a number of seconds or milliseconds since 1970"
    ]


def test_a_long_hostile_value_takes_no_time() -> None:
    for text in ("a_" * 500_000, "a1-" * 300_000, "0" * 10**6, "//" * 10**6, "1763800000" * 10**5):
        assert len(RULES(text)) <= 4000


def facts(html: str, **headers: str) -> Facts:
    told = {"Content-Type": "text/html", **headers}
    return Reader(RULES).read(Response("https://www.wknd.site/", 200, make_headers(told), html.encode()))


def test_a_component_is_told_by_its_elements_and_not_by_its_texts() -> None:
    one = facts('<div class="cmp-text"><p class="cmp-text__lead">One</p></div>')
    other = facts('<div class="cmp-text" id="x1"><p class="cmp-text__lead">Other</p></div>')
    empty = facts('<div class="cmp-text"><p class="cmp-text__lead"></p></div>')
    assert one == other
    assert empty - one == {("component cmp-text", "1 empty")}


def test_text_in_scripts_and_comments_is_no_element() -> None:
    assert facts('<p>x</p><script>"<div class=cmp-x>"</script><!-- <div class=cmp-x> -->') == facts(
        "<p>x</p>"
    )


def asking(sides: dict[SideName, Callable[[int], Facts | None]], asked: list[SideName]) -> Ask:
    def ask(path: str, side: SideName, number: int) -> Steps[Facts | None]:
        yield from ()
        asked.append(side)
        return sides[side](number)

    return ask


def run(
    production: Callable[[int], Facts | None], stage: Callable[[int], Facts | None], paths: int = 1
) -> tuple[Compared, list[SideName]]:
    asked: list[SideName] = []
    ask = asking({"production": production, "stage": stage}, asked)
    names = [f"/{number}.html" for number in range(paths)]
    return ask_then(compare(names, ask, rounds=8), []), asked


SAME: Facts = frozenset({("title", "A")})
OTHER: Facts = frozenset({("title", "B")})


def test_equal_pages_cost_three_answers() -> None:
    compared, asked = run(lambda number: SAME, lambda number: SAME)
    assert sorted(asked) == ["production", "production", "stage"]
    assert compared.suspicions == {}


def test_a_steady_difference_is_confirmed() -> None:
    compared, asked = run(lambda number: SAME, lambda number: OTHER)
    assert compared.suspicions == {"/0.html": Suspicion(SAME, OTHER)}
    assert len(asked) == 3 + 2 * 8


def test_a_difference_of_many_pages_is_confirmed_on_three() -> None:
    compared, asked = run(lambda number: SAME, lambda number: OTHER, paths=50)
    assert len(compared.suspicions) == 50
    assert len(asked) == 3 * 50 + 3 * 2 * 8


def test_chance_is_refuted_on_all_pages_at_once() -> None:
    chance = random.Random(1)
    compared, asked = run(
        lambda number: chance.choice((SAME, OTHER)), lambda number: chance.choice((SAME, OTHER)), paths=200
    )
    assert compared.suspicions == {}
    assert compared.noise["title"] > 0
    assert len(asked) < 3 * 200 + 3 * 2 * 8 * 2


def test_a_side_without_an_answer_is_no_difference() -> None:
    compared, _ = run(lambda number: SAME, lambda number: None)
    assert compared.lost == ["/0.html"]
    assert compared.pairs == []


def test_one_answer_of_production_is_enough() -> None:
    compared, _ = run(lambda number: None if number == 0 else SAME, lambda number: OTHER)
    assert compared.suspicions == {"/0.html": Suspicion(SAME, OTHER)}


def test_where_the_status_differs_nothing_else_is_told() -> None:
    pair = Pair("/a")
    pair.production.add(SAME | {("status", "200"), ("content type", "text/html")})
    pair.stage.add(frozenset({("status", "500"), ("content type", "text/plain")}))
    found = by_field("/a", pair.suspicion())
    assert [(each.field, each.production, each.stage) for each in found] == [("status", ("200",), ("500",))]


def test_the_same_difference_is_one_group_and_titles_are_one_too() -> None:
    titles = [d for n in range(3) for d in by_field(f"/{n}", Suspicion(frozenset({("title", str(n))})))]
    robots = [d for n in range(2) for d in by_field(f"/{n}", Suspicion(frozenset({("robots", "all")})))]
    assert [len(group) for group in groups([*titles, *robots])] == [3, 2]


def test_what_stage_said_before_tells_release_from_drift() -> None:
    pair = Pair("/a")
    pair.stage.add(SAME)
    before = attribution.read(attribution.keep([pair], "rules"), "rules")
    assert before is not None
    split = before.attribute("/a", Suspicion(SAME, OTHER))
    assert (split.release, split.drift) == (Suspicion(SAME, OTHER), Suspicion())
    same = before.attribute("/a", Suspicion(OTHER, SAME))
    assert (same.release, same.drift) == (Suspicion(), Suspicion(OTHER, SAME))
    assert before.attribute("/new", Suspicion(SAME)).unknown == Suspicion(SAME)


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"{}", attribution.keep([], "other rules")])
def test_a_baseline_of_other_rules_or_a_damaged_one_is_none(data: bytes) -> None:
    assert attribution.read(data, "rules") is None


def test_pages_that_never_repeat_are_no_difference() -> None:
    seed = secrets.randbelow(10**9)
    alarms, _ = false_alarms(seed, 60)
    assert alarms == [], f"seed {seed}"


def test_every_regression_is_found_beneath_the_noise() -> None:
    seed = secrets.randbelow(10**9)
    missed, compared = misses(seed, 1)
    assert missed == [], f"seed {seed}"
    assert compared == len(REGRESSIONS)


def test_the_made_up_pages_do_differ_from_answer_to_answer() -> None:
    bodies = [{Page(n, 1).answer("stage", 0).body, Page(n, 2).answer("stage", 0).body} for n in range(9)]
    page = Page(3, 4711)
    assert page.answer("stage", 1).body != page.answer("stage", 2).body
    assert all(len(pair) == 2 for pair in itertools.islice(bodies, 9))
    assert not examine(page)[0]
