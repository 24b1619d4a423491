"""As whom a team's code runs: the user that is named and no other, with nothing of the worker's in reach."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shlex
import stat
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aem_checks import code_user as module
from aem_checks.code_user import (
    CodeUser,
    CodeUserError,
    code_user,
    give,
    inherited,
    own_folders,
    reach_of,
    take_back,
)
from aem_checks.commands import CommandResult, run_command
from aem_checks.kinds.suites.suites import Suites, SuitesSettings
from aem_checks.outcomes import Judgement
from unit.aem_checks.other_user import NOBODY, PYTHON, needs_python_for_all, needs_root, open_folder
from unit.aem_checks.small_site import bad, outcome, visit
from unit.aem_checks.suites.test_suites import GREEN, RED, report
from unit.aem_checks.test_commands import DAEMON, running, until

USER = CodeUser("nobody", NOBODY, NOBODY)
needs_setpriv = pytest.mark.skipif(
    not Path("/usr/bin/setpriv").exists(), reason="needs setpriv of util-linux"
)


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder() as folder:
        (folder / "ui.tests").mkdir()
        yield folder


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")


def python(program: str, *arguments: str) -> str:
    return shlex.join([PYTHON, "-I", "-c", program, *arguments])


def run(command: str, folder: Path, user: CodeUser | None = USER, **more: Any) -> CommandResult:
    options = {"environment": {"PATH": os.environ["PATH"]}, "within": timedelta(minutes=2), "grace": 0.3}
    return asyncio.run(run_command(command, folder=folder, user=user, **(options | more)))


def judge(folder: Path, command: str, **settings: Any) -> tuple[str, Judgement]:
    given = {"name": "cypress", "folder": "ui.tests", "run": command, "within": "2m", **settings}
    suite = Suites(SuitesSettings.model_validate(given, context={"folder": folder}))
    judgement = visit(suite, folder, {})
    return outcome(suite, judgement), judgement


def test_without_the_variable_there_is_no_other_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEM_CHECKS_SUITE_USER", raising=False)
    assert code_user() is None


@needs_root
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nobody", USER),
        (" nobody\n", USER),
        (str(NOBODY), USER),
        ("54321", CodeUser("54321", 54321, 54321)),
        ("999999999", CodeUser("999999999", 999999999, 999999999)),
        ("  ", None),
    ],
)
@pytest.mark.parametrize("variable", ["AEM_CHECKS_SUITE_USER", "ANOTHER_USER"])
def test_a_user_is_named_by_name_or_number(
    monkeypatch: pytest.MonkeyPatch, variable: str, name: str, found: CodeUser | None
) -> None:
    monkeypatch.delenv("AEM_CHECKS_SUITE_USER", raising=False)
    monkeypatch.setenv(variable, name)
    assert code_user(variable) == found
    assert (code_user() == found) is (variable == "AEM_CHECKS_SUITE_USER" or found is None)


def test_a_user_without_a_name_is_told_by_its_number() -> None:
    assert str(USER) == "'nobody' (uid 65534)"
    assert str(CodeUser("54321", 54321, 54321)) == "uid 54321"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no-such-user-xyz", "names 'no-such-user-xyz', and this machine has no such user. To do: create it"),
        ("99999999999999999999", "no such user. To do"),
        ("4294967295", "no such user. To do"),
        ("9" * 5000, "no such user. To do"),
        ("-1", "names '-1', and this machine has no such user. To do"),
    ],
)
def test_a_user_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    """Also the number by which a system call is told to change nothing."""
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", name)
    with pytest.raises(CodeUserError, match=f"^AEM_CHECKS_SUITE_USER .*{says}"):
        code_user()


@needs_root
@pytest.mark.parametrize("name", ["0", "root"])
@pytest.mark.parametrize("worker", [0, 54000])
def test_no_suite_is_root_whoever_the_worker_is(
    monkeypatch: pytest.MonkeyPatch, name: str, worker: int
) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", name)
    monkeypatch.setattr(os, "getresuid", lambda: (worker, worker, worker))
    says = r"names 'root' \(uid 0\), which is root\. To do: name a user that has no other task"
    with pytest.raises(CodeUserError, match=says):
        code_user()


@needs_root
@pytest.mark.parametrize("place", [0, 1, 2])
def test_no_suite_is_the_worker_under_any_of_its_ids(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """Real, effective and saved: it could signal the worker by each."""
    ids = [0, 0, 0]
    ids[place] = NOBODY
    monkeypatch.setattr(os, "getresuid", lambda: tuple(ids))
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    with pytest.raises(CodeUserError, match="which is the user of this worker itself"):
        code_user()


@contextmanager
def worker_with(*, groups: list[int] | None = None, group: int | None = None) -> Iterator[None]:
    """This process as a worker with other groups."""
    before, own = os.getgroups(), os.getegid()
    try:
        os.setgroups(before if groups is None else groups)
        os.setegid(own if group is None else group)
        yield
    finally:
        os.setegid(own)
        os.setgroups(before)


@needs_root
@pytest.mark.parametrize(
    "worker", [{"groups": [54321]}, {"groups": [0, 4, 54321]}, {"groups": [4], "group": 54321}]
)
def test_a_user_whose_group_is_one_of_the_workers_own_is_refused(
    monkeypatch: pytest.MonkeyPatch, worker: dict[str, Any]
) -> None:
    """It could read what the worker keeps for its group, such as an evidence store with mode 0750."""
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "54321")
    assert code_user() is not None
    with (
        worker_with(**worker),
        pytest.raises(CodeUserError, match=r"whose group 54321 is one of this worker's own.*To do"),
    ):
        code_user()


@needs_root
def test_a_user_in_the_group_of_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    of_root = pwd.struct_passwd(("suites", "x", 54321, 0, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: of_root)
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "suites")
    with worker_with(groups=[4], group=4), pytest.raises(CodeUserError, match="whose group 0 is"):
        code_user()


def test_a_user_that_can_not_be_used_makes_the_suite_inconclusive_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "no-such-user-xyz")
    (tmp_path / "ui.tests").mkdir()
    result, judgement = judge(tmp_path, f"touch {tmp_path}/ran; {report(GREEN)}")
    assert result == "block inconclusive check"
    assert "no such user" in bad(judgement)[0].sentence
    assert not (tmp_path / "ran").exists()


ASK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from aem_checks.code_user import CodeUserError, code_user
try:
    print(code_user())
except CodeUserError as error:
    print(error)
"""


