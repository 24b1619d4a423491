"""What can be wrong with what a page shows and leads to: its parts, words, links and form?"""

from __future__ import annotations

import re

from simulator.aem.defects.registry import Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply

PARTNER = "/de/de/magazine.html"
"""The German partner of the page that defects of one page hit."""
CONTACT = "/us/en/contact.html"
_HEADER = re.compile(rb"(cmp-experiencefragment--header\">)<header>.*?</header>", re.DOTALL)
_NEWSLETTER = re.compile(rb"<div class=\"newsletter\">.*?</div></div>", re.DOTALL)
_ENGLISH = re.compile(rb"\s*<link rel=\"alternate\" hreflang=\"en-US\"[^>]*>")
_MAIL_FIELD = re.compile(
    rb"<div class=\"text\"><div class=\"cmp-form-text\"><label for=\"mail\">.*?</div></div>"
)
_SEND_BUTTON = re.compile(rb"<button type=\"submit\".*?</button>")


def _changed(reply: Reply, old: str, new: str) -> Reply:
    return reply.with_body(reply.body.replace(old.encode(), new.encode(), 1))


def _added(reply: Reply, markup: str) -> Reply:
    return _changed(reply, "</main>", f"{markup}</main>")


# Parts


@defect("origin")
def header_fragment_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The header's experience fragment of one key page has nothing in it."""
    return reply.with_body(_HEADER.sub(rb"\1", reply.body)) if on_page(ask) else reply


@defect("origin")
def component_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has lost its newsletter component."""
    return reply.with_body(_NEWSLETTER.sub(b"", reply.body)) if on_page(ask) else reply


@defect("origin")
def editor_placeholder(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page shows the placeholder that authors see for an empty component."""
    markup = '<div class="teaser cq-placeholder" data-emptytext="Please configure the teaser"></div>'
    return _added(reply, markup) if on_page(ask) else reply


@defect("origin")
def component_broken_off(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A component of one key page broke off and left its error in the page."""
    words = "Cannot serve request to /content/larkfell/us/en/magazine/_jcr_content/root/teaser.html"
    return _added(reply, f'<div class="teaser">{words}</div>') if on_page(ask) else reply


# Languages


@defect("origin")
def wrong_language(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page of the English tree says that it is German."""
    return _changed(reply, '<html lang="en-US">', '<html lang="de-DE">') if on_page(ask) else reply


@defect("origin")
def untranslated_key(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page shows a key of the dictionary instead of its words."""
    return _added(reply, "<span>larkfell.newsletter.title</span>") if on_page(ask) else reply


@defect("origin")
def hreflang_one_way(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The German partner of one key page does not name that page back."""
    return reply.with_body(_ENGLISH.sub(b"", reply.body)) if ask.public_path == PARTNER else reply


# Links


@defect("origin")
def navigation_link_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The navigation of one key page leads to a page that is not there."""
    return _changed(reply, 'href="/us/en/gear.html"', 'href="/us/en/kit.html"') if on_page(ask) else reply


@defect("origin")
def text_link_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A text of one key page links to a page that is not there."""
    return _added(reply, '<p><a href="/us/en/magazine/moved.html">More</a></p>') if on_page(ask) else reply


@defect("origin")
def anchor_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A text of one key page links to a place of another page that is not there."""
    return _added(reply, '<p><a href="/us/en/about.html#workshop">Us</a></p>') if on_page(ask) else reply


# The form


@defect("origin")
def form_field_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The contact form has lost its field for the e-mail address."""
    return reply.with_body(_MAIL_FIELD.sub(b"", reply.body)) if ask.public_path == CONTACT else reply


@defect("origin")
def form_button_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The contact form has lost its button."""
    return reply.with_body(_SEND_BUTTON.sub(b"", reply.body)) if ask.public_path == CONTACT else reply


@defect("origin")
def form_target_foreign(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The contact form sends to a host that is not the site's."""
    old, new = 'method="POST" action="/us', 'method="POST" action="https://forms.example/us'
    return _changed(reply, old, new) if ask.public_path == CONTACT else reply
