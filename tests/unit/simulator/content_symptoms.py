"""What does each defect of contents and files show?"""

from __future__ import annotations

from collections.abc import Callable

from simulator.aem import AemEnvironment
from simulator.aem.defects import PAGE
from simulator.aem.defects.content import CONTACT, PARTNER
from simulator.aem.defects.files import CSRF_TOKEN, MODEL
from unit.simulator.aem_visitor import ask

Symptom = Callable[[AemEnvironment], bool]
IMAGE = "/us/en/magazine/_jcr_content/root/container/image.coreimg.90.600.jpeg/1763800000000/magazine.jpeg"
SHEET = "/content/dam/larkfell/routes/camping-corven-tarn.pdf"
DYNAMIC = "/is/image/Larkfell/workshop?wid=800"
SEARCH = "/us/en/search.searchresults.json/_jcr_content/root/container/search?fulltext=camping"


def _shows(page: str, text: str) -> Symptom:
    return lambda aem: ask(aem, page).status == 200 and text.encode() in ask(aem, page).body


def _lacks(page: str, text: str) -> Symptom:
    """A page that is there and has a main part, without this."""
    return lambda aem: b"<main" in ask(aem, page).body and text.encode() not in ask(aem, page).body


def _answers(target: str, status: int) -> Symptom:
    return lambda aem: ask(aem, target).status == status


SYMPTOMS: dict[str, Symptom] = {
    "header_fragment_empty": _shows(PAGE, 'cmp-experiencefragment--header"></div>'),
    "component_missing": lambda aem: _lacks(PAGE, "cmp-newsletter")(aem) and ask(aem, PAGE).status == 200,
    "editor_placeholder": _shows(PAGE, "cq-placeholder"),
    "component_broken_off": _shows(PAGE, "Cannot serve request to"),
    "wrong_language": _shows(PAGE, '<html lang="de-DE">'),
    "untranslated_key": _shows(PAGE, "larkfell.newsletter.title"),
    "hreflang_one_way": _lacks(PARTNER, 'rel="alternate" hreflang="en-US"'),
    "navigation_link_broken": _shows(PAGE, 'href="/us/en/kit.html"'),
    "text_link_broken": _shows(PAGE, "/us/en/magazine/moved.html"),
    "anchor_missing": _shows(PAGE, "/us/en/about.html#workshop"),
    "form_field_lost": _lacks(CONTACT, 'name="mail"'),
    "form_button_lost": _lacks(CONTACT, 'type="submit"'),
    "form_target_foreign": _shows(CONTACT, 'action="https://forms.example/'),
    "image_missing": _answers(IMAGE, 404),
    "image_damaged": lambda aem: ask(aem, IMAGE).status == 200 and len(ask(aem, IMAGE).body) == 400,
    "document_missing": _answers(SHEET, 404),
    "dynamic_media_missing": _answers(DYNAMIC, 404),
    "dynamic_media_mixed_up": _shows("/us/en/about.html", "/is/image/LarkfellOther/"),
    "search_empty": lambda aem: ask(aem, SEARCH).body == b"[]",
    "search_shut": _answers(SEARCH, 404),
    "model_field_renamed": _shows(MODEL, '"headline"'),
    "model_type_changed": _shows(MODEL, '":itemsOrder":[{"name"'),
    "csrf_token_shut": _answers(CSRF_TOKEN, 404),
    "csrf_token_cached": lambda aem: ask(aem, CSRF_TOKEN).headers.get("cache-control") == "max-age=300",
}
