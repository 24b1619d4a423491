"""Which AEM sites are there, and what does a deployment do to them?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from aiohttp import web

from simulator.scenario import Access, EnvironmentPlan, ProgramPlan, SiteState


class AemSite(Protocol):
    """What the simulator needs of `simulator.aem.AemEnvironment`."""

    access: str
    aem_release: str
    public_url: str | None
    accepts_token: Callable[[str], bool]

    def app(self) -> web.Application: ...
    def author_app(self) -> web.Application: ...
    def set_urls(self, *, publish: str, author: str) -> None: ...
    async def deploy(self, build: Any, seconds: float) -> None: ...
    def install_mutable_content(self) -> None: ...
    def set_defects(self, defects: set[str]) -> None: ...
    def state(self) -> dict[str, Any]: ...


class Site:
    """The site of one environment: it follows the deployments of executions of any pipeline."""

    def __init__(self, plan: EnvironmentPlan, program_id: str) -> None:
        from simulator.aem import AemEnvironment, Build

        self.plan = plan
        self.name: Literal["stage", "production"] = "stage" if plan.type == "stage" else "production"
        self.program_id = program_id
        self._build = Build
        self._running = Build(f"initial-{plan.id}-simulated")
        self.aem: AemSite = AemEnvironment(
            self.name,
            self._running,
            program_id=program_id,
            environment_id=plan.id,
            aem_release=plan.aem_release,
            pages=plan.pages,
        )
        self.aem.access = plan.access
        self._task: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle | None = None

    def begin(self, version: str, state: SiteState, seconds: float) -> None:
        """A deployment starts: roll the nodes over nine tenths of its `seconds`."""
        self.aem.access = self.plan.access
        self._deploy(self._build(version, frozenset(state.defects)), seconds * 0.9)

    def finish(self, version: str, state: SiteState) -> None:
        """The deployment is over: every node has the build now, the access is as the release wants it."""
        build = self._build(version, frozenset(state.defects))
        if self._task is not None and not self._task.done():
            self._deploy(build, 0.0)
        self._running = build
        self.aem.access = state.access or self.plan.access
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(state.mutable_content_after, self.aem.install_mutable_content)

    def roll_back(self, seconds: float) -> None:
        """The deployment has failed: back to the build before it."""
        self._deploy(self._running, seconds * 0.9)

    def set(self, *, access: Access | None = None, defects: frozenset[str] | None = None) -> None:
        if access is not None:
            self.aem.access = access
        if defects is not None:
            self.aem.set_defects(set(defects))

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._late is not None:
            self._late.cancel()

    def _deploy(self, build: Any, seconds: float) -> None:
        self.close()
        self._task = asyncio.get_running_loop().create_task(self.aem.deploy(build, seconds))


class Sites:
    """The sites by environment id, and the URLs of every environment, with a site or without."""

    def __init__(self, programs: tuple[ProgramPlan, ...], *, wanted: bool) -> None:
        self.by_id: dict[str, Site] = {}
        self._urls: dict[str, dict[str, str]] = {}
        for program in programs:
            for plan in program.environments:
                self._urls[plan.id] = _outside_urls(program.id, plan.id)
                if wanted and plan.site and plan.type in ("stage", "prod"):
                    self.by_id[plan.id] = Site(plan, program.id)

    def urls(self, environment_id: str) -> Mapping[str, str]:
        """URL of `author`, `publish` and `preview`; an unknown environment has none."""
        return self._urls.get(environment_id, {})

    def set_urls(self, environment_id: str, *, publish: str, author: str) -> None:
        self._urls[environment_id] |= {"publish": publish, "author": author}
        self.by_id[environment_id].aem.set_urls(publish=publish, author=author)

    def aem_release(self, plan: EnvironmentPlan) -> str:
        """What runs there now: that of its site, or of the plan where it has no site."""
        site = self.by_id.get(plan.id)
        return plan.aem_release if site is None else site.aem.aem_release

    def join(self, accepts_token: Callable[[str], bool]) -> None:
        """Once all have URLs: stage names production as its public site, tokens are those of IMS."""
        for site in self.by_id.values():
            site.aem.accepts_token = accepts_token
            if site.name == "stage":
                site.aem.public_url = self._production_of(site)

    def state(self) -> dict[str, Any]:
        return {key: {**self._urls[key], **site.aem.state()} for key, site in self.by_id.items()}

    def _production_of(self, stage: Site) -> str | None:
        of_program = [site for site in self.by_id.values() if site.program_id == stage.program_id]
        live = next((site for site in of_program if site.name == "production"), None)
        return None if live is None else self._urls[live.plan.id]["publish"]

    def close(self) -> None:
        for site in self.by_id.values():
            site.close()


def known_defects() -> frozenset[str]:
    """The defects that a simulated site can have."""
    from simulator.aem import DEFECTS

    return frozenset(DEFECTS)


def _outside_urls(program_id: str, environment_id: str) -> dict[str, str]:
    """Addresses that resolve nowhere, in the shape of Adobe's."""
    tiers = ("author", "publish", "preview")
    return {tier: f"https://{tier}-p{program_id}-e{environment_id}.simulated.invalid" for tier in tiers}
