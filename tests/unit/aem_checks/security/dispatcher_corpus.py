"""Dispatcher configurations in the shapes that projects have: what is right to say of each?

Made for these tests; no text of a project is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from unit.aem_checks.security.dispatcher_files import (
    APACHE,
    ARCHETYPE,
    CONF,
    DEFAULT,
    DEFAULT_FILTERS,
    FARM,
    FILTERS,
    GOOD,
    GOOD_FARM,
    GOOD_FILTERS,
    LINKS,
    VHOST,
    VHOST_OF_THE_ARCHETYPE,
    Files,
)

ADVICE = frozenset({"parameters", "selector_list", "suffixes"})
"""What Adobe's optimizer says of Adobe's own archetype."""
NONE = frozenset[str]()
IMAGE_FILES = (DEFAULT_FILTERS, *(path for path in ARCHETYPE if "/default_" in path), VHOST, FARM)


@dataclass(frozen=True)
class Case:
    """A configuration, the codes that are right for it, and how many farms are judged."""

    name: str
    files: Files
    bad: frozenset[str] = NONE
    notes: frozenset[str] = frozenset({"left_to_publish"})
    farms: int = 1
    blocks: bool = False
    """Whether it is bad for a gate that lets this check block."""


def _site(name: str, farm: str = GOOD_FARM) -> Files:
    """The layout of a team that copied the default farm and virtual host, as the documentation says."""
    kept = GOOD.but(without=(FARM, VHOST, *LINKS))
    own_vhost = VHOST_OF_THE_ARCHETYPE.replace('"publish"', f'"{name}"')
    texts = {
        f"{CONF}/available_farms/{name}.farm": farm.replace("/publishfarm", f"/{name}"),
        f"{APACHE}/available_vhosts/{name}.vhost": own_vhost,
    }
    links = {
        f"{CONF}/enabled_farms/{name}.farm": f"../available_farms/{name}.farm",
        f"{APACHE}/enabled_vhosts/{name}.vhost": f"../available_vhosts/{name}.vhost",
    }
    return kept.with_files(texts).with_links(links)


def _own(filters: str) -> Files:
    """A project with filters of its own alone, and all else as it should be."""
    return GOOD.but(filters=dedent(filters))


_MULTI = _site("wknd").with_files(
    {
        f"{CONF}/available_farms/shop.farm": GOOD_FARM.replace("/publishfarm", "/shop").replace(
            "filters.any", "shop.any"
        ),
        f"{CONF}/filters/shop.any": GOOD_FILTERS + '/3000 { /type "allow" /url "/bin/*" }\n',
        f"{CONF}/available_farms/old.farm": '/old { /filter { /0 { /type "allow" /glob "*" } } }',
    }
)
_MULTI_LINKED = _MULTI.with_links({f"{CONF}/enabled_farms/shop.farm": "../available_farms/shop.farm"})
_DEEP = {
    FILTERS: '$include "./default_filters.any"\n$include "./of_sites/all.any"\n',
    f"{CONF}/filters/of_sites/all.any": '$include "./*_site.any"\n',
    f"{CONF}/filters/of_sites/wknd_site.any": '$include "./parts/wknd.any"\n',
    f"{CONF}/filters/of_sites/other_site.any": "# nothing of its own\n",
    f"{CONF}/filters/of_sites/parts/wknd.any": GOOD_FILTERS.replace('$include "./default_filters.any"', ""),
}
_SPA = (
    '/2000 { /type "allow" /method "GET" /path "/content/wknd-spa/*" /selectors "model" /extension "json" }\n'
)
_HEADLESS = """
    /0001 { /type "deny" /url "*" }
    /0100 { /type "allow" /method '(GET|POST|OPTIONS)' /url "/graphql/execute.json*" }
    /0101 { /type "allow" /method '(GET|HEAD)' /url "/content/dam/*" /extension '(jpe?g|png|webp|svg|pdf)' /selectors '' /suffix '' }
    /0102 { /type "allow" /method '(GET|POST|OPTIONS)' /url "/content/_cq_graphql/*/endpoint.json" }
    /0200 { /type "deny" /selectors '(infinity|tidy|[0-9-]+)' }
