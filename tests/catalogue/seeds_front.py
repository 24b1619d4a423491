"""Which failures do the checks of availability and security catch, beside those of the first release?"""

from __future__ import annotations

from catalogue.seeds import AUTHOR_ACCESS, Clean, Seed

AUTHOR = {"author": {"url": "{author}", "access": AUTHOR_ACCESS}}
QUERY = "/graphql/execute.json/larkfell/adventures-all"
APPLICATION = {"origins": ["https://app.larkfell.example"], "paths": [QUERY]}
BOTH = ("stage", "production")

SEEDS = (
    Seed(defect="cached_error", kind="cached_errors", says="1d"),
    Seed(defect="surrogate_keeps_errors", kind="cached_errors", says="Surrogate-Control"),
    Seed(defect="cdn_keeps_errors", kind="cached_errors", outcome="passed-with-warning", says="X-Cache"),
    Seed(
        defect="login_page_broken", kind="author_reachable", site=AUTHOR, severity="warn", says="status 500"
    ),
    Seed(
        defect="technical_account_in_no_group",
        kind="author_reachable",
        site=AUTHOR,
        severity="warn",
        says="KA-27438",
    ),
    Seed(defect="catch_all_vhost", kind="domains", says="catch-all"),
    Seed(defect="misdirected", kind="domains", says="421"),
    Seed(defect="home_in_circles", kind="domains", says="lead back"),
    Seed(kind="domains", settings={"vhost": "studio"}, says="'publish'"),
    Seed(defect="any_selector", kind="selector_flood", says="random selector"),
    Seed(defect="any_suffix", kind="selector_flood", severity="warn", says="random suffix"),
    Seed(defect="edit_mode_open", kind="authoring_modes", says="only authors"),
    Seed(defect="layout_mode_open", kind="authoring_modes", says="other elements"),
    Seed(defect="missing_header", kind="security_headers", says="X-Frame-Options"),
    Seed(
        defect="types_are_guessed",
        kind="security_headers",
        on=BOTH,
        severity="warn",
        says="X-Content-Type-Options",
    ),
    Seed(defect="any_origin", kind="cors", says="any site can read"),
    Seed(defect="origin_refused", kind="cors", settings=APPLICATION, says="allows no origin"),
    Seed(defect="origin_placeholder", kind="cors", settings=APPLICATION, says="LARKFELL_APP_ORIGIN"),
    Seed(defect="origin_not_varied", kind="cors", settings=APPLICATION, says="Vary: Origin"),
    Seed(defect="preflight_lost", kind="cors", settings=APPLICATION, says="preflight"),
)

CLEAN = (
    Clean(kind="cached_errors"),
    Clean(kind="author_reachable", site=AUTHOR),
    Clean(kind="domains", settings={"vhost": "publish"}),
    Clean(kind="selector_flood"),
    Clean(kind="authoring_modes"),
    Clean(kind="security_headers"),
    Clean(kind="cors", settings=APPLICATION),
)
