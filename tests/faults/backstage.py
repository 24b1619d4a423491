"""How is one simulator used for thousands of schedules? It begins again for each, with everything at once."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping
from typing import Any

import requests

from adobe_cloud_manager import models as parsed
from faults.direct import Direct
from simulator import Fault, Simulator
from simulator.acts import ActRefused
from simulator.cloud_manager.executions import execution_resource
from simulator.execution import Execution, Step
from simulator.holds import Hold
from simulator.request_log import RecordedRequest
from simulator.upkeep_plan import UpkeepPlan

PROGRAM, GUARDED, SIBLING = "12345", "678901", "678904"
_STEPS = (
    "validate",
    "build",
    "codeQuality",
    "buildImage",
    "deploy stage",
    "productTest",
    "functionalTest",
    "uiTest",
    "contentAudit",
    "deploy prod",
)
SCENARIO: dict[str, Any] = {
    "sites": False,
    "timing": {"tail": 0, "act": 0, "rollback": 0},
    "programs": [
        {
            "id": PROGRAM,
            "name": "Larkfell (simulated)",
            "environments": [
                {"id": "7654321", "name": "stage", "type": "stage"},
                {"id": "7654322", "name": "prod", "type": "prod"},
            ],
            "pipelines": [
                {
                    "id": GUARDED,
                    "name": "Production",
                    "kind": "full-stack production",
                    "stage": "7654321",
                    "production": "7654322",
                },
                {"id": SIBLING, "name": "Web tier", "kind": "web-tier", "stage": "7654321"},
            ],
        }
    ],
    "releases": {
        "good": {"steps": dict.fromkeys(_STEPS, 0)},
        "slow": {"steps": {**dict.fromkeys(_STEPS, 0), "deploy stage": 3600}},
    },
}
"""No step takes time: an execution waits for its approval as soon as it is begun."""


class Backstage:
    """The simulator from behind. Only while nothing asks it, so that no lock is needed."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._services = simulator._services
        self._world = self._services.world
        self._direct = Direct(simulator)
        clock = self._services._clock
        assert clock is not None
        simulator._do(clock.cancel)  # time goes on when it is wanted to, and never in another thread

    def close(self) -> None:
        self._direct.close()

    def begin_again(self) -> str:
        """Forget everything, start the execution to guard; its id is the same each time."""
        for state in self._world.pipelines(PROGRAM):
            state.executions.clear()
        self._world.acts.clear()
        self._world.upkeep.begin_again()
        self._world.lost_rights.clear()
        self._world._agenda.clear()
        self._world._count = 0
        self._world._skipped = 0.0
        self._services.around.holds.clear()
        self._services.around.requests.clear()
        self.clear_faults()
        execution_id = self.begin(GUARDED)
        self._world._skipped = 5.0  # what is begun from now on is later than the stage deployment
        return execution_id

    def begin(
        self, pipeline: str, release: str = "good", trigger: str = "MANUAL", *, beside: bool = False
    ) -> str:
        """Start an execution and bring it as far as it goes by itself; its id."""
        state = self._world.pipeline(PROGRAM, pipeline)
        assert state is not None
        execution = self._world.start(state, release, trigger=trigger, beside=beside)
        self._world.tick()
        return str(execution.id)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request since this schedule began."""
        return self._services.around.requests

    def execution(self, execution_id: str) -> Execution:
        self._world.tick()
        return self._world.find(execution_id)[1]

    def as_read(self, execution_id: str) -> parsed.Execution:
        """The execution as a client reads it, without a request."""
        state, execution = self._world.find(execution_id)
        shown = execution_resource(execution, state.place, last=execution is state.last)
        return parsed.Execution.parse(shown)

    def approval(self, execution_id: str) -> Step:
        steps = self.execution(execution_id).steps
        return next(step for step in steps if step.blueprint.action == "approval")

    def approval_path(self, execution_id: str) -> str:
        """Where a PUT to the go-live step of this execution leads, without the verb."""
        state, execution = self._world.find(execution_id)
        return state.place.step_href(execution, self.approval(execution_id))

    def person(self, verb: str, execution_id: str) -> None:
        """Somebody decides in Cloud Manager, if there is anything to decide."""
        with contextlib.suppress(ActRefused):
            self._world.person(verb, execution_id)
        self._world.tick()

    def arrive(self, execution_id: str, verb: str) -> None:
        """A request that was under way is carried out now, if it still can be."""
        execution = self.execution(execution_id)
        act = self._world.advance if verb == "advance" else self._world.cancel
        with contextlib.suppress(ActRefused):
            act(
                execution, self.approval(execution_id), {"approved": verb == "advance"}, "a request under way"
            )
        self._world.tick()

    def show_waiting(self, execution_id: str, action: str) -> None:
        """Let another step say that it waits, with links of its own."""
        step = next(s for s in self.execution(execution_id).steps if s.blueprint.action == action)
        step.status = "WAITING"

    def upkeep(self, what: str, **plan: object) -> None:
        """Something is done to stage besides deployments."""
        self._world.upkeep.do(UpkeepPlan.model_validate({"what": what, **plan}))

    def turn_right(self, path: str) -> bool:
        """Take the right to read this path, or give it back; whether it is lost now."""
        self._world.lost_rights ^= {path}
        return path in self._world.lost_rights

    def answer(self, url: str, headers: Mapping[str, str]) -> requests.Response | None:
        """The answer to a GET that no fault may strike; ``None`` where it has to go over the wire."""
        return self._direct.answer(url, headers)

    def inject(self, fault: Fault) -> None:
        self._services.around.faults.add(fault)

    def fired(self) -> bool:
        """Whether the fault that is in force has met a request."""
        return any(seen[0] >= fault.nth for fault, seen in self._services.around.faults._rules)

    def keep_answers(self, nth: int, *, lasting: bool) -> Hold:
        """From the nth request on, or to it alone, the answer is ready and does not come before `hand_out`."""
        numbers = itertools.count(1)

        def wants(request: RecordedRequest) -> bool:
            if not request.path.startswith("/api/"):
                return False
            number = next(numbers)
            return number >= nth if lasting else number == nth

        return self._simulator.hold(Hold(wants, answered=True))

    def hand_out(self, kept: Hold) -> None:
        """The answers come, to clients that are gone."""
        self._simulator.let_go(kept)

    def clear_faults(self) -> None:
        self._services.around.faults.clear()
