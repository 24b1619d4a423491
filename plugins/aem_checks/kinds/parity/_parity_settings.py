"""How much of stage and production is compared, what may differ, and what is kept for the next release?"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aem_checks.check import CheckSettings
from aem_checks.parity.contract import Allowed
from aem_checks.sites import PagePath

KEPT = "response_parity/stage.json.gz"
"""What stage said, for the next release to compare with."""
MODEL = ".model.json"


class ResponseParitySettings(CheckSettings):
    """How much is compared, and what may differ."""

    urls: int = Field(default=100, ge=1, le=5000)
    """How many pages of the sitemap, spread evenly over it; the site's own pages come on top. 100 pages are 300
    requests, half a minute at 10 requests a second."""
    ignore: tuple[str, ...] = ()
    """Fields that are not compared, as findings name them, such as ``robots`` or ``component cmp-promo*``."""
    contract: tuple[Allowed, ...] = ()
    """Differences that are meant to be: ``noindex``, ``host names``, ``basic auth``, or mappings with ``field``,
    ``production``, ``stage``, ``paths`` (``*`` stands for anything) and ``because``."""
    same_hosts: dict[str, str] = Field(default_factory=dict)
    """Host of another service on stage: its counterpart on production, such as those of Dynamic Media."""
    headers: tuple[str, ...] = (
        "Strict-Transport-Security",
        "Content-Security-Policy",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Referrer-Policy",
    )
    """Headers that stage has to send where production does; their values may differ."""
    header_values: tuple[str, ...] = ("X-Robots-Tag", "Content-Language")
    """Headers whose value has to be the same too."""
    model_json: Literal["off", "key pages", "all"] = "key pages"
    """For which pages the ``.model.json`` is compared as well; each costs three more requests."""
    production_past_caches: bool = True
    """Ask production the second time past all caches: two copies from a CDN would hide what is noise."""
    rounds: int = Field(default=8, ge=0, le=30)
    """How often a page that looks different is asked again on both sides. With 8 an experiment with two equal
    halves passes for a difference once in 250,000 pages."""
    screenshots: tuple[PagePath, ...] = ()
    """Pages whose pictures are compared too: production twice and stage once, in a real browser. Seconds each."""
    masks: tuple[str, ...] = ()
    """CSS selectors of regions that are left out of the pictures."""
