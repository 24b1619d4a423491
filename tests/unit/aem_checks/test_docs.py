"""Is docs/checks.md what the code says of itself, and does each kind say what it has to?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from aem_checks.check import Check, CheckSettings
from aem_checks.cli import main
from aem_checks.docs import checks_page
from aem_checks.field_docs import field_docstrings
from aem_checks.kinds import all_kinds

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"
KINDS = all_kinds()


def test_the_page_is_what_the_code_says():
    message = "docs/checks.md is out of date. To do: run 'python -m aem_checks docs'."
    assert PAGE.read_text(encoding="utf-8") == checks_page(KINDS.values()), message


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_says_what_it_asks_and_which_failure_it_would_have_caught(name):
    kind = KINDS[name]
    text = sys.modules[kind.__module__].__doc__ or ""
    assert text.startswith(f"{kind.number}: ")
    assert text.partition("\n")[0].endswith("?")
    assert "It would have caught" in " ".join(text.split())


@pytest.mark.parametrize("name", KINDS)
def test_each_setting_is_explained(name):
    model = KINDS[name].settings_type
    assert set(model.model_fields) - set(field_docstrings(model)) == set()


class Part(BaseModel):
    """One thing."""

    path: str
    """Where | it is."""


class ExampleSettings(CheckSettings):
    """Settings."""

    parts: tuple[Part, ...] = ()
    """All parts."""
    mode: Literal["one", "two"] = "one"
    """How."""


class Example(Check[ExampleSettings]):
    kind = "example"
    number = "Z9"
    title = "An example"
    default_on = False
    needs = "a thing"
    settings_type = ExampleSettings


def test_a_chapter_shows_settings_nested_ones_and_what_is_needed(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "__doc__", "Z9: does ``it`` work?\n\nYes.")
    page = checks_page([Example])
    assert "## A team's own\n\n### Z9 An example: `example`\n\n*Does `it` work?*\n\nYes.\n" in page
    assert "- **blocks**, off until configured\n" in page
    assert "- needs a thing\n" in page
    assert "| `mode` | `one` or `two` | `one` | How. |" in page
    assert "| `parts` | list of `Part` | none | All parts. |" in page
    assert (
        "Each `Part`:\n\n| setting | is | default | |\n|---|---|---|---|\n| `path` | text | **required** | Where \\| it is. |"
        in page
    )
    assert "| Z9 | [`example`](#z9-an-example-example) | An example | blocks | off |" in page


def test_the_command_writes_the_page_or_shows_it(tmp_path, capsys):
    file = tmp_path / "checks.md"
    assert main(["docs", str(file)]) == 0
    assert main(["docs", "-"]) == 0
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")
    assert main(["docs", str(tmp_path / "no" / "where.md")]) == 2
