"""What is going on in the simulated organisation? Executions, their effects on the sites, people, time."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from simulator.acts import ActRefused
from simulator.cloud_manager.executions import Place
from simulator.execution import GOOD_ENDS, Event, Execution, Step
from simulator.faults import FaultRules
from simulator.people import persons_body, run_to_the_end
from simulator.pipelines import blueprint
from simulator.scenario import Act, PipelinePlan, ProgramPlan, Release, Scenario, ScenarioError
from simulator.sites import Site, Sites
from simulator.upkeep import Upkeep

log = logging.getLogger(__name__)
FIRST_ID = 2345678
USUAL_PERSON = "0123456789ABCDE@AdobeID"


class Busy(Exception):
    """The pipeline has an execution that is not over."""


class NoSource(Exception):
    """The execution that a production-only one should go on from is not there, or has not finished."""


@dataclass(slots=True)
class PipelineState:
    """A pipeline with its executions, oldest first."""

    program: ProgramPlan
    plan: PipelinePlan
    place: Place
    executions: list[Execution] = field(default_factory=list)

    @property
    def last(self) -> Execution | None:
        return self.executions[-1] if self.executions else None

    @property
    def current(self) -> Execution | None:
        return next((execution for execution in reversed(self.executions) if not execution.is_over), None)

    def finished(self, wanted: str | None) -> Execution:
        """The execution of that id, or the newest, that has finished. Raises NoSource."""
        good = [each for each in self.executions if each.status == "FINISHED" and wanted in (None, each.id)]
        if not good:
            raise NoSource(f"pipeline {self.plan.id} has no finished execution {wanted or 'at all'}")
        return good[-1]


class Watcher(Protocol):
    """Somebody who hears of every change, in the order of its happening."""

    def happened(self, place: Place, execution: Execution, change: Event) -> None: ...

    def time_moved(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SeenAct:
    """An advance or cancel that was asked for, by whom, and what came of it (an HTTP status)."""

    at: float
    execution: str
    action: str
    verb: str
    body: Any
    by: str
    status: int


class World:
    """All state of the simulator. Not thread-safe: it belongs to one event loop."""

    def __init__(self, scenario: Scenario, sites: Sites, faults: FaultRules) -> None:
        self.scenario, self.sites, self.faults = scenario, sites, faults
        self.acts: list[SeenAct] = []
        self.next_releases: deque[str] = deque()
        self.watchers: list[Watcher] = []
        self._skipped = 0.0
        self.upkeep = Upkeep(scenario, self.now)
        self.lost_rights: set[str] = (
            set()
        )  # ends of paths of the API that every credential is refused, with 403
        self._count = 0
        self._agenda: list[tuple[float, Act, str]] = []
        self._changed = asyncio.Event()
        self._pipelines = {(p.id, plan.id): self._pipeline(p, n, plan) for p in scenario.programs
                           for n, plan in enumerate(p.pipelines)}  # fmt: skip
        for state in self._pipelines.values():
            self._write_history(state)

    def now(self) -> float:
        """The simulator's time in seconds since 1970: the real one plus what was skipped."""
        return time.time() + self._skipped

    def pipelines(self, program_id: str) -> list[PipelineState]:
        return [state for (program, _), state in self._pipelines.items() if program == program_id]

    def pipeline(self, program_id: str, pipeline_id: str) -> PipelineState | None:
        return self._pipelines.get((program_id, pipeline_id))

    def find(self, execution_id: str) -> tuple[PipelineState, Execution]:
        """The execution of that id. Raises KeyError with a sentence."""
        for state in self._pipelines.values():
            for execution in state.executions:
                if execution.id == execution_id:
                    return state, execution
        raise KeyError(f"there is no execution {execution_id} in the simulator")

    def start(
        self,
        state: PipelineState,
        release: str | None = None,
        *,
        trigger: str = "MANUAL",
        user: str | None = None,
        only: str | None = None,
        beside: bool = False,
        source: str | None = None,
    ) -> Execution:
        """Start an execution; without a release name the next queued one, or the scenario's first.

        `only` restricts it to one step; `beside` allows a second one next to a running one. A production-only
        pipeline goes on from the `source` execution, or from the newest good one, with its release unless another is
        named. Raises Busy and NoSource.
        """
        self.tick()
        if state.current is not None and not beside:
            raise Busy
        promoted = self._source(state, source)
        name = release or self._next_release(promoted)
        execution = self._begin(
            state, name, self.scenario.release(name), at=self.now(), trigger=trigger, user=user, only=only
        )
        if promoted is not None:
            execution.promote(promoted)
        self._tell(state, execution, Event(execution.created_at, None, execution.status))
        self.tick()
        self._changed.set()
        return execution

    def advance(self, execution: Execution, step: Step, body: Any, by: str) -> None:
        """Advance a step as the API does. Raises ActRefused."""
        self._act("advance", execution, step, body, by)

    def cancel(self, execution: Execution, step: Step, body: Any, by: str) -> None:
        """Cancel a step as the API does. Raises ActRefused."""
        self._act("cancel", execution, step, body, by)

    def person(self, verb: str, execution_id: str) -> None:
        """Somebody clicks approve, reject or cancel in Cloud Manager. Raises ActRefused."""
        _, execution = self.find(execution_id)
        self.tick()
        step = next((step for step in execution.steps if step.status == "WAITING"), None)
        if verb == "cancel":
            execution.abort(self.now())
            self._changed.set()
            return
        if step is None:
            raise ActRefused(409, "Nothing waits", f"no step of execution {execution_id} waits for a person")
        body, link = persons_body(step, approve=verb == "approve")
        self._act(link, execution, step, body, "a person")

    def skip(self, seconds: float) -> None:
        """Let that much time pass at once. Deployments that end in it are complete on the sites."""
        self._skipped += seconds
        self.tick()
        self._changed.set()
        for watcher in self.watchers:
            watcher.time_moved()

    def site(self, kind: str) -> Site:
        """The first site of that name, "stage" or "production". Raises KeyError."""
        for site in self.sites.by_id.values():
            if site.name == kind:
                return site
        raise KeyError(f"the scenario has no {kind} site")

    def tick(self) -> None:
        """Bring every execution up to now, with what follows from it."""
        now = self.now()
        for state in self._pipelines.values():
            for execution in [item for item in state.executions if not item.is_over]:
                for event in execution.tick(now):
                    self._follow(state, execution, event)
        due = [item for item in self._agenda if item[0] <= now]
        self._agenda = [item for item in self._agenda if item[0] > now]
        for _, act, execution_id in due:
            try:
                self._happen(act, execution_id)
            except (ActRefused, Busy, NoSource, KeyError, ScenarioError) as error:
                log.warning("simulated: a happening of execution %s had no effect: %s", execution_id, error)
        if due:
            self.tick()

    async def run(self) -> None:
        """Keep time until cancelled."""
        while True:
            self._changed.clear()
            self.tick()
            due = self._next_due()
            wait = None if due is None else max(0.0, due - self.now())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    def _act(self, verb: str, execution: Execution, step: Step, body: Any, by: str) -> None:
        self.tick()
        status = 202
        try:
            (execution.advance if verb == "advance" else execution.cancel)(step, body, self.now())
        except ActRefused as refusal:
            status = refusal.status
            raise
        finally:
            action = step.blueprint.action
            self.acts.append(SeenAct(self.now(), execution.id, action, verb, body, by, status))
            self._changed.set()

    def _tell(self, state: PipelineState, execution: Execution, change: Event) -> None:
        for watcher in self.watchers:
            watcher.happened(state.place, execution, change)

    def _follow(self, state: PipelineState, execution: Execution, event: Event) -> None:
        self._tell(state, execution, event)
        if event.step is None:
            return
        release = self._release_of(execution)
        self._move_site(execution, event, release)
        for happening in release.happenings:
            if (happening.step, happening.status) == (event.step.blueprint.key, event.status):
                self._agenda.append((event.at + happening.after, happening.act, execution.id))

    def _move_site(self, execution: Execution, event: Event, release: Release) -> None:
        step = event.step
        site = self.sites.by_id.get(step.blueprint.environment_id or "") if step is not None else None
        if step is None or site is None or step.blueprint.action != "deploy":
            return
        after = release.stage if site.name == "stage" else release.production
        if event.status == "RUNNING":
            site.begin(execution.artifacts_version, after, step.blueprint.plan.seconds)
        elif event.status in GOOD_ENDS:
            site.finish(execution.artifacts_version, after)
        elif event.status in ("ROLLING_BACK", "FAILED", "CANCELLED"):
            site.roll_back(self.scenario.timing.rollback)

    def _happen(self, act: Act, execution_id: str) -> None:
        state, _ = self.find(execution_id)
        if act.person is not None:
            self.person(act.person, execution_id)
        elif act.execution is not None:
            target = self.pipeline(state.program.id, act.pipeline) if act.pipeline else state
            if target is None:
                raise ScenarioError(f"a happening names pipeline {act.pipeline}, which is not there")
            self.start(target, act.execution, trigger=act.trigger, beside=True)
        elif act.upkeep is not None:
            self.upkeep.do(act.upkeep)
        elif act.fault is not None:
            self.faults.add(act.fault)
        elif act.aem_release is not None:
            self.site("stage").aem.aem_release = act.aem_release
        else:
            self.site("stage").set(access=act.access, defects=act.defects)

    def _begin(
        self,
        state: PipelineState,
        name: str,
        release: Release,
        *,
        at: float,
        trigger: str = "MANUAL",
        user: str | None = None,
        only: str | None = None,
    ) -> Execution:
        number = FIRST_ID + self._count
        self._count += 1
        moment = datetime.fromtimestamp(at, UTC)
        started_by = user or (USUAL_PERSON if trigger == "MANUAL" else None)
        execution = Execution.begin(
            blueprint(state.plan, release, only=only),
            at,
            id=str(number),
            release=name,
            trigger=trigger,
            artifacts_version=f"{moment:%Y.%m%d.%H%M%S}.{number:010d}",
            commit_id=hashlib.sha1(f"simulated {number}".encode(), usedforsecurity=False).hexdigest(),
            timing=self.scenario.timing,
            user=started_by,
        )
        state.executions.append(execution)
        return execution

    def _write_history(self, state: PipelineState) -> None:
        first = next(iter(self.scenario.releases.values()))
        usual = {key: plan for key, plan in first.steps.items() if plan.outcome in ("finished", "incomplete")}
        for number in range(state.plan.history, 0, -1):
            at = time.time() - 86400.0 * number
            execution = self._begin(state, "history", Release(steps=usual), at=at)
            run_to_the_end(execution)

    def _pipeline(self, program: ProgramPlan, number: int, plan: PipelinePlan) -> PipelineState:
        names = {environment.id: environment.name for environment in program.environments}
        index = self.scenario.programs.index(program) * 50 + number
        return PipelineState(program, plan, Place(program.id, plan, index, names, self.sites.urls))

    def _release_of(self, execution: Execution) -> Release:
        return self.scenario.releases.get(execution.release, Release())

    def _source(self, state: PipelineState, wanted: str | None) -> Execution | None:
        plan = state.plan
        source = self.pipeline(state.program.id, plan.source) if plan.source is not None else None
        if source is None and wanted is not None:
            raise NoSource(f"pipeline {plan.id} takes no source execution")
        return None if source is None else source.finished(wanted)

    def _next_release(self, promoted: Execution | None) -> str:
        if self.next_releases:
            return self.next_releases.popleft()
        known = promoted is not None and promoted.release in self.scenario.releases
        return promoted.release if promoted is not None and known else next(iter(self.scenario.releases))

    def _next_due(self) -> float | None:
        times = [item[0] for item in self._agenda]
        for state in self._pipelines.values():
            times += [x.next_due for x in state.executions if not x.is_over and x.next_due is not None]
        return min(times, default=None)
