"""Small sites that people reported as judged wrongly: is each judged right today, and in words that say what to do?"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from aem_checks.asking import lead
from aem_checks.asks import Follow, Fresh, Get, Now, Question
from aem_checks.codes import with_codes
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Judgement, Outcome, Severity
from aem_checks.recording import Page, Recording
from aem_checks.rehearsing import NOW, STAGE, answer
from aem_checks.response import Response
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit

XML = {"Content_Type": "application/xml"}
SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
WORDS = "<html><title>Home</title><main>Words.</main>{}</html>"
HOME = answer(WORDS.format(""))


class Case(NamedTuple):
    kind: str
    answers: Mapping[str, Response]
    """By path; all else is 404."""
    outcome: Outcome
    code: str
    says: str
    settings: Mapping[str, Any] = {}
    severity: Severity = Severity.BLOCK


def sitemap(element: str, address: str) -> Response:
    root = "sitemapindex" if element == "sitemap" else "urlset"
    return answer(f'<{root} xmlns="{SPACE}"><{element}><loc>{address}</loc></{element}></{root}>', **XML)


def redirect(target: str, status: int = 301) -> Response:
    return answer("", status, Location=target)


CASES = {
    "a sitemap index whose host is a placeholder": Case(
        "sitemap",
        {"/sitemap.xml": sitemap("sitemap", "https://$[env:DOMAIN]/us/en.sitemap.xml")},
        Outcome.FAILED,
        "unreadable",
        "$[env:DOMAIN], a placeholder that nothing replaced",
    ),
    "a sitemap of nothing but what search engines drop": Case(
        "sitemap",
        {"/sitemap.xml": sitemap("url", "/us/en.html"), "/us/en.html": HOME},
        Outcome.FAILED,
        "empty",
        "lists 1 page and none that search engines keep",
    ),
    "a redirect to a placeholder": Case(
        "redirects",
        {"/old": redirect("https://$[env:WWW]/us/en.html")},
        Outcome.FAILED,
        "not_as_mapped",
        "'/old' gave 301 to 'https://$[env:WWW]/us/en.html'; expected 301 to /us/en.html",
        {"rules": [{"from": "/old", "to": "/us/en.html"}]},
    ),
    "a redirect that encodes its question mark, and so loses its query": Case(
        "redirects",
        {"/old": redirect("/us/en/search.html%3Fq=tent"), "/us/en/search.html%3Fq=tent": HOME},
        Outcome.FAILED,
        "not_as_mapped",
        "expected 301 to /us/en/search.html?q=tent",
        {"rules": [{"from": "/old", "to": "/us/en/search.html?q=tent"}]},
    ),
    "links in the navigation that nobody can open": Case(
        "links",
        {"/": answer(WORDS.format('<nav><a href="/">Home</a><a href="http://[IP-address/">x</a></nav>'))},
        Outcome.FAILED,
        "broken",
        "names the host [IP-address, which is none",
    ),
    "a robots.txt behind a log-in": Case(
        "robots",
        {"/robots.txt": redirect("https://login.example.com/saml2?SAMLRequest=abc", 302)},
        Outcome.PASSED,
        "login",
        "so no rules were read",
    ),
}


def judged(case: Case) -> Judgement:
    kind = all_kinds()[case.kind]
    check = kind(kind.settings_type.model_validate(case.settings))
    site = SiteConfig.model_validate({"name": "site", "stage": STAGE, "pages": ["/"]})
    home = Response(**{**vars(case.answers.get("/", HOME)), "url": f"{STAGE}/"})
    pages = (Page("/", f"{STAGE}/", (home,)),)
    recording = Recording("site", "stage", STAGE, site.stage.hosts, frozenset(), pages)
    visit = Visit(site, "stage", recording)

    def told(question: Question[Any]) -> Any:
        match question:
            case Get() | Follow():
                found = case.answers.get(question.url.removeprefix(STAGE), answer("", 404))
                came = Response(**{**vars(found), "url": question.url})
                return came if isinstance(question, Get) else (came,)
            case Fresh():
                return "0123456789abcdef"
            case Now():
                return NOW
        return None

    return with_codes(case.kind, check.codes, lead(check.judge(visit), told, visit.reader()))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_people_reported_is_judged_right(case: Case) -> None:
    found = judged(case)
    severity, outcome, _ = found.weigh(all_kinds()[case.kind].severity)
    assert (severity, outcome) == (case.severity, case.outcome)
    said = next(each for each in found.findings if each.code == f"{case.kind}.{case.code}")
    assert said.outcome is Outcome.FAILED
    assert case.says in said.sentence
    assert "To do: " in said.sentence


def test_a_sitemap_of_two_gzip_members_is_one_sitemap() -> None:
    whole = f'<urlset xmlns="{SPACE}"><url><loc>{STAGE}/</loc></url></urlset>'.encode()
    packed = gzip.compress(whole[:40]) + gzip.compress(whole[40:])
    found = judged(
        CASES["a sitemap of nothing but what search engines drop"]._replace(
            answers={"/sitemap.xml": answer(packed, Content_Type="application/gzip"), "/": HOME}
        )
    )
    assert [each for each in found.findings if each.outcome is not Outcome.PASSED] == []
