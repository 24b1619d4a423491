"""Is everybody told the same, by the providers' own notifiers, and does it never hurt the gate?"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from stage_gate.configuration.notify_settings import Notify
from stage_gate.evidence.store import Evidence
from stage_gate.telling import notify
from stage_gate.telling.notify import Event, tell, tell_once
from unit.stage_gate.listeners import Heard, mail_listener, web_listener

HOSTILE = (
    "/us.html shows <!channel> <@U123|ops> <https://evil.example|click> *bold* & {{ ti.xcom_pull() }} {% x %}",
    "a title\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\x1b[31m\u202e",
)
EVERYBODY = {
    "slack": {"connection": "slack", "channel": "#releases"},
    "email": {
        "connection": "mail",
        "to": ["oncall@example.com", "boss@example.com"],
        "from": "gate@example.com",
    },
    "pagerduty": {"connection": "pager", "severity": "critical"},
}


def gate_run(folder: Path, told: dict[str, Any], name: str = "larkfell") -> Any:
    """As much of a run as telling needs: a gate with its notifications, ids and a folder."""
    pipeline = SimpleNamespace(program="12345", pipeline="678901")
    notify = Notify.model_validate(told)
    gate = SimpleNamespace(name=name, pipeline=pipeline, settings=SimpleNamespace(notify=notify))
    return SimpleNamespace(gate=gate, execution_id="2345678", evidence=Evidence(folder, name, "2345678"))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Heard]]:
    from pagerduty import EventsApiV2Client

    with (
        web_listener({"ok": True}) as (slack_url, slack),
        web_listener({"status": "success", "dedup_key": "x"}, 202) as (pager_url, pager),
        mail_listener() as (port, mail),
    ):
        connect(
            monkeypatch,
            "slack",
            conn_type="slack",
            password="xoxb-canary",
            extra={"base_url": f"{slack_url}/api/"},
        )
        connect(monkeypatch, "pager", conn_type="pagerduty_events", password="pager-canary")
        connect(
            monkeypatch,
            "mail",
            conn_type="smtp",
            host="127.0.0.1",
            port=port,
            extra={"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"},
        )
        # The client takes nothing but https, and no other host from a connection.
        monkeypatch.setattr(EventsApiV2Client, "url", property(lambda _: pager_url, lambda *_: None))
        yield {"slack": slack, "pager": pager, "mail": mail}


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


def texts_of_slack(heard: Heard) -> list[str]:
    [body] = heard.bodies
    return [block["text"]["text"] for block in json.loads(body["blocks"])]


def test_everybody_is_told_the_same_sentences(heard: dict[str, Heard], tmp_path: Path) -> None:
    tell(gate_run(tmp_path, EVERYBODY), Event.HALTED, ["3 of 8 checks failed.", "Fix forward."])
    slack = texts_of_slack(heard["slack"])
    [alert] = heard["pager"].bodies
    [mail] = heard["mail"].mails
    body = mail.get_body(("html",)).get_content()
    assert slack[0] == mail["Subject"] == alert["payload"]["summary"]
    assert slack[0] == "Stage Gate larkfell, execution 2345678: halted"
    assert slack[1:] == list(alert["payload"]["custom_details"].values())
    for sentence in slack:
        assert f"<p>{sentence}</p>" in body
    assert "3 of 8 checks failed." in slack
    assert any(
        "cloud-manager/pipelineexecution.html/program/12345/pipeline/678901/execution/2345678" in each
        for each in slack
    )
    assert heard["mail"].recipients == [["oncall@example.com", "boss@example.com"]]
    assert mail["From"] == "gate@example.com"
    assert heard["slack"].bodies[0]["channel"] == "#releases"
    assert alert["payload"]["severity"] == "critical"
    assert alert["event_action"] == "trigger"


def test_what_a_site_says_stays_text(heard: dict[str, Heard], tmp_path: Path) -> None:
    tell(gate_run(tmp_path, EVERYBODY), Event.INCONCLUSIVE, HOSTILE)
    [body] = heard["slack"].bodies
    blocks = json.loads(body["blocks"])
    assert {block["text"]["type"] for block in blocks} == {"plain_text"}
    assert "<" not in body["text"]
    assert all("<" not in block["text"]["text"] and ">" not in block["text"]["text"] for block in blocks)
    assert unescape(blocks[1]["text"]["text"]) == HOSTILE[0]
    [mail] = heard["mail"].mails
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<!channel>" not in html
    assert "{{ ti.xcom_pull() }}" in html  # as it was written: nobody rendered it
    everything = json.dumps(heard["pager"].bodies) + html + json.dumps(blocks)
    assert "\x1b" not in everything
    assert "\u202e" not in everything


def test_a_name_with_line_breaks_makes_no_header(heard: dict[str, Heard], tmp_path: Path) -> None:
    run = gate_run(tmp_path, EVERYBODY, name="x\r\nBcc: victim@example.com")
    tell(run, Event.HELD, ["a"])
    [mail] = heard["mail"].mails
    assert mail["Bcc"] is None
    assert heard["mail"].recipients == [["oncall@example.com", "boss@example.com"]]
    assert "\n" not in mail["Subject"]


def test_without_a_sender_the_connection_says_who_it_is(heard: dict[str, Heard], tmp_path: Path) -> None:
    tell(gate_run(tmp_path, {"email": {"connection": "mail", "to": ["a@example.com"]}}), Event.ASKED, HOSTILE)
    [mail] = heard["mail"].mails
    assert mail["From"] == "airflow@example.com"
    assert "{{ ti.xcom_pull() }}" in mail.get_body(("html",)).get_content()


def test_a_provider_that_is_not_installed_costs_one_line(
    heard: dict[str, Heard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.slack.notifications.slack", None)
    tell(gate_run(tmp_path, EVERYBODY), Event.ASKED, ["a"])
    [line] = [record.message for record in caplog.records if "Not told" in record.message]
    assert "Slack channel #releases" in line
    assert "Is the Airflow provider for it installed?" in line
    assert len(heard["mail"].mails) == len(heard["pager"].bodies) == 1


@pytest.mark.parametrize("channel", list(EVERYBODY))
def test_a_connection_that_does_not_exist_costs_one_line(
    channel: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tell(gate_run(tmp_path, {channel: EVERYBODY[channel] | {"connection": "nowhere"}}), Event.ASKED, ["a"])
    [line] = [record.message for record in caplog.records if record.name == "stage_gate.telling.notify"]
    assert line.startswith("Not told: ")
    assert "nowhere" in line or "connection is not found" in line


@dataclass
class Awaited:
    """For how long threads are waited for, in seconds, and the threads."""

    seconds: list[float] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def thread(self, **options: Any) -> Any:
        thread = threading.Thread(**options)
        self.threads.append(thread)

        def join(seconds: float) -> None:
            self.seconds.append(seconds)
            thread.join(seconds)

        return SimpleNamespace(start=thread.start, is_alive=thread.is_alive, join=join)


def test_a_server_that_never_answers_costs_no_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    awaited = Awaited()
    monkeypatch.setattr(notify, "threading", SimpleNamespace(Thread=awaited.thread))
    monkeypatch.setattr(notify, "TIME_LIMIT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        connect(
            monkeypatch, "mail", conn_type="smtp", host="127.0.0.1", port=port, extra={"disable_ssl": True}
        )
        connect(
            monkeypatch,
            "slack",
            conn_type="slack",
            password="x",
            extra={"base_url": f"http://127.0.0.1:{port}/"},
        )
        told = {name: EVERYBODY[name] for name in ("email", "slack")}
        tell(gate_run(tmp_path, told), Event.ALARM, ["a"])
        lines = [record.message for record in caplog.records if "Not told within" in record.message]
    assert len(lines) == 2, "both were still being told when the gate went on"
    assert sum(awaited.seconds) <= 0.5, "both together"
    for thread in awaited.threads:
        thread.join()


def test_a_gate_that_can_t_be_read_is_no_reason_to_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tell(SimpleNamespace(), Event.ALARM, ["a"])  # type: ignore[arg-type]
    assert "Nobody could be told" in caplog.text


def test_no_secret_is_told_or_logged(
    heard: dict[str, Heard], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="stage_gate.telling.notify")
    tell(gate_run(tmp_path, EVERYBODY), Event.ASKED, ["a"])
    told = json.dumps([heard["slack"].bodies, heard["pager"].bodies[0]["payload"]]) + str(
        heard["mail"].mails[0]
    )
    ours = " ".join(record.message for record in caplog.records if record.name == "stage_gate.telling.notify")
    for canary in ("xoxb-canary", "pager-canary"):
        assert canary not in told
        assert canary not in ours


def test_an_occasion_is_told_once_however_many_see_it_at_once(
    heard: dict[str, Heard], tmp_path: Path
) -> None:
    run = gate_run(tmp_path, {"slack": EVERYBODY["slack"]})
    together = threading.Barrier(4)
    told: list[bool] = []

    def see() -> None:
        together.wait()
        told.append(tell_once(run, Event.WAITS, ["codeQuality waits"], "codeQuality"))

    threads = [threading.Thread(target=see) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, False, False, True]
    assert not tell_once(run, Event.WAITS, ["codeQuality waits"], "codeQuality")
    assert len(heard["slack"].bodies) == 1
    assert tell_once(run, Event.WAITS, ["schedule waits"], "schedule")


def test_what_somebody_died_over_is_told_by_the_next(
    heard: dict[str, Heard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gate_run(tmp_path, {"slack": EVERYBODY["slack"]})

    def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(notify, "tell", die)
        with pytest.raises(SystemExit):
            tell_once(run, Event.WAITS, ["a"], "a")
    monkeypatch.setattr(notify, "_TELLING_TAKES", 0.3)
    assert tell_once(run, Event.WAITS, ["a"], "a")
    assert not tell_once(run, Event.WAITS, ["a"], "a")
    assert len(heard["slack"].bodies) == 1


def test_what_reached_nobody_is_told_at_the_next_occasion(
    heard: dict[str, Heard], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = gate_run(tmp_path, {name: told | {"connection": "nowhere"} for name, told in EVERYBODY.items()})
    for _ in range(2):
        assert tell_once(nowhere, Event.ALARM, ["a"], "a"), "nobody had been told"
    assert caplog.text.count("Nobody was reached (alarm)") == 2
    run = gate_run(tmp_path, EVERYBODY | {"slack": EVERYBODY["slack"] | {"connection": "nowhere"}})
    assert tell_once(run, Event.ALARM, ["a"], "a")
    assert not tell_once(run, Event.ALARM, ["a"], "a"), "two of three were reached"
    assert len(heard["mail"].mails) == len(heard["pager"].bodies) == 1


def test_where_the_gate_names_nobody_there_is_nobody_to_reach(tmp_path: Path) -> None:
    assert tell(gate_run(tmp_path, {}), Event.ALARM, ["a"])
    assert tell_once(gate_run(tmp_path, {}), Event.ALARM, ["a"], "a")
    assert not tell_once(gate_run(tmp_path, {}), Event.ALARM, ["a"], "a")


def test_without_a_place_to_note_it_people_are_told_all_the_same(
    heard: dict[str, Heard], tmp_path: Path
) -> None:
    (tmp_path / "larkfell").write_text("no folder")
    assert tell_once(gate_run(tmp_path, {"slack": EVERYBODY["slack"]}), Event.WAITS, ["a"], "a")
    assert len(heard["slack"].bodies) == 1


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"slack": {"connection": "slack"}}, "channel"),
        ({"slack": {"connection": "slack", "channel": "#a b"}}, "channel"),
        ({"email": {"connection": "mail", "to": []}}, "to"),
        ({"email": {"connection": "mail", "to": ["a@example.com\r\nBcc: b@example.com"]}}, "to"),
        ({"email": {"connection": "mail", "to": ["a@example.com,b@example.com"]}}, "to"),
        ({"email": {"connection": "mail", "to": ["a@example.com"], "from": "Gate <a@example.com>"}}, "from"),
        ({"pagerduty": {"connection": "pager", "severity": "loud"}}, "severity"),
        ({"pagerduty": {"connection": "pager/../x"}}, "connection"),
        ({"teams": {"connection": "x"}}, "teams"),
    ],
)
def test_a_setting_that_can_t_be_right_is_refused(told: dict[str, Any], names: str) -> None:
    with pytest.raises(ValidationError, match=names):
        Notify.model_validate(told)


def test_nobody_is_told_by_default() -> None:
    assert Notify() == Notify(slack=None, email=None, pagerduty=None)
