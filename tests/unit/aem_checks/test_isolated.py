"""A team's own checks run apart: they get what they need, and nothing that they leave is believed unread."""

from __future__ import annotations

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
from aem_checks.client import Client
from aem_checks.inside import GivenAccess
from aem_checks.kinds import file_of_own_kind, kind_of_file
from aem_checks.kinds.availability.key_pages import KeyPages
from aem_checks.outcomes import Cause, CheckResult, Outcome, Severity
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from aem_checks.visit import Visit
from unit.aem_checks.other_user import NOBODY, PYTHON, needs_python_for_all, needs_root, open_folder
from unit.aem_checks.page_site import PageSite
from unit.aem_checks.test_commands import DAEMON, running

OWN = """
import json, os, sys
from datetime import timedelta
from pathlib import Path
from aem_checks.check import CheckSettings, PageCheck, SiteCheck
from aem_checks.outcomes import Finding, Judgement, Severity

class Settings(CheckSettings):
    word: str = "surf"
    more: tuple[str, ...] = ()

class Own({base}[Settings]):
    kind, number, title = "own", "Z1", "Our own"
    settings_type = Settings
    {judge}
"""
PAGE = """def judge(self, recording):
{body}
"""
SITE = """async def run(self, visit):
{body}
"""
SECRET = "pa55-of-the-stage"


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
        base="SiteCheck" if site else "PageCheck",
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
                visit = Visit(
                    config,
                    "stage",
                    client,
                    recording,
                    evidence,
                    access,
                    {"commit_id": "0abc"},
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
    answer = await visit.client.get(visit.url("/"))
    print(answer.status, visit.facts["commit_id"], visit.resolver("wknd_stage").basic)
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
    raise RuntimeError(f"log-in failed with {visit.resolver('wknd_stage').basic}")
    """
    result = judge(place, body, site=True)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert f"RuntimeError: log-in failed with ('stage', '{'*' * len(SECRET)}')" in result.findings[0].sentence
    assert SECRET not in result.model_dump_json()


def test_a_check_of_pages_is_given_no_credentials_and_others_only_those_of_the_site(place: Path) -> None:
    body = """
    try:
        visit.resolver("cloud_manager_default")
    except Exception as error:
        print(error)
    return Judgement(examined=1)
    """
    judge(place, body, site=True)
    assert "is not given to a team's own check" in kept(place)
    judge(place, "print(os.pread(0, 100_000, 0)); return Judgement(examined=1)")
    assert "wknd_stage" in kept(place, run=2)
    assert SECRET not in kept(place, run=2)


def test_credentials_are_bound_to_their_host_there_too() -> None:
    ours = Access({"X-Key": "k"}, ("me", "p"), frozenset({"stage.example.com"}))
    given = GivenAccess.model_validate_json(GivenAccess.of(ours).model_dump_json())
    assert given.open() == ours


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
        await visit.client.get(visit.url("/"))
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
