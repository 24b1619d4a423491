"""Whatever a gate file or a pin says: does any credential but a site's reach the host that it names?

Connections come from the environment as Airflow reads them, and a stranger's server keeps what it is sent.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from aem_checks.access import Access, AccessError
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.cli import main
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor_visit import examine_notifiers, reached_by
from stage_gate.configuration.connection_use import SiteAccess, refuse_to_tell
from stage_gate.configuration.gate_file import gate_from_content, load_gate
from stage_gate.configuration.reach import Reach
from stage_gate.tasks.keeping import Keeper
from stage_gate.tasks.recording import record_stage
from stage_gate.tasks.red import Red
from stage_gate.telling.notify import Event, tell
from unit.adobe_cloud_manager.adobe_double import ORG, Adobe
from unit.adobe_cloud_manager.local_server import reply
from unit.adobe_cloud_manager.test_auth import document
from unit.stage_gate.listeners import web_listener
from unit.stage_gate.release import Release, chapter_with
from unit.stage_gate.tasks.test_waits import context, signing
from unit.stage_gate.telling.test_notify import connect, gate_run

__all__ = ["signing"]

SECRET = "p8e-canary-of-the-deciding-credential"
DECIDING = {"conn_type": "adobe_cloud_manager", "login": "client", "password": SECRET}


@dataclass
class Stranger:
    """A web server that somebody else runs, and what it was sent."""

    url: str = ""
    heard: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(f"{self.path} {self.headers}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    found = Stranger()
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler())
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    return Release(simulator, tmp_path)


def pin(release: Release, **changes: Any) -> None:
    """A run whose pin says something else than any file that was ever found to be right."""
    content = {**release.gate.content, **changes}
    release.gate = gate_from_content("larkfell", content, folder=release.gate_file.parent)
    release.pin = release.pin.model_copy(
        update={"gate_digest": release.gate.digest, "gate_content": release.gate.content}
    )
    (release.evidence.folder / "pin.json").unlink()  # the first one stands, whatever comes after
    release.evidence.write_pin(release.pin)
    release.begin()


def record(release: Release) -> None:
    """Record stage as the task does."""
    run = GateRun.of(str(release.gate_file), context(release))
    record_stage(run, Keeper(context(release), release.evidence, release.evidence.attempts()))


def site(url: str, access: str) -> dict[str, Any]:
    return {"name": "larkfell", "stage": {"url": url, "access": access}, "pages": ["/"]}


def deciding(release: Release) -> dict[str, Any]:
    return {**release.gate.content["pipeline"], "deciding_connection": "cm_deciding"}


def test_a_pinned_gate_sends_the_deciding_secret_to_no_host_of_its_own(
    release: Release, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "cm_deciding", **DECIDING)
    pin(release, pipeline=deciding(release), sites=[site(stranger.url, "cm_deciding")])
    with pytest.raises(AirflowFailException, match="opens no site") as refused:
        record(release)
    assert SECRET not in str(refused.value)
    with pytest.raises(Red):
        chapter_with(release, "key_pages").execute(context(release))
    entries = release.evidence.read_results(1)
    assert "key_pages" in {entry.result.key for entry in entries}
    for entry in entries:
        assert entry.result.outcome == "inconclusive"
        assert all("opens no site" in sentence for sentence in entry.result.sentences)
    assert stranger.heard == []


def test_a_site_s_own_connection_is_what_the_host_gets(
    release: Release, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the tests above and below show something: this stranger does hear what is sent."""
    connect(monkeypatch, "wknd_stage", conn_type="http", login="reader", password="wknd")
    pin(release, sites=[site(stranger.url, "wknd_stage")])
    record(release)
    assert "Authorization: Basic cmVhZGVyOndrbmQ=" in stranger.heard[0]


