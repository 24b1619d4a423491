"""What only a browser shows, and which check says so?"""

from __future__ import annotations

from catalogue.seeds import Clean, Seed
from simulator.aem.defects import PAGE

_ONE = {"pages": [PAGE]}
_PICTURE = {**_ONE, "widths": [390]}
_TIMES = {**_ONE, "runs": 1, "measured_by": "chromium", "budgets": {"lcp": 60_000, "tbt": 60_000}}
"""Times mean nothing on a machine that runs other tests meanwhile; how much a layout moves does."""

SEEDS = (
    Seed(defect="script_error", kind="page_errors", settings=_ONE, says="larkfellCarousel is not defined"),
    Seed(
        defect="offers_404",
        kind="page_errors",
        settings=_ONE,
        says="has a request that fails: 'GET fetch: status 404'",
    ),
    Seed(
        defect="button_without_name",
        kind="accessibility",
        settings=_ONE,
        baseline=True,
        says="breaks the rule button-name (critical) at 1 element",
    ),
    Seed(
        defect="shifted_title",
        kind="visual",
        settings=_PICTURE,
        baseline=True,
        severity="warn",
        says="looks different at 390 pixels",
    ),
    Seed(defect="heavy_image", kind="page_weight", settings=_ONE, severity="warn", says="has 2.0 MB"),
    Seed(
        defect="late_banner", kind="web_vitals", settings=_TIMES, severity="warn", says="its layout moves by"
    ),
    Seed(defect="data_layer_lost", kind="tags", settings=_ONE, says="The data layer adobeDataLayer"),
    Seed(
        defect="development_tags", kind="tags", settings=_ONE, severity="warn", says="library of development"
    ),
    Seed(
        defect=("cookie_before_consent", "tracker_before_consent"),
        kind="consent",
        settings=_ONE,
        severity="warn",
        says="keeps the cookie '_visitor' before",
    ),
)
CLEAN = (
    Clean(kind="page_errors", settings={"pages": ["/us/en.html", PAGE, "/us/en/search.html"]}),
    Clean(kind="accessibility", settings={"pages": ["/us/en.html", PAGE, "/us/en/contact.html"]}),
    Clean(kind="visual", settings=_PICTURE, baseline=True),
    Clean(kind="page_weight", settings=_ONE),
    Clean(kind="web_vitals", settings=_TIMES),
    Clean(kind="tags", settings=_ONE),
    Clean(kind="consent", settings=_ONE),
)
