"""The page of a release stands, and says so, whatever is wrong with its evidence."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from aem_checks.outcomes import Outcome, Severity
from stage_gate.evidence.files import write
from stage_gate.evidence.kept_decisions import StoredAnswer, asked_at, write_answer
from stage_gate.evidence.signing import NO_KEYS, Keys
from stage_gate.evidence.store import Evidence
from stage_gate.pages.release import page_of
from stage_gate.pages.tickets import Ticket
from stage_gate.rules.decision import Decision
from stage_gate.telling.addresses import NOWHERE, Addresses
from stage_gate.telling.release import RunEnded, keep_end
from unit.stage_gate.kept_releases import READER, STRANGER
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import CANDIDATE, NOW, finding, plan, planned, recorded, result
from unit.stage_gate.told_releases import pin, release

FAILED = result(
    "key_pages", Outcome.FAILED, findings=(finding("/us/en.html answered 500. To do: read its log."),)
)


def page(
    store: Path,
    execution: str = "2345678",
    keys: Keys = READER,
    addresses: Addresses = NOWHERE,
    gate: str = "wknd",
) -> str:
    return page_of(Ticket(gate, execution), lambda: store, lambda: keys, lambda: store, addresses)


def text(html: str) -> str:
    body = LexborHTMLParser(html).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())


def test_it_says_the_decision_first_then_what_speaks_against_it_with_what_to_do(tmp_path: Path) -> None:
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,))
    told = text(page(tmp_path))
    order = [
        "Halted by Stage Gate at",
        "What speaks against it",
        "/us/en.html answered 500.",
        "Read its log.",
        "Timeline",
    ]
    places = [told.index(each) for each in order]
    assert places == sorted(places)


def test_what_to_do_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,))
    [remedy] = LexborHTMLParser(page(tmp_path)).css(".do")
    assert remedy.text() == "To do: Read its log."


def test_a_finding_leads_to_its_page_on_stage_and_on_production_and_to_its_log(tmp_path: Path) -> None:
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,))
    links = [
        a.attributes["href"]
        for a in LexborHTMLParser(page(tmp_path, addresses=Addresses("https://a.example"))).css("a")
    ]
    assert "https://publish-p12345-e7654321.adobeaemcloud.com/us/en.html" in links
    assert "https://www.wknd.site/us/en.html" in links
    run = "https://a.example/dags/stage_gate.wknd/runs/execution-2345678"
    assert f"{run}/tasks/stage_tests.availability" in links


def test_a_link_to_a_page_never_leaves_the_hosts_of_the_gate_file(tmp_path: Path) -> None:
    hostile = (
        "//evil.example/x",
        "/\\evil.example",
        "/x' onclick='alert(1)",
        "javascript:alert(1)",
        "/@evil.example",
    )
    found = tuple(finding(subject=each) for each in hostile)
    release(
        tmp_path, "2345678", Decision.HALTED, results=(result("key_pages", Outcome.FAILED, findings=found),)
    )
    for link in LexborHTMLParser(page(tmp_path)).css("a[href^=http]"):
        where = (link.attributes["href"] or "").split("/")[2]
        assert where in ("publish-p12345-e7654321.adobeaemcloud.com", "www.wknd.site", "experience.adobe.com")


def test_before_anything_is_pinned_it_says_so(tmp_path: Path) -> None:
    assert "Nothing is on record of execution 2345678 under gate wknd" in text(page(tmp_path))


def test_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    def away() -> Path:
        raise OSError("the mount is gone")

    html = page_of(Ticket("wknd", "1"), away, lambda: READER, lambda: tmp_path, NOWHERE)
    assert "The evidence can't be read: the mount is gone" in text(html)


def test_a_broken_seal_is_said_instead_of_its_verdict(tmp_path: Path) -> None:
    release(tmp_path, "2345678", None)
    (tmp_path / "wknd/execution-2345678/attempt-1/results/key_pages.json").write_text("{}")
    told = text(page(tmp_path))
    assert "Not to be trusted" in told or "not to be trusted" in told
    assert "results/key_pages.json of attempt 1 was changed after it was sealed" in told
    assert "17 passed" not in told


def test_a_seal_that_nobody_here_believes_is_said_in_guard_mode(tmp_path: Path) -> None:
    pin(tmp_path, "2345678")
    release(tmp_path / "strange", "2345678", Decision.APPROVED, keys=STRANGER)
    (tmp_path / "strange/wknd/execution-2345678/attempt-1").rename(
        tmp_path / "wknd/execution-2345678/attempt-1"
    )
    assert "the seal of attempt 1 is by a key that is not trusted here" in text(page(tmp_path))


@pytest.mark.parametrize("keys", [NO_KEYS, STRANGER])
def test_a_pin_that_is_not_believed_shows_nothing_of_the_release(tmp_path: Path, keys: Keys) -> None:
    release(tmp_path, "2345678", Decision.APPROVED, keys=keys)
    told = text(page(tmp_path))
    assert "nothing of this release is believed here" in told
    assert "pproved" not in told


def test_a_decision_that_is_not_signed_does_not_count(tmp_path: Path) -> None:
    release(tmp_path, "2345678", None)
    forged = {"decision": "approved", "sentence": "All is well.", "by": "Stage Gate", "at": NOW.isoformat()}
    content = {"what": "DecisionRecord", "gate": "wknd", "execution_id": "2345678", "record": forged}
    write(tmp_path / "wknd/execution-2345678/decision.json", json.dumps({"signed": content}).encode())
    told = text(page(tmp_path))
    assert "does not count" in told
    assert "Approved by Stage Gate" not in told


def test_while_stage_is_tested_it_says_how_far_that_is_and_what_has_not_passed(tmp_path: Path) -> None:
    evidence = pin(tmp_path, "2345678")
    evidence.begin_attempt(plan(planned("key_pages"), planned("real_404")), CANDIDATE)
    evidence.write_result(1, recorded(FAILED))
    told = text(page(tmp_path))
    assert "1 of 2 checks have answered, 1 of them did not pass." in told
    assert "/us/en.html answered 500." in told


def test_while_a_person_is_asked_it_leads_to_the_question(tmp_path: Path) -> None:
    sealed = release(tmp_path, "2345678", Decision.HELD, results=(FAILED,))
    evidence = Evidence(tmp_path, "wknd", "2345678", KEYS)
    asked_at(evidence, f"ask_release_manager-{sealed.digest[:20]}", NOW)
    assert "/runs/execution-2345678/required_actions" in page(tmp_path, addresses=Addresses(""))
    answer = StoredAnswer(option="Halt", by="alice", reason="No.", at=NOW, seal_digest=sealed.digest)
    write_answer(evidence, answer)
    html = page(tmp_path, addresses=Addresses(""))
    assert "required_actions" not in html
    assert "alice answered: Halt (No.)" in text(html)


def test_how_the_run_ended_is_told_until_it_goes_on(tmp_path: Path) -> None:
    release(tmp_path, "2345678", None, at=NOW)
    evidence = Evidence(tmp_path, "wknd", "2345678", KEYS)
    keep_end(evidence, RunEnded(well=False, sentence="Undecided: nothing was.", at=NOW + timedelta(hours=1)))
    assert "Undecided: nothing was." in text(page(tmp_path))
    evidence.begin_attempt(plan(planned(), made_at=NOW + timedelta(hours=2)), CANDIDATE)
    assert "Undecided: nothing was." not in text(page(tmp_path))


def test_two_thousand_findings_are_shown_in_part_and_counted(tmp_path: Path) -> None:
    many = tuple(finding(f"/page-{n}.html answered 500.", subject=f"/page-{n}.html") for n in range(2000))
    release(
        tmp_path, "2345678", Decision.HALTED, results=(result("key_pages", Outcome.FAILED, findings=many),)
    )
    html = page(tmp_path)
    assert "1800 further findings are counted only" in text(html)
    assert len(html) < 400_000


@pytest.mark.parametrize(
    "name", ["x" * 300, "שלום עולם " * 20, "<b>bold</b>" * 20], ids=["long", "right to left", "markup"]
)
def test_any_name_is_text_on_the_page(tmp_path: Path, name: str) -> None:
    found = result("key_pages", Outcome.FAILED, findings=(finding(name, subject=name),))
    release(tmp_path, "2345678", Decision.HALTED, results=(found,), artifacts_version=name)
    html = page(tmp_path)
    assert " ".join(name.split()) in text(html)
    assert not LexborHTMLParser(html).css("p b b, script")


def test_a_clock_in_another_zone_is_told_in_utc(tmp_path: Path) -> None:
    at = datetime(2026, 11, 2, 12, 30, tzinfo=timezone(timedelta(hours=9)))
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,), at=at)
    assert "verdict: failed 2026-11-02 03:30:00 UTC" in text(page(tmp_path))


def test_a_gate_that_can_not_be_built_here_is_shown_without_its_settings(tmp_path: Path) -> None:
    pin(tmp_path, "2345678", checks={"a_check_of_the_team": {}})
    told = text(page(tmp_path))
    assert "whose code is not run to show a page" in told
    assert "trigger MANUAL" in told


def test_no_code_of_a_team_is_imported_to_show_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    (kinds / "spy.py").write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')\n")
    monkeypatch.setenv("AEM_CHECKS_KINDS", str(kinds))
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,))
    assert "What speaks against it" in text(page(tmp_path))
    assert not (tmp_path / "it ran").exists()


def test_what_only_warns_is_told_apart_from_what_stops_the_release(tmp_path: Path) -> None:
    mild = result("robots", Outcome.FAILED, severity=Severity.WARN, findings=(finding("It is open."),))
    release(tmp_path, "2345678", Decision.APPROVED, results=(result("key_pages"), mild))
    told = text(page(tmp_path))
    assert "Nothing that blocks." in told
    assert told.index("Found, and stops nothing") < told.index("It is open.")


def test_a_page_in_a_frame_of_airflow_s_marks_the_links_that_lead_out(tmp_path: Path) -> None:
    release(tmp_path, "2345678", Decision.HALTED, results=(FAILED,))
    html = page(tmp_path, addresses=Addresses("", framed=True))
    out = [a for a in LexborHTMLParser(html).css("a[href^=http]")]
    assert out
    assert all(a.attributes.get("target") == "_blank" for a in out)
    assert "Ctrl-click" in text(html)