def test_a_suite_is_not_started_with_the_deciding_secret(
    release: Release, stranger: Stranger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect(monkeypatch, "cm_deciding", **DECIDING)
    (tmp_path / "suite").mkdir()
    run = shlex.join([sys.executable, "-c", "import os; open('told', 'w').write(str(dict(os.environ)))"])
    suite = {"name": "theirs", "folder": "suite", "run": run, "author": "cm_deciding"}
    suite |= {"author_url": stranger.url, "isolation": "accepted"}
    pin(release, pipeline=deciding(release), checks={"suites": [suite]})
    with pytest.raises(Red):
        chapter_with(release, "suites.theirs").execute(context(release))
    [entry] = release.evidence.read_results(1)
    assert "'cm_deciding' opens no site" in entry.result.sentences[0]
    assert list((tmp_path / "suite").iterdir()) == []


OTHERS = {
    "adobe": DECIDING,
    "adobe_by_another_name": DECIDING | {"conn_type": "Adobe-Cloud-Manager"},
    "adobe_as_http": DECIDING | {"conn_type": "http", "extra": {"org_id": ORG}},
    "adobe_without_type": {"login": "client", "password": SECRET, "extra": {"org_id": ORG}},
    "database": {"conn_type": "postgresql", "login": "airflow", "password": SECRET},
    "cloud": {"conn_type": "aws", "login": "key", "password": SECRET},
    "mail": {"conn_type": "smtp", "login": "me", "password": SECRET},
    "chat": {"conn_type": "slack", "login": "me", "password": SECRET},
    "dags": {"conn_type": "git", "login": "me", "password": SECRET},
    "vault": {"conn_type": "a_type_of_next_year", "login": "me", "password": SECRET},
}
"""What no gate file of the folder names, and what is plainly no site's."""


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_site_s_by_type_or_content_opens_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, name, **OTHERS[name])
    with pytest.raises(AccessError, match="opens no site") as refused:
        SiteAccess(Reach.of(tmp_path, {}))(name)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["stage_gate_signing", "STAGE_GATE_SIGNING"])
def test_the_signing_key_opens_no_site_whatever_else_its_connection_holds(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "stage_gate_signing", conn_type="generic", login="key", password=SECRET)
    with pytest.raises(AccessError, match="that of the signing key"):
        SiteAccess(Reach.of(tmp_path, {}))(name)


@pytest.mark.parametrize("kind", ["http", "https", "generic", None])
def test_http_and_generic_open_sites_and_so_does_a_connection_without_a_type(
    kind: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"conn_type": kind} if kind else {}
    connect(monkeypatch, "wknd", login="me", password="wknd-secret", **fields)
    assert SiteAccess(Reach.of(tmp_path, {}))("wknd") == Access(basic=("me", "wknd-secret"))


@pytest.mark.parametrize(
    ("host", "port", "url", "may"),
    [
        ("stage.example.com", None, "https://stage.example.com", True),
        ("https://Stage.example.com/", None, "https://stage.example.com:8443", True),
        ("stage.example.com", 8443, "https://stage.example.com:8443", True),
        ("stage.example.com", 443, "https://stage.example.com", True),
        ("stage.example.com", 8443, "https://stage.example.com", False),
        ("stage.example.com", None, "https://stage.example.com.evil.example", False),
        ("stage.example.com", None, "https://evil.example", False),
        ("[::1]", 8080, "http://[::1]:8080", True),
    ],
)
def test_a_connection_that_names_a_host_opens_that_host_only(
    host: str, port: int | None, url: str, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "wknd", conn_type="http", login="me", password="p", host=host, port=port)
    access = SiteAccess(Reach.of(tmp_path, {}))("wknd")
    if may:
        assert access.at(url) is access
    else:
        with pytest.raises(AccessError, match=r"the connection opens stage\.example\.com\S* only, not "):
            access.at(url)


def test_a_stranger_gets_nothing_of_a_connection_that_names_its_site(
    release: Release, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "wknd", conn_type="http", login="me", password="p", host="stage.example.com")
    pin(release, sites=[site(stranger.url, "wknd")])
    with pytest.raises(AirflowFailException, match=r"opens stage\.example\.com only, not 127\.0\.0\.1"):
        record(release)
    assert stranger.heard == []


