"""K6: where do stage and production differ that no release brings?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds.parity._cdn_files import cdn_files
from aem_checks.kinds.parity.network_parity import NetworkParity, NetworkParitySettings
from unit.aem_checks.parity.source import judge_source
from unit.aem_checks.small_site import bad, outcome, visit

CHECK = NetworkParity(NetworkParitySettings())
OFFICE = {"name": "Office", "tier": "PUBLISH", "status": "COMPLETED"}
DOMAIN = {"name": "www.wknd.site", "tier": "PUBLISH", "status": "DEPLOYED"}
ON = {"enabled": True, "ports": ["smtp.example.com:465 -> 30000"], "non_proxy_hosts": []}
FACTS: dict[str, Any] = {
    "ip_allow_lists": {"stage": [], "production": []},
    "domain_mappings": {"stage": [], "production": [DOMAIN]},
    "advanced_networking": {"stage": [ON], "production": [ON]},
}


def both(stage: list[Any], production: list[Any]) -> dict[str, Any]:
    return {"stage": stage, "production": production}


def test_environments_that_are_alike_pass(tmp_path: Path) -> None:
    judgement = visit(CHECK, tmp_path, {}, facts=FACTS)
    assert judgement.findings == ()
    assert outcome(CHECK, judgement) == "warn passed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"ip_allow_lists": both([OFFICE], [])},
            "'Office' is bound to 'PUBLISH' of stage and not of production",
        ),
        (
            {"ip_allow_lists": both([], [OFFICE])},
            "'Office' is bound to 'PUBLISH' of production and not of stage",
        ),
        (
            {"ip_allow_lists": both([OFFICE], [{**OFFICE, "status": "FAILED"}])},
            "says 'FAILED' of 'IP allow list Office of production'",
        ),
        (
            {"domain_mappings": both([], [{**DOMAIN, "status": "NOT_VERIFIED"}])},
            "says 'NOT_VERIFIED' of 'domain www.wknd.site of production'",
        ),
        ({"domain_mappings": both([DOMAIN], [])}, "Stage has a domain on 'PUBLISH' and production has none"),
        ({"advanced_networking": both([ON], [])}, "Stage has 'on' for advanced networking, production 'off'"),
        (
            {"advanced_networking": both([ON], [{**ON, "ports": []}])},
            "'smtp.example.com:465 -> 30000' for ports of advanced networking",
        ),
    ],
)
def test_each_difference_is_a_warning(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    judgement = visit(CHECK, tmp_path, {}, facts={**FACTS, **change})
    assert outcome(CHECK, judgement) == "warn failed product"
    assert words in bad(judgement)[0].sentence


def test_an_allow_list_on_both_is_alike(tmp_path: Path) -> None:
    facts = {**FACTS, "ip_allow_lists": both([OFFICE], [OFFICE])}
    assert bad(visit(CHECK, tmp_path, {}, facts=facts)) == []


@pytest.mark.parametrize(
    "facts", [{}, {**FACTS, "ip_allow_lists": {"stage": []}}, {**FACTS, "domain_mappings": None}]
)
def test_what_cloud_manager_did_not_tell_is_inconclusive(tmp_path: Path, facts: dict[str, Any]) -> None:
    assert outcome(CHECK, visit(CHECK, tmp_path, {}, facts=facts)).startswith("warn inconclusive")


def cdn(environments: str, *rules: str) -> str:
    names = "\n".join(f"      - name: {rule}" for rule in rules) or "      []"
    return (
        f"kind: CDN\nmetadata: {{envTypes: {environments}}}\ndata:\n  trafficFilters:\n    rules:\n{names}\n"
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config/cdn.yaml": cdn("[dev, stage, prod]", "a")}, []),
        ({"config/cdn.yaml": cdn("[]", "a")}, []),
        ({"config/cdn.yaml": cdn("[dev, stage]", "a")}, ["CDN of production"]),
        (
            {"config/stage/cdn.yaml": cdn("[stage]", "a", "b"), "config/prod/cdn.yaml": cdn("[prod]", "a")},
            ["CDN rules only of stage"],
        ),
        (
            {"config/stage/cdn.yaml": cdn("[stage]", "a"), "config/prod/cdn.yaml": cdn("[prod]", "a", "c")},
            ["CDN rules only of production"],
        ),
        ({"config/cdn.yaml": "kind: CDN\n  metadata: ["}, ["config/cdn.yaml"]),
        ({"config/other.yaml": "hello: world"}, []),
    ],
)
def test_rules_that_do_not_hold_on_production_are_named(
    tmp_path: Path, files: dict[str, str], words: list[str]
) -> None:
    judgement = judge_source(NetworkParity, tmp_path, files, facts=FACTS)
    assert [finding.subject for finding in bad(judgement)] == words


LAUGHS = "l0: &l0 [x]\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
MERGES = "l0: &l0 {x: 1}\n" + "".join(
    f"l{n}: &l{n}\n  <<: [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 11)
)


@pytest.mark.parametrize(
    ("text", "found", "broken"),
    [
        (f"{LAUGHS}kind: *l9\n", 0, 0),
        (f"{LAUGHS}kind: CDN\nmetadata: {{envTypes: *l9}}\n", 1, 0),
        (f"{MERGES}kind: CDN\n", 0, 1),
        ("kind: CDN\n#" + "x" * 300_000, 0, 1),
    ],
)
def test_a_file_that_unfolds_without_end_takes_neither_time_nor_memory(
    text: str, found: int, broken: int
) -> None:
    files, refused = cdn_files({"config/cdn.yaml": text})
    assert (len(files), len(refused)) == (found, broken)
