"""Pages as the project archetype and the Core Components write them."""

from __future__ import annotations

from unit.aem_checks.pages.page_case import PRODUCTION, SCRIPT, STYLE, Case

_DAM = "/content/dam/larkfell/walks"
_HEADER = """
<header class="experiencefragment">
<div id="experiencefragment-1f6a" class="cmp-experiencefragment cmp-experiencefragment--header">
<div class="xf-content-height"><div id="container-7b1" class="cmp-container"><div class="aem-Grid aem-Grid--12">
<div class="image aem-GridColumn"><div class="cmp-image" data-cmp-is="image"><a class="cmp-image__link" href="/us/en.html">
<img src="/content/experience-fragments/larkfell/us/en/site/header/master/_jcr_content/root/image.coreimg.svg/17000/logo.svg"
 class="cmp-image__image" alt="Larkfell"></a></div></div>
<div class="navigation aem-GridColumn"><nav id="navigation-9c" class="cmp-navigation" itemscope
 itemtype="http://schema.org/SiteNavigationElement" aria-label="Main"><ul class="cmp-navigation__group">
<li class="cmp-navigation__item cmp-navigation__item--level-0 cmp-navigation__item--active">
<a href="/us/en/walks.html" class="cmp-navigation__item-link" aria-current="page">Walks</a></li>
<li class="cmp-navigation__item cmp-navigation__item--level-0">
<a href="/us/en/huts.html" class="cmp-navigation__item-link">Huts</a></li></ul></nav></div>
</div></div></div></div></header>"""
_FOOTER = """
<footer class="experiencefragment"><div class="cmp-experiencefragment cmp-experiencefragment--footer">
<div class="xf-content-height"><div class="text"><div class="cmp-text"><p>Larkfell Walking Club</p>
<p><a href="/us/en/imprint.html">Imprint</a></p></div></div></div></div></footer>"""


def document(
    main: str,
    *,
    title: str = "Walks",
    head: str = "",
    path: str = "/us/en/walks.html",
    lang: str = "en-US",
    header: str = _HEADER,
    footer: str = _FOOTER,
    canonical: str | None = None,
    libraries: str | None = None,
    body: str = 'class="page basicpage" id="page-5a1e"',
) -> str:
    """A page of the archetype's template around a main part."""
    link = f'<link rel="canonical" href="{PRODUCTION}{path}"/>' if canonical is None else canonical
    files = (
        f'<link rel="stylesheet" href="{STYLE}" type="text/css"><script async src="{SCRIPT}"></script>'
        if libraries is None
        else libraries
    )
    return f"""<!DOCTYPE HTML>
<html lang="{lang}">
    <head>
    <meta charset="UTF-8"/>
    <title>{title}</title>
    <meta name="keywords" content="Hills, Tarns"/>
    <meta name="description" content="Walks of all grades between two tarns."/>
    <meta name="template" content="page-content"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    {link}
    {head}{files}
    </head>
    <body {body}>
<div class="root container responsivegrid"><div id="container-31" class="cmp-container">
<div class="aem-Grid aem-Grid--12 aem-Grid--default--12 ">{header}
<main class="container responsivegrid aem-GridColumn"><div id="container-e5" class="cmp-container">
<h1 class="cmp-title__text">{title}</h1>{main}</div></main>{footer}
</div></div></div>
    </body>
</html>"""


