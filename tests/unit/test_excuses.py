"""Is every setting by which a check overlooks something declared as an excuse, and is one that overlooks all known?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from aem_checks.check import CheckSettings
from aem_checks.docs import _models
from aem_checks.excuses import (
    BEGINNINGS,
    NAMES,
    PAGES,
    PATHS,
    PATTERNS,
    SELECTORS,
    Excuses,
    above,
    below,
    declared,
    expressions,
    half_of,
    hollow,
    overlooked_by,
    shown,
    switch,
    told,
    without,
)
from aem_checks.field_docs import field_docstrings
from aem_checks.kinds import all_kinds
from aem_checks.sites import SiteConfig
from stage_gate.configuration.gate import GateSettings

KINDS = all_kinds()
REVIEWED = {
    "CheckSettings": "after within",
    "SettledSettings": "every",
    "Real404Settings": "under",
    "CachedErrorsSettings": "under",
    "DomainsSettings": "domains vhost",
    "Domain": "url path vhost leads_to access",
    "DispatcherProbesSettings": "requests_per_second on_production page paths",
    "Probe": "path signature severity",
    "SelectorFloodSettings": "pages parameters",
    "AuthoringModesSettings": "pages",
    "SecurityHeadersSettings": "also",
    "CorsSettings": "origins paths",
    "DispatcherConfigSettings": "checkout",
    "Checkout": "folder repository access base",
    "CachePolicySettings": "private queries",
    "Lifetime": "least most",
    "CacheWorksSettings": "pages",
    "StaleCacheSettings": "pages",
    "RedirectsSettings": "rules file",
    "RedirectRule": "source to code",
    "PageErrorsSettings": "pages most_pages first_party",
    "StructureSettings": "expected",
    "ImagesSettings": "most",
    "LanguagesSettings": "locales",
    "DynamicMediaSettings": "stage production most",
    "DynamicMediaOf": "hosts company",
    "StructuredDataSettings": "required",
    "LinksSettings": "depth most",
    "SearchSettings": "page terms url",
    "PersistedQueriesSettings": "queries",
    "PersistedQuery": "name variables",
    "ApiContractsSettings": "apis",
    "Api": "path contract uncached",
    "FormsSettings": "forms",
    "Form": "page form fields required submit",
    "Submit": "values contains",
    "VisualSettings": "pages most_pages widths block_pages",
    "AccessibilitySettings": "pages most_pages",
    "WebVitalsSettings": "pages most_pages runs budgets block measured_by",
    "Floors": "lcp cls tbt",
    "PageWeightSettings": "pages most_pages",
    "ResponseTimesSettings": "pages requests load",
    "Load": "agreed_by per_second duration",
    "EnvironmentVariablesSettings": "checkout",
    "AemVersionSettings": "java",
    "JavaShown": "path header meta pattern",
    "RunModeConfigSettings": "checkout",
    "ResponseParitySettings": "urls production_past_caches rounds screenshots",
    "AllowedDifference": "field production stage paths because",
    "IrreversibleContentSettings": "checkout",
    "NetworkParitySettings": "checkout",
    "UntestedChangeSettings": "checkout",
    "AuthorConsolesSettings": "page",
    "AuthoringSettings": "parent templates models fragments experience_fragment experience_fragments",
    "PublishRoundTripSettings": "parent path template every",
    "TagsSettings": "pages most_pages tags beacon accept",
    "Tag": "name stage production",
    "ConsentSettings": "pages most_pages banner choose",
    "SuitesSettings": "name folder run reports author author_url publish environment selenium_url browser upload_url",
    "SiteConfig": "name stage production author pages coverage build_marker requests_per_second allow_hosts",
    "Endpoint": "url access origin private",
    "CoverageSettings": "pages look_at",
    "BuildMarker": "path header meta pattern equals",
    "GateSettings": "pipeline policy mode waits notify smoke_tests",
    "PipelineSettings": "connection program pipeline deciding_connection source",
    "SourceSettings": "pipeline start connection",
    "PolicySettings": "passed failed inconclusive windows evidence_lives flakes cloud_manager",
    "FollowUp": "action ask within silence",
    "Windows": "timezone open frozen calendar hotfix",
    "Frozen": "days why",
    "Hotfix": "ask within",
    "Flakes": "reruns quarantine_after of_last",
    "Quarantine": "owner until why check",
    "WaiverSettings": "owner until why check code subject",
    "CloudManagerMinimums": "code_quality product_tests functional_tests ui_tests experience_audit",
    "CodeQuality": "minimum maximum",
    "CodeQualityMinimum": "security_rating reliability_rating maintainability_rating coverage",
    "CodeQualityMaximum": "skipped_tests open_issues duplicated_lines",
    "StageTests": "required",
    "ExperienceAudit": "minimum",
    "Waits": "poll stage_deployment approval production_deployment read_back",
    "Notify": "slack email pagerduty",
    "SlackChannel": "connection channel",
    "Email": "connection to sender",
    "PagerDuty": "connection severity",
    "SmokeTests": "ask within questions",
    "SmokeTest": "name question page site covered_by",
}
"""Settings that somebody has looked at and that are no excuse: what is demanded, where, how much is looked at, by whom.

