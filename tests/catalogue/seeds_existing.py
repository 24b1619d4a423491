"""Which failures do the checks of the first release catch?"""

from __future__ import annotations

from catalogue.seeds import Clean, Seed

QUERIES = {"queries": ["larkfell/adventures-all"]}
MAP = {"rules": [{"from": "/routes", "to": "/us/en/adventures.html", "code": 301}]}
QUICK = {"answers": 6, "every": "2s", "within": "1m"}
MARKER = {"build_marker": {"meta": "build", "equals": "artifacts_version"}}
BUILD = {"artifacts_version": "build-1"}
PROBES = {"requests_per_second": 1000}
ONE_MISSING = {"environment_variables": {"stage": ["SEARCH_HOST", "NEWS_KEY"], "production": ["SEARCH_HOST"]}}


def suite(command: str) -> dict[str, str]:
    """The settings of a team's suite that is just this command."""
    return {"name": "smoke", "folder": "{folder}", "run": command}


def report(inside: str) -> str:
    """A command that writes a JUnit report with one case."""
    written = (
        f'<testsuite name="smoke"><testcase name="home" classname="pages">{inside}</testcase></testsuite>'
    )
    return f"echo '{written}' > $REPORTS_PATH/report.xml"


SEEDS = (
    Seed(
        defect="never_settles",
        kind="settled",
        settings=QUICK,
        site=MARKER,
        facts=BUILD,
        outcome="inconclusive",
        says="did not settle",
    ),
    Seed(defect="page_500", kind="key_pages", says="500"),
    Seed(defect="page_missing", kind="key_pages", says="404"),
    Seed(defect="login_redirect", kind="key_pages", says="login"),
    Seed(defect="empty_page", kind="key_pages", says="bytes"),
    Seed(defect="wrong_content_type", kind="key_pages", says="text/plain"),
    Seed(defect="garbage", kind="key_pages", outcome="inconclusive", says="could not be reached"),
    Seed(defect="soft_404", kind="real_404", says="200"),
    Seed(defect="not_found_redirects", kind="real_404", says="redirected"),
    Seed(defect="stack_trace_on_404", kind="real_404", says="stack trace"),
    Seed(defect="unresolved_placeholder", kind="placeholders", says="LARKFELL_NEWSLETTER_URL"),
    Seed(defect="unresolved_placeholder_header", kind="placeholders", says="LARKFELL_STUDIO_ORIGIN"),
    Seed(defect="localhost_link", kind="host_leaks", says="localhost"),
    Seed(defect="author_link", kind="host_leaks", says="author"),
    Seed(defect="undefined_host", kind="host_leaks", says="undefined"),
    Seed(
        defect="stage_host_in_canonical",
        kind="host_leaks",
        outcome="passed-with-warning",
        says="canonical",
    ),
    Seed(defect="querybuilder_open", kind="dispatcher_probes", settings=PROBES, says="querybuilder"),
    Seed(defect="crxde_open", kind="dispatcher_probes", settings=PROBES, says="crx"),
    Seed(defect="felix_console_open", kind="dispatcher_probes", settings=PROBES, says="/system/console"),
    Seed(defect="home_users_json_open", kind="dispatcher_probes", settings=PROBES, says="/home"),
    Seed(
        defect="waf_block",
        kind="dispatcher_probes",
        settings=PROBES,
        outcome="inconclusive",
        says="firewall",
    ),
    Seed(
        defect="waf_block_406",
        kind="dispatcher_probes",
        settings=PROBES,
        outcome="inconclusive",
        says="firewall",
    ),
    Seed(defect="clientlib_404", kind="client_libraries", says="404"),
    Seed(defect="clientlib_empty", kind="client_libraries", says="0 bytes"),
    Seed(defect="clientlib_wrong_mime", kind="client_libraries", says="text/html"),
    Seed(defect="redirect_lost", kind="redirects", settings=MAP, says="404"),
    Seed(defect="redirect_loop", kind="redirects", settings=MAP, says="/routes"),
    Seed(defect="redirect_two_hops", kind="redirects", settings=MAP, says="/ways"),
    Seed(defect="persisted_query_404", kind="persisted_queries", settings=QUERIES, says="404"),
    Seed(defect="persisted_query_errors", kind="persisted_queries", settings=QUERIES, says="price"),
    Seed(defect="persisted_query_empty", kind="persisted_queries", settings=QUERIES, says="0 items"),
    Seed(kind="environment_variables", facts=ONE_MISSING, says="is set for stage but not"),
    Seed(kind="suites", settings=suite("exit 0"), outcome="inconclusive", says="no JUnit XML"),
    Seed(kind="suites", settings=suite(report('<failure message="no hero"/>')), says="no hero"),
)

CLEAN = (
    Clean(kind="settled", settings=QUICK, site=MARKER, facts=BUILD),
    Clean(kind="key_pages"),
    Clean(kind="real_404"),
    Clean(kind="placeholders"),
    Clean(kind="host_leaks"),
    Clean(kind="dispatcher_probes", settings=PROBES),
    Clean(kind="client_libraries"),
    Clean(kind="redirects", settings=MAP),
    Clean(kind="persisted_queries", settings=QUERIES),
    Clean(kind="suites", settings=suite(report(""))),
)
