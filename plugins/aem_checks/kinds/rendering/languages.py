"""D4: is every page in the language of its path, translated, and linked with its other languages both ways?

It compares ``<html lang>`` with the language in the path (``/de/de/``, ``/de-ch/``, ``/fr/``, or what the gate
file says), looks for keys of a dictionary shown instead of their words (an element whose whole text reads like
``form.contact.send``, or ``???key???``), and asks each page that ``hreflang`` names on this site whether it names
the page back. It would have caught keys without translation and language copies that lost their partner, which
the go-live checklist of AEM as a Cloud Service leaves to a person (*SEO and URL management best practices*).
False alarms are brand words with dots: name them under ``ignore``. Words left in the wrong language are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from aem_checks.asks import Follow, Read, ask, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import NAMES, hollow, switch
from aem_checks.kinds.rendering._locales import language_of_path
from aem_checks.markup import in_sample
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unjudged
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath, Pattern
from aem_checks.text import count, quoted
from aem_checks.urls import host_of, parts_of

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.recording import Page
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_WORDS = ("placeholder", "aria-label", "title", "alt")
_MISSING_KEY = re.compile(r"\?\?\?[\w.:/-]{2,80}\?\?\?")
_NOT_A_KEY = re.compile(
    r"www\.|(?:\w\.)+\w$|.*\.\d+(?:\.|$)"
    r"|.*\.(?:com|org|net|io|eu|gov|html?|pdf|js|css|json|xml|jpe?g|png|zip|docx?|xlsx?)$",
    re.IGNORECASE,
)
"""Hosts, files, versions and abbreviations."""
_LONGEST_KEY = 120
_UNSEEN = ":not(script):not(style):not(noscript):not(template):not(code):not(pre):not(kbd):not(samp)"


_SAMPLES = (
    "form.contact.send",
    "form_contact_send",
    "FORM_CONTACT_SEND",
    "form-contact-send",
    "formContactSend",
)
_KEYS = hollow(
    lambda keys, _: not any(re.fullmatch(keys, sample) for sample in _SAMPLES),
    "an expression that no usual key fits",
)


class LanguagesSettings(CheckSettings):
    locales: dict[PagePath, str] = Field(default={})
    """Language by the beginning of the path, such as ``/us/en: en-US``; guessed from the path where absent."""
    keys: Annotated[Pattern, _KEYS] = r"[a-z][a-z0-9_-]*(?:\.[A-Za-z0-9_-]+){2,}"
    """What a dictionary key looks like; an element whose whole text is one is not translated."""
    ignore: Annotated[tuple[str, ...], NAMES] = ()
    """Texts that look like keys and are none, exactly as shown."""
    most: Annotated[int, switch(0)] = Field(default=40, ge=0, le=1000)
    """How many pages that ``hreflang`` names are asked for at most, beside the recorded ones."""


class Trouble(NamedTuple):
    code: str
    what: str
    expected: str
    actual: str
    remedy: str


class Languages(Check[LanguagesSettings]):
    kind = "languages"
    number = "D4"
    title = "Languages and translations"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        no_lang="a page does not say its language",
        wrong_lang="a page says another language than its path",
        untranslated="a page shows a key of the dictionary instead of words",
        hreflang_broken="hreflang names a page that does not answer",
        hreflang_one_way="hreflang names a page that does not name it back",
    )
    reads_recording = True
    settings_type = LanguagesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording, partners = visit.recorded, Partners(visit, self.settings.most)
        not_judged, findings = list[Finding](), list[Finding]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            not_judged += unjudged(page, recording)
            if page.is_good:
                for trouble in (*_language(page, self.settings), *_untranslated(page.final, self.settings)):
                    findings.append(_finding(page, trouble, recording.evidence(page.final)))
                partners.add(page)
        findings = [*not_judged, *findings, *(yield from partners.judge())]
        return Judgement(
            examined=len(recording.good_pages), findings=shortened(findings, severity=self.weight)
        )


def _language(page: Page, settings: LanguagesSettings) -> Iterator[Trouble]:
    node = page.final.document.css_first("html")
    given = ((node.attributes.get("lang") or "") if node else "").strip().replace("_", "-").lower()
    expected = _configured(page.path, settings) or language_of_path(page.path)
    if not given:
        remedy = "set the language of the site's root page"
        yield Trouble("no_lang", "lang", "a language in <html lang>", "no lang", remedy)
    elif expected and not (given == expected or given.startswith(f"{expected}-")):
        yield Trouble(
            "wrong_lang",
            "lang",
            f"lang {expected}",
            f"lang {quoted(given, 40)}",
            "set the language of this page's language root",
        )


def _configured(path: str, settings: LanguagesSettings) -> str:
    fitting = [prefix for prefix in settings.locales if _is_below(path, prefix)]
    return settings.locales[max(fitting, key=len)].replace("_", "-").lower() if fitting else ""


def _is_below(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/", ".", "?")


def _untranslated(response: Response, settings: LanguagesSettings) -> Iterator[Trouble]:
    key = re.compile(settings.keys)
    shown: dict[str, None] = {}
    known: dict[int, bool] = {}
    for node, text in _texts(response):
        if text in settings.ignore:
            continue
        if len(text) <= _LONGEST_KEY and key.fullmatch(text):
            if not _NOT_A_KEY.match(text) and not in_sample(node, known):
                shown[text] = None
        else:
            shown |= dict.fromkeys(_MISSING_KEY.findall(text[:10_000]) if "???" in text else ())
    for text in list(shown)[:10]:
        yield Trouble(
            "untranslated",
            f"key {text[:80]}",
            "words",
            f"the dictionary key {quoted(text)}",
            "add it to the dictionary of this language",
        )


def _texts(response: Response) -> Iterator[tuple[LexborNode, str]]:
    """Visible texts: of each element its own, and attributes that are read to people."""
    for node in response.document.css(f"body, body *{_UNSEEN}"):
        yield node, (node.text(deep=False) or "").strip()
        given = node.attributes
        for name in _WORDS:
            if value := given.get(name):
                yield node, value.strip()


class Partners:
    """Asks the pages that ``hreflang`` names whether they name the page back."""

    def __init__(self, visit: Visit, most: int) -> None:
        self._visit, self._most = visit, most
        self._named: dict[str, dict[str, str] | str] = {}
        """By path: language and path of each alternate, or why that page cannot be judged."""
        self._foreign: set[str] = set()
        self._first: dict[str, str] = {}
        """Paths of the recorded pages, by how alternates call them."""
        self._left: set[str] = set()

    def add(self, page: Page) -> None:
        """Remember what a recorded page names."""
        own = _own_path(page.final, page.path)
        self._named[own] = self._alternates(page.final)
        self._first[own] = page.path

    def judge(self) -> Steps[list[Finding]]:
        named = {path for own in self._first for path in self._of(own).values()}
        yield from self._ask_for(named - set(self._named))
        pages = {page.path: page for page in self._visit.recorded.pages}
        findings = [found for own, path in self._first.items() for found in self._one_way(own, pages[path])]
        return [*findings, *self._notes()]

    def _of(self, path: str) -> dict[str, str]:
        named = self._named.get(path, {})
        return named if isinstance(named, dict) else {}

    def _ask_for(self, paths: set[str]) -> Steps[None]:
        wanted = sorted(paths)
        self._left = set(wanted[self._most :])
        asked = wanted[: self._most]
        chains = yield from ask_all(
            Follow(self._visit.url(path), tries=2, past_caches=True) for path in asked
        )
        for path, chain in zip(asked, chains, strict=True):
            self._listen(path, chain[-1])

    def _listen(self, path: str, final: Response) -> None:
        good = final.ok and final.is_html
        self._named[path] = self._alternates(final) if good else describe(final)
        if is_unreached(final):
            self._left.add(path)

    def _alternates(self, response: Response) -> dict[str, str]:
        own_host = host_of(_canonical(response))
        hosts = self._visit.site.hosts | ({own_host} if own_host else set())
        found = {}
        for node in response.document.css("link[rel~=alternate][hreflang]"):
            language = (node.attributes.get("hreflang") or "").lower()
            href = (node.attributes.get("href") or "").strip()
            if not href.startswith("/") and host_of(href) not in hosts:
                self._foreign.add(href)
            elif language != "x-default":
                found[language] = _path_of(href)
        return found

    def _one_way(self, own: str, page: Page) -> Iterator[Finding]:
        for language, path in self._of(own).items():
            if path == own or path in self._left:
                continue
            other = self._named.get(path, {})
            if isinstance(other, str):
                yield self._about("hreflang_broken", page, language, "a page", f"{path} gives {other}")
            elif own not in other.values():
                expected, actual = f"hreflang of both {own} and {path}", f"{path} does not name it back"
                yield self._about("hreflang_one_way", page, language, expected, actual)

    def _about(self, code: str, page: Page, language: str, expected: str, actual: str) -> Finding:
        said = f"hreflang {quoted(language, 20)}, but {actual}"
        remedy = "see whether both language copies are published and linked"
        return _finding(page, Trouble(code, f"hreflang {language}", expected, said, remedy), "")

    def _notes(self) -> Iterator[Finding]:
        if self._foreign:
            sentence = f"{count(len(self._foreign), 'hreflang')} of other hosts were not followed, one is "
            yield _note(sentence + quoted(min(self._foreign)) + ".")
        if self._left:
            yield _note(
                f"{count(len(self._left), 'page')} that hreflang names were not asked or gave no answer."
            )


def _canonical(response: Response) -> str:
    node = response.document.css_first("link[rel=canonical]")
    return (node.attributes.get("href") or "") if node else ""


def _own_path(response: Response, path: str) -> str:
    """How alternates call this page: by its canonical link, else by the path that was asked for."""
    canonical = _canonical(response)
    return _path_of(canonical) if canonical else path


def _path_of(url: str) -> str:
    return parts_of(url).path or "/"


def _finding(page: Page, trouble: Trouble, evidence: str) -> Finding:
    return Finding(
        code=trouble.code,
        subject=f"{page.path} {trouble.what}",
        sentence=f"{page.url} shows {trouble.actual}; expected {trouble.expected}. To do: {trouble.remedy}.",
        expected=trouble.expected,
        actual=trouble.actual,
        evidence=evidence,
    )


def _note(sentence: str) -> Finding:
    return Finding(code="left_out", subject="languages", sentence=sentence, outcome=Outcome.PASSED)
