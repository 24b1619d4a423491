"""What is done to an environment besides deployments: content is copied into it, it is restored, its variables change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from simulator.scenario import EnvironmentPlan, ProgramPlan, Scenario
from simulator.upkeep_plan import UpkeepPlan, VariablePlan

FIRST_ID = 9301


@dataclass
class ContentFlow:
    """A content copy; its status follows from the time."""

    id: str
    program_id: str
    plan: UpkeepPlan
    source: EnvironmentPlan
    target: EnvironmentPlan
    created_at: float

    def is_over(self, now: float) -> bool:
        return now >= self.created_at + self.plan.seconds

    def status(self, now: float) -> str:
        return self.plan.ends_as or "COMPLETED" if self.is_over(now) else "IN_PROGRESS"


@dataclass
class Restore:
    """A restore from a backup; its status follows from the time."""

    id: str
    plan: UpkeepPlan
    created_at: float

    def is_over(self, now: float) -> bool:
        return now >= self.created_at + self.plan.seconds

    def status(self, now: float) -> str:
        return self.plan.ends_as or "finished" if self.is_over(now) else "running"


@dataclass
class Variable:
    """A variable; while it is being changed it says so."""

    plan: VariablePlan
    changed_until: float = 0.0
    is_new: bool = False

    def status(self, now: float) -> str:
        if now >= self.changed_until:
            return "ready"
        return "creating" if self.is_new else "updating"


@dataclass
class State:
    """One environment."""

    plan: EnvironmentPlan
    status: str
    variables: dict[tuple[str, str], Variable] = field(default_factory=dict)
    restores: list[Restore] = field(default_factory=list)

    def shown_status(self, now: float) -> str:
        """As the API shows it: what goes on, else what was set."""
        if any(not each.is_over(now) for each in self.restores):
            return "restoring"
        if any(each.status(now) != "ready" for each in self.variables.values()):
            return "updating"
        return self.status


class Upkeep:
    """All environments of a scenario, and the content copies between them."""

    def __init__(self, scenario: Scenario, now: Callable[[], float]) -> None:
        self._programs, self._now, self._count = scenario.programs, now, 0
        self.begin_again()

    def begin_again(self) -> None:
        """Forget everything that was done."""
        self.content_flows: list[ContentFlow] = []
        self._states = {
            (program.id, plan.id): State(
                plan, plan.status, {_key(each): Variable(each) for each in plan.variables}
            )
            for program in self._programs
            for plan in program.environments
        }

    def state(self, program_id: str, environment_id: str) -> State:
        return self._states[program_id, environment_id]

    def stage(self) -> State:
        """The first stage environment of the first program."""
        program = self._programs[0]
        plan = _of_type(program, "stage")
        return self.state(program.id, plan.id)

    def do(self, plan: UpkeepPlan) -> str:
        """Let something happen to stage, or a content copy to production; the id of what was begun, or empty."""
        program, now, stage = self._programs[0], self._now(), self.stage()
        match plan.what:
            case "content copy":
                source = _of_type(program, "prod" if plan.onto == "stage" else "stage")
                target = _of_type(program, plan.onto)
                flow = ContentFlow(self._next_id(), program.id, plan, source, target, now)
                self.content_flows.append(flow)
                return flow.id
            case "restore":
                restore = Restore(self._next_id(), plan, now)
                stage.restores.append(restore)
                return restore.id
            case "variable":
                assert plan.variable is not None
                key = _key(plan.variable)
                stage.variables[key] = Variable(plan.variable, now + plan.seconds, key not in stage.variables)
            case "no variable":
                assert plan.variable is not None
                stage.variables.pop(_key(plan.variable), None)
            case "status":
                stage.status = plan.ends_as or "ready"
        return ""

    def _next_id(self) -> str:
        self._count += 1
        return str(FIRST_ID + self._count)


def _key(plan: VariablePlan) -> tuple[str, str]:
    return plan.service or "", plan.name


def _of_type(program: ProgramPlan, kind: Literal["stage", "prod"]) -> EnvironmentPlan:
    return next(plan for plan in program.environments if plan.type == kind)