TEASER = f"""
<div class="teaser"><div id="teaser-8c2f" class="cmp-teaser" data-cmp-data-layer="{{&quot;teaser-8c2f&quot;:{{&quot;@type&quot;:
&quot;larkfell/components/teaser&quot;,&quot;dc:title&quot;:&quot;Corven Tarn&quot;,&quot;xdm:linkURL&quot;:
&quot;/us/en/walks/corven.html&quot;}}}}" data-cmp-clickable><div class="cmp-teaser__content">
<p class="cmp-teaser__pretitle">Grade 2</p><h2 class="cmp-teaser__title">
<a class="cmp-teaser__title-link" href="/us/en/walks/corven.html">Corven Tarn</a></h2>
<div class="cmp-teaser__description"><p>Four hours, mostly dry.</p></div></div>
<div class="cmp-teaser__image"><div data-cmp-is="image" data-cmp-lazy data-cmp-widths="320,800,1600"
 data-cmp-src="/us/en/walks/_jcr_content/root/container/teaser.coreimg{{.width}}.jpeg/17000/corven.jpeg" class="cmp-image">
<noscript data-cmp-hook-image="noscript"><img src="{_DAM}/corven.jpg" alt="Corven"></noscript></div></div></div></div>"""
_CAROUSEL = """
<div class="carousel"><div id="carousel-5d" class="cmp-carousel" role="group" aria-roledescription="carousel"
 data-cmp-is="carousel" data-cmp-delay="5000"><div class="cmp-carousel__content"><div id="carousel-5d-item-1-tabpanel"
 class="cmp-carousel__item cmp-carousel__item--active" role="tabpanel" data-cmp-hook-carousel="item">
<img src="/content/dam/larkfell/walks/ridge.jpg" srcset="/content/dam/larkfell/walks/ridge.640.jpg 640w,
 /content/dam/larkfell/walks/ridge.1280.jpg 1280w" sizes="100vw" alt="Ridge" loading="lazy"></div></div>
<div class="cmp-carousel__actions"><button class="cmp-carousel__action" type="button">Next</button></div>
<ol class="cmp-carousel__indicators" role="tablist"><li id="carousel-5d-item-1-tab" role="tab">Ridge</li></ol></div></div>"""
_TABS = """
<div class="tabs"><div id="tabs-22" class="cmp-tabs" data-cmp-is="tabs"><ol role="tablist" class="cmp-tabs__tablist">
<li role="tab" id="tabs-22-item-1-tab" aria-controls="tabs-22-item-1-tabpanel"
 data-cmp-hook-tabs="tab">Route</li></ol><div id="tabs-22-item-1-tabpanel"
 role="tabpanel" data-cmp-hook-tabs="tabpanel"><p>By the wall.</p></div></div></div>
<div class="accordion"><div class="cmp-accordion" data-cmp-is="accordion"><div class="cmp-accordion__item"><h3>
<button id="acc-1-button" aria-controls="acc-1-panel" data-cmp-hook-accordion="button">Parking</button></h3>
<div id="acc-1-panel" role="region">At the quarry.</div></div></div></div>
<a href="#gear" data-toggle="collapse">Gear</a><a href="#sign-in" role="button">Sign in</a>
<div class="tableofcontents"><ul><li><a href="#parking">Parking</a></li></ul></div><h2 id="parking">Parking</h2>"""
_LISTS = """
<div class="breadcrumb"><nav class="cmp-breadcrumb" aria-label="Breadcrumb"><ol itemscope
 itemtype="http://schema.org/BreadcrumbList"><li itemprop="itemListElement" itemscope itemtype="http://schema.org/ListItem">
<a href="/us/en.html" itemprop="item"><span itemprop="name">en</span></a><meta itemprop="position" content="1"/></li>
</ol></nav></div>
<div class="list"><ul class="cmp-list" id="list-6f"><li class="cmp-list__item"><article>
<a class="cmp-list__item-link" href="/us/en/walks/ridge.html"><span class="cmp-list__item-title">Ridge</span></a>
</article></li></ul></div>
<div class="languagenavigation"><nav class="cmp-languagenavigation"><a hreflang="de-CH" lang="de-CH" rel="alternate"
 href="/ch/de/walks.html">Deutsch</a></nav></div>
<div class="download"><div class="cmp-download"><h3><a href="/content/dam/larkfell/map.pdf">Map</a></h3>
<a class="cmp-download__action" href="/content/dam/larkfell/map.coredownload.pdf">Download</a></div></div>"""
_SEARCH_AND_FORM = """
<section class="cmp-search" role="search" data-cmp-is="search" data-cmp-min-length="3"><form class="cmp-search__form"
 data-cmp-hook-search="form" method="get" action="/us/en/walks.searchresults.json/_jcr_content/root/search"
 autocomplete="off"><input class="cmp-search__input" type="text" name="fulltext" placeholder="Search" role="combobox">
</form></section>
<div class="container form"><form method="POST" action="/content/larkfell/us/en/walks/_jcr_content/root/form.form.html"
 id="new_form" name="new_form" enctype="multipart/form-data" class="cmp-form aem-Grid"><input type="hidden"
 name=":formstart" value="/content/larkfell/us/en/walks/jcr:content/root/form"/><label for="t">Name</label>
<input id="t" class="cmp-form-text__text" name="name" required/><button type="SUBMIT">Send</button></form></div>"""
_EMBED = """
<div class="embed"><div class="cmp-embed"><iframe width="560" height="315" title="Film"
 src="https://www.youtube-nocookie.com/embed/aaaaaaaaaaa" allowfullscreen></iframe></div></div>
<video controls poster="/content/dam/larkfell/film/poster.jpg"><source src="/content/dam/larkfell/film.mp4"></video>"""
_FRAGMENT = """
<article class="cmp-contentfragment" data-cmp-contentfragment-model="larkfell/models/walk"
 data-cmp-contentfragment-path="/content/dam/larkfell/fragments/corven"><h3>Corven</h3><dl>
<div class="cmp-contentfragment__element"><dt>Height</dt><dd>612 m</dd></div></dl></article>"""
_DATA_LAYER = """
<script>window.adobeDataLayer = window.adobeDataLayer || []; adobeDataLayer.push({page: JSON.parse(
"{\\u0022page\\u002D5a1e\\u0022:{\\u0022@type\\u0022:\\u0022larkfell\\/components\\/page\\u0022}}"), event: 'cmp:show'});
const link = `/us/en/${PATH_OF_WALK}.html`;</script>"""
_STACK = """<p>A java.lang.NullPointerException is the most common error in a bundle that was never started,
 and an IllegalStateException the second.</p><pre>Caused by: org.apache.sling.api.SlingException: no such script
 at com.acme.Walk.run(Walk.java:12)</pre><p>Write <code>$[env:LARKFELL_KEY]</code> where a value differs.</p>"""

