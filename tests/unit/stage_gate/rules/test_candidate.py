"""A candidate is the same only as long as everything around it is known to be the same."""

from __future__ import annotations

import pytest

from adobe_cloud_manager.exceptions import (
    CloudManagerError,
    PermissionDenied,
    Unavailable,
    UnexpectedAnswer,
)
from stage_gate.rules.candidate import Candidate, changes, host_of, must_be_built_again
from stage_gate.rules.stage_changes import goes_on, told
from stage_gate.rules.surroundings import (
    ELSEWHERE,
    NONE,
    Fact,
    Source,
    StageEvent,
    Surroundings,
    Unread,
    VariableSeen,
    Way,
    newly_unread,
)
from unit.stage_gate.samples import CANDIDATE, NOW, STAGE_HOST, around, event, unread


def test_nothing_changed_is_no_change() -> None:
    assert changes(CANDIDATE, CANDIDATE) == []


SOURCE = Source(
    pipeline_id="7",
    execution_id="8",
    trigger="MANUAL",
    stage_step_id="9",
    stage_deployed_at=NOW,
    artifacts_version="1",
)

PARTS = {
    "program_id": ("The program", "12346"),
    "pipeline_id": ("The pipeline", "678902"),
    "execution_id": ("The execution", "2345679"),
    "trigger": ("The trigger of the execution", "ON_COMMIT"),
    "stage_step_id": ("The stage deployment step", "90031"),
    "stage_deployed_at": ("The end of the stage deployment", None),
    "commit_id": ("The commit", "fedcba"),
    "artifacts_version": ("The artifacts version", None),
}
"""What a candidate is known by, with its name in sentences and another value."""


def test_no_part_of_its_identity_is_without_a_test() -> None:
    assert PARTS.keys() == Candidate.model_fields.keys() - {"stage"}


@pytest.mark.parametrize("field", PARTS)
def test_each_part_of_its_identity_counts(field: str) -> None:
    name, value = PARTS[field]
    other = CANDIDATE.model_copy(update={field: value})
    before, after = getattr(CANDIDATE, field), value or "unknown"
    assert changes(CANDIDATE, other) == [f"{name} was {before} when it was tested and is {after} now."]
    assert changes(other, CANDIDATE) == [f"{name} was {after} when it was tested and is {before} now."]


def test_a_candidate_is_told_with_its_version_and_with_what_was_tested_in_its_place() -> None:
    version = CANDIDATE.artifacts_version
    assert str(CANDIDATE) == f"execution 2345678 of pipeline 678901 ({version})"
    assert CANDIDATE.tested == ("678901", "2345678")
    split = around(source=SOURCE)
    assert str(split) == (
        f"execution 2345678 of pipeline 678901 ({version}, on stage as execution 8 of pipeline 7)"
    )
    assert split.tested == ("7", "8")
    assert "(unknown version)" in str(CANDIDATE.model_copy(update={"artifacts_version": None}))


def test_what_a_candidate_does_not_say_is_unknown() -> None:
    told = CANDIDATE.model_dump(exclude={"commit_id", "artifacts_version"})
    bare = Candidate.model_validate(told)
    assert (bare.commit_id, bare.artifacts_version) == (None, None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment_id": "7"}, "The stage environment was 7654321"),
        ({"hosts": ("another.adobeaemcloud.com",)}, "Cloud Manager lists no such host for it now"),
        (
            {"hosts": (), "unsettled_domains": {STAGE_HOST: "DELETING"}},
            f"{STAGE_HOST} was a host of the stage environment, and Cloud Manager says 'DELETING' of that domain",
        ),
        ({"other_pipelines": {"678902": "76"}}, "no longer shows what pipeline 678902 last did to stage"),
        ({"other_pipelines": {"678902": NONE}}, "it was execution 77, and is none now"),
        ({"other_pipelines": {}}, "no longer lists pipeline 678902, which led to stage"),
        ({"status": "restoring"}, "Stage environment 7654321 is restoring, not ready"),
        ({"status": "hibernated"}, "is hibernated, not ready"),
        ({"status": "teleported"}, "is teleported, not ready"),
        ({"variables": {}}, "Variables of stage were changed since the tests began: FLAG."),
        (
            {"variables": {"FLAG": VariableSeen(type="string", fingerprint="other")}},
            "Variables of stage were changed since the tests began: FLAG.",
        ),
        (
            {"variables": {"FLAG": VariableSeen(type="secretString", fingerprint="b5bea41b6c623f7c")}},
            "changed since the tests began: FLAG.",
        ),
        (
            {
                "variables": {
                    **CANDIDATE.stage.variables,
                    "author NEW": VariableSeen(type="string", fingerprint=""),
                }
            },
            "changed since the tests began: author NEW.",
        ),
        (
            {"variables": {"FLAG": CANDIDATE.stage.variables["FLAG"].model_copy(update={"changes": True})}},
            "Variables of stage are being changed just now: FLAG.",
        ),
    ],
)
def test_what_stage_is_and_was_not_is_a_change(changed: dict[str, object], words: str) -> None:
    (found,) = changes(CANDIDATE, around(**changed))
    assert words in found


