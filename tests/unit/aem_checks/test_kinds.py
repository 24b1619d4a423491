"""Are all kinds found, a team's own too, without loading what only a running check needs?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aem_checks import kinds as package
from aem_checks.kinds import KindError, all_kinds

OWN = """
from aem_checks.check import Check, CheckSettings
from aem_checks.outcomes import Judgement

class Own(Check[CheckSettings]):
    kind = {kind!r}
    number = "Z1"
    title = "Our own"

    def judge(self, visit):
        return Judgement(examined=1)
"""


CATALOGUE = {
    "A": 8,
    "B": 6,
    "C": 5,
    "D": 5,
    "E": 5,
    "F": 1,
    "G": 4,
    "H": 1,
    "I": 1,
    "J": 3,
    "K": 7,
    "L": 2,
    "M": 2,
    "N": 3,
}
"""How many checks each group of the catalogue has."""


def test_every_check_of_the_catalogue_is_there_and_in_its_order():
    numbers = [each.number for each in all_kinds().values()]
    assert numbers == [f"{group}{place}" for group, many in CATALOGUE.items() for place in range(1, many + 1)]
    assert len(numbers) == 53


def test_a_check_that_needs_something_is_off_and_says_what():
    assert all(bool(each.needs) is not each.default_on for each in all_kinds().values())


def test_the_kinds_load_no_client_and_no_parser():
    script = (
        "import sys; from aem_checks.kinds import all_kinds; all_kinds();"
        "print([m for m in ('aiohttp', 'selectolax', 'lxml', 'junitparser', 'requests', 'airflow') "
        "if m in sys.modules])"
    )
    plugins = Path(package.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": str(plugins)}
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_team_adds_a_kind_by_dropping_a_module_into_a_folder(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(OWN.format(kind="own"))
    (tmp_path / "_helper.py").write_text("raise RuntimeError('not a kind')")
    assert all_kinds([tmp_path])["own"].title == "Our own"
    monkeypatch.setenv("AEM_CHECKS_KINDS", str(tmp_path))
    assert "own" in all_kinds()
    assert all_kinds()["own"] is all_kinds([tmp_path])["own"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (OWN.format(kind="key_pages"), "already a kind called 'key_pages'"),
        (OWN.format(kind="cloud_manager"), "'cloud_manager' means something else here"),
        ("x = 1", "has 0 public checks"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        (OWN.format(kind=""), "lacks kind"),
        (OWN.format(kind="own").replace("def judge", "def judgement"), "lacks judge, which asks"),
        (OWN.format(kind="own") + "\nOwn.codes = {'Slow!': 'slow'}", "'Slow!', which is no word"),
        (OWN.format(kind="own") + "\nOwn.codes = {'more': 'slow'}", "'more', which means something else"),
        (OWN.format(kind="own") + "\nOwn.codes = {'slow': ' '}", "does not say what 'slow' stands for"),
    ],
)
def test_a_module_that_is_no_kind_is_named(tmp_path, source, words):
    (tmp_path / "own.py").write_text(source)
    with pytest.raises(KindError, match=r"own\.py") as error:
        all_kinds([tmp_path])
    assert words in str(error.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(KindError, match="is no folder"):
        all_kinds([tmp_path / "nowhere"])
