"""Which pages does lychee read? The recorded ones, then those that these link to, until there are enough links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aem_checks.kinds.links._lychee import Link, run_lychee
from aem_checks.kinds.links._relay import MOST_PER_PAGE

if TYPE_CHECKING:
    from aem_checks.kinds.links._relay import Relay
    from aem_checks.recording import Recording
    from aem_checks.response import Response
    from aem_checks.visit import Visit

MOST_LINKS = 20_000
"""How many links lychee is given about, counted in the HTML, with repetitions. More would take minutes."""


class Walk:
    """One look at the links of a site. ``unread`` are paths of pages whose links were too many to see them all."""

    def __init__(self, relay: Relay, visit: Visit, *, anchors: bool) -> None:
        self._relay = relay
        self._options = ["--include-fragments=anchor-only"] if anchors else []
        hosts = sorted(visit.endpoint.hosts)
        self._origins = [f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")]
        self._left = MOST_LINKS
        self.unread: list[str] = []

    async def links(self, recording: Recording, depth: int) -> list[Link]:
        """All links of the recorded pages and, with a depth of 2, of the pages behind them. Raises ``LycheeError``."""
        links = await self._read((page.path, page.final) for page in recording.good_pages)
        known = {page.path for page in recording.pages}
        if depth > 1:
            behind = [(path, answer) for path, answer in self._relay.answers.items() if path not in known]
            links += await self._read(
                (path, answer) for path, answer in behind if answer.ok and answer.is_html
            )
        return links

    async def _read(self, pages: Iterable[tuple[str, Response]]) -> list[Link]:
        chosen = []
        for path, answer in pages:
            if self._left > 0:
                chosen.append(path)
                number = answer.body.count(b"href=")
                self._left -= min(number, MOST_PER_PAGE)
                self.unread += [path] if number > MOST_PER_PAGE else []
            else:
                self.unread.append(path)
        if not chosen:
            return []
        self._relay.read = set(chosen)
        addresses = [self._relay.url + path for path in chosen]
        return await run_lychee(addresses, self._relay.url, remap=self._origins, options=self._options)
