"""Does what a site or a suite says reach any page, log, message, template or XCom as anything but text?

First every way in: the text really arrives, as one harmless line. Then every way out, given the worst there could be:
the hostile text itself, as if nothing before had made it harmless.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Collection, Iterator, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, TaskAwaitingInput, TaskDeferred
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser
from structlog.testing import capture_logs

from adobe_cloud_manager.pinned import UI
from aem_checks.coverage.record import FILE as COVERAGE
from aem_checks.coverage.record import Coverage
from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from aem_checks.reports import safe_name
from simulator import Simulator
from stage_gate.cli import main
from stage_gate.configuration.describe import describe
from stage_gate.configuration.gate_file import load_gate
from stage_gate.dag import build_gate_dag
from stage_gate.evidence.files import dump, write
from stage_gate.evidence.ledger import read_ledger
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.plan import RecordedResult
from stage_gate.rules.verdict import judge
from stage_gate.tasks.chapter import RunChapter
from stage_gate.tasks.judging import Decide, Judge
from stage_gate.tasks.people import AskReleaseManager, options_for
from stage_gate.tasks.publishing import PublishReport
from stage_gate.tasks.red import Red
from stage_gate.tasks.saying import say
from stage_gate.tasks.waits import HoldProduction
from stage_gate.telling.notify import Event, tell
from stage_gate.telling.rendering import TEMPLATES
from stage_gate.telling.served_file import serve
from stage_gate.telling.shown_files import ShownFiles
from unit.stage_gate.hostile import HOSTILE, PLACES, HostileSite, mark, texts
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import KEYS, Release, chapter_with
from unit.stage_gate.samples import NOW, finding, result
from unit.stage_gate.tasks.test_people import Shown, shown
from unit.stage_gate.tasks.test_waits import context, signing, wait_of
from unit.stage_gate.telling.test_notify import EVERYBODY, gate_run, heard

__all__ = ["heard", "shown", "signing"]

MARKER = "hostile-text-"
_MARKERS = re.compile(r"::(end)?group::", re.IGNORECASE)


def is_one_harmless_line(text: str) -> bool:
    """Nothing in it moves a cursor, ends a line, turns text around or folds a log."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return not any(unicodedata.category(char) in hidden for char in text) and not _MARKERS.search(text)


# ---- every way in


@pytest.fixture(scope="module", params=HOSTILE, ids=lambda name: name.replace(" ", "-"))
def entered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, CheckResult]:
    """What the checks say of a site and a suite that put this text everywhere."""
    folder = tmp_path_factory.mktemp("hostile") / "evidence"
    return HostileSite(HOSTILE[request.param], folder).results()


@pytest.mark.parametrize("place", PLACES)
def test_what_enters_is_one_harmless_line_of_text(entered: dict[str, CheckResult], place: str) -> None:
    findings = [each for found in entered.values() for each in found.findings]
    arrived = [each for each in findings if any(mark(place) in text.lower() for text in texts(each))]
    assert arrived, f"nothing of the {place} arrived, so nothing is proven: {[f.sentence for f in findings]}"
    for each in arrived:
        for text in texts(each):
            assert is_one_harmless_line(text), repr(text)


def test_no_check_broke_off_over_it(entered: dict[str, CheckResult]) -> None:
    for found in entered.values():
        assert found.outcome is not Outcome.INCONCLUSIVE, (found.kind, found.sentences)
        assert not any("broke off" in sentence for sentence in found.sentences)


# ---- every way out


@pytest.fixture(
    params=[("script", "attribute", "template"), ("markdown",), ("log group", "control")], ids="+".join
)
def text(request: pytest.FixtureRequest) -> str:
    return MARKER + "".join(HOSTILE[name] for name in request.param)


def hostile_finding(text: str, **changes: object) -> Finding:
    values = dict.fromkeys(("subject", "sentence", "expected", "actual", "evidence"), text)
    return finding(**{**values, **changes})  # type: ignore[arg-type]