ENDED = {
    Way.OWN_RELEASE: "has run again since the tests began: execution 88.",
    Way.OTHER_RELEASE: "Pipeline 678902 has run execution 88 on stage since the tests began.",
    Way.DEPLOYMENT: "Pipeline 678902 has run execution 88 on stage since the tests began.",
    Way.AEM_UPDATE: "An AEM update has changed stage since the tests began: execution 88.",
    Way.CONTENT_COPY: "Content was copied into stage since the tests began: content copy 88.",
    Way.RESTORE: "Stage was restored from a backup since the tests began: restore 88.",
}
GOES_ON = {
    Way.OWN_RELEASE: "runs again just now: execution 88.",
    Way.OTHER_RELEASE: "Pipeline 678902 runs execution 88 just now.",
    Way.DEPLOYMENT: "Pipeline 678902 runs execution 88 just now.",
    Way.AEM_UPDATE: "An AEM update changes stage just now: execution 88.",
    Way.CONTENT_COPY: "Content is copied into stage just now: content copy 88.",
    Way.RESTORE: "Stage is restored from a backup just now: restore 88.",
}


@pytest.mark.parametrize("way", Way)
def test_what_happened_to_stage_since_is_a_change(way: Way) -> None:
    (ended,) = changes(CANDIDATE, around(events=(event(way),)))
    assert ended.endswith(ENDED[way])
    (running,) = changes(CANDIDATE, around(events=(event(way, runs=True),)))
    assert running.endswith(GOES_ON[way])


@pytest.mark.parametrize("way", Way)
def test_what_ran_when_it_was_pinned_is_a_change_whether_it_is_over_or_not(way: Way) -> None:
    pinned = around(events=(event(way, runs=True),))
    assert len(changes(pinned, pinned)) == 1
    assert len(changes(pinned, around(events=(event(way),)))) == 1
    over = around(events=(event(way),))
    assert changes(over, over) == []


@pytest.mark.parametrize("way", Way)
def test_what_was_seen_before_the_tests_does_not_hide_what_came_after(way: Way) -> None:
    pinned = around(events=(event(way, "87"),))
    now = around(events=(event(way, "87"), event(way, "88")))
    (found,) = changes(pinned, now)
    assert "88" in found


def test_a_sibling_that_was_known_and_has_run_again_is_told_once() -> None:
    again = around(other_pipelines={"678902": "88"}, events=(event(Way.DEPLOYMENT),))
    assert len(changes(CANDIDATE, again)) == 1


def test_a_pipeline_that_had_done_nothing_and_is_gone_is_a_change_unless_it_led_elsewhere() -> None:
    gone = around(other_pipelines={})
    (sentence,) = changes(around(other_pipelines={"678902": NONE}), gone)
    assert sentence == (
        "Cloud Manager no longer lists pipeline 678902, which led to stage, so nobody knows what it has done there since "
        "the tests began."
    )
    assert changes(around(other_pipelines={"678902": ELSEWHERE}), gone) == []
    for before, now in ((NONE, ELSEWHERE), (ELSEWHERE, NONE)):
        edited = around(other_pipelines={"678902": now})
        assert changes(around(other_pipelines={"678902": before}), edited) == []


def test_an_unsettled_domain_is_part_of_the_candidate() -> None:
    unsettled = around(unsettled_domains={"www.wknd.site": "DELETING"})
    assert unsettled.digest != CANDIDATE.digest
    assert type(unsettled).model_validate_json(unsettled.model_dump_json()) == unsettled


def test_words_for_an_event_decide_nothing() -> None:
    told = around(events=(event(Way.DEPLOYMENT).model_copy(update={"told": "execution 88 ('Web tier')"}),))
    assert changes(around(events=(event(Way.DEPLOYMENT),)), told) == []


@pytest.mark.parametrize("way", Way)
def test_without_a_build_marker_other_code_on_stage_needs_a_new_build(way: Way) -> None:
    candidate = around(events=(event(way),))
    sentence = must_be_built_again(candidate, build_marker=False)
    assert (sentence is not None) is way.brings_code
    assert sentence is None or ("build the release again" in sentence and "88" in sentence)
    assert must_be_built_again(candidate, build_marker=True) is None
    assert must_be_built_again(around(events=(event(way, runs=True),)), build_marker=False) is None