A new setting is either declared with ``Excuses`` or written down here; nobody gets around deciding.
"""
SMELLS = re.compile(
    r"\b(?:ignor|exempt|waive|overlook|accepted|on purpose|not (?:judged|told|compared|looked at|asked|counted))"
    r"|\bmay (?:be|lack|differ|change|appear|set|say|name|lose|wait|take|spend)\b|\bexcus|\bmeant to\b",
    re.IGNORECASE,
)
NO_EXCUSE = {
    "DynamicMediaOf.company": "a demand, where it is named",
    "DynamicMediaSettings.production": "without it there is no answer on production, and none is no pass",
    "SmokeTests.ask": "who may answer",
    "SiteConfig.allow_hosts": "which hosts may be asked; those that are not are named",
    "PolicySettings.windows": "when production may be approved",
    "PolicySettings.evidence_lives": "how old a verdict may be",
    "WebVitalsSettings.budgets": "each budget inside says so itself",
    "WaiverSettings.code": "which fault a waiver is about; the list of waivers is declared",
    "ResponseTimesSettings.requests": "how often is asked",
}
"""Settings whose words smell of an excuse and that are none, each with the reason."""


def models_of(*roots: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    waiting = list(roots)
    while waiting:
        model = waiting.pop()
        if model.__name__ not in found:
            found[model.__name__] = model
            waiting += [inner for field in model.model_fields.values() for inner in _models(field.annotation)]
    return found


MODELS = models_of(CheckSettings, SiteConfig, GateSettings, *(kind.settings_type for kind in KINDS.values()))


def own_fields(model: type[BaseModel]) -> Iterator[str]:
    common = set(CheckSettings.model_fields) if issubclass(model, CheckSettings) else set()
    yield from (name for name in model.model_fields if model is CheckSettings or name not in common)


@pytest.mark.parametrize("name", MODELS)
def test_somebody_has_decided_of_each_setting_whether_it_is_an_excuse(name: str) -> None:
    model, reviewed = MODELS[name], set(REVIEWED.get(name, "").split())
    excuses = {field for field in own_fields(model) if declared(field, model.model_fields[field]) is not None}
    assert excuses & reviewed == set(), "declared as an excuse, and listed as none"
    assert set(own_fields(model)) == excuses | reviewed, "decide, and write it down"


def test_what_was_decided_is_about_settings_that_are_there() -> None:
    assert REVIEWED.keys() <= MODELS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_no_setting_smells_of_an_excuse_and_is_not_declared_as_one(name: str) -> None:
    model = MODELS[name]
    texts = field_docstrings(model)
    smelling = {
        field
        for field in own_fields(model)
        if SMELLS.search(texts.get(field, "")) and declared(field, model.model_fields[field]) is None
    }
    assert {each for each in smelling if f"{name}.{each}" not in NO_EXCUSE} == set()


@pytest.mark.parametrize("place", NO_EXCUSE)
def test_each_exception_is_one(place: str) -> None:
    model, _, field = place.partition(".")
    text = field_docstrings(MODELS[model])[field]
    assert SMELLS.search(text)
    assert declared(field, MODELS[model].model_fields[field]) is None


@pytest.mark.parametrize("name", KINDS)
def test_the_defaults_of_a_kind_overlook_nothing(name: str) -> None:
    given = {
        "dynamic_media": {"stage": {"hosts": ["https://s7d1.scene7.com"]}},
        "search": {"page": "/", "terms": {"a": 1}},
        "persisted_queries": {"queries": ["a/b"]},
        "redirects": {"rules": [{"from": "/a", "to": "/b"}]},
        "forms": {"forms": ["/"]},
        "authoring": {"parent": "/a", "templates": ["/t"]},
        "publish_round_trip": {"parent": "/a", "path": "/a", "template": "/t"},
        "suites": {"name": "s", "folder": "f", "run": "r"},
    }
    settings = KINDS[name].settings_type.model_validate(given.get(name, {}))
    assert list(overlooked_by(settings, ("/", "/us/en.html"))) == []
    assert settings.judges_nothing() == ""


SITE = ("/us/en.html", "/us/en/magazine.html?a=b")


@pytest.mark.parametrize(
    ("excuses", "value", "everything"),
    [
        (PATTERNS, ("*",), True),
        (PATTERNS, ("WKND_*",), False),
        (PATTERNS, ("good", "?*"), True),
        (PATTERNS, ("exactly",), False),
        (PATTERNS, "[A-Z]*", True),
        (PATHS, ("*",), True),
        (PATHS, ("/us/*",), True),
        (PATHS, ("/content/*",), True),
        (PATHS, ("/*/search.html",), False),
        (PATHS, ("/us/en/campaign/*",), False),
        (PATHS, ("/us/en.html", "*/magazine.html"), True),
        (PATHS, ("*/magazine.html",), False),
        (BEGINNINGS, ("/",), True),
        (BEGINNINGS, ("",), True),
        (BEGINNINGS, ("/content/dam/",), True),
        (BEGINNINGS, ("/us/en",), True),
        (BEGINNINGS, ("/us/en/faq",), False),
        (BEGINNINGS, ("/content/dam/archive/",), False),
        (PAGES, SITE[:1], False),
        (PAGES, ("/us/en.html", "/us/en/magazine.html"), True),
        (SELECTORS, ("body",), True),
        (SELECTORS, ("html > body *",), True),
        (SELECTORS, (".carousel", "main, .date"), True),
        (SELECTORS, (".cmp-carousel", "main .date"), False),
        (SELECTORS, "*", True),
        (NAMES, ("anything", "*"), False),
        (expressions("a b", "1"), (".*",), True),
        (expressions("a b", "1"), ("a",), False),
        (expressions("a b", "1", whole=True), (r"\w",), False),
        (switch("any", everything=True), "any", True),
        (switch(False), False, False),
        (above(4), 5, True),
        (above(4), 4, False),
        (above(4), None, True),
        (above(timedelta(minutes=10)), timedelta(hours=1), True),
        (above(), 1000, False),
        (below(3), 2, True),
        (below(3), 3, False),
        (below(3), None, False),
        (without("a", "b"), ("c",), True),
        (without("a", "b"), ("b",), False),
        (half_of(lambda: ("a", "b", "c")), ("a", "c"), True),
        (half_of(lambda: ("a", "b", "c")), ("a", "z"), False),
        (hollow(SELECTORS.everything, "x"), "*", True),
    ],
)
def test_what_overlooks_everything_or_nearly(excuses: Excuses, value: Any, everything: bool) -> None:
    assert excuses.everything(value, SITE) is everything


@pytest.mark.parametrize(
    ("excuses", "default", "value", "uses"),
    [
        (NAMES, (), ("a",), True),
        (NAMES, ("a",), (), False),
        (NAMES, ("a",), ("a",), False),
        (NAMES, ("a",), ("a", "b"), True),
        (NAMES, None, "/a", True),
        (switch("any", everything=True), "closed", "open", False),
        (switch("any", everything=True), "closed", "any", True),
        (above(40), 4, 5, True),
        (above(40), 4, 3, False),
        (above(40), 4, None, True),
        (below(1), 10, 9, True),
        (below(1), 10, 11, False),
        (below(8), None, None, False),
        (below(8), None, 80, True),
        (without("a", "b"), ("a", "b"), ("b", "a", "c"), False),
        (without("a", "b"), ("a", "b"), ("a",), True),
        (hollow(SELECTORS.everything, "x"), ".hit", ".other", False),
        (hollow(SELECTORS.everything, "x"), ".hit", "*", True),
    ],
)
def test_an_excuse_is_in_use_where_it_overlooks_more_than_the_default(
    excuses: Excuses, default: Any, value: Any, uses: bool
) -> None:
    assert excuses.uses(value, default) is uses


class Inner(BaseModel):
    least: Annotated[int, below(1)] = Field(default=1, ge=0)


class Settings(CheckSettings):
    hosts: Annotated[tuple[str, ...], PATTERNS] | None = None
    parts: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = Field(default_factory=dict)
    allow: tuple[str, ...] = ()
    ignore: bool = False


@pytest.mark.parametrize(
    ("status", "found"), [([200, 302], []), ([206], []), ([200, 409], [False]), ([200, 503], [True])]
)
def test_a_status_by_which_a_server_refuses_a_form_is_an_excuse(status: list[int], found: list[bool]) -> None:
    form = {"page": "/", "submit": {"values": {"a": "b"}, "status": status}}
    settings = KINDS["forms"].settings_type.model_validate({"forms": [form]})
    assert [each.everything for each in overlooked_by(settings)] == found


def test_excuses_are_found_wherever_they_stand_and_whatever_they_are_called() -> None:
    given = {
        "dry_run": True,
        "hosts": ("*",),
        "parts": [{"least": 0}, {"least": 5}],
        "by_name": {"a": {"least": 0}},
    }
    found = {each.name: each.everything for each in overlooked_by(Settings.model_validate(given))}
    assert found == {"dry_run": True, "hosts": True, "parts.0.least": True, "by_name.a.least": True}


def test_a_teams_setting_that_is_called_like_an_excuse_is_one() -> None:
    settings = Settings(allow=("*",), ignore=True)
    assert {each.name: each.everything for each in overlooked_by(settings)} == {
        "allow": True,
        "ignore": False,
    }


def test_values_and_excuses_are_told_as_people_write_them() -> None:
    assert [
        shown(each) for each in (True, None, timedelta(minutes=90), ("a", "b"), (), {"x": 1}, Inner(least=0))
    ] == [
        "true",
        "null",
        "1h30m",
        "a, b",
        "none",
        "x: 1",
        "least: 0",
    ]
    assert len(shown("x" * 1000)) == 200
    assert told(NAMES) == "An excuse."
    assert told(above(4)) == "An excuse; it overlooks everything as more than 4."
    assert told(hollow(SELECTORS.everything, "`*`")) == "An excuse only as `*`, which overlooks everything."