def kept_names(text: str) -> list[str]:
    """Names of files below the attempt: as suites' files are named, and as a file could be named at worst."""
    from pathlib import PurePosixPath

    raw = text.replace("/", "_").replace("\0", "")[:90]
    return [f"sites/larkfell/suites/{safe_name(PurePosixPath(raw))}.png", f"sites/larkfell/suites/{raw}.html"]


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    policy = {"failed": {"ask": ["alice"], "within": "8h", "silence": "halt"}}
    return Release(simulator, tmp_path, policy=policy, checks={"others": False, "key_pages": {}})


def coverage_of(text: str) -> Coverage:
    """A choice of pages whose components, paths and problems are named by the site."""
    return Coverage(
        site="larkfell",
        at=NOW,
        source=text,
        listed=1,
        pages={text: (text,)},
        unusable={text: text},
        named=("/",),
        chosen=(text,),
        is_least=True,
        missed=(text,),
        lost=(text,),
        problems=(text,),
        since=text,
    )


def seal(release: Release, text: str) -> str:
    """Seal a failed attempt whose findings, files and warnings are hostile; nothing made them harmless before."""
    from datetime import UTC, datetime

    from stage_gate.configuration.planning import plan_of
    from stage_gate.observing.observe import read_candidate

    execution = release.hook.get_execution(
        release.simulator.program_id, release.simulator.pipeline_id, release.execution_id
    )
    candidate = read_candidate(release.hook, execution, None)
    plan = plan_of(release.gate, release.pin, datetime.now(UTC), NO_DEMANDS)
    plan = plan.model_copy(update={"baseline_notes": (text,)})
    attempt = release.evidence.begin_attempt(plan, candidate)
    folder = release.evidence.attempt_folder(attempt)
    for name in kept_names(text):
        write(folder.joinpath(*name.split("/")), b"<script>alert(1)</script>")
    write(folder / "sites" / "larkfell" / COVERAGE, dump(coverage_of(text)))
    for check in plan.stage_checks:
        found = [
            hostile_finding(text),
            hostile_finding(text, severity=Severity.WARN, evidence=kept_names(text)[0]),
        ]
        told = result(
            check.key,
            Outcome.FAILED,
            kind=check.kind,
            site=check.site,
            severity=check.severity,
            findings=tuple(found),
        )
        release.evidence.write_result(
            attempt,
            RecordedResult(
                candidate_digest=candidate.digest,
                attempt=attempt,
                settings_digest=check.settings_digest,
                result=told,
            ),
        )
    verdict = judge(plan, candidate, release.evidence.read_results(attempt))
    verdict = verdict.model_copy(update={"warnings": (*verdict.warnings, text)})
    return release.evidence.seal(attempt, lambda *_: verdict).digest


def report_of(release: Release) -> str:
    task = PublishReport(task_id="publish_report", gate_file=str(release.gate_file))
    with pytest.raises(AirflowException):  # nothing was decided: the run is no success
        task.execute(context(release))
    return (release.evidence.folder / "report.html").read_text()


ELEMENTS = frozenset(
    {"html", "head", "meta", "title", "style", "body", "main", "nav", "section", "div", "h1", "h2", "h3", "p"}
    | {
        "strong",
        "b",
        "small",
        "code",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "ol",
        "li",
        "dl",
    }
    | {"dt", "dd", "span", "a", "img", "video", "details", "summary", "svg", "rect", "time"}
)
ATTRIBUTES = frozenset(
    {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "src", "loading", "alt"}
    | {"controls", "preload", "open", "role", "aria-label", "viewbox", "preserveaspectratio", "x", "width"}
    | {"height", "tabindex"}
)
OUT_OF_HERE = (UI,)
"""Where links of a report lead besides its evidence: Cloud Manager."""


