"""Who answers what no page of the site is asked for: what was recorded, what the caller knows, the release's source?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aem_checks.changes.values import ChangeMap
from aem_checks.checkout import Checkout, Source, opened, repository_with
from aem_checks.git import CheckoutError
from aem_checks.network_guard.rule import Rule
from aem_checks.running import run
from aem_checks.urls import DEFAULT_PORTS, parts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aem_checks.access import Access
    from aem_checks.asks import Command
    from aem_checks.check import Check
    from aem_checks.checkout import Commit
    from aem_checks.client import Client
    from aem_checks.means import Means
    from aem_checks.outcomes import Judgement
    from aem_checks.reading import Reader
    from aem_checks.running import Ran
    from aem_checks.tls import Certificate


@dataclass
class House:
    """What one check can be told beside answers of its site."""

    reader: Reader | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    beside: Client | None = None
    """For the other hosts that the gate file names for this check; closed when the check is over."""
    rule: Rule | None = None
    """Which other hosts may be asked: those of the site's ``allow_hosts``."""
    beside_rule: Rule | None = None
    source: ReleaseSource | None = None
    runs: Callable[[Command], Awaitable[Ran]] | None = None
    """Runs commands of the team, for a kind that says that it does."""

    @classmethod
    @asynccontextmanager
    async def of(cls, check: Check[Any], means: Means) -> AsyncIterator[House]:
        """That of one run. Raises ``AccessError`` for a connection that can't be used."""
        async with AsyncExitStack() as stack:
            source = ReleaseSource(getattr(check.settings, "checkout", None), means, stack)
            house = cls(means.reader(), means.facts, rule=Rule.for_site(means.site), source=source)
            if check.runs_commands:
                house.runs = partial(run, means=means)
            if others := await asyncio.to_thread(_others, check, means):
                own = means.endpoint
                private = [own.url] if own.private and own.url in others else []
                house.beside_rule = Rule.of(others, private=private)
                client = means.client.beside(others, house.beside_rule)
                house.beside = await stack.enter_async_context(client)
            yield house

    @classmethod
    @asynccontextmanager
    async def of_team(cls, check: Check[Any], means: Means) -> AsyncIterator[House]:
        """That of one run of a team's own check: the recorded pages lie beside it, and no other hosts are asked for it."""
        async with AsyncExitStack() as stack:
            source = ReleaseSource(getattr(check.settings, "checkout", None), means, stack)
            yield cls(facts=means.facts, rule=Rule.for_site(means.site), source=source)

    @classmethod
    async def lead(cls, check: Check[Any], means: Means) -> Judgement:
        """What a check makes of what the site and its house say now. Raises ``AccessError``, and what the check raises."""
        from aem_checks.asking import ask_live
        from aem_checks.browser.sharing import seated

        visit = means.visit
        steps = await asyncio.to_thread(check.judge, visit)
        async with cls.of(check, means) as house, seated(means) as opens:
            if means.begin is not None and house.reader is not None:
                steps = await means.begin(steps, house.reader, means.clock)
            found = await ask_live(steps, means.client, means.told.hear, house, opens)
        if visit.kept:
            await asyncio.to_thread(_keep, visit.kept, means)
        return found

    def client_for(self, url: str, client: Client) -> Client:
        """Who asks this URL: ``client`` is the site's."""
        return self.beside if self.beside is not None and self.beside.allows(url) else client

    async def files(self, patterns: Sequence[str]) -> Source:
        """The files of the release's commit that match."""
        if self.source is None:
            return Source(problem="There is no checkout of the release.")
        return await self.source.files(patterns)

    async def changed(self, base: str) -> ChangeMap:
        """What the release changes since that commit."""
        if self.source is None:
            return ChangeMap(base, "", problem="There is no checkout of the release.")
        return await self.source.changed(base)

    async def certificate(self, url: str, client: Client) -> Certificate:
        """The certificate that a host shows. Raises ``HostNotAllowed``."""
        from aem_checks.client import HostNotAllowed
        from aem_checks.tls import read_certificate

        asks = self.client_for(url, client)
        rule = self.beside_rule if asks is not client else self.rule
        if rule is None or not asks.allows(url):
            raise HostNotAllowed(
                f"{url[:200]!r} is not on a host that this check may ask, so it is not contacted"
            )
        parts = parts_of(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS["https"]
        await client.rate_limit.acquire(f"{host}:{port}")
        return await read_certificate(host, port, rule)


def _others(check: Check[Any], means: Means) -> dict[str, Access]:
    """The other addresses that a check may ask, with what opens each. Raises ``AccessError``."""
    from aem_checks.access import NO_ACCESS

    named = check.others(means.visit)
    opened = {url: means.resolver(name) if name else NO_ACCESS for url, name in named.items()}
    own = means.endpoint.url
    return opened | {own: means.access} if own in named and not named[own] else opened


def _keep(kept: Mapping[str, bytes], means: Means) -> None:
    for name, content in kept.items():
        means.keep(name, content)


class ReleaseSource:
    """Reads the release's commit, which is opened once, for the first question."""

    def __init__(self, checkout: object, means: Means, stack: AsyncExitStack) -> None:
        """``checkout``: the setting of that name; what is none counts as none."""
        self._checkout = checkout if isinstance(checkout, Checkout) else None
        self._means, self._stack = means, stack
        self._opened: Commit | CheckoutError | None = None
        self._lock = asyncio.Lock()

    async def files(self, patterns: Sequence[str]) -> Source:
        """Those that match, with their content."""
        try:
            commit = await self._open()
            contents = await commit.read(commit.matching(*patterns))
            return Source(contents, len(commit.files), links=await commit.targets(*patterns))
        except CheckoutError as error:
            return Source(problem=str(error))

    async def changed(self, base: str) -> ChangeMap:
        """What the release changes since that commit; where that can't be told, why."""
        from aem_checks.changes.mapping import read_changes

        if self._checkout is None:
            return ChangeMap(base, "", problem="There is no checkout of the release.")
        try:
            async with repository_with(self._checkout, self._means, base) as (folder, commit_id):
                return await read_changes(folder, base, commit_id, self._checkout.base)
        except CheckoutError as error:
            return ChangeMap(base, "", problem=f"What changed is not known. {error}")

    async def _open(self) -> Commit:
        async with self._lock:
            if self._opened is None:
                self._opened = await self._try_to_open()
        if isinstance(self._opened, CheckoutError):
            raise self._opened
        return self._opened

    async def _try_to_open(self) -> Commit | CheckoutError:
        if self._checkout is None:
            return CheckoutError("There is no checkout of the release.")
        try:
            return await self._stack.enter_async_context(opened(self._checkout, self._means))
        except CheckoutError as error:
            return error
