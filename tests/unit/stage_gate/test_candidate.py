"""A candidate is the same only as long as everything around it is known to be the same."""

from __future__ import annotations

import pytest

from stage_gate.candidate import RUNNING, UNKNOWN, Candidate, changes, host_of
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
    ],
)
def test_what_happened_to_stage_since_is_a_change(changed: dict[str, object], words: str) -> None:
    found = changes(CANDIDATE, around(**changed))
    assert len(found) == 1
    assert words in found[0]


def test_a_sibling_that_ran_when_it_was_pinned_and_has_ended_since_is_a_change() -> None:
    pinned = around(other_pipelines={"678902": f"77{RUNNING}"})
    assert changes(pinned, around(other_pipelines={"678902": "77"}))


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