@pytest.fixture
def adobe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Adobe]:
    double = Adobe()
    with double.server:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double


@pytest.mark.parametrize(
    ("host", "url", "may"),
    [
        ("", "https://author-p1-e2.adobeaemcloud.com", True),
        ("", "https://publish-p1-e2.adobeaemcloud.com", False),
        ("", "https://author-p1-e3.adobeaemcloud.com", False),
        ("", "https://author-p1-e2.adobeaemcloud.com.evil.example", False),
        ("", "https://www.wknd.site", False),
        ("author.wknd.site", "https://author.wknd.site", True),
        ("author.wknd.site", "https://author-p1-e2.adobeaemcloud.com", True),
        ("author.wknd.site", "https://evil.example", False),
    ],
)
def test_service_credentials_open_the_author_of_their_environment_only(
    host: str, url: str, may: bool, adobe: Adobe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go to IMS, which answers with the bearer; that goes nowhere but to the author that the client id names."""
    connect(monkeypatch, "author", conn_type="http", host=host, extra={"service_credentials": document(2000)})
    adobe.token_answers = [reply(200, {"access_token": "bearer-canary", "expires_in": 86399999})] * 2
    access = SiteAccess(Reach.of(tmp_path, {}))("author")
    [asked] = adobe.token_calls
    assert asked.path == "/ims/exchange/jwt"
    assert adobe.calls == []
    if may:
        assert access.at(url).request_headers == {"Authorization": "Bearer bearer-canary"}
    else:
        with pytest.raises(AccessError, match=r"opens .*author-p1-e2\.adobeaemcloud\.com.* only, not "):
            access.at(url)


def test_service_credentials_of_no_environment_need_a_connection_that_names_their_author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And they are sent to no IMS but the deployment's own."""
    account = {"clientId": "an-old-technical-account", "clientSecret": SECRET}
    credentials = document(2000, technicalAccount=account)
    connect(monkeypatch, "author", conn_type="http", extra={"service_credentials": credentials})
    with pytest.raises(AccessError, match="the connection has to name the host of its author"):
        SiteAccess(Reach.of(tmp_path, {}))("author")
    elsewhere = document(2000, imsEndpoint="ims.evil.example")
    connect(monkeypatch, "author", conn_type="http", extra={"service_credentials": elsewhere})
    with pytest.raises(AccessError, match=r"are for ims\.evil\.example, this deployment asks ims-na1"):
        SiteAccess(Reach.of(tmp_path, {}))("author")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"login": me, "password": "p4ss"}', "can't be read: AIRFLOW_CONN_WKND is no valid JSON"),
        ("p4ss", "can't be read: AIRFLOW_CONN_WKND is neither a connection URI nor JSON"),
        ('{"conn_type": "http", "extra": "{p4ss"}', "the extra of the connection is not a JSON object"),
        (None, "The connection 'wknd' does not exist"),
    ],
)
def test_a_connection_that_can_t_be_read_says_why_and_quotes_nothing(
    text: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        monkeypatch.setenv("AIRFLOW_CONN_WKND", text)
    with pytest.raises(AccessError) as refused:
        SiteAccess(Reach.of(tmp_path, {}))("wknd")
    assert why in str(refused.value)
    assert "p4ss" not in str(refused.value)


def test_the_deployment_s_patterns_hold_whatever_was_pinned(
    release: Release, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "basket", conn_type="http", login="me", password="p")
    pin(release, sites=[site(stranger.url, "basket")])
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__SITE_CONNECTIONS", "wknd_*")
    with pytest.raises(AirflowFailException, match="site_connections lets gates open sites with wknd_"):
        record(release)
    assert stranger.heard == []


STRANGERS = {
    "payments_api": {"conn_type": "http", "host": "payments.example.com", "password": SECRET},
    "token": {"conn_type": "generic", "password": SECRET},
    "untyped": {"password": SECRET},
    "other_chat": {"conn_type": "slackwebhook", "host": "chat.example.com", "password": SECRET},
}
"""What opens a site or another service, and would be sent to the one that tells people."""


@pytest.mark.parametrize("channel", ["slack", "email", "pagerduty"])
@pytest.mark.parametrize("name", STRANGERS)
def test_nobody_is_told_by_a_connection_of_another_service(
    channel: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, name, **STRANGERS[name])
    with pytest.raises(AccessError, match=f"would go to another service; give notify.{channel}") as refused:
        refuse_to_tell(channel, name)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("channel", "kind"),
    [("slack", "slack"), ("email", "smtp"), ("email", "email"), ("pagerduty", "pagerduty_events")],
)
def test_people_are_told_by_a_connection_of_the_service_itself(
    channel: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "own", conn_type=kind, password=SECRET)
    refuse_to_tell(channel, "own")


