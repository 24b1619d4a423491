"""How does a test use the simulator? `with Simulator.start(scenario) as sim:` on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from simulator.cloud_manager.executions import execution_resource
from simulator.cloud_manager.resources import Json
from simulator.control import start_execution, state_of
from simulator.faults import Fault
from simulator.holds import Hold
from simulator.io_events.control import IoEventsControl
from simulator.request_log import RecordedRequest
from simulator.scenario import Access, Scenario, load_scenario
from simulator.server import Services
from simulator.upkeep_plan import UpkeepPlan
from simulator.world import SeenAct

T = TypeVar("T")
PATIENCE = 120.0  # seconds for a call into the simulator's thread


class Simulator:
    """A running simulator. Every method may be called from any thread."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulator", daemon=True)

    @classmethod
    def start(
        cls, scenario: str | Path | Mapping[str, Any] | Scenario | None = None, *, first_port: int = 0
    ) -> Simulator:
        """Start one on free loopback ports, or on consecutive ones. Raises ScenarioError."""
        simulator = cls(Services(load_scenario(scenario), first_port=first_port))
        simulator._thread.start()
        try:
            simulator._call(simulator._services.start())
        except BaseException:
            simulator.stop()
            raise
        return simulator

    def stop(self) -> None:
        """Close every port and end the thread; may be called twice."""
        if self._loop.is_closed():
            return
        self._call(self._services.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def api_url(self) -> str:
        return self._services.api_url

    @property
    def ims_url(self) -> str:
        return self._services.ims_url

    @property
    def blobs_url(self) -> str:
        return self._services.blobs_url

    @property
    def stage_url(self) -> str:
        """Publish of the first stage environment, through dispatcher and CDN."""
        return str(self.describe()["stage_url"])

    @property
    def production_url(self) -> str:
        return str(self.describe()["production_url"])

    @property
    def stage_author_url(self) -> str:
        return str(self.describe()["stage_author_url"])

    @property
    def production_author_url(self) -> str:
        return str(self.describe()["production_author_url"])

    @property
    def client_id(self) -> str:
        return self._services.scenario.credentials[0].client_id

    @property
    def client_secret(self) -> str:
        return self._services.scenario.credentials[0].client_secrets[0]

    @property
    def org_id(self) -> str:
        return self._services.scenario.org_id

    @property
    def program_id(self) -> str:
        return self._services.scenario.first_program.id

    @property
    def pipeline_id(self) -> str:
        return self._services.scenario.first_pipeline.id

    @property
    def io_events(self) -> IoEventsControl:
        """Adobe I/O Events: registrations, deliveries, journals, and what goes wrong on their way."""
        services = self._services
        return IoEventsControl(services.io_events, self._call, services.world.now, services.scenario.org_id)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, oldest first, of all services."""
        return list(self._services.around.requests)

    @property
    def acts(self) -> list[SeenAct]:
        """Every advance and cancel so far, by API or by a person, refused ones included."""
        return list(self._services.world.acts)

    def describe(self) -> dict[str, Any]:
        """Addresses, ids and credentials, as in the ready file of the process."""
        return self._services.describe()

    def environment(self) -> dict[str, str]:
        """Environment variables that point Airflow at this simulator."""
        return self._services.environment()

    def start_execution(
        self,
        release: str | None = None,
        *,
        pipeline: str | None = None,
        trigger: Literal["MANUAL", "ON_COMMIT", "PUSH_UPGRADES", "RE_EXECUTE"] = "MANUAL",
        beside: bool = False,
        user: str | None = None,
        source: str | None = None,
    ) -> str:
        """Start an execution as a person (`user`, or the usual one) or a commit does; its id.

        `beside`: next to a running one. `source`: the stage-only execution that a production-only one goes on from,
        or None for the newest that has finished. Raises NoSource.
        """
        world = self._services.world
        return self._do(
            lambda: start_execution(
                world, release, pipeline=pipeline, trigger=trigger, beside=beside, user=user, source=source
            )
        )

    def next_release(self, name: str) -> None:
        """The next execution that is started through the API takes this release."""
        self._services.scenario.release(name)
        self._do(lambda: self._services.world.next_releases.append(name))

    def execution(self, execution_id: str) -> Json:
        """The execution now, as the API shows it. Raises KeyError."""
        return self._do(lambda: self._execution(execution_id))

    def inject(self, fault: Fault | Mapping[str, Any]) -> None:
        """Add a fault rule."""
        rule = fault if isinstance(fault, Fault) else Fault.model_validate(fault)
        self._do(lambda: self._services.around.faults.add(rule))

    def clear_faults(self) -> None:
        self._do(self._services.around.faults.clear)

    def hold(self, hold: Hold) -> Hold:
        """Let requests wait from now on; the same hold comes back."""
        self._do(lambda: self._services.around.holds.append(hold))
        return hold

    def let_go(self, hold: Hold) -> None:
        """Let everything go on that waits at this hold."""
        self._do(hold.let_go)

    def expire_tokens(self) -> None:
        """Every access token that was handed out is expired from now on."""
        self._do(self._services.ims.expire_all)

    def person(self, verb: Literal["approve", "reject", "cancel"], execution_id: str) -> None:
        """Somebody decides in Cloud Manager. Raises ActRefused when nothing waits."""
        self._do(lambda: self._services.world.person(verb, execution_id))

    def upkeep(self, what: str, **plan: Any) -> str:
        """Something is done to stage besides deployments, as `UpkeepPlan` says; its id, where it has one."""
        wanted = UpkeepPlan.model_validate({"what": what, **plan})
        return self._do(lambda: self._services.world.upkeep.do(wanted))

    def skip(self, seconds: float) -> None:
        """Let that much simulated time pass at once."""
        self._do(lambda: self._services.world.skip(seconds))

    def set_site(
        self,
        site: Literal["stage", "production"],
        *,
        access: Access | None = None,
        defects: set[str] | None = None,
    ) -> None:
        """Change a site behind the gate's back."""
        wanted = None if defects is None else frozenset(defects)
        self._do(lambda: self._services.world.site(site).set(access=access, defects=wanted))

    def service_credentials(self, *, days: int = 365) -> dict[str, Any]:
        """Service credentials as the AEM Developer Console issues them, with a key of this simulator."""
        return self._do(lambda: self._services.ims.service_credentials(days=days))

    def state(self) -> dict[str, Any]:
        """The world in short, as GET /_simulator/state answers it."""
        return self._do(lambda: state_of(self._services.world))

    def _execution(self, execution_id: str) -> Json:
        world = self._services.world
        world.tick()
        state, execution = world.find(execution_id)
        return execution_resource(execution, state.place, last=execution is state.last)

    def _do(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self._call(call())

    def _call(self, coroutine: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(patience)
