"""Has every fault that a check can name a code that its kind declares, and does each code stay what it is?"""

from __future__ import annotations

import ast
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import aem_checks
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import COMMON, UNDECLARED, UndeclaredCode, faults, whole_codes, with_codes
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import CheckResult, Finding, Judgement
from unit.aem_checks.named_codes import named_by, takers_in, tree_of, words_in

PACKAGE = Path(aem_checks.__file__).parent
KINDS = all_kinds()
FILES = {name: Path(inspect.getfile(kind)).relative_to(PACKAGE) for name, kind in KINDS.items()}
HOUSE = [
    path
    for path in PACKAGE.rglob("*.py")
    if "kinds" not in path.relative_to(PACKAGE).parts and re.search(r"\bFinding\(\n? ", path.read_text())
]
"""Modules of all kinds together that say something; only common words may stand there."""


def helpers_of(path: Path) -> set[Path]:
    """The modules below ``kinds`` that a module imports, itself and what these import among them."""
    found, waiting = set[Path](), [path]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        for node in ast.walk(tree_of(current)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aem_checks.kinds"):
                module = PACKAGE.parent / (node.module or "").replace(".", "/")
                named = [module / f"{alias.name}.py" for alias in node.names] + [module.with_suffix(".py")]
                waiting += [each for each in named if each.is_file() and each.name.startswith("_")]
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_declares_each_code_that_it_names_and_no_other(name: str) -> None:
    own = named_by({PACKAGE / FILES[name]})
    files = helpers_of(PACKAGE / FILES[name])
    declared = set(KINDS[name].codes)
    assert own - declared - COMMON.keys() == set()
    assert declared - named_by(files) == set(), "declared and never said"


def test_what_kinds_share_names_codes_that_one_of_them_declares() -> None:
    users: dict[Path, set[str]] = {}
    for name, file in FILES.items():
        for helper in helpers_of(PACKAGE / file):
            users.setdefault(helper, set()).update(KINDS[name].codes)
    for helper, declared in users.items():
        assert named_by({helper}) - declared - COMMON.keys() == set(), helper


def test_what_all_kinds_share_names_common_codes_only() -> None:
    named = {word for path in HOUSE for word in words_in(path, takers_in(path))}
    assert {"no_answer", "time_limit", "check_error", "more"} <= named <= COMMON.keys()


@pytest.mark.parametrize("name", KINDS)
def test_a_code_is_a_word_that_says_what_it_stands_for(name: str) -> None:
    codes = KINDS[name].codes
    assert codes
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", word) for word in codes)
    assert all(said.strip() and not said.endswith(".") for said in codes.values())
    assert len(set(codes.values())) == len(codes)
    assert not codes.keys() & COMMON.keys()


class Own(Check[CheckSettings]):
    kind = "own"
    number = "Z1"
    title = "Our own"
    codes = faults(slow="it is slow")


def judged(*codes: str) -> Judgement:
    return Judgement(examined=1, findings=tuple(Finding(code=c, subject="/", sentence="Bad.") for c in codes))


def test_a_judgement_becomes_a_result_with_whole_codes() -> None:
    whole = with_codes(Own.kind, Own.codes, judged("slow", "no_answer"))
    assert [each.code for each in whole.findings] == ["own.slow", "own.no_answer"]


@pytest.mark.parametrize("code", ["fast", "", "own.slow", "SLOW", "finding"])
def test_a_code_that_is_not_declared_is_refused(code: str) -> None:
    with pytest.raises(UndeclaredCode, match="own does not declare"):
        with_codes(Own.kind, Own.codes, judged(code))


def test_what_a_check_without_codes_finds_has_one_code() -> None:
    [found] = with_codes("own", {}, judged("")).findings
    assert found.code == f"own.{UNDECLARED}"
    assert list(whole_codes("own", {})) == ["own.finding"]
    with pytest.raises(UndeclaredCode):
        with_codes("own", {}, judged("slow"))


def test_common_codes_can_not_be_waived_so_they_are_none_of_the_kind() -> None:
    assert whole_codes(Own.kind, Own.codes) == {"own.slow": "it is slow"}


def test_a_result_names_codes_of_its_own_kind_or_none_as_before_there_were_codes() -> None:
    now = datetime.now(UTC)
    told = {"key": "a", "kind": "robots", "site": "s", "target": "stage", "severity": "block", "outcome": "failed",
            "examined": 1, "started_at": now, "finished_at": now}  # fmt: skip
    for code in ("robots.open", ""):
        assert CheckResult.model_validate(told | {"findings": judged(code).findings}).findings[0].code == code
    for code in ("open", "links.open", "robotsopen"):
        with pytest.raises(ValueError, match="none of this kind"):
            CheckResult.model_validate(told | {"findings": judged(code).findings})
