"""How does one attack go? A release is brought into its phase, attacked, let go, and what was won is cashed in."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integration.play import PATIENCE
from simulator.acts import ActRefused
from simulator.execution import ENDED
from tampering.attacker import LIES, Attacker
from tampering.matrix import ASKED, ON_TASKS, Action, Phase, Raid
from tampering.watching import LOOK_EVERY, OVER, is_at_rest, puts_of, states_of

if TYPE_CHECKING:
    from integration.play import Play

IN_FLIGHT = 15.0
"""Seconds that a request to approve or reject is on its way while it is attacked."""
PATIENCE_WITH_AIRFLOW = 300.0
"""Seconds until a run that was marked failed has reported, or a scheduler has looked at what was cleared."""


@dataclass
class Fought:
    """What became of a raid."""

    raid: Raid
    execution: str = ""
    dag_id: str = ""
    cells: Counter[Action] = field(default_factory=Counter)
    answers: dict[Action, Counter[int]] = field(default_factory=dict)
    """HTTP status of Airflow's answers to the attack proper."""
    cashed: Counter[str] = field(default_factory=Counter)
    """States of the acting tasks that were run again at the end."""
    seconds: float = 0.0
    problem: str = ""

    def accepted(self, *actions: Action) -> int:
        """How many requests Airflow carried out, of these actions or of all."""
        return sum(number for status, number in self._answers(actions) if status < 400)

    def refused(self, *actions: Action) -> int:
        return sum(number for status, number in self._answers(actions) if status >= 400)

    def _answers(self, actions: tuple[Action, ...]) -> Iterator[tuple[int, int]]:
        for action in actions or self.raid.actions:
            yield from self.answers.get(action, Counter[int]()).items()


def fight(play: Play, raid: Raid, elsewhere: str) -> Fought:
    """Play a raid; what goes wrong with the means of it is told in `problem`. `elsewhere`: a proven execution."""
    began = time.monotonic()
    fought = Fought(raid, dag_id=play.dag_id)
    try:
        _Battle(play, raid, elsewhere, fought).run()
    except Exception as error:  # noqa: BLE001 - told in the report, which then is a failure
        fought.problem = f"{error!r}\n{traceback.format_exc()}"
    fought.seconds = time.monotonic() - began
    return fought


