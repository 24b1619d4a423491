"""K2: names of variables of two environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.parity.environment_variables import EnvironmentVariables, EnvironmentVariablesSettings
from aem_checks.outcomes import Judgement
from unit.aem_checks.small_site import bad, outcome, visit


def judge(folder: Path, names: Any, **settings: Any) -> tuple[EnvironmentVariables, Judgement]:
    check = EnvironmentVariables(EnvironmentVariablesSettings(**settings))
    facts = {} if names is None else {"environment_variables": names}
    return check, visit(check, folder, {}, facts=facts)


def test_a_name_that_production_lacks_blocks(tmp_path: Path) -> None:
    check, judgement = judge(tmp_path, {"stage": ["API_KEY", "HOST"], "production": ["HOST", "OTHER"]})
    assert outcome(check, judgement) == "block failed product"
    assert [finding.subject for finding in bad(judgement)] == ["API_KEY"]
    assert judgement.examined == 2


def test_equal_names_pass(tmp_path: Path) -> None:
    check, judgement = judge(tmp_path, {"stage": ["A"], "production": ["A", "B"]})
    assert outcome(check, judgement) == "block passed"


def test_a_stage_without_variables_is_an_answer(tmp_path: Path) -> None:
    check, judgement = judge(tmp_path, {"stage": [], "production": []})
    assert outcome(check, judgement) == "block passed"


def test_allowed_names_are_noted(tmp_path: Path) -> None:
    names = {"stage": ["STAGE_PROXY", "DEBUG"], "production": []}
    check, judgement = judge(tmp_path, names, allow=["STAGE_*", "DEBUG"])
    assert outcome(check, judgement) == "block passed"
    assert "'STAGE_PROXY'" in judgement.findings[0].sentence


@pytest.mark.parametrize("names", [None, {}, {"stage": ["A"]}, {"stage": "A", "production": None}, "A"])
def test_missing_names_are_inconclusive_and_never_equal(tmp_path: Path, names: Any) -> None:
    check, judgement = judge(tmp_path, names)
    assert outcome(check, judgement) == "block inconclusive cloud manager"
