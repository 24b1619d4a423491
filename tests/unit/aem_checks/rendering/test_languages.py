"""D4 on small pages: the language of a path, untranslated keys, and partners that do not name each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.rendering._locales import language_of_path
from aem_checks.kinds.rendering.languages import Languages, LanguagesSettings
from aem_checks.outcomes import CheckResult, Outcome
from unit.aem_checks.page_site import Answer, run_on, status, text

EN, DE = "/us/en.html", "/de/de.html"


def check(**settings: Any) -> Languages:
    return Languages(LanguagesSettings.model_validate(settings))


def page(body: str = "", lang: str = "en-US", links: dict[str, str] | None = None) -> Answer:
    alternates = "".join(
        f'<link rel="alternate" hreflang="{language}" href="{href}">'
        for language, href in (links or {}).items()
    )
    root = f'<html lang="{lang}">' if lang else "<html>"
    filler = "<p>Surfing, climbing and camping.</p>" * 20
    return text(f"<!DOCTYPE html>{root}<head><title>WKND</title>{alternates}</head><body>{body}{filler}</body></html>",
                "text/html")  # fmt: skip


def judge(
    folder: Path, answers: dict[str, Answer], pages: tuple[str, ...] = (EN,), **settings: Any
) -> CheckResult:
    return run_on(answers, check(**settings), folder, pages=pages)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("/us/en.html", "en"),
        ("/us/en/magazine.html", "en"),
        ("/ch/fr/a.html", "fr"),
        ("/de/de.html", "de"),
        ("/en/us/a.html", "en"),
        ("/fr/produits.html", "fr"),
        ("/fr-ca/a.html", "fr"),
        ("/pt_BR/a.html", "pt"),
        ("/zh-hans/a.html", "zh"),
        ("/content/wknd/us/en/a.html", "en"),
        ("/content/wknd/language-masters/es/a.html", "es"),
        ("/de/at/a.html", ""),
        ("/products/ab1.html", ""),
        ("/", ""),
        ("/magazine.html?x=/de/de", ""),
    ],
)
def test_the_language_of_a_path(path: str, language: str) -> None:
    assert language_of_path(path) == language


@pytest.mark.parametrize(
    ("lang", "outcome"),
    [("en-US", "passed"), ("en", "passed"), ("EN_gb", "passed"), ("de", "failed"), ("", "failed")],
)
def test_the_language_of_a_page_is_that_of_its_path(tmp_path: Path, lang: str, outcome: str) -> None:
    result = judge(tmp_path, {EN: page(lang=lang)})
    assert (result.severity, result.outcome) == ("warn", outcome)


def test_a_gate_file_may_say_the_language_of_a_path(tmp_path: Path) -> None:
    locales = {"/us": "es", "/us/en": "en-US"}
    assert judge(tmp_path, {EN: page(lang="en")}, locales=locales).outcome is Outcome.FAILED
    assert judge(tmp_path, {EN: page(lang="en-us")}, locales=locales).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "body",
    [
        "<button>wknd.contact.send</button>",
        "<p>Price: ???product.price???</p>",
        '<input placeholder="wknd.contact.mail-address">',
        '<img alt="wknd.image.alt">',
    ],
)
def test_a_key_instead_of_words_is_found(tmp_path: Path, body: str) -> None:
    result = judge(tmp_path, {EN: page(body)})
    assert result.outcome is Outcome.FAILED
    assert "the dictionary key" in result.findings[0].sentence


@pytest.mark.parametrize(
    "body",
    [
        "<p>www.wknd.site</p>",
        "<p>shop.wknd.com</p>",
        "<a>route.sheet.v2.pdf</a>",
        "<p>v1.20.3</p>",
        "<p>e.g.</p>",
        "<p>u.s.a</p>",
        "<pre>org.apache.sling</pre>",
        "<pre><span>org.apache.sling</span></pre>",
        "<script>org.apache.sling</script>",
        "<p>Read org.apache.sling first.</p>",
    ],
)
def test_hosts_files_versions_and_samples_are_no_keys(tmp_path: Path, body: str) -> None:
    assert judge(tmp_path, {EN: page(body)}).outcome is Outcome.PASSED


def test_a_brand_word_can_be_ignored(tmp_path: Path) -> None:
    body = "<p>wknd.adventures.club</p>"
    assert judge(tmp_path, {EN: page(body)}).outcome is Outcome.FAILED
    assert judge(tmp_path, {EN: page(body)}, ignore=["wknd.adventures.club"]).outcome is Outcome.PASSED


BOTH = {"en": EN, "de": DE, "x-default": EN}


@pytest.mark.parametrize(
    ("german", "outcome", "words"),
    [
        (page(lang="de", links=BOTH), "passed", ""),
        (page(lang="de", links={"de": DE}), "failed", "does not name it back"),
        (page(lang="de"), "failed", "does not name it back"),
        (status(404), "failed", "status 404"),
        (text("{}", "application/json"), "failed", "application/json"),
        (status(405), "passed", "gave no answer"),
    ],
)
def test_partners_name_each_other(tmp_path: Path, german: Answer, outcome: str, words: str) -> None:
    result = judge(tmp_path, {EN: page(links=BOTH), DE: german})
    assert result.outcome == outcome, result.sentences
    assert words in " ".join(result.sentences)


def test_alternates_of_other_hosts_are_counted_not_asked(tmp_path: Path) -> None:
    result = judge(tmp_path, {EN: page(links={"de": "https://www.wknd.example.de/de.html"})})
    assert result.outcome is Outcome.PASSED
    assert "1 hreflang of other hosts" in " ".join(result.sentences)


def test_alternates_with_the_public_host_are_asked_on_this_target(tmp_path: Path) -> None:
    def public(path: str, lang: str, links: dict[str, str]) -> Answer:
        made = page(f'<link rel=canonical href="https://www.wknd.example{path}">', lang, links)
        return made

    named = {"de": f"https://www.wknd.example{DE}", "en": f"https://www.wknd.example{EN}"}
    good = judge(tmp_path, {EN: public(EN, "en", named), DE: public(DE, "de", named)})
    assert (good.outcome, good.findings) == (Outcome.PASSED, ())
    bad = judge(tmp_path, {EN: public(EN, "en", named), DE: public(DE, "de", {})})
    assert bad.outcome is Outcome.FAILED


def test_pages_without_answer_are_no_answer(tmp_path: Path) -> None:
    result = judge(tmp_path, {EN: status(405)})
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)
