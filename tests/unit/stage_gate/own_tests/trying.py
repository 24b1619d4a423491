"""A test of a team's own in a release, run as Airflow's task runner runs it: from ``execute``, or from a wait on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk import BaseOperator

from aem_checks.outcomes import CheckResult
from simulator import Simulator
from stage_gate.evidence.pin import run_id_of
from stage_gate.own_tests.running import Declared, Examined, as_mapped_test, as_test
from stage_gate.rules.own_tests import OwnTest
from stage_gate.rules.verdict import Verdict, judge
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.release import Release

GREEN = '<testsuite name="shop"><testcase name="basket"/><testcase name="login"/></testsuite>'
RED = GREEN.replace('"basket"/>', '"basket"><failure message="is empty"/></testcase>')


class Work(BaseOperator):
    """Does what a test says, each time that it is begun."""

    template_fields = ("told",)

    def __init__(self, *, does: Callable[..., Any] = lambda: None, told: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.does = does
        self.told = told
        self.killed = 0

    def execute(self, context: Any) -> Any:
        return self.does()

    def goes_on(self, context: Any, event: Any = None) -> Any:
        return self.does(event)

    def on_kill(self) -> None:
        self.killed += 1


class Trying:
    """One test of a release, with its task's memory in Airflow."""

    def __init__(
        self, simulator: Simulator, folder: Path, *, gate: dict[str, Any] | None = None, **test: Any
    ) -> None:
        values = {"name": "cypress", "site": "larkfell", "unisolated": True} | test
        self.test = OwnTest.model_validate(values)
        checks = {"checks": {"others": False, "key_pages": {}, "settled": {}}}
        self.release = Release(simulator, folder, own_tests=(self.test,), **checks, **(gate or {}))
        self.evidence = self.release.evidence
        self.attempt = self.release.begin()
        self.store = StateStore()
        self.stores: dict[int, StateStore] = {-1: self.store}
        self.tries = (1, 0)
        """Which try this is, and how many more there may be than one."""
        self.parts = 0

    def context(self, part: int = -1) -> Any:
        number, more = self.tries
        ti = SimpleNamespace(
            map_index=part,
            dag_id="stage_gate.larkfell",
            task_id="own_tests.cypress",
            run_id=run_id_of(self.release.execution_id),
            try_number=number,
            max_tries=more,
            get_ti_count=lambda **asked: self.parts,
        )
        return {
            "run_id": run_id_of(self.release.execution_id),
            "dag": SimpleNamespace(dag_id="stage_gate.larkfell"),
            "ti": ti,
            "task_state_store": self.stores.setdefault(part, StateStore()),
        }

    def task(
        self, does: Callable[..., Any] = lambda: None, examined: Examined | None = None, **more: Any
    ) -> Any:
        declared = Declared(self.test, str(self.release.gate_file), examined)
        kind = as_mapped_test(Work, declared) if self.test.mapped else as_test(Work)
        task: Any = kind(task_id="cypress", does=does, **more)  # type: ignore[call-arg]
        task.declared = declared
        return task

    def run(
        self, does: Callable[..., Any] = lambda: None, examined: Examined | None = None, part: int = -1
    ) -> Any:
        return self.task(does, examined).execute(self.context(part))

    def resume(self, does: Callable[..., Any], event: Any = None, method: str = "goes_on") -> Any:
        return self.task(does).resume_execution(method, {"event": event}, self.context())

    @property
    def results(self) -> list[CheckResult]:
        found = self.evidence.read_results(self.attempt)
        return [each.result for each in found if each.result.key == self.test.key]

    @property
    def result(self) -> CheckResult:
        [only] = self.results
        return only

    @property
    def codes(self) -> list[str]:
        return [each.code.removeprefix("tasks.") for each in self.result.findings]

    def verdict(self) -> Verdict:
        """Of the release whose other checks all passed."""
        plan = self.evidence.read_plan(self.attempt)
        for check in plan.stage_checks:
            if check.kind != "tasks":
                self.release.keep(self.attempt, check)
        return judge(
            plan, self.evidence.read_candidate(self.attempt), self.evidence.read_results(self.attempt)
        )
