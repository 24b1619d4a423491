"""Reports and files of the evidence in Airflow: who may open them, which files, and what can a page of them do?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stage_gate.airflow_plugin import StageGatePlugin
from stage_gate.evidence.files import PARTIAL, write
from stage_gate.pages.app import create_app
from stage_gate.pages.links import ReleaseLink
from stage_gate.pages.mount import PREFIX, report_address
from stage_gate.pages.tickets import LASTS, NoTicket, Ticket, Tickets
from stage_gate.tasks.publishing import PublishReport
from stage_gate.telling.served_file import MOST_BYTES, NoSuchFile, address_in, serve
from unit.stage_gate.waiting import PATIENCE
from unit.stage_gate.webhook.serving import served

SECRET = "the API server's own key, for tests only"
DAG, RUN = "stage_gate.wknd", "execution-2345678"
HOSTILE = b"""<!doctype html><title>hostile</title><h1 id=t>text</h1>
<script>document.title = "it ran"; fetch("/api/v2/dags"); document.cookie = "a=b"</script>
<img src="/api/v2/dags?image" onerror="document.title = 'it ran'"><iframe src="/api/v2/dags?frame"></iframe>
<form action="/api/v2/dags?form" method=post><button id=b>go</button></form>
<meta http-equiv=refresh content="0; url=javascript:document.title='it ran'">
<svg onload="document.title='it ran'"></svg><link rel=stylesheet href="/api/v2/dags?style">"""
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The evidence of one execution, beside that of another one and with a secret outside."""
    store = tmp_path / "evidence"
    mine = store / "wknd" / "execution-2345678"
    write(
        mine / "report.html",
        b"<title>report</title><img id=shot src='attempt-1/sites/wknd/visual/a%2520%253Cb%253E.png'>",
    )
    write(mine / "attempt-1" / "sites" / "wknd" / "suites" / "index.html", HOSTILE)
    write(mine / "attempt-1" / "sites" / "wknd" / "visual" / "a%20%3Cb%3E.png", PICTURE)
    write(store / "wknd" / "execution-9" / "report.html", b"another release")
    (tmp_path / "secret.txt").write_text("secret")
    return mine


@pytest.fixture
def app(folder: Path) -> FastAPI:
    return create_app(lambda: folder.parent.parent, Tickets(SECRET))


def opened(client: TestClient, token: str) -> str:
    """Where the report of the run is, for somebody who is logged in."""
    answer = client.get(f"/run/{DAG}/{RUN}", headers={"Cookie": f"_token={token}"}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_whoever_is_logged_in_and_may_read_the_run_is_led_to_its_release(
    app: FastAPI, users: dict[str, str]
) -> None:
    client = TestClient(app)
    location = opened(client, users["viewer"])
    assert location.startswith("../../file/")
    page = client.get(location.removeprefix("../.."))
    assert page.status_code == 200
    assert "Nothing is on record of execution 2345678 under gate wknd" in page.text
    assert "<a href='report.html'>" in page.text, "what an earlier version wrote"
    report = client.get(location.removeprefix("../..").replace("release.html", "report.html"))
    assert "<title>report</title>" in report.text
    bearer = {"Authorization": f"Bearer {users['viewer']}"}
    assert client.get(f"/run/{DAG}/{RUN}", headers=bearer, follow_redirects=False).status_code == 303


def test_nobody_else_gets_a_ticket(app: FastAPI, users: dict[str, str]) -> None:
    client = TestClient(app)
    for headers, status in (
        ({}, 401),
        ({"Cookie": "_token=nonsense"}, 403),
        ({"Cookie": f"_token={users['nobody']}"}, 403),
    ):
        answer = client.get(f"/run/{DAG}/{RUN}", headers=headers, follow_redirects=False)
        assert answer.status_code == status
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("dag", "run"),
    [
        ("another_dag", RUN),
        ("stage_gate.", RUN),
        ("stage_gate...", RUN),
        ("stage_gate.%2e%2e", RUN),
        ("stage_gate..hidden", RUN),
        (DAG, "manual__2026"),
        (DAG, "execution-0"),
        (DAG, "execution-%2e%2e"),
        (DAG, "execution-1%2f2"),
    ],
)
def test_only_runs_of_an_execution_have_a_report(
    app: FastAPI, users: dict[str, str], dag: str, run: str
) -> None:
    headers = {"Cookie": f"_token={users['viewer']}"}
    assert (
        TestClient(app).get(f"/run/{dag}/{run}", headers=headers, follow_redirects=False).status_code == 404
    )


