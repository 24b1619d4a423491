"""Which failures do the checks of parity and of the release's source catch?"""

from __future__ import annotations

from typing import Any

from catalogue.release_source import checkout, release
from catalogue.seeds import Clean, Seed
from simulator.aem.defects import PAGE

WARN = "warn"
SOURCE = checkout()
OFFICE = {"name": "Office", "tier": "PUBLISH", "status": "COMPLETED"}
DOMAIN = {"name": "www.larkfell.example", "tier": "PUBLISH", "status": "DEPLOYED"}
KNOWN = {"environment_variables": {"stage": ["SEARCH_HOST"], "production": ["SEARCH_HOST"]}}
NETWORK: dict[str, Any] = {
    "ip_allow_lists": {"stage": [], "production": []},
    "domain_mappings": {"stage": [], "production": [DOMAIN]},
    "advanced_networking": {"stage": [], "production": []},
}
BLOCKED = {**NETWORK, "ip_allow_lists": {"stage": [], "production": [OFFICE]}}

JAVA = {"java": {"path": "/etc.clientlibs/larkfell/java.json", "pattern": '"java": ?"([^"]+)"'}}
COPYING = {
    "id": "9301",
    "content_set": "larkfell",
    "source": "7654321",
    "status": "IN_PROGRESS",
    "is_over": False,
}

SEEDS = (
    Seed(defect="toggle_lost", kind="aem_version", severity=WARN, says="toggle of AEM"),
    Seed(defect="later_aem", kind="aem_version", says="2026.12."),
    Seed(defect="later_aem", kind="aem_version", on=("production",), says="2026.12."),
    Seed(defect="later_java", kind="aem_version", settings=JAVA, severity=WARN, says="on Java '25.0.1"),
    Seed(
        kind="environment_variables",
        settings=SOURCE,
        facts={**KNOWN, **release("new_variable")},
        says="NEWS_KEY",
    ),
    Seed(
        kind="run_mode_config",
        settings=SOURCE,
        facts=release("stage_only"),
        severity=WARN,
        says="org.example.Mail",
    ),
    Seed(defect="page_500", kind="response_parity", says="this release would take it down"),
    Seed(defect="page_missing", kind="response_parity", baseline=True, says="answers 404"),
    Seed(
        defect="noindex", kind="response_parity", baseline=True, severity=WARN, says="so this release did it"
    ),
    Seed(
        defect="missing_header", kind="response_parity", severity=WARN, says="header X-Frame-Options differs"
    ),
    Seed(
        defect="teaser_without_links",
        kind="response_parity",
        severity=WARN,
        says="component cmp-teaser differs",
    ),
    Seed(defect="product_data_lost", kind="response_parity", severity=WARN, says="structured data differs"),
    Seed(defect="model_field_lost", kind="response_parity", severity=WARN, says="richText"),
    Seed(
        defect=("restless", "teaser_without_links"),
        kind="response_parity",
        severity=WARN,
        says="component cmp-teaser differs",
    ),
    Seed(
        defect="restless",
        kind="response_parity",
        on=("stage", "production"),
        severity=WARN,
        outcome="passed",
    ),
    Seed(
        defect="empty_page",
        kind="response_parity",
        settings={"screenshots": [PAGE], "ignore": ["*"]},
        severity=WARN,
        says="looks different on stage",
    ),
    Seed(kind="irreversible_content", settings=SOURCE, facts=release("replaces"), says="/content/larkfell"),
    Seed(
        kind="irreversible_content",
        settings=SOURCE,
        facts={**release("good"), "content_copies": {"production": [COPYING], "stage": []}},
        severity=WARN,
        says="goes onto production",
    ),
    Seed(
        kind="untested_change",
        settings=SOURCE,
        facts=release("unseen"),
        facts_before=release("good"),
        baseline=True,
        severity=WARN,
        says="The component 'larkfell/components/banner' changed and none of the 7 recorded pages shows it",
    ),
    Seed(
        kind="untested_change",
        settings=SOURCE,
        facts=release("unseen_template"),
        facts_before=release("good"),
        baseline=True,
        severity=WARN,
        says="The template 'campaign-page' changed",
    ),
    Seed(kind="network_parity", facts=BLOCKED, severity=WARN, says="'Office'"),
    Seed(
        kind="network_parity",
        settings=SOURCE,
        facts={**NETWORK, **release("not_for_production")},
        severity=WARN,
        says="not for prod",
    ),
    Seed(
        kind="dispatcher_config",
        settings=SOURCE,
        facts=release("open_filter"),
        severity=WARN,
        says="allows by /glob",
    ),
    Seed(
        kind="dispatcher_config",
        settings=SOURCE,
        facts=release("open_console"),
        severity=WARN,
        says="such as '/system/console'",
    ),
    Seed(
        kind="dispatcher_config",
        settings=SOURCE,
        facts=release("broken_filter"),
        severity=WARN,
        outcome="inconclusive",
        says="closes nothing",
    ),
)

CLEAN = (
    Clean(kind="aem_version"),
    Clean(kind="aem_version", settings=JAVA, variant="with-java"),
    Clean(kind="environment_variables", settings=SOURCE, facts={**KNOWN, **release("good")}),
    Clean(kind="run_mode_config", settings=SOURCE, facts=release("good")),
    Clean(kind="response_parity"),
    Clean(kind="response_parity", baseline=True),
    Clean(kind="irreversible_content", settings=SOURCE, facts=release("good")),
    Clean(kind="irreversible_content", settings=SOURCE, facts=release("good"), baseline=True),
    Clean(kind="untested_change", settings=SOURCE, facts=release("good")),
    Clean(
        kind="untested_change",
        settings=SOURCE,
        facts=release("seen"),
        facts_before=release("good"),
        baseline=True,
    ),
    Clean(kind="network_parity", settings=SOURCE, facts={**NETWORK, **release("good")}),
    Clean(kind="dispatcher_config", settings=SOURCE, facts=release("good")),
)
