"""N3: suites of a team as real processes: honest, silent, broken and hostile ones."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.access import Access, AccessError
from aem_checks.asking import NoQuestion, lead
from aem_checks.asks import Command, Login
from aem_checks.browser.blob import Spill
from aem_checks.kinds.suites.suites import Suites, SuitesSettings
from aem_checks.outcomes import Judgement
from aem_checks.running import Left, Ran, Reports
from aem_checks.sites import SiteConfig
from aem_checks.told import NotKept, Told, keep
from aem_checks.told import read as read_told
from aem_checks.visit import Visit
from unit.aem_checks.small_site import bad, outcome, visit
from unit.aem_checks.test_commands import over_when

GREEN = '<testsuite><testcase name="opens"/><testcase name="closes"/></testsuite>'
RED = (
    '<testsuite><testcase name="opens"/>'
    '<testcase classname="Home" name="has a hero"><failure message="no hero"/></testcase></testsuite>'
)
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")


PLACE = "suites/cypress/run-1"
SITE = SiteConfig.model_validate(
    {
        "stage": {"url": "https://stage.wknd.site", "origin": "https://publish-p1-e2.adobeaemcloud.com"},
        "pages": ["/"],
    }
)
VISIT = Visit(SITE, "stage")


def check(folder: Path, run: str, **settings: Any) -> Suites:
    given = {"name": "cypress", "folder": "ui.tests", "run": run, "within": "2m", **settings}
    (folder / "ui.tests").mkdir(exist_ok=True)
    return Suites(SuitesSettings.model_validate(given, context={"folder": folder}))


def report(xml: str, name: str = "result.xml") -> str:
    return f'printf %s {shlex.quote(xml)} > "$REPORTS_PATH"/{name}'


def python(program: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-I", "-c", program, *arguments])


def judge(folder: Path, run: str, **settings: Any) -> tuple[str, Judgement]:
    suite = check(folder, run, **settings)
    judgement = visit(suite, folder, {})
    return outcome(suite, judgement), judgement


def told(files: Mapping[str, str], exit_code: int = 0) -> tuple[str, Judgement]:
    """What is made of a suite that left these files and ended so; nothing is run."""
    left = tuple(
        Left(
            name, f"{PLACE}/reports/{name}", Spill().put(content.encode()) if name.endswith(".xml") else None
        )
        for name, content in files.items()
    )
    ran = Ran(exit_code=exit_code, place=PLACE, reports=(Reports(files=left),))
    suite = Suites(SuitesSettings(name="cypress", folder="ui.tests", run="npm test"))
    judgement = lead(suite.judge(VISIT), lambda _: ran)
    return outcome(suite, judgement), judgement


def asked(**settings: Any) -> Command:
    """The question of a suite with these settings."""
    given = {"name": "cypress", "folder": "ui.tests", "run": "npm test", **settings}
    ((question,),) = [next(Suites(SuitesSettings.model_validate(given)).judge(VISIT))]
    assert isinstance(question, Command)
    return question


def test_a_green_suite_passes_and_its_files_are_kept(tmp_path: Path) -> None:
    shot = "mkdir $REPORTS_PATH/shots; echo png > $REPORTS_PATH/shots/home.png"
    result, judgement = judge(tmp_path, f"echo hello; {shot}; {report(GREEN)}")
    assert result == "block passed"
    assert judgement.examined == 2
    evidence = tmp_path / "evidence" / "suites" / "cypress" / "run-1"
    assert (evidence / "output.txt").read_text() == "hello\n"
    assert (evidence / "reports" / "result.xml").read_text() == GREEN
    assert (evidence / "reports" / "shots" / "home.png").exists()


def test_a_failed_case_fails_with_its_name_and_message(tmp_path: Path) -> None:
    result, judgement = judge(tmp_path, f"{report(RED)}; exit 1")
    assert result == "block failed product"
    (finding,) = bad(judgement)
    assert "Home: has a hero" in finding.sentence
    assert "no hero" in finding.sentence


def test_a_failed_case_fails_even_with_exit_code_zero_and_beside_green_reports(tmp_path: Path) -> None:
    result, judgement = judge(tmp_path, f"{report(GREEN, 'a.xml')}; {report(RED, 'b.xml')}")
    assert result == "block failed product"
    assert judgement.examined == 4


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("true", "no JUnit XML"),
        (report("<coverage/>", "coverage.xml"), "no JUnit XML"),
        (report("<testsuites/>"), "no test case"),
        (report('<testsuite tests="12" failures="0"/>'), "no test case"),
        (report('<testsuite><testcase name="a"><skipped/></testcase></testsuite>'), "skipped all 1 case"),
        (report("<testsuite><testcase"), "cannot be used"),
        (f"{report(GREEN, 'a.xml')}; {report('garbage', 'b.xml')}", "cannot be used"),
        (f"{report(GREEN)}; exit 7", "exit code 7"),
        (f"{report(GREEN)}; kill -9 $$", "signal 9"),
        ("npm-is-not-here-xyz test", "exit code 127"),
        (report('<testsuite failures="1"><testcase name="a"/></testsuite>'), "contradicts itself"),
        (f"{report(GREEN)}; sleep 600", "did not end in time"),
        ("ln -s /etc/passwd $REPORTS_PATH/result.xml", "symbolic link"),
        (
            f"{report(GREEN)}; mv $REPORTS_PATH $REPORTS_PATH.x; ln -s $REPORTS_PATH.x $REPORTS_PATH",
            "was replaced",
        ),
    ],
)
def test_silence_and_contradiction_are_never_a_pass(tmp_path: Path, run: str, words: str) -> None:
    within = "2s" if "sleep" in run else "2m"
    result, judgement = judge(tmp_path, run, within=within)
    assert result == "block inconclusive check"
    assert any(words in finding.sentence for finding in bad(judgement))


FLAKY = '<testsuite tests="2" failures="1"><testcase name="opens"><flakyFailure message="not yet"/></testcase></testsuite>'


def test_a_case_that_passed_on_a_retry_is_told_and_makes_the_suite_flaky() -> None:
    result, judgement = told({"r.xml": FLAKY})
    assert (result, judgement.flaky) == ("block passed", True)
    (note,) = judgement.findings
    assert note.code == "retried"
    assert note.sentence == (
        "Suite cypress had 1 of 1 executed case that passed only on a further try (flaky): 'opens'; a try of the first one "
        "said 'not yet'."
    )


@pytest.mark.parametrize(("exit_code", "expected"), [(0, "block passed"), (1, "block failed product")])
def test_a_try_that_is_listed_as_a_failed_case_is_believed_to_be_one_only_of_a_suite_that_ended_well(
    exit_code: int, expected: str
) -> None:
    failed = '<testcase classname="A" name="b()"><failure/></testcase>'
    tries = f'<testsuite tests="1">{failed}<testcase classname="A" name="b()"/></testsuite>'
    result, judgement = told({"r.xml": tries}, exit_code)
    assert (result, judgement.flaky) == (expected, exit_code == 0)


@pytest.mark.parametrize(
    ("picture", "flaky"),
    [
        ("Home -- opens (failed)", True),
        ("Home -- opens (failed) (attempt 2)", True),
        ("Home -- opens", False),
        ("Home -- closes (failed)", False),
        ("(failed)", False),
    ],
)
def test_cypress_picture_of_a_try_that_failed_makes_a_passed_case_flaky(picture: str, flaky: bool) -> None:
    green = '<testsuite><testcase name="Home opens" classname="opens"/></testsuite>'
    result, judgement = told({"r.xml": green, f"{picture}.png": "png"})
    assert (result, judgement.flaky) == ("block passed", flaky)


def test_a_picture_of_a_failed_case_makes_no_other_case_flaky() -> None:
    cases = '<testcase name="Home opens" classname="opens"/><testcase name="opens"><failure/></testcase>'
    _, judgement = told({"r.xml": f"<testsuite>{cases}</testsuite>", "opens (failed).png": "png"}, 1)
    assert not judgement.flaky


def test_words_that_nobody_knows_are_named_with_their_cases_and_pass_nothing() -> None:
    odd = "".join(f'<testcase name="c{n}" status="word{n // 2}"/>' for n in range(14))
    result, judgement = told({"r.xml": f'<testsuite><testcase name="a"/>{odd}</testsuite>'})
    assert (result, judgement.examined) == ("block inconclusive check", 1)
    sentences = [each.sentence for each in bad(judgement)]
    assert len(sentences) == 6
    assert "says 'status=word0' of 2 cases, such as 'c0'" in sentences[0]
    assert "7 such words" in sentences[-1]


def test_a_report_with_colours_is_read_and_the_way_to_switch_them_off_is_told(tmp_path: Path) -> None:
    red = "<testsuite><testcase name='a'><failure>\\033[31mno hero\\033[0m</failure></testcase></testsuite>"
    result, judgement = judge(tmp_path, f'printf "{red}" > "$REPORTS_PATH/r.xml"; exit 1')
    assert result == "block failed product"
    assert "'no hero'" in bad(judgement)[0].sentence
    (note,) = [each for each in judgement.findings if each.code == "control_characters"]
    assert "2 control characters" in note.sentence
    assert "NO_COLOR" in note.sentence
    assert (tmp_path / "evidence" / note.evidence).is_file()


def test_failures_found_before_the_time_limit_still_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_when(monkeypatch, lambda: (tmp_path / "ui.tests" / "reported").exists())
    result, _ = judge(tmp_path, f"{report(RED)}; touch reported; sleep 600")
    assert result == "block failed product"


def test_old_reports_in_the_folder_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "ui.tests").mkdir()
    (tmp_path / "ui.tests" / "old.xml").write_text(GREEN)
    assert judge(tmp_path, "true")[0] == "block inconclusive check"


STALE = report(GREEN).replace('"$REPORTS_PATH"', "target/reports")


def test_reports_that_a_project_writes_into_its_own_folder_count(tmp_path: Path) -> None:
    run = f"mkdir -p target/reports; {STALE}"
    result, judgement = judge(tmp_path, run, reports=["target/reports"])
    assert (result, judgement.examined) == ("block passed", 2)
    assert (tmp_path / "evidence/suites/cypress/run-1/reports/target/reports/result.xml").exists()


def test_reports_of_an_earlier_run_never_count(tmp_path: Path) -> None:
    folder = tmp_path / "ui.tests" / "target" / "reports"
    folder.mkdir(parents=True)
    (folder / "result.xml").write_text(GREEN)
    os.utime(folder / "result.xml", (time.time() - 60, time.time() - 60))
    result, judgement = judge(tmp_path, "true", reports=["target/reports"])
    assert result == "block inconclusive check"
    assert any("there before the command ran" in each.sentence for each in judgement.findings)


@pytest.mark.parametrize("second", ["ui/reports", "ui/nowhere"])
def test_a_report_folder_without_a_report_of_this_run_is_no_pass(tmp_path: Path, second: str) -> None:
    run = f"mkdir -p target/reports ui/reports; {STALE}"
    result, judgement = judge(tmp_path, run, reports=["target/reports", second])
    assert result == "block inconclusive check"
    assert any(f"into '{second}'" in each.sentence for each in bad(judgement))


@pytest.mark.parametrize("folder", ["/tmp", "../elsewhere", "a/../../b", ""])
def test_a_report_folder_outside_of_the_suite_is_refused(folder: str) -> None:
    with pytest.raises(ValidationError, match="not a folder inside"):
        SuitesSettings(name="cypress", folder="ui.tests", run="true", reports=(folder,))


def test_a_failed_case_points_to_its_own_screenshot(tmp_path: Path) -> None:
    shots = " && ".join(
        f'mkdir -p "$REPORTS_PATH/shots" && printf png > "$REPORTS_PATH/shots/{name}.png"'
        for name in ("Home -- has a hero (failed)", "Search -- finds surfing (failed)")
    )
    _, judgement = judge(tmp_path, f"{shots}; {report(RED)}; exit 1")
    (finding,) = bad(judgement)
    assert finding.evidence.endswith("shots/Home -- has a hero (failed).png")
    assert (tmp_path / "evidence" / finding.evidence).read_bytes() == b"png"


def variables(folder: Path, run: str = "", **more: Any) -> dict[str, str]:
    """What a suite sees of its environment."""
    settings = more.pop("settings", {})
    dump = f"{run}{python('import json,os; print(json.dumps(dict(os.environ)))')}; {report(GREEN)}"
    visit(check(folder, dump, **settings), folder, {}, **more)
    output = folder / "evidence" / "suites" / "cypress" / "run-1" / "output.txt"
    seen: dict[str, str] = json.loads(output.read_text())
    return seen


def test_a_suite_sees_cloud_managers_variables_and_nothing_of_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", "secret")
    monkeypatch.setenv("PROXY_HOST", "proxy")
    monkeypatch.setenv("HTTPS_PROXY", "proxy")
    seen = variables(
        tmp_path,
        author="http://author.example",
        access=Access(basic=("reader", "reader")),
        resolver=lambda name: Access(basic=("tester", "tester")),
        settings={
            "author": "wknd_author",
            "environment": {"CI": "true"},
            "selenium_url": "http://selenium:4444",
            "upload_url": "http://upload/upload",
        },
    )
    assert seen.keys() - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE", "STAGE_GATE_SUITE_RUN"} == {
        "PATH", "LANG", "HOME", "TMPDIR", "REPORTS_PATH", "CI", "UPLOAD_URL", "SELENIUM_BASE_URL", "SELENIUM_BROWSER",
        "AEM_AUTHOR_URL", "AEM_AUTHOR_USERNAME", "AEM_AUTHOR_PASSWORD",
        "AEM_PUBLISH_URL", "AEM_PUBLISH_USERNAME", "AEM_PUBLISH_PASSWORD",
    }  # fmt: skip
    assert (seen["AEM_AUTHOR_URL"], seen["AEM_AUTHOR_USERNAME"]) == ("http://author.example", "tester")
    assert seen["AEM_PUBLISH_USERNAME"] == "reader"
    assert seen["HOME"] != str(Path.home())
    assert not Path(seen["REPORTS_PATH"]).exists()


def test_passwords_are_blanked_out_of_everything_that_is_kept(tmp_path: Path) -> None:
    failing = '<testsuite><testcase name="a"><failure message="$AEM_AUTHOR_PASSWORD"/></testcase></testsuite>'
    run = f'echo $AEM_AUTHOR_PASSWORD; printf %s "{failing.replace(chr(34), chr(39))}" > $REPORTS_PATH/r.xml'
    suite = check(tmp_path, run, author="wknd_author", author_url="http://author.example")
    judgement = visit(suite, tmp_path, {}, resolver=lambda name: Access(basic=("tester", "hunter-2-secret")))
    assert outcome(suite, judgement) == "block failed product"
    assert "hunter-2" not in judgement.model_dump_json()
    kept = [path.read_bytes() for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert not any(b"hunter-2" in content for content in kept)


def no_connection(name: str) -> Access:
    raise AccessError(f"there is no connection {name!r}")


@pytest.mark.parametrize(
    ("resolver", "author", "words"),
    [
        (no_connection, "http://author.example", "there is no connection"),
        (
            lambda name: Access(headers={"Authorization": "Bearer x"}),
            "http://author.example",
            "no login and password",
        ),
        (lambda name: Access(basic=("a", "b")), None, "not known where to log in"),
        (
            lambda name: Access(basic=("a", "b"), hosts=frozenset({"author.example"})),
            "http://evil.example",
            "the connection opens author.example only, not evil.example",
        ),
    ],
)
def test_a_login_that_cannot_be_made_is_inconclusive(
    tmp_path: Path, resolver: Any, author: str | None, words: str
) -> None:
    suite = check(tmp_path, "touch started", author="wknd_author")
    judgement = visit(suite, tmp_path, {}, resolver=resolver, author=author)
    assert outcome(suite, judgement) == "block inconclusive check"
    assert words in bad(judgement)[0].sentence
    assert not (tmp_path / "ui.tests" / "started").exists()


def test_a_missing_folder_is_inconclusive(tmp_path: Path) -> None:
    suite = Suites(SuitesSettings(name="cypress", folder=str(tmp_path / "elsewhere"), run="true"))
    judgement = visit(suite, tmp_path, {})
    assert outcome(suite, judgement) == "block inconclusive check"
    assert "has no folder" in bad(judgement)[0].sentence


HOSTILE = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-I", "-c", "import signal, time; "
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", sys.argv[1]], {})
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
reports = os.environ["REPORTS_PATH"]
os.symlink("/etc", reports + "/etc")
os.symlink("/proc/self/environ", reports + "/environ.txt")
os.mkfifo(reports + "/pipe")
with open(reports + "/good.xml", "w") as good:
    good.write("<testsuite><testcase name='a'/></testsuite>")
for turn in range(10**9):
    os.write(1, b"\\x1b[2J::group::flood " * 4096)
    if turn == 50:
        open("flooding", "w").close()
"""


