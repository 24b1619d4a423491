"""What can be wrong that only a browser shows: scripts, pictures, weight, tags and cookies?"""

from __future__ import annotations

from simulator.aem.defects.registry import Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply

TRACKER = "https://tracker.larkfell.example/seen.gif"


def _with(reply: Reply, markup: str, before: bytes = b"</main>") -> Reply:
    """The same page with one more piece of markup."""
    return reply.with_body(reply.body.replace(before, markup.encode() + before, 1))


@defect("origin")
def script_error(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A script of one key page throws."""
    return _with(reply, "<script>larkfellCarousel.start();</script>") if on_page(ask) else reply


@defect("origin")
def offers_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page asks for offers that are not there."""
    script = "<script>fetch('/us/en/offers.model.json').catch(function () {});</script>"
    return _with(reply, script) if on_page(ask) else reply


@defect("origin")
def button_without_name(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has a button that no screen reader can name."""
    return _with(reply, '<button class="cmp-button" type="button"></button>') if on_page(ask) else reply


@defect("origin")
def shifted_title(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The title of one key page is set in other letters."""
    style = "<style>.cmp-title__text { letter-spacing: .5em; }</style>"
    return _with(reply, style, b"</head>") if on_page(ask) else reply


@defect("origin")
def heavy_image(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The image of one key page weighs 2 MB."""
    image = ask.public_path.startswith("/us/en/magazine/_jcr_content/") and ".coreimg." in ask.path
    return reply.with_body(reply.body + bytes(2_000_000)) if image else reply


@defect("origin")
def late_banner(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """On one key page a banner arrives after the page was drawn, and pushes it down.

    Well after: Chromium counts no movement within half a second of the first layout on a phone's screen.
    """
    script = (
        "<script>new PerformanceObserver(function (list, watch) {"
        " if (!list.getEntriesByName('first-contentful-paint').length) return;"
        " watch.disconnect(); setTimeout(function () { var late = document.createElement('div');"
        " late.style.height = '400px'; document.body.prepend(late); }, 800);"
        " }).observe({type: 'paint', buffered: true});</script>"
    )
    return _with(reply, script) if on_page(ask) else reply


@defect("origin")
def data_layer_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has no data layer."""
    script = "<script>addEventListener('load', function () { delete window.adobeDataLayer; });</script>"
    return _with(reply, script) if on_page(ask) else reply


@defect("origin")
def development_tags(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Pages embed the tag manager's library of development."""
    embed = '<script async src="/etc.clientlibs/larkfell/launch-EN4f1c2b-development.min.js"></script>'
    if ask.path.endswith("/launch-EN4f1c2b-development.min.js"):
        return Reply(
            200, {"content-type": "application/javascript;charset=utf-8"}, b"window._satellite = {};"
        )
    return _with(reply, embed, b"</head>") if on_page(ask) else reply


@defect("origin")
def cookie_before_consent(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page sets a cookie of analytics without asking."""
    return (
        _with(reply, "<script>document.cookie = '_visitor=4711; path=/';</script>") if on_page(ask) else reply
    )


@defect("origin")
def tracker_before_consent(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page calls a tracker without asking."""
    return _with(reply, f"<script>new Image().src = '{TRACKER}';</script>") if on_page(ask) else reply
