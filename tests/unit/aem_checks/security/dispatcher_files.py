"""A dispatcher configuration as Adobe's archetype lays it out, and one as Adobe advises: which files, which links?

Written for these tests in the archetype's shape: the same files, sections and rules in fewer words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ROOT = "dispatcher/src/"
CONF, APACHE = "conf.dispatcher.d", "conf.d"
FARM = f"{CONF}/available_farms/default.farm"
FILTERS = f"{CONF}/filters/filters.any"
DEFAULT_FILTERS = f"{CONF}/filters/default_filters.any"
VHOST = f"{APACHE}/available_vhosts/default.vhost"
VARIABLES = f"{APACHE}/variables/custom.vars"

FILTERS_OF_THE_ARCHETYPE = """
# deny everything, then open what pages need
/0001 { /type "deny"  /url "*" }
# /002 { /type "allow" /url "/crx/*"    }
/0010 { /type "allow" /extension '(css|eot|gif|ico|jpeg|jpg|js|gif|pdf|png|svg|swf|ttf|woff|woff2|html|mp4|mov|m4v)' /path "/content/*" }
/0011 { /type "allow" /method "GET" /extension '(css|eot|gif|ico|jpeg|jpg|js|gif|png|svg|swf|ttf|woff|woff2)' }
/0012 { /type "allow" /method "GET" /url "/etc.clientlibs/*" }
/0013 { /type "allow" /method "GET" /url '/libs/granite/csrf/token.json' /extension 'json' } # a token for forms
/0014 { /type "allow" /method "POST" /url "/content/*.form.html" }
/0015 { /type "allow" /method "GET" /path "/libs/cq/personalization" }
/0017 { /type "deny" /selectors '(feed|rss|pages|languages|blueprint|infinity|tidy|sysview|docview|query|[0-9-]+|jcr:content)' /extension '(json|xml|html|feed)' }
/0018 { /type "deny" /method "GET" /query "debug=*" }
/0019 { /type "deny" /method "GET" /query "wcmmode=*" }
/0020 { /type "allow" /url "/libs/granite/security/currentuser.json" }
/0030 { /type "allow" /url "/index.html" }
/0032 { /type "allow" /path "/content/forms/af/*" /method "POST" /selectors '(submit|save)' /extension '(jsp|json)' }
/0036 { /type "allow" /path "/content/dam/formsanddocuments/**/jcr:content" /method "GET"}
/0051 { /type "allow" /method '(GET|HEAD)' /url "/content/screens/*" }
/0053 { /type "allow" /extension "webmanifest" /path "/content/*/manifest" }
/0054 { /type "allow" /method "GET" /path "/content/*" /selectors 'sitemap(-index)?' /extension "xml" }
/0061 { /type "allow" /method '(GET|POST|OPTIONS)' /url "/graphql/execute.json*" }
"""  # noqa: E501 -- as the archetype writes them
FARM_OF_THE_ARCHETYPE = """
/publishfarm {
  /clientheaders { $include "../clientheaders/clientheaders.any" }
  /virtualhosts { $include "../virtualhosts/virtualhosts.any" }
  /renders { $include "../renders/default_renders.any" }
  /filter { $include "../filters/filters.any" }
  # /vanity_urls { /url "/libs/granite/dispatcher/content/vanityUrls.html" /file "/tmp/vanity_urls" /delay 300 }
  /propagateSyndPost "0"
  /cache {
    /docroot "${DOCROOT}"
    /statfileslevel "2"
    /allowAuthorized "0"
    /serveStaleOnError "1"
    /rules { $include "../cache/rules.any" }
    /invalidate {
      /0000 { /glob "*" /type "deny" }
      /0001 { /glob "*.html" /type "allow" }
      /0002
      {
        /glob "/content/forms/**/*.html"
        /type "deny"
      }
    }
    /allowedClients { $include "../cache/default_invalidate.any" }
    /ignoreUrlParams {
      /0001 { /glob "*" /type "deny" }
    # /0002 { /glob "q" /type "allow" }
    # $include "../cache/marketing_query_parameters.any"
    }
    /headers { "Cache-Control" "Content-Type" "Expires" "Last-Modified" }
    /gracePeriod "2"
    /enableTTL "1"
  }
}
"""
VHOST_OF_THE_ARCHETYPE = """
# Variables of the project
Include conf.d/variables/custom.vars

