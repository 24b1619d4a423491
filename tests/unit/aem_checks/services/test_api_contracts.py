"""G3 against small sites: statuses, schemas, fields that were there before, and tokens that caches keep."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.access import NO_ACCESS
from aem_checks.baseline import Baseline
from aem_checks.client import Client
from aem_checks.house import House
from aem_checks.kinds.services._shapes import broken, shape_of
from aem_checks.kinds.services.api_contracts import ApiContracts, ApiContractsSettings
from aem_checks.means import Means
from aem_checks.outcomes import Judgement, Outcome, Severity
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig
from unit.aem_checks.small_site import JSON, Answer, SmallSite, bad, outcome

API = "/bin/wknd/stores.json"
TOKEN = "/libs/granite/csrf/token.json"
UNKEPT = (200, "{}", {**JSON, "Cache-Control": "no-store"})
STORES = {"stores": [{"name": "Riga", "open": True}], "total": 1}


def check(*apis: Any, context: dict[str, str] | None = None, **settings: Any) -> ApiContracts:
    value = {"apis": list(apis), "models": False, "csrf_token": False, **settings}
    return ApiContracts(ApiContractsSettings.model_validate(value, context=context))


def answer(value: Any, **headers: str) -> Answer:
    return 200, json.dumps(value), {**JSON, **headers}


def look(
    api_check: ApiContracts,
    folder: Path,
    answers: dict[str, Answer],
    before: Path | None = None,
    pages: Any = ("/",),
) -> Judgement:
    async def run() -> Judgement:
        async with SmallSite(answers).running() as url:
            site = SiteConfig.model_validate({"name": "small", "stage": url, "pages": pages})
            limit = RateLimit(1000, folder=folder / "rate")
            baseline = Baseline("execution 4710", before) if before is not None else None
            async with Client({url: NO_ACCESS}, rate_limit=limit, backoff=0.01) as client:
                return await House.lead(
                    api_check, Means(site, "stage", client, None, folder, baseline=baseline)
                )

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        (answer(STORES), "block passed", ""),
        ((404, "no"), "block failed product", "dispatcher's filters"),
        ((500, "no"), "block failed product", "error log"),
        ((403, "no"), "block inconclusive network", "allow list"),
        ((200, "<html>login</html>"), "block failed product", "which is no JSON"),
        ((200, "[" * 99_999, JSON), "block failed product", "which is no JSON"),
        (answer([0] * 200_001), "block inconclusive product", "more than 200000 values"),
        ("reset", "block inconclusive network", "no answer"),
    ],
)
def test_each_answer_of_an_api(tmp_path: Path, given: Answer, expected: str, words: str) -> None:
    judgement = look(check(API), tmp_path, {API: given})
    assert outcome(check(API), judgement) == expected
    assert words in " ".join(each.sentence for each in bad(judgement))


def test_an_api_may_have_to_refuse(tmp_path: Path) -> None:
    shut = check({"path": API, "status": 403})
    assert outcome(shut, look(shut, tmp_path, {API: (403, "{}", JSON)})) == "block passed"
    assert outcome(shut, look(shut, tmp_path, {API: answer(STORES)})) == "block failed product"


SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "integer", "minimum": 1}},
    "required": ["stores"],
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (STORES, ""),
        ({"total": 1}, "'stores' is a required property"),
        ({**STORES, "total": 0}, "at '$.total'"),
    ],
)
def test_an_answer_meets_its_schema(tmp_path: Path, value: Any, words: str) -> None:
    judgement = look(check({"path": API, "schema": SCHEMA}), tmp_path, {API: answer(value)})
    assert words in " ".join(each.sentence for each in bad(judgement))
    assert bool(bad(judgement)) == bool(words)


def test_a_schema_may_stand_in_a_file_beside_the_gate_file(tmp_path: Path) -> None:
    (tmp_path / "stores.json").write_text(json.dumps(SCHEMA))
    own = check({"path": API, "schema": "stores.json"}, context={"folder": str(tmp_path)})
    assert own.settings.apis[0].contract == SCHEMA


@pytest.mark.parametrize("schema", ["lost.json", {"type": "objekt"}, {"required": 1}])
def test_a_schema_that_is_none_is_refused(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(ValidationError, match=r"correct"):
        check({"path": API, "schema": schema}, context={"folder": str(tmp_path)})


def test_a_schema_never_makes_the_gate_ask_anybody(tmp_path: Path) -> None:
    remote = check({"path": API, "schema": {"$ref": "http://127.0.0.1:9/schema.json"}})
    judgement = look(remote, tmp_path, {API: answer(STORES)})
    assert outcome(remote, judgement).startswith("block inconclusive")


def after(folder: Path, value: Any, was: Any = STORES) -> Judgement:
    look(check(API), folder / "before", {API: answer(was)})
    return look(check(API), folder / "now", {API: answer(value)}, folder / "before")


@pytest.mark.parametrize(
    "value",
    [
        {"total": 7, "stores": [{"open": False, "name": "Bali"}, {"name": "Oslo", "open": True, "new": 1}]},
        {**STORES, "more": "fields"},
        {"stores": [], "total": 0},
        {"stores": None, "total": 0},
    ],
)
def test_order_number_values_and_new_fields_do_not_matter(tmp_path: Path, value: Any) -> None:
    assert bad(after(tmp_path, value)) == []


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        ({"stores": STORES["stores"]}, "$.total"),
        ({**STORES, "total": "1"}, "$.total"),
        ({**STORES, "stores": [{"title": "Riga", "open": True}]}, "$.stores[].name"),
        ({**STORES, "stores": {"0": {}}}, "$.stores"),
        ([], "$"),
    ],
)
def test_a_lost_field_or_type_breaks_the_contract(tmp_path: Path, value: Any, subject: str) -> None:
    findings = bad(after(tmp_path, value))
    assert findings[0].subject == f"{API} {subject}"
    assert findings[0].severity is None
    assert "execution 4710" in findings[0].sentence


def test_a_lost_field_is_no_note_however_many_were_lost_before_it(tmp_path: Path) -> None:
    was = {f"f{number:02}": 1 for number in range(40)}
    judgement = after(tmp_path, {"f00": 1}, was)
    assert [each.subject for each in bad(judgement)][-1] == "14 more"
    assert {each.outcome for each in bad(judgement)} == {Outcome.FAILED}


def test_without_a_verified_release_it_says_so(tmp_path: Path) -> None:
    judgement = look(check(API), tmp_path, {API: answer(STORES)})
    assert [each.outcome for each in judgement.findings] == [Outcome.PASSED]
    assert "no verified release" in judgement.findings[0].sentence


MODEL = {
    ":type": "page",
    ":items": {"teaser": {":type": "teaser", "title": "A"}, "text": {":type": "text", "text": ""}},
}


def test_components_are_compared_by_type_wherever_they_are() -> None:
    moved = {
        ":type": "page",
        ":items": {"root": {":type": "container", ":items": {"x_1": {":type": "teaser", "title": "B"}}}},
    }
    assert list(broken(shape_of(MODEL), shape_of(moved))) == []
    renamed = {":type": "page", ":items": {"teaser": {":type": "teaser", "headline": "A"}}}
    assert list(broken(shape_of(MODEL), shape_of(renamed))) == [("<teaser>.title", "string", "no such field")]


def page_model(**changed: Any) -> dict[str, Any]:
    """A page as AEM exports it: a component itself, with a component in a field of another, and a data layer."""
    teaser = {
        ":type": "wknd/components/teaser",
        "title": "Surf",
        "image": {":type": "wknd/components/image", "alt": "A wave", "src": "/a.jpg"},
        "dataLayer": {
            "teaser-1a": {"@type": "wknd/components/teaser", "dc:title": "Surf", "image": {"repo:id": "1"}}
        },
    }
    page = {":type": "wknd/components/page", "title": "Home", "language": "en", ":items": {"teaser": teaser}}
    return {**page, **changed}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda page: page.pop("language"), "<wknd/components/page>.language"),
        (lambda page: page[":items"]["teaser"].pop("title"), "<wknd/components/teaser>.title"),
        (lambda page: page[":items"]["teaser"]["image"].pop("alt"), "<wknd/components/image>.alt"),
        (lambda page: page[":items"]["teaser"].pop("dataLayer"), "<wknd/components/teaser>.dataLayer"),
        (
            lambda page: page[":items"]["teaser"]["dataLayer"]["teaser-1a"].pop("dc:title"),
            "<@wknd/components/teaser>.dc:title",
        ),
    ],
)
def test_a_field_that_a_component_lost_is_told_wherever_it_is(change: Any, path: str) -> None:
    now = page_model()
    change(now)
    assert list(broken(shape_of(page_model()), shape_of(now))) == [
        (path, shape_of(page_model())[path][0], "no such field")
    ]


def test_a_component_that_goes_takes_its_id_with_it_and_nobody_is_told() -> None:
    before, now = page_model(), page_model()
    image = {"@type": "wknd/components/image", "image": {"repo:id": "7"}, "xdm:linkURL": "/a"}
    before[":items"]["teaser"]["dataLayer"]["image-2b"] = image
    assert list(broken(shape_of(before), shape_of(now))) == []
    del now[":items"]["teaser"]
    assert list(broken(shape_of(before), shape_of(now))) == []


def test_a_name_with_a_dot_is_one_name() -> None:
    before = {"com.example": {"a.b": 1, "c": 2}}
    assert [path for path, *_ in broken(shape_of(before), shape_of({"com.example": {"c": 2}}))] == [
        r"$.com\.example.a\.b"
    ]


def test_a_field_that_a_pages_model_lost_is_a_warning(tmp_path: Path) -> None:
    models, path = check(models=True), "/us/en.model.json"
    pages = ("/us/en.html", "/us/en/search")
    look(models, tmp_path / "before", {path: answer({"title": "A", "x": 1})}, pages=pages)
    judgement = look(models, tmp_path / "now", {path: answer({"title": "A"})}, tmp_path / "before", pages)
    assert [each.severity for each in bad(judgement)] == [Severity.WARN]


def test_a_page_never_had_a_model_or_has_lost_it(tmp_path: Path) -> None:
    models, path, pages = check(API, models=True), "/us/en.model.json", ("/us/en.html",)
    never = look(models, tmp_path / "never", {API: answer(STORES)}, pages=pages)
    assert (bad(never), never.examined) == ([], 1)
    look(models, tmp_path / "before", {API: answer(STORES), path: answer(MODEL)}, pages=pages)
    lost = look(models, tmp_path / "now", {API: answer(STORES)}, tmp_path / "before", pages)
    assert [each.subject for each in bad(lost)] == [path]


def test_nothing_to_look_at_is_no_answer(tmp_path: Path) -> None:
    assert outcome(check(models=True), look(check(models=True), tmp_path, {}, pages=("/us/en.html",))) == (
        "block inconclusive check"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (UNKEPT, ""),
        (answer({}, **{"Cache-Control": "private, max-age=5"}), ""),
        (answer({}), "no Cache-Control"),
        (answer({}, **{"Cache-Control": "max-age=300"}), "max-age=300"),
        (answer({}, **{"Cache-Control": "no-store", "Age": "12"}), "12 s old"),
        ((404, "no"), "status 404"),
    ],
)
def test_the_token_is_there_and_no_cache_keeps_it(tmp_path: Path, given: Answer, words: str) -> None:
    judgement = look(check(csrf_token=True), tmp_path, {TOKEN: given})
    assert words in " ".join(each.sentence for each in bad(judgement))
    assert bool(bad(judgement)) == bool(words)


@pytest.mark.parametrize(
    "value",
    [None, [[[[1]]]], {"a": [1, "x", None]}, {str(n): n for n in range(9000)}, {":type": 5, ":items": []}],
)
def test_any_json_has_a_shape_that_it_keeps(value: Any) -> None:
    shape = shape_of(value)
    assert len(shape) <= 5000
    assert list(broken(shape, shape)) == []