"""  # noqa: E501
_STRICT = r"""
    /deny-all { /type "deny" /url "*" }
    /pages { /type "allow" /method '(GET|HEAD)' /url '/content/wknd/[a-z]{2}/[a-z]{2}(/[^./]+)*\.html' }
    /files { /type "allow" /method '(GET|HEAD)' /url '/content/dam/wknd(/[^./]+)*\.(jpe?g|png|svg|pdf)' }
    /images { /type "allow" /method "GET" /url '/content/wknd/[^.]+\.coreimg(\.[0-9]+)*\.(jpe?g|png)(/[0-9]+/[^/]+)?' }
    /clientlibs { /type "allow" /method "GET" /url '/etc\.clientlibs/wknd/[^.]+(\.lc-[a-f0-9]+-lc)?(\.min)?\.(js|css)' }
    /token { /type "allow" /method "GET" /url "/libs/granite/csrf/token.json" }
    /no-export { /type "deny" /selectors '(infinity|tidy|feed|query|[0-9-]+)' /extension '(json|xml)' }
    /no-authoring { /type "deny" /query '(wcmmode|debug)=.*' }
"""
_BY_HAND = """
    /0001 { /type "allow" /url "*" }
    /0002 { /type "deny" /url "/crx/*" }
    /0003 { /type "deny" /url "/system/*" }
    /0004 { /type "deny" /url "/bin/*" }
"""
_LAST_WINS = """
    $include "./default_filters.any"
    /1000 { /type "allow" /url "/bin/*" }
    /1001 { /type "allow" /url "/content/*" /selectors "model" /extension "json" }
    /1998 { /type "deny" /url "/content/*" /selectors "*" }
    /1999 { /type "deny" /url "/bin/*" }
    /2000 { /type "deny" /url "*" /suffix "*" }
    /2001 { /type "allow" /method "GET" /url "/etc.clientlibs/*" }
"""
_OPENED_BEHIND = GOOD_FILTERS + '/9000 { /type "allow" /url "/system/console*" }\n'
_REMOVES_VARY = """\tHeader append Vary User-Agent
\tHeader edit Vary "(?:^|,) *User-Agent" ""
\tHeader unset Vary "expr=%{REQUEST_STATUS} < 400"
"""
_MODEL_JSON = '/1050 { /type "allow" /path "/content/*" /selectors "model" /extension "json" }\n'
_ENVIRONMENTS = """Define CONTENT_FOLDER_NAME wknd
<IfDefine ENVIRONMENT_STAGE>
  Define SITE_HOST stage.wknd.example
</IfDefine>
<IfDefine ENVIRONMENT_PROD>
  Define SITE_HOST www.wknd.example
