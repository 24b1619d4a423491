"""Pages with one fault each, as a bad release shows them."""

from __future__ import annotations

from unit.aem_checks.pages.archetype_pages import TEASER, document
from unit.aem_checks.pages.page_case import PRODUCTION, SCRIPT, STAGE, STYLE, Case

_NAVIGATION_TO = "/us/en/huts.html"
_FILLED_IN = (
    '<script type="application/ld+json">'
    '{"@context":"https://schema.org","@type":"Event","name":"A "Ridge" walk"}</script>'
)

FAULTY = (
    Case(
        "fault-variable",
        "a variable that this environment lacks",
        document(TEASER + "<p>Call $[env:LARKFELL_PHONE]</p>"),
        blocks={"placeholders": "unresolved"},
    ),
    Case(
        "fault-variable-in-header",
        "an Apache variable in a header",
        document(TEASER),
        headers={"Access-Control-Allow-Origin": "${LARKFELL_APP}"},
        blocks={"placeholders": "unresolved"},
    ),
    Case(
        "fault-variable-in-attribute",
        "the same in an address",
        document(TEASER, head='<link rel="preconnect" href="https://${CDN_HOST}">'),
        blocks={"placeholders": "unresolved"},
    ),
    Case(
        "fault-author-host",
        "links and data that lead to author",
        document(TEASER + '<a href="https://author-p12345-e67890.adobeaemcloud.com/us/en.html">Home</a>'),
        blocks={"host_leaks": "author_host"},
    ),
    Case(
        "fault-localhost",
        "an image of a developer's machine",
        document(TEASER + '<img src="http://localhost:4502/content/dam/a.jpg" alt="">'),
        blocks={"host_leaks": "internal_host"},
    ),
    Case(
        "fault-undefined-host",
        "a setting without a value in JSON",
        document(
            TEASER + '<div data-config="{&quot;api&quot;:&quot;https://undefined/graphql&quot;}"></div>'
        ),
        blocks={"host_leaks": "unset_host"},
    ),
    Case(
        "fault-other-environment",
        "assets of the preview tier",
        document(
            TEASER + '<img src="https://preview-p12345-e67890.adobeaemcloud.com/content/dam/a.jpg" alt="">'
        ),
        warns={"host_leaks": "other_environment"},
    ),
    Case(
        "fault-noindex-header",
        "the header for test environments went along",
        document(TEASER),
        headers={"X-Robots-Tag": "noindex, nofollow"},
        blocks={"indexing": "noindex_header"},
    ),
    Case(
        "fault-noindex-element",
        "so did the template's element",
        document(TEASER, head='<meta name="robots" content="NOINDEX,FOLLOW">'),
        blocks={"indexing": "noindex_element"},
    ),
    Case(
        "fault-no-canonical",
        "no canonical link",
        document(TEASER, canonical=""),
        warns={"indexing": "canonical_number"},
    ),
    Case(
        "fault-canonical-of-stage",
        "the canonical link names stage",
        document(TEASER, canonical=f'<link rel="canonical" href="{STAGE}/us/en/walks.html">'),
        warns={"indexing": "canonical_host", "host_leaks": "stage_host"},
    ),
    Case(
        "fault-canonical-relative",
        "a canonical link that is relative",
        document(TEASER, canonical='<link rel="canonical" href="/us/en/walks.html">'),
        warns={"indexing": "canonical_relative"},
    ),
    Case(
        "fault-json-ld",
        "a quotation mark of an author in JSON-LD",
        document(TEASER, head=_FILLED_IN),
        warns={"structured_data": "unreadable"},
    ),
    Case(
        "fault-json-ld-escaped",
        "JSON-LD that was escaped as HTML",
        document(
            TEASER, head='<script type="application/ld+json">{&#34;@type&#34;:&#34;Event&#34;}</script>'
        ),
        warns={"structured_data": "unreadable"},
    ),
    Case(
        "fault-no-fragments",
        "header and footer are not published",
        document(TEASER, header="", footer=""),
        blocks={"structure": "part_missing"},
    ),
    Case(
        "fault-fragment-empty",
        "an experience fragment with nothing in it",
        document(
            TEASER
            + '<div class="cmp-experiencefragment cmp-experiencefragment--offer"><div class="xf-content-height"></div></div>'
        ),
        blocks={"structure": "empty_fragment"},
    ),
    Case(
        "fault-editor-placeholder",
        "a component without content shows its name",
        document(TEASER + '<div class="cq-placeholder" data-emptytext="Image"></div>'),
        blocks={"structure": "editor_placeholder"},
    ),
    Case(
        "fault-script-broke-off",
        "HTL that broke off in the middle",
        document(
            TEASER + "<p>org.apache.sling.scripting.sightly.SightlyException: Cannot find use class</p>"
        ),
        blocks={"structure": "script_error"},
    ),
    Case(
        "fault-no-renderer",
        "a resource type without a script",
        document(TEASER + "<h1>No renderer for extension html, cannot render resource JcrNodeResource</h1>"),
        blocks={"structure": "script_error"},
    ),
    Case(
        "fault-broken-navigation",
        "the navigation leads to a page that is gone",
        document(TEASER),
        lacks=(_NAVIGATION_TO,),
        blocks={"links": "broken"},
    ),
    Case(
        "fault-broken-link",
        "so does a teaser",
        document(TEASER),
        lacks=("/us/en/walks/corven.html",),
        warns={"links": "broken"},
    ),
    Case(
        "fault-address",
        "a link whose host a template left out",
        document(TEASER + '<a href="https://${host}/huts">Huts</a>'),
        warns={"links": "broken"},
    ),
    Case(
        "fault-anchor",
        "an anchor that is not on its page",
        document(TEASER + '<a href="#equipment">Equipment</a>'),
        warns={"links": "anchor"},
    ),
    Case(
        "fault-image",
        "a rendition that is not there",
        document(TEASER + '<img src="/content/dam/larkfell/gone.jpg" alt="">'),
        lacks=("/content/dam/larkfell/gone.jpg",),
        blocks={"images": "status"},
    ),
    Case(
        "fault-document",
        "a document that the dispatcher does not let pass",
        document(TEASER + '<a href="/content/dam/larkfell/map.docx">Map</a>'),
        lacks=("/content/dam/larkfell/map.docx",),
        blocks={"images": "status"},
        warns={"links": "broken"},
    ),
    Case(
        "fault-style",
        "the style sheet is not there",
        document(TEASER),
        lacks=(STYLE,),
        blocks={"client_libraries": "status"},
    ),
    Case(
        "fault-script",
        "the script is not there",
        document(TEASER),
        lacks=(SCRIPT,),
        blocks={"client_libraries": "status"},
    ),
    Case(
        "fault-no-hash",
        "a client library without a hash",
        document(
            TEASER,
            libraries='<link rel="stylesheet" href="/etc.clientlibs/larkfell/clientlibs/clientlib-site.css">',
        ),
        warns={"client_libraries": "no_hash"},
    ),
    Case(
        "fault-elsewhere",
        "nothing of the site's own: all files on another host",
        document(TEASER, libraries=f'<script src="{PRODUCTION}/app.js"></script>'),
        no_answer={"client_libraries": "none_named"},
    ),
    Case(
        "fault-unclosed-comment",
        "a comment that is never closed swallows the rest",
        document(TEASER + "<!-- to do"),
        blocks={"structure": "part_missing"},
    ),
)
