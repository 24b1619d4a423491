"""Do machines that have nothing in common but a store keep one rate and one budget, and go slower without it?"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adobe_cloud_manager import shared_slots
from adobe_cloud_manager.budget import SharedBudget
from adobe_cloud_manager.shared_slots import SharedSlots, StoreLost
from aem_checks import rate_limit
from aem_checks.rate_limit import RateLimit
from local_redis import PASSWORD, redis_server
from stage_gate.commands.doctor_visit import examine_limits
from stage_gate.configuration.settings import may_span_machines
from stage_gate.observing.shared_turns import SharedTurns, share_limits

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
_A_MACHINE = """
import json, sys
from adobe_cloud_manager.shared_slots import SharedSlots
url, name, most, period, patience, times = json.loads(sys.argv[1])
slots = SharedSlots(url)
print(json.dumps([slots.take(name, most, period, patience) for _ in range(times)]))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def _unshared() -> Iterator[None]:
    yield
    rate_limit.share(None)


def _machines(folder: Path, count: int, *asked: object) -> list[float | None]:
    """What so many machines were given that begin at once, each with temporary files of its own."""
    running = []
    for number in range(count):
        (folder / str(number)).mkdir()
        around = {"PYTHONPATH": str(PLUGINS), "TMPDIR": str(folder / str(number)), "PATH": os.environ["PATH"]}
        command = [sys.executable, "-c", _A_MACHINE, json.dumps(asked)]
        running.append(subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True))
    return [wait for each in running for wait in json.loads(each.communicate()[0])]


def test_four_machines_take_turns_that_are_evenly_apart(store: str, tmp_path: Path) -> None:
    slots, began = SharedSlots(store), time.monotonic()
    assert slots.take("host a.example", 1, 100) == 0
    waits = _machines(tmp_path, 4, store, "host a.example", 1, 100, None, 10)
    last = slots.take("host a.example", 1, 100)
    assert last is not None
    assert len(waits) == 40
    # Whenever each of them asked, the turns lie where those of one machine would.
    assert last + time.monotonic() - began == pytest.approx(41 * 100, abs=50)


def test_four_machines_send_no_more_in_a_minute_than_one_may(store: str, tmp_path: Path) -> None:
    taken = _machines(tmp_path, 4, store, "budget", 30, 3600, 0, 20)
    assert taken.count(0.0) == 30
    assert taken.count(None) == 50


def test_an_act_counts_and_does_not_wait(store: str) -> None:
    budget = SharedBudget(SharedSlots(store), "of an act", 2)
    budget.note()
    budget.note()
    budget.note()
    assert budget.take(1) is None
    assert budget.take(1000) == pytest.approx(60, abs=5)


@pytest.mark.asyncio
@pytest.mark.usefixtures("_unshared")
async def test_requests_to_sites_take_the_turns_of_the_store(store: str, tmp_path: Path) -> None:
    share_limits(store)
    await RateLimit(0.001).acquire("b.example")
    wait = SharedSlots(store).take("host b.example", 1, 1)
    assert wait == pytest.approx(
        1, abs=1
    )  # the host was asked by the store's name, not by this machine's files
    assert isinstance(rate_limit.RateLimit()._turns, SharedTurns)
    share_limits("")
    assert not isinstance(rate_limit.RateLimit()._turns, SharedTurns)


class _Lost(SharedSlots):
    def take(self, *asked: object, **more: object) -> float | None:
        raise StoreLost("it is away")


@pytest.mark.asyncio
async def test_without_the_store_a_machine_goes_at_a_tenth_of_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    turns = SharedTurns(_Lost("redis://nowhere"))
    assert await turns.take("c.example", 10) == 0
    assert await turns.take("c.example", 10) == pytest.approx(100, abs=50)
    budget = SharedBudget(_Lost("redis://nowhere"), "c", 120)
    assert [budget.take(0) for _ in range(13)] == [0] * 12 + [None]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda url: url.replace(PASSWORD, "wrong-horse"), "AuthenticationError"),
        (lambda url: url.partition("@")[0] + "@127.0.0.1:1/0", "ConnectionError"),
    ],
)
def test_a_store_that_can_t_be_used_is_named_once_and_its_password_never(
    damage, told: str, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    slots = SharedSlots(damage(store), clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(StoreLost) as lost:
                slots.take("d", 1, 1)
            assert "horse" not in str(lost.value)
    assert [record.getMessage().count(told) for record in caplog.records] == [1]
    assert "horse" not in caplog.text
    now[0] += 31
    with caplog.at_level(logging.WARNING), pytest.raises(StoreLost):
        slots.take("d", 1, 1)
    assert len(caplog.records) == 2


def test_a_store_that_comes_back_is_used_again(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    slots = SharedSlots(store, clock=lambda: now[0])
    monkeypatch.setattr(slots, "_taking", lambda: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(StoreLost):
        slots.take("e", 1, 1)
    monkeypatch.undo()
    with pytest.raises(StoreLost, match="a moment ago"):
        slots.take("e", 1, 1)
    now[0] += 31
    assert slots.take("e", 1, 1) == 0


def test_a_missing_library_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreLost, match=r"run pip install 'aem-stage-gate\[redis\]'"):
        SharedSlots("redis://127.0.0.1:1").take("f", 1, 1)


@pytest.mark.parametrize(
    ("executor", "several"),
    [
        ("LocalExecutor", False),
        ("airflow.executors.local_executor.LocalExecutor", False),
        ("CeleryExecutor", True),
        ("LocalExecutor,KubernetesExecutor", True),
        ("LocalExecutor,airflow.providers.celery.executors.celery_executor.CeleryExecutor:far", True),
    ],
)
def test_which_executors_run_tasks_on_several_machines(
    executor: str, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert may_span_machines() is several


def test_the_doctor_says_for_whom_the_limits_hold(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_slots, "_TIMEOUT", 30)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert list(examine_limits()) == []
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    rate, budget = map(str, examine_limits())
    assert "? Limits: the rate per host holds for each machine alone" in rate
    assert "Set [adobe_cloud_manager] limits" in budget
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__LIMITS", store)
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__LIMITS", "http://somewhere")
    rate, budget = map(str, examine_limits())
    assert rate == "✔ Limits: the rate per host holds for all machines together"
    assert "✘ Limits: [adobe_cloud_manager] limits is not usable: give redis://" in budget