def test_a_release_whose_code_may_be_gone_is_told_with_all_that_happened_and_what_to_do() -> None:
    candidate = around(events=(event(Way.AEM_UPDATE), event(Way.RESTORE, "99")))
    assert must_be_built_again(candidate, build_marker=False) == (
        f"Stage may no longer run the code of {candidate}: since its deployment there was AEM update (execution 88); "
        "restore (restore 99). No blocking check compares a build marker, so a test can't tell which code answers: build "
        "the release again (start the pipeline anew), or name a build marker in the gate file and let 'settled' block."
    )


def test_a_release_that_still_stands_on_stage_needs_no_new_build() -> None:
    assert must_be_built_again(CANDIDATE, build_marker=False) is None


@pytest.mark.parametrize("fact", Fact)
def test_what_could_not_be_read_is_named_with_call_and_permission_and_is_no_sameness(fact: Fact) -> None:
    now = around(unread=(unread(fact),))
    found = newly_unread(CANDIDATE.stage, now.stage, ())
    (sentence,) = (each.sentence for each in found)
    assert f"{fact} can't be read (GET /api/program/12345/" in sentence
    assert "Cloud Manager answered 403." in sentence
    assert "Give the credential " in sentence
    assert newly_unread(CANDIDATE.stage, now.stage, {fact}) == []
    others = set(Fact) - {fact}
    assert newly_unread(CANDIDATE.stage, now.stage, others) == found
    assert newly_unread(now.stage, now.stage, ()) == []  # the verdict has weighed it


def test_one_pipeline_unread_then_says_nothing_of_another_one_unread_now() -> None:
    one, other, all_of_them = (unread(Fact.OTHER_PIPELINES, name) for name in ("1", "2", ""))
    assert newly_unread(around(unread=(one,)).stage, around(unread=(other,)).stage, ())
    assert newly_unread(around(unread=(one,)).stage, around(unread=(all_of_them,)).stage, ())
    assert newly_unread(around(unread=(all_of_them,)).stage, around(unread=(one,)).stage, ()) == []