def ask_as_worker(name: str) -> str:
    """What a worker without any right (uid 54000 where the test is root) says of the variable."""
    other = {"user": 54000, "group": 54000, "extra_groups": []} if os.geteuid() == 0 else {}
    plugins = str(Path(__file__).parents[3] / "plugins")
    done = subprocess.run(
        [PYTHON, "-c", ASK, plugins],
        env={"AEM_CHECKS_SUITE_USER": name},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        **other,  # type: ignore[call-overload]
    )
    return str(done.stdout)


@needs_python_for_all
def test_a_worker_without_the_right_says_which_capabilities_it_lacks() -> None:
    said = ask_as_worker(str(NOBODY))
    assert "CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID" in said
    assert "To do" in said


@needs_python_for_all
def test_a_worker_without_the_right_says_what_to_do() -> None:
    said = ask_as_worker("nobody").strip()
    own = 54000 if os.geteuid() == 0 else os.geteuid()
    assert said.startswith(
        f"AEM_CHECKS_SUITE_USER names 'nobody' (uid 65534), but this worker (uid {own}) may not"
    )
    assert said.endswith("To do: start the worker with these capabilities, or remove the variable.")


BITS = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
"""As capabilities(7) and the kernel have them."""


@needs_root
@pytest.mark.parametrize("lacking", [[], *([name] for name in BITS), ["CAP_KILL", "CAP_SETUID"]])
def test_each_capability_that_a_worker_lacks_is_named_and_no_other_is_needed(
    monkeypatch: pytest.MonkeyPatch, lacking: list[str]
) -> None:
    held = sum(1 << bit for name, bit in BITS.items() if name not in lacking)
    status = f"Name:\tpython\nCapPrm:\t{'f' * 16}\nCapEff:\t{held:016x}\nCapBnd:\t{'f' * 16}\n"
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    monkeypatch.setattr(Path, "read_text", lambda path: status)
    if not lacking:
        assert code_user() == USER
        return
    with pytest.raises(CodeUserError, match=f"another user: it lacks {', '.join(lacking)}. To do: "):
        code_user()


