"""What is one simulated AEM environment? Publish nodes behind dispatcher and CDN, and an author."""

from __future__ import annotations

import asyncio
import base64
import difflib
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from aiohttp import web

from simulator.aem import author, content, defects, dispatcher
from simulator.aem.cdn import Cdn
from simulator.aem.defects import DEFECTS, Scene
from simulator.aem.desk import Desk
from simulator.aem.exchange import Ask, Reply, html, redirect
from simulator.aem.publish import PublishNode
from simulator.aem.render import View
from simulator.aem.web import application

ACCESS = ("open", "basic", "edge-key", "bearer", "ip-blocked")
PUBLIC_URL = "https://www.larkfell.example"


@dataclass(frozen=True, slots=True)
class Build:
    """What a release puts on an environment. ``name`` is the build marker in pages and ``build.json``."""

    name: str
    defects: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises ``ValueError`` with the nearest name for a defect that does not exist."""
        for unknown in sorted(self.defects - DEFECTS):
            near = difflib.get_close_matches(unknown, sorted(DEFECTS), n=1, cutoff=0.0)
            raise ValueError(f"No defect is called {unknown!r}; the nearest name is {near[0]!r}.")


class AemEnvironment:
    """Stage or production. All methods are for the event loop that serves its applications."""

    def __init__(
        self,
        name: Literal["stage", "production"],
        build: Build,
        *,
        program_id: str,
        environment_id: str,
        aem_release: str = "2026.11.23482.20261101T000000Z-260900",
        nodes: int = 2,
        pages: int = content.DEFAULT_PAGES,
        time_scale: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``pages`` per language tree; ``time_scale`` seconds of a cache lifetime pass in a second of the ``clock``.

        ``sleep`` is how publish and author wait before an answer that is slow by a defect.
        """
        self.name, self.program_id, self.environment_id = name, program_id, environment_id
        self.aem_release = aem_release
        self._access = "open"
        self.basic_credential = ("simulated-user", "simulated-password")
        self.edge_key = "simulated-edge-key"
        self.accepts_token: Callable[[str], bool] = lambda token: False
        self.author_has_groups = True
        self.desk = Desk()
        self.publish_url = f"https://publish-p{program_id}-e{environment_id}.adobeaemcloud.com"
        self.author_url = f"https://author-p{program_id}-e{environment_id}.adobeaemcloud.com"
        self.public_url: str | None = None
        self._pages = pages
        self._build, self._previous = build, Build(f"{build.name}-previous")
        self._content_of = build.name
        self._nodes = [build] * nodes
        self._turn = 0
        self._cdn = Cdn(clock, time_scale)
        self._sleep = sleep
        self._keep_last_node_behind()

    # Applications

    def app(self) -> web.Application:
        """Publish behind dispatcher and CDN."""
        return application(self.answer, self._sleep)

    def author_app(self) -> web.Application:
        return application(self.answer_author, self._sleep)

    def set_urls(self, *, publish: str, author: str) -> None:
        """Tell the environment its own origins, without a slash at the end."""
        self.publish_url, self.author_url = publish, author

    # What happens to it

    @property
    def access(self) -> str:
        """One of ``ACCESS``: what the CDN asks of a caller; ``ip-blocked`` also closes author."""
        return self._access

    @access.setter
    def access(self, value: str) -> None:
        if value not in ACCESS:
            raise ValueError(f"No access is called {value!r}; there are {', '.join(ACCESS)}.")
        self._access = value

    async def deploy(self, build: Build, seconds: float) -> None:
        """Roll the nodes one after the other; a cancelled deployment leaves what has rolled so far."""
        self._previous, self._build = self._nodes[0], build
        for number in range(len(self._nodes)):
            await asyncio.sleep(seconds / len(self._nodes))
            self._nodes[number] = build
            self._keep_last_node_behind()

    def install_mutable_content(self) -> None:
        """The content package of the running build is installed: its season page answers now."""
        self._content_of = self._build.name

    def set_defects(self, names: set[str]) -> None:
        """Replace the defects of the running build; raises ``ValueError`` for a name that does not exist."""
        old, self._build = self._build, replace(self._build, defects=frozenset(names))
        behind = "never_settles" in old.defects
        self._nodes = [self._build if node == old else node for node in self._nodes]
        if behind:
            self._nodes[-1] = self._build
        self._keep_last_node_behind()

    def _keep_last_node_behind(self) -> None:
        if "never_settles" in self._build.defects:
            self._nodes[-1] = self._previous

    def state(self) -> dict[str, Any]:
        """For people and the control API: builds, access, defects."""
        return {
            "name": self.name,
            "build": self._build.name,
            "nodes": [node.name for node in self._nodes],
            "defects": sorted(self._build.defects),
            "access": self.access,
            "mutable_content": self._content_of,
            "aem_release": self.aem_release,
            "publish_url": self.publish_url,
            "author_url": self.author_url,
        }

    # Requests

    def answer(self, ask: Ask) -> Reply:
        """From the CDN, or through it from one of the publish nodes."""
        refused = self._refused(ask)
        if refused is not None:
            return refused
        if ask.headers.get("x-forwarded-proto") == "http":
            query = f"?{ask.query}" if ask.query else ""
            return redirect(self.publish_url.replace("http:", "https:", 1) + ask.path + query, 301)
        reply = self._cdn.answer(ask, self._origin)
        return defects.apply(
            "edge", self._build.defects, ask, reply, self._scene(ask, self._node(self._build))
        )

    def _origin(self, ask: Ask) -> Reply:
        """The dispatcher with the next node behind it; both are as the node's build brought them."""
        build = self._nodes[self._turn % len(self._nodes)]
        self._turn += 1
        node = self._node(build)
        scene = self._scene(ask, node)
        answered = dispatcher.redirects(ask, self.publish_url) or dispatcher.preflight(ask)
        reply = answered or _through_filters(dispatcher.mapped(ask), node)
        reply = defects.apply("origin", build.defects, ask, reply, scene)
        return defects.apply("headers", build.defects, ask, dispatcher.dress(ask, reply), scene)

    def _node(self, build: Build) -> PublishNode:
        own = self.publish_url
        public = self.public_url or (own if self.name == "production" else PUBLIC_URL)
        view = View(build.name, self._pages, own, public)
        return PublishNode(
            view, self.aem_release, build.name == self._content_of, self.name == "production", self.desk
        )

    def _scene(self, ask: Ask, node: PublishNode) -> Scene:
        return Scene(self.publish_url, lambda: node.lost(ask))

    def answer_author(self, ask: Ask) -> Reply:
        if self.access == "ip-blocked":
            return _ip_blocked()
        view = View(self._build.name, self._pages, self.author_url, self.author_url)
        reply = author.answer(
            ask,
            view,
            self.accepts_token,
            has_groups=self.author_has_groups,
            desk=self.desk,
            defects=self._build.defects,
        )
        scene = Scene(self.author_url, lambda: html("<h1>No resource found</h1>", 404))
        return defects.apply("author", self._build.defects, ask, reply, scene)

    def _refused(self, ask: Ask) -> Reply | None:
        """The CDN's own answer to a caller that may not come in."""
        if self.access == "ip-blocked":
            return _ip_blocked()
        if self.access == "edge-key":
            return (
                None
                if _same(ask.headers.get("x-aem-edge-key", ""), self.edge_key)
                else html("<h1>Forbidden</h1>", 403)
            )
        if self.access == "bearer":
            scheme, _, token = ask.headers.get("authorization", "").partition(" ")
            return (
                None
                if scheme.lower() == "bearer" and self.accepts_token(token)
                else html("<h1>Unauthorized</h1>", 401)
            )
        if self.access == "basic":
            expected = "Basic " + base64.b64encode(":".join(self.basic_credential).encode()).decode()
            missing = html("<h1>Unauthorized</h1>", 401).with_headers(
                www_authenticate='Basic realm="Larkfell stage"'
            )
            return None if _same(ask.headers.get("authorization", ""), expected) else missing
        return None


def _through_filters(ask: Ask, node: PublishNode) -> Reply:
    return node.answer(ask) if dispatcher.allows(ask) else node.lost(ask)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _ip_blocked() -> Reply:
    """What Adobe's CDN says to an address that is not on the allow list (knowledge base article KA-20824)."""
    return html(
        "<html><head><title>405 Not allowed.</title></head><body><h1>405 Not allowed.</h1></body></html>", 405
    )
