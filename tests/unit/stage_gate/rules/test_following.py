"""What follows from another finding is told with it, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aem_checks.codes import COMMON
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from stage_gate.rules import following
from stage_gate.rules.following import ORIGINS, Origin, follows_from
from unit.stage_gate.samples import result

SITE = "https://stage.wknd.test"
HOME, PAGE = f"{SITE}/", f"{SITE}/us/en.html"
CSS, JS = f"{SITE}/etc.clientlibs/wknd/site.css", f"{SITE}/etc.clientlibs/wknd/site.js"
IMAGE = f"{SITE}/content/dam/wknd/hero.jpg"
REFUSED = "status 405 for a plain GET"


def of(key: str, *findings: Finding, examined: int = 3, **changes: object) -> CheckResult:
    """The result of a check whose findings name the word of their code alone."""
    whole = [f.model_copy(update={"code": f"{changes.get('kind', key)}.{f.code}"}) for f in findings]
    outcome = Outcome.FAILED if any(f.outcome is Outcome.FAILED for f in findings) else Outcome.INCONCLUSIVE
    return result(key, outcome, findings=tuple(whole), examined=examined, **changes)


def failed(code: str, subject: str, actual: str = "", *about: str) -> Finding:
    sentence = f"{subject} is bad."
    return Finding(code=code, subject=subject, sentence=sentence, actual=actual, about=about)


def unseen(code: str, subject: str, actual: str = "", *about: str) -> Finding:
    return failed(code, subject, actual, *about).model_copy(
        update={"outcome": Outcome.INCONCLUSIVE, "cause": Cause.NETWORK}
    )


def origins(results: Iterable[CheckResult]) -> dict[tuple[str, str], str]:
    """By check and subject what a finding follows from."""
    results = list(results)
    follows = follows_from(results)
    return {
        (each.key, found.subject): str(origin)
        for each in results
        for found in each.findings
        if (origin := follows.origin(each.key, found)) is not None
    }


GONE = of("key_pages", failed("status", PAGE, "answers with status 404"))
NO_STYLE = of("client_libraries", failed("status", CSS, "answers with status 404", "/", "/us/en.html"))
NO_SCRIPT = of("client_libraries", failed("status", JS, "answers with status 404", "/", "/us/en.html"))
NO_IMAGE = of("images", failed("status", "/content/dam/wknd/hero.jpg", "status 404", IMAGE))


@pytest.mark.parametrize(
    ("origin", "follower"),
    [
        (GONE, of("host_leaks", unseen("not_judged", PAGE, "status 404"))),
        (GONE, of("accessibility", unseen("not_judged", "/us/en.html", "status 404"))),
        (GONE, of("links", failed("broken", "/us/en.html", "status 404"))),
        (GONE, of("sitemap", failed("listed_page", "/us/en.html"))),
        (GONE, of("response_parity", failed("key_page_lost", "/us/en.html"))),
        (GONE, of("visual", failed("different", "/us/en.html 1366"))),
        (GONE, of("client_libraries", unseen("not_judged", PAGE))),
        (NO_STYLE, of("accessibility", failed("new_violation", "/us/en.html target-size"))),
        (NO_STYLE, of("visual", failed("different", "/ 412"))),
        (NO_STYLE, of("page_weight", failed("growth", "/ growth"))),
        (NO_STYLE, of("page_weight", failed("compression", "/etc.clientlibs/wknd/site.css compression"))),
        (NO_STYLE, of("page_errors", failed("browser", "browser Refused to apply style", "", "/", CSS))),
        (NO_STYLE, of("page_errors", failed("request", "request GET stylesheet", "", "/", CSS))),
        (NO_SCRIPT, of("page_errors", failed("exception", "exception wknd is not defined", "", "/"))),
        (NO_IMAGE, of("page_errors", failed("request", "request GET image: status 404", "", "/", IMAGE))),
        (NO_IMAGE, of("links", failed("broken", "/content/dam/wknd/hero.jpg"))),
    ],
)
def test_what_is_about_the_same_follows(origin: CheckResult, follower: CheckResult) -> None:
    told = f"{origin.key}: {origin.findings[0].subject}"
    assert list(origins([follower, origin]).values()) == [told]


@pytest.mark.parametrize(
    ("origin", "other"),
    [
        (GONE, of("links", failed("broken", "/us/en/other.html", "status 404"))),
        (GONE, of("links", failed("anchor", "/us/en.html"))),
        (GONE, of("links", unseen("no_answer", "https://elsewhere.test/us/en.html"))),
        (GONE, of("dispatcher_probes", failed("open", "/us/en.html"))),
        (GONE, of("page_errors", failed("exception", "exception x", "", "/", "/us/en.html"))),
        (NO_STYLE, of("visual", failed("different", "/us/en/other.html 1366"))),
        (NO_STYLE, of("accessibility", failed("violation", "target-size"))),
        (NO_STYLE, of("page_errors", failed("exception", "exception x", "", "/"))),
        (NO_STYLE, of("page_errors", failed("request", "request GET image", "", "/", IMAGE))),
        (NO_STYLE, of("placeholders", failed("placeholder", "/us/en.html"))),
        (NO_SCRIPT, of("page_errors", failed("exception", "exception x", "", "/", "/us/en/other.html"))),
        (NO_IMAGE, of("page_errors", failed("request", "request", "", "/", f"{IMAGE}.bak"))),
        (GONE, of("links", failed("broken", "/us/en.html"), site="other")),
        (GONE, of("links", failed("broken", "/us/en.html"), target="production")),
    ],
)
def test_what_is_about_something_else_stands_for_itself(origin: CheckResult, other: CheckResult) -> None:
    assert origins([origin, other]) == {}


def test_one_refusal_of_stage_is_the_origin_of_all_that_meet_it() -> None:
    settled = of("settled", unseen("no_answer", HOME, REFUSED))
    pages = of(
        "key_pages", unseen("no_answer", PAGE, REFUSED), unseen("no_answer", f"{SITE}/de.html", REFUSED)
    )
    robots = of("robots", unseen("no_answer", "/robots.txt", REFUSED))
    browser = of("visual", unseen("no_answer", "/us/en.html", "status 405"))
    elsewhere = of("domains", unseen("no_answer", "https://www.wknd.test/", REFUSED))
    production = of("aem_version", unseen("no_answer", "/etc.clientlibs/toggles.json of production", REFUSED))
    author = of("author_reachable", unseen("no_answer", "/libs/granite/core/content/login.html", REFUSED))
    other_fault = of("search", unseen("no_answer", "/search.html", "status 429 for a plain GET"))
    found = origins([robots, browser, pages, settled, elsewhere, production, author, other_fault])
    assert set(found.values()) == {f"settled: {HOME}"}
    assert {key for key, _ in found} == {"key_pages", "robots", "visual"}


def test_where_every_page_answers_503_the_rest_that_does_follows() -> None:
    down = "answers with status 503"
    pages = of("key_pages", failed("status", HOME, down), failed("status", PAGE, down), examined=2)
    robots = of("robots", failed("unavailable", "/robots.txt", "status 503, text/html, 12 bytes"))
    settled = of("settled", unseen("not_settled", HOME, "0 in a row at the end; last: status 503, text/html"))
    found = origins([settled, robots, pages])
    assert set(found) == {("settled", HOME), ("robots", "/robots.txt")}
    assert set(found.values()) == {f"key_pages: {HOME}"}


def test_where_one_page_of_three_answers_503_nothing_else_follows_that_is_not_about_it() -> None:
    pages = of("key_pages", failed("status", PAGE, "answers with status 503"))
    robots = of("robots", failed("unavailable", "/robots.txt", "status 503, text/html, 12 bytes"))
    assert origins([pages, robots]) == {}


def test_what_was_not_seen_explains_no_failure() -> None:
    refused = of("key_pages", unseen("no_answer", PAGE, REFUSED))
    assert origins([refused, of("links", failed("broken", "/us/en.html"))]) == {}
    assert origins([refused, of("links", unseen("no_answer", "/us/en.html"))]) != {}


def test_a_note_is_neither_origin_nor_follower() -> None:
    noted = of("key_pages", failed("status", PAGE).model_copy(update={"outcome": Outcome.PASSED}))
    assert origins([noted, of("links", failed("broken", "/us/en.html"))]) == {}
    note = failed("broken", "/us/en.html").model_copy(update={"outcome": Outcome.PASSED})
    assert origins([GONE, of("links", note)]) == {}


def test_a_chain_leads_to_its_beginning() -> None:
    settled = of("settled", unseen("no_answer", HOME, REFUSED))
    pages = of("key_pages", unseen("no_answer", PAGE, REFUSED))
    late = of("links", unseen("not_judged", PAGE, "something else"))
    assert origins([late, pages, settled])["links", PAGE] == f"settled: {HOME}"


def test_the_order_of_results_changes_nothing() -> None:
    results = [
        of("settled", unseen("no_answer", HOME, REFUSED)),
        of("key_pages", unseen("no_answer", PAGE, REFUSED)),
        NO_STYLE,
        of("visual", failed("different", "/us/en.html 1366"), unseen("not_judged", "/us/en.html")),
    ]
    found = [origins(each) for each in permutations(results)]
    assert all(each == found[0] for each in found)


def test_of_a_thousand_pages_each_is_compared_with_what_is_about_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    real = following._is_origin_of

    def counting(origin: following._Seen, other: following._Seen) -> bool:
        compared.append(origin)
        return real(origin, other)

    monkeypatch.setattr(following, "_is_origin_of", counting)
    paths = [f"/us/en/{number}.html" for number in range(1000)]
    pages = of(
        "key_pages", *(failed("status", f"{SITE}{path}", "status 404") for path in paths), examined=1001
    )
    others = [
        of(kind, *(unseen("not_judged", path) for path in paths)) for kind in ("links", "visual", "images")
    ]
    assert len(origins([pages, *others])) == 3000
    assert len(compared) <= 5000


def test_every_code_of_the_table_is_one_that_its_kind_has() -> None:
    kinds = all_kinds()
    codes = {
        code
        for rule in following._RULES
        for kind in kinds.values()
        for word in (*kind.codes, *COMMON)
        if rule.followers(code := f"{kind.kind}.{word}") or code in rule.origins
    }
    sets = [each for each in vars(following).values() if isinstance(each, frozenset)]
    named = {code for each in sets for code in each if "." in str(code)}
    assert named
    assert named <= codes
    page = (Path(__file__).parents[4] / "docs" / "catalogue.md").read_text("utf-8")
    section = page.partition("## One cause, one sentence")[2].partition("\n## ")[0]
    for code in named:
        kind, _, word = code.partition(".")
        told = (f"`{kind}" in section, f".{word}`" in section)
        assert all(told), f"docs/catalogue.md does not tell {code}"
    assert set(ORIGINS) <= set(kinds)
    assert {name for name, kind in kinds.items() if "author service" in kind.needs} == following.ON_AUTHOR


SUBJECTS = st.sampled_from(["/", "/us/en.html", HOME, PAGE, CSS, "/us/en.html 412", "firewall", "chromium"])
CODES = [f"{kind}.{word}" for kind, word in (
    ("settled", "no_answer"), ("key_pages", "no_answer"), ("key_pages", "status"), ("client_libraries", "status"),
    ("images", "status"), ("links", "broken"), ("visual", "different"), ("page_errors", "request"),
    ("host_leaks", "not_judged"), ("robots", "no_answer"),
)]  # fmt: skip
FINDINGS = st.builds(
    lambda code, subject, actual, about, outcome: (code, subject, actual, about, outcome),
    st.sampled_from(CODES), SUBJECTS, st.sampled_from([REFUSED, "status 503", "no answer: x", "status 404", ""]),
    st.lists(SUBJECTS, max_size=2), st.sampled_from(Outcome),
)  # fmt: skip


def results_of(drawn: list[tuple[str, str, str, list[str], Outcome]]) -> list[CheckResult]:
    by_kind: dict[str, list[Finding]] = {}
    for code, subject, actual, about, outcome in drawn:
        found = Finding(
            code=code, subject=subject, sentence="Bad.", actual=actual, about=tuple(about), outcome=outcome
        )
        by_kind.setdefault(code.partition(".")[0], []).append(found)
    return [
        result(kind, Outcome.FAILED, findings=tuple(findings), severity=Severity.BLOCK)
        for kind, findings in by_kind.items()
    ]


@settings(deadline=None)
@given(st.lists(FINDINGS, max_size=12).map(results_of))
def test_an_origin_counts_itself_and_follows_from_nothing(results: list[CheckResult]) -> None:
    follows = follows_from(results)
    told = [(each.key, found) for each in results for found in each.findings]
    for key, found in told:
        origin = follows.origin(key, found)
        if origin is None:
            continue
        assert found.outcome is not Outcome.PASSED
        firsts = [each for each in told if Origin(each[0], each[1].subject, each[1].code) == origin]
        assert any(
            first.outcome is not Outcome.PASSED and follows.origin(first_key, first) is None
            for first_key, first in firsts
        )