def test_airflow_s_cookie_opens_no_file(app: FastAPI, users: dict[str, str]) -> None:
    client = TestClient(app)
    headers = {"Cookie": f"_token={users['viewer']}", "Authorization": f"Bearer {users['viewer']}"}
    for ticket in ("x", "none", users["viewer"], Tickets("another key").write(Ticket("wknd", "2345678"))):
        answer = client.get(f"/file/{ticket}/report.html", headers=headers)
        assert answer.status_code == 403
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_ticket_is_no_token_of_airflow_s(app: FastAPI, users: dict[str, str]) -> None:
    ticket = opened(TestClient(app), users["viewer"]).split("/")[3]
    answer = TestClient(app).get(f"/run/{DAG}/{RUN}", headers={"Authorization": f"Bearer {ticket}"})
    assert answer.status_code in (401, 403)


def test_a_ticket_is_over_after_a_quarter_of_an_hour_and_opens_one_execution_only(folder: Path) -> None:
    clock = [1000.0]
    tickets = Tickets(SECRET, lambda: clock[0])
    app = create_app(lambda: folder.parent.parent, tickets)
    ticket = tickets.write(Ticket("wknd", "2345678"))
    client = TestClient(app)
    assert client.get(f"/file/{ticket}/report.html").status_code == 200
    assert client.get(f"/file/{ticket}/..%2fexecution-9%2freport.html").status_code == 404
    clock[0] += LASTS
    assert client.get(f"/file/{ticket}/report.html").status_code == 403


def test_a_ticket_without_an_end_or_for_something_else_is_none() -> None:
    import hashlib
    import hmac

    import jwt

    key = hmac.new(SECRET.encode(), b"stage-gate-evidence", hashlib.sha256).digest()
    claims = {"aud": "stage-gate-evidence", "gate": "wknd", "execution": "1"}
    for changed in (claims, claims | {"exp": 9e9, "aud": "another"}, {"aud": claims["aud"], "exp": 9e9}):
        with pytest.raises(NoTicket):
            Tickets(SECRET).read(jwt.encode(changed, key, "HS256"))
    with pytest.raises(NoTicket):
        Tickets(SECRET).read(jwt.encode(claims | {"exp": 9e9}, "", "none"))


LEADS_NOWHERE = [
    "",
    "/",
    ".",
    "..",
    "../execution-9/report.html",
    "attempt-1/../../execution-9/report.html",
    "attempt-1//report.html",
    "/etc/passwd",
    "//etc/passwd",
    "..\\..\\secret.txt",
    "report.html\0.png",
    "report.html\n",
    ".report.html",
    f".report.html.1{PARTIAL}",
    f"report.html{PARTIAL}",
    "attempt-1",
    "attempt-1/sites/",
    "nothing.html",
    "\ud800.html",
    "a/" * 40 + "b",
    "a" * 2000,
    "linked.txt",
    "linked/secret.txt",
    "hard.txt",
    "pipe.txt",
    "big.bin",
]


@pytest.mark.parametrize("name", LEADS_NOWHERE, ids=lambda name: repr(name[:40]))
def test_a_name_leads_to_a_plain_file_of_the_evidence_or_to_nothing(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / "linked.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.link(tmp_path / "secret.txt", folder / "hard.txt")
    os.mkfifo(folder / "pipe.txt")
    with (folder / "big.bin").open("wb") as big:
        big.truncate(MOST_BYTES + 1)
    with pytest.raises((NoSuchFile, FileNotFoundError)):
        serve(folder, name)


def test_a_link_is_made_for_names_that_lead_somewhere_only() -> None:
    assert address_in("attempt-1/a %3Cb.png") == "attempt-1/a%20%253Cb.png"
    assert address_in("javascript:alert(1)") == "javascript%3Aalert%281%29"
    assert address_in("a'b\"<c>.png") == "a%27b%22%3Cc%3E.png"
    for name in ("../x", "/etc/passwd", "//evil.example/x", "\\\\evil.example\\x", "a\nb", "", "x/../y"):
        assert address_in(name) is None


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.PNG", "image/png"),
        ("a.webm", "video/webm"),
        ("a.svg", "text/plain; charset=utf-8"),
        ("a.xml", "text/plain; charset=utf-8"),
        ("a.json", "text/plain; charset=utf-8"),
        ("a.js", "application/octet-stream"),
        ("a.xhtml", "application/octet-stream"),
        ("a.swf", "application/octet-stream"),
        ("a.pdf", "application/octet-stream"),
        ("0a1b2c", "application/octet-stream"),
    ],
)
def test_a_browser_is_told_a_type_that_runs_nothing_or_to_save_the_file(
    folder: Path, name: str, media_type: str
) -> None:
    write(folder / name, HOSTILE)
    found = serve(folder, name)
    assert found.media_type == media_type
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    for allowed in ("allow-", "script-src", "connect-src", "unsafe-eval"):
        assert allowed not in policy
    assert "frame-ancestors 'self'" in policy
    assert found.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    saved = media_type == "application/octet-stream"
    assert ("Content-Disposition" in found.headers) == saved