@needs_proc
def test_a_hostile_suite_leaves_no_process_and_nothing_foreign_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = uuid.uuid4().hex
    over_when(monkeypatch, lambda: (tmp_path / "ui.tests" / "flooding").exists())
    started = time.monotonic()
    result, judgement = judge(tmp_path, python(HOSTILE, marker))
    assert time.monotonic() - started < 100
    assert result == "block inconclusive check"
    kept = {path.name for path in (tmp_path / "evidence").rglob("*") if path.is_file()}
    assert kept == {"good.xml", "output.txt"}
    output = tmp_path / "evidence" / "suites" / "cypress" / "run-1" / "output.txt"
    assert output.stat().st_size <= 256 * 1024
    assert judgement.examined == 1
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if marker in read(entry)]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_a_second_run_is_kept_beside_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        judge(tmp_path, report(GREEN))
    folder = tmp_path / "evidence" / "suites" / "cypress"
    assert sorted(path.name for path in folder.iterdir()) == ["run-1", "run-2"]


def test_many_failures_are_counted_and_some_are_listed() -> None:
    cases = "".join(f'<testcase name="c{n}"><failure/></testcase>' for n in range(50))
    _, judgement = told({"r.xml": f"<testsuite>{cases}</testsuite>"})
    assert len(bad(judgement)) == 21
    assert "50 of 50" in bad(judgement)[-1].sentence