def require_inert(page: str, folder: Path) -> None:
    """Only our own elements and attributes; links and pictures lead into the evidence, to files that are there."""
    parsed = LexborHTMLParser(page)
    ids = {node.attributes["id"] for node in parsed.css("[id]")}
    for node in parsed.css("*"):
        assert node.tag in ELEMENTS, node.tag
        assert {name.lower() for name in node.attributes} <= ATTRIBUTES, node.attributes
        for name in ("href", "src"):
            address = node.attributes.get(name)
            if address is not None and not (name == "href" and leads_on(address, ids)):
                assert serve_of(folder, address)
    assert len(parsed.css("style")) == 1
    assert "default-src 'none'" in (parsed.css_first("meta[http-equiv]").attributes["content"] or "")


def leads_on(address: str, ids: Collection[str | None]) -> bool:
    """Whether it leads to a place of the same page, or out of here to where a gate may lead."""
    return address.removeprefix("#") in ids if address.startswith("#") else address.startswith(OUT_OF_HERE)


def serve_of(folder: Path, address: str) -> bytes:
    """What a browser gets for a link of the report."""
    from urllib.parse import unquote, urljoin, urlsplit

    there = urlsplit(urljoin("https://airflow.example/stage-gate/evidence/file/ticket/report.html", address))
    assert there.netloc == "airflow.example"
    start = "/stage-gate/evidence/file/ticket/"
    assert there.path.startswith(start)
    assert not there.query
    assert not there.fragment
    return serve(folder, unquote(there.path.removeprefix(start))).content


def test_the_report_shows_it_as_text(release: Release, text: str) -> None:
    seal(release, text)
    page = report_of(release)
    assert MARKER in page
    require_inert(page, release.evidence.folder)
    assert "Coverage of larkfell" in page
    assert "<a href='attempt-1/sites/larkfell/suites/" in page, "files of the suite are linked"


def test_a_proof_that_is_no_file_of_the_evidence_is_no_link(text: str) -> None:
    for name in (
        text,
        f"javascript:{text}",
        f"../{text}",
        f"//evil.example/{text}",
        f"https://evil.example/{text}",
    ):
        file = ShownFiles("attempt-1", ["sites/larkfell/suites/a.png"]).file(name)
        shown = TEMPLATES.get_template("parts.html").module.proof(file)
        assert {node.tag for node in LexborHTMLParser(shown).css("body *")} <= {"small"}


class Lines:
    """Every line that a task writes: tasks log by structlog, modules by the standard library."""

    def __init__(self, said: list[MutableMapping[str, Any]], caplog: pytest.LogCaptureFixture) -> None:
        self._said, self._caplog = said, caplog

    @property
    def lines(self) -> list[str]:
        return [str(each["event"]) for each in self._said] + [r.getMessage() for r in self._caplog.records]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as said:
        yield Lines(said, caplog)


def require_harmless(lines: list[str], *, arrived: bool = True) -> None:
    """Each is one line; groups are opened and closed by the gate alone."""
    assert any(MARKER in line for line in lines) or not arrived
    depth = 0
    for line in lines:
        ours = line == "::endgroup::" or (line.startswith("::group::") and MARKER not in line)
        assert ours or is_one_harmless_line(line), repr(line)
        depth += 0 if not ours else -1 if line == "::endgroup::" else 1
        assert depth in (0, 1)
    assert depth == 0


def test_the_log_of_a_check_names_the_code_of_each_finding(lines: Lines) -> None:
    say(logging.getLogger("airflow.task"), result(outcome=Outcome.FAILED))
    assert "failed key_pages.bad [/us/en.html] /us/en.html answered 500." in lines.lines


def test_the_log_of_a_check_shows_it_as_text(text: str, lines: Lines) -> None:
    say(logging.getLogger("airflow.task"), result(findings=(hostile_finding(text),), outcome=Outcome.FAILED))
    require_harmless(lines.lines)


