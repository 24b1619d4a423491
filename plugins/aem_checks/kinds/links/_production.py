"""Is a link that is broken on stage broken on production too, on the same page?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.asks import Follow, ask
from aem_checks.kinds.links._walk import links_of
from aem_checks.reach import describe, is_unreached
from aem_checks.urls import fault_of, host_of, path_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.links._broken import Broken
    from aem_checks.response import Response
    from aem_checks.visit import Visit


class Production:
    """Asks production for a broken link's target and for the page that links to it, each once."""

    def __init__(self, visit: Visit) -> None:
        known = visit.target == "stage" and visit.site.production is not None
        self._site = visit.site.production if known else None
        self._answers: dict[str, Response] = {}

    def compare(self, broken: Broken) -> Steps[tuple[str, bool]]:
        """A sentence on production, empty where there is nothing to say, and whether it has the same broken link."""
        if self._site is None or broken.anchor or not broken.is_failure:
            return "", False
        if not broken.is_address:
            page = yield from self._get(broken.sources[0])
            same = broken.path in self._linked_from(page)
            return " Production has the same broken link." if same else "", same
        target = yield from self._get(broken.path)
        if is_unreached(target):
            return "", False
        if target.ok:
            says = f" Production gives {describe(target)}: its content is missing on stage, or this release broke it."
            return says, False
        page = yield from self._get(broken.sources[0])
        same = broken.path in self._linked_from(page)
        says = (
            " Production has the same broken link."
            if same
            else " Production has no such page and no such link."
        )
        return says, same

    def _get(self, path: str) -> Steps[Response]:
        assert self._site is not None
        if path not in self._answers:
            chain = yield from ask(Follow(self._site.url + path, tries=2, past_caches=True))
            self._answers[path] = chain[-1]
        return self._answers[path]

    def _linked_from(self, page: Response) -> set[str]:
        if self._site is None or not (page.ok and page.is_html):
            return set()
        links = [link.url for link in links_of(page, "")]
        own = {path_of(url) for url in links if host_of(url) in self._site.hosts}
        return own | {url for url in links if fault_of(url)}
