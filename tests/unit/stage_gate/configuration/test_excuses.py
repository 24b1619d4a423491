"""No setting takes the teeth out of a check that the deployment insists on, and each that excuses is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from aem_checks.kinds.caching._cache_classes import EXPECTED
from stage_gate.configuration.describe import describe
from stage_gate.configuration.excusing import excusing_settings
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.configuration.gate_schema import gate_schema
from stage_gate.rules.demands import Demands

PAGES = ["/us/en.html", "/us/en/magazine.html"]


def file_of(folder: Path, checks: Mapping[str, Any], **more: Any) -> Path:
    file = folder / "wknd.yaml"
    told = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "wknd", "stage": "https://stage.wknd.site", "pages": PAGES}],
        "checks": checks,
        **more,
    }
    file.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return file


def gate_of(folder: Path, checks: Mapping[str, Any], *minimum: str, **more: Any) -> Gate:
    return load_gate(file_of(folder, checks, **more), demands=Demands(checks=minimum))


BLOCK = {"severity": "block"}


def lifetimes(**bounds: str) -> dict[str, dict[str, str]]:
    return {each: dict(bounds) for each in EXPECTED}


LONGEST = {each: {"most": "400d"} for each in ("clientlib", "coreimg")}
"""Lifetimes of those whose default is the longest there is."""
HOLLOW = [
    ("indexing", "not_indexed", {"not_indexed": ["*"]}),
    ("structure", "exempt", {"exempt": ["*"]}),
    ("robots", "stage", {"stage": "any"}),
    ("robots", "agents", {"agents": ["nobody"]}),
    ("structure", "parts", {"parts": []}),
    ("structure", "exempt", {"exempt": ["*/en.html", "*/magazine.html"]}),
    ("indexing", "stage_noindex", {"stage_noindex": "both"}),
    ("images", "ignore", {"ignore": ["/"]}),
    ("images", "ignore", {"ignore": ["/content/dam/"]}),
    ("links", "ignore", {**BLOCK, "ignore": ["/us/en"]}),
    ("links", "broken_percent", {**BLOCK, "broken_percent": 100}),
    ("real_404", "redirects_to", {"redirects_to": "/us/en.html"}),
    ("real_404", "contains", {"contains": ""}),
    ("cached_errors", "at_most", {"at_most": "365d"}),
    ("domains", "certificate_days", {"certificate_days": 0}),
    ("settled", "answers", {"answers": 1}),
    ("key_pages", "min_bytes", {"min_bytes": 1}),
    ("host_leaks", "allow", {"allow": ["*"]}),
    ("security_headers", "require", {**BLOCK, "require": []}),
    ("security_headers", "compared_pages", {**BLOCK, "compared_pages": 0}),
    ("authoring_modes", "parameters", {"parameters": ["a=b"]}),
    ("selector_flood", "waive", {**BLOCK, "waive": [*PAGES]}),
    ("sitemap", "tolerance", {"tolerance": 100}),
    ("page_errors", "ignore", {**BLOCK, "ignore": [".*"]}),
    ("visual", "masks", {**BLOCK, "masks": ["body"]}),
    ("visual", "most_differing", {**BLOCK, "most_differing": 1}),
    ("page_weight", "most_bytes", {**BLOCK, "most_bytes": 1_000_000_000}),
    ("page_weight", "most_growth", {**BLOCK, "most_growth": None}),
    ("response_times", "budget", {**BLOCK, "budget": "1h"}),
    ("web_vitals", "budgets.lcp", {**BLOCK, "budgets": {"lcp": 1e9}}),
    (
        "head_regression",
        "ignore",
        {**BLOCK, "ignore": ["title", "h1", "description", "canonical", "og:title"]},
    ),
    ("cache_policy", "cookies", {**BLOCK, "cookies": ["*"]}),
    ("consent", "essential", {**BLOCK, "essential": [".*"]}),
    ("persisted_queries", "queries.1.min_items", {"queries": ["a/b", {"name": "a/c", "min_items": 0}]}),
    ("search", "hit", {"page": "/", "terms": {"a": 1}, "hit": "*"}),
    (
        "forms",
        "forms.0.submit.status",
        {**BLOCK, "forms": [{"page": "/", "submit": {"values": {"a": "b"}, "status": [200, 500]}}]},
    ),
    ("api_contracts", "apis.0.status", {"apis": [{"path": "/bin/x", "status": 500}]}),
    ("cache_policy", "lifetimes", {**BLOCK, "lifetimes": lifetimes(most="4000d")}),
    (
        "cache_policy",
        "lifetimes",
        {**BLOCK, "lifetimes": lifetimes(least="0s", most="399d") | LONGEST},
    ),
    ("response_parity", "contract", {**BLOCK, "contract": [{"field": "*", "because": "it is meant"}]}),
    (
        "response_parity",
        "contract",
        {**BLOCK, "contract": [{"field": "*", "production": "**", "stage": "?*", "because": "it is meant"}]},
    ),
    ("distribution_queues", "longest", {"longest": 10**9}),
]


@pytest.mark.parametrize(("kind", "name", "settings"), HOLLOW)
def test_a_minimum_check_whose_excuse_overlooks_everything_is_refused(
    tmp_path: Path, kind: str, name: str, settings: dict[str, Any]
) -> None:
    gate_of(tmp_path, {kind: settings})
    with pytest.raises(GateFileError) as caught:
        gate_of(tmp_path, {kind: settings}, kind)
    error = caught.value
    assert f"{kind} excuses everything with {name}: " in error.problem
    assert "docs/checks.md, 'Excuses'" in error.remedy
    written = (tmp_path / "wknd.yaml").read_text().splitlines()[error.line - 1]
    assert name.rpartition(".")[2] in written


@pytest.mark.parametrize(
    ("kind", "settings", "together"),
    [
        ("api_contracts", {"models": False, "csrf_token": False}, "no 'apis'"),
        ("tags", {**BLOCK, "data_layer": ""}, "no 'tags'"),
    ],
)
def test_a_minimum_check_that_judges_nothing_by_several_settings_together_is_refused(
    tmp_path: Path, kind: str, settings: dict[str, Any], together: str
) -> None:
    gate_of(tmp_path, {kind: settings})
    with pytest.raises(GateFileError, match=f"{kind} judges nothing with {together}"):
        gate_of(tmp_path, {kind: settings}, kind)
    for left in settings:
        if left != "severity":
            gate_of(tmp_path, {kind: {n: v for n, v in settings.items() if n != left}}, kind)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("indexing", {"not_indexed": ["/*/search.html"], "stage_noindex": "header"}),
        ("structure", {"exempt": ["/us/en/campaign/*"]}),
        ("structure", {"exempt": ["*/magazine.html"]}),
        ("robots", {"stage": "open"}),
        ("images", {"ignore": ["/content/dam/archive/"]}),
        ("links", {**BLOCK, "ignore": ["/us/en/archive/"], "broken_percent": 10, "anchors": False}),
        ("dispatcher_probes", {"waive": ["/system/console"]}),
        ("page_errors", {**BLOCK, "ignore": ["Loading chunk"]}),
        ("visual", {**BLOCK, "masks": [".cmp-carousel"], "most_differing": 0.005}),
        ("response_parity", {**BLOCK, "contract": ["noindex", {"field": "meta *", "because": "meant"}]}),
        ("key_pages", {"min_bytes": 200}),
        ("forms", {**BLOCK, "forms": [{"page": "/", "submit": {"values": {"a": "b"}, "status": [409]}}]}),
        ("api_contracts", {"apis": [{"path": "/bin/x", "status": 404}]}),
        ("cache_policy", {**BLOCK, "lifetimes": {"html": {"most": "4000d"}}}),
        ("cache_policy", {**BLOCK, "lifetimes": lifetimes(least="1m", most="4000d")}),
    ],
)
def test_an_excuse_that_says_what_it_is_about_is_left_to_the_team(
    tmp_path: Path, kind: str, settings: dict[str, Any]
) -> None:
    gate_of(tmp_path, {kind: settings}, kind)


def test_the_doors_of_aem_are_not_waived_one_by_one_until_none_is_left(tmp_path: Path) -> None:
    from aem_checks.kinds.security._doors import known_doors

    every = [door.name for door in known_doors()]
    gate_of(tmp_path, {"dispatcher_probes": {"waive": every[:20]}}, "dispatcher_probes")
    with pytest.raises(GateFileError, match="dispatcher_probes excuses everything with waive"):
        gate_of(tmp_path, {"dispatcher_probes": {"waive": every}}, "dispatcher_probes")


def test_a_teams_own_check_is_held_to_its_excuses_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "kinds"
    own.mkdir()
    (own / "own.py").write_text(
        "from typing import Annotated\n"
        "from aem_checks.check import Check, CheckSettings\n"
        "from aem_checks.excuses import PATTERNS\n"
        "class OwnSettings(CheckSettings):\n"
        "    forgiven: Annotated[tuple[str, ...], PATTERNS] = ()\n"
        "    allow: tuple[str, ...] = ()\n"
        "class Own(Check[OwnSettings]):\n"
        "    kind, number, title, settings_type = 'own', 'Z1', 'Our own', OwnSettings\n"
        "    def judge(self, visit): ...\n"
    )
    monkeypatch.setenv("AEM_CHECKS_KINDS", str(own))
    for name in ("forgiven", "allow"):
        with pytest.raises(GateFileError, match=rf"own excuses everything with {name}: \*"):
            gate_of(tmp_path, {"own": {name: ["*"]}}, "own")
    gate_of(tmp_path, {"own": {"forgiven": ["WKND_*"]}}, "own")


CHECKS: dict[str, Any] = {
    "structure": {"exempt": ["/us/en/campaign/*"]},
    "robots": {"stage": "any"},
    "visual": {"dry_run": True},
    "host_leaks": {"severity": "warn"},
    "suites": [{"name": "cypress", "folder": "ui", "run": "npm test", "severity": "warn"}],
}
MORE: dict[str, Any] = {
    "policy": {"cloud_manager": {"code_quality": {"accept_overridden": True}}},
    "smoke_tests": {
        "ask": ["alice"],
        "questions": [{"name": "basket", "question": "Works?", "severity": "warn"}],
    },
}


def test_every_setting_that_excuses_is_found_by_its_type_at_every_level(tmp_path: Path) -> None:
    found = excusing_settings(gate_of(tmp_path, CHECKS, **MORE))
    assert {place: (each.shown, each.everything) for place, each in found.items()} == {
        "checks.structure.exempt": ("/us/en/campaign/*", False),
        "checks.robots.stage": ("any", True),
        "checks.visual.dry_run": ("true", True),
        "checks.host_leaks.severity": ("warn", True),
        "checks.suites.cypress.severity": ("warn", True),
        "policy.cloud_manager.code_quality.accept_overridden": ("true", False),
        "smoke_tests.questions.0.severity": ("warn", True),
    }
    assert excusing_settings(gate_of(tmp_path, {})) == {}


def test_the_docs_tab_lists_them(tmp_path: Path) -> None:
    text = describe(gate_of(tmp_path, CHECKS, **MORE))
    assert "- setting: `checks.structure.exempt` is `/us/en/campaign/*`\n" in text
    assert (
        "- setting: `checks.robots.stage` is `any`, which overlooks everything that it can, or nearly\n"
        in text
    )
    assert "- setting: `policy.cloud_manager.code_quality.accept_overridden` is `true`\n" in text
    assert "- setting:" not in describe(gate_of(tmp_path, {}))


def test_the_schema_says_of_a_setting_that_it_is_an_excuse() -> None:
    definitions = gate_schema()["$defs"]
    exempt = definitions["StructureSettings"]["properties"]["exempt"]["description"]
    assert exempt.endswith(
        "An excuse; it overlooks everything as a pattern that is little but wildcards, or patterns that cover all pages."
    )
    for model, name in (("PolicySettings", "waivers"), ("CodeQuality", "accept_overridden")):
        assert "An excuse." in definitions[model]["properties"][name]["description"]
    assert "excuse" not in definitions["StructureSettings"]["properties"]["expected"]["description"]