def test_the_log_of_a_chapter_shows_it_as_text(
    release: Release, text: str, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    found = result(findings=(hostile_finding(text),), outcome=Outcome.FAILED)

    async def test_once(*_: object) -> CheckResult:
        return found

    monkeypatch.setattr(RunChapter, "_test_once", test_once)
    with pytest.raises(Red):
        chapter_with(release, "key_pages").execute(context(release))
    assert any(MARKER in line for line in lines.lines)
    require_harmless(lines.lines)


def test_the_logs_of_judge_decide_hold_and_publish_show_it_as_text(
    release: Release, text: str, tmp_path: Path, lines: Lines
) -> None:
    seal(release, text)
    gate_file = str(release.gate_file)
    assert Judge(task_id="judge", gate_file=gate_file).execute(context(release)) == [1]
    dag = build_gate_dag(release.gate, release.gate_file, "")
    ways = Decide(task_id="decide", gate_file=gate_file).choose_branch(context(release) | {"dag": dag})
    assert ways == ["ask_release_manager"]
    with pytest.raises(TaskDeferred):
        wait_of(HoldProduction, release, tmp_path).execute(context(release))
    report_of(release)
    require_harmless(lines.lines)


def question_of(release: Release) -> AskReleaseManager:
    options = list(options_for({Outcome.FAILED}))
    return AskReleaseManager(task_id="ask", gate_file=str(release.gate_file), attempt=1, options=options)


def ask(release: Release) -> AskReleaseManager:
    question = question_of(release)
    with pytest.raises(TaskAwaitingInput):
        question.execute(context(release) | {"task_instance": SimpleNamespace(id="ti")})
    return question


def plain_markdown(page: str) -> LexborHTMLParser:
    """The page that a reader of Markdown makes of it, one that lets raw HTML through."""
    return LexborHTMLParser(MarkdownIt("commonmark", {"html": True}).enable("table").render(page))


def test_a_question_shows_it_as_text_and_renders_no_template(
    release: Release, text: str, shown: Shown, lines: Lines
) -> None:
    seal(release, text)
    ask(release)
    body = shown["body"]
    assert MARKER in body
    assert all(is_one_harmless_line(line) for line in body.splitlines())
    parsed = plain_markdown(body)
    assert not parsed.css("script, img, h1, table, iframe")
    assert {node.tag for node in parsed.css("a")} <= {"a"}
    for link in parsed.css("a"):
        assert "evil.example" not in (link.attributes["href"] or "")
        assert "javascript" not in (link.attributes["href"] or "")
    assert MARKER in parsed.css_first("pre code").text()
    if "{{" in text:
        assert "{{ conn.x.password }}" in body, "not rendered, and not lost"
    assert MARKER not in json.dumps([shown["options"], shown["subject"], shown["defaults"]])
    assert MARKER not in str(shown["params"])
    require_harmless(lines.lines)


def test_no_template_field_of_any_task_holds_text_of_the_site(
    release: Release, text: str, shown: Shown
) -> None:
    seal(release, text)
    dag = build_gate_dag(release.gate, release.gate_file, describe(release.gate))
    for task in dag.tasks:
        for name in task.template_fields:
            assert MARKER not in str(getattr(task, name, "")), f"{task.task_id}.{name}"
    asked = question_of(release)
    asked.render_template_fields({"params": {}})  # type: ignore[typeddict-item]
    assert MARKER not in f"{asked.body}{asked.subject}", "what is rendered is what was there before it asked"


def test_no_x_com_holds_it(release: Release, text: str, shown: Shown) -> None:
    seal(release, text)
    gate_file = str(release.gate_file)
    dag = build_gate_dag(release.gate, release.gate_file, "")
    given = {
        "chosen_options": ["Halt"],
        "params_input": {"reason": text, "accepts": None, "seal": ""},
        "responded_by_user": {"id": "alice", "name": "alice"},
        "timedout": False,
    }
    given["params_input"]["seal"] = release.evidence.load_seal(1).digest[:12]  # type: ignore[index]
    kept = [
        Judge(task_id="judge", gate_file=gate_file).execute(context(release)),
        Decide(task_id="decide", gate_file=gate_file).choose_branch(context(release) | {"dag": dag}),
        ask(release).execute_complete(context(release), given),
    ]
    assert MARKER not in json.dumps(kept)
    assert kept == [[1], ["ask_release_manager"], "Halt"]


def test_messages_show_it_as_text(heard: dict[str, Heard], tmp_path: Path, text: str) -> None:
    tell(gate_run(tmp_path, EVERYBODY), Event.HALTED, [text])
    [slack] = heard["slack"].bodies
    blocks = json.loads(slack["blocks"])
    assert {block["text"]["type"] for block in blocks} == {"plain_text"}
    told = [block["text"]["text"] for block in blocks]
    assert any(MARKER in each for each in told)
    assert all(is_one_harmless_line(each) and "<" not in each for each in told)
    [mail] = heard["mail"].mails
    assert mail["Subject"] == "Stage Gate larkfell, execution 2345678: halted"
    assert mail["Bcc"] is None
    assert heard["mail"].recipients == [EVERYBODY["email"]["to"]]
    parsed = LexborHTMLParser(mail.get_body(("html",)).get_content())
    assert {node.tag for node in parsed.css("*")} <= {"html", "head", "body", "p"}
    assert MARKER in parsed.text()
    [alert] = heard["pager"].bodies
    assert all(is_one_harmless_line(each) for each in alert["payload"]["custom_details"].values())


def test_the_docs_tab_shows_a_gate_file_as_text_and_nothing_of_the_site(release: Release, text: str) -> None:
    before = describe(release.gate)
    seal(release, text)
    assert describe(release.gate) == before
    line = " ".join(text.replace("\0", "").split())
    import yaml

    content = yaml.safe_load(release.gate_file.read_text())
    excuse = {"check": "real_404", "owner": "alice@example.com", "until": str(later()), "why": line}
    content |= {
        "policy": {"quarantine": [excuse]},
        "checks": {"others": False, "key_pages": {}, "real_404": {}},
    }
    release.gate_file.write_text(yaml.safe_dump(content))
    parsed = plain_markdown(describe(load_gate(release.gate_file)))
    assert not parsed.css("script, img, a, iframe")
    assert MARKER in parsed.text()


def later() -> Any:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=7)).date()


