"""G1: does the site's search find what it has to find?

For each term it asks the search as the page does: the address is the ``action`` of the search form on the page
(the Core Search component's ``.searchresults.json``, or any form that sends its term with GET), or ``url`` of
the gate file. Hits are entries of a JSON list, or elements that match ``hit`` on a page of results. Answers are
asked past all caches. A random word that nobody wrote is searched too: where that has as many hits as a term needs,
what is counted is always there, and the term proves nothing. It would have caught a release whose index was not
there yet when visitors searched (Adobe KA-23521; help/operations/indexing builds a new index before it switches),
and a dispatcher without the filter for ``searchresults``. It does not see whether the best hit comes first. Known
false alarms: terms that only production's content has, and a search that suggests something where it finds nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote_plus, urlencode

from pydantic import Field, field_validator

from aem_checks.asks import Follow, Fresh, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import SELECTORS, hollow
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, join, plain_url

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_FORMS = "form[action*=searchresults], [role=search] form, form[role=search], form:has(input[type=search])"
_FIELDS = "input[type=search][name], input[type=text][name], input:not([type])[name]"
_LISTS = ("hits", "results", "items", "data", "documents")
_NO_HITS = frozenset(
    (
        "errors",
        "facets",
        "filters",
        "messages",
        "pages",
        "related",
        "sort",
        "suggestions",
        "synonyms",
        "warnings",
    )
)
"""Lists that an answer without a hit has too."""
_TERM = "{term}"
_CONSONANTS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")


class SearchSettings(CheckSettings):
    page: PagePath
    """The page with the search form."""
    terms: dict[str, int] = Field(min_length=1)
    """What is searched, each with the number of hits that it has at least: ``surfing: 3``."""
    url: str = ""
    """The path that answers, with ``{term}`` in it, where the form does not say it: ``/api/search?q={term}``."""
    hit: Annotated[str, hollow(SELECTORS.everything, SELECTORS.words)] = (
        ".cmp-search__item, [data-search-hit]"
    )
    """CSS selector of one hit, for a search that answers with a page."""

    @field_validator("url")
    @classmethod
    def _is_a_path_with_a_term(cls, value: str) -> str:
        if value and (not value.startswith("/") or value.startswith("//") or _TERM not in value):
            raise ValueError(f"{value!r} is no path with {_TERM} in it; write it like /api/search?q={_TERM}")
        return value

    @field_validator("terms")
    @classmethod
    def _something_is_found(cls, value: dict[str, int]) -> dict[str, int]:
        for term, least in value.items():
            if not term.strip() or least < 1:
                raise ValueError(f"the term {term!r} with {least} hits proves nothing; use at least 1")
        return value


class Search(Check[SearchSettings]):
    kind = "search"
    number = "G1"
    title = "Search finds"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the search page and terms that have to be found"
    codes = faults(
        page="the page with the search form does not answer",
        no_form="the page has no search form that can be asked",
        form_address="the search form sends to what is no address",
        foreign_form="the search form sends to another host",
        too_few="a term has fewer hits than it has to have",
        no_hits="the search gives an answer that lists no hits",
        any_term="a word that nobody wrote has as many hits as a term needs, so that the term proves nothing",
    )
    settings_type = SearchSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        address = self.settings.url or (yield from self._from_form(visit))
        if isinstance(address, Finding):
            return Judgement(examined=int(address.outcome is Outcome.FAILED), findings=(address,))
        words = (*self.settings.terms, _without_vowels((yield from ask(Fresh()))))
        *asked, noise = yield from together(_ask(word, address, visit) for word in words)
        findings = [found for each in asked if (found := self._look_at(each, noise, visit)) is not None]
        refused = sum(finding.cause is Cause.NETWORK for finding in findings)
        return Judgement(examined=len(asked) - refused, findings=tuple(findings))

    def _from_form(self, visit: Visit) -> Steps[str | Finding]:
        """The address with ``{term}``, or why it is not known."""
        url = visit.url(self.settings.page)
        final = yield from _last(url, visit)
        if refusal := unreached(final, url):
            return refusal
        if not (final.ok and final.is_html):
            expected = "a page with a search form"
            return _finding("page", self.settings.page, url, expected, describe(final), "see key_pages")
        form = final.document.css_first(_FORMS)
        address = _address_of(form, plain_url(final.url)) if form is not None else ""
        remedy = "see whether the component is rendered, or name the search's path under 'url:'"
        if not address:
            actual = "none that sends its term with GET to this site"
            return _finding("no_form", self.settings.page, url, "a search form", actual, remedy)
        if fault := fault_of(address):
            actual = f"one that leads to {quoted(address, 200)}, which {fault}"
            return _finding("form_address", self.settings.page, url, "a search form", actual, remedy)
        if not visit.allows(address):
            actual = "one of another host"
            return _finding("foreign_form", self.settings.page, url, "a search form", actual, remedy)
        return address

    def _look_at(self, asked: Asked, noise: Asked, visit: Visit) -> Finding | None:
        least = self.settings.terms[asked.term]
        if refusal := unreached(asked.answer, asked.url):
            return refusal
        hits = count_hits(asked.answer, self.settings.hit)
        if hits.number >= least:
            return self._told_apart(asked, noise, visit)
        expected = f"at least {count(least, 'hit')} for {quoted(asked.term, 60)}"
        code = "too_few" if hits.number >= 0 else "no_hits"
        remedy, evidence = _remedy(asked.answer), _keep(asked, visit)
        return _finding(code, f"search {asked.term}", asked.url, expected, hits.words, remedy, evidence)

    def _told_apart(self, asked: Asked, noise: Asked, visit: Visit) -> Finding | None:
        """A term that was found proves nothing where a word that nobody wrote has as many hits as it needs."""
        if refusal := unreached(noise.answer, noise.url):
            return refusal
        least, hits = self.settings.terms[asked.term], count_hits(noise.answer, self.settings.hit)
        if hits.number < least:
            return None
        expected = (
            f"fewer than {count(least, 'hit')} for a word that nobody wrote, so that {quoted(asked.term, 60)} proves "
            "nothing"
        )
        remedy = "see whether the search ignores its term; else let 'hit' select hits only, or raise 'terms'"
        subject, evidence = f"search {asked.term}", _keep(noise, visit)
        found = _finding("any_term", subject, noise.url, expected, hits.words, remedy, evidence)
        return found.model_copy(update={"outcome": Outcome.INCONCLUSIVE})


class Asked(NamedTuple):
    """A term that was searched, and what was answered."""

    term: str
    url: str
    answer: Response


def _keep(asked: Asked, visit: Visit) -> str:
    return visit.keep(f"search/{asked.answer.sha256[:16]}.txt", asked.answer.body[:1_000_000])


def _ask(term: str, address: str, visit: Visit) -> Steps[Asked]:
    filled = address.replace(_TERM, quote_plus(term))
    url = filled if "://" in filled else visit.url(filled)
    return Asked(term, url, (yield from _last(url, visit)))


def _last(url: str, visit: Visit) -> Steps[Response]:
    """What stands at the end of the redirects, past all caches."""
    chain = yield from ask(Follow(url, tries=3, within=visit.endpoint.hosts, past_caches=True))
    return chain[-1]


def _without_vowels(word: str) -> str:
    """Letters for the digits of a word that nobody wrote, so that no part of it is a word either."""
    return word.translate(_CONSONANTS)


def _address_of(form: LexborNode, base: str) -> str:
    """Where a form sends its term with GET, all other fields filled in; empty where it does not."""
    field = form.css_first(_FIELDS)
    if field is None or (form.attributes.get("method") or "get").lower() != "get":
        return ""
    hidden = {
        each.attributes["name"] or "": each.attributes.get("value") or ""
        for each in form.css("input[type=hidden][name]")
    }
    target = join(base, form.attributes.get("action") or base)
    joint = "&" if "?" in target else "?"
    fixed = f"{urlencode(hidden)}&" if hidden else ""
    return f"{target}{joint}{fixed}{quote_plus(field.attributes['name'] or '')}={_TERM}"


class Hits(NamedTuple):
    number: int
    words: str


def count_hits(answer: Response, selector: str) -> Hits:
    """How many hits an answer lists; -1 where it is none, with words on what it is."""
    if answer.status != 200:
        return Hits(-1, describe(answer))
    if answer.is_html:
        number = len(answer.document.css(selector))
        return Hits(number, count(number, "hit"))
    try:
        number = _entries(json.loads(answer.body))
    except (ValueError, RecursionError):
        return Hits(-1, f"{describe(answer)}, which is no JSON")
    return Hits(number, count(number, "hit")) if number >= 0 else Hits(-1, "JSON without a list of hits")


def _entries(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict):
        for name in (*_LISTS, *(each for each in value if each not in _NO_HITS)):
            inner = value.get(name)
            if isinstance(inner, list):
                return len(inner)
            if name in ("data", "response", "hits", "results") and isinstance(inner, dict):
                return _entries(inner)
    return -1


def _remedy(answer: Response) -> str:
    if answer.status == 404:
        return "let the dispatcher's filters pass the search, and see whether its component is on the page"
    if answer.status >= 500:
        return "read the publish error log; the query may lack its index"
    return "see whether the index is built and the content is published"


def _finding(
    code: str, subject: str, url: str, expected: str, actual: str, remedy: str, evidence: str = ""
) -> Finding:
    return Finding(
        code=code,
        subject=subject,
        sentence=f"{url} gave {actual} instead of {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
        evidence=evidence,
    )
