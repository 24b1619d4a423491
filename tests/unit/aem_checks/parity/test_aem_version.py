"""K1: do stage and production run the same AEM?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.parity.aem_version import AemVersion, AemVersionSettings
from aem_checks.outcomes import Cause
from unit.aem_checks.small_site import JSON, Answer, bad, outcome, visit

NOVEMBER = "2026.11.23482.20261101T000000Z-260900"
CHECK = AemVersion(AemVersionSettings())


def toggles(*names: str, release: str = NOVEMBER) -> dict[str, Answer]:
    return {"/etc.clientlibs/toggles.json": (200, json.dumps({"enabled": names, "release": release}), JSON)}


def test_the_same_release_with_the_same_toggles_passes(tmp_path: Path) -> None:
    judgement = visit(CHECK, tmp_path, toggles("FT_A", "FT_B"), toggles("FT_B", "FT_A"))
    assert judgement.findings == ()
    assert judgement.examined == 2


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("2026.12.1.20261201T000000Z-261200", "block failed product"),
        ("2026.11.23999.20261115T000000Z-260900", "warn failed product"),
        ("6.5.21", "block failed product"),
    ],
)
def test_another_month_of_aem_blocks(tmp_path: Path, stage: str, expected: str) -> None:
    judgement = visit(CHECK, tmp_path, toggles(release=stage), toggles())
    assert outcome(CHECK, judgement) == expected


def test_a_toggle_that_only_one_has_is_a_warning(tmp_path: Path) -> None:
    judgement = visit(CHECK, tmp_path, toggles("FT_A"), toggles("FT_B"))
    assert [f.subject for f in bad(judgement)] == ["toggles only on stage", "toggles only on production"]
    assert outcome(CHECK, judgement) == "warn failed product"
    lenient = AemVersion(AemVersionSettings(ignore_toggles=("FT_A", "FT_B")))
    assert bad(visit(lenient, tmp_path, toggles("FT_A"), toggles("FT_B"))) == []


def test_cloud_manager_names_the_release_where_aem_does_not(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"aem_release": {"stage": NOVEMBER, "production": "2026.10.1.x"}}
    answers = toggles("FT_A", release="")
    assert outcome(CHECK, visit(CHECK, tmp_path, answers, answers, facts=facts)) == "block failed product"
    unknown = visit(CHECK, tmp_path, answers, answers)
    assert outcome(CHECK, unknown) == "warn passed"
    assert "not known" in unknown.findings[0].sentence


@pytest.mark.parametrize(
    "answer", [(404, "no"), (200, "<html>", JSON), (200, '{"enabled": 1}', JSON), (200, "[" * 9999, JSON)]
)
def test_toggles_that_cannot_be_read_are_inconclusive(tmp_path: Path, answer: Any) -> None:
    stage = {"/etc.clientlibs/toggles.json": answer}
    judgement = visit(CHECK, tmp_path, stage, toggles())
    assert outcome(CHECK, judgement).startswith("warn inconclusive")
    assert {finding.cause for finding in bad(judgement)} == {Cause.PRODUCT}


def test_a_refusal_of_the_gate_is_of_the_network(tmp_path: Path) -> None:
    refused = visit(CHECK, tmp_path, {"/etc.clientlibs/toggles.json": (405, "allow list")}, toggles())
    assert outcome(CHECK, refused).startswith("warn inconclusive")
    assert {finding.cause for finding in bad(refused)} == {Cause.NETWORK}


def test_a_site_without_production_is_inconclusive(tmp_path: Path) -> None:
    assert outcome(CHECK, visit(CHECK, tmp_path, toggles())) == "warn inconclusive check"


SHOWN = AemVersion(
    AemVersionSettings.model_validate({"java": {"path": "/about.json", "pattern": '"java": "([^"]*)"'}})
)


def about(java: str, status: int = 200) -> dict[str, Answer]:
    return {**toggles(), "/about.json": (status, json.dumps({"java": java}), JSON)}


@pytest.mark.parametrize(
    ("stage", "production"),
    [("25", "25.0.1"), ("21.0.9+10-LTS", "21.0.8"), ("1.8.0_401", "8"), ("25-ea", "25.0.1+8")],
)
def test_updates_of_one_java_are_the_same(tmp_path: Path, stage: str, production: str) -> None:
    judgement = visit(SHOWN, tmp_path, about(stage), about(production))
    assert (judgement.findings, judgement.examined) == ((), 3)


@pytest.mark.parametrize(("stage", "production"), [("25.0.1", "21.0.9"), ("21", "25"), ("11", "1.8.0_401")])
def test_another_java_is_a_warning(tmp_path: Path, stage: str, production: str) -> None:
    judgement = visit(SHOWN, tmp_path, about(stage), about(production))
    assert [f.code for f in bad(judgement)] == ["java"]
    assert f"Stage runs on Java '{stage}' and production on '{production}'" in bad(judgement)[0].sentence
    assert outcome(SHOWN, judgement) == "warn failed product"


@pytest.mark.parametrize(
    "java", ["", "OpenJDK 64-Bit Server VM", "unknown", "$[env:JAVA]", "25 or so", "2100"]
)
def test_a_java_that_can_not_be_read_is_inconclusive_on_either_side(tmp_path: Path, java: str) -> None:
    for name, answers in (("stage", (about(java), about("25"))), ("production", (about("25"), about(java)))):
        judgement = visit(SHOWN, tmp_path, *answers)
        assert [f.subject for f in bad(judgement)] == [f"Java of {name}"]
        assert outcome(SHOWN, judgement) == "warn inconclusive product"


@pytest.mark.parametrize("answer", [(404, "no"), (500, '{"java": "25"}', JSON), (405, "allow list")])
def test_a_page_that_should_show_java_and_does_not_is_inconclusive(tmp_path: Path, answer: Any) -> None:
    judgement = visit(SHOWN, tmp_path, {**toggles(), "/about.json": answer}, about("25"))
    assert outcome(SHOWN, judgement).startswith("warn inconclusive")


def test_without_a_place_that_shows_java_nobody_is_asked_for_it(tmp_path: Path) -> None:
    assert visit(CHECK, tmp_path, about("25"), about("21")).findings == ()