</IfDefine>
"""
_AMS = {
    f"{CONF}/enabled_farms/000_ams_author_farm.any": '/authorfarm { /filter { /0 { /type "allow" /url "*" } } }',
    f"{CONF}/enabled_farms/999_ams_publish_farm.any": GOOD_FARM,
}
_CHECKER = """  /auth_checker {
    /url "/bin/permissioncheck"
    /filter { /0000 { /glob "*" /type "deny" } /0001 { /glob "*.html" /type "allow" } }
    /headers { /0000 { /glob "*" /type "deny" } }
  }
  /propagateSyndPost"""

CORPUS = (
    Case("the archetype, as it comes", DEFAULT, ADVICE),
    Case("the archetype at the root of the repository", DEFAULT.under(""), ADVICE),
    Case("the archetype three folders down", DEFAULT.under("apps/wknd/dispatcher/src/"), ADVICE),
    Case(
        "the archetype with Windows' line ends",
        Files({p: t.replace("\n", "\r\n") for p, t in ARCHETYPE.items()}),
        ADVICE,
    ),
    Case("as Adobe advises", GOOD),
    Case("flexible mode, a farm and a virtual host of its own", _site("wknd")),
    Case(
        "flexible mode, files of the image left out",
        _site("wknd").but(without=IMAGE_FILES),
        notes=frozenset({"of_the_image", "undecided"}),
    ),
    Case(
        "flexible mode, copies instead of links",
        GOOD.but(without=tuple(LINKS)).with_files(
            {
                f"{CONF}/enabled_farms/wknd.farm": GOOD_FARM,
                f"{APACHE}/enabled_vhosts/wknd.vhost": VHOST_OF_THE_ARCHETYPE,
            }
        ),
        notes=frozenset({"left_to_publish"}),
    ),
    Case("legacy mode, no opt-in", DEFAULT.but(without=("opt-in/USE_SOURCES_DIRECTLY",)), ADVICE),
    Case(
        "legacy mode, the image's farm with filters of its own",
        DEFAULT.but(
            filters='$include "./default_filters.any"\n/1000 { /type "deny" /url "/content/secret/*" }\n',
            without=IMAGE_FILES,
        ),
        notes=frozenset({"of_the_image", "undecided"}),
    ),
    Case(
        "legacy mode, the image's farm and a console opened",
        DEFAULT.but(
            filters='$include "./default_filters.any"\n/1000 { /type "allow" /url "/system/console*" }\n',
            without=IMAGE_FILES,
        ),
        frozenset({"opens"}),
        frozenset({"of_the_image", "undecided"}),
        blocks=True,
    ),
    Case(
        "several farms, one of them only available",
        _MULTI,
        notes=frozenset({"left_to_publish", "not_enabled"}),
    ),
    Case(
        "several farms, one of them opens /bin",
        _MULTI_LINKED,
        frozenset({"opens"}),
        frozenset({"left_to_publish", "not_enabled"}),
        farms=2,
        blocks=True,
    ),
    Case("includes three deep, with a pattern", GOOD.with_files(_DEEP)),
    Case(
        "includes by the server's absolute path",
        GOOD.edited("farm", "../filters/filters.any", "/etc/httpd/conf.dispatcher.d/filters/filters.any"),
    ),
    Case(
        "rewritten by hand: everything allowed, then some denied",
        _own(_BY_HAND),
        frozenset({"first_filter", "opens", "selectors", "selector_list", "suffixes"}),
        NONE,
        blocks=True,
    ),
    Case("rewritten by hand: regular expressions, all anchored", _own(_STRICT), notes=NONE),
    Case("a rule that opens and a later one that closes again", GOOD.but(filters=dedent(_LAST_WINS))),
    Case(
        "a rule that closes and a later one that opens",
        GOOD.but(filters=_OPENED_BEHIND),
        frozenset({"opens"}),
        blocks=True,
    ),
    Case(
        "a single-page application with model.json",
        GOOD.but(filters=GOOD_FILTERS + _SPA),
        frozenset({"suffixes"}),
    ),
    Case(
        "model.json of all content by the archetype's older rule",
        DEFAULT.but(filters=ARCHETYPE[FILTERS] + _MODEL_JSON),
        ADVICE,
    ),
    Case("headless: persisted queries and assets", _own(_HEADLESS), notes=NONE),
    Case(
        "Edge Delivery beside it",
        GOOD.with_files({"../../fstab.yaml": "mountpoints:\n  /: https://example.invalid\n"}).with_files(
            {"../../scripts/scripts.js": "export {}\n"}
        ),
    ),
    Case(
        "permission-sensitive caching",
        GOOD.edited("farm", "  /propagateSyndPost", _CHECKER).edited(
            "farm", '/allowAuthorized "0"', '/allowAuthorized "1"'
        ),
    ),
    Case(
        "caches by time alone",
        GOOD.edited("farm", '/glob "*.html" /type "allow"', '/glob "*.html" /type "deny"'),
    ),
    Case(
        "a virtual host that takes User-Agent out of Vary",
        GOOD.edited("vhost", "\tAllowEncodedSlashes", f"{_REMOVES_VARY}\tAllowEncodedSlashes"),
    ),
    Case(
        "a virtual host with Vary: User-Agent that is only available",
        GOOD.with_files({f"{APACHE}/available_vhosts/old.vhost": "Header append Vary User-Agent\n"}),
    ),
    Case(
        "a virtual host that varies by Origin",
        GOOD.edited("vhost", "\tAllowEncodedSlashes", "\tHeader merge Vary Origin\n\tAllowEncodedSlashes"),
    ),
    Case(
        "variables that differ by environment",
        GOOD.but(variables=_ENVIRONMENTS)
        .edited("farm", '/statfileslevel "2"', '/statfileslevel "${LEVEL}"')
        .with_files({f"{CONF}/virtualhosts/virtualhosts.any": '{ "${SITE_HOST}" }\n'}),
        notes=frozenset({"left_to_publish", "only_production"}),
    ),
    Case(
        "a variable of the project in a value",
        GOOD.but(variables="Define LEVEL 1\n").edited(
            "farm", '/statfileslevel "2"', '/statfileslevel "${LEVEL}"'
        ),
        frozenset({"statfileslevel"}),
    ),
    Case(
        "a filter with a variable that nobody sets",
        GOOD.but(filters=GOOD_FILTERS + '/3000 { /type "allow" /url "/${CONSOLE}/*" }\n'),
        notes=frozenset({"left_to_publish", "undecided"}),
    ),
    Case(
        "two virtual hosts that share the cloud's aliases",
        GOOD.edited(
            "vhost",
            'ServerAlias\t "*"',
            'ServerAlias "*.wknd.site" "\\*.local" "localhost" "127.0.0.1" "*.adobeaemcloud.net" "*.adobeaemcloud.com"',
        ),
    ),
    Case(
        "comments with braces and quotation marks",
        GOOD.but(filters=f"# it's {{ not a rule\n{GOOD_FILTERS}# }} \"\n"),
    ),
    Case(
        "a farm of the dispatcher's own example: all in one file",
        GOOD.but(
            farm='/farms {\n  /website {\n    /virtualhosts { "*" }\n    /renders { /0 { /hostname "127.0.0.1" /port "4503" } }\n'
            '    /filter { /0001 { /type "deny" /glob "*" } /0023 { /type "allow" /url "/content*" } }\n'
            '    /cache { /docroot "/cache" /rules { /0000 { /glob "*" /type "allow" } }\n'
            '      /invalidate { /0000 { /glob "*.html" /type "allow" } } }\n  }\n}\n'
        ),
        frozenset(
            {
                "opens",
                "selectors",
                "selector_list",
                "suffixes",
                "renders",
                "allowed_clients",
                "statfileslevel",
                "grace_period",
                "serve_stale",
                "parameters",
            }
        ),
        NONE,
        blocks=True,
    ),
    Case(
        "Adobe Managed Services' layout alone",
        Files(
            {**{p: t for p, t in GOOD.texts.items() if "farms/" not in p}, **_AMS},
            {p: t for p, t in LINKS.items() if "vhost" in p},
        ),
    ),
    Case(
        "Adobe Managed Services' layout beside the cloud's",
        GOOD.with_files({f"../../classic/{path}": text for path, text in _AMS.items()}),
        notes=frozenset({"left_to_publish", "other_dispatcher"}),
    ),
    Case(
        "a sample of a dispatcher in another folder, with nothing enabled",
        GOOD.with_files({f"../../docs/sample/{path}": text for path, text in DEFAULT.texts.items()}),
        notes=frozenset({"left_to_publish", "other_dispatcher"}),
    ),
    Case(
        "a farm broken off in the middle",
        GOOD.but(farm=GOOD_FARM[:700]),
        frozenset({"unreadable"}),
        NONE,
        farms=0,
        blocks=True,
    ),
    Case(
        "filters that include themselves",
        GOOD.but(filters=f'{GOOD_FILTERS}$include "../filters/*.any"\n'),
        frozenset({"unreadable"}),
        NONE,
        farms=0,
        blocks=True,
    ),
    Case(
        "a picture in the place of the filters",
        GOOD.but(filters="\x89PNG\r\n\x00\x01"),
        frozenset({"unreadable"}),
        NONE,
        farms=0,
        blocks=True,
    ),
    Case(
        "filters in UTF-16",
        GOOD.but(filters=GOOD_FILTERS.encode("utf-16").decode("utf-8", "replace")),
        frozenset({"unreadable"}),
        NONE,
        farms=0,
        blocks=True,
    ),
    Case(
        "nothing enabled",
        GOOD.but(without=tuple(LINKS)),
        frozenset({"none_enabled"}),
        NONE,
        farms=0,
        blocks=True,
    ),
    Case(
        "a virtual host that closes what it did not open",
        GOOD.edited("vhost", "</IfModule>", "</IfDefine>"),
        frozenset({"unreadable"}),
        blocks=True,
    ),
    Case(
        "no dispatcher at all",
        Files({"../pom.xml": "<project/>"}, {}),
        frozenset({"none_enabled"}),
        NONE,
        farms=0,
        blocks=True,
    ),
)
