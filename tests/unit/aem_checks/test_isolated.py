"""A team's own checks run apart: they get what they need, and nothing that they leave is believed unread."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import Access
from aem_checks.browser import sharing
from aem_checks.browser.seen import Complaint, Seen
from aem_checks.client import Client
from aem_checks.kinds import KindError, file_of_own_kind, kind_of_file
from aem_checks.kinds.availability.key_pages import KeyPages
from aem_checks.means import Means
from aem_checks.outcomes import Cause, CheckResult, Outcome, Severity
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from unit.aem_checks.browser.fake_browser import FakeBrowser, FakePage
from unit.aem_checks.git_repository import commit
from unit.aem_checks.other_user import NOBODY, PYTHON, needs_python_for_all, needs_root, open_folder
from unit.aem_checks.page_site import PageSite
from unit.aem_checks.test_commands import DAEMON, running

OWN = """
import json, os, sys
from datetime import timedelta
from pathlib import Path
from aem_checks.asks import Abroad, Command, Fact, Files, Follow, Fresh, Get, Now, Question, Read, ask, ask_all
from aem_checks.browser.asks import DataLayer, Open, Picture, Value
from aem_checks.browser.open_page import Viewport
from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings
from aem_checks.outcomes import Finding, Judgement, Severity

class Settings(CheckoutSettings):
    word: str = "surf"
    more: tuple[str, ...] = ()

class Own(Check[Settings]):
    kind, number, title = "own", "Z1", "Our own"
    settings_type = Settings
    reads_recording = {reads}
    {judge}
"""
PAGE = """def judge(self, visit):
    yield from ()
    recording = visit.recorded
{body}
"""
SITE = """def judge(self, visit):
    yield from ()
{body}
"""
SECRET = "pa55-of-the-stage"
COMMIT = "0abc"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    monkeypatch.setattr(sys, "executable", PYTHON)


def judge(
    place: Path, body: str, *, site: bool = False, codes: dict[str, str] | None = None, **settings: Any
) -> CheckResult:
    """Write a team's module with this body and run its check as a gate does."""
    shape = SITE if site else PAGE
    source = OWN.format(
        reads=not site,
        judge=textwrap.indent(
            shape.format(body=textwrap.indent(textwrap.dedent(body), "    ")), "    "
        ).strip(),
    )
    source = source.replace("settings_type =", f"codes = {codes or {}}\n    settings_type =")
    module = place / f"own_{uuid.uuid4().hex}.py"
    module.write_text(source)
    kind = kind_of_file(module)
    check = kind(kind.settings_type.model_validate({"within": "2m", **settings}))

    async def run() -> CheckResult:
        async with PageSite() as server:
            config = server.config(stage={"url": server.url, "access": "wknd_stage"})
            limit = RateLimit(5000, folder=place / "rate")
            access = Access(basic=("stage", SECRET))
            async with Client.for_site(config, lambda name: access, rate_limit=limit) as client:
                evidence = place / "evidence"
                recording = await record(config, "stage", client, evidence / "recording")
                visit = Means(
                    config,
                    "stage",
                    client,
                    recording,
                    evidence,
                    access,
                    {"commit_id": COMMIT},
                    lambda name: access,
                )
                return await run_check(check, visit, key="wknd.own")

    return asyncio.run(run())


def kept(place: Path, name: str = "output.txt", run: int = 1) -> str:
    return (place / "evidence" / "own" / "wknd.own" / f"run-{run}" / name).read_text()


def test_the_kinds_of_this_package_are_not_a_teams_own(place: Path) -> None:
    assert file_of_own_kind(KeyPages) is None


def test_a_check_of_pages_judges_the_recording_in_another_process(place: Path) -> None:
    result = judge(place, "print(os.getpid()); return Judgement(examined=len(recording.good_pages))")
    assert (result.outcome, result.examined, result.key, result.kind) == (
        Outcome.PASSED,
        1,
        "wknd.own",
        "own",
    )
    assert int(kept(place)) != os.getpid()


def test_what_a_check_without_codes_finds_goes_on_working_under_one_code(place: Path) -> None:
    result = judge(place, 'return Judgement(examined=1, findings=(Finding(subject="/", sentence="Bad."),))')
    assert (result.outcome, [f.code for f in result.findings]) == (Outcome.FAILED, ["own.finding"])


