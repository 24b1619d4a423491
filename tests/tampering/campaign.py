"""Where are the attacks fought? One Airflow, one simulator, some gates side by side, each with one raid at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from integration.cases import Case
from integration.house import STRANGERS, House
from integration.play import PATIENCE, Play
from stage_gate.local.local_airflow import LocalAirflowError
from tampering.battle import Fought, fight
from tampering.matrix import ASKED, BROKEN, BROKEN_AND_WAITS, GOOD, USERS, GateKind, Raid
from tampering.outcome import Report, Sent

_BAD_PAGE = {"stage": {"defects": ["page_500"]}}
RELEASES: Mapping[str, Any] = MappingProxyType(
    {
        GOOD: {},
        BROKEN: _BAD_PAGE,
        BROKEN_AND_WAITS: {**_BAD_PAGE, "steps": {"codeQuality": {"outcome": "waiting"}}},
    }
)
_ASKS = {"ask": [ASKED], "within": "30m", "silence": "hold"}
_ON_FAILED: Mapping[GateKind, Any] = MappingProxyType(
    {GateKind.HOLDS: "hold", GateKind.HALTS: "halt", GateKind.OWN: "hold"}
)
_REFUSING_TASKS = """\
import pathlib, time

@stage_test(isolation="accepted")
def refuses(candidate):
    while not pathlib.Path(f"FOLDER/../{candidate.gate}.go").resolve().exists():
        time.sleep(0.5)
    raise AssertionError("this release is refused")

parts = BashOperator.partial(task_id="parts", retries=0).expand(bash_command=["false", "true"])
as_stage_test(parts, examined=1, isolation="accepted")
"""
_LONG = dict.fromkeys(("stage_deployment", "approval", "production_deployment"), "30m")
_WAITS = {"poll": "2s", "read_back": "6s", **_LONG}
_CHECKS = {"waits_for_a_file": {"file": "of the case"}}
DAGS = Path(__file__).parent / "dags"


class GuardedHouse(House):
    """A house whose scheduler is started again when it dies, as every deployment does.

    Airflow's scheduler ends with an ObjectDeletedError when somebody deletes the run that it is looking at.
    """

    restarts = 0
    _reviving = threading.Lock()

    def _environment(self) -> dict[str, str]:
        lost_tasks = {
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        }
        return super()._environment() | lost_tasks

    def still_open(self) -> None:
        with self._reviving:
            try:
                super().still_open()
            except LocalAirflowError as error:
                if "scheduler" not in str(error).split(" ended ")[0]:
                    raise
                self.restarts += 1
                self.airflow.kill("scheduler")
                self.airflow.start_component("scheduler")


def fight_all(
    folder: Path, raids: Iterable[Raid], *, gates: int, say: Callable[[str], None] = lambda line: None
) -> Report:
    """Fight every raid, on about so many gates side by side; `say` hears of each that is over."""
    queues = {kind: deque[Raid]() for kind in GateKind}
    for raid in raids:
        queues[raid.gate].append(raid)
    results: list[Fought] = []
    elsewhere, known = list[str](), threading.Event()

    def script(kind: GateKind) -> Callable[[Play], Any]:
        def lane(play: Play) -> None:
            known.wait(PATIENCE)
            while (raid := _next(queues[kind])) is not None:
                results.append(fight(play, raid, elsewhere[0]))
                say(line_of(results[-1]))

        return lane

    lanes = [_lane(kind, number, script(kind)) for kind, number in _lanes(queues, gates)]
    with GuardedHouse(folder, lanes, dags=DAGS, users=USERS, releases=RELEASES) as house:
        elsewhere.append(house.simulator.start_execution(GOOD, pipeline=STRANGERS))
        known.set()
        for future in house.ends.values():
            future.result()
        return Report(
            results, [Sent.of(each) for each in house.simulator.requests if Sent.is_act(each)], house.evidence
        )


def line_of(fought: Fought) -> str:
    end = (
        fought.problem.splitlines()[0]
        if fought.problem
        else f"{fought.accepted()} accepted, {fought.refused()} refused"
    )
    return f"{fought.seconds:5.1f} s  {fought.raid}: {end}"


def _next(queue: deque[Raid]) -> Raid | None:
    try:
        return queue.popleft()
    except IndexError:
        return None


def _lanes(queues: Mapping[GateKind, Sequence[Raid]], gates: int) -> Iterable[tuple[GateKind, int]]:
    """As many gates of a kind as its share of the raids, one at least."""
    everything = sum(map(len, queues.values())) or 1
    for kind, queue in queues.items():
        share = min(len(queue), max(1, round(gates * len(queue) / everything)))
        yield from ((kind, number) for number in range(share))


def _lane(kind: GateKind, number: int, script: Callable[[Play], Any]) -> Case:
    policy = {
        "failed": _ON_FAILED.get(kind, _ASKS),
        **({"windows": _frozen()} if kind is GateKind.WINDOW else {}),
    }
    return Case(
        name=f"{kind}_{number}",
        script=script,
        gate={"checks": _CHECKS, "policy": policy, "waits": _WAITS},
        dag_file=_REFUSING_TASKS if kind is GateKind.OWN else "",
    )


def _frozen() -> Mapping[str, Any]:
    """A calendar that is closed from yesterday to the day after tomorrow."""
    today = datetime.now(UTC).date()
    days = f"{today - timedelta(days=1)} to {today + timedelta(days=2)}"
    hotfix = {"ask": [ASKED], "within": "30m"}
    return {"timezone": "UTC", "frozen": [{"days": days, "why": "nobody releases here"}], "hotfix": hotfix}
