"""The policy of a gate: windows, flakes, quarantine, waivers, the deployment's minimum, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import (
    GateFileError,
    OutOfDate,
    gate_from_content,
    load_gate,
    load_gate_for_run,
)
from stage_gate.configuration.settings import demands
from stage_gate.rules.demands import NO_DEMANDS, Demands

SMALLEST = """\
pipeline: {program: "12345", pipeline: 678901}
sites:
  - stage: https://publish-p12345-e7654321.adobeaemcloud.com
    pages: [/, /us/en.html]
"""
TODAY = date(2026, 11, 22)
EVERYTHING = """\
policy:
  windows:
    timezone: Europe/Berlin
    open: [Mon-Thu 09:00-16:00, "Fri  09:00-12:00"]
    frozen:
      - {days: 2026-12-20 to 2027-01-06, why: Christmas}
      - {days: 2026-11-27, why: Black Friday}
    calendar: freezes.ics
    hotfix: {ask: [alice], within: 90m}
  evidence_lives: 12h
  flakes: {reruns: 3, count_as: inconclusive}
  quarantine:
    - {check: real_404, owner: alice, until: 2026-12-01, why: "WKND-1: the error page is being rebuilt"}
  waivers:
    - {check: key_pages, code: key_pages.status, subject: "*/old-campaign/*", owner: bob, until: 2026-11-30, why: WKND-2}
