"""G2 against small sites: what each answer of a GraphQL endpoint amounts to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.kinds.services.persisted_queries import (
    PersistedQueries,
    PersistedQueriesSettings,
    PersistedQuery,
    count_items,
)
from aem_checks.outcomes import Severity
from unit.aem_checks.small_site import Answer, SmallSite, bad, outcome, visit

PATH = "/graphql/execute.json/wknd/adventures-all"
CACHED = {"Content-Type": "application/json", "Cache-Control": "max-age=60, s-maxage=7200"}
ITEMS = {"data": {"adventureList": {"items": [{"title": "Bali"}, {"title": "Riga"}]}}}


def check(*queries: Any) -> PersistedQueries:
    return PersistedQueries(
        PersistedQueriesSettings.model_validate({"queries": list(queries) or ["wknd/adventures-all"]})
    )


def answer(body: Any, headers: dict[str, str] = CACHED) -> Answer:
    return 200, json.dumps(body), headers


def test_a_query_with_items_passes_and_is_asked_past_the_caches(tmp_path: Path) -> None:
    site = SmallSite({PATH: answer(ITEMS)})
    judgement = visit(check(), tmp_path, site)
    assert judgement.findings == ()
    assert judgement.examined == 1
    assert site.paths[0].startswith(f"{PATH}?stage-gate=")


def test_variables_are_encoded_into_the_path(tmp_path: Path) -> None:
    query = PersistedQuery(name="wknd/by-slug", variables={"slug": "bali/ä b", "first": 3, "live": True})
    assert (
        query.path
        == "/graphql/execute.json/wknd/by-slug%3Bslug%3Dbali%2F%C3%A4%20b%3Bfirst%3D3%3Blive%3Dtrue"
    )
    site = SmallSite({query.path: answer(ITEMS)})
    judgement = visit(check(query.model_dump()), tmp_path, site)
    assert bad(judgement) == []
    assert site.paths[0].startswith(query.path)


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        ((404, "No suitable endpoint found"), "block failed product", "endpoint of this configuration"),
        ((404, "nothing"), "block failed product", "publish the query"),
        ((400, "path missing"), "block failed product", "misses the path or a variable"),
        ((405, ""), "block inconclusive network", "IP allow list"),
        ((403, ""), "block inconclusive network", "allow list or firewall"),
        ((503, ""), "block failed product", "error log"),
        ((302, "", {"Location": "/login"}), "block failed product", "redirects to"),
        ((200, "<html>home</html>"), "block failed product", "JSON object"),
        ((200, "[" * 100_000), "block failed product", "JSON object"),
        (
            answer({"errors": [{"message": "FieldUndefined: \x1btitel"}], "data": {}}),
            "block failed product",
            "titel",
        ),
        (answer({"data": None}), "block failed product", "without data"),
        (answer({"data": {"adventureList": {"items": []}}}), "block failed product", "0 items"),
    ],
)
def test_each_cause_is_told_apart(tmp_path: Path, given: Answer, expected: str, words: str) -> None:
    judgement = visit(check(), tmp_path, {PATH: given})
    assert outcome(check(), judgement) == expected
    assert words in bad(judgement)[0].sentence


@pytest.mark.parametrize("header", ["", "no-store", "private, max-age=0"])
def test_an_answer_that_nobody_may_cache_is_a_warning(tmp_path: Path, header: str) -> None:
    headers = {"Content-Type": "application/json"} | ({"Cache-Control": header} if header else {})
    (finding,) = bad(visit(check(), tmp_path, {PATH: answer(ITEMS, headers)}))
    assert finding.severity is Severity.WARN


def test_the_evidence_holds_the_answer(tmp_path: Path) -> None:
    (finding,) = bad(visit(check(), tmp_path, {PATH: (404, "No suitable endpoint found")}))
    assert (tmp_path / "evidence" / finding.evidence).read_text() == "No suitable endpoint found"


def test_one_broken_query_among_good_ones_fails(tmp_path: Path) -> None:
    both = check("wknd/adventures-all", "wknd/gone")
    judgement = visit(both, tmp_path, {PATH: answer(ITEMS)})
    assert judgement.examined == 2
    assert [finding.subject for finding in bad(judgement)] == ["/graphql/execute.json/wknd/gone"]


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (None, 0),
        ({"aList": {"items": [1, 2]}, "bList": {"items": [3]}}, 3),
        ({"aPaginated": {"edges": [{"node": {}}]}}, 1),
        ({"aByPath": {"item": {"title": "x"}}}, 1),
        ({"aByPath": {"item": None}}, 0),
        ({"aList": None}, 0),
    ],
)
def test_items_are_counted_in_every_form(data: Any, number: int) -> None:
    assert count_items(data) == number


def test_no_query_is_no_check() -> None:
    with pytest.raises(ValidationError):
        PersistedQueriesSettings.model_validate({"queries": []})
