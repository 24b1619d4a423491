"""The JSON Schema that editors read says the same as the models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aem_checks.yaml_lines import load_yaml
from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.configuration.gate_schema import SCHEMA_PATH, gate_schema, write_schema

REPOSITORY = Path(__file__).resolve().parents[4]
SITES = "pipeline: {program: 12345, pipeline: '678901'}\nsites:\n  - stage: https://stage.wknd.site\n    pages: [/]\n"

NEXT_MONTH = str((datetime.now(UTC) + timedelta(days=30)).date())
"""What NEXT_MONTH stands for in the texts below."""


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_schema_in_the_repository_is_the_one_of_the_code(tmp_path: Path) -> None:
    fresh = write_schema(tmp_path / "gate.schema.json").read_text(encoding="utf-8")
    assert SCHEMA_PATH.read_text(encoding="utf-8") == fresh, "run: python -m stage_gate schema"


def test_every_file_in_the_gates_folder_fits(validator: Draft202012Validator) -> None:
    files = list((REPOSITORY / "dags" / "gates").glob("*.yaml"))
    assert files
    for file in files:
        assert [error.message for error in validator.iter_errors(load_yaml(file).content)] == []


GOOD = [
    "",
    "mode: guard\n",
    "policy: {passed: hold, failed: {ask: [alice]}, inconclusive: {ask: [a, b], within: 1h30m, silence: halt}}\n",
    "waits: {poll: 90s, approval: 2d}\n",
    "checks: {key_pages: {within: 5m, severity: warn}, host_leaks: false, placeholders: }\n",
    "checks: {suites: [{name: cypress, folder: ui.tests, run: npm test}]}\n",
    "checks: {suites: [{name: cypress, folder: ui.tests, run: npm test, isolation: accepted}]}\n",
    "production_tests: [key_pages]\n",
    "production_tests: []\n",
    "policy: {windows: {timezone: Europe/Berlin, open: [Mon-Thu 09:00-16:00, 'Fri, Sat 22:00-24:00']}}\n",
    "policy: {windows: {timezone: UTC, frozen: [{days: 2026-12-24, why: x}, {days: 2026-12-27 to 2027-01-06, why: y}]}}\n",
    "policy: {windows: {timezone: UTC, open: [Mon 09:00-10:00], hotfix: {ask: [alice], within: 2h}}}\n",
    "policy: {evidence_lives: 12h, flakes: {reruns: 0, count_as: failed}}\n",
    "policy: {quarantine: [{check: real_404, owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, code: key_pages.status, subject: '*/old-offers/*', owner: a, "
    "until: NEXT_MONTH, why: x}]}\n",
    "policy: {quarantine: [], waivers: []}\n",
]
BAD = [
    "mode: on\n",
    "polcy: {}\n",
    "policy: {failed: approve}\n",
    "policy: {inconclusive: approve}\n",
    "policy: {passed: halt}\n",
    "policy: {passed: ask}\n",
    "policy: {failed: {ask: []}}\n",
    "policy: {failed: {ask: [a], silence: approve}}\n",
    "waits: {poll: 5}\n",
    "policy: {windows: }\n",
    "policy: {windows: {timezone: UTC, open: []}}\n",
    "policy: {windows: {timezone: UTC, open: }}\n",
    "policy: {windows: {timezone: UTC, frozen: []}}\n",
    "policy: {windows: {timezone: UTC, calendar: }}\n",
    "policy: {windows: {timezone: UTC, open: [monday 09:00-10:00]}}\n",
    "policy: {windows: {timezone: UTC, open: [mon 09:00-10:00]}}\n",
    "policy: {windows: {timezone: UTC, open: [Mon 09:00-24:30]}}\n",
    "policy: {windows: {timezone: UTC, open: [Mon 09:00-10:00], hotfix: {ask: []}}}\n",
    "policy: {windows: {timezone: UTC, frozen: [{days: 24.12.2026, why: x}]}}\n",
    "policy: {windows: {timezone: UTC, frozen: [{days: 2026-12-24, why: ' '}]}}\n",
    "policy: {windows: {timezone: UTC, frozen: [{days: 2026-12-24}]}}\n",
    "policy: {evidence_lives: 24}\n",
    "policy: {flakes: {reruns: -1}}\n",
    "policy: {flakes: {count_as: approve}}\n",
    "policy: {flakes: }\n",
    "policy: {quarantine: [{check: real_404, until: NEXT_MONTH, why: x}]}\n",
    "policy: {quarantine: [{check: real_404, owner: ' ', until: NEXT_MONTH, why: x}]}\n",
    "policy: {quarantine: [{check: real_404, owner: a, until: never, why: x}]}\n",
    "policy: {quarantine: [{check: real_404, owner: a, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, code: key_pages.status, subject: '*', owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, code: key_pages.status, owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, subject: /a, owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, code: status, subject: /a, owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {waivers: [{check: key_pages, code: '', subject: /a, owner: a, until: NEXT_MONTH, why: x}]}\n",
    "policy: {quarantine: }\n",
    "checks: {key_page: {}}\n",
    "checks: {key_pages: {severity: fatal}}\n",
    "checks: {suites: {name: cypress}}\n",
    "checks: {suites: [{name: cypress, folder: ui.tests, run: npm test, isolation: off}]}\n",
    "checks: {key_pages: {isolation: accepted}}\n",
    "production_tests: [environment_variables]\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_code_accepts_the_editor_accepts(
    tmp_path: Path, validator: Draft202012Validator, text: str
) -> None:
    assert validator.is_valid(content(tmp_path, text))
    load_gate(tmp_path / "gate.yaml")


@pytest.mark.parametrize("text", BAD)
def test_what_the_code_refuses_the_editor_underlines(
    tmp_path: Path, validator: Draft202012Validator, text: str
) -> None:
    assert not validator.is_valid(content(tmp_path, text))
    with pytest.raises(GateFileError):
        load_gate(tmp_path / "gate.yaml")


def test_editors_get_a_description_of_settings_and_defaults_as_they_are_written(
    validator: Draft202012Validator,
) -> None:
    settings: dict[str, Any] = gate_schema()["$defs"]["Waits"]["properties"]["approval"]
    assert settings["default"] == "14d"
    site = gate_schema()["$defs"]["SiteConfig"]["properties"]
    assert site["requests_per_second"]["description"].startswith("Limit per host")


def content(folder: Path, text: str) -> Any:
    file = folder / "gate.yaml"
    file.write_text(SITES + text.replace("NEXT_MONTH", NEXT_MONTH), encoding="utf-8")
    return load_yaml(file).content