@pytest.mark.parametrize(
    ("code", "expected"), [("slow", "own.slow"), ("no_answer", "own.no_answer"), ("fast", "own.check_error")]
)
def test_a_teams_check_names_the_faults_that_it_declares(place: Path, code: str, expected: str) -> None:
    body = f'return Judgement(examined=1, findings=(Finding(code={code!r}, subject="/", sentence="Bad."),))'
    assert judge(place, body, codes={"slow": "it is slow"}).findings[0].code == expected


def test_settings_arrive_as_they_were_written(place: Path) -> None:
    body = """
    print(json.dumps([self.settings.word, self.settings.more, self.settings.within.total_seconds()]))
    return Judgement(examined=1)
    """
    assert judge(place, body, word="ski", more=["a", "b"], within="1m30.5s").outcome is Outcome.PASSED
    assert json.loads(kept(place)) == ["ski", ["a", "b"], 90.5]


def test_a_check_of_the_site_asks_it_with_the_sites_access_and_keeps_its_proof(place: Path) -> None:
    body = """
    answer = yield from ask(Get(visit.url("/")))
    print(answer.status, (yield from ask(Fact("commit_id"))), "('stage', 'pa55-of-the-stage')")
    proof = visit.keep("proof/home.html", answer.body)
    finding = Finding(subject="/", sentence="It looks wrong.", evidence=proof)
    return Judgement(examined=1, findings=(finding,))
    """
    result = judge(place, body, site=True)
    assert (result.outcome, result.severity, result.attempts) == (Outcome.FAILED, Severity.BLOCK, 2)
    assert result.findings[0].evidence == "own/wknd.own/run-2/proof/home.html"
    assert "Surfing" in kept(place, "proof/home.html", run=2)
    assert kept(place) == f"200 0abc ('stage', '{'*' * len(SECRET)}')\n"


def test_an_error_that_tells_what_opens_the_site_does_not_tell_it_to_others(place: Path) -> None:
    body = """
    raise RuntimeError("log-in failed with ('stage', 'pa55-of-the-stage')")
    """
    result = judge(place, body, site=True)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert f"RuntimeError: log-in failed with ('stage', '{'*' * len(SECRET)}')" in result.findings[0].sentence
    assert SECRET not in result.model_dump_json()


@pytest.mark.parametrize("site", [True, False])
def test_no_check_is_given_credentials(place: Path, site: bool) -> None:
    """What opens the site is told to the site alone: it is nowhere in the memory that the check starts with."""
    body = """
    import gc
    yield from ask(Get(visit.url("/")))
    print([each for each in dir(visit) if not each.startswith("_")])
    word = "-".join(("pa55", "of", "the", "stage"))
    found = [each for each in gc.get_objects() if isinstance(each, dict) and word in map(str, each.values())]
    print(len(found), sys.stdin.read(), [os.readlink(f"/proc/self/fd/{fd}") for fd in (0,)])
    return Judgement(examined=1)
    """
    assert judge(place, body, site=site).outcome is Outcome.PASSED
    told, last = kept(place).splitlines()
    assert set(ast.literal_eval(told)) == {
        *(
            "site",
            "target",
            "recording",
            "recorded",
            "reader",
            "baseline",
            "endpoint",
            "pages",
            "url",
            "allows",
        ),
        *("keep", "kept"),
    }, "nothing that opens or asks anything"
    assert last == "0  ['/dev/null']"