@pytest.mark.parametrize(
    "name", ["cm_deciding", "adobe_as_http", "database", "payments_api", "token", "untyped", "other_chat"]
)
def test_slack_is_not_sent_a_secret_that_is_not_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with web_listener({"ok": True}) as (url, slack):
        fields = {**OTHERS, **STRANGERS}.get(name, DECIDING)
        extra = {**fields.get("extra", {}), "base_url": f"{url}/"}  # type: ignore[dict-item]
        connect(monkeypatch, name, **{**fields, "extra": extra})
        told = {"slack": {"connection": name, "channel": "#releases"}}
        tell(gate_run(tmp_path, told), Event.ALARM, ["a"])
    assert (slack.bodies, slack.authorizations) == ([], [])
    assert "Not told: Slack channel #releases." in caplog.text
    assert SECRET not in caplog.text


def test_nobody_is_told_by_what_a_gate_decides_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wknd.yaml").write_text("pipeline: {deciding_connection: cm_deciding}\n")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__GATES_FOLDER", str(tmp_path))
    with web_listener({"ok": True}) as (url, slack):
        connect(monkeypatch, "cm_deciding", conn_type="slack", password=SECRET, extra={"base_url": f"{url}/"})
        tell(gate_run(tmp_path, {"slack": {"connection": "cm_deciding", "channel": "x"}}), Event.ALARM, ["a"])
    assert slack.bodies == []
    assert "that of pipeline.deciding_connection in wknd.yaml" in caplog.text


def test_a_notifier_s_connection_that_can_t_be_read_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLACK", '{"password": p4ss}')
    tell(gate_run(tmp_path, {"slack": {"connection": "slack", "channel": "x"}}), Event.ALARM, ["a"])
    assert "AIRFLOW_CONN_SLACK is no valid JSON" in caplog.text
    assert "p4ss" not in caplog.text


def gate_with(folder: Path, stage: dict[str, Any]) -> Path:
    path = folder / "wknd.yaml"
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "wknd", "stage": stage, "pages": ["/"]}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_calibrating_sends_no_stranger_what_is_no_site_s(
    stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, "adobe", **DECIDING)
    path = gate_with(tmp_path, {"url": stranger.url, "access": "adobe"})
    assert main(["calibrate", str(path), "--owner", "alice"]) == 2
    assert "'adobe_cloud_manager', which opens no site" in capsys.readouterr().err
    assert stranger.heard == []