def test_hosts_and_variables_that_can_t_be_read_now_are_not_called_gone() -> None:
    now = around(hosts=(), unread=(unread(Fact.DOMAIN_MAPPINGS),))
    assert changes(CANDIDATE, now) == []
    now = around(variables={}, unread=(unread(Fact.ENVIRONMENT_VARIABLES),))
    assert changes(CANDIDATE, now) == changes(now, CANDIDATE) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Wknd.site/us/en.html", "www.wknd.site"),
        ("https://www.wknd.site:443", "www.wknd.site"),
        ("http://www.wknd.site:80", "www.wknd.site"),
        ("http://www.wknd.site:443", "www.wknd.site:443"),
        ("https://www.wknd.site:80", "www.wknd.site:80"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://www.wknd.site.", "www.wknd.site"),
        ("nonsense", ""),
    ],
)
def test_hosts_are_compared_in_one_form(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_fact_that_is_unread_is_told_with_call_cause_and_remedy() -> None:
    assert unread(Fact.CONTENT_COPIES).sentence == (
        "Nobody knows whether content was copied into stage: content_copies can't be read "
        "(GET /api/program/12345/contentFlows). Cloud Manager answered 403. Give the credential Content Copy Manage, "
        "which the profile Deployment Manager has."
    )


@pytest.mark.parametrize(
    ("error", "passing", "remedy"),
    [
        (Unavailable("It is down."), True, "Wait until Cloud Manager answers again; then stage is looked at"),
        (
            UnexpectedAnswer("It is no list."),
            False,
            "Look in Cloud Manager whether stage was restored from a backup, and decide there",
        ),
        (PermissionDenied("It is forbidden."), False, "Give the credential the profile Deployment Manager"),
    ],
    ids=["down", "odd", "forbidden"],
)
def test_what_to_do_about_an_unread_fact_depends_on_what_its_call_came_to(
    error: CloudManagerError, passing: bool, remedy: str
) -> None:
    found = Unread.because(error, Fact.RESTORES, "GET /restores", subject="7")
    assert found.remedy.startswith(remedy)
    assert found.model_dump(exclude={"remedy"}) == {
        "fact": Fact.RESTORES,
        "subject": "7",
        "call": "GET /restores",
        "why": str(error),
        "passing": passing,
    }


def test_what_surroundings_do_not_say_is_nothing_that_happened() -> None:
    bare = Surroundings(environment_id="7654321", hosts=())
    assert bare.model_dump(exclude={"environment_id", "hosts"}) == {
        "status": "ready",
        "unsettled_domains": {},
        "other_pipelines": {},
        "events": (),
        "variables": {},
        "unread": (),
        "source": None,
    }
    assert goes_on(bare) == []
    assert StageEvent(way=Way.RESTORE, id="1").model_dump(exclude={"way", "id"}) == {
        "pipeline": "",
        "runs": False,
        "told": "",
    }
    assert not VariableSeen(type="string", fingerprint="").changes


def test_an_event_is_told_in_the_words_that_cloud_manager_has_for_it() -> None:
    seen = event(Way.DEPLOYMENT).model_copy(update={"told": "execution 88 ('Web tier')"})
    assert told(seen) == "Pipeline 678902 has run execution 88 ('Web tier') on stage since the tests began."


def test_all_that_goes_on_is_told_at_once() -> None:
    changing = {
        name: VariableSeen(type="string", fingerprint="", changes=name != "STILL")
        for name in ("B", "A", "STILL")
    }
    now = around(
        status="",
        events=(
            event(Way.RESTORE, runs=True),
            event(Way.CONTENT_COPY),
            event(Way.CONTENT_COPY, "9", runs=True),
        ),
        variables=changing,
    )
    assert goes_on(now.stage) == [
        "Stage environment 7654321 is in no state that Cloud Manager tells, not ready.",
        "Stage is restored from a backup just now: restore 88.",
        "Content is copied into stage just now: content copy 9.",
        "Variables of stage are being changed just now: A, B.",
    ]


def test_the_state_of_an_environment_that_could_not_be_read_is_no_change() -> None:
    now = around(status="hibernated", unread=(unread(Fact.ENVIRONMENT),))
    assert goes_on(now.stage) == changes(CANDIDATE, now) == []


def test_a_domain_without_a_word_for_its_state_does_not_lead_to_stage() -> None:
    stage = around(unsettled_domains={"a.example": "", "b.example": "FAILED"}).stage
    assert stage.listed_as("a.example") == (
        "says nothing of that domain, which does not mean that it leads there"
    )
    assert stage.listed_as("b.example") == (
        "says 'FAILED' of that domain, which does not mean that it leads there"
    )
    assert stage.listed_as("c.example") == "lists no such host for it"


def test_all_hosts_and_variables_that_changed_are_told_in_order() -> None:
    """However many there are, and whatever order Cloud Manager lists them in."""
    then = around(
        hosts=("b.example", STAGE_HOST, "a.example"),
        variables={name: VariableSeen(type="string", fingerprint="1") for name in ("B", "SAME", "A")},
    )
    now = around(
        hosts=(STAGE_HOST, "new.example"),
        variables={name: VariableSeen(type="string", fingerprint="1") for name in ("SAME", "C", "D")},
    )
    was = "was a host of the stage environment, and Cloud Manager lists no such host for it now."
    assert changes(then, now) == [
        f"a.example {was}",
        f"b.example {was}",
        "Variables of stage were changed since the tests began: A, B, C, D.",
    ]


def test_one_pipeline_that_is_unread_excuses_no_other_one_that_is_gone() -> None:
    then = around(other_pipelines={"1": "77", "2": "78"})
    for subject, left in (("1", ["2"]), ("2", ["1"]), ("", []), ("3", ["1", "2"])):
        now = around(other_pipelines={}, unread=(unread(Fact.OTHER_PIPELINES, subject),))
        assert [each.split()[6].rstrip(",") for each in changes(then, now)] == left
    elsewhere = around(other_pipelines={}, unread=(unread(Fact.RESTORES),))
    assert len(changes(then, elsewhere)) == 2


@pytest.mark.parametrize(
    ("then", "now", "sentences"),
    [
        (SOURCE, SOURCE, []),
        (
            SOURCE,
            SOURCE.model_copy(update={"execution_id": "9"}),
            [
                "Tested on stage was execution 8 of pipeline 7, and what goes to production comes from "
                "execution 9 of pipeline 7 now."
            ],
        ),
        (
            SOURCE,
            SOURCE.model_copy(update={"commit_id": "fedcba"}),
            [
                "What Cloud Manager says of execution 8 of pipeline 7, which was tested on stage, is not what it said then."
            ],
        ),
        (
            SOURCE,
            None,
            [
                "Tested on stage was execution 8 of pipeline 7, and what goes to production comes from none now."
            ],
        ),
        (
            None,
            SOURCE,
            [
                "Tested on stage was no execution of another pipeline, and what goes to production comes from "
                "execution 8 of pipeline 7 now."
            ],
        ),
    ],
    ids=["the same", "another execution", "told otherwise", "none any more", "none then"],
)
def test_what_was_tested_in_its_place_is_what_goes_to_production(
    then: Source | None, now: Source | None, sentences: list[str]
) -> None:
    assert changes(around(source=then), around(source=now)) == sentences