@needs_root
@pytest.mark.parametrize("status", ["", "Name:\tpython\n", None])
def test_a_worker_that_can_not_read_what_it_holds_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, status: str | None
) -> None:
    def read(path: Path) -> str:
        if status is None:
            raise FileNotFoundError(path)
        return status

    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "54321")
    monkeypatch.setattr(Path, "read_text", read)
    with pytest.raises(CodeUserError, match=r"it lacks CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID. To do"):
        code_user()


@needs_python_for_all
def test_the_workers_own_user_is_no_other_user() -> None:
    own = "54000" if os.geteuid() == 0 else str(os.geteuid())
    assert "the user of this worker itself" in ask_as_worker(own)


WHO = """
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(), "session": os.getsid(0) == os.getpid(),
    "capabilities": [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")],
    "no_new_privs": status["NoNewPrivs"].strip(), "umask": oct(os.umask(0)),
    "files": [name for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name)],
}))
"""


@needs_root
@needs_python_for_all
def test_a_command_is_another_user_without_groups_capabilities_and_open_files(place: Path) -> None:
    groups = os.getgroups()
    os.setgroups([0, 4])
    try:
        result = run("exec " + python(WHO), place)
    finally:
        os.setgroups(groups)
    seen = json.loads(result.output)
    assert seen["uids"] == seen["gids"] == [NOBODY] * 3
    assert seen["groups"] in ([], [NOBODY])
    assert seen["capabilities"] == [0, 0, 0, 0]
    assert (seen["no_new_privs"], seen["umask"], seen["session"]) == ("1", "0o77", True)
    assert set(seen["files"]) <= {"0", "1", "2"}


HALF_WAY = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("reaper", sys.argv[1])
reaper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reaper)
os.setgroups([0, 4])
setattr(os, sys.argv[2], lambda *ids: None)
try:
    reaper.become(65534, 65534)
except reaper.CannotBecome as error:
    print(error)
"""


@needs_root
@needs_python_for_all
@pytest.mark.parametrize("call", ["setgroups", "setresgid", "setresuid"])
def test_a_command_that_did_not_become_the_other_user_in_all_is_not_started(call: str) -> None:
    """The worker's own groups among them: what a system call left undone is noticed."""
    reaper = Path(__file__).parents[3] / "plugins" / "aem_checks" / "reaper.py"
    command = [PYTHON, "-I", "-c", HALF_WAY, str(reaper), call]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=300)
    assert "did not become user 65534 with group 65534" in done.stdout, done.stderr


AS_WORKER = """
import asyncio, os, sys, tempfile
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from aem_checks.code_user import code_user, own_folders, take_back
from aem_checks.commands import run_command
user, tempfile.tempdir = code_user(), sys.argv[2]
manager = own_folders("suite-", ["R"], user)
report = manager.__enter__()["R"]
command = f"id -u > {report}/who; mkdir {report}/deep; echo x > {report}/deep/x; chmod 0 {report}/deep; "
command += "grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status; exec " + sys.argv[3]
options = {"environment": {"PATH": os.environ["PATH"]}, "within": timedelta(minutes=2), "grace": 0.3}
result = asyncio.run(run_command(command, folder=Path("/"), user=user, **options))
take_back(report, user)
who, deep = ((report / name).read_text().strip() for name in ("who", "deep/x"))
print(result.exit_code, len(result.left_over), result.problem, who, deep)
manager.__exit__(None, None, None)
print("left:", os.listdir(sys.argv[2]))
print(result.output.decode())
"""


