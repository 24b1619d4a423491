"""Which requests does I/O Events take? Journals, public keys, validations; and a stranger's key server beside it."""

from __future__ import annotations

import json

from aiohttp import web
from multidict import CIMultiDict

from simulator.cloud_manager import gateway
from simulator.ims import Ims
from simulator.io_events.journal import BadQuestion, Expired, Page, seconds_of
from simulator.io_events.registrations import Registration
from simulator.io_events.service import VALIDATE, IoEvents
from simulator.io_events.signing import STRANGER, key_pair
from simulator.world import World

JOURNAL = "/organizations/{organization}/integrations/{integration}/{registration}"
PAGE = 100  # events on a page without a limit


class IoEventsApi:
    """The servers of events-va6.adobe.io, static.adobeioevents.com and csm.adobe.io, on one port."""

    def __init__(self, events: IoEvents, world: World, ims: Ims) -> None:
        self._events, self._world, self._ims = events, world, ims

    def app(self) -> web.Application:
        app = web.Application()
        for prefix in ("", "/events"):
            app.router.add_get(prefix + JOURNAL, self._read)
            app.router.add_get(prefix + JOURNAL + "/validate", self._check)
        app.router.add_get("/prod/keys/{name}", self._key)
        app.router.add_get(VALIDATE, self._validate)
        return app

    async def _read(self, request: web.Request) -> web.Response:
        found = self._allowed(request)
        if isinstance(found, web.Response):
            return found
        self._world.tick()
        try:
            page = self._page(request, found)
        except Expired as gone:
            return web.Response(status=410, text=str(gone))
        except BadQuestion as bad:
            return gateway.gateway_error(400, "400000", str(bad))
        return self._shown(request, page)

    async def _check(self, request: web.Request) -> web.Response:
        found = self._allowed(request)
        if isinstance(found, web.Response):
            return found
        try:
            self._page(request, found)
        except Expired as gone:
            return web.Response(status=410, text=str(gone))
        except BadQuestion as bad:
            return gateway.gateway_error(400, "400000", str(bad))
        return web.Response(status=200)

    async def _key(self, request: web.Request) -> web.Response:
        pem = self._events.keys.pem(request.path)
        if pem is None:
            return web.Response(status=404, text="there is no such key")
        return web.Response(body=pem, content_type="application/x-pem-file")

    async def _validate(self, request: web.Request) -> web.Response:
        given = request.query.get("id", ""), request.query.get("challenge", "")
        if self._events.is_validated(*given):
            return web.json_response({"status": "validated"})
        return web.Response(status=400, text="no registration waits for that challenge")

    def _page(self, request: web.Request, registration: Registration) -> Page:
        journal, asked = registration.journal, request.query
        if "since" in asked and "seek" in asked:
            raise BadQuestion("since and seek exclude each other")
        after = journal.number_of(asked["since"]) if "since" in asked else None
        if asked.get("latest") == "true":
            after = journal.newest
        seconds = seconds_of(asked["seek"]) if "seek" in asked else None
        return journal.read(self._world.now(), after=after, limit=_limit(asked.get("limit")), seconds=seconds)

    def _shown(self, request: web.Request, page: Page) -> web.Response:
        limit = f"&limit={request.query['limit']}" if "limit" in request.query else ""
        headers: CIMultiDict[str] = CIMultiDict()
        headers.add("Link", f'<{request.path}?since={page.last}{limit}>; rel="next"')
        if not page.entries:
            headers.add("Link", f'<{request.path}/validate?since={page.last}{limit}>; rel="validate"')
            if request.query.keys() & {"since", "latest"}:  # Adobe's sample of an empty journal has none
                headers["retry-after"] = str(self._events.retry_after)
            return web.Response(status=204, headers=headers)
        registration = self._events.registrations[request.match_info["registration"]]
        shown = [
            {"position": registration.journal.position(entry.number), "event": entry.event}
            for entry in page.entries
        ]
        body = {"events": shown, "_page": {"last": page.last, "count": len(shown)}}
        return web.Response(body=json.dumps(body).encode(), headers=headers, content_type="application/json")

    def _allowed(self, request: web.Request) -> Registration | web.Response:
        """The registration whose journal is asked for, or the gateway's refusal."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self._ims.token(value) if scheme.lower() == "bearer" else None
        if not value:
            return gateway.gateway_error(403, "403010", "Oauth token is missing.")
        if token is None or self._ims.is_expired(token):
            return gateway.gateway_error(401, "401013", "Oauth token is not valid")
        if request.headers.get("x-api-key") != token.credential.client_id:
            return gateway.gateway_error(403, "403003", "Api Key is invalid")
        if request.headers.get("x-ims-org-id") != self._world.scenario.org_id:
            return gateway.gateway_error(403, "403025", "Profile is not valid")
        found = self._events.registrations.get(request.match_info["registration"])
        return found or web.Response(status=404, text="there is no such registration")


def stranger_app() -> web.Application:
    """A server of somebody else that hands out a stranger's public key at every path: nobody should ask it."""

    async def key(request: web.Request) -> web.Response:
        return web.Response(body=key_pair(STRANGER).pem, content_type="application/x-pem-file")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", key)
    return app


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isdigit() or int(text) < 1:
        raise BadQuestion("limit is a positive number")
    return int(text)
