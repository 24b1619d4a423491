"""What can make stage another site than production: AEM itself, components, models, and answers that never repeat?"""

from __future__ import annotations

import json
import random
import re
import uuid

from simulator.aem.defects.registry import PAGE, Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply

TOGGLES = "/etc.clientlibs/toggles.json"
JAVA_JSON = "/etc.clientlibs/larkfell/java.json"
MODEL = PAGE.replace(".html", ".model.json")
LATER_RELEASE = "2026.12.24011.20261201T000000Z-261200"
_STRUCTURED = re.compile(rb'<script type="application/ld\+json">.*?</script>', re.DOTALL)


@defect("origin")
def toggle_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One feature toggle of AEM is off."""
    if ask.path != TOGGLES:
        return reply
    told = json.loads(reply.body)
    return reply.with_body(json.dumps({**told, "enabled": told["enabled"][1:]}).encode())


@defect("origin")
def later_aem(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """AEM is of another month."""
    if ask.path != TOGGLES:
        return reply
    return reply.with_body(json.dumps({**json.loads(reply.body), "release": LATER_RELEASE}).encode())


@defect("origin")
def later_java(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The environment was moved to Java 25."""
    if ask.path != JAVA_JSON:
        return reply
    return reply.with_body(json.dumps({"java": "25.0.1+8-LTS"}).encode())


@defect("origin")
def teaser_without_links(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The teasers of one key page have no link around their title."""
    return (
        reply.with_body(reply.body.replace(b' class="cmp-teaser__title-link"', b""))
        if on_page(ask)
        else reply
    )


@defect("origin")
def product_data_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has no structured data."""
    return reply.with_body(_STRUCTURED.sub(b"", reply.body)) if on_page(ask) else reply


@defect("origin")
def model_field_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The model of one key page exports no title of its components."""
    if ask.public_path != MODEL:
        return reply
    return reply.with_body(reply.body.replace(b'"richText":true,', b""))


@defect("origin")
def restless(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No page answers the same twice: tokens, times, an experiment with two halves, a teaser that comes and goes."""
    if not reply.is_html or reply.status != 200:
        return reply
    half = random.choice((b"exp-hero--a", b"exp-hero--b"))
    token, moment = uuid.uuid4().hex, random.randint(1_700_000_000, 1_899_999_999)
    head = f'<meta name="csrf-token" content="{token}"/><meta property="og:updated_time" content="{moment}"/>'
    body = reply.body.replace(b"</head>", head.encode() + b"</head>", 1)
    body = body.replace(b'class="page basicpage"', b'class="page basicpage ' + half + b'"', 1)
    offer = b'<aside class="cmp-offer"><p class="cmp-offer__text">Today only</p></aside></main>'
    return reply.with_body(body.replace(b"</main>", offer, 1) if random.random() < 0.5 else body)
