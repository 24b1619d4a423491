"""The text of the Docs tab says what the gate file means, the same every time."""

from __future__ import annotations

from pathlib import Path

from stage_gate.describe import code, describe
from stage_gate.gate_file import load_gate

TEXT = """\
pipeline: {connection: cm, deciding_connection: cm_deciding, program: 12345, pipeline: 678901}
sites:
  - stage: {url: https://publish-p12345-e7654321.adobeaemcloud.com, access: wknd_stage}
    production: https://www.wknd.site
    pages: [/, "/us/en.html?a=`|b"]
    build_marker: {meta: build}
mode: guard
policy: {inconclusive: {ask: [alice, bob], within: 90m, silence: halt}}
checks: {host_leaks: {severity: warn}, real_404: {dry_run: true}, placeholders: {after: cloud_manager_tests}}
"""


def text_of(folder: Path, text: str) -> str:
    (folder / "wknd.yaml").write_text(text, encoding="utf-8")
    return describe(load_gate(folder / "wknd.yaml"))


def test_it_says_what_is_guarded_what_blocks_and_what_follows(tmp_path: Path) -> None:
    text = text_of(tmp_path, TEXT)
    assert "# Gate wknd\n\nGuards pipeline `678901` of program `12345`, read through connection `cm`." in text
    assert "It decides with connection `cm_deciding`." in text
    assert "**Guard mode**" in text
    assert (
        "- stage: `https://publish-p12345-e7654321.adobeaemcloud.com`, opened with connection `wknd_stage`"
        in text
    )
    assert "- build marker: meta element `build` of `/` has to name the commit" in text
    assert "| `key_pages` | Key pages answer | **blocks** | stage has settled | 10m |" in text
    assert "| `host_leaks` | No internal hosts in pages | warns |" in text
    assert "is reported (dry run)" in text
    assert "| Cloud Manager's own tests are over |" in text
    assert "**failed**, a blocking check failed: production is halted" in text
    assert "`alice`, `bob` are asked; after 1h30m without an answer production is halted" in text
    assert "| `production.key_pages` | Key pages answer | **blocks** | production is deployed | 10m |" in text


def test_shadow_mode_and_a_site_without_production_are_said(tmp_path: Path) -> None:
    lines = [
        line for line in TEXT.splitlines() if not line.startswith(("mode", "    production", "    build"))
    ]
    text = text_of(tmp_path, "\n".join(lines))
    assert "**Shadow mode**" in text
    assert "never approves or halts anything" in text
    assert "which build answered is not verified" in text
    assert "No check runs on production after its deployment." in text


def test_reading_the_file_again_gives_the_same_text(tmp_path: Path) -> None:
    assert text_of(tmp_path, TEXT) == text_of(tmp_path, TEXT)


def test_text_of_the_file_can_leave_neither_its_code_nor_its_cell(tmp_path: Path) -> None:
    assert "`/us/en.html?a='\\|b`" in text_of(tmp_path, TEXT)
    assert code("a`b|c\n# d") == "`a'b\\|c # d`"