def test_there_is_no_network(place: Path) -> None:
    body = """
    import socket, subprocess
    gained = []
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK):
        try:
            gained.append(socket.socket(family, socket.SOCK_DGRAM))
        except OSError:
            pass
    started = subprocess.run([sys.executable, "-c", "import socket; socket.socket()"], capture_output=True)
    print(gained, started.returncode)
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True).outcome is Outcome.PASSED
    assert kept(place) == "[] 1\n"


ASKS = """
first, others = (yield from ask(Get(visit.url("/")))), (yield from ask_all([Fresh(), Now(), Read("/")]))
chain = yield from ask(Follow(visit.url("/")))
print(first.status, "Surfing" in first.text, len(others[0]), others[1].tzinfo, others[2].final.status, len(chain))
return Judgement(examined=1)
"""


def test_questions_are_answered_across_the_border(place: Path) -> None:
    result = judge(place, ASKS)
    assert result.outcome is Outcome.PASSED, result.sentences
    assert kept(place) == "200 True 16 UTC 200 1\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('yield "what?"', "is no list of questions"),
        ("yield [1]", "is no list of questions"),
        ("yield [Question()]", "nobody can answer"),
        ('yield [Command("a", "true", "/", 1)]', "nobody can answer"),
        ('yield [Files(("a" * 201,))]', "with more than 20 patterns, 200 characters or 8 stars"),
        ('yield [Files(("*a" * 9,))]', "with more than 20 patterns, 200 characters or 8 stars"),
        ('yield [Open("/", Viewport(1, 1_000_000))]', "a window of 1 x 1000000"),
        ('yield [Open("/", looks=(Value("a"),) * 21)]', "more than 20 looks"),
        ('yield [Open("/", looks=(Value("a" * 9000),))]', "or looks of more than 8000 characters"),
        ('yield [Open("/", looks=(Value(7),))]', "asked a question 'open' that is none"),
        (
            'yield [Open("/", looks=(Picture(like="../../../plan.json"),))]',
            "whose files a team's check is not given",
        ),
        ('yield [Open("/", looks=(DataLayer("a; steal()"),))]', "a data layer that is no name"),
        ("while True: yield [Fresh()] * 900", "asked more than 20000 questions"),
        ("while True: yield [Fresh()] * 2000", "no list of at most 1000 questions"),
        ("while True: yield []", "asked more than 20000 questions"),
        ('yield [Get("https://elsewhere.example/")]', "is not on a host of this site"),
        ('yield [Abroad("https://elsewhere.example/")]', "no gate file names"),
        ('yield [Get("http://127.0.0.1:1/")]', "is not on a host of this site"),
        ("yield [Get(7)]", "asked a question 'get' that is none"),
        ('yield [Get(visit.url("/"), tries=1000)]', "'tries' of 1000"),
        ('yield [Get(visit.url("/"), timeout=float("nan"))]', "'timeout' of nan"),
        ('yield [Get(visit.url("/"), method="GET / HTTP/1.1")]', "the method"),
        ('yield [Get(visit.url("/"), headers={"X": "a\\r\\nHost: b"})]', "a header of more than one line"),
        ('yield [Get(visit.url("/") + "x" * 9000)]', "a URL of more than 8000 characters"),
        ('yield [Get(visit.url("/"), body=b"x" * 3_000_000)]', "bytes at once; up to"),
    ],
)
def test_a_question_that_is_none_is_inconclusive(place: Path, body: str, words: str) -> None:
    result = judge(place, f"{body}\nreturn Judgement(examined=1)", site=True)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert words in result.sentences[0], result.sentences


def test_it_can_ask_for_files_of_the_release(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = commit(place / "git", {"a/b.cfg.json": "{}", "c.txt": "c"})
    monkeypatch.setattr(sys.modules[__name__], "COMMIT", found)
    body = """
    for patterns in (("**/*.cfg.json",), ("**/*.txt", "no/such")):
        source = yield from ask(Files(patterns))
        print(dict(source.contents), source.files, repr(source.problem))
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True, checkout={"folder": str(place / "git")}).outcome is Outcome.PASSED
    assert kept(place) == "{'a/b.cfg.json': b'{}'} 2 ''\n{'c.txt': b'c'} 2 ''\n"


def test_without_a_source_it_is_told_so(place: Path) -> None:
    body = """
    source = yield from ask(Files(("**",)))
    print(source.problem, source.contents)
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True).outcome is Outcome.PASSED
    assert kept(place) == "There is no checkout of the release. {}\n"


def test_it_can_ask_what_a_page_shows_in_a_browser(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = FakePage(Seen(complaints=[Complaint("exception", "it throws", "https://x.test/a.js", 1)]))
    page.says["document.title"] = "Home"
    browser = FakeBrowser({"/a": page, "/gone": FakePage(Seen(), status=404)})
    monkeypatch.setattr(sharing, "_open_browser", browser.opens)
    body = """
    seen = yield from ask(Open("/a", Viewport(390, 844), (Value("document.title"),)))
    print(seen.status, seen.looks, [each.text for each in seen.traffic().complaints])
    lost = yield from ask(Open("/gone"))
    print(type(lost).__name__, lost.reason, lost.status)
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True).outcome is Outcome.PASSED
    assert kept(place) == "200 ('Home',) ['it throws']\nUnopened status 404\n"
    assert [(path, width) for path, width, _ in browser.opened] == [("/a", 390), ("/gone", 1366)]


