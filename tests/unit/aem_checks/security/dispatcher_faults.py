"""One fault in a good dispatcher configuration at a time: which rule of Adobe's does each break?

``python -m unit.aem_checks.security.dispatcher_faults`` prints the table that stands in docs/dispatcher.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aem_checks.kinds.security._dispatcher_faults import RULES
from aem_checks.kinds.security.dispatcher_config import judged
from aem_checks.outcomes import Finding, Outcome, Severity
from unit.aem_checks.security.dispatcher_files import (
    APACHE,
    CONF,
    DEFAULT,
    FARM,
    FILTERS_OF_THE_ARCHETYPE,
    GOOD,
    GOOD_FARM,
    GOOD_FILTERS,
    VHOST_OF_THE_ARCHETYPE,
    Files,
)


@dataclass(frozen=True)
class Fault:
    """A fault that was put in, and the code that has to name it."""

    code: str
    what: str
    files: Files


def _filters(rule: str) -> Files:
    return GOOD.but(filters=f"{GOOD_FILTERS}{rule}\n")


def _farm(old: str, new: str) -> Files:
    return GOOD.edited("farm", old, new)


def _vhost(line: str) -> Files:
    return GOOD.edited("vhost", "\tAllowEncodedSlashes", f"\t{line}\n\tAllowEncodedSlashes")


_OF_FORMS_AND_SCREENS = ("/0036", "/0051")
_OWN_FILTERS = "\n".join(
    line
    for line in (FILTERS_OF_THE_ARCHETYPE + GOOD_FILTERS).splitlines()
    if not line.startswith((*_OF_FORMS_AND_SCREENS, "$include"))
)
_DENIES_GREEDY = next(line for line in FILTERS_OF_THE_ARCHETYPE.splitlines() if line.startswith("/0017"))
_DENIES_ALL = '/0001 { /type "deny"  /url "*" }'
_SECOND = {f"{CONF}/available_farms/second.farm": GOOD_FARM}
_LINK = f"{CONF}/enabled_farms/default.farm"

FAULTS = (
    Fault(
        "allow_by_glob",
        'a filter that allows `/glob "GET *.css *"`',
        _filters('/2000 { /type "allow" /glob "GET *.css *" }'),
    ),
    Fault(
        "first_filter",
        "filters without the denial of everything",
        GOOD.but(filters=_OWN_FILTERS.replace(_DENIES_ALL, "")),
    ),
    Fault(
        "first_filter",
        "a denial of GET alone in the first place",
        GOOD.but(filters=_OWN_FILTERS.replace(_DENIES_ALL, '/0001 { /type "deny" /method "GET" /url "*" }')),
    ),
    Fault(
        "no_filter", "a farm without `/filter`", _farm('/filter { $include "../filters/filters.any" }', "")
    ),
    Fault(
        "selectors",
        "no filter that denies selectors",
        GOOD.but(
            filters=_OWN_FILTERS.replace(_DENIES_GREEDY, "")
            .replace('/selectors "*"', "")
            .replace("/1000", "#")
        ),
    ),
    Fault("selector_list", "the denial of selectors left out", GOOD.edited("filters", "/1000", "# /1000")),
    Fault("suffixes", "the denial of suffixes left out", GOOD.edited("filters", "/1001", "# /1001")),
    Fault("opens", "`/bin/*` allowed", _filters('/2000 { /type "allow" /url "/bin/*" }')),
    Fault("opens", "`/crx/*` allowed", _filters('/2000 { /type "allow" /url "/crx/*" }')),
    Fault(
        "opens",
        "`/system/*` allowed for GET",
        _filters('/2000 { /type "allow" /method "GET" /url "/system/*" }'),
    ),
    Fault(
        "opens",
        "JSON of all content allowed",
        _filters('/2000 { /type "allow" /extension "json" /path "/content/*" }'),
    ),
    Fault(
        "opens",
        "a regular expression that allows more than is meant",
        _filters("/2000 { /type \"allow\" /url '/(libs|etc)/.*' }"),
    ),
    Fault(
        "opens",
        "a site's own folder allowed with all that is in it",
        _filters("/2000 { /type \"allow\" /path '/content/wknd/[a-z]{2}/.+' }"),
    ),
    Fault(
        "unexpected",
        "a misspelt part, `/extention`",
        _filters('/2000 { /type "allow" /url "/a/*" /extention \'(css)\' }'),
    ),
    Fault(
        "unexpected", "`/statfileslevel` in `/filter`", _farm("/filter {", '/filter { /statfileslevel "2"')
    ),
    Fault(
        "unexpected",
        "`/gracePeriod` outside of `/cache` as well",
        _farm("/propagateSyndPost", '/gracePeriod "2" /propagateSyndPost'),
    ),
    Fault("statfileslevel", '`/statfileslevel "0"`', _farm('/statfileslevel "2"', '/statfileslevel "0"')),
    Fault("statfileslevel", "no `/statfileslevel`", _farm('/statfileslevel "2"', "")),
    Fault("grace_period", "no `/gracePeriod`", _farm('/gracePeriod "2"', "")),
    Fault(
        "serve_stale", '`/serveStaleOnError "0"`', _farm('/serveStaleOnError "1"', '/serveStaleOnError "0"')
    ),
    Fault("serve_stale", "no `/serveStaleOnError`", _farm('/serveStaleOnError "1"', "")),
    Fault("parameters", "parameters denied first", GOOD.but(farm=DEFAULT.texts[FARM])),
    Fault(
        "parameters",
        "a denial of all behind the permission",
        _farm('/0002 { /glob "q" /type "deny" }', '/0002 { /glob "*" /type "deny" }'),
    ),
    Fault(
        "no_cache", "a farm without `/cache`", GOOD.but(farm=GOOD_FARM[: GOOD_FARM.index("/cache {")] + "}")
    ),
    Fault(
        "cache_rules",
        "`/rules` that keep nothing",
        _farm('/rules { $include "../cache/rules.any" }', '/rules { /0 { /glob "*" /type "deny" } }'),
    ),
    Fault("cache_rules", "no `/rules`", _farm('/rules { $include "../cache/rules.any" }', "")),
    Fault(
        "invalidate",
        "`/invalidate` without pages, `/enableTTL` off",
        _farm('/glob "*.html" /type "allow"', '/glob "*.xml" /type "allow"').edited(
            "farm", '/enableTTL "1"', '/enableTTL "0"'
        ),
    ),
    Fault(
        "allow_authorized",
        '`/allowAuthorized "1"` without `/auth_checker`',
        _farm('/allowAuthorized "0"', '/allowAuthorized "1"'),
    ),
    Fault(
        "allowed_clients",
        "no `/allowedClients`",
        _farm('/allowedClients { $include "../cache/default_invalidate.any" }', ""),
    ),
    Fault(
        "allowed_clients",
        "everybody among `/allowedClients`",
        _farm('$include "../cache/default_invalidate.any"', '/0 { /glob "*" /type "allow" }'),
    ),
    Fault(
        "renders",
        "a host of its own in `/renders`",
        _farm('$include "../renders/default_renders.any"', '/0 { /hostname "10.0.0.7" /port "4503" }'),
    ),
    Fault(
        "virtual_hosts",
        "no `/virtualhosts`",
        _farm('/virtualhosts { $include "../virtualhosts/virtualhosts.any" }', ""),
    ),
    Fault(
        "farm_names",
        "two farms of one name",
        GOOD.with_files(_SECOND).with_links(
            {f"{CONF}/enabled_farms/second.farm": "../available_farms/second.farm"}
        ),
    ),
    Fault(
        "include_missing",
        "an `$include` of a file that is not there",
        _farm(
            '$include "../clientheaders/clientheaders.any"', '$include "../clientheaders/headers_of_wknd.any"'
        ),
    ),
    Fault(
        "include_missing",
        "an `Include` of Apache that is not there",
        _vhost("Include conf.d/rewrites/of_wknd.rules"),
    ),
    Fault(
        "root_directory",
        "`Require all granted` in `<Directory />`",
        GOOD.edited(
            "vhost", "\t\tOptions FollowSymLinks", "\t\tRequire all granted\n\t\tOptions FollowSymLinks"
        ),
    ),
    Fault(
        "server_alias",
        "virtual hosts for the site's own domain alone",
        GOOD.edited("vhost", 'ServerAlias\t "*"', 'ServerAlias "*.wknd.site"'),
    ),
    Fault("vary", "`Header append Vary User-Agent`", _vhost("Header append Vary User-Agent")),
    Fault(
        "vary",
        "the same over two lines, among others",
        _vhost('Header always set \\\n  Vary "Accept-Encoding, User-Agent"'),
    ),
    Fault(
        "broken_link",
        "a farm that is a file with the path of another",
        GOOD.but(without=(_LINK,)).with_files({_LINK: "../available_farms/default.farm"}),
    ),
    Fault(
        "broken_link",
        "a link to a virtual host that is not there",
        GOOD.with_links({f"{APACHE}/enabled_vhosts/wknd.vhost": "../available_vhosts/wknd.vhost"}),
    ),
    Fault("none_enabled", "a farm that is only available", GOOD.but(without=(_LINK,))),
    Fault("unreadable", "a `{` that is never closed", _farm("/virtualhosts {", "/virtualhosts { {")),
    Fault("unreadable", "a `}` too many in a file that is included", _filters("}")),
    Fault(
        "unreadable",
        "a quotation mark that is not closed",
        _farm('/statfileslevel "2"', '/statfileslevel "2'),
    ),
    Fault("unreadable", "a file that includes itself", _filters('$include "./filters.any"')),
    Fault(
        "unreadable",
        "a `<Directory>` that is never closed",
        GOOD.but(vhost=VHOST_OF_THE_ARCHETYPE.replace("</Directory>", "", 1)),
    ),
)


def bad_of(files: Files, severity: Severity = Severity.BLOCK) -> list[Finding]:
    """The findings about these files that are no mere notes."""
    judgement = judged(files.all_texts(), files.all_links(), severity)
    return [each for each in judgement.findings if each.outcome is not Outcome.PASSED]


def table() -> Iterator[str]:
    """Rule, fault, whether it is caught, and what follows from it."""
    yield "| code | Adobe's rule | fault put in | caught |"
    yield "|---|---|---|---|"
    for code, rule in RULES.items():
        for fault in (each for each in FAULTS if each.code == code):
            said = {each.code for each in bad_of(fault.files)}
            others = ", ".join(f"`{each}`" for each in sorted(said - {code}))
            caught = ("yes" if code in said else "**no**") + (f", with {others}" if others else "")
            yield f"| `{code}` | [{rule.id}]({rule.page}) | {fault.what} | {caught} |"


if __name__ == "__main__":
    print("\n".join(table()))
