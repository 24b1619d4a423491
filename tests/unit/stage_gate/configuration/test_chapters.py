"""Which checks share a task, and what is it called?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aem_checks.kinds import all_kinds, chapter_of, chapters
from stage_gate.configuration.chapters import Chapter, chapters_of
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import gate_from_content

SITE = {"stage": "https://stage.example.com", "production": "https://www.example.com", "pages": ["/"]}
ALL: dict[str, Any] = {"others": True}


def gate_of(checks: dict[str, Any] | None = None, names: tuple[str, ...] = ("wknd",), **changes: Any) -> Gate:
    content = {
        "pipeline": {"program": "12345", "pipeline": "1"},
        "sites": [{**SITE, "name": name} for name in names],
        "checks": checks or {},
        **changes,
    }
    return gate_from_content("larkfell", content, folder=Path("/nowhere"))


def names_of(found: tuple[Chapter, ...]) -> list[str]:
    return [each.name for each in found]


def test_every_check_of_stage_is_in_one_chapter_but_the_one_that_settles_it() -> None:
    gate = gate_of()
    told = [check.key for each in chapters_of(gate, "stage") for check in each.checks]
    assert sorted(told) == sorted(check.key for check in gate.stage_checks if check.kind != "settled")
    assert [check.key for each in chapters_of(gate, "production") for check in each.checks] == [
        "production.real_404",
        "production.key_pages",
        "production.client_libraries",
    ]


def test_a_chapter_s_checks_begin_and_lie_together() -> None:
    for each in chapters_of(gate_of(), "stage"):
        assert len({(check.site, check.after) for check in each.checks}) == 1
        assert len({chapter_of(check.check_type) for check in each.checks}) == 1


def test_what_probes_is_alone_and_last() -> None:
    (probes,) = [each for each in chapters_of(gate_of(), "stage") if each.probes]
    assert (probes.name, [check.kind for check in probes.checks]) == (
        "dispatcher_probes",
        ["dispatcher_probes"],
    )


def test_what_begins_later_is_a_task_of_its_own() -> None:
    found = chapters_of(gate_of({"key_pages": {"after": "cloud_manager_tests"}}), "stage")
    (later,) = [each for each in found if each.name == "availability_later"]
    assert [check.key for check in later.checks] == ["key_pages"]
    assert later.waits_for_cloud_manager
    assert "performance_later" in names_of(found), "whatever else there is, so that no neighbour renames it"


def test_of_several_sites_each_has_its_own() -> None:
    found = names_of(chapters_of(gate_of(names=("us", "de")), "stage"))
    assert {"us.security", "de.security", "us.dispatcher_probes"} <= set(found)
    assert len(set(found)) == len(found)


def test_a_suite_is_alone(tmp_path: Path) -> None:
    (tmp_path / "e2e").mkdir()
    suites = [{"name": name, "folder": str(tmp_path / "e2e"), "run": "true"} for name in ("one", "two")]
    found = names_of(chapters_of(gate_of({"suites": suites}), "stage"))
    assert {"suites.one", "suites.two"} <= set(found)


def test_what_asks_the_site_begins_before_what_judges_the_recording() -> None:
    (availability,) = [each for each in chapters_of(gate_of(), "stage") if each.name == "availability"]
    order = [check.kind for check in availability.checks]
    assert order.index("cached_errors") < order.index("key_pages")


def test_all_that_open_pages_share_a_task_and_with_it_a_browser() -> None:
    found = chapters_of(gate_of({"tags": {}, "consent": {}, "web_vitals": {}}), "stage")
    (browser,) = [each for each in found if each.opens_browsers]
    kinds = {"page_errors", "visual", "accessibility", "page_weight", "web_vitals", "tags", "consent"}
    assert (browser.name, {check.kind for check in browser.checks}) == ("browser", kinds)
    assert browser.longest(1) == timedelta(minutes=7 * 30 + 60), "and it may have to wait for a browser"


@pytest.mark.parametrize(("slots", "minutes"), [(1, 60), (2, 50), (4, 45)])
def test_a_chapter_may_take_as_long_as_its_checks_side_by_side(slots: int, minutes: int) -> None:
    """Three of them look at pages together, each in its turn."""
    (availability,) = [each for each in chapters_of(gate_of(), "stage") if each.name == "availability"]
    assert availability.longest(slots) == timedelta(minutes=minutes)


def test_every_kind_is_in_a_chapter() -> None:
    assert {chapter_of(kind) for kind in all_kinds().values()} == set(chapters())
