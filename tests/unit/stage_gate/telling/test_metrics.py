"""Does monitoring hear of releases, and does no release depend on it?"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.rules.decision import Decision
from stage_gate.telling import metrics
from stage_gate.telling.release import read_release
from unit.stage_gate.release import Release

PAGE = Path(__file__).parents[4] / "docs" / "metrics.md"
Received = Callable[[], list[str]]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """A StatsD server on loopback, and Airflow configured to send there; gives what came since it was last asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        configured = {
            "STATSD_ON": "True",
            "STATSD_HOST": "127.0.0.1",
            "STATSD_PORT": str(server.getsockname()[1]),
            "STATSD_INFLUXDB_ENABLED": "True",
        }
        for name, value in configured.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
        stats.initialize(factory=get_stats_factory(), export_legacy_names=False)
        try:
            yield lambda: sorted(_waiting(server))
        finally:
            monkeypatch.undo()
            stats.initialize(factory=get_stats_factory(), export_legacy_names=False)


def _waiting(server: socket.socket) -> Iterator[str]:
    """A datagram on loopback has arrived when its sending returns."""
    while True:
        try:
            yield server.recv(65_536).decode()
        except BlockingIOError:
            return


def test_a_verdict_is_counted_and_timed_with_its_checks(
    receiver: Received, simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path)
    release.seal(Outcome.FAILED)
    sealed = release.evidence.load_seal(1)
    metrics.tell("larkfell", metrics.of_verdict(sealed))
    came = receiver()
    assert "airflow.stage_gate.verdicts,gate=larkfell,outcome=failed:1|c" in came
    deployed_at = sealed.candidate.stage_deployed_at
    assert deployed_at is not None
    took = (sealed.sealed_at - deployed_at) / timedelta(milliseconds=1)
    assert f"airflow.stage_gate.stage_to_verdict,gate=larkfell,outcome=failed:{took:.6f}|ms" in came
    checks = [each for each in came if each.startswith("airflow.stage_gate.checks,")]
    assert len(checks) == len(sealed.recorded)


def test_the_end_of_a_run_is_counted_with_or_without_a_decision(
    receiver: Received, simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    told = read_release(release.evidence, release.pin, release.gate)
    metrics.tell("larkfell", metrics.of_end(told))
    assert receiver() == ["airflow.stage_gate.decisions,gate=larkfell,decision=none:1|c"]
    sealed = release.evidence.load_seal(1)
    record = DecisionRecord(
        decision=Decision.HELD, sentence="Held.", by="Stage Gate", at=sealed.sealed_at + timedelta(seconds=90)
    )
    write_decision(release.evidence, record)
    told = read_release(release.evidence, release.pin, release.gate)
    metrics.tell("larkfell", metrics.of_end(told))
    count, whole, waited = receiver()
    assert count == "airflow.stage_gate.decisions,gate=larkfell,decision=held:1|c"
    assert whole.startswith("airflow.stage_gate.stage_to_decision,gate=larkfell,decision=held:")
    assert waited == "airflow.stage_gate.verdict_to_decision,gate=larkfell,decision=held:90000.000000|ms"


def test_a_backend_that_breaks_costs_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(stats, "incr", broken)
    with caplog.at_level(logging.WARNING):
        metrics.tell("larkfell", iter([(metrics.VERDICTS, 1, {"outcome": "passed"})]))
    assert "Metrics of this release are lost: ConnectionRefusedError: nobody listens" in caplog.text


def test_the_page_lists_every_metric_with_its_tags() -> None:
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `stage_gate.")
    ]
    assert rows == [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{tag}`' for tag in ('gate', *each.tags))} | {each.meaning} |"
        for each in metrics.METRICS
    ]
