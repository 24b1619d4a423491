"""What do two acting tasks find? One release whose approval waits, its evidence, and the truth about both.

The truth is kept beside the evidence, by whoever changes it here: what a seal is worth is never asked of the code
under test.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from requests.adapters import HTTPAdapter

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.tokens import TOKENS
from aem_checks.outcomes import Outcome
from faults.backstage import GUARDED, PROGRAM, Backstage
from faults.schedule import ChecksSaid, Schedule, Side
from simulator import Simulator
from stage_gate.acting.act import Act
from stage_gate.acting.right import Right
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate
from stage_gate.configuration.planning import plan_of
from stage_gate.evidence.claims import Claim, Rights, Ticket
from stage_gate.evidence.kept_decisions import StoredAnswer, write_answer
from stage_gate.evidence.pin import Pin, run_id_of
from stage_gate.evidence.signing import Keys, read_key
from stage_gate.evidence.store import Evidence
from stage_gate.observing.observe import candidate_of, read_surroundings
from stage_gate.rules.candidate import Candidate
from stage_gate.rules.decision import APPROVE, HALT, OVERRIDE, Decision
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.plan import RecordedResult
from stage_gate.rules.verdict import judge
from unit.adobe_cloud_manager.virtual_time import OneRetry
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import result

STRANGER = Keys(private=read_key("YSBzdHJhbmdlcidzIGtleSwgZm9yIHRlc3RzLCAzMiE="))
_OPTION = {Decision.APPROVED: APPROVE, Decision.OVERRIDDEN: OVERRIDE, Decision.HALTED: HALT}
_TESTED = {
    ChecksSaid.PASSED: Outcome.PASSED,
    ChecksSaid.FAILED: Outcome.FAILED,
    ChecksSaid.INCONCLUSIVE: Outcome.INCONCLUSIVE,
    ChecksSaid.MISSING: Outcome.PASSED,
    ChecksSaid.EMPTY: Outcome.PASSED,
}


class KeptAlive(HTTPAdapter):
    """Connections of reads outlive their session, since 10,000 schedules open many."""

    def close(self) -> None:
        pass


def new_hook() -> CloudManagerHook:
    hook = CloudManagerHook(backoff=OneRetry())
    hook.keep_alive_adapter = KeptAlive(pool_maxsize=2)
    hook._log = logging.getLogger(__name__)  # type: ignore[assignment]
    return hook


@dataclass
class Attempt:
    """What is true of one attempt, whatever its files say."""

    outcome: Outcome
    sealed: bool = False
    genuine: bool = True
    """As judged, and sealed with the gate's key."""
    running: bool = False
    """Its checks still run."""
    touched: bool = False
    """Something else changed stage since it was begun."""
    blind: bool = False
    """Cloud Manager did not show content copies when it was begun."""


@dataclass
class Truth:
    """What is true of one gate's evidence."""

    attempts: list[Attempt] = field(default_factory=list)
    answer: tuple[Decision, str] | None = None
    """What alice really wants, and of which seal."""

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]


