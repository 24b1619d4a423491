"""Is the browser kept in its bounds: what it may contact, what it is told, how much it holds, when it ends?"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.access import Access
from aem_checks.browser.browser import Browser
from aem_checks.browser.credentials import Doorkeeper
from aem_checks.browser.finding import VARIABLE, find_chromium
from aem_checks.browser.launching import SANDBOX_VARIABLE, USER_VARIABLE
from aem_checks.browser.open_page import PageLost
from aem_checks.kinds.browser.page_errors import PageErrors, PageErrorsSettings
from aem_checks.network_guard.forward_proxy import ForwardProxy
from aem_checks.network_guard.rule import Rule
from aem_checks.outcomes import Outcome
from aem_checks.rate_limit import RateLimit
from unit.aem_checks.browser.browser_house import House, bad
from unit.aem_checks.browser.other_host import other_host
from unit.aem_checks.other_user import NOBODY, needs_root
from unit.aem_checks.page_site import PageSite, page, run_on, text
from unit.simulator.caller import eventually

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SECRET = "edge-key-4711"
HANGS = "<script>while (true) {}</script>"
EATS = "<script>const eaten = []; setInterval(() => eaten.push(new Uint8Array(8e7).fill(1)), 20)</script>"


def check() -> PageErrors:
    return PageErrors(PageErrorsSettings())


@asynccontextmanager
async def opened(url: str, folder: Path, **options: Any) -> AsyncIterator[Browser]:
    limit = RateLimit(5000, folder=folder)
    async with (
        ForwardProxy(Rule.of([url]), limit) as proxy,
        Browser(find_chromium(), proxy, Doorkeeper({}, frozenset(), limit), **options) as browser,
    ):
        yield browser


def test_no_page_reaches_a_host_or_address_that_is_not_listed(browsing: House, tmp_path: Path) -> None:
    with (
        other_host({"/": "gotcha"}) as (host, asked),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun,
    ):
        stun.bind(("127.0.0.1", 0))
        stun.setblocking(False)
        port = host.rpartition(":")[2]
        body = f"""
        <img src="http://{host}/image"><img src="http://127.1:{port}/short"><img src="http://2130706433:{port}/number">
        <img src="http://[::ffff:7f00:1]:{port}/mapped"><iframe src="http://localtest.me:{port}/frame"></iframe>
        <link rel="preconnect" href="http://{host}"><link rel="dns-prefetch" href="http://{host}">
        <link rel="prerender" href="http://{host}/prerender"><object data="http://{host}/object"></object>
        <a id=file download href="data:application/zip,x">x</a><iframe src="file:///etc/passwd"></iframe><a id=ping href="#" ping="http://{host}/ping">x</a>
        <script>
          fetch('http://{host}/fetch', {{mode: 'no-cors'}}).catch(() => 0); navigator.sendBeacon('http://{host}/beacon');
          new WebSocket('ws://{host}/socket'); new EventSource('http://{host}/events'); ping.click(); file.click();
          window.open('http://{host}/window'); navigator.serviceWorker?.register('/sw.js').catch(() => 0);
          const peer = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.1:{stun.getsockname()[1]}'}}]}});
          peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
          setTimeout(() => location = 'http://{host}/away', 1500);
        </script>"""
        answers = {"/": page(body), "/sw.js": text("fetch('/from-worker')", "application/javascript")}
        browsing.check(check(), tmp_path, answers, pages=("/",))
        with pytest.raises(BlockingIOError):
            stun.recv(100)
    assert asked == []


def test_chromium_asks_the_proxy_for_metadata_services_too_and_is_refused(tmp_path: Path) -> None:
    """Left to itself Chromium connects to link-local addresses past any proxy; in every spelling it asks the guard."""
    wanted = [
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "１６９.254.169.254"),
        *("169.254.170.2", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]", "metadata.google.internal"),
    ]  # fmt: skip
    pictures = "".join(f"<img src='http://{host}/latest/'><img src='/to?{host}'>" for host in wanted)

    def redirect(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://{request.message.path[4:]}/moved"})

    async def scene() -> dict[str, str]:
        async with PageSite({"/": page(pictures), "/to": redirect}) as site:
            limit = RateLimit(5000, folder=tmp_path)
            rule = Rule.of([site.url], wanted)  # as if a gate file could name them
            async with (
                ForwardProxy(rule, limit) as proxy,
                Browser(find_chromium(), proxy, Doorkeeper({}, frozenset(), limit)) as browser,
                browser.page(site.url) as opened,
            ):
                await opened.quiet()
                return dict(proxy.refused) | dict(proxy.unreached)

    refused = asyncio.run(scene())
    canonical = ("169.254.169.254", "169.254.170.2", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]")
    asked = {f"{host}:80" for host in (*canonical, "metadata.google.internal")}
    assert asked <= refused.keys()
    assert all("so it is not contacted" in refused[place] for place in asked)


def test_credentials_reach_the_sites_own_origin_and_no_other(browsing: House, tmp_path: Path) -> None:
    access = Access({"X-AEM-Edge-Key": SECRET}, ("reader", "password-4711"))
    seen: list[web.BaseRequest] = []

    def guarded(answer: Any) -> Any:
        def answered(request: web.BaseRequest) -> Any:
            seen.append(request)
            return (
                answer(request)
                if request.headers.get("X-AEM-Edge-Key") == SECRET
                else web.Response(status=401)
            )

        return answered

    with other_host({"/theirs.js": "1", "/moved.js": "1"}) as (host, asked):
        moved = guarded(lambda _: web.Response(status=302, headers={"Location": f"http://{host}/moved.js"}))
        body = (
            f"<script src='http://{host}/theirs.js'></script><script src='/moved.js'></script>"
            f"<script>fetch('/own'); fetch('http://{host}/cors', {{headers: {{'x-aem-edge-key': 'mine'}}}}).catch(() => 0);"
            f"console.error('echo {SECRET}')</script>"
        )
        answers = {"/": guarded(page(body)), "/moved.js": moved, "/own": guarded(text("{}"))}
        result = browsing.check(check(), tmp_path, answers, pages=("/",), access=access, allow_hosts=[host])
    assert {request.path for request in seen} >= {"/", "/moved.js", "/own"}
    assert all(request.headers.get("Authorization", "").startswith("Basic ") for request in seen)
    assert sorted({path for path, _ in asked} - {"/cors"}) == ["/moved.js", "/theirs.js"]
    assert not any(
        SECRET in value or "authorization" in headers for _, headers in asked for value in headers.values()
    )
    assert SECRET not in result.model_dump_json()
    assert any("echo [hidden]" in finding.sentence for finding in bad(result))


def test_inside_of_tls_requests_keep_the_sites_rate_and_carry_its_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aem_checks.browser.browser as browser

    usual = browser._options
    monkeypatch.setattr(
        browser, "_options", lambda viewport: {**usual(viewport), "ignore_https_errors": True}
    )
    seen: list[str] = []
    turns: list[float] = []

    class Counted(RateLimit):
        async def acquire(self, host: str, *, per_second: float | None = None) -> float:
            turns.append(await super().acquire(host, per_second=per_second))
            return turns[-1]

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("X-AEM-Edge-Key", ""))
        assert len(turns) >= len(seen), "it was asked before its turn"
        pictures = "".join(f"<img src=/{number}.png>" for number in range(8))
        return web.Response(text=pictures if request.path == "/" else "", content_type="text/html")

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(tmp_path)).start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        access, limit = {url: Access({"X-AEM-Edge-Key": SECRET})}, Counted(10, folder=tmp_path / "rate")
        keeper = Doorkeeper(access, frozenset({url}), limit)
        async with (
            ForwardProxy(Rule.of([url]), RateLimit(5000, folder=tmp_path / "other")) as proxy,
            Browser(find_chromium(), proxy, keeper) as chromium,
            chromium.page(url) as shown,
        ):
            await shown.quiet()
        await runner.cleanup()

    asyncio.run(run())
    assert set(seen) == {SECRET}
    assert len(turns) >= len(seen) >= 9


def _tls(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody trusts."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    files = [
        "-subj",
        "/CN=stage gate test",
        "-keyout",
        str(folder / "key.pem"),
        "-out",
        str(folder / "tls.pem"),
    ]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (HANGS, "within"),
        (EATS, "Chromium holds"),
        ("<script>location = 'chrome://crash'; for (let n = 0; n < 1e4; n++) alert(1)</script>", ""),
    ],
    ids=["hangs", "eats-memory", "alerts"],
)
def test_a_hostile_page_costs_bounded_time_and_memory_and_the_next_page_is_judged(
    tmp_path: Path, body: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aem_checks.browser.browser as browser
    import aem_checks.browser.open_page as open_page

    async def run() -> None:
        answers = {"/bad": page(body), "/good": page("fine")}
        async with PageSite(answers) as site, opened(site.url, tmp_path, max_memory=700 << 20) as chromium:
            async with asyncio.timeout(300):
                with monkeypatch.context() as impatient:
                    if body != EATS:
                        impatient.setattr(browser, "PAGE_SECONDS", 8.0)
                        impatient.setattr(open_page, "LOAD_SECONDS", 3.0)
                    lost = await _look(chromium, f"{site.url}/bad", until_lost=bool(says))
                assert says in lost
                assert await _look(chromium, f"{site.url}/good") == ""

    asyncio.run(run())


async def _look(browser: Browser, url: str, *, until_lost: bool = False) -> str:
    """Why a page was lost; empty where it was not."""
    try:
        async with browser.page(url) as shown:
            await shown.quiet()
            while True:
                assert await shown.ask("document.title") == "WKND"
                if not until_lost:
                    return ""
                await asyncio.sleep(0.2)
    except PageLost as error:
        return str(error)


def test_a_warm_page_spares_the_site_its_files_and_knows_nothing_of_the_page_before(tmp_path: Path) -> None:
    marks = "document.cookie + localStorage.mark + sessionStorage.mark"
    body = "<script>document.cookie = 'a=1'; localStorage.mark = sessionStorage.mark = 'set'</script>"
    cached = text("1", "application/javascript", headers={"Cache-Control": "max-age=300"})

    async def run() -> None:
        answers = {"/first": page(body + "<script src=/big.js></script>"), "/big.js": cached}
        answers["/next"] = page("<script src=/big.js></script>")
        async with PageSite(answers) as site, opened(site.url, tmp_path) as browser:
            for warm, path, asked in ((True, "/first", 1), (True, "/next", 1), (False, "/next", 2)):
                async with browser.page(site.url + path, warm=warm) as shown:
                    await shown.quiet()
                    if path == "/next":
                        assert await shown.ask(marks) == "undefinedundefined"
                    assert any(each.url.endswith("/big.js") for each in shown.seen.requests)
                assert sum(request.path == "/big.js" for request in site.requests) == asked

    asyncio.run(run())


def test_a_browser_is_started_anew_after_some_pages(tmp_path: Path) -> None:
    async def run() -> None:
        async with PageSite({}) as site, opened(site.url, tmp_path, pages_per_browser=2) as browser:
            for _ in range(3):
                async with browser.page(site.url) as shown:
                    assert shown.status == 200
            assert browser.starts == 2

    asyncio.run(run())


def test_nothing_of_a_browser_outlives_a_task_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
sys.path[:0] = {[path for path in sys.path if path]!r}
from pathlib import Path
from unit.aem_checks.browser.test_browser import opened
async def main():
    async with opened("http://127.0.0.1:9", Path({str(tmp_path / "rate")!r})) as browser:
        print(browser._profile, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as task:
        assert task.stdout is not None
        profile = task.stdout.readline().strip()
        eventually(lambda: len(_processes(profile)) > 2, within=120)
        task.send_signal(signal.SIGKILL)
    eventually(lambda: _processes(profile) == [], within=120)


def _processes(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if mark.encode() in words and b"Popen" not in words:
            found.append(entry.parent.name)
    return found


@needs_root
def test_chromium_runs_as_the_user_that_is_named_without_rights_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(USER_VARIABLE, str(NOBODY))
    monkeypatch.setenv(SANDBOX_VARIABLE, "off")

    async def run() -> None:
        async with PageSite({}) as site, opened(site.url, tmp_path) as browser:
            async with browser.page(site.url) as shown:
                assert shown.status == 200
            status = _status_of_first(str(browser._profile))
            assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}" in status
            assert "CapEff:\t0000000000000000" in status
            assert "NoNewPrivs:\t1" in status
            profile = browser._profile
        assert not profile.parent.exists()

    asyncio.run(run())
    monkeypatch.setenv(USER_VARIABLE, "nobody-by-that-name")
    result = run_on({}, check(), tmp_path)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "no user to run as" in result.findings[0].sentence


def _status_of_first(profile: str) -> str:
    """What the kernel says of the process from which all others of a browser descend."""
    for each in _processes(profile):
        with suppress(OSError):  # helpers come and go
            line = Path(f"/proc/{each}/cmdline").read_bytes()
            if line and b"--type" not in line and b"crashpad" not in line:
                return Path(f"/proc/{each}/status").read_text()
    return ""


def test_without_a_chromium_a_check_is_inconclusive_and_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    result = run_on({}, check(), tmp_path)
    assert (result.severity, result.outcome) == ("warn", Outcome.INCONCLUSIVE)
    assert "which is no program" in result.findings[0].sentence
    assert "apt-get install chromium" in result.findings[0].sentence
    strict = PageErrors(PageErrorsSettings.model_validate({"severity": "block"}))
    assert run_on({}, strict, tmp_path).severity == "block"


def test_a_chromium_that_does_not_start_is_no_chromium(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "/bin/false")
    result = run_on({}, check(), tmp_path)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "/bin/false does not start" in result.findings[0].sentence


def test_a_check_with_a_browser_of_its_own_looks_at_the_site(tmp_path: Path) -> None:
    result = run_on({"/": page("<script>nothing.there()</script>")}, check(), tmp_path)
    assert result.severity == "block"
    assert "nothing is not defined" in result.findings[0].sentence
