"""Which registrations are there, and what becomes of an event? It is in their journals and goes to their webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import Any

from simulator.cloud_manager.executions import Place
from simulator.execution import Event, Execution
from simulator.io_events.faults import EventFault, EventFaults
from simulator.io_events.handshake import shake_hands
from simulator.io_events.journal import Journal
from simulator.io_events.letters import Composer
from simulator.io_events.payloads import Emitted, emitted_by
from simulator.io_events.post import Post
from simulator.io_events.registrations import Handshake, Registration
from simulator.io_events.signing import KeyRing
from simulator.scenario import Scenario
from simulator.world import World

ORGANIZATION = "51400"  # number of the simulated organisation in journal URLs
VALIDATE = "/csm/registrations/validate"


class IoEvents:
    """I/O Events of one scenario. Not thread-safe: it belongs to one event loop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.keys, self.faults = KeyRing(), EventFaults()
        self.composer = Composer(self.keys)
        self.post = Post(world.now, self.composer, self.faults)
        self.registrations: dict[str, Registration] = {}
        self.emitted: list[Emitted] = []
        self.retry_after = 10  # seconds that a journal's reader is asked to wait at its end
        self._late: dict[str, list[Emitted]] = {}  # journal entries held back, by registration
        self.url = ""
        world.watchers.append(self)

    @property
    def _scenario(self) -> Scenario:
        return self._world.scenario

    def open(self, url: str, elsewhere: str) -> None:
        """Its own address and that of a stranger's server; one registration without a webhook is there at once."""
        self.url, self.composer.elsewhere = url, elsewhere
        self._add(self._scenario.credentials[0].client_id)

    @property
    def first(self) -> Registration:
        return next(iter(self.registrations.values()))

    @property
    def validation_url(self) -> str:
        return self.url + VALIDATE

    async def register(
        self, url: str, *, client_id: str | None = None, handshake: Handshake = "sync", **options: Any
    ) -> Registration:
        """A registration with a webhook, after the handshake. Raises ValueError for a URL on another machine."""
        registration = self._add(client_id or self._scenario.credentials[0].client_id, url=url, **options)
        if handshake != "none":
            await self.shake_hands(registration, handshake)
        return registration

    async def shake_hands(self, registration: Registration, handshake: Handshake = "sync") -> None:
        """Ask the webhook (again): what enabling a registration means."""
        registration.history.clear()
        registration.status, registration.unstable_since = "ACTIVE", None
        await shake_hands(
            self.post.session, registration, self.validation_url, self._world.now(), ask=handshake == "sync"
        )

    def is_validated(self, registration_id: str, challenge: str) -> bool:
        """A webhook fetched its validation URL: true if that was right and in time."""
        registration = self.registrations.get(registration_id)
        if registration is None or registration.challenge != challenge:
            return False
        registration.look(self._world.now())
        if registration.status == "PENDING":
            registration.status = "ACTIVE"
        return registration.status == "ACTIVE"

    def happened(self, place: Place, execution: Execution, change: Event) -> None:
        """An execution or a step has changed: most of the time nobody hears of it."""
        event = emitted_by(place, execution, change, self._scenario.org_id)
        if event is not None:
            self.emit(event)

    def emit(self, event: Emitted) -> None:
        """An event goes to every registration: into its journal, and to its webhook if that is enabled."""
        self.emitted.append(event)
        for registration in self.registrations.values():
            self._write(registration, event)
            if registration.takes_deliveries:
                self.post.post(registration, event)

    def time_moved(self) -> None:
        for registration in self.registrations.values():
            registration.look(self._world.now())
        self.post.wake()

    def expire_journals(self) -> None:
        for registration in self.registrations.values():
            registration.journal.expire()

    async def settle(self) -> None:
        """Return once everything that is due has been delivered, or has failed for now."""
        self.post.release()
        while True:
            self._world.tick()
            if self.post.is_idle:
                return
            await asyncio.sleep(0.005)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.post.run())

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _add(self, client_id: str, **options: Any) -> Registration:
        number = len(self.registrations) + 1
        id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, f"simulated registration {number} {self._scenario.org_id}"))
        journal_url = f"{self.url}/events/organizations/{ORGANIZATION}/integrations/{number}/{id_}"
        secrets = {plan.client_id: plan.client_secrets[0] for plan in self._scenario.credentials}
        options.setdefault("secret", secrets.get(client_id, "simulated-secret"))
        registration = Registration(
            id_, client_id, options.pop("secret"), Journal(id_), journal_url, **options
        )
        self.registrations[id_] = registration
        return registration

    def _write(self, to: Registration, event: Emitted) -> None:
        faults = {fault.effect: fault for fault in self.faults.pick(to.id, "journal")}
        if "reorder" in faults:
            self._hold_back(to, event, faults["reorder"])
        elif "lose" not in faults:
            for _ in range(faults["duplicate"].count if "duplicate" in faults else 1):
                to.journal.append(event.event, event.at)

    def _hold_back(self, to: Registration, event: Emitted, fault: EventFault) -> None:
        late = self._late.setdefault(to.id, [])
        late.append(event)
        if len(late) >= fault.count:
            for each in reversed(self._late.pop(to.id)):
                to.journal.append(each.event, self._world.now())