def test_the_doctor_says_what_a_gate_reaches_and_recommends_a_limit(
    simulator: Simulator,
    stranger: Stranger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect(monkeypatch, "adobe", **DECIDING)
    path = gate_with(tmp_path, {"url": stranger.url, "access": "adobe"})
    assert main(["doctor", str(path)]) == 1
    said = capsys.readouterr().out
    host = stranger.url.removeprefix("http://")
    assert f"✔ Reach: this gate opens sites with adobe at {host}\n" in said
    assert "? Reach: a gate file can name any connection of type HTTP or Generic" in said
    assert "→ Set [stage_gate] site_connections" in said
    assert "connection 'adobe' can't be used: the connection is of type 'adobe_cloud_manager'" in said
    assert stranger.heard == []
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__SITE_CONNECTIONS", "adob?, wknd_*")
    main(["doctor", str(path)])
    assert "✔ Reach: gates can open sites with the connections adob?, wknd_* only" in capsys.readouterr().out


def test_the_doctor_says_by_which_connections_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "payments_api", **STRANGERS["payments_api"])
    connect(monkeypatch, "mail", conn_type="smtp", host="mail.example.com")
    path = gate_with(tmp_path, {"url": "https://stage.example.com"})
    content = yaml.safe_load(path.read_text())
    content["notify"] = {
        "slack": {"connection": "payments_api", "channel": "x"},
        "email": {"connection": "mail", "to": ["oncall@example.com"]},
        "pagerduty": {"connection": "missing"},
    }
    path.write_text(yaml.safe_dump(content))
    slack, mail, pager = examine_notifiers(load_gate(path))
    assert (slack.state, mail.state, pager.state) == (State.BAD, State.GOOD, State.BAD)
    assert "slack tells nobody: the connection 'payments_api' is of type 'http'" in slack.detail
    assert "The connection 'missing' does not exist" in pager.detail


@pytest.mark.parametrize("command", [["doctor"], ["calibrate", "--owner", "alice"]])
def test_a_limit_that_is_none_is_said_by_every_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__SITE_CONNECTIONS", "*")
    path = gate_with(tmp_path, {"url": "https://stage.example.com"})
    assert main([*command[:1], str(path), *command[1:]]) in (1, 2)
    assert "[stage_gate] site_connections: '*' is no name of connections" in "".join(capsys.readouterr())


def test_what_a_gate_reaches_is_listed_with_its_hosts_and_checks(tmp_path: Path) -> None:
    path = tmp_path / "wknd.yaml"
    path.write_text(
        "pipeline: {program: 1, pipeline: 2}\n"
        "sites:\n"
        "  - name: wknd\n"
        "    stage: {url: https://s.example, origin: https://o.example, access: wknd_stage}\n"
        "    author: {url: https://a.example, access: wknd_author}\n"
        "    pages: [/]\n"
        "checks:\n"
        "  suites: [{name: a, folder: '.', run: 'true', author: wknd_user}]\n"
    )
    assert reached_by(load_gate(path)) == [
        "wknd_stage at o.example, s.example",
        "wknd_author at a.example",
        "wknd_user in suites",
    ]


def test_the_checks_alone_send_no_stranger_what_is_no_site_s(
    stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line of the checks knows neither Airflow nor a folder of gates."""
    from aem_checks.cli import main as checks

    connect(monkeypatch, "adobe", **DECIDING)
    connect(monkeypatch, "plain", conn_type="http", login="client", password=SECRET)
    path = gate_with(tmp_path, {"url": stranger.url, "access": "adobe"})
    assert checks(["run", str(path), "--site", "stage"]) == 2
    assert "AIRFLOW_CONN_ADOBE: the connection is of type 'adobe_cloud_manager'" in capsys.readouterr().err
    content = yaml.safe_load(path.read_text())
    content["pipeline"]["deciding_connection"] = "plain"
    content["sites"][0]["stage"]["access"] = "PLAIN"
    path.write_text(yaml.safe_dump(content))
    assert checks(["run", str(path), "--site", "stage"]) == 2
    assert "'PLAIN', and it is that of pipeline.deciding_connection" in capsys.readouterr().err
    assert stranger.heard == []


def test_credentials_of_another_host_are_in_no_request_of_a_client(stranger: Stranger) -> None:
    from aem_checks.client import Client

    async def ask() -> None:
        async with Client({stranger.url: Access(basic=("a", "b"), hosts=frozenset({"wknd.site"}))}) as client:
            await client.get(f"{stranger.url}/")

    with pytest.raises(AccessError, match=r"the connection opens wknd\.site only"):
        asyncio.run(ask())
    assert stranger.heard == []


def test_every_connection_of_these_tests_is_read_by_airflow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import BaseHook

    for name, fields in OTHERS.items():
        connect(monkeypatch, name, **fields)
        assert BaseHook.get_connection(name).password == SECRET, json.dumps(fields)