"""
NO_EVENTS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nEND:VCALENDAR\r\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "wknd.yaml"
    file.write_text(SMALLEST + text, encoding="utf-8")
    (folder / "freezes.ics").write_text(NO_EVENTS, encoding="utf-8")
    return file


def gate_of(folder: Path, text: str, minimum: tuple[str, ...] = (), today: date = TODAY) -> Gate:
    return load_gate(write(folder, text), today=today, demands=Demands(checks=minimum))


def mistake_in(folder: Path, text: str, minimum: tuple[str, ...] = ()) -> GateFileError:
    with pytest.raises(GateFileError) as caught:
        gate_of(folder, text, minimum)
    return caught.value


def test_everything_that_a_policy_can_say_is_read(tmp_path: Path) -> None:
    policy = gate_of(tmp_path, EVERYTHING).policy
    windows = policy.windows
    assert windows is not None
    assert [hours.text for hours in windows.hours] == ["Mon-Thu 09:00-16:00", "Fri  09:00-12:00"]
    assert windows.hours[0].days == {0, 1, 2, 3}
    assert (windows.hours[1].start, windows.hours[1].end) == (9 * 60, 12 * 60)
    assert date(2027, 1, 6) in windows.frozen[0].span
    assert date(2027, 1, 7) not in windows.frozen[0].span
    assert windows.frozen[1].span.first == windows.frozen[1].span.last == date(2026, 11, 27)
    assert windows.hotfix is not None
    assert (windows.hotfix.ask, windows.hotfix.within) == (("alice",), timedelta(minutes=90))
    assert policy.evidence_lives == timedelta(hours=12)
    assert (policy.flakes.reruns, policy.flakes.count_as) == (3, Outcome.INCONCLUSIVE)
    quarantine = policy.quarantine_of("real_404")
    assert quarantine is not None
    assert (quarantine.owner, quarantine.until) == ("alice", date(2026, 12, 1))
    assert policy.quarantine_of("key_pages") is None
    assert policy.waivers[0].subject == "*/old-campaign/*"
    assert policy.waivers[0].code == "key_pages.status"


def test_a_policy_that_says_nothing_is_careful(tmp_path: Path) -> None:
    policy = gate_of(tmp_path, "").policy
    assert policy.windows is None
    assert policy.evidence_lives == timedelta(hours=24)
    assert (policy.flakes.reruns, policy.flakes.count_as) == (5, Outcome.PASSED)
    assert policy.quarantine == policy.waivers == ()


WINDOWS = "policy:\n  windows:\n    timezone: Europe/Berlin\n    "
QUARANTINE = "policy:\n  quarantine:\n    - "
WAIVER = "policy:\n  waivers:\n    - "


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (WINDOWS + "open: []\n", 8, ["nothing is written", "leave 'open' out"]),
        (WINDOWS + "open:\n", 8, ["nothing is written"]),
        (WINDOWS + "calendar:\n", 8, ["nothing is written", "leave 'calendar' out"]),
        (WINDOWS + "frozen: []\n", 8, ["nothing is written"]),
        ("policy:\n  windows:\n", 6, ["the windows are empty"]),
        ("policy:\n  windows: {timezone: UTC}\n", 6, ["the windows are empty", "'open', 'frozen'"]),
        ("policy:\n  windows: {open: [Mon 09:00-16:00]}\n", 6, ["'timezone' is missing"]),
        (
            WINDOWS + "open:\n      - Mon-Fri 09:00-16:00\n      - Fri 15:00-18:00\n",
            8,
            ["'Mon-Fri 09:00-16:00' and 'Fri 15:00-18:00' overlap. Make them one"],
        ),
        (WINDOWS + "open:\n      - Mon 09:00-09:00\n", 9, ["is empty", "later than it starts"]),
        (WINDOWS + "open: [Mon 22:00-04:00]\n", 8, ["ends before it starts", "Mon 22:00-24:00"]),
        (WINDOWS + "open: [Mon 09:00-24:30]\n", 8, ["no weekly hours", "Mon-Thu 09:00-16:00"]),
        (WINDOWS + "open: [Mon 24:00-24:00]\n", 8, ["is empty"]),
        (WINDOWS + "open: [Monday 09:00-16:00]\n", 8, ["no weekly hours"]),
        (WINDOWS + 'open: ["Mon-Wed, Tue 09:00-16:00"]\n', 8, ["names a day twice"]),
        (WINDOWS + "open: Mon 09:00-16:00\n", 8, ["policy.windows.open"]),
        (WINDOWS + "opened: []\n", 8, ["Did you mean open?"]),
        ("policy:\n  windows: {timezone: Mars/Olympus}\n", 6, ["no known time zone", "Europe/Berlin"]),
        ("policy:\n  windows: {timezone: Europe}\n", 6, ["no known time zone"]),
        ("policy:\n  windows: {timezone: ../../etc/passwd}\n", 6, ["no known time zone"]),
        (WINDOWS + "frozen:\n      - {days: 2026-12-24}\n", 9, ["'why' is missing"]),
        (WINDOWS + "frozen:\n      - {days: 2026-12-24, why: ' '}\n", 9, ["nothing is written"]),
        (WINDOWS + "frozen: [{days: 2026-02-30, why: x}]\n", 8, ["2026-02-30 is no day"]),
        (WINDOWS + "frozen: [{days: 24.12.2026, why: x}]\n", 8, ["not a date", "2026-12-24"]),
        (WINDOWS + "frozen: [{days: 20261224, why: x}]\n", 8, ["no days are named"]),
        (WINDOWS + "frozen: [{days: 2026-12-24 to 2026-12-20, why: x}]\n", 8, ["so it is empty"]),
        (
            WINDOWS
            + "frozen: [{days: 2026-12-01 to 2027-06-30, why: x}, {days: 2027-07-01 to 2027-12-31, why: y}]\n",
            8,
            ["frozen from 2026-12-01 to 2027-12-31", "mode: shadow"],
        ),
        (WINDOWS + "calendar: ../freezes.ics\n", 8, ["not a file beside this one"]),
        (WINDOWS + "calendar: https://example.com/freezes.ics\n", 8, ["not a file beside this one"]),
        (WINDOWS + "calendar: missing.ics\n", 8, ["missing.ics can't be read", "No such file"]),
        (WINDOWS + "open: [Mon 09:00-16:00]\n    hotfix: {ask: []}\n", 9, ["nobody is asked", "alice"]),
        (WINDOWS + "open: [Mon 09:00-16:00]\n    hotfix: {ask: [anyone]}\n", 9, ["not one Airflow user"]),
        (WINDOWS + "open: [Mon 09:00-16:00]\n    hotfix: {ask: alice}\n", 9, ["nobody is asked"]),
        (WINDOWS + "open: [Mon 09:00-16:00]\n    hotfix: {ask: [a], within: 0h}\n", 9, ["too short"]),
        (WINDOWS + "open: [Mon 09:00-16:00]\n    hotfix: {within: 1h}\n", 9, ["'ask' is missing"]),
        ("policy: {evidence_lives: 0s}\n", 5, ["too short"]),
        ("policy: {evidence_lives: 24}\n", 5, ["not a duration"]),
        ("policy: {evidence_lives: }\n", 5, ["not a duration"]),
        ("policy: {flakes: {reruns: -1}}\n", 5, ["at least 0"]),
        ("policy: {flakes: {reruns: 101}}\n", 5, ["at most 100"]),
        ("policy: {flakes: {reruns: true}}\n", 5, ["whole number"]),
        ("policy: {flakes: {count_as: approve}}\n", 5, ["'passed', 'failed' or 'inconclusive'"]),
        ("policy: {flakes: {rerun: 1}}\n", 5, ["Did you mean reruns?"]),
        (QUARANTINE + "{check: real_404, until: 2026-12-01, why: x}\n", 7, ["'owner' is missing"]),
        (QUARANTINE + "{check: real_404, owner: '', until: 2026-12-01, why: x}\n", 7, ["not one person"]),
        (QUARANTINE + "{check: real_404, owner: all, until: 2026-12-01, why: x}\n", 7, ["not one person"]),
        (QUARANTINE + "{check: real_404, owner: alice, why: x}\n", 7, ["'until' is missing"]),
        (QUARANTINE + "{check: real_404, owner: alice, until: never, why: x}\n", 7, ["not a date"]),
        (QUARANTINE + "{check: real_404, owner: alice, until: 2026-12-01}\n", 7, ["'why' is missing"]),
        (
            QUARANTINE + "{check: real_404, owner: alice, until: 2026-11-21, why: x}\n",
            7,
            ["quarantine of real_404 (owner alice) ended on 2026-11-21", "blocks again", "after 2026-11-22"],
        ),
        (
            QUARANTINE + "check: real_40\n      owner: alice\n      until: 2026-12-01\n      why: x\n",
            7,
            ["'real_40'", "no such check", "Did you mean real_404?"],
        ),
        (
            QUARANTINE
            + "{check: real_404, owner: a, until: 2026-12-01, why: x}\n"
            + "    - {check: real_404, owner: b, until: 2026-12-02, why: y}\n",
            6,
            ["real_404 is in quarantine twice"],
        ),
        (WAIVER + "{check: key_pages, subject: /a, until: 2026-12-01, why: x}\n", 7, ["'owner' is missing"]),
        (WAIVER + "{check: key_pages, owner: a, until: 2026-12-01, why: x}\n", 7, ["'subject' is missing"]),
        (
            WAIVER + "{check: key_pages, subject: '**', owner: a, until: 2026-12-01, why: x}\n",
            7,
            ["waive every finding", "quarantine"],
        ),
        *(
            (
                WAIVER + f"{{check: key_pages, subject: '{broad}', owner: a, until: 2026-12-01, why: x}}\n",
                7,
                ["waive every finding, or nearly", "at least 4 characters"],
            )
            for broad in ("*/*", "*:*", "*h*", "*.*", "https://*", "*.html", "/us/*")
        ),
        (
            WAIVER
            + "{check: key_pages, code: key_pages.status, subject: /a, owner: a, until: 2027-11-24, why: x}\n",
            7,
            ["until 2027-11-24", "more than 366 days", "up to 2027-11-23"],
        ),
        (
            QUARANTINE + "{check: real_404, owner: alice, until: 9999-12-31, why: x}\n",
            7,
            ["until 9999-12-31", "more than 366 days"],
        ),
        (
            WAIVER + "check: key_pages\n      code: key_pages.status\n      subject: /a\n      owner: alice\n"
            "      until: 2026-01-01\n      why: x\n",
            11,
            ["waiver of key_pages (owner alice) ended on 2026-01-01"],
        ),
        (
            WAIVER + "{check: cloud_manager.coverage, subject: a, owner: a, until: 2026-12-01, why: x}\n",
            7,
            ["'cloud_manager.coverage'", "cloud_manager.code_quality"],
        ),
    ],
)
def test_a_mistake_names_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    error = mistake_in(tmp_path, text)
    assert error.line == line, str(error)
    assert str(error).startswith(f"{tmp_path / 'wknd.yaml'}:{line}: ")
    assert all(word in str(error) for word in words), str(error)
    assert error.remedy


@pytest.mark.parametrize("outcome", ["failed", "inconclusive"])
@pytest.mark.parametrize(
    "value", ["approve", "{ask: [alice], silence: approve}", "{action: approve, ask: [a]}"]
)
def test_no_policy_can_approve_on_anything_but_passed(tmp_path: Path, outcome: str, value: str) -> None:
    assert mistake_in(tmp_path, f"policy:\n  {outcome}: {value}\n").line == 6


def test_windows_over_midnight_and_side_by_side_do_not_overlap(tmp_path: Path) -> None:
    hours = "open: [Mon 22:00-24:00, Tue 00:00-04:00, Tue 04:00-05:00, 'Fri-Mon, Wed 10:00-11:00']\n"
    windows = gate_of(tmp_path, WINDOWS + hours).policy.windows
    assert windows is not None
    assert windows.hours[-1].days == {4, 5, 6, 0, 2}


def test_a_gate_in_which_every_blocking_check_is_in_quarantine_is_refused(tmp_path: Path) -> None:
    kinds = {check.kind for check in gate_of(tmp_path, "").stage_checks}
    off = "".join(f"  {kind}: false\n" for kind in kinds - {"key_pages"})
    entry = QUARANTINE + "{check: key_pages, owner: alice, until: 2026-12-01, why: x}\n"
    error = mistake_in(tmp_path, f"checks:\n{off}{entry}")
    assert "no check of stage blocks" in str(error)
    assert "quarantine" in error.remedy


ENDED = (
    "policy:\n  quarantine:\n"
    "    - {check: real_404, owner: alice, until: 2026-11-21, why: old}\n"
    "    - {check: host_leaks, owner: alice, until: 2026-11-22, why: still}\n"
    "  waivers:\n    - {check: key_pages, code: key_pages.status, subject: /a, owner: bob, until: 2026-11-01, why: old}\n"
)


def test_an_excuse_may_last_366_days_and_a_run_does_not_mind_a_longer_one(tmp_path: Path) -> None:
    entry = WAIVER + "{check: key_pages, code: key_pages.status, subject: /a, owner: a, until: %s, why: x}\n"
    assert gate_of(tmp_path, entry % "2027-11-23").policy.waivers
    path = write(tmp_path, entry % "2027-11-24")
    assert load_gate_for_run(path, today=TODAY, demands=NO_DEMANDS).policy.waivers


@pytest.mark.parametrize(
    ("allowed", "is_refused"),
    [
        ("'*'", True),
        ("'?*'", True),
        ("'[!~]*'", True),
        ("'[A-Z]*'", True),
        ("TZ", False),
        ("'WKND_*'", False),
    ],
)
def test_a_kind_of_the_minimum_excuses_nothing_by_wildcards_alone(
    tmp_path: Path, allowed: str, is_refused: bool
) -> None:
    text = f"checks:\n  environment_variables: {{severity: block, allow: [{allowed}]}}\n"
    gate_of(tmp_path, text)
    if not is_refused:
        gate_of(tmp_path, text, minimum=("environment_variables",))
        return
    error = mistake_in(tmp_path, text, minimum=("environment_variables",))
    assert (error.line, "excuses everything with allow" in str(error)) == (6, True)


def test_a_quarantine_holds_through_its_last_day(tmp_path: Path) -> None:
    text = QUARANTINE + "{check: real_404, owner: alice, until: 2026-11-22, why: x}\n"
    assert gate_of(tmp_path, text, today=TODAY).policy.quarantine
    with pytest.raises(OutOfDate):
        gate_of(tmp_path, text, today=TODAY + timedelta(days=1))


def test_for_a_run_what_has_ended_is_left_out_so_that_the_check_blocks_again(tmp_path: Path) -> None:
    path = write(tmp_path, ENDED)
    with pytest.raises(OutOfDate):
        load_gate(path, today=TODAY, demands=NO_DEMANDS)
    gate = load_gate_for_run(path, today=TODAY, demands=NO_DEMANDS)
    assert [each.check for each in gate.policy.quarantine] == ["host_leaks"]
    assert gate.policy.waivers == ()


def test_what_a_run_pinned_is_never_refused_for_its_date_and_keeps_its_digest(tmp_path: Path) -> None:
    gate = load_gate_for_run(write(tmp_path, ENDED), today=TODAY, demands=NO_DEMANDS)
    pinned = gate_from_content("wknd", gate.content, folder=tmp_path)
    assert pinned.digest == gate.digest
    assert len(pinned.policy.quarantine) == 2
    assert pinned.policy.in_force_on(TODAY) == gate.policy


def test_a_run_keeps_its_gate_when_the_calendar_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, WINDOWS + "calendar: freezes.ics\n")
    load_gate(path, today=TODAY, demands=NO_DEMANDS)
    (tmp_path / "freezes.ics").write_text("<html>sign in</html>", encoding="utf-8")
    with pytest.raises(OutOfDate, match=r"wknd\.yaml:8: .*freezes\.ics can't be read"):
        load_gate(path, today=TODAY, demands=NO_DEMANDS)
    assert load_gate_for_run(path, today=TODAY, demands=NO_DEMANDS).policy.windows is not None


def test_windows_that_never_open_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, WINDOWS + "calendar: freezes.ics\n")
    always = NO_EVENTS.replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\n"
        "RRULE:FREQ=DAILY\r\nSUMMARY:Always\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    (tmp_path / "freezes.ics").write_text(always, encoding="utf-8")
    with pytest.raises(OutOfDate, match="opens at no time") as caught:
        load_gate(path, today=TODAY, demands=NO_DEMANDS)
    assert caught.value.line == 8
    assert caught.value.remedy.startswith("Correct 'windows'")


def test_a_freeze_of_a_whole_year_still_opens(tmp_path: Path) -> None:
    text = WINDOWS + "open: [Mon 09:00-09:01]\n    frozen: [{days: 2026-11-22 to 2027-11-22, why: x}]\n"
    assert gate_of(tmp_path, text).policy.windows is not None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("checks:\n  key_pages: false\n", 6, ["key_pages is not switched on"]),
        ("checks:\n  real_404: {}\n  key_pages: {severity: warn}\n", 7, ["key_pages only warns"]),
        ("checks:\n  key_pages:\n    within: 5m\n    dry_run: true\n", 8, ["key_pages is a dry run"]),
        (
            QUARANTINE + "{check: key_pages, owner: alice, until: 2026-12-01, why: x}\n",
            7,
            ["key_pages is in quarantine"],
        ),
        (
            WAIVER
            + "{check: key_pages, code: key_pages.status, subject: /a, owner: alice, until: 2026-12-01, why: x}\n",
            7,
            ["key_pages is waived"],
        ),
    ],
)
def test_no_gate_drops_what_the_deployment_wants_to_block(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    gate_of(tmp_path, text)
    error = mistake_in(tmp_path, text, minimum=("real_404", "key_pages"))
    assert error.line == line, str(error)
    assert "[stage_gate] minimum_checks" in str(error)
    assert "Let it block" in error.remedy
    assert all(word in str(error) for word in words), str(error)


def test_each_check_of_a_kind_in_the_minimum_has_to_block(tmp_path: Path) -> None:
    text = (
        "checks:\n  suites:\n    - {name: smoke, folder: ui.tests, run: npm test}\n"
        "    - {name: slow, folder: ui.tests, run: npm test, severity: warn}\n"
    )
    assert mistake_in(tmp_path, "", minimum=("suites",)).problem.startswith("suites is not switched on")
    error = mistake_in(tmp_path, text, minimum=("suites",))
    assert (error.line, error.problem.split(",")[0]) == (8, "suites.slow only warns")


def test_a_minimum_that_names_no_kind_of_check_is_refused_rather_than_ignored(tmp_path: Path) -> None:
    error = mistake_in(tmp_path, "", minimum=("key_page",))
    assert "'key_page'" in str(error)
    assert "Did you mean key_pages?" in error.remedy


def test_the_minimum_comes_from_the_deployment_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demands().checks == ()
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_CHECKS", " key_pages, real_404,key_pages ,")
    assert demands().checks == ("key_pages", "real_404")
    path = write(tmp_path, "checks: {real_404: false}\n")
    for load in (load_gate, load_gate_for_run):
        with pytest.raises(GateFileError, match="real_404 is not switched on"):
            load(path, today=TODAY)


def test_by_default_today_is_today(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    for until, expired in ((today + timedelta(days=2), False), (today - timedelta(days=2), True)):
        path = write(tmp_path, QUARANTINE + f"{{check: real_404, owner: a, until: {until}, why: x}}\n")
        assert bool(load_gate_for_run(path, demands=NO_DEMANDS).policy.quarantine) is not expired