class _Battle:
    def __init__(self, play: Play, raid: Raid, elsewhere: str, fought: Fought) -> None:
        self.play = play
        self.raid = raid
        self.elsewhere = elsewhere
        self.fought = fought

    def run(self) -> None:
        """All of it; afterwards the release is over, and so is its run."""
        self._release_file(ready=self.raid.phase is not Phase.TESTING)
        play, raid = self.play, self.raid
        self.execution = play.simulator.start_execution(raid.release, pipeline=play.pipeline)
        self.fought.execution = self.execution
        try:
            self._lose_the_act()
            self.run_id = play.guard(self.execution)
            self.attacker = Attacker(play.house.client(raid.attacker), play.dag_id, self.run_id)
            self._reach()
            self._attack()
            self._let_go()
            self._calm()
            self._cash_in()
        finally:
            self._end()

    def _release_file(self, *, ready: bool) -> None:
        self.play.file.touch() if ready else self.play.file.unlink(missing_ok=True)

    def _lose_the_act(self) -> None:
        """The first request that acts on this execution is on its way for some seconds, and then it is lost.

        The step goes on waiting, so whatever is sent after it would count.
        """
        if self.raid.phase in (Phase.APPROVING, Phase.HALTING):
            act = {"method": "PUT", "path": f"/execution/{self.execution}/.*/(advance|cancel)$"}
            self.play.simulator.inject({"effect": "delay", "seconds": IN_FLIGHT, **act})
            self.play.simulator.inject({"effect": "answer", "status": 504, **act})

    def _reach(self) -> None:
        """Wait until the run is in the phase."""
        match self.raid.phase:
            case Phase.WAITING:
                self._until("wait_for_stage_deployment", "deferred")
            case Phase.TESTING:
                self._until("stage_tests.waits_for_a_file", "running")
            case Phase.ASKING:
                self._until("ask_release_manager", "awaiting_input")
            case Phase.WINDOW:
                self._until("ask_for_hotfix", "awaiting_input")
            case Phase.HOLDING:
                self._until("hold_production", "deferred")
            case Phase.APPROVING | Phase.HALTING:
                self._until_sent()
            case Phase.APPROVED | Phase.HALTED:
                self.play.end(self.run_id)

    def _until(self, task: str, state: str) -> None:
        def there() -> bool | None:
            states = states_of(self.play, self.run_id)
            found = [each[0] for (name, _), each in states.items() if name == task]
            assert states.get(OVER) is None, f"{self.run_id} is over and {task} never was {state}: {states}"
            return True if state in found else None

        self.play.airflow.wait_until(
            there,
            PATIENCE,
            lambda: f"{task} is not {state}: {states_of(self.play, self.run_id)}",
            every=LOOK_EVERY,
        )

    def _until_sent(self) -> None:
        self.play.airflow.wait_until(
            lambda: True if puts_of(self.play, self.execution) else None,
            PATIENCE,
            lambda: f"no act was sent: {self.play.tasks(self.run_id)}",
        )

    def _attack(self) -> None:
        for action in self.raid.actions:
            tasks = self.attacker.tasks[self.raid.part :: self.raid.parts]
            for task in tasks if action in ON_TASKS else []:
                self._attack_task(action, task)
            if action not in ON_TASKS:
                self._attack_run(action)
            self.fought.cells[action] = len(tasks) if action in ON_TASKS else 1
            self.fought.answers[action] = self.attacker.forget()

    def _attack_task(self, action: Action, task: dict[str, Any]) -> None:
        name, attacker = task["task_id"], self.attacker
        match action:
            case Action.MARK_SUCCESS:
                attacker.mark(name, "success")
            case Action.MARK_FAILED:
                attacker.mark(name, "failed")
            case Action.CLEAR:
                attacker.clear([name])
            case Action.CLEAR_DOWNSTREAM:
                attacker.clear([name], downstream=True)
            case Action.XCOM:
                attacker.edit_xcoms(task, f"execution-{self.elsewhere}")
            case Action.STATE_STORE:
                attacker.edit_state_store(task, LIES)

    def _attack_run(self, action: Action) -> None:
        match action:
            case Action.VARIABLE:
                tasks = [task["task_id"] for task in self.attacker.tasks]
                for key in (*LIES, *tasks, "stage_gate", self.play.dag_id):
                    self.attacker.set_variable(key, "passed")
            case Action.RUN_CONF:
                self._forge_conf()
            case Action.DELETE_RUN:
                self._start_again({})
            case Action.FORGED_RUNS:
                self._forge_runs()
            case Action.FORGED_ANSWERS:
                self._forge_answers()

    def _forge_conf(self) -> None:
        """Airflow has no request that changes the conf of a run: it is tried, then the run is started anew with it."""
        lies = {**LIES, "mode": "guard", "execution": self.elsewhere}
        self.attacker.tell("PATCH", self.attacker.run, {"conf": lies})
        self.attacker.trigger(self.run_id, lies)
        self._start_again(lies)

    def _start_again(self, conf: dict[str, Any]) -> None:
        """Delete the run, which Airflow allows once it is over, and start it again under its id."""
        attacker = self.attacker
        attacker.tell("PATCH", attacker.run, {"state": "failed"})
        self._calm(PATIENCE_WITH_AIRFLOW)
        attacker.tell("DELETE", attacker.run)
        self.play.house.view.look_again()
        attacker.trigger(self.run_id, conf)

    def _forge_runs(self) -> None:
        """Runs of this gate that claim to be about another pipeline's execution, or about this one by another name."""
        own, other = self.execution, self.elsewhere
        arabic = "".join(chr(0x0660 + int(digit)) for digit in own)
        names = [
            f"execution-{each}" for each in (other, f"0{own}", arabic, f"{own} ", f"{own}/../{other}", "²")
        ]
        for name in names:
            forged = Attacker(self.attacker.client, self.play.dag_id, name)
            if forged.trigger(name, dict(LIES)) < 400:
                self._make_it_look_right(forged)
            self.attacker.answers += forged.answers
        for number, conf in enumerate(
            ({"execution": other}, {"execution": f"0{own}"}, {"execution": arabic})
        ):
            self.attacker.trigger(f"manual-{self.execution}-{number}", conf)

    def _make_it_look_right(self, forged: Attacker) -> None:
        """Everything but the acts is marked success, and the XComs lead to them."""
        for task in forged.tasks:
            if task["task_id"] not in _acts(forged):
                forged.edit_xcoms(task, self.run_id)
                forged.mark(task["task_id"], "success")
        forged.clear(_acts(forged))

    def _forge_answers(self) -> None:
        """Answers that were not asked for, and an answer twice. Nobody who is asked gives a reason here."""
        lies = {"seal": "0" * 64, "seal_digest": "0" * 64, "by": "admin", "accepts": "all 1 named above"}
        fine = {"reason": "it is fine"} if self.raid.attacker != ASKED else {}
        tries: list[tuple[list[str], dict[str, Any]]] = [
            (["Approve"], {**lies, "reason": "it is fine"}),
            (["approve_production"], {**lies, "reason": "it is fine"}),
            (["Override", "Halt"], {**lies, "reason": "it is fine"}),
            (["Release now"], {**lies, **fine}),
            (["Override"], {**lies, "reason": "   ", **fine}),
            (["Override"], {**lies, **fine}),
        ]
        for question in self.attacker.questions():
            for options, params in tries:
                self.attacker.answer(question, options, params)
        for task in self.attacker.tasks:
            if task["task_id"].startswith("ask_"):
                self.attacker.edit_xcoms(task, self.run_id)

    def _let_go(self) -> None:
        """What kept the release in its phase gives way."""
        self._release_file(ready=True)
        if self.raid.phase is Phase.WAITING:
            self.play.person("approve", self.run_id)
        self.play.house.view.look_again()

    def _cash_in(self) -> None:
        """Make everything just before the acts look right, then run the acts again and nothing else."""
        acts = _acts(self.attacker)
        for task in self.attacker.tasks:
            leads = set(task["downstream_task_ids"] or []) & set(acts)
            if leads and task["task_id"] not in acts:
                self.attacker.mark(task["task_id"], "success")
                self.attacker.edit_xcoms(task, self.run_id)
        self.attacker.clear(acts)
        self._wait_for_a_try(acts)
        self._calm()
        states = states_of(self.play, self.run_id)
        self.fought.cashed = Counter(str(each[0]) for (name, _), each in states.items() if name in acts)

    def _wait_for_a_try(self, acts: list[str]) -> None:
        """Give a busy scheduler time to look at what was cleared; that it never does is for the report."""
        self.play.house.view.look_again()
        until = time.monotonic() + PATIENCE_WITH_AIRFLOW
        while time.monotonic() < until:
            self.play.house.still_open()
            states = states_of(self.play, self.run_id)
            if any(each[0] is not None for (name, _), each in states.items() if name in acts):
                return
            time.sleep(LOOK_EVERY)

    def _calm(self, patience: float = PATIENCE) -> None:
        """Wait until the run is over, or its gate holds or asks, or nothing happens any more."""
        self.play.house.view.look_again()
        until, seen, since = time.monotonic() + patience, None, time.monotonic()
        while time.monotonic() < until:
            self.play.house.still_open()
            states = states_of(self.play, self.run_id)
            if states != seen:
                seen, since = states, time.monotonic()
            if is_at_rest(states, time.monotonic() - since):
                return
            time.sleep(LOOK_EVERY)
        raise TimeoutError(f"{self.run_id} did not come to rest: {seen}")

    def _end(self) -> None:
        """Close the execution in Cloud Manager and take the run out of Airflow's way."""
        self.play.airflow.wait_until(self._closed, PATIENCE, lambda: f"{self.execution} does not end")
        janitor = Attacker(self.play.airflow, self.play.dag_id, f"execution-{self.execution}")
        janitor.tell("PATCH", janitor.run, {"state": "failed"})

    def _closed(self) -> bool | None:
        """Whether the execution is over; while it is not, whatever it waits for is rejected, or it is cancelled."""
        simulator = self.play.simulator
        if simulator.execution(self.execution)["status"] in ENDED:
            return True
        for verb in ("reject", "cancel"):
            with contextlib.suppress(ActRefused):
                simulator.person(verb, self.execution)
        return None


def _acts(attacker: Attacker) -> list[str]:
    """The tasks that can approve or reject, however many the Dag has."""
    kinds = {task["task_id"]: task["class_ref"] or {} for task in attacker.tasks}
    return [task for task, kind in kinds.items() if _sends(kind)]


def _sends(kind: dict[str, str]) -> bool:
    name = kind.get("class_name", "")
    in_acts = kind.get("module_path") == "stage_gate.tasks.acts" and name != "RecordBypass"
    return in_acts or name == "TrustingApproval"