LINE = "import gc, socket; line = next(each for each in gc.get_objects() if type(each) is socket.socket)"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ('line.sendall(b"junk" * 100)', "bytes at once; up to"),
        ('line.sendall(b"\\0\\0\\0\\4junk")', "which is no question"),
        ('line.sendall(b"\\0\\0\\0\\4ju"); line.shutdown(socket.SHUT_WR)', "in the middle of a question"),
        ('line.sendall(b"\\0\\x01\\0\\0" + b"[" * 65536)', "which is no question"),
        ('line.sendall(b"\\0\\0\\0\\5[[1]]")', "which a team's check can't ask"),
        ("line.close(); yield [Fresh()]", "broke off"),
    ],
)
def test_junk_on_the_line_is_inconclusive(place: Path, act: str, words: str) -> None:
    body = f"{LINE}\n{act}\nimport time; time.sleep(600)\nreturn Judgement(examined=1)"
    result = judge(place, body, site=True)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert words in result.sentences[0], result.sentences


def test_what_is_printed_is_no_answer(place: Path) -> None:
    body = """
    print('[{"ask": "get"}]' * 1000)
    sys.stdout.flush()
    yield [Fresh()]
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True).outcome is Outcome.PASSED


def test_a_foreign_host_is_refused_where_it_is_asked_for(place: Path) -> None:
    body = """
    try:
        yield [Get("https://elsewhere.example/")]
    except ValueError as error:
        print(type(error).__name__)
    return Judgement(examined=1)
    """
    assert judge(place, body, site=True).outcome is Outcome.PASSED
    assert kept(place) == "HostNotAllowed\n"


def test_a_check_that_leads_its_own_conversation_is_refused_with_what_to_write(place: Path) -> None:
    module = place / "own.py"
    module.write_text(OWN.format(reads=False, judge="async def run(self, visit): ..."))
    with pytest.raises(KindError, match="lacks judge, which asks"):
        kind_of_file(module)


def test_of_the_environment_it_sees_nothing_that_is_not_declared(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DECIDING", "secret")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("NO_PROXY", "localhost")
    judge(place, "print(json.dumps(sorted(os.environ))); return Judgement(examined=1)")
    allowed = {"PATH", "LANG", "HOME", "TMPDIR", "NO_PROXY", "STAGE_GATE_SUITE_RUN"}
    allowed |= {"LC_CTYPE", "PWD", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    assert set(json.loads(kept(place))) <= allowed


def test_evidence_in_the_recording_can_be_named(place: Path) -> None:
    body = """
    proof = recording.evidence(recording.pages[0].final)
    return Judgement(examined=1, findings=(Finding(subject="/", sentence="Bad.", evidence=proof),))
    """
    result = judge(place, body, severity="warn")
    assert result.findings[0].evidence.startswith("recording/bodies/")


ANSWER = "Path(os.environ['TMPDIR']).parent.joinpath('answer')"
LEAVE = f"{ANSWER}.joinpath('judgement.json')"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no idea')", "ValueError: no idea"),
        ("os._exit(0)", "left no judgement"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
        ("return None", "broke off"),
        (f"{LEAVE}.write_text('garbage'); os._exit(0)", "is none"),
        (f"{LEAVE}.write_text('{{}}'); os._exit(0)", "examined"),
        (f"{LEAVE}.write_text('{{\"examined\": -1}}'); os._exit(0)", "examined"),
        (f'{LEAVE}.write_text(\'{{"examined": "7"}}\'); os._exit(0)', "examined"),
        (
            f'{LEAVE}.write_text(\'{{"examined": 1, "key": "key_pages", "outcome": "passed"}}\'); os._exit(0)',
            "key",
        ),
        (f"{LEAVE}.write_text(' ' * 5_000_000 + '{{}}'); os._exit(0)", "5000002 bytes"),
        (f"{LEAVE}.symlink_to('/etc/passwd'); os._exit(0)", "symbolic link"),
        (f"os.mkfifo({LEAVE}); os._exit(0)", "not a regular file"),
        (
            f"{ANSWER}.joinpath('other.txt').write_text('x'); return Judgement(examined=1)",
            "nothing is expected",
        ),
        (
            f"{ANSWER}.joinpath('files', 'l').symlink_to('/etc/shadow'); return Judgement(examined=1)",
            "symbolic link",
        ),
        (
            "return Judgement(examined=1, findings=(Finding(subject='', sentence='x', evidence='../../plan.json'),))",
            "evidence that it did not leave",
        ),
        (
            "return Judgement(examined=1, findings=(Finding(subject='', sentence='x', evidence='/etc/passwd'),))",
            "evidence that it did not leave",
        ),
        (
            "return Judgement(examined=1, findings=(Finding(subject='', sentence='x'),) * 2001)",
            "2001 findings",
        ),
    ],
)
def test_an_answer_that_is_none_is_inconclusive(place: Path, body: str, words: str) -> None:
    result = judge(place, body)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)
    assert words in result.sentences[0]


def test_a_check_that_does_not_end_is_ended_in_time(place: Path) -> None:
    result = judge(place, "import time; time.sleep(600)", within="2s")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "did not end" in result.sentences[0]


def test_what_the_gate_file_says_of_severity_can_not_be_changed_from_inside(place: Path) -> None:
    body = "return Judgement(examined=1, findings=(Finding(subject='/', sentence='Bad.', severity=Severity.BLOCK),))"
    result = judge(place, body, severity="warn")
    assert (result.severity, result.outcome) == (Severity.WARN, Outcome.FAILED)


HOSTILE = """
gained = []
def tries(what, act):
    try:
        act()
        gained.append(what)
    except OSError:
        pass
