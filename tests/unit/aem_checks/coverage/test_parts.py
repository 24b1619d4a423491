"""Are components and templates found by the marks that AEM leaves in a page, and nothing else by accident?"""

from __future__ import annotations

import json

import pytest
from selectolax.lexbor import LexborHTMLParser

from aem_checks.coverage.parts import MAX_PARTS, component_of, parts_of


def parts(body: str = "", head: str = "", body_class: str = "page basicpage") -> set[str]:
    html = f'<html><head>{head}</head><body class="{body_class}">{body}</body></html>'
    return set(parts_of(LexborHTMLParser(html)))


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ('<div class="cmp-teaser cmp-teaser--hero"><p class="cmp-teaser__title"></p></div>', "teaser"),
        ('<div data-cmp-is="carousel"></div>', "carousel"),
        ('<div class="newsletter aem-GridColumn aem-GridColumn--default--12"></div>', "newsletter"),
        ('<div class="cmp-Form-Text"></div>', "form-text"),
    ],
)
def test_a_component_is_named_by_its_block_whatever_element_or_modifier_is_behind_it(
    markup: str, found: str
) -> None:
    assert parts(markup) == {f"component:{found}"}


def test_a_component_in_the_data_layer_is_the_one_of_the_markup() -> None:
    layer = json.dumps({"teaser-1a2b": {"@type": "core/wcm/components/teaser/v2/teaser"}})
    markup = f"<div class=\"cmp-teaser\" data-cmp-data-layer='{layer}'></div>"
    assert parts(markup) == {"component:teaser"}


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [
        ("wknd/components/teaser", "teaser"),
        ("core/wcm/components/form/text/v2/text", "form-text"),
        ("teaser", "teaser"),
        ("weretail/components/content/heroimage", "content-heroimage"),
        ("a/components/../../etc", ""),
        ("", ""),
        ("/", ""),
        ("a/components/components", ""),
    ],
)
def test_a_resource_type_becomes_the_name_that_class_names_have(resource_type: str, name: str) -> None:
    assert component_of(resource_type) == name


def test_the_template_is_what_the_page_component_says_else_what_the_body_is_called() -> None:
    head = '<meta name="template" content="Article-Page">'
    assert parts(head=head, body_class="page landing-page-template") == {"template:article-page"}
    assert parts(body_class="page basicpage landing-page-template dark") == {"template:landing-page-template"}
    assert parts(body_class="page basicpage") == set()


@pytest.mark.parametrize(
    "hostile",
    [
        '<div class="cmp-<script>alert(1)</script>"></div>',
        '<div class="cmp-" data-cmp-is=""></div>',
        f'<div class="cmp-{"x" * 5000}"></div>',
        "<div data-cmp-data-layer='{\"@type\": not json'></div>",
        "<div data-cmp-data-layer='" + '{"@type":' * 6000 + "'></div>",
        '<div data-cmp-data-layer=\'{"a": {"@type": 7}, "b": ["@type"]}\'></div>',
        '<div class="cmp-{{ conn.x.password }}"></div>',
        '<div data-cmp-is="a\x1b[31mb"></div>',
    ],
    ids=range(8),
)
def test_what_is_no_name_is_no_component(hostile: str) -> None:
    assert parts(hostile) <= {"component:x"}, "only letters, digits, '-' and '_' can come out"


def test_a_page_with_endless_names_has_a_limit() -> None:
    assert len(parts("".join(f'<i class="cmp-x{number}"></i>' for number in range(2000)))) == MAX_PARTS
