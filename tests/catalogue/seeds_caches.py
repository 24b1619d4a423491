"""Which failures do the checks of caches and of speed catch?"""

from __future__ import annotations

from catalogue.seeds import Clean, Seed
from simulator.aem.publish import ACCOUNT

PRIVATE = {"private": [ACCOUNT]}
QUERY = {"queries": ["/graphql/execute.json/larkfell/adventures-all"]}
QUICK = {"pages": 1, "requests": 5, "budget": "0.2s"}
LENIENT = {"pages": 1, "requests": 5}

SEEDS = (
    Seed(defect="cookie_on_page", kind="cache_policy", says="JSESSIONID"),
    Seed(defect="account_cached", kind="cache_policy", settings=PRIVATE, says="is private"),
    Seed(defect="html_for_a_year", kind="cache_policy", severity="warn", says="max-age=31536000"),
    Seed(defect="clientlib_short_lived", kind="cache_policy", severity="warn", says="at least 30d"),
    Seed(defect="vary_user_agent", kind="cache_policy", severity="warn", says="vary by user-agent"),
    Seed(defect="never_hit", kind="cache_works", severity="warn", says="from publish 4 times"),
    Seed(defect="marketing_parameter_missed", kind="cache_works", severity="warn", says="utm_source"),
    Seed(defect="old_page_at_cdn", kind="stale_cache", says="28m20s old"),
    Seed(defect="old_page_behind_cdn", kind="stale_cache", severity="warn", says="a layer behind it is old"),
    Seed(defect="sluggish", kind="response_times", settings=QUICK, severity="warn", says="200 ms"),
    Seed(
        defect="sluggish",
        kind="response_times",
        settings=LENIENT,
        baseline=True,
        severity="warn",
        says="at execution 4710",
    ),
)

CLEAN = (
    Clean(kind="cache_policy", settings=PRIVATE | QUERY),
    Clean(kind="cache_policy", baseline=True),
    Clean(kind="cache_works"),
    Clean(kind="stale_cache"),
    Clean(kind="response_times", settings=LENIENT),
)
