"""How much of stage and production is compared, what may differ, and what is kept for the next release?"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field

from aem_checks.check import CheckSettings
from aem_checks.excuses import (
    NAMES,
    PATHS,
    PATTERNS,
    SELECTORS,
    Excuses,
    Pages,
    names_something,
    switch,
    without,
)
from aem_checks.parity.contract import Allowed, AllowedDifference
from aem_checks.sites import PagePath

KEPT = "response_parity/stage.json.gz"
"""What stage said, for the next release to compare with."""
MODEL = ".model.json"


_HEADERS = (
    "Strict-Transport-Security",
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "Referrer-Policy",
)
_VALUES = ("X-Robots-Tag", "Content-Language")
_SAMPLES = ("max-age=60, public", "/us/en.html", "0")
"""Values so different that a pattern which fits all of them fits anything."""


def _allows_anything(contract: Any, pages: Pages) -> bool:
    """Whether one agreement is about any field, whatever both sides say, on all pages."""
    own = (each for each in contract if isinstance(each, AllowedDifference))
    return any(
        not names_something(each.field)
        and all(fnmatchcase(value, said) for said in (each.production, each.stage) for value in _SAMPLES)
        and (each.paths == "*" or PATHS.everything((each.paths,), pages))
        for each in own
    )


_CONTRACT = Excuses(_allows_anything, "any `field`, whatever both say, on all pages")


class ResponseParitySettings(CheckSettings):
    """How much is compared, and what may differ."""

    urls: int = Field(default=100, ge=1, le=5000)
    """How many pages of the sitemap, spread evenly over it; the site's own pages come on top. 100 pages are 300
    requests, half a minute at 10 requests a second."""
    ignore: Annotated[tuple[str, ...], PATTERNS] = ()
    """Fields that are not compared, as findings name them, such as ``robots`` or ``component cmp-promo*``."""
    contract: Annotated[tuple[Allowed, ...], _CONTRACT] = ()
    """Differences that are meant to be: ``noindex``, ``host names``, ``basic auth``, or mappings with ``field``,
    ``production``, ``stage``, ``paths`` (``*`` stands for anything) and ``because``."""
    same_hosts: Annotated[dict[str, str], NAMES] = Field(default_factory=dict)
    """Host of another service on stage: its counterpart on production, such as those of Dynamic Media."""
    headers: Annotated[tuple[str, ...], without(*_HEADERS)] = _HEADERS
    """Headers that stage has to send where production does; their values may differ."""
    header_values: Annotated[tuple[str, ...], without(*_VALUES)] = _VALUES
    """Headers whose value has to be the same too."""
    model_json: Annotated[Literal["off", "key pages", "all"], switch("off")] = "key pages"
    """For which pages the ``.model.json`` is compared as well; each costs three more requests."""
    production_past_caches: bool = True
    """Ask production the second time past all caches: two copies from a CDN would hide what is noise."""
    rounds: int = Field(default=8, ge=0, le=30)
    """How often a page that looks different is asked again on both sides. With 8 an experiment with two equal
    halves passes for a difference once in 250,000 pages."""
    screenshots: tuple[PagePath, ...] = ()
    """Pages whose pictures are compared too: production twice and stage once, in a real browser. Seconds each."""
    masks: Annotated[tuple[str, ...], SELECTORS] = ()
    """CSS selectors of regions that are left out of the pictures."""
