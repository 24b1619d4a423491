"""What is not installed is said in one sentence with the words that install it."""

from __future__ import annotations

import sys
from zoneinfo import ZoneInfo

import pytest

from aem_checks.browser import finding
from aem_checks.browser.finding import NoChromium, find_chromium
from stage_gate.configuration.calendar_events import CalendarError, Feed
from stage_gate.evidence.files import EvidenceError, open_store


@pytest.mark.parametrize(("missing", "name"), [({"playwright"}, "playwright"), ({"numpy"}, "numpy")])
def test_the_browser_s_checks(missing: set[str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_spec", lambda package: None if package in missing else package)
    with pytest.raises(NoChromium) as told:
        find_chromium()
    assert str(told.value) == f"{name} is not installed: run pip install 'aem-stage-gate[browser]'"


@pytest.mark.parametrize("package", ["icalendar", "recurring_ical_events"])
def test_the_calendar_of_freezes(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CalendarError, match=r"run pip install 'aem-stage-gate\[calendar\]'"):
        Feed("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n", ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("s3://evidence@bucket/gate", "pip install 'aem-stage-gate[s3]'"),
        ("gs://evidence@bucket/gate", "pip install 'aem-stage-gate[gcs]'"),
        ("abfs://evidence@container/gate", "pip install 'aem-stage-gate[azure]'"),
    ],
)
def test_a_store_of_another_machine(url: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.sdk.io.fs._register_filesystems", lambda: {"file": None})
    with pytest.raises(EvidenceError) as told:
        open_store(url)
    assert f"Nothing that is installed here opens a store of the kind {url.partition(':')[0]}://" in str(
        told.value
    )
    assert remedy in str(told.value)
