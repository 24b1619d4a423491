"""What does robots.txt of the target say, and what does that mean for a page?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aem_checks.asks import Follow, ask
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from protego import Protego

    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

MOST_BYTES = 500 * 1024
"""What crawlers read of the file at least; RFC 9309, section 2.5."""
_MOST_SITEMAPS = 50


@dataclass(frozen=True)
class RobotsFile:
    """The answer to ``/robots.txt`` and what its text means; without rules everything may be crawled."""

    response: Response
    rules: Protego
    sitemaps: tuple[str, ...]
    way: tuple[str, ...] = ()
    """Where redirects led, in this order; the last one too where it was not followed."""

    @property
    def is_html(self) -> bool:
        """A page instead of a robots file, as sites answer that know only pages."""
        return self.response.is_html or self.response.body[:200].lstrip()[:1] == b"<"

    def allows(self, url: str, agent: str) -> bool:
        """Whether a crawler of that name may fetch the URL."""
        return bool(self.rules.can_fetch(url, agent))


def read_robots(visit: Visit) -> Steps[RobotsFile]:
    """Ask for the file past all caches; a missing one has no rules."""
    url = visit.url("/robots.txt")
    chain = yield from ask(Follow(url, tries=3, within=visit.endpoint.hosts, past_caches=True))
    way = tuple(plain_url(each.location) for each in chain if each.location is not None)
    return replace(understand(chain[-1]), way=way)


def understand(response: Response) -> RobotsFile:
    """Read the rules of an answer; any text has some, and no text has none."""
    from protego import Protego

    plain = RobotsFile(response, Protego.parse(""), ())
    if response.status != 200 or plain.is_html:
        return plain
    rules = Protego.parse(response.body[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff"))
    named = list(dict.fromkeys(rules.sitemaps))[:_MOST_SITEMAPS]
    return RobotsFile(response, rules, tuple(named))
