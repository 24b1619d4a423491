"""Which failures do the checks for search engines catch?"""

from __future__ import annotations

from catalogue.seeds import Clean, Seed
from simulator.aem.defects import PAGE

ALL_PAGES = {"sample": 100}
WARNED = "passed-with-warning"
PRODUCT = {"required": {"/us/en/adventures/*": ["Product"]}}

SEEDS = (
    Seed(defect="sitemap_malformed", kind="sitemap", says="not well-formed XML"),
    Seed(defect="sitemap_empty", kind="sitemap", says="lists no page"),
    Seed(defect="sitemap_missing", kind="sitemap", says="404"),
    Seed(defect="sitemap_localhost", kind="sitemap", says="localhost:4503"),
    Seed(defect="sitemap_halved", kind="sitemap", baseline=True, says="-50 %"),
    Seed(defect="sitemap_page_5xx", kind="sitemap", settings=ALL_PAGES, outcome=WARNED, says="503"),
    Seed(defect="robots_open", kind="robots", outcome=WARNED, says="Disallow: /"),
    Seed(
        defect="robots_closed",
        kind="robots",
        on=("production",),
        target="production",
        says="forbids all crawlers every page",
    ),
    Seed(defect="robots_500", kind="robots", says="status 500"),
    Seed(defect="noindex", kind="indexing", says="noindex, nofollow"),
    Seed(defect="noindex_header", kind="indexing", says="X-Robots-Tag"),
    Seed(defect="canonical_missing", kind="indexing", outcome=WARNED, says="no canonical link"),
    Seed(defect="stage_host_in_canonical", kind="indexing", outcome=WARNED, says="canonical host"),
    Seed(defect="hreflang_broken", kind="indexing", outcome=WARNED, says="de_DE"),
    Seed(defect="title_empty", kind="head_regression", says="title is empty"),
    Seed(defect="description_lost", kind="head_regression", baseline=True, says="description was"),
    Seed(defect="title_generic", kind="head_regression", baseline=True, severity="warn", says="7 pages"),
    Seed(defect="json_ld_escaped", kind="structured_data", severity="warn", says="no JSON"),
    Seed(
        defect="breadcrumb_lost",
        kind="structured_data",
        baseline=True,
        severity="warn",
        says="BreadcrumbList",
    ),
    Seed(
        kind="structured_data",
        settings={"required": {PAGE: ["Recipe"]}},
        severity="warn",
        says="asked for by 'required'",
    ),
)

CLEAN = (
    Clean(kind="sitemap", settings=ALL_PAGES),
    Clean(kind="sitemap", settings=ALL_PAGES, baseline=True),
    Clean(kind="sitemap", settings=ALL_PAGES, target="production"),
    Clean(kind="robots"),
    Clean(kind="robots", target="production"),
    Clean(kind="indexing"),
    Clean(kind="indexing", target="production"),
    Clean(kind="head_regression"),
    Clean(kind="head_regression", baseline=True),
    Clean(kind="structured_data", settings=PRODUCT),
    Clean(kind="structured_data", baseline=True),
)