<VirtualHost *:80>
\tServerName\t"publish"
\tServerAlias\t "*"
\tDocumentRoot "${DOCROOT}"
\tAllowEncodedSlashes NoDecode
\t<IfModule mod_headers.c>
\t\tHeader add X-Vhost "publish"
\t</IfModule>
\t<Directory />
\t\t<IfModule disp_apache2.c>
\t\t\tModMimeUsePathInfo On
\t\t\tSetHandler dispatcher-handler
\t\t</IfModule>
\t\tOptions FollowSymLinks
\t\tAllowOverride None
\t\tSetEnvIfNoCase Request_URI \\.(?:gif|jpe?g|png)$ no-gzip dont-vary
\t\tHeader always append X-Frame-Options SAMEORIGIN
\t</Directory>
\t<Directory "${DOCROOT}">
\t\tAllowOverride None
\t\tRequire all granted
\t</Directory>
\t<IfModule mod_rewrite.c>
\t\tRewriteEngine\ton
\t\tInclude conf.d/rewrites/rewrite.rules
\t\tRewriteRule "^(/?)$" "/index.html" [PT]
\t</IfModule>
</VirtualHost>
"""
ARCHETYPE: Mapping[str, str] = {
    "opt-in/USE_SOURCES_DIRECTLY": "",
    FARM: FARM_OF_THE_ARCHETYPE,
    f"{CONF}/enabled_farms/README": "Links to ../available_farms\n",
    f"{CONF}/dispatcher.any": '/farms {\n  $include "enabled_farms/*.farm"\n}\n',
    DEFAULT_FILTERS: FILTERS_OF_THE_ARCHETYPE,
    FILTERS: '# rules of the project stand below\n$include "./default_filters.any"\n',
    f"{CONF}/cache/default_rules.any": '/0000 {\n  /glob "*"\n  /type "allow"\n}\n',
    f"{CONF}/cache/rules.any": '$include "./default_rules.any"\n/0001 { /type "deny" /glob "/libs/granite/csrf/token.json" }\n',
    f"{CONF}/cache/default_invalidate.any": '/0 { /glob "*" /type "deny" }\n/1 { /glob "127.0.0.1" /type "allow" }\n',
    f"{CONF}/cache/marketing_query_parameters.any": '/0100 { /glob "utm_*" /type "allow" }\n',
    f"{CONF}/clientheaders/default_clientheaders.any": '"X-Forwarded-Proto"\n"referer"\n"CSRF-Token"\n',
    f"{CONF}/clientheaders/clientheaders.any": '$include "./default_clientheaders.any"\n',
    f"{CONF}/renders/default_renders.any": '/0 { /hostname "${AEM_HOST}" /port "${AEM_PORT}" /timeout "10000" }\n',
    f"{CONF}/virtualhosts/default_virtualhosts.any": '"*"\n',
    f"{CONF}/virtualhosts/virtualhosts.any": '$include "./default_virtualhosts.any"\n',
    VHOST: VHOST_OF_THE_ARCHETYPE,
    f"{APACHE}/dispatcher_vhost.conf": "Include conf.d/variables/default.vars\nInclude conf.d/variables/global.vars\n"
    '<IfDefine ENVIRONMENT_DEV>\n<LocationMatch "/crx/(de|server)/">\nRewriteEngine Off\n</LocationMatch>\n</IfDefine>\n'
    "Include conf.d/enabled_vhosts/*.vhost\n",
    f"{APACHE}/enabled_vhosts/README": "Links to ../available_vhosts\n",
    f"{APACHE}/rewrites/default_rewrite.rules": "RewriteCond %{REQUEST_URI} !^/systemready\nRewriteRule ^/?$ - [PT,L]\n",
    f"{APACHE}/rewrites/rewrite.rules": "Include conf.d/rewrites/default_rewrite.rules\n",
    VARIABLES: "Define CONTENT_FOLDER_NAME wknd\n",
    f"{APACHE}/variables/global.vars": "# Define DISP_LOG_LEVEL warn\nDefine EXPIRATION_TIME 300\n",
}
LINKS: Mapping[str, str] = {
    f"{CONF}/enabled_farms/default.farm": "../available_farms/default.farm",
    f"{APACHE}/enabled_vhosts/default.vhost": "../available_vhosts/default.vhost",
}
GOOD_FILTERS = """$include "./default_filters.any"
# by allow list: what pages really use
/1000 { /type "deny" /url "/content/*" /selectors "*" }
/1001 { /type "deny" /url "*" /suffix "*" }
/1002 { /type "allow" /method "GET" /url "/etc.clientlibs/*" }
/1010 { /type "allow" /method "GET" /path "/content/*" /selectors 'coreimg' /extension '(jpeg|png|svg)' /suffix '/[0-9]+/[^./]+\\.(jpeg|png|svg)' }
"""  # noqa: E501
GOOD_PARAMETERS = '/0001 { /glob "*" /type "allow" }\n      /0002 { /glob "q" /type "deny" }'
GOOD_FARM = FARM_OF_THE_ARCHETYPE.replace(
    '/0001 { /glob "*" /type "deny" }\n    # /0002', f"{GOOD_PARAMETERS}\n    # /0002"
)


@dataclass(frozen=True)
class Files:
    """Files and links of a commit, below the project's folder."""

    texts: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=lambda: LINKS)
    root: str = ROOT

    def but(self, *, without: tuple[str, ...] = (), **changed: str) -> Files:
        """The same with other texts, by the short names of ``NAMES``, and without some files or links."""
        texts = {**self.texts, **{NAMES[name]: text for name, text in changed.items()}}
        return Files(
            {path: text for path, text in texts.items() if path not in without},
            {path: target for path, target in self.links.items() if path not in without},
            self.root,
        )

    def with_files(self, texts: Mapping[str, str]) -> Files:
        return Files({**self.texts, **texts}, self.links, self.root)

    def with_links(self, links: Mapping[str, str]) -> Files:
        return Files(self.texts, {**self.links, **links}, self.root)

    def under(self, root: str) -> Files:
        return Files(self.texts, self.links, root)

    def edited(self, name: str, old: str, new: str) -> Files:
        """One file with a passage replaced, which has to be there."""
        path = NAMES.get(name, name)
        assert old in self.texts[path], f"{old!r} is not in {path}"
        return self.with_files({path: self.texts[path].replace(old, new)})

    def all_texts(self) -> dict[str, str]:
        return {self.root + path: text for path, text in self.texts.items()}

    def all_links(self) -> dict[str, str]:
        return {self.root + path: target for path, target in self.links.items()}


NAMES = {
    "farm": FARM,
    "filters": FILTERS,
    "default_filters": DEFAULT_FILTERS,
    "vhost": VHOST,
    "variables": VARIABLES,
}
DEFAULT = Files(ARCHETYPE)
GOOD = DEFAULT.but(farm=GOOD_FARM, filters=GOOD_FILTERS)
