"""What can be wrong with pages: status, content, links, and the answer to unknown paths?"""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.aem import dispatcher, render
from simulator.aem.defects.registry import PAGE, Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply, html, redirect

SITEMAP_PAGE = "/us/en/adventures/camping-corven-tarn.html"
"""A page that only the sitemap and its neighbours lead to."""


def _in_main(reply: Reply, markup: str) -> Reply:
    """The same page with one more piece of markup at the end of its main part."""
    return reply.with_body(reply.body.replace(b"</main>", markup.encode() + b"</main>", 1))


# Pages


@defect("origin")
def page_500(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page answers 500."""
    return html("<h1>Internal Server Error</h1>", 500) if on_page(ask) else reply


@defect("origin")
def page_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page answers 404."""
    return scene.lost() if on_page(ask) else reply


@defect("origin")
def login_redirect(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page redirects to AEM's login page."""
    login = "/libs/granite/core/content/login.html?resource="
    return (
        redirect(f"{scene.own_url}{login}{ask.path}&$$login$$=%24%24login%24%24", 302)
        if on_page(ask)
        else reply
    )


@defect("origin")
def empty_page(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page answers 200 with no content."""
    return html("<!DOCTYPE HTML><html><head></head><body></body></html>") if on_page(ask) else reply


@defect("headers")
def wrong_content_type(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page says that it is plain text."""
    return reply.with_headers(content_type="text/plain;charset=utf-8") if on_page(ask) else reply


@defect("headers")
def missing_header(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No answer carries X-Frame-Options any more."""
    return reply.without_header("x-frame-options")


@defect("origin")
def noindex(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page tells search engines to forget it."""
    return (
        reply.with_body(reply.body.replace(b'"index, follow"', b'"noindex, nofollow"'))
        if on_page(ask)
        else reply
    )


@defect("origin")
def sitemap_page_5xx(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A page that the sitemap lists, not a key page, answers 503."""
    return html("<h1>Service Unavailable</h1>", 503) if ask.public_path == SITEMAP_PAGE else reply


# Values that a variable or the Externalizer should have filled


@defect("origin")
def unresolved_placeholder(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """On landing pages and in their JSON, the newsletter's address is a placeholder without its variable."""
    return reply.with_body(reply.body.replace(render.NEWSLETTER.encode(), b"$[env:LARKFELL_NEWSLETTER_URL]"))


@defect("headers")
def unresolved_placeholder_header(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The Content-Security-Policy header shows the name of an Apache variable."""
    policy = reply.headers.get("content-security-policy", "")
    shown = policy.replace(dispatcher.FRAME_ANCESTOR, "${LARKFELL_STUDIO_ORIGIN}")
    return reply.with_headers(content_security_policy=shown)


@defect("origin")
def localhost_link(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page links to localhost:4502."""
    return (
        _in_main(reply, '<a href="http://localhost:4502/us/en/gear.html">Gear</a>') if on_page(ask) else reply
    )


@defect("origin")
def author_link(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page links to the author service."""
    link = '<a href="https://author-p12345-e67890.adobeaemcloud.com/us/en/gear.html">Gear</a>'
    return _in_main(reply, link) if on_page(ask) else reply


@defect("origin")
def undefined_host(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has an image on the host "undefined"."""
    image = '<img src="https://undefined/adobe/dynamicmedia/deliver/dm-aid--0c1f/ridge.jpg" alt="Ridge"/>'
    return _in_main(reply, image) if on_page(ask) else reply


@defect("origin")
def stage_host_in_canonical(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page names this environment's own host in its canonical link."""
    if not on_page(ask):
        return reply
    own = rf'\g<1>{scene.own_url}{PAGE}"'.encode()
    return reply.with_body(re.sub(rb'(rel="canonical" href=")[^"]*"', own, reply.body))


# Paths that are not there


@defect("origin")
def soft_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Unknown paths answer 200 with the page that says "not found"."""
    return replace(reply, status=200) if reply.status == 404 and reply.is_html else reply


@defect("origin")
def not_found_redirects(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Unknown paths redirect to the home page."""
    return redirect(f"{scene.own_url}/us/en.html", 302) if reply.status == 404 and reply.is_html else reply


@defect("origin")
def stack_trace_on_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The 404 page shows a Java stack trace."""
    trace = (
        "<pre>java.lang.NullPointerException: Cannot invoke method on null object\n"
        "\tat org.example.larkfell.core.errors.ErrorHandler.locale(ErrorHandler.java:58)\n"
        "\tat org.apache.sling.engine.impl.SlingRequestProcessorImpl.handleError(Unknown Source)\n"
        "</pre>"
    )
    return _in_main(reply, trace) if reply.status == 404 else reply


@defect("headers")
def cached_error(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Answers with status 404 may be kept for a day."""
    return reply.with_headers(cache_control="max-age=86400") if reply.status == 404 else reply
