"""B1: is each of the 51 paths that Adobe's security checklist wants closed asked, closed by good filters, and told when open?

https://experienceleague.adobe.com/en/docs/experience-manager-dispatcher/using/configuring/dispatcher-configuration
#testing-dispatcher-security; ``add_valid_page`` and ``pagename`` stand for a page of the site there.
"""

from __future__ import annotations

import pytest

from aem_checks.kinds.security._doors import PAGE, Door, known_doors
from aem_checks.kinds.security.dispatcher_probes import DispatcherProbes, DispatcherProbesSettings
from aem_checks.outcomes import Outcome, Severity
from aem_checks.rehearsing import answer, rehearse
from unit.aem_checks.security.dispatcher_files import DEFAULT, DEFAULT_FILTERS
from unit.aem_checks.security.test_dispatcher_config import opened

ADOBES = [
    "/admin",
    "/system/console",
    "/dav/crx.default",
    "/crx",
    "/bin/crxde/logs",
    "/jcr:system/jcr:versionStorage.json",
    "/_jcr_system/_jcr_versionStorage.json",
    "/libs/wcm/core/content/siteadmin.html",
    "/libs/collab/core/content/admin.html",
    "/libs/cq/ui/content/dumplibs.html",
    "/var/linkchecker.html",
    "/etc/linkchecker.html",
    "/home/users/a/admin/profile.json",
    "/home/users/a/admin/profile.xml",
    "/libs/cq/core/content/login.json",
    "/content/../libs/foundation/components/text/text.jsp",
    "/content/.{.}/libs/foundation/components/text/text.jsp",
    "/apps/sling/config/org.apache.felix.webconsole.internal.servlet.OsgiManager.config/jcr%3acontent/jcr%3adata",
    "/libs/foundation/components/primary/cq/workflow/components/participants/json.GET.servlet",
    "/content.pages.json",
    "/content.languages.json",
    "/content.blueprint.json",
    "/content.-1.json",
    "/content.10.json",
    "/content.infinity.json",
    "/content.tidy.json",
    "/content.tidy.-1.blubber.json",
    "/content/dam.tidy.-100.json",
    "/content/content/geometrixx.sitemap.txt",
    "/content/add_valid_page.query.json?statement=//*",
    "/content/add_valid_page.qu%65ry.js%6Fn?statement=//*",
    "/content/add_valid_page.query.json?statement=//*[@transportPassword]/(@transportPassword%20|%20@transportUri%20|%20@transportUser)",
    "/content/add_valid_path_to_a_page/_jcr_content.json",
    "/content/add_valid_path_to_a_page/jcr:content.json",
    "/content/add_valid_path_to_a_page/_jcr_content.feed",
    "/content/add_valid_path_to_a_page/jcr:content.feed",
    "/content/add_valid_path_to_a_page/pagename._jcr_content.feed",
    "/content/add_valid_path_to_a_page/pagename.jcr:content.feed",
    "/content/add_valid_path_to_a_page/pagename.docview.xml",
    "/content/add_valid_path_to_a_page/pagename.docview.json",
    "/content/add_valid_path_to_a_page/pagename.sysview.xml",
    "/etc.xml",
    "/content.feed.xml",
    "/content.rss.xml",
    "/content.feed.html",
    "/content/add_valid_page.html?debug=layout",
    "/projects",
    "/tagging",
    "/etc/replication.html",
    "/etc/cloudservices.html",
    "/welcome",
]
_SAMPLES = (
    "/content/add_valid_path_to_a_page/pagename",
    "/content/add_valid_path_to_a_page",
    "/content/add_valid_page",
    "/content/content/geometrixx",
)
DOORS = {each.name: each for each in known_doors()}
WHAT_AEM_WRITES = {
    "properties of repository nodes": '{"jcr:primaryType": "cq:Page"}',
    "a listing of repository depths": '["/content.3.json", "/content.2.json"]',
    "the OSGi web console": "<title>Adobe Experience Manager Web Console - Bundles</title>",
    "the servlet engine's admin page": "<h1>Day Servlet Engine</h1>",
    "a CRX console": "<title>CRXDE Lite</title>",
    "the repository over WebDAV": '<D:multistatus xmlns:D="DAV:"/>',
    "lines of an AEM log": "01.11.2026 *INFO* [main] started",
    "a classic AEM admin console": "CQ.wcm.SiteAdmin",
    "the dump of client libraries": "<a href=dumplibs.test.html>Dump Client Libs</a>",
    "the link checker's console": "<h1>External Link Checker</h1>",
    "source code of a JSP": "<%@page session='false'%>",
    "an OSGi configuration": '{"manager.root": "system/console"}',
    "users or groups": '{"participants": []}',
    "AEM's list of pages as text": "https://www.example.com/us/en.html\n",
    "AEM's list of pages": '{"pages": [{"path": "/content"}]}',
    "AEM's list of languages": '{"languages": {}}',
    "live copy blueprints": '{"cq:rolloutConfigs": []}',
    "a feed of repository content": "<?xml version='1.0'?><feed/>",
    "results of a repository query": '{"hits": []}',
    "AEM's administration user interface": "<coral-shell></coral-shell>",
    "replication agents": "<title>AEM Replication</title>",
    "cloud service configurations": "<title>AEM Cloud Services</title>",
    "AEM's welcome screen": "<div id=cq-welcome></div>",
    "AEM's login status": "authenticated=true",
    "AEM's login page": "<title>AEM Sign In</title>",
    "layout debugging output": '<div cell="x">',
}
"""By what a door gives away: how that begins."""


def named(path: str) -> str:
    """The path as the table of doors has it."""
    sample = next((each for each in _SAMPLES if path.startswith(each)), None)
    return path.replace(sample, PAGE, 1) if sample else path


def door(path: str) -> Door:
    return DOORS[named(path)]


def check() -> DispatcherProbes:
    return DispatcherProbes(DispatcherProbesSettings(requests_per_second=1000))


def test_there_are_fifty_one_of_them() -> None:
    assert len(set(ADOBES)) == 51


@pytest.mark.parametrize("path", ADOBES)
def test_each_is_asked_exactly_as_it_is_written(path: str) -> None:
    assert door(path).name == named(path)
    assert door(path).signatures


def test_adobes_own_filters_let_none_of_them_through_but_below_forms_and_screens() -> None:
    filters = DEFAULT.texts[DEFAULT_FILTERS]
    for rule in ("/0036", "/0051"):  # open whatever is asked of a page of theirs
        assert rule in filters
        filters = filters.replace(rule, "#")
    let_through = {name for names in opened(filters).values() for name in names}
    assert let_through & {named(path) for path in ADOBES} == set()


@pytest.mark.parametrize("path", ADOBES)
def test_each_is_told_when_the_site_answers_it_as_aem_does(path: str) -> None:
    asked = door(path).path.replace(PAGE, "/us/en")
    leaking = WHAT_AEM_WRITES[door(path).leak]
    judgement = rehearse(
        check(), {"/us/en.html": answer("<h1>Home</h1>"), asked: answer(leaking)}, pages=["/us/en.html"]
    )
    told = [each for each in judgement.findings if each.code == "dispatcher_probes.open"]
    assert [(each.subject, each.outcome) for each in told] == [(asked, Outcome.FAILED)]
    assert (told[0].severity or Severity.BLOCK) is door(path).severity


def test_all_of_them_closed_is_a_pass() -> None:
    judgement = rehearse(check(), {"/us/en.html": answer("<h1>Home</h1>")}, pages=["/us/en.html"])
    assert (judgement.findings, judgement.examined) == ((), len(known_doors()))