class House:
    """What all schedules of one process share: simulator, hooks, gate files."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.backstage = Backstage(simulator)
        self.folder = folder
        self.hooks = [(new_hook(), new_hook()) for _ in range(2)]
        self._gates: dict[tuple[str, bool], Gate] = {}
        execution = self.backstage.as_read(self.backstage.begin_again())
        self.surroundings = read_surroundings(self.hooks[0][0], execution)
        """What stands around the release when its schedule begins: the same each time."""

    def gate(self, name: str, asks: bool) -> Gate:
        """A gate of that name; ``asks``: it asks alice about a failed verdict instead of halting."""
        if (name, asks) not in self._gates:
            file = (
                self.folder / name / f"{name}.yaml"
            )  # alone: of two that act on one pipeline none is loaded
            file.parent.mkdir(exist_ok=True)
            file.write_text(yaml.safe_dump(_gate_content(asks, self._stage_url)))
            gate = load_gate(file)
            waits = gate.waits.model_copy(update={"read_back": timedelta()})
            settings = gate.settings.model_copy(update={"waits": waits})
            self._gates[name, asks] = replace(gate, settings=settings)
        return self._gates[name, asks]

    @property
    def _stage_url(self) -> str:
        host = next(host for host in self.surroundings.hosts if host.startswith("publish"))
        return f"https://{host}"


def _gate_content(asks: bool, stage_url: str) -> dict[str, object]:
    return {
        "pipeline": {"program": PROGRAM, "pipeline": GUARDED},
        "sites": [{"name": "larkfell", "stage": stage_url, "pages": ["/"]}],
        "mode": "guard",
        "checks": {"others": False, "settled": {}, "key_pages": {}},
        "policy": {"failed": {"ask": ["alice"]}} if asks else {},
    }


class Scene:
    """One release, begun again for one schedule."""

    def __init__(self, house: House, schedule: Schedule) -> None:
        self.house, self.schedule = house, schedule
        self.backstage = house.backstage
        self.store = house.folder / "evidence"
        shutil.rmtree(self.store, ignore_errors=True)
        TOKENS._useless.clear()
        for who, side in enumerate(schedule.sides):
            house.gate(_gate_name(who, side), side.asks)
        self.execution_id = self.backstage.begin_again()
        self.path = self.backstage.approval_path(self.execution_id)
        self.under_way: list[str] = []
        self.claims: list[tuple[int, Decision]] = []
        self.tickets: list[tuple[int, Decision]] = []
        """Who has taken it, and for what."""
        self.rebuilt_needed = False
        """Something may have put other code on stage, and no build marker shows which one answers."""
        self.still_running = False
        """A change of stage that has begun and does not end."""
        self.unreadable = False
        """Cloud Manager does not show content copies just now."""
        for hooks in house.hooks:
            for hook in hooks:
                hook._clock_offset = None
        self.gates: list[Gate] = []
        self.evidence: list[Evidence] = []
        self.truths: list[Truth] = []
        self.pinned_at = datetime.now(UTC)
        self.is_set_up = False
        self._set_up()
        self.is_set_up = True

    def _set_up(self) -> None:
        for who, side in enumerate(self.schedule.sides):
            if who == 1 and self.schedule.shared:
                self.gates.append(self.gates[0])
                self.evidence.append(self.evidence[0])
                self.truths.append(self.truths[0])
                continue
            gate = self.house.gate(_gate_name(who, side), side.asks)
            self.gates.append(gate)
            self.evidence.append(Evidence(self.store, gate.name, self.execution_id, KEYS))
            self.truths.append(Truth())
            self._test(who, self.schedule.tested)

    def _pin(self, who: int) -> Pin:
        gate = self.gates[who]
        return Pin(
            gate=gate.name,
            gate_digest=gate.digest,
            gate_content=gate.content,
            program_id=PROGRAM,
            pipeline_id=GUARDED,
            execution_id=self.execution_id,
            trigger="MANUAL",
            pinned_at=self.pinned_at,
        )

    def _test(self, who: int, tested: ChecksSaid) -> None:
        """Begin an attempt and write what its checks found; ``judge_and_seal`` makes a verdict of it."""
        evidence, truth = self.evidence[who], self.truths[who]
        candidate = self._candidate(who)
        plan = plan_of(self.gates[who], self._pin(who), datetime.now(UTC), NO_DEMANDS)
        if tested is ChecksSaid.EMPTY:
            plan = plan.model_copy(update={"checks": ()})
        attempt = evidence.begin_attempt(plan, candidate)
        for check in plan.stage_checks[1 if tested is ChecksSaid.MISSING else 0 :]:
            entry = RecordedResult(
                candidate_digest=candidate.digest,
                attempt=attempt,
                settings_digest=check.settings_digest,
                result=result(
                    check.key, _TESTED[tested], kind=check.kind, site=check.site, severity=check.severity
                ),
            )
            evidence.write_result(attempt, entry)
        in_doubt = self.rebuilt_needed or self.still_running or self.unreadable
        proves = _TESTED[tested] is not Outcome.PASSED or (tested is ChecksSaid.PASSED and not in_doubt)
        truth.attempts.append(
            Attempt(
                _TESTED[tested] if proves else Outcome.INCONCLUSIVE,
                touched=self.still_running,
                blind=self.unreadable,
            )
        )

    def _candidate(self, who: int) -> Candidate:
        execution = self.backstage.as_read(self.execution_id)
        if not self.is_set_up:
            return candidate_of(execution, self.house.surroundings)
        return candidate_of(execution, read_surroundings(self.house.hooks[who][0], execution))

    def retest(self, who: int, tested: ChecksSaid | None) -> None:
        """Begin the next attempt, with the stage as it is now; ``None`` where its checks still run."""
        evidence, truth = self.evidence[who], self.truths[who]
        if tested is not None:
            self._test(who, tested)
            return
        attempt = evidence.attempts()
        evidence.begin_attempt(evidence.read_plan(attempt), evidence.read_candidate(attempt))
        before = truth.newest
        truth.attempts.append(
            Attempt(Outcome.INCONCLUSIVE, running=True, touched=before.touched, blind=before.blind)
        )

    def judge_and_seal(self, who: int) -> None:
        """What the task ``judge`` does; then alice answers, if her gate asks her. Raises ``EvidenceError``."""
        evidence, truth = self.evidence[who], self.truths[who]
        attempt = evidence.attempts()
        if not evidence.is_sealed(attempt):
            if truth.newest.sealed or truth.newest.running:
                return  # somebody took the seal away, or the checks still run
            evidence.seal(attempt, judge)
        if truth.newest.sealed:
            return
        truth.newest.sealed = True
        side = self.schedule.sides[who]
        if side.answer is not None and truth.newest.genuine:
            self.answer(who, side.answer)

    def answer(self, who: int, decision: Decision, *, keys: Keys = KEYS) -> None:
        """Alice answers to the newest seal; without the key, somebody else writes it."""
        evidence = self.evidence[who]
        sealed = evidence.load_seal(evidence.latest_sealed())
        self.write_answer(who, _OPTION[decision], sealed.digest, sealed.verdict.not_passed, keys)
        self.truths[who].answer = (decision, sealed.digest) if keys is KEYS else None

    def write_answer(self, who: int, option: str, seal: str, accepts: tuple[str, ...], keys: Keys) -> None:
        answer = StoredAnswer(
            option=option,
            by="alice",
            reason="Known.",
            at=datetime.now(UTC),
            seal_digest=seal,
            accepts=accepts,
        )
        write_answer(Evidence(self.store, self.gates[who].name, self.execution_id, keys), answer)

    def act(self, who: int, monotonic: object) -> Act:
        """What the task of this side builds of its run id and its gate."""
        reading, deciding = self.house.hooks[who]
        right = Right(
            gate=self.gates[who],
            gate_now=self.gates[who],
            gates_folder=self.house.folder,
            pin=self._pin(who),
            evidence=self.evidence[who],
            reading=reading,
        )
        dag_id, run_id = f"stage_gate.{self.gates[who].name}", run_id_of(self.execution_id)
        return Act(right, deciding, dag_id, run_id, monotonic=monotonic)  # type: ignore[arg-type]

    @property
    def claim_file(self) -> Path:
        return self._rights.place(Claim)

    @property
    def ticket_file(self) -> Path:
        return self._rights.place(Ticket)

    @property
    def _rights(self) -> Rights:
        return Rights(self.store, PROGRAM, GUARDED, self.execution_id)

    def is_same_run(self, who: int, other: int) -> bool:
        """Whether both are tries of one run."""
        return who == other or self.schedule.shared

    def may(self, who: int) -> bool:
        """Whether the newest attempt gives this side the right to act: verdict, policy, answer."""
        side, truth = self.schedule.sides[who], self.truths[who]
        outcome = truth.newest.outcome
        if side.decision is Decision.APPROVED:
            return outcome is Outcome.PASSED
        answered = truth.answer is not None and truth.answer[0] is side.decision
        if side.decision is Decision.OVERRIDDEN:
            return outcome is Outcome.FAILED and answered and side.asks
        return outcome is Outcome.FAILED and (answered or not side.asks)


def _gate_name(who: int, side: Side) -> str:
    return f"gate-{who}-{'asks' if side.asks else 'plain'}"