def test_a_saved_file_keeps_a_name_that_forges_no_header(folder: Path) -> None:
    name = 'a";\u202e=x.js'
    write(folder / name, b"x")
    disposition = serve(folder, name).headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''a%22%3B%E2%80%AE%3Dx.js"


def test_every_answer_is_sandboxed_and_kept_nowhere(app: FastAPI) -> None:
    ticket = Tickets(SECRET).write(Ticket("wknd", "2345678"))
    for path in (f"/file/{ticket}/report.html", f"/file/{ticket}/none.html", "/file/x/report.html"):
        headers = TestClient(app).get(path).headers
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "no-store" in headers["Cache-Control"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "set-cookie" not in headers


def test_the_plugin_serves_them_and_the_task_has_the_button(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/af/")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", SECRET)
    assert PREFIX in [each["url_prefix"] for each in StageGatePlugin().fastapi_apps]
    task = PublishReport(task_id="publish_report", gate_file="x.yaml")
    assert [link.name for link in task.operator_extra_links] == ["Release", "Cloud Manager"]
    key: Any = SimpleNamespace(dag_id=DAG, run_id=RUN)
    there = f"https://airflow.example/af/stage-gate/evidence/run/{DAG}/{RUN}"
    assert ReleaseLink().get_link(task, ti_key=key) == report_address(DAG, RUN) == there
    by_hand: Any = SimpleNamespace(dag_id=DAG, run_id="manual__1")
    assert ReleaseLink().get_link(task, ti_key=by_hand) == ""


def test_on_another_host_no_browser_has_the_cookie(folder: Path, users: dict[str, str]) -> None:
    there = "https://evidence.example/stage-gate/evidence/"
    elsewhere = create_app(lambda: folder, Tickets(SECRET), there, airflow="https://airflow.example/af")
    location = opened(TestClient(elsewhere), users["viewer"])
    assert location.startswith("https://evidence.example/stage-gate/evidence/file/")
    page = TestClient(elsewhere).get(location.removeprefix("https://evidence.example/stage-gate/evidence"))
    assert "frame-ancestors 'self' https://airflow.example;" in page.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in page.headers, "it knows no other host"


class Listening:
    """The app below its prefix, as Airflow mounts it, beside an API that notes who asks with which cookie."""

    def __init__(self, app: FastAPI) -> None:
        self.asked: list[tuple[str, str]] = []
        self.whole = FastAPI()
        self.whole.mount(PREFIX, app)

        @self.whole.middleware("http")
        async def note(request: Any, call_next: Any) -> Any:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self.asked.append((path, request.headers.get("cookie", "")))
            return await call_next(request)

        @self.whole.get("/api/v2/dags")
        def dags() -> dict[str, str]:
            return {}


@pytest.mark.browser
def test_in_a_real_browser_a_hostile_page_runs_nothing_and_takes_no_cookie_along(
    app: FastAPI, users: dict[str, str]
) -> None:
    from playwright.sync_api import sync_playwright

    listening = Listening(app)
    with served(listening.whole) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], timeout=PATIENCE * 1000
        )
        context = browser.new_context()
        here = f"http://127.0.0.1:{port}"
        cookie = {
            "name": "_token",
            "value": users["viewer"],
            "url": here,
            "httpOnly": True,
            "sameSite": "Lax",
        }
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{here}{PREFIX}/run/{DAG}/{RUN}")
        page.get_by_role("link", name="The report").click()
        assert page.title() == "report"
        assert page.locator("#shot").evaluate("each => each.naturalWidth") == 1, (
            "pictures of the evidence are shown"
        )
        page.goto(page.url.replace("report.html", "attempt-1/sites/wknd/suites/index.html"))
        assert page.locator("#t").inner_text() == "text"
        page.locator("#b").click()
        page.wait_for_timeout(300)
        assert page.title() == "hostile"
        assert page.evaluate("self.origin") == "null", "an origin of its own"
        browser.close()
    inside = [(path, cookies) for path, cookies in listening.asked if "/run/" not in path]
    reached = [path for path, _ in inside if path.startswith("/api")]
    assert not [path for path in reached if "image" not in path and "style" not in path], reached
    assert not [path for path, cookies in inside if path.startswith("/api") and cookies], (
        "the cookie went along"
    )
    assert not [path for path, cookies in inside if path.endswith(".png") and cookies]
