"""What does Lighthouse's Node get of the worker, the site's credentials and time? Tried with a made-up Lighthouse."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import Access
from aem_checks.browser import auditing
from aem_checks.browser.asks import Audited, Reason, Unopened
from aem_checks.browser.auditing import audit
from aem_checks.browser.blob import Spill
from aem_checks.browser.finding import VARIABLE as CHROMIUM
from aem_checks.browser.launching import USER_VARIABLE
from aem_checks.browser.lighthouse import Lighthouse
from aem_checks.client import Client
from aem_checks.code_user import CodeUser, reach_of
from aem_checks.folders import NOWHERE
from aem_checks.means import Means
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig
from unit.aem_checks.other_user import NOBODY, needs_root, open_folder

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
]
STAGE = "https://stage.example.com"
SECRET = "a-secret-of-stage"
CORE = """
export default async (url, flags, config, page) => {
  const way = new URL(url).pathname;
  if (way === '/crash') process.exit(3);
  if (way === '/hang') await new Promise(() => setInterval(() => {}, 1000));
  if (way === '/throw') throw new Error('no paint');
  if (way === '/long') return {lhr: {words: 'x'.repeat(3_000_000)}};
  const ask = (id, asked) => page.ask({requestId: id, request: {url: asked, headers: {Accept: '*/*'}}});
  const got = {
    own: await ask('1', url), other: await ask('2', 'https://elsewhere.example/a.js'),
    inline: await ask('3', 'data:,x'), noAddress: await ask('4', 'https://[/'),
  };
  return {lhr: {
    got, url, flags, way, uid: process.getuid(), names: Object.keys(process.env).sort(),
    sent: page.sent.slice(0, 3), args: page.options.args, pipe: page.options.pipe, chromium: page.options.env,
  }};
};
"""
PUPPETEER = """
exports.launch = async options => {
  let heard, done;
  const session = {
    on: (name, listener) => { heard = listener; },
    send: async (name, params) => {
      page.sent.push([name, params]);
      if (name === 'Fetch.continueRequest') done(params.headers || []);
    },
  };
  const page = {
    options, sent: [], createCDPSession: async () => session,
    ask: event => new Promise(resolve => { done = resolve; heard(event); }),
  };
  return {newPage: async () => page, on: () => {}, close: async () => {}};
};
"""


@pytest.fixture
def lighthouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lighthouse]:
    """A package that does what its URL says, and tells what it got."""
    monkeypatch.setenv(CHROMIUM, "/bin/true")
    monkeypatch.setenv("A_SECRET_OF_THE_WORKER", "hidden")
    files = {
        "package.json": '{"name": "lighthouse", "version": "12.0.0"}',
        "core/package.json": '{"type": "module"}',
        "core/index.js": CORE,
        "node_modules/puppeteer-core/package.json": '{"name": "puppeteer-core", "main": "index.js"}',
        "node_modules/puppeteer-core/index.js": PUPPETEER,
    }
    with open_folder() as root:
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        yield Lighthouse(root, str(shutil.which("node")), "12.0.0")


def measured(lighthouse: Lighthouse, path: str, folder: Path) -> Audited | Unopened:
    async def scene() -> Audited | Unopened:
        access = Access({"X-Stage-Key": SECRET})
        site = SiteConfig.model_validate({"name": "s", "stage": STAGE, "pages": [path]})
        limit = RateLimit(5000, folder=folder / "rate")
        async with Client.for_site(site, lambda _: access, rate_limit=limit) as client:
            means = Means(site, "stage", client, None, NOWHERE, access)
            return await audit(lighthouse, means, path, Spill())

    return asyncio.run(scene())


def reported(lighthouse: Lighthouse, folder: Path) -> dict[str, Any]:
    answer = measured(lighthouse, "/tell", folder)
    assert isinstance(answer, Audited), answer
    assert answer.refused == ("elsewhere.example",)
    report: dict[str, Any] = json.loads(answer.report.read())
    return report


def test_each_request_waits_for_us_and_only_the_sites_own_gets_its_credentials(
    lighthouse: Lighthouse, tmp_path: Path
) -> None:
    report = reported(lighthouse, tmp_path)
    assert report["got"]["own"] == [
        {"name": "Accept", "value": "*/*"},
        {"name": "X-Stage-Key", "value": "[hidden]"},
    ]
    assert [report["got"][name] for name in ("other", "inline", "noAddress")] == [[], [], []]


def test_service_workers_and_downloads_are_off_and_all_is_held_before_the_page_is_opened(
    lighthouse: Lighthouse, tmp_path: Path
) -> None:
    sent = {name: told for name, told in reported(lighthouse, tmp_path)["sent"]}
    assert sent["Browser.setDownloadBehavior"] == {"behavior": "deny"}
    assert sent["Network.setBypassServiceWorker"] == {"bypass": True}
    assert sent["Fetch.enable"] == {"patterns": [{"urlPattern": "*", "requestStage": "Request"}]}


def test_the_page_is_asked_past_all_caches_and_what_goes_past_its_turn_is_left_out(
    lighthouse: Lighthouse, tmp_path: Path
) -> None:
    report = reported(lighthouse, tmp_path)
    assert report["url"].startswith(f"{STAGE}/tell?stage-gate=")
    assert {"unused-javascript", "valid-source-maps"} <= set(report["flags"]["skipAudits"])


def test_node_and_chromium_see_nothing_of_the_worker_and_chromium_talks_to_the_proxy_over_a_pipe(
    lighthouse: Lighthouse, tmp_path: Path
) -> None:
    report = reported(lighthouse, tmp_path)
    assert set(report["names"]) <= {
        "HOME",
        "LANG",
        "OLDPWD",
        "PATH",
        "PWD",
        "SHLVL",
        "STAGE_GATE_SUITE_RUN",
        "TMPDIR",
        "_",
    }
    assert "A_SECRET_OF_THE_WORKER" not in report["chromium"]
    assert report["pipe"] is True
    assert any(each.startswith("--proxy-server=http://127.0.0.1:") for each in report["args"])
    assert "--proxy-bypass-list=<-loopback>" in report["args"]
    assert not [each for each in report["args"] if "remote-debugging" in each]


@pytest.mark.parametrize(
    ("path", "said"), [("/crash", "exit code 3"), ("/throw", "no paint"), ("/long", "gave no report")]
)
def test_one_that_breaks_off_is_no_answer_with_what_it_said(
    lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    monkeypatch.setattr(auditing, "MOST_BYTES", 1_000_000)
    answer = measured(lighthouse, path, tmp_path)
    assert isinstance(answer, Unopened)
    assert answer.reason is Reason.LOST
    assert said in answer.why


def test_one_that_does_not_come_to_an_end_is_ended(
    lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "AUDIT_SECONDS", 0.5)
    answer = measured(lighthouse, "/hang", tmp_path)
    assert isinstance(answer, Unopened)
    assert "did not come to an end within" in answer.why


@needs_root
def test_it_runs_as_the_user_that_browsers_run_as(
    lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = CodeUser("nobody", NOBODY, NOBODY)
    wanted = (auditing._SCRIPT, lighthouse.root / "core/index.js", Path(lighthouse.node))
    if not all("r" in may for _, may in reach_of(user, wanted)):
        pytest.skip("this repository or Node is in a folder that only its owner may enter")
    monkeypatch.setenv(USER_VARIABLE, str(NOBODY))
    assert os.getuid() == 0
    assert reported(lighthouse, tmp_path)["uid"] == NOBODY