@pytest.mark.parametrize("name", ["PROXY_HOST", "AEM_AUTHOR_URL", "HOME", "AIRFLOW_HOME", "A B", "1A", "A=B"])
def test_variables_that_are_not_the_teams_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        SuitesSettings(name="x", folder=".", run="true", environment={name: "x"})


def test_the_author_beside_a_cloud_service_publish_host_is_known() -> None:
    assert asked().environment["AEM_AUTHOR_URL"] == "https://author-p1-e2.adobeaemcloud.com"


def test_a_suite_names_what_it_logs_in_with_and_is_told_nothing_of_it() -> None:
    question = asked(author="wknd_author", publish="wknd_reader", environment={"CI": "true"})
    author = "https://author-p1-e2.adobeaemcloud.com"
    assert question.logins == (
        Login("AEM_AUTHOR", author, "wknd_author", as_user=True),
        Login("AEM_PUBLISH", "https://stage.wknd.site", "wknd_reader", of_target=True),
    )
    assert question.environment == {
        "CI": "true",
        "AEM_AUTHOR_URL": author,
        "AEM_PUBLISH_URL": "https://stage.wknd.site",
    }


def test_a_kind_that_does_not_say_that_it_runs_commands_runs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Suites, "runs_commands", False)
    with pytest.raises(NoQuestion, match="nobody can answer Command"):
        judge(tmp_path, "touch started")
    assert not (tmp_path / "ui.tests" / "started").exists()


def test_what_a_command_came_to_is_not_kept_to_be_judged_again(tmp_path: Path) -> None:
    keep(Told([(asked(), Ran(exit_code=0))]), tmp_path, "suites.cypress")
    with pytest.raises(NotKept, match="it ran a command of the team"):
        read_told(tmp_path, "suites.cypress")
