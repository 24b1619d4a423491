"""K2: names of variables of two environments."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.parity.environment_variables import EnvironmentVariables, EnvironmentVariablesSettings
from aem_checks.outcomes import Judgement, Severity
from unit.aem_checks.parity.source import judge_source
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


FACT = "environment_variables"
CHECK = EnvironmentVariables(EnvironmentVariablesSettings())
OSGI = "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig"
HOST = '{"host": "$[env:API_HOST]"}'
BOTH = {"stage": ["API_HOST"], "production": ["API_HOST"]}
NONE: dict[str, list[Any]] = {"stage": [], "production": []}


@pytest.mark.parametrize(
    ("files", "known", "expected"),
    [
        ({f"{OSGI}/config/a.cfg.json": HOST}, BOTH, "block passed"),
        ({f"{OSGI}/config/a.cfg.json": HOST}, NONE, "block failed product"),
        ({f"{OSGI}/config/a.cfg.json": '{"host": "$[env:API_HOST;default=x]"}'}, NONE, "block passed"),
        ({f"{OSGI}/config/a.cfg.json": '{"key": "$[secret:API_KEY]"}'}, BOTH, "block failed product"),
        ({f"{OSGI}/config.dev/a.cfg.json": HOST}, NONE, "block passed"),
        ({f"{OSGI}/config.publish.prod/a.cfg.json": HOST}, NONE, "block failed product"),
        ({f"{OSGI}/config.prod/a.cfg.json": HOST}, {"stage": [], "production": ["API_HOST"]}, "block passed"),
        ({"config/cdn.yaml": "kind: CDN\ndata: ${{EDGE_KEY}}\n# ${{OLD}}\n"}, BOTH, "block failed product"),
        ({"dispatcher/src/conf.d/a.vhost": "ServerAlias ${SITE_HOST}\n"}, BOTH, "block failed product"),
        (
            {"dispatcher/src/conf.d/a.vhost": "Define SITE_HOST a\nServerAlias ${SITE_HOST}\n"},
            BOTH,
            "block passed",
        ),
        (
            {"dispatcher/src/conf.d/a.vhost": "# ${SITE_HOST}\nHeader set a ${DOCROOT}\n"},
            BOTH,
            "block passed",
        ),
    ],
)
def test_names_that_the_release_uses_have_to_be_set(
    tmp_path: Path, files: dict[str, str], known: dict[str, list[str]], expected: str
) -> None:
    judgement = judge_source(EnvironmentVariables, tmp_path, files, facts={FACT: known})
    assert outcome(CHECK, judgement) == expected


def test_a_name_that_stage_lacks_is_a_warning_and_says_where_it_is_used(tmp_path: Path) -> None:
    known = {"stage": [], "production": ["API_HOST"]}
    files = {f"{OSGI}/config/a.cfg.json": HOST}
    judgement = judge_source(EnvironmentVariables, tmp_path, files, facts={FACT: known})
    assert bad(judgement)[0].severity is Severity.WARN
    assert f"in '{OSGI}/config/a.cfg.json'" in bad(judgement)[0].sentence


def test_what_stage_has_and_production_lacks_is_said_once(tmp_path: Path) -> None:
    files = {f"{OSGI}/config/a.cfg.json": HOST}
    known = {"stage": ["API_HOST"], "production": []}
    judgement = judge_source(EnvironmentVariables, tmp_path, files, facts={FACT: known})
    assert [finding.subject for finding in bad(judgement)] == ["API_HOST"]


def test_a_secret_here_and_plain_text_there_is_a_warning(tmp_path: Path) -> None:
    here = {"name": "API_KEY", "type": "secretString", "service": "publish"}
    facts = {FACT: {"stage": [here], "production": [{**here, "type": "string", "service": ""}]}}
    judgement = visit(CHECK, tmp_path, {}, facts=facts)
    assert outcome(CHECK, judgement) == "block passed"
    assert "'secretString for publish' on stage and 'string for all services'" in bad(judgement)[0].sentence


def test_a_source_that_cannot_be_read_is_inconclusive(tmp_path: Path) -> None:
    check = EnvironmentVariables(
        EnvironmentVariablesSettings.model_validate({"checkout": {"folder": str(tmp_path / "nowhere")}})
    )
    judgement = visit(check, tmp_path, {}, facts={FACT: NONE, "commit_id": "1" * 40})
    assert outcome(check, judgement) == "block inconclusive check"


def test_a_file_of_empty_lines_is_read_in_linear_time(tmp_path: Path) -> None:
    files = {
        "dispatcher/conf.d/a.conf": "\n" * 200_000 + "Header set X ${LATE}\n",
        "config/cdn.yaml": "\n" * 200_000,
    }
    began = time.process_time()
    names = {"stage": ["LATE"], "production": []}
    judgement = judge_source(EnvironmentVariables, tmp_path, files, facts={"environment_variables": names})
    assert time.process_time() - began < 20
    assert "LATE" in {finding.subject for finding in judgement.findings}
