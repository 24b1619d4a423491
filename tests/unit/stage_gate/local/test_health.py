"""Does the containers' health check say healthy only when Airflow says so?"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stage_gate.local import health
from unit.stage_gate.waiting import PATIENCE


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, object]]]:
    """An API server that answers what the test puts into the dictionary."""
    answer: dict[str, object] = {}
    monkeypatch.setattr(health, "trouble", partial(health.trouble, timeout=PATIENCE))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answer
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_part_with_a_heartbeat_is_healthy(airflow: tuple[str, dict[str, object]]) -> None:
    url, answer = airflow
    answer["triggerer"] = {"status": "healthy"}
    assert health.main([url, "triggerer"]) == 0


@pytest.mark.parametrize("status", ["unhealthy", None, "unknown", ""])
def test_any_other_status_is_not(
    airflow: tuple[str, dict[str, object]], status: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    url, answer = airflow
    answer["scheduler"] = {"status": status}
    assert health.main([url, "scheduler"]) == 1
    assert "the scheduler is" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [{}, {"scheduler": None}, {"scheduler": {}}, {"scheduler": "healthy"}])
def test_an_answer_of_another_shape_is_not_healthy(
    airflow: tuple[str, dict[str, object]], shape: dict[str, object]
) -> None:
    url, answer = airflow
    answer.update(shape)
    assert health.main([url, "scheduler"]) == 1


def test_no_answer_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["http://127.0.0.1:1", "scheduler"]) == 1
    assert "does not tell how the scheduler is" in capsys.readouterr().err


def test_a_part_that_does_not_exist_is_wrong_use() -> None:
    assert health.main(["http://127.0.0.1:1", "sheduler"]) == 2
