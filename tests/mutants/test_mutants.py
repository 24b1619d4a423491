"""Is a mistake seen that a test notices, and one that none notices? A small module, its mutants, and what becomes of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mutants import judging, table
from mutants.bench import apart
from mutants.judging import ROOT, Verdict
from mutants.modules import PARTS, chosen
from mutants.mutation import Identity, mutants_of
from mutants.results import Judged, Results, Tally
from mutants.reviewed import outdated, reviews, stanzas

TOY = '''"""A door."""

from dataclasses import dataclass

AGES = {"child": 12, "adult": 18}


@dataclass(frozen=True)
class Door:
    """Who may enter."""

    open: bool = True

    @property
    def says(self) -> str:
        return "Come in." if self.open else "Closed today."


def may_enter(door: Door, age: int, names: tuple[str, ...]) -> bool:
    """Adults, and nobody called Mallory."""
    if age < AGES["adult"] or "mallory" in names:
        return False
    try:
        check(door)
    except ValueError:
        return False
    return door.open


def check(door: Door) -> None:
    if not isinstance(door, Door):
        raise ValueError("no door")
'''
TESTS = """
import pytest
from toy import Door, may_enter

def test_adults_enter():
    assert may_enter(Door(), 18, ("alice", "bob"))
    assert not may_enter(Door(), 17, ())

def test_nothing_comes_of_it():
    Door().says
"""
MADE = {
    ("AGES", '- AGES = {"child": 12, "adult": 18}\n+ AGES = {"child": 12, }'): Verdict.KILLED,
    ("AGES", '- AGES = {"child": 12, "adult": 18}\n+ AGES = {"child": 18, "adult": 18}'): Verdict.SURVIVED,
    ("Door.open", "- open: bool = True\n+ open: bool = False"): Verdict.KILLED,
    ("Door", "- @dataclass(frozen=True)"): Verdict.SURVIVED,
    ("Door.says", '- return "Come in." if self.open else "Closed today."\n+ pass'): Verdict.SURVIVED,
    (
        "may_enter",
        '- if age < AGES["adult"] or "mallory" in names:\n+ if age <= AGES["adult"] or "mallory" in names:',
    ): Verdict.KILLED,
    (
        "may_enter",
        '- if age < AGES["adult"] or "mallory" in names:\n+ if age < AGES["adult"]:',
    ): Verdict.SURVIVED,
    ("may_enter", '- if age < AGES["adult"] or "mallory" in names:\n+ if False:'): Verdict.KILLED,
    ("may_enter", "- return False\n+ raise"): Verdict.NOT_COVERED,
    ("check", '- raise ValueError("no door")\n+ pass'): Verdict.NOT_COVERED,
}
"""Some mutants of the toy, and what its tests make of them."""
_JUDGE = """
import json, sys
from pathlib import Path
from mutants import judging, run
root = Path(sys.argv[1])
judging.ROOT, judging.PLUGINS = root, root
work = run.Work("toy", ["test_toy.py"])

class Here:
    judge = staticmethod(judging.judge)

