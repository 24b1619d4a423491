"""Which failures do the checks of contents, links, search, APIs and forms catch?"""

from __future__ import annotations

from catalogue.seeds import Clean, Seed

PARTS = {"expected": {"landing-page": [".cmp-newsletter"]}}
DYNAMIC = {
    "stage": {"hosts": ["{stage}"], "company": "Larkfell"},
    "production": {"hosts": ["{production}"], "company": "LarkfellOther"},
}
SEARCH = {"page": "/us/en/search.html", "terms": {"camping": 1}}
APIS = {"apis": [{"path": "/us/en/magazine.model.json", "schema": {"required": ["title"]}}]}
FORMS = {"forms": [{"page": "/us/en/contact.html", "fields": ["mail", "message"], "required": ["mail"]}]}

SEEDS = (
    Seed(defect="header_fragment_empty", kind="structure", says="has no header"),
    Seed(defect="component_missing", kind="structure", settings=PARTS, says=".cmp-newsletter"),
    Seed(defect="editor_placeholder", kind="structure", says="Please configure the teaser"),
    Seed(defect="component_broken_off", kind="structure", says="Cannot serve request to"),
    Seed(defect="image_missing", kind="images", says="status 404"),
    Seed(defect="image_damaged", kind="images", says="cannot"),
    Seed(defect="document_missing", kind="images", says="status 404"),
    Seed(defect="wrong_language", kind="languages", severity="warn", says="lang 'de-de'"),
    Seed(defect="untranslated_key", kind="languages", severity="warn", says="larkfell.newsletter.title"),
    Seed(defect="hreflang_one_way", kind="languages", severity="warn", says="does not name it back"),
    Seed(defect="dynamic_media_missing", kind="dynamic_media", settings=DYNAMIC, says="status 404"),
    Seed(defect="dynamic_media_mixed_up", kind="dynamic_media", settings=DYNAMIC, says="other environment"),
    Seed(defect="navigation_link_broken", kind="links", says="/us/en/kit.html"),
    Seed(defect="text_link_broken", kind="links", severity="warn", says="/us/en/magazine/moved.html"),
    Seed(defect="anchor_missing", kind="links", severity="warn", says="#workshop"),
    Seed(defect="search_empty", kind="search", settings=SEARCH, says="0 hits"),
    Seed(defect="search_shut", kind="search", settings=SEARCH, says="dispatcher's filters"),
    Seed(
        defect="model_field_renamed",
        kind="api_contracts",
        settings=APIS,
        says="'title' is a required property",
    ),
    Seed(defect="model_type_changed", kind="api_contracts", baseline=True, says=":itemsOrder[]"),
    Seed(defect="csrf_token_shut", kind="api_contracts", says="token.json"),
    Seed(defect="csrf_token_cached", kind="api_contracts", says="no cache keeps"),
    Seed(defect="form_field_lost", kind="forms", settings=FORMS, severity="warn", says="only the fields"),
    Seed(
        defect="form_button_lost", kind="forms", settings=FORMS, severity="warn", says="a button to send it"
    ),
    Seed(defect="form_target_foreign", kind="forms", settings=FORMS, severity="warn", says="forms.example"),
)

CLEAN = (
    Clean(kind="structure", settings=PARTS),
    Clean(kind="images"),
    Clean(kind="languages"),
    Clean(kind="dynamic_media", settings=DYNAMIC),
    Clean(kind="links"),
    Clean(kind="search", settings=SEARCH),
    Clean(kind="api_contracts", settings=APIS),
    Clean(kind="api_contracts", baseline=True),
    Clean(kind="forms", settings=FORMS),
)
