"""A candidate is the same only as long as everything around it is known to be the same."""

from __future__ import annotations

import pytest

from stage_gate.candidate import (
    RUNNING,
    UNKNOWN,
    Candidate,
    changes,
    host_of,
    must_be_built_again,
)
from unit.stage_gate.samples import CANDIDATE, STAGE_HOST


def around(**changed: object) -> Candidate:
    return CANDIDATE.model_copy(update={"stage": CANDIDATE.stage.model_copy(update=changed)})


def test_nothing_changed_is_no_change() -> None:
    assert changes(CANDIDATE, CANDIDATE) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("execution_id", "2345679"),
        ("stage_step_id", "90031"),
        ("stage_deployed_at", None),
        ("commit_id", "fedcba"),
        ("artifacts_version", None),
        ("trigger", "ON_COMMIT"),
    ],
)
def test_each_part_of_its_identity_counts(field: str, value: object) -> None:
    assert len(changes(CANDIDATE, CANDIDATE.model_copy(update={field: value}))) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment_id": "7"}, "The stage environment was 7654321"),
        ({"aem_release": "2026.11.1"}, "AEM on stage was release 2026.10.1"),
        ({"hosts": ("another.adobeaemcloud.com",)}, f"no longer lists {STAGE_HOST}"),
        ({"other_pipelines": {"678902": "78"}}, "Pipeline 678902 has run execution 78"),
        ({"other_pipelines": {"678902": "77", "5": "1"}}, "Pipeline 5 has run execution 1"),
        ({"other_pipelines": {"678902": f"77{RUNNING}"}}, "Pipeline 678902 runs execution 77 just now"),
        ({"other_pipelines": {"678902": UNKNOWN}}, "can't be read now"),
        ({"other_pipelines": {"others": UNKNOWN}}, "can't be read now"),
        ({"other_pipelines": {}}, "no longer shows what pipeline 678902 did to stage (execution 77)"),
        ({"aem_updates": ("88",)}, "An AEM update has changed stage since the tests began: execution 88."),
        ({"aem_updates": (f"88{RUNNING}",)}, "An AEM update changes stage just now: execution 88."),
        ({"aem_updates": (UNKNOWN,)}, "Whether an AEM update has changed stage"),
        (
            {"newer_releases": ("90",)},
            "The guarded pipeline has run again since the tests began: execution 90",
        ),
        ({"newer_releases": (UNKNOWN,)}, "Whether the guarded pipeline has run again"),
    ],
)
def test_what_happened_to_stage_since_is_a_change(changed: dict[str, object], words: str) -> None:
    found = changes(CANDIDATE, around(**changed))
    assert len(found) == 1
    assert words in found[0]


def test_a_sibling_that_ran_when_it_was_pinned_and_has_ended_since_is_a_change() -> None:
    pinned = around(other_pipelines={"678902": f"77{RUNNING}"})
    assert changes(pinned, around(other_pipelines={"678902": "77"}))


@pytest.mark.parametrize("field", ["aem_updates", "newer_releases"])
def test_what_ran_when_it_was_pinned_is_a_change_whether_it_is_over_or_not(field: str) -> None:
    pinned = around(**{field: (f"88{RUNNING}",)})
    assert changes(pinned, pinned)
    assert changes(pinned, around(**{field: ("88",)}))
    assert not changes(around(**{field: ("88",)}), around(**{field: ("88",)}))


def test_words_for_an_execution_decide_nothing() -> None:
    told = around(told={"77": "execution 77 ('Web tier' 678902, FINISHED)"})
    assert changes(CANDIDATE, told) == changes(told, CANDIDATE) == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aem_updates": ("88",)}, "an AEM update (execution 88)"),
        ({"aem_updates": (f"88{RUNNING}",)}, "an AEM update (execution 88)"),
        ({"newer_releases": ("90",)}, "another release (execution 90)"),
        ({"replaced_by": ("91",)}, "another release (execution 91)"),
        ({"aem_updates": (UNKNOWN, "88")}, "an AEM update (execution 88)"),
    ],
)
def test_without_a_build_marker_other_code_on_stage_needs_a_new_build(
    changed: dict[str, object], why: str
) -> None:
    sentence = must_be_built_again(around(**changed), build_marker=False)
    assert sentence is not None
    assert why in sentence
    assert "build the release again" in sentence
    assert must_be_built_again(around(**changed), build_marker=True) is None


@pytest.mark.parametrize("changed", [{}, {"aem_updates": (UNKNOWN,)}, {"other_pipelines": {"678902": "78"}}])
def test_a_release_that_still_stands_on_stage_needs_no_new_build(changed: dict[str, object]) -> None:
    assert must_be_built_again(around(**changed), build_marker=False) is None


def test_what_was_unknown_from_the_start_is_stated_and_no_change() -> None:
    unknown = around(aem_release=UNKNOWN, other_pipelines={"678902": UNKNOWN})
    assert changes(unknown, unknown) == []
    assert len(unknown.stage.unknown()) == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Wknd.site/us/en.html", "www.wknd.site"),
        ("https://www.wknd.site:443", "www.wknd.site"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://www.wknd.site.", "www.wknd.site"),
        ("nonsense", ""),
    ],
)
def test_hosts_are_compared_in_one_form(url: str, host: str) -> None:
    assert host_of(url) == host