for pid in (os.getppid(), %(worker)s):
    tries(f"environment of {pid}", lambda: open(f"/proc/{pid}/environ", "rb").read(1))
    tries(f"signal to {pid}", lambda: os.kill(pid, 0))
tries("list evidence", lambda: os.listdir(%(store)r))
tries("write evidence", lambda: open(%(store)r + "/results.json", "w").write("passed"))
tries("write beside its module", lambda: open(%(place)r + "/x", "w").write("x"))
print("gained", gained, os.getuid())
import subprocess
subprocess.run([sys.executable, "-I", "-c", %(daemon)r, %(marker)r], stdout=subprocess.DEVNULL)
return Judgement(examined=1)
"""


@needs_root
@needs_python_for_all
def test_a_hostile_check_gains_nothing_and_its_daemon_is_gone(place: Path, as_nobody: None) -> None:
    store, marker = place / "store", uuid.uuid4().hex
    store.mkdir(mode=0o700)
    worker = subprocess.Popen(["sleep", "600"])
    names = {
        "worker": worker.pid,
        "store": str(store),
        "place": str(place),
        "daemon": DAEMON,
        "marker": marker,
    }
    try:
        result = judge(place, HOSTILE % names)
    finally:
        worker.kill()
        worker.wait()
    assert result.outcome is Outcome.PASSED
    assert kept(place) == f"gained [] {NOBODY}\n"
    assert running(marker) == []


@needs_root
@needs_python_for_all
def test_another_user_keeps_the_same_rate_limit(place: Path, as_nobody: None) -> None:
    body = """
    for _ in range(3):
        yield from ask(Get(visit.url("/")))
    return Judgement(examined=1)
    """
    result = judge(place, body, site=True)
    assert result.outcome is Outcome.PASSED, result.sentences
    assert [path.stat().st_uid for path in (place / "rate").iterdir()] == [0]


@needs_root
def test_a_user_that_can_not_be_used_is_inconclusive_and_the_check_does_not_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "no-such-user-xyz")
    result = judge(place, f"open({str(place / 'ran')!r}, 'w'); return Judgement(examined=1)")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "no such user" in result.sentences[0]
    assert not (place / "ran").exists()


@needs_root
@needs_python_for_all
def test_another_user_reads_what_it_is_told_of_pages_and_files(
    place: Path, as_nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = commit(place / "git", {"c.txt": "c"})
    monkeypatch.setattr(sys.modules[__name__], "COMMIT", found)
    monkeypatch.setattr(sharing, "_open_browser", FakeBrowser().opens)
    body = """
    seen = yield from ask(Open("/a"))
    source = yield from ask(Files(("**",)))
    print(seen.traffic().requests, dict(source.contents))
    return Judgement(examined=1)
    """
    result = judge(place, body, site=True, checkout={"folder": str(place / "git")})
    assert result.outcome is Outcome.PASSED, result.sentences
    assert kept(place) == "[] {'c.txt': b'c'}\n"
