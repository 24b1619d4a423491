"""Pages whose parts a script makes, or that come from elsewhere than a template: SPA, headless, Edge Delivery."""

from __future__ import annotations

from unit.aem_checks.pages.archetype_pages import TEASER, document
from unit.aem_checks.pages.page_case import PRODUCTION, SCRIPT, STYLE, Case

_NO_HEADING = {"head_regression": "missing"}
_NOTHING_TO_SHOW = {"structure": "made_by_script", "images": "none_named", "links": "not_judged"}
_PARTS = (
    '<header><nav><a href="/us/en.html">Home</a></nav></header><main><h1>Walks</h1>'
    '<img src="/content/dam/larkfell/walks/ridge.jpg" alt=""><a href="/us/en/huts.html">Huts</a></main><footer>Larkfell</footer>'
)


_NEXT_IMAGE = "/_next/image?url=%2Fr.jpg&amp;w=640&amp;q=75"


def _head(title: str, more: str = "", path: str = "/us/en/walks.html") -> str:
    return (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="description" content="Walks of all grades."><title>{title}</title>'
        f'<link rel="canonical" href="{PRODUCTION}{path}">{more}'
    )


def _spa(body: str, more: str = "") -> str:
    model = '<meta property="cq:pagemodel_root_url" content="/us/en.model.json"/><meta property="cq:datatype" content="JSON"/>'
    files = f'<link rel="stylesheet" href="{STYLE}"><script defer src="{SCRIPT}"></script>'
    return (
        f'<!DOCTYPE html><html lang="en"><head>{_head("Walks", model + more)}{files}</head><body class="page">'
        f"<noscript>You need to enable JavaScript to run this app.</noscript>{body}</body></html>"
    )


def _edge(
    main: str, *, header: str = "<header></header>", footer: str = "<footer></footer>", more: str = ""
) -> str:
    files = (
        '<script src="/scripts/aem.js" type="module"></script><script src="/scripts/scripts.js" type="module"></script>'
        '<link rel="stylesheet" href="/styles/styles.css">'
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n  <head>{_head("Walks", more, "/us/en/walks")}{files}</head>\n'
        f"  <body>\n    {header}\n    <main>{main}</main>\n    {footer}\n  </body>\n</html>\n"
    )


_BLOCKS = """
      <div><h1 id="walks">Walks</h1><p><picture><source type="image/webp" srcset="./media_1a2b.jpeg?width=2000&#x26;format=webply"
 media="(min-width: 600px)"><img loading="lazy" alt="Ridge" src="./media_1a2b.jpeg?width=750&#x26;format=jpeg">
</picture></p></div>
      <div><div class="cards"><div><div><a href="/us/en/huts">Huts</a></div></div></div><div class="section-metadata">
<div><div>Style</div><div>highlight</div></div></div></div>"""

SCRIPT_MADE = (
    Case(
        "spa-shell",
        "React in the SPA editor, rendered in the browser: a mount and nothing in it",
        _spa('<div id="spa-root"></div>'),
        warns=_NO_HEADING,
        no_answer=_NOTHING_TO_SHOW,
    ),
    Case(
        "spa-rendered-on-server",
        "the same, rendered on the server, with its model inside",
        _spa(
            f'<div id="spa-root"><div class="spa">{_PARTS}</div></div>'
            '<script type="application/json" id="__INITIAL_STATE__">{"rootModel":{":path":"/content/larkfell/us/en",'
            '":items":{"root":{":type":"larkfell/components/container"}},"title":"${walk}"}}</script>'
        ),
    ),
    Case(
        "angular-shell",
        "Angular with a word of patience",
        _spa("<app-root><p>Loading…</p></app-root>"),
        warns=_NO_HEADING,
        no_answer=_NOTHING_TO_SHOW,
    ),
    Case(
        "vue-template",
        "Vue that mounts on the page's own elements",
        _spa(
            f'<div id="app" v-cloak>{_PARTS}<p v-if="walks.length" :title="`${{TITLE_OF}}`">{{{{ walks.length }}}}</p>'
            '<a :href="walk.url" v-for="walk in walks">x</a></div>'
        ),
    ),
    Case(
        "next-headless",
        "Next.js with headless AEM, static export",
        f'<!DOCTYPE html><html lang="en"><head>{_head("Walks")}<link rel="preload" href="/_next/static/css/a1.css" as="style"/>'
        '<link rel="stylesheet" href="/_next/static/css/a1.css" data-n-g=""/>'
        '<script src="/_next/static/chunks/main.js" defer=""></script>'
        f'</head><body><div id="__next">{_PARTS.replace("/content/dam/larkfell/walks/ridge.jpg", _NEXT_IMAGE)}'
        '</div><script id="__NEXT_DATA__" type="application/json">{"props":{"pageProps":{"path":"/content/dam/larkfell/x"}},'
        '"page":"/walks","buildId":"b1"}</script></body></html>',
    ),
    Case(
        "universal-editor",
        "instrumented for the Universal Editor, which publish leaves in",
        document(
            TEASER.replace(
                '<div class="teaser">',
                '<div class="teaser" data-aue-resource="urn:aemconnection:/content/x" data-aue-type="component">',
            ),
            head='<meta name="urn:adobe:aue:system:aemconnection" content="aem:https://publish.larkfell.example">',
        ),
    ),
    Case(
        "edge-delivery",
        "Edge Delivery: header, footer and so the navigation are loaded by scripts",
        _edge(_BLOCKS),
        path="/us/en/walks",
        no_answer={"structure": "made_by_script"},
    ),
    Case(
        "edge-delivery-with-navigation",
        "the same with a navigation inside of the header",
        _edge(_BLOCKS, header='<header><nav id="nav"><a href="/us/en/">Home</a></nav></header>'),
        path="/us/en/walks",
    ),
    Case(
        "edge-delivery-without-main",
        "Edge Delivery whose content did not arrive",
        _edge("").replace("<main></main>", ""),
        path="/us/en/walks",
        warns=_NO_HEADING,
        no_answer=_NOTHING_TO_SHOW,
    ),
    Case(
        "web-components",
        "declarative shadow roots and custom elements",
        document(
            TEASER,
            header='<larkfell-header><template shadowrootmode="open"><style>:host{display:block}</style></template>'
            '<header><nav><a href="/us/en.html">Home</a></nav></header></larkfell-header>',
        ),
    ),
    Case(
        "islands",
        "an island of another framework inside of a template's page",
        document(
            TEASER + '<astro-island uid="a" component-url="/_astro/Map.js" '
            'props="{&quot;hut&quot;:[0,&quot;//tile.larkfell.example/{z}&quot;]}" '
            'ssr client="visible"><div>Map</div></astro-island>'
        ),
    ),
    Case(
        "server-side-includes",
        "what dynamic includes of Sling leave behind in a page",
        document(
            TEASER
            + "<!-- SDI include (path: /content/larkfell/_jcr_content/root/cart.nocache.html, resourceType: x) -->"
            '<esi:include src="/content/larkfell/_jcr_content/root/cart.nocache.html"/>'
        ),
    ),
    Case(
        "jquery-mobile-era",
        "an old project: jQuery from a CDN, inline handlers, no `lang` of a region",
        document(
            TEASER
            + '<a href="javascript:void(0)" onclick="go()">Go</a><a name="old"></a><a href="#old">Old</a><a href="#">Up</a>',
            head='<!--[if lt IE 9]><script src="//html5shiv.googlecode.com/svn/trunk/html5.js"></script><![endif]-->'
            '<script src="https://code.jquery.com/jquery-1.12.4.min.js"></script>',
            lang="en",
        ),
    ),
)
