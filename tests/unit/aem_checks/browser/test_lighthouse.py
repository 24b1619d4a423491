"""Which Lighthouse is used, what is made of its reports, and who measures where there is none?"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aem_checks.asking import ask_then, lead
from aem_checks.asks import Question
from aem_checks.baseline import Baseline
from aem_checks.browser.asks import Audit, Audited, Open, PageSeen, Reason, Unopened, traffic_of
from aem_checks.browser.blob import Blob, Spill
from aem_checks.browser.lighthouse import VARIABLE, NoLighthouse, find_lighthouse
from aem_checks.browser.seen import Seen
from aem_checks.browser.sharing import Sharing
from aem_checks.codes import with_codes
from aem_checks.kinds.browser.web_vitals import WebVitals, WebVitalsSettings
from aem_checks.means import Means
from aem_checks.outcomes import Judgement, Outcome, Severity
from aem_checks.told import Told, keep, read
from unit.aem_checks.browser.fake_browser import FakeBrowser, site_visit

GOOD = {"lcp": 1000.0, "cls": 0.01, "tbt": 50.0}
NO_LIGHTHOUSE = Unopened(Reason.NO_LIGHTHOUSE, "there is no Lighthouse on this machine")


def blob(content: bytes) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), len(content), lambda: content)


def report(**values: Any) -> bytes:
    names = {
        "lcp": "largest-contentful-paint",
        "cls": "cumulative-layout-shift",
        "tbt": "total-blocking-time",
    }
    figures = {**GOOD, **values}
    audits = {names[name]: {"numericValue": value} for name, value in figures.items()}
    return json.dumps({"lighthouseVersion": "12.2.3", "audits": audits}).encode()


def audited(content: bytes) -> Audited:
    return Audited(blob(content))


def seen(**values: float) -> PageSeen:
    return PageSeen(200, False, blob(traffic_of(Seen())), ({**GOOD, "fcp": 1.0, **values},))


def check(**settings: Any) -> WebVitals:
    return WebVitals(WebVitalsSettings.model_validate({"runs": 1, "pages": ["/a"], **settings}))


def judge(
    folder: Path, measuring: WebVitals, *answers: Any, baseline: Path | None = None
) -> tuple[Judgement, Told]:
    """What it makes of these answers, in this order, and what it was told."""
    means = replace(site_visit(folder), baseline=Baseline("execution 1", baseline) if baseline else None)
    visit = means.visit
    left, told = iter(answers), Told()

    def answer(question: Question[Any]) -> Any:
        assert isinstance(question, Open | Audit)
        given = next(left)
        right = PageSeen if isinstance(question, Open) else Audited
        assert isinstance(given, right | Unopened)
        told.hear((question, given))
        return given

    found = with_codes("web_vitals", measuring.codes, lead(measuring.judge(visit), answer))
    for name, content in visit.kept.items():
        means.keep(name, content)
    return found, told


def codes(judgement: Judgement) -> list[str]:
    return [each.code.partition(".")[2] for each in judgement.findings]


def test_the_median_of_the_runs_is_held_against_the_budgets_and_its_report_kept(tmp_path: Path) -> None:
    reports = [report(lcp=lcp) for lcp in (9000.0, 2000.0, 3000.0)]
    judgement, _ = judge(tmp_path, check(runs=3), *map(audited, reports))
    assert codes(judgement) == ["lcp", "lighthouse", "nothing_to_compare"]
    assert "appears after 3000 ms" in judgement.findings[0].sentence
    assert (tmp_path / judgement.findings[0].evidence).read_bytes() == reports[2]
    assert "Lighthouse 12.2.3 measured" in judgement.findings[1].sentence


def test_without_lighthouse_chromium_measures_and_that_is_said(tmp_path: Path) -> None:
    judgement, _ = judge(tmp_path, check(), NO_LIGHTHOUSE, seen())
    assert codes(judgement) == ["no_lighthouse", "nothing_to_compare"]
    assert judgement.findings[0].sentence == (
        "Chromium alone measured, since there is no Lighthouse on this machine."
    )
    assert json.loads((tmp_path / "web_vitals/vitals.json").read_bytes())["measured_by"] == "chromium"


def test_a_gate_file_that_asks_for_chromium_does_not_ask_lighthouse(tmp_path: Path) -> None:
    judgement, told = judge(tmp_path, check(measured_by="chromium"), seen())
    assert [type(question) for question, _ in told.exchanges] == [Open]
    assert judgement.findings[0].sentence == "Chromium alone measured."


def test_a_gate_file_that_asks_for_lighthouse_has_no_answer_without_it(tmp_path: Path) -> None:
    judgement, _ = judge(tmp_path, check(measured_by="lighthouse"), NO_LIGHTHOUSE)
    assert judgement.examined == 0
    assert (codes(judgement)[0], judgement.findings[0].outcome) == ("check_error", Outcome.INCONCLUSIVE)
    assert "npm install --global lighthouse" in judgement.findings[0].sentence


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 5000,
        b"\xff\xfe",
        report(lcp=-1),
        report(lcp=True),
        report(lcp="1"),
        report(cls=None),
        report(tbt=float("nan")),
        report(tbt=float("inf")),
        json.dumps({"audits": {}, "lighthouseVersion": "12"}).encode(),
        json.dumps({"runtimeError": {"code": "NO_FCP", "message": "nothing was \x1b[31mpainted"}}).encode(),
        json.dumps({"runtimeError": "x"}).encode(),
    ],
)
def test_a_report_that_is_none_is_no_answer(tmp_path: Path, content: bytes) -> None:
    judgement, _ = judge(tmp_path, check(), audited(content))
    assert judgement.examined == 0
    assert (codes(judgement)[0], judgement.findings[0].outcome) == ("not_judged", Outcome.INCONCLUSIVE)
    assert "\x1b" not in judgement.findings[0].sentence


def test_what_lighthouse_says_of_its_failure_is_passed_on(tmp_path: Path) -> None:
    failed = {"runtimeError": {"code": "NO_FCP", "message": "nothing was painted"}}
    judgement, _ = judge(tmp_path, check(), audited(json.dumps(failed).encode()))
    assert "Lighthouse says: NO_FCP: nothing was painted" in judgement.findings[0].sentence


def test_figures_of_lighthouse_and_of_chromium_are_never_compared(tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    judge(before, check(), NO_LIGHTHOUSE, seen(lcp=100.0))
    judgement, _ = judge(now, check(), audited(report(lcp=2000.0)), baseline=before)
    assert codes(judgement) == ["lighthouse", "nothing_to_compare"]
    assert "measured by Chromium alone" in judgement.findings[1].sentence
    judge(before, check(), audited(report(lcp=100.0)))
    judgement, _ = judge(now, check(), audited(report(lcp=2000.0)), baseline=before)
    assert codes(judgement) == ["lcp_worse", "lighthouse"]


def test_it_is_judged_again_from_the_reports_that_were_kept(tmp_path: Path) -> None:
    measuring = check(runs=3)
    judgement, told = judge(tmp_path, measuring, *(audited(report(lcp=lcp)) for lcp in (9000.0, 1.0, 3000.0)))
    keep(told, tmp_path / "evidence", "web_vitals")
    again = read(tmp_path / "evidence", "web_vitals")
    assert again is not None
    found = ask_then(measuring.judge(site_visit(tmp_path).visit), again.exchanges)
    assert with_codes("web_vitals", measuring.codes, found) == judgement


class Measuring:
    """Lighthouse as ``Sharing`` enters it."""

    def __init__(self, browser: FakeBrowser) -> None:
        self.browser, self.entered, self.measured = browser, 0, list[str]()
        self.opened_before = list[int]()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        self.entered += 1

        async def measure(means: Means, path: str, spill: Spill) -> Audited:
            self.measured.append(path)
            self.opened_before.append(len(self.browser.opened))
            return Audited(spill.put(report()))

        yield measure


def told_of(folder: Path, questions: list[Any], audits: Callable[[], Any], browser: FakeBrowser) -> list[Any]:
    async def scene() -> list[Any]:
        async with Sharing(browser.opens, audits) as sharing:
            visit = replace(site_visit(folder), seat=sharing.seat())
            assert visit.seat is not None
            with visit.seat as seat:
                return await asyncio.gather(*(seat.ask(visit, question) for question in questions))

    return asyncio.run(scene())


def test_lighthouse_is_entered_once_for_several_pages_and_opens_no_shared_browser(tmp_path: Path) -> None:
    browser = FakeBrowser()
    measuring = Measuring(browser)
    answers = told_of(tmp_path, [Audit("/a"), Audit("/b"), Audit("/a")], measuring, browser)
    assert [each.report.read() for each in answers] == [report()] * 3
    assert (measuring.entered, sorted(measuring.measured), browser.begun) == (1, ["/a", "/a", "/b"], [])


def test_pages_are_opened_as_ever_where_there_is_no_lighthouse(tmp_path: Path) -> None:
    @asynccontextmanager
    async def none() -> AsyncIterator[Any]:
        raise NoLighthouse("there is none")
        yield

    answers = told_of(tmp_path, [Audit("/a"), Open("/a")], none, FakeBrowser())
    assert answers[0] == Unopened(Reason.NO_LIGHTHOUSE, "there is none")
    assert isinstance(answers[1], PageSeen)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a Node 20 and nothing else."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    node(tmp_path, "v20.11.1")
    return tmp_path


def node(machine: Path, version: str) -> None:
    (machine / "bin").mkdir(exist_ok=True)
    (machine / "bin/node").write_text(f"#!/bin/sh\necho {version}\n")
    (machine / "bin/node").chmod(0o755)


def package(folder: Path, version: str = "12.2.3", engine: str = ">=18.16", name: str = "lighthouse") -> Path:
    (folder / "cli").mkdir(parents=True)
    (folder / "cli/index.js").write_text("#!/bin/sh\n")
    (folder / "cli/index.js").chmod(0o755)
    told = {"name": name, "version": version, "engines": {"node": engine}}
    (folder / "package.json").write_text(json.dumps(told))
    return folder


def test_one_that_npm_put_on_the_path_is_found(machine: Path) -> None:
    root = package(machine / "lib/node_modules/lighthouse")
    (machine / "bin/lighthouse").symlink_to(root / "cli/index.js")
    found = find_lighthouse()
    assert (found.root, found.version, found.node) == (root, "12.2.3", str(machine / "bin/node"))


@pytest.mark.parametrize("named", ["project", "project/node_modules/lighthouse"])
def test_the_one_that_is_named_comes_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    root = package(machine / "project/node_modules/lighthouse")
    monkeypatch.setenv(VARIABLE, str(machine / named))
    assert find_lighthouse().root == root


@pytest.mark.parametrize(
    ("version", "engine", "runs", "said"),
    [
        ("11.7.1", ">=18.16", "v20.11.1", "12 is the oldest that is used"),
        ("13.0.0", ">=22.19", "v20.11.1", "wants Node >=22.19"),
        ("12.2.3", ">=18.16", "nonsense", "wants Node >=18.16"),
        ("", ">=18.16", "v20.11.1", "12 is the oldest that is used"),
    ],
)
def test_one_that_can_not_run_is_none_and_it_is_said_why(
    machine: Path, monkeypatch: pytest.MonkeyPatch, version: str, engine: str, runs: str, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(package(machine / "lighthouse", version, engine)))
    node(machine, runs)
    with pytest.raises(NoLighthouse, match=said):
        find_lighthouse()


def test_a_name_that_leads_to_no_lighthouse_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(package(machine / "other", name="other")))
    with pytest.raises(NoLighthouse, match="which has no Lighthouse; correct it, or remove it"):
        find_lighthouse()
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(machine / "bin"))
    with pytest.raises(NoLighthouse, match="there is no Lighthouse on this machine"):
        find_lighthouse()


@pytest.mark.parametrize("answer", [NO_LIGHTHOUSE, Unopened(Reason.LOST, "it is lost"), audited(b"")])
def test_no_answer_blocks_where_the_figures_would(tmp_path: Path, answer: Any) -> None:
    measuring = check(measured_by="lighthouse", block={"lcp": 8000})
    judgement, _ = judge(tmp_path, measuring, answer)
    assert judgement.weigh(measuring.severity)[:2] == (Severity.BLOCK, Outcome.INCONCLUSIVE)


def test_lighthouse_measures_when_all_others_are_through(tmp_path: Path) -> None:
    browser = FakeBrowser()
    measuring = Measuring(browser)
    told_of(tmp_path, [Audit("/a"), Open("/b"), Audit("/c"), Open("/d")], measuring, browser)
    assert [path for path, _, _ in browser.opened] == ["/b", "/d"]
    assert (measuring.entered, browser.begun, measuring.opened_before) == (1, [False], [2, 2])