ARCHETYPE = (
    Case("archetype-home", "a page with teaser, lazy images and data layer", document(TEASER + _DATA_LAYER)),
    Case("archetype-carousel", "a carousel with `srcset`", document(_CAROUSEL)),
    Case(
        "archetype-tabs", "tabs, accordion, table of contents and hooks of scripts", document(_TABS + TEASER)
    ),
    Case("archetype-lists", "breadcrumb, list, language navigation, downloads", document(_LISTS + TEASER)),
    Case("archetype-forms", "a search box and a form that is posted", document(_SEARCH_AND_FORM + TEASER)),
    Case(
        "archetype-embed", "an embedded film of another host and one of the site", document(_EMBED + TEASER)
    ),
    Case("archetype-fragment", "a content fragment", document(_FRAGMENT + TEASER)),
    Case("archetype-prose", "an article about exceptions and placeholders", document(_STACK + TEASER)),
    Case(
        "archetype-json-ld",
        "JSON-LD as a graph, and one in a comment's place",
        document(
            TEASER,
            head='<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"Organization",'
            f'"url":"{PRODUCTION}/"}},{{"@type":["Article","NewsArticle"],"headline":"A \\u003cb\\u003e"}}]}}</script>',
        ),
    ),
    Case(
        "archetype-cloud-services",
        "tag manager, personalisation, preconnect, integrity",
        document(
            TEASER,
            head='<script src="https://assets.adobedtm.com/aa/bb/launch-cc-staging.min.js" async></script>'
            '<link rel="preconnect" href="//use.typekit.net"><link rel="preload" as="font" href="/f.woff2" crossorigin>'
            '<meta property="og:image" content="/content/dam/larkfell/share.png"><meta property="og:title" content="Walks">'
            '<link rel="icon" href="/favicon.ico"><link rel="manifest" href="/site.webmanifest">',
        ),
    ),
    Case(
        "archetype-dynamic-media",
        "smart crops of Dynamic Media's own host",
        document(
            TEASER
            + '<div class="s7dm-dynamic-media" data-asset-path="larkfell/ridge" data-viewer-type="image" '
            'data-imageserver="https://s7d1.scene7.com/is/image/"><img alt="" '
            'src="https://s7d1.scene7.com/is/image/larkfell/ridge:Large?wid=800&amp;fit=crop,1"></div>'
        ),
    ),
    Case(
        "archetype-commerce",
        "product page with client-side price and `data-` templates",
        document(
            TEASER + '<div class="productcarousel" data-store-view="default" data-graphql="/api/graphql">'
            '<span data-price>{{price}}</span><a href="/us/en/shop.html/boots/hill-boot.html">Boot</a></div>'
            '<script type="text/x-handlebars-template"><img src="{{image}}"><a href="{{url}}">x</a></script>'
        ),
    ),
    Case(
        "archetype-roles",
        "parts told by ARIA roles instead of elements",
        document(
            TEASER,
            header='<div role="banner"><div role="navigation"><a href="/us/en.html">Home</a></div></div>',
            footer='<div role="contentinfo">Larkfell</div>',
        ),
    ),
    Case(
        "archetype-launch-preview",
        "a page that was promoted from a launch, with `data-` paths below /content/launches",
        document(
            TEASER
            + '<div data-path="/content/launches/2026/11/02/autumn/content/larkfell/us/en/walks"></div>'
        ),
    ),
    Case(
        "archetype-fragment-empty-by-script",
        "an experience fragment that personalisation fills in, with its default inside",
        document(
            TEASER
            + '<div class="cmp-experiencefragment" data-mbox="hero"><div class="mboxDefault">Walk more</div></div>'
        ),
    ),
    Case("archetype-vanity", "a page behind a short address", document(TEASER, path="/walks"), path="/walks"),
    Case(
        "archetype-query",
        "a page with a query in its address",
        document(TEASER, path="/us/en/walks.html"),
        path="/us/en/walks.html?grade=2",
    ),
)