def test_the_ledger_holds_and_tells_it_as_text(
    release: Release, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import base64

    from stage_gate.evidence.ledger import write_entry
    from stage_gate.evidence.signing import public_key

    seal(release, text)
    write_entry(release.evidence, release.evidence.load_seal(1))
    ledger = read_ledger(release.evidence.store, "larkfell", KEYS)
    subjects = [each.subject for check in ledger.entries[0].checks for each in check.findings]
    assert subjects
    assert all(is_one_harmless_line(each) for each in subjects)
    assert KEYS.private is not None
    key = base64.b64encode(public_key(KEYS.private)).decode()
    store = str(release.evidence.store)
    capsys.readouterr()
    assert (
        main(
            [
                "ledger",
                "larkfell",
                "--evidence",
                store,
                "--key",
                key,
                "--folder",
                str(release.gate_file.parent),
            ]
        )
        == 0
    )
    assert all(is_one_harmless_line(line) for line in capsys.readouterr().out.splitlines())


def test_the_command_line_of_verify_tells_it_as_text(
    release: Release, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(release, text)
    capsys.readouterr()
    main(["verify", str(release.evidence.folder)])
    assert all(is_one_harmless_line(line) for line in capsys.readouterr().out.splitlines())


def test_evidence_lies_where_it_belongs_whatever_its_name(release: Release, text: str) -> None:
    seal(release, text)
    store = release.evidence.store
    assert {path.name for path in store.iterdir()} == {"larkfell"}
