"""The text of the Docs tab says what the gate file means, the same every time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from aem_checks.kinds import all_kinds
from stage_gate.configuration.describe import describe
from stage_gate.configuration.describe_policy import code, plain_text
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.demands import Demands

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


POLICY = TEXT.replace(
    "policy: {inconclusive",
    """policy:
  windows:
    timezone: Europe/Berlin
    open: [Mon-Thu 09:00-16:00, Fri 09:00-12:00]
    frozen: [{days: 2026-12-20 to 2027-01-06, why: "**Christmas** <b>"}, {days: 2026-11-27, why: Sale}]
    hotfix: {ask: [carol], within: 90m}
  evidence_lives: 12h
  flakes: {reruns: 3, count_as: inconclusive}
  quarantine: [{check: placeholders, owner: alice, until: 2026-12-01, why: WKND-1}]
  waivers: [{check: key_pages, code: key_pages.status, subject: "*/old-offers/*", owner: bob, until: 2026-11-30, why: WKND-2}]
  #""",
)


def text_of(folder: Path, text: str, minimum: tuple[str, ...] = ()) -> str:
    (folder / "wknd.yaml").write_text(text, encoding="utf-8")
    gate = load_gate(folder / "wknd.yaml", today=date(2026, 11, 22), demands=Demands(checks=minimum))
    return describe(gate, minimum)


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


def test_windows_freezes_and_hotfix_are_said_in_words(tmp_path: Path) -> None:
    text = text_of(tmp_path, POLICY)
    assert "Outside these windows a passed release waits." in text
    assert "A verdict older than 12h approves nothing: stage is tested again." in text
    assert "- open: `Mon-Thu 09:00-16:00`, `Fri 09:00-12:00`, time zone `Europe/Berlin`" in text
    assert "- frozen on 2026-11-27: Sale" in text
    assert "- hotfix: `carol` may release outside the windows, with a reason and a passed verdict" in text
    assert "asked for 1h30m" in text


def test_what_is_excused_is_said_with_owner_and_expiry(tmp_path: Path) -> None:
    text = text_of(tmp_path, POLICY)
    assert "- flakes: a release has 3 re-runs, all checks together;" in text
    assert "reported as flaky and counts as inconclusive" in text
    assert (
        "- quarantine: `placeholders` until 2026-12-01 (UTC, that day included), owner alice: WKND-1" in text
    )
    assert "| `placeholders` |" in text
    assert "| is reported (quarantine until 2026-12-01) |" in text
    assert (
        "- waiver: findings `key_pages.status` about `*/old-offers/*` of `key_pages` until 2026-11-30" in text
    )
    assert "owner bob: WKND-2; until then they are accepted and shown in every report" in text
    assert "this deployment sets no minimum" in text


def test_the_minimum_of_the_deployment_is_named(tmp_path: Path) -> None:
    assert "no gate can drop or waive them: `dispatcher_probes`" in text_of(
        tmp_path, POLICY, minimum=("dispatcher_probes",)
    )


def test_a_gate_without_windows_and_excuses_says_so(tmp_path: Path) -> None:
    text = text_of(tmp_path, TEXT)
    assert "Production may be approved at any time. A verdict older than 1d approves nothing" in text
    assert "no check is in quarantine, and no finding is waived" in text


def test_a_reason_is_neither_markdown_nor_html(tmp_path: Path) -> None:
    text = text_of(tmp_path, POLICY)
    assert "&#42;&#42;Christmas&#42;&#42; &#60;b&#62;" in text
    assert "<b>" not in text
    assert plain_text("[a](http://b)\n# c") == "&#91;a&#93;&#40;http&#58;//b&#41; &#35; c"


def test_it_names_what_is_not_checked_and_what_each_of_these_needs(tmp_path: Path) -> None:
    text = text_of(tmp_path, TEXT.replace("checks: {", "checks: {cors: false, "))
    absent = text.partition("## Not checked\n\n")[2].partition("\n\n")[0].splitlines()
    assert "- `cors`, Other origins: switched off in the gate file" in absent
    assert any(
        line.startswith("- `redirects`, Redirects: needs the redirects of the site") for line in absent
    )
    assert not any(line.startswith("- `key_pages`") for line in absent)


def test_every_kind_that_is_off_by_default_says_what_it_needs() -> None:
    silent = [name for name, kind in all_kinds().items() if not kind.default_on and not kind.needs]
    assert silent == []
