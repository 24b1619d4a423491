"""Which servers make up the simulator, and how are they started in a loop? One port for each service."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from simulator.cloud_manager.blobs import BlobStore
from simulator.cloud_manager.routes import CloudManagerApi
from simulator.control import ControlApi
from simulator.faults import FaultRules
from simulator.ims import Ims
from simulator.io_events.routes import IoEventsApi, stranger_app
from simulator.io_events.service import IoEvents
from simulator.middleware import Surroundings, surround
from simulator.scenario import Scenario, ScenarioError
from simulator.sites import Site, Sites, known_defects
from simulator.world import World

HOST = "127.0.0.1"
SITE_LOGIN = ("simulated-user", "simulated-password")  # of a site whose access is `basic`


class Services:
    """The running services of one scenario. Use `start` and `stop` in one event loop."""

    def __init__(self, scenario: Scenario, *, first_port: int = 0) -> None:
        self.scenario = scenario
        self._next_port = first_port
        self._runners: list[web.AppRunner] = []
        self._clock: asyncio.Task[None] | None = None
        self.api_url = self.ims_url = self.blobs_url = ""

    async def start(self) -> None:
        """Bind every service on the loopback interface; with a first port, on consecutive ones from there."""
        if self.scenario.sites:
            _check_defects(self.scenario)
        faults = FaultRules(self.scenario.faults)
        self.sites = Sites(self.scenario.programs, wanted=self.scenario.sites)
        self.world = World(self.scenario, self.sites, faults)
        self.ims = Ims(self.scenario, self.world.now)
        self.around = Surroundings(faults, self.world.now, self.ims.expire_all)
        api = CloudManagerApi(self.world, self.ims)
        app = api.app()
        self.io_events = IoEvents(self.world)
        app.add_routes(ControlApi(self.world, self.ims, self.around, self.io_events).routes())
        self.api_url = await self._serve(app, "api")
        self.ims_url = await self._serve(self.ims.app(), "ims")
        self.blobs_url = api.blobs_url = await self._serve(BlobStore(self.world).app(), "blobs")
        for environment_id, site in self.sites.by_id.items():
            await self._serve_site(environment_id, site)
        self.sites.join(self.ims.accepts)
        events_url = await self._serve(IoEventsApi(self.io_events, self.world, self.ims).app(), "io-events")
        self.io_events.open(events_url, await self._serve(stranger_app(), "stranger"))
        self.io_events.start()
        self._clock = asyncio.create_task(self.world.run())

    async def stop(self) -> None:
        """Close every port; connections that are open are cut."""
        if self._clock is not None:
            self._clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock
            await self.io_events.stop()
            self.sites.close()
        for runner in self._runners:
            await runner.cleanup()

    def describe(self) -> dict[str, Any]:
        """Addresses, ids and credentials: what the ready file holds."""
        credential = self.scenario.credentials[0]
        first = self.scenario.first_program
        described: dict[str, Any] = {
            "simulated": True,
            "api_url": self.api_url,
            "ims_url": self.ims_url,
            "blobs_url": self.blobs_url,
            "io_events_url": self.io_events.url,
            "journal_url": self.io_events.first.journal_url,
            "client_id": credential.client_id,
            "client_secret": credential.client_secrets[0],
            "org_id": self.scenario.org_id,
            "program_id": first.id,
            "pipeline_id": self.scenario.first_pipeline.id if first.pipelines else None,
            "environments": {key: dict(self.sites.urls(key)) for key in self.sites.by_id},
            "environment": self.environment(),
        }
        for environment_id, site in reversed(self.sites.by_id.items()):
            urls = self.sites.urls(environment_id)
            described |= {f"{site.name}_url": urls["publish"], f"{site.name}_author_url": urls["author"]}
        return described

    def environment(self) -> dict[str, str]:
        """The environment variables that point Airflow at this simulator, with the log-in of a protected site."""
        credential = self.scenario.credentials[0]
        connection = {
            "conn_type": "adobe_cloud_manager",
            "login": credential.client_id,
            "password": credential.client_secrets[0],
            "extra": {"org_id": self.scenario.org_id},
        }
        stage = {"conn_type": "http", "login": SITE_LOGIN[0], "password": SITE_LOGIN[1]}
        return {
            "AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL": self.api_url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL": self.ims_url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__EVENTS_URL": self.io_events.url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__EVENT_KEYS_URL": self.io_events.url,
            "AIRFLOW__ADOBE_CLOUD_MANAGER__EVENT_VALIDATION_URL": self.io_events.validation_url,
            "AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT": json.dumps(connection),
            "AIRFLOW_CONN_SIMULATED_STAGE": json.dumps(stage),
        }

    async def _serve_site(self, environment_id: str, site: Site) -> None:
        publish = await self._serve(site.aem.app(), site.name)
        author = await self._serve(site.aem.author_app(), f"{site.name}-author")
        self.sites.set_urls(environment_id, publish=publish, author=author)

    async def _serve(self, app: web.Application, service: str) -> str:
        runner = web.AppRunner(surround(app, service, self.around), access_log=None, shutdown_timeout=0.1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, HOST, self._next_port).start()
        port = runner.addresses[0][1]
        self._next_port = port + 1 if self._next_port else 0
        return f"http://{HOST}:{port}"


def _check_defects(scenario: Scenario) -> None:
    for name, release in scenario.releases.items():
        unknown = (release.stage.defects | release.production.defects) - known_defects()
        if unknown:
            raise ScenarioError(
                f"release '{name}' has unknown defects {', '.join(sorted(unknown))}; "
                f"known are {', '.join(sorted(known_defects()))}"
            )