seen = judging.look("toy", work.tests)
judging.warm_up(seen.imported)
work._control(Here, seen)
wanted = json.loads(sys.stdin.read())
judged = [work._judge(seen, Here, each) for each in work.mutants if [each.identity.where, each.identity.diff] in wanted]
print(json.dumps([[each.identity.where, each.identity.diff, each.verdict] for each in judged]))
"""


def test_mutants_are_told_apart_by_what_the_tests_notice(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "test_toy.py").write_text(TESTS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").touch()
    judged = subprocess.run(
        [sys.executable, "-c", _JUDGE, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(tmp_path)])},
        input=json.dumps(list(MADE)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stderr
    assert {(where, diff): verdict for where, diff, verdict in json.loads(judged.stdout)} == MADE


def test_a_mutant_is_known_again_when_lines_are_added_above_it() -> None:
    before = mutants_of("toy", TOY)
    after = mutants_of("toy", TOY.replace("AGES = ", "NAMES = 1\n\n\nAGES = "))
    assert {each.identity for each in before} <= {each.identity for each in after}
    assert len({each.identity for each in before}) == len(before)


def test_what_only_the_reader_or_the_type_checker_sees_has_no_mutants() -> None:
    silent = (
        '"""Words."""\n\nimport os\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import sys\n'
    )
    assert mutants_of("toy", silent) == []
    assert [
        each.identity.diff for each in mutants_of("toy", "def f(a: list[int]) -> None:\n    return None\n")
    ] == []


def test_what_changes_nothing_is_no_mutant() -> None:
    source = (
        '@dataclass(frozen=True, slots=True)\nclass Pair:\n    ends = dict(zip(A, B.encode("utf-8"), strict=True))\n'
        'Address = IPv4Address | IPv6Address\nPrivate = ip_network("fd00::/8")\n'
    )
    told = "\n".join(each.identity.diff for each in mutants_of("toy", source))
    assert "frozen=False, slots=True" in told
    assert "XXutf-8XX" in told
    assert "slots=False" not in told
    assert "strict=False" not in told
    assert "UTF-8" not in told
    assert "FD00" not in told
    assert "+ Address" not in told


SURVIVOR = Judged(Identity("toy", "may_enter", "- if a:\n+ if True:"), 12, Verdict.SURVIVED, "")
KILLED = Judged(
    Identity("toy", "may_enter", "- if a:\n+ if False:"), 12, Verdict.KILLED, "test_toy.py::test_it"
)


def test_what_was_judged_is_kept_while_the_module_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Results("toy", TOY, tmp_path)
    first.begin(afresh=False)
    for judged in (SURVIVOR, KILLED):
        first.add(judged)
    assert Results("toy", TOY, tmp_path).known == {each.identity: each for each in (SURVIVOR, KILLED)}
    assert Results("toy", f"{TOY}\n", tmp_path).known == {}
    monkeypatch.setattr("mutants.results._digest_of_tests", lambda: "other tests")
    assert Results("toy", TOY, tmp_path).known == {KILLED.identity: KILLED}


def test_a_survivor_is_known_by_a_review_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text(stanzas([SURVIVOR]))
    with pytest.raises(ValueError, match="no reason"):
        reviews(file)
    file.write_text(stanzas([SURVIVOR]).replace('why = ""', 'why = "A toy."'))
    assert reviews(file) == {SURVIVOR.identity: "A toy."}
    assert outdated({SURVIVOR.identity: SURVIVOR}, reviews(file)) == []
    assert outdated({KILLED.identity: KILLED}, reviews(file)) == [SURVIVOR.identity]
    file.write_text(file.read_text() * 2)
    with pytest.raises(ValueError, match="two entries"):
        reviews(file)


def test_the_page_has_modules_that_were_judged_to_their_end_and_says_how_many_were_not(
    tmp_path: Path,
) -> None:
    page = tmp_path / "proof.md"
    page.write_text(f"Above\n{table.BEGIN}\nold\n{table.END}\nbelow\n")
    whole = Tally("toy", Counter({Verdict.KILLED: 3, Verdict.SURVIVED: 1}), 4, 1)
    table.write([whole, Tally("half", Counter({Verdict.KILLED: 3}), 4, 0)], page)
    written = page.read_text()
    assert written.startswith(f"Above\n{table.BEGIN}\n| module | mutants | killed |")
    assert "| toy | 4 | 3 | 1 | 0 | 0 | 1 | 75.0 % |" in written
    assert "half" not in written
    assert "1 of 2 modules have not been judged to their end as they are now." in written
    assert written.endswith(f"{table.END}\nbelow\n")


def test_every_module_and_every_test_of_the_table_exists() -> None:
    for module, tests in chosen([]).items():
        assert judging.path_of(module).is_file(), module
        for test in tests:
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / file).read_text(), test
    assert len(chosen([])) == sum(map(len, PARTS.values()))
    assert list(chosen(["verdict"])) == ["stage_gate.rules.verdict"]
    with pytest.raises(SystemExit, match="neither a part nor a module"):
        chosen(["no such module"])


def test_every_reviewed_survivor_has_a_reason_and_is_of_a_module_that_is_judged() -> None:
    assert {each.module for each in reviews()} <= chosen([]).keys()


_REACH = """
import errno, os, socket, sys
def refused(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
reached = [
    refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)),
    refused(lambda: os.kill(int(sys.argv[2]), 0)),
    refused(lambda: open(sys.argv[3], "w")),
    refused(lambda: open(os.path.basename(sys.argv[3]), "w")),
]
with socket.create_server(("127.0.0.1", 0)) as own:
    socket.create_connection(own.getsockname()).close()
print(*reached)
"""


def _can_be_apart() -> bool:
    return subprocess.run(apart(Path("/tmp"), "true"), capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_be_apart(), reason="needs root or user namespaces")
def test_a_mutant_reaches_neither_network_nor_processes_nor_the_repository(tmp_path: Path) -> None:
    forbidden = ROOT / "written-by-a-mutant"
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = [str(server.getsockname()[1]), str(os.getpid()), str(forbidden)]
        told = subprocess.run(
            apart(tmp_path, sys.executable, "-c", _REACH, *asked),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    assert told.stdout.split() == ["ECONNREFUSED", "ESRCH", "EROFS", "EROFS"]
    assert not forbidden.exists()