@needs_root
@needs_python_for_all
@needs_setpriv
def test_a_worker_that_is_not_root_hands_none_of_its_capabilities_on(place: Path) -> None:
    marker = uuid.uuid4().hex
    work = place / "work"
    work.mkdir()
    os.chown(work, 54000, 54000)
    four = "+chown,+kill,+setgid,+setuid"
    worker = ["setpriv", "--reuid=54000", "--regid=54000", "--clear-groups", f"--inh-caps={four}"]
    plugins = str(Path(__file__).parents[3] / "plugins")
    done = subprocess.run(
        [
            *worker,
            f"--ambient-caps={four}",
            *(PYTHON, "-c", AS_WORKER, plugins, str(work), python(DAEMON, marker)),
        ],
        env={"AEM_CHECKS_SUITE_USER": "nobody", "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    first, *others = done.stdout.splitlines() or [done.stderr]
    assert first == f"0 1  {NOBODY} x", done.stderr
    assert "left: []" in others
    assert {line.split()[1] for line in others if line.startswith("Cap")} == {"0" * 16}
    assert running(marker) == []


HOSTILE = """
import glob, os, sys
evidence, secret, own = sys.argv[1], sys.argv[2], os.getpid()
gained = []
def tries(what, act):
    try:
        act()
        gained.append(what)
    except OSError:
        pass
keeper = int(open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1])
for pid in [keeper, int(sys.argv[3])]:
    for name in ("environ", "mem", "maps", "fd/0", "cwd/x"):
        tries(f"/proc/{pid}/{name}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
    tries(f"signal to {pid}", lambda: os.kill(pid, 0))
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        if secret.encode() in open(path, "rb").read():
            gained.append(f"the secret in {path}")
    except OSError:
        pass
tries("list evidence", lambda: os.listdir(evidence))
tries("read evidence", lambda: open(evidence + "/plan.json").read())
tries("write evidence", lambda: open(evidence + "/results.json", "w").write("passed"))
tries("write into the folder of the suite", lambda: open("left.txt", "w").write("x"))
tries("become root", lambda: os.setuid(0))
print("gained", gained)
"""


@contextmanager
def worker_with_the_secret() -> Iterator[str]:
    """A process of the worker's user whose environment holds what the worker's does."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield str(process.pid)
    finally:
        process.kill()
        process.wait()


@needs_root
@needs_python_for_all
def test_a_hostile_suite_gains_nothing_and_its_daemon_is_gone(
    place: Path, as_nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, marker = uuid.uuid4().hex, uuid.uuid4().hex
    monkeypatch.setenv("AIRFLOW_CONN_DECIDING", secret)
    store = place / "store"
    store.mkdir(mode=0o700)
    (store / "plan.json").write_text("{}")
    with worker_with_the_secret() as pid:
        attack = python(HOSTILE, str(store), secret, pid)
        result, judgement = judge(place, f"{attack}; {python(DAEMON, marker)}; {report(GREEN)}")
    output = place / "evidence" / "suites" / "cypress" / "run-1" / "output.txt"
    assert output.read_text() == "gained []\n"
    assert result == "block passed"
    assert any("left 1 process" in finding.sentence for finding in judgement.findings)
    assert running(marker) == []


@needs_root
@needs_python_for_all
def test_the_same_attack_succeeds_as_the_workers_own_user(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AEM_CHECKS_SUITE_USER", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_DECIDING", "canary")
    store = place / "store"
    store.mkdir(mode=0o700)
    (store / "plan.json").write_text("{}")
    with worker_with_the_secret() as pid:
        judge(place, f"{python(HOSTILE, str(store), 'canary', pid)}; {report(GREEN)}")
    said = (place / "evidence" / "suites" / "cypress" / "run-1" / "output.txt").read_text()
    assert "write evidence" in said
    assert "the secret in" in said


@needs_root
def test_reports_of_another_user_are_read_and_its_links_are_not_followed(
    place: Path, as_nobody: None
) -> None:
    assert judge(place, f"{report(RED)}; exit 1")[0] == "block failed product"
    result, judgement = judge(place, "ln -s /etc/shadow $REPORTS_PATH/result.xml")
    assert result == "block inconclusive check"
    assert any("symbolic link" in finding.sentence for finding in bad(judgement))


@needs_root
def test_its_home_is_its_own_and_closed_to_others(place: Path, as_nobody: None) -> None:
    judge(
        place, f'for f in "$HOME" "$TMPDIR" "$REPORTS_PATH"; do stat -c "%u %a" "$f"; done; {report(GREEN)}'
    )
    output = place / "evidence" / "suites" / "cypress" / "run-1" / "output.txt"
    assert output.read_text().split("\n")[:3] == [f"{NOBODY} 700"] * 3


@needs_root
def test_a_working_folder_that_the_user_may_not_enter_is_inconclusive(place: Path, as_nobody: None) -> None:
    (place / "ui.tests").chmod(0o700)
    result, judgement = judge(place, report(GREEN))
    assert result == "block inconclusive check"
    assert "may not read the working folder" in bad(judgement)[0].sentence


@needs_root
def test_two_suites_of_one_user_do_not_end_each_other(place: Path) -> None:
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o777)

    async def both() -> tuple[CommandResult, CommandResult]:
        options: dict[str, Any] = {
            "folder": shared,
            "environment": {"PATH": os.environ["PATH"]},
            "user": USER,
        }
        options |= {"within": timedelta(minutes=2), "grace": 0.3}
        command = "touch begun; while [ ! -e end ]; do sleep 0.1; done; echo whole"
        slow = asyncio.create_task(run_command(command, **options))
        await until(lambda: (shared / "begun").exists())
        fast = await run_command("sleep 600 &", **options)
        (shared / "end").touch()
        return await slow, fast

    slow, fast = asyncio.run(both())
    assert (slow.exit_code, slow.output) == (0, b"whole\n")
    assert len(fast.left_over) == 1


def owner(path: Path) -> tuple[int, int, str]:
    """User, group and mode of a file, a link as itself."""
    status = path.lstat()
    return status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))


def nobodys(*paths: Path) -> None:
    for path in paths:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@needs_root
def test_taking_back_leaves_what_may_be_a_name_of_something_else_alone(place: Path) -> None:
    """Hard links and symbolic links, to files and folders; what is no file; and what is of another user."""
    elsewhere, folder = place / "elsewhere", place / "given"
    deep = folder / "deep"
    for each in (elsewhere, deep, deep / "empty", deep / "of-the-worker"):
        each.mkdir(mode=0o750, parents=True)
    for file in (
        elsewhere / "linked",
        elsewhere / "hard",
        folder / "own.txt",
        deep / "own.txt",
        deep / "other",
    ):
        file.write_text("x")
        file.chmod(0o644)
    os.link(elsewhere / "hard", deep / "hard")
    (deep / "soft").symlink_to(elsewhere / "linked")
    (deep / "soft-folder").symlink_to(elsewhere)
    os.mkfifo(deep / "pipe", 0o644)
    given = [folder, *(each for each in folder.rglob("*") if each.name not in ("other", "of-the-worker"))]
    nobodys(elsewhere, elsewhere / "linked", elsewhere / "hard", *given)
    for closed in (deep / "empty", deep, folder):
        closed.chmod(0)
    opened = len(os.listdir("/proc/self/fd"))
    take_back(folder, USER)
    assert len(os.listdir("/proc/self/fd")) == opened
    mine = {folder: "0o700", folder / "own.txt": "0o600", deep: "0o700", deep / "empty": "0o700"}
    mine |= {deep / "own.txt": "0o600", deep / "other": "0o644", deep / "of-the-worker": "0o750"}
    assert {path: owner(path) for path in mine} == {path: (0, 0, mode) for path, mode in mine.items()}
    theirs = {deep / "hard": "0o644", deep / "soft": "0o777", deep / "soft-folder": "0o777"}
    theirs |= {deep / "pipe": "0o644", elsewhere: "0o750", elsewhere / "linked": "0o644"}
    assert {path: owner(path) for path in theirs} == {
        path: (NOBODY, NOBODY, mode) for path, mode in theirs.items()
    }


@needs_root
def test_a_folder_is_given_with_all_that_is_in_it_and_with_nothing_that_links_lead_to(place: Path) -> None:
    elsewhere, folder = place / "elsewhere", place / "given"
    for each in (elsewhere, folder / "deep" / "deeper"):
        each.mkdir(mode=0o755, parents=True)
    (folder / "deep" / "config.txt").write_text("x")
    (folder / "deep" / "config.txt").chmod(0o644)
    (folder / "deep" / "link").symlink_to(elsewhere)
    give(folder, USER)
    modes = {folder: "0o700", folder / "deep": "0o755", folder / "deep" / "deeper": "0o755"}
    modes |= {folder / "deep" / "config.txt": "0o644", folder / "deep" / "link": "0o777"}
    assert {path: owner(path) for path in modes} == {
        path: (NOBODY, NOBODY, mode) for path, mode in modes.items()
    }
    assert owner(elsewhere) == (0, 0, "0o755")


def test_without_another_user_a_folder_is_closed_to_others_and_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir(mode=0o755)
    (folder / "config.txt").write_text("x")
    mode = owner(folder / "config.txt")
    give(folder, None)
    take_back(folder, None)
    assert owner(folder) == (os.geteuid(), os.getegid(), "0o700")
    assert owner(folder / "config.txt") == mode


@needs_root
@pytest.mark.parametrize(("user", "uid"), [(USER, NOBODY), (None, 0)])
def test_a_run_has_folders_of_its_own_that_are_gone_afterwards(
    place: Path, monkeypatch: pytest.MonkeyPatch, user: CodeUser | None, uid: int
) -> None:
    """Others may pass through the folder above to what they know by name, and see nothing of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with own_folders("suite-", ["HOME", "REPORTS_PATH"], user) as folders:
        above = folders["HOME"].parent
        assert folders == {"HOME": above / "home", "REPORTS_PATH": above / "reports_path"}
        assert above.parent == place
        assert above.name.startswith("suite-")
        assert owner(above) == (0, 0, "0o711")
        assert [owner(each) for each in folders.values()] == [(uid, uid, "0o700")] * 2
        (folders["HOME"] / "left").touch()
        nobodys(folders["HOME"] / "left")
    assert not above.exists()


def test_a_folder_that_can_not_be_taken_back_does_not_hide_how_the_run_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []

    def refuse(folder: Path, user: CodeUser | None) -> None:
        taken.append(folder.name)
        raise PermissionError(folder)

    monkeypatch.setattr(module, "take_back", refuse)
    with pytest.raises(ValueError, match="of the run"), own_folders("suite-", ["A", "B"], None):
        raise ValueError("of the run")
    assert sorted(taken) == ["a", "b"]


def test_a_folder_that_can_not_be_removed_does_not_hide_how_the_run_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*path: Any, **more: Any) -> None:
        raise OSError("busy")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as patched, own_folders("suite-", ["A"], None) as folders:
        patched.setattr(os, "rmdir", busy)
    assert folders["A"].exists()


@pytest.mark.parametrize(
    ("worker", "seen"),
    [
        (
            {"PATH": "/opt/bin", "LANG": "de_CH.UTF-8", "SECRET": "x"},
            {"PATH": "/opt/bin", "LANG": "de_CH.UTF-8"},
        ),
        ({"PATH": "/opt/bin", "LANG": ""}, {"PATH": "/opt/bin", "LANG": "C.UTF-8"}),
        ({"AIRFLOW_CONN_D": "x"}, {"PATH": os.defpath, "LANG": "C.UTF-8"}),
    ],
)
def test_of_the_workers_environment_only_path_and_language_are_seen(
    monkeypatch: pytest.MonkeyPatch, worker: dict[str, str], seen: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "environ", worker)
    assert inherited() == seen


@needs_root
def test_what_the_user_reaches_is_asked_of_the_system(place: Path) -> None:
    (place / "closed").mkdir(mode=0o700)
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    paths = [place, place / "closed", place / "closed" / "below", place / "open"]
    assert list(reach_of(USER, paths)) == list(zip(paths, ["rx", "", "", "rwx"], strict=True))
    assert list(reach_of(USER, [])) == []


@needs_root
def test_what_the_workers_own_groups_may_read_is_not_in_reach_of_the_user(place: Path) -> None:
    """It has the group of its own, and neither the worker's nor its further ones."""
    folders = {group: place / str(group) for group in (0, 54321, NOBODY)}
    for group, folder in folders.items():
        folder.mkdir()
        folder.chmod(0o750)
        os.chown(folder, 0, group)
    with worker_with(groups=[0, 54321]):
        assert list(dict(reach_of(USER, folders.values())).values()) == ["", "", "rx"]


@needs_root
def test_who_looks_as_the_user_sees_nothing_of_the_worker(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of that user could read it: neither an environment nor a folder."""
    monkeypatch.setenv("AIRFLOW_CONN_DECIDING", "canary")
    monkeypatch.setattr(module, "_LOOK", 'echo "$AIRFLOW_CONN_DECIDING in $(pwd) as $(id -u)"')
    assert list(reach_of(USER, [place])) == [(place, f" in / as {NOBODY}")]


@needs_root
@pytest.mark.parametrize(
    ("look", "says"),
    [("exit 7", "CalledProcessError: .*exit status 7"), ("exec sleep 600", "TimeoutExpired: ")],
)
def test_a_look_that_comes_to_nothing_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, look: str, says: str
) -> None:
    assert 1 <= module._SECONDS <= 60
    monkeypatch.setattr(module, "_LOOK", look)
    monkeypatch.setattr(module, "_SECONDS", 0.01 if "sleep" in look else 60)
    with pytest.raises(CodeUserError, match=rf"^What 'nobody' \(uid 65534\) may read can't be asked: {says}"):
        list(reach_of(USER, [place]))


def test_a_worker_that_may_not_look_as_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*command: Any, **options: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(CodeUserError, match=r"may read can't be asked: PermissionError: .*not permitted"):
        list(reach_of(USER, [Path("/")]))
