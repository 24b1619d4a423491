"""What the doctor says of the browser here and of addresses that no check contacts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aem_checks.browser.finding import VARIABLE
from aem_checks.browser.lighthouse import VARIABLE as LIGHTHOUSE
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor import examine_addresses, examine_browser
from stage_gate.commands.doctor_visit import examine_freezes
from stage_gate.configuration.describe import describe
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate


def gate(folder: Path, checks: str = "{}", stage: str = "{url: https://stage.wknd.site}") -> Gate:
    file = folder / "wknd.yaml"
    file.write_text(
        f"pipeline: {{program: 1, pipeline: 2}}\nsites:\n  - {{stage: {stage}, pages: [/]}}\nchecks: {checks}\n"
    )
    return load_gate(file)


def test_the_doctor_names_the_chromium_or_says_which_checks_go_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho Chromium 156.0.1 built on somewhere\n")
    program.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(program))
    found = list(examine_browser(gate(tmp_path)))
    assert [each.state for each in found] == [State.GOOD]
    assert "Chromium 156.0.1" in found[0].detail
    assert "page_errors" in found[0].detail
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    found = list(examine_browser(gate(tmp_path)))
    assert [each.state for each in found] == [State.UNKNOWN]
    assert "apt-get install chromium" in found[0].remedy
    assert list(examine_browser(gate(tmp_path, "{others: false, key_pages: {}}"))) == []


@pytest.mark.parametrize(
    ("endpoint", "address", "states"),
    [
        ("{url: https://stage.wknd.site}", "10.1.2.3", [State.BAD]),
        ("{url: https://stage.wknd.site, private: true}", "10.1.2.3", []),
        ("{url: https://stage.wknd.site}", "151.101.1.195", []),
        ("{url: https://stage.wknd.site, private: true}", "169.254.169.254", [State.BAD]),
    ],
)
def test_a_name_at_an_address_that_no_check_contacts_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, address: str, states: list[State]
) -> None:
    asked = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: asked(address, *rest, **more))
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    found = list(examine_addresses(gate(tmp_path, stage=endpoint)))
    assert [each.state for each in found] == states
    assert all(address in each.detail for each in found)


def test_the_plan_says_what_happens_without_a_chromium(tmp_path: Path) -> None:
    assert "inconclusive: the report says so and the gate goes on" in describe(gate(tmp_path))
    strict = describe(gate(tmp_path, "{page_errors: {severity: block}}"))
    assert "inconclusive: `page_errors` then holds the release" in strict
    assert "Chromium" not in describe(gate(tmp_path, "{others: false, key_pages: {}}"))


def test_the_doctor_says_who_measures_where_something_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIGHTHOUSE, str(tmp_path / "none"))

    def said(settings: str) -> list[str]:
        found = examine_browser(gate(tmp_path, f"{{others: false, key_pages: {{}}, web_vitals: {settings}}}"))
        return [each.remedy for each in found if each.what == "Lighthouse"]

    assert "Without one Chromium alone measures: web_vitals." in said("{}")[0]
    assert "Without one it has no answer: web_vitals." in said("{measured_by: lighthouse}")[0]
    assert said("{measured_by: chromium}") == []


def test_the_deployments_freezes_are_read_or_said_to_close_every_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(examine_freezes(gate(tmp_path))) == []
    file = tmp_path / "company.ics"
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__FREEZES", str(file))
    [line] = examine_freezes(gate(tmp_path))
    assert line.state is State.BAD
    assert "company.ics can't be read: No such file or directory, for every gate" in line.detail
    assert line.remedy == "Correct that file or [stage_gate] freezes, which names it."
    file.write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n"
        "DTSTART;VALUE=DATE:20200101\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    [line] = examine_freezes(gate(tmp_path))
    assert line.state is State.GOOD
    assert "Production may be approved now" in line.detail
