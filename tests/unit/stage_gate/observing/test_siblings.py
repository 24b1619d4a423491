"""What reached stage besides the release: read from a simulated Cloud Manager, and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adobe_cloud_manager.environment_resources import ContentFlow, Environment, RestoreExecution
from adobe_cloud_manager.exceptions import CredentialError
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.models import StepState
from simulator import Fault, Simulator, load_scenario
from stage_gate.observing.observe import read_candidate
from stage_gate.observing.stage_environment import read_stage
from stage_gate.rules.candidate import Candidate, changes, host_of, must_be_built_again
from stage_gate.rules.surroundings import ELSEWHERE, NONE, Fact, Way, newly_unread
from unit.simulator.caller import Caller
from unit.stage_gate.release import OVER, down
from unit.stage_gate.waiting import until

FRONT_END, WEB_TIER, CONFIG, OTHER_FULL_STACK = "678903", "678904", "678905", "678902"
DEVELOPMENT, CODE_QUALITY = "678907", "678906"


def seen(candidate: Candidate) -> list[tuple[Way, str, bool]]:
    """Way, id and whether it goes on, of everything that happened to stage."""
    return [(each.way, each.id, each.runs) for each in candidate.stage.events]


class Stage:
    """A release that waits for its approval, and what runs beside it."""

    def __init__(self, simulator: Simulator, release: str = "good") -> None:
        self.simulator = simulator
        self.hook = CloudManagerHook()
        self.execution_id = simulator.start_execution(release)
        self.wait_for_approval(self.execution_id)

    def status(self, execution_id: str) -> str:
        return str(self.simulator.execution(execution_id)["status"])

    def wait_for_approval(self, execution_id: str) -> None:
        def waits() -> bool:
            steps = self.simulator.execution(execution_id)["_embedded"]["stepStates"]
            return any(step["status"] == "WAITING" for step in steps)

        until(waits, f"a step of execution {execution_id} waits")

    def wait_for_end(self, execution_id: str) -> None:
        until(lambda: self.status(execution_id) in OVER, f"execution {execution_id} is over")

    def read(self) -> Candidate:
        execution = self.hook.get_execution(
            self.simulator.program_id, self.simulator.pipeline_id, self.execution_id
        )
        return read_candidate(self.hook, execution)

    def run(
        self, pipeline: str, release: str = "good", trigger: str = "MANUAL", *, to_the_end: bool = True
    ) -> str:
        """Start another execution; ``to_the_end`` waits until it is over, else until stage is touched."""
        number = self.simulator.start_execution(release, pipeline=pipeline, trigger=trigger, beside=True)  # type: ignore[arg-type]
        if to_the_end:
            self.wait_for_end(number)
        else:
            until(lambda: self.touches_stage(number), f"execution {number} touches stage")
        return number

    def touches_stage(self, execution_id: str) -> bool:
        steps = self.simulator.execution(execution_id)["_embedded"]["stepStates"]
        return any(
            step["action"] == "deploy"
            and step["environmentType"] == "stage"
            and step["status"] != "NOT_STARTED"
            for step in steps
        )


@pytest.fixture
def stage(simulator: Simulator) -> Stage:
    return Stage(simulator)


def test_alone_on_stage_nothing_changes(stage: Stage) -> None:
    pinned = stage.read()
    assert pinned.stage.other_pipelines == dict.fromkeys(
        (OTHER_FULL_STACK, FRONT_END, WEB_TIER, CONFIG), NONE
    ) | dict.fromkeys((DEVELOPMENT, CODE_QUALITY), ELSEWHERE)
    assert (pinned.stage.events, pinned.stage.unread, pinned.stage.status) == ((), (), "ready")
    assert changes(pinned, stage.read()) == []
    assert must_be_built_again(pinned, build_marker=False) is None


@pytest.mark.parametrize(
    ("pipeline", "name"), [(WEB_TIER, "Web tier (simulated)"), (CONFIG, "Config (simulated)")]
)
def test_a_sibling_that_reached_stage_is_told_by_name(stage: Stage, pipeline: str, name: str) -> None:
    pinned = stage.read()
    number = stage.run(pipeline)
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"Pipeline {pipeline} has run execution {number} ('{name}' {pipeline}")
    assert "deployment to stage" in sentence
    assert "MANUAL, begun 2" in sentence
    assert "FINISHED 2" in sentence
    assert must_be_built_again(stage.read(), build_marker=False) is None


@pytest.mark.parametrize("pipeline", [FRONT_END, WEB_TIER, CONFIG])
def test_a_sibling_that_runs_is_told_and_a_change_also_when_it_is_over(stage: Stage, pipeline: str) -> None:
    number = stage.run(pipeline, "slow-stage", to_the_end=False)
    pinned = stage.read()
    assert seen(pinned) == [(Way.DEPLOYMENT, number, True)]
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"Pipeline {pipeline} runs execution {number} (")
    stage.simulator.person("cancel", number)
    stage.wait_for_end(number)
    (sentence,) = changes(pinned, stage.read())
    assert f"has run execution {number}" in sentence


def test_a_sibling_that_was_done_before_the_deployment_does_not_count(simulator: Simulator) -> None:
    before = simulator.start_execution("good", pipeline=WEB_TIER)
    update = simulator.start_execution("good", pipeline=OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    for each in (before, update):
        until(lambda each=each: simulator.execution(each)["status"] in OVER, f"execution {each} is over")  # type: ignore[misc]
    stage = Stage(simulator)
    pinned = stage.read()
    assert pinned.stage.other_pipelines[WEB_TIER] == before
    assert pinned.stage.events == ()
    assert changes(pinned, stage.read()) == []


@pytest.mark.parametrize("release", ["build-fails", "build-errors"])
def test_a_sibling_that_never_reached_stage_does_not_count(stage: Stage, release: str) -> None:
    pinned = stage.read()
    stage.run(FRONT_END, release)
    assert changes(pinned, stage.read()) == []


def test_pipelines_of_other_environments_do_not_count(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(DEVELOPMENT)
    stage.run(CODE_QUALITY)
    stage.simulator.start_execution("slow-build", pipeline=DEVELOPMENT, beside=True)
    stage.simulator.start_execution("slow-build", pipeline=DEVELOPMENT, trigger="PUSH_UPGRADES", beside=True)
    assert changes(pinned, stage.read()) == []


def _list_differently(stage: Stage, pipeline: str, phases: dict[str, str] | None) -> None:
    """The list of pipelines has other words for its deploy phases from now on; with ``None`` it leaves it out."""
    document = Caller(stage.simulator).get(f"/api/program/{stage.simulator.program_id}/pipelines").json()
    for each in [each for each in document["_embedded"]["pipelines"] if each["id"] == pipeline]:
        if phases is None:
            document["_embedded"]["pipelines"].remove(each)
            document["_totalNumberOfItems"] -= 1
        each["updatedAt"] = datetime.now(UTC).isoformat()
        for phase in each["phases"]:
            phase |= (phases or {}) if phase["type"] == "DEPLOY" else {}
    everywhere = r"/pipelines(\?|$)"
    stage.simulator.inject(Fault(effect="answer", status=200, path=everywhere, body=document, times=None))


TO_DEVELOPMENT = {"environmentId": "7000001", "environmentType": "dev"}


@pytest.mark.parametrize("ended", [True, False])
def test_a_pipeline_that_was_pointed_elsewhere_after_its_run_is_told_by_where_that_went(
    stage: Stage, ended: bool
) -> None:
    pinned = stage.read()
    number = stage.run(OTHER_FULL_STACK, "good" if ended else "slow-stage", to_the_end=ended)
    _list_differently(stage, OTHER_FULL_STACK, TO_DEVELOPMENT)
    now = stage.read()
    assert seen(now) == [(Way.OTHER_RELEASE, number, not ended)]
    assert len(changes(pinned, now)) == 1


def test_a_pipeline_that_leads_elsewhere_and_was_left_alone_since_the_release_began_is_not_asked(
    stage: Stage,
) -> None:
    asked = f"/pipeline/{DEVELOPMENT}/executions"
    stage.read()
    assert not [each for each in stage.simulator.requests if asked in each.path]
    stage.run(DEVELOPMENT)
    stage.read()
    assert [each for each in stage.simulator.requests if asked in each.path]


def test_a_pipeline_that_was_pointed_elsewhere_and_has_done_nothing_is_no_change(stage: Stage) -> None:
    pinned = stage.read()
    _list_differently(stage, OTHER_FULL_STACK, TO_DEVELOPMENT)
    now = stage.read()
    assert (now.stage.unread, changes(pinned, now)) == ((), [])


def test_a_pipeline_that_led_to_stage_and_is_not_listed_any_more_is_a_change(stage: Stage) -> None:
    pinned = stage.read()
    _list_differently(stage, DEVELOPMENT, None)
    now = stage.read()
    assert (now.stage.unread, changes(pinned, now)) == ((), [])
    stage.simulator.clear_faults()
    stage.run(OTHER_FULL_STACK)
    _list_differently(stage, OTHER_FULL_STACK, None)
    (sentence,) = changes(pinned, stage.read())
    assert f"no longer lists pipeline {OTHER_FULL_STACK}" in sentence


def _tell_differently(stage: Stage, pipeline: str, execution: dict[str, object]) -> None:
    """The newest execution of a pipeline is listed with other words from now on."""
    body = {"_embedded": {"executions": {"0": execution}}}
    path = f"/pipeline/{pipeline}/executions"
    stage.simulator.inject(Fault(effect="merge", path=path, times=None, body=body))


@pytest.mark.parametrize(
    ("pipeline", "listed"),
    [
        (OTHER_FULL_STACK, {"_embedded": None}),
        (CONFIG, {"_embedded": None}),
        (CONFIG, {"trigger": "ROLLBACK"}),
        (CONFIG, {"trigger": None}),
        (CONFIG, {"trigger": "RE_EXECUTE"}),
    ],
)
def test_only_steps_that_show_no_image_make_it_a_deployment_without_code(
    stage: Stage, pipeline: str, listed: dict[str, object]
) -> None:
    number = stage.run(pipeline)
    _tell_differently(stage, pipeline, listed)
    now = stage.read()
    assert seen(now) == [(Way.OTHER_RELEASE, number, False)]
    assert must_be_built_again(now, build_marker=False) is not None


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ({"action": "deployEdge"}, True),
        ({"action": None}, True),
        ({"action": None, "environmentId": None, "environmentType": None}, True),
        ({"action": "deployEdge", "environmentId": None}, True),
        ({"environmentId": None, "environmentType": None}, True),
        ({"action": "deployEdge", "environmentId": "7654329"}, False),
        ({"action": "sbom", "environmentId": None, "environmentType": None}, False),
        ({"action": "uiTest"}, False),
    ],
)
def test_a_step_that_leads_to_stage_counts_unless_its_action_is_known_to_change_nothing(
    stage: Stage, words: dict[str, object], counts: bool
) -> None:
    pinned = stage.read()
    number = stage.run(CONFIG)
    steps = stage.simulator.execution(number)["_embedded"]["stepStates"]
    (place,) = [place for place, step in enumerate(steps) if step["action"] == "deploy"]
    _tell_differently(stage, CONFIG, {"_embedded": {"stepStates": {str(place): words}}})
    assert len(changes(pinned, stage.read())) == counts


def test_a_newer_run_of_the_guarded_pipeline_counts(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.run(stage.simulator.pipeline_id, to_the_end=False)
    now = stage.read()
    (sentence,) = changes(pinned, now)
    own = stage.simulator.pipeline_id
    assert sentence.startswith(
        f"Pipeline {own}, whose deployment is tested, runs again just now: execution {number} ("
    )
    assert must_be_built_again(now, build_marker=False) is None  # it is not over yet


def test_a_newer_run_of_the_guarded_pipeline_counts_however_it_ended(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.run(stage.simulator.pipeline_id, "build-fails")
    assert seen(stage.read()) == [(Way.OWN_RELEASE, number, False)]
    now = stage.read()
    (sentence,) = changes(pinned, now)
    assert "FAILED" in sentence
    again = must_be_built_again(now, build_marker=False)
    assert again is not None
    assert "own release (execution" in again
    assert must_be_built_again(now, build_marker=True) is None


def test_a_re_execution_of_the_guarded_pipeline_counts(simulator: Simulator) -> None:
    stage = Stage(simulator)
    pinned = stage.read()
    number = stage.run(simulator.pipeline_id, "slow-stage", "RE_EXECUTE", to_the_end=False)
    (sentence,) = changes(pinned, stage.read())
    assert number in sentence
    assert "RE_EXECUTE" in sentence


def test_an_earlier_run_of_the_guarded_pipeline_does_not_count(simulator: Simulator) -> None:
    first = simulator.start_execution("build-fails")
    until(lambda: simulator.execution(first)["status"] in OVER, f"execution {first} is over")
    assert Stage(simulator).read().stage.events == ()


def test_another_release_on_stage_after_the_deployment_has_to_be_undone_by_a_build(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK)
    pinned = stage.read()
    assert seen(pinned) == [(Way.OTHER_RELEASE, number, False)]
    again = must_be_built_again(pinned, build_marker=False)
    assert again is not None
    assert number in again


@pytest.mark.parametrize("pipeline", [OTHER_FULL_STACK, "678901"])
def test_an_aem_update_of_any_pipeline_that_is_over_counts(simulator: Simulator, pipeline: str) -> None:
    stage = Stage(simulator)
    pinned = stage.read()
    number = stage.run(pipeline, trigger="PUSH_UPGRADES", to_the_end=False)
    if pipeline == OTHER_FULL_STACK:
        stage.wait_for_end(number)
    now = stage.read()
    told = [sentence for sentence in changes(pinned, now) if "AEM update" in sentence]
    assert len(told) == len(changes(pinned, now)) == 1
    assert f"execution {number} (" in told[0]
    assert "PUSH_UPGRADES" in told[0]
    assert [each[:2] for each in seen(now)] == [(Way.AEM_UPDATE, number)]


def test_after_an_aem_update_the_release_has_to_be_built_again_unless_a_marker_tells(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    tested_again = stage.read()
    assert seen(tested_again) == [(Way.AEM_UPDATE, number, False)]
    assert changes(tested_again, stage.read()) == []
    again = must_be_built_again(tested_again, build_marker=False)
    assert again is not None
    assert "AEM update (execution" in again
    assert number in again
    assert "build the release again" in again
    assert must_be_built_again(tested_again, build_marker=True) is None


def test_an_aem_update_that_runs_counts_before_and_after_its_end(stage: Stage) -> None:
    number = stage.run(OTHER_FULL_STACK, "slow-stage", "PUSH_UPGRADES", to_the_end=False)
    pinned = stage.read()
    assert seen(pinned) == [(Way.AEM_UPDATE, number, True)]
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith(f"An AEM update changes stage just now: execution {number} (")
    stage.simulator.person("cancel", number)
    stage.wait_for_end(number)
    (sentence,) = changes(pinned, stage.read())
    assert sentence.startswith("An AEM update has changed stage since the tests began")


def test_an_aem_update_that_runs_and_is_not_on_stage_yet_counts(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.simulator.start_execution(
        "slow-build", pipeline=OTHER_FULL_STACK, trigger="PUSH_UPGRADES", beside=True
    )
    now = stage.read()
    assert seen(now) == [(Way.AEM_UPDATE, number, True)]
    assert len(changes(pinned, now)) == 1


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("sibling-changes-stage", "Pipeline 678904 has run"),
        ("sibling-runs", "Pipeline 678904 runs"),
        ("aem-update", "An AEM update has changed stage"),
        ("aem-update-runs", "An AEM update changes stage just now"),
        ("aem-update-here", "An AEM update changes stage just now"),
        ("second-execution", "whose deployment is tested, runs again just now"),
        ("content-copied", "Content was copied into stage"),
        ("content-copy-runs", "Content is copied into stage just now"),
        ("restored", "Stage was restored from a backup"),
        ("restore-runs", "Stage is restored from a backup just now"),
        ("variable-changed", "Variables of stage were changed since the tests began: SIMULATED_FLAG"),
        ("variable-changes", "Variables of stage are being changed just now: SIMULATED_FLAG"),
        ("hibernated", "is hibernated, not ready"),
    ],
)
def test_a_scenario_can_make_each_happen(
    simulator: Simulator, release: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "60000")  # it looks all the time
    pinned = Stage(simulator).read()
    simulator.person("reject", pinned.execution_id)
    execution = pinned.execution_id
    until(lambda: simulator.execution(execution)["status"] in OVER, f"execution {execution} is over")
    stage = Stage(simulator, release)
    before = pinned.stage
    until(lambda: any(words in each for each in changes(
        stage.read().model_copy(update={"stage": before}), stage.read())), words)  # fmt: skip


PATHS = {
    Fact.ENVIRONMENT: r"/environment/7654321$",
    Fact.DOMAIN_MAPPINGS: "/domain-mappings$",
    Fact.OWN_EXECUTIONS: "/pipeline/678901/executions",
    Fact.OTHER_PIPELINES: "/pipelines$",
    Fact.CONTENT_COPIES: "/contentFlows",
    Fact.RESTORES: "/restoreExecutions",
    Fact.ENVIRONMENT_VARIABLES: "/environment/7654321/variables$",
}
"""What is asked for each fact."""
CALLS = {
    Fact.ENVIRONMENT: "GET /api/program/12345/environment/7654321",
    Fact.DOMAIN_MAPPINGS: "GET /api/program/12345/environment/7654321/domain-mappings",
    Fact.OWN_EXECUTIONS: "GET /api/program/12345/pipeline/678901/executions",
    Fact.OTHER_PIPELINES: "GET /api/program/12345/pipelines",
    Fact.CONTENT_COPIES: "GET /api/program/12345/contentFlows",
    Fact.RESTORES: "GET /api/program/12345/environment/7654321/restoreExecutions",
    Fact.ENVIRONMENT_VARIABLES: "GET /api/program/12345/environment/7654321/variables",
}
"""How the call of each fact is told."""


@pytest.mark.parametrize("fact", Fact)
def test_what_cannot_be_read_is_unread_and_nothing_else_is(stage: Stage, fact: Fact) -> None:
    pinned = stage.read()
    stage.simulator.inject(Fault(effect="answer", status=403, path=PATHS[fact], times=None))
    now = stage.read()
    (unread,) = now.stage.unread
    assert (unread.fact, unread.subject, unread.call, unread.passing) == (fact, "", CALLS[fact], False)
    assert "403" in unread.why
    assert changes(pinned, now) == []
    assert newly_unread(pinned.stage, now.stage, ()) == [unread]
    assert must_be_built_again(now, build_marker=False) is None


def test_what_is_down_may_come_back(stage: Stage) -> None:
    stage.simulator.inject(down("/contentFlows"))
    assert [each.passing for each in stage.read().stage.unread] == [True]


def test_one_other_pipeline_that_cannot_be_read_is_named(stage: Stage) -> None:
    stage.simulator.inject(Fault(effect="answer", status=403, path=f"/{WEB_TIER}/executions", times=None))
    now = stage.read()
    (unread,) = now.stage.unread
    assert (unread.fact, unread.subject) == (Fact.OTHER_PIPELINES, WEB_TIER)
    assert f"GET /api/program/12345/pipeline/{WEB_TIER}/executions" in unread.sentence
    assert WEB_TIER not in now.stage.other_pipelines


def test_own_runs_are_seen_although_no_other_pipeline_can_be_read(stage: Stage) -> None:
    pinned = stage.read()
    number = stage.run(stage.simulator.pipeline_id, to_the_end=False)
    stage.simulator.inject(Fault(effect="answer", status=403, path="/pipelines$", times=None))
    (sentence,) = changes(pinned, stage.read())
    assert f"runs again just now: execution {number} (pipeline {stage.simulator.pipeline_id}, " in sentence


@pytest.mark.parametrize("given", [False, True])
def test_a_credential_of_a_developer_reads_content_copies_only_with_their_permission(given: bool) -> None:
    """As Adobe documents it: Content Copy Manage belongs to Deployment Managers, and can be added to others."""
    scenario = load_scenario("quick").model_dump()
    scenario["credentials"][0].update(profile="developer", content_copy_manage=given)
    with Simulator.start(scenario) as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.environment().items():
            patch.setenv(name, value)
        unread = Stage(simulator).read().stage.unread
    assert [each.fact for each in unread] == ([] if given else [Fact.CONTENT_COPIES])
    assert all("Content Copy Manage" in each.sentence for each in unread)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"id": "7654322"}, "was asked for environment 7654321 and answered 7654322"),
        ({"type": "prod"}, "says that environment 7654321 is of type 'prod'"),
    ],
)
def test_another_environment_than_stage_lends_it_no_hosts(
    stage: Stage, other: dict[str, str], words: str
) -> None:
    elsewhere = {
        "http://ns.adobe.com/adobecloud/rel/publish": {"href": "https://publish-p1-e2.simulated.invalid"}
    }
    stage.simulator.inject(
        Fault(effect="merge", path=PATHS[Fact.ENVIRONMENT], body=other | {"_links": elsewhere}, times=None)
    )
    now = stage.read().stage
    (unread,) = now.unread
    assert unread.fact is Fact.ENVIRONMENT
    assert words in unread.why
    assert "publish-p1-e2.simulated.invalid" not in now.hosts


@pytest.mark.parametrize(
    ("words", "is_host", "is_named"),
    [
        ({"domainMappingStatus": "ready"}, True, False),
        ({"domainMappingStatus": "FAILED"}, False, True),
        ({"domainMappingStatus": "DELETED"}, False, True),
        ({"domainMappingStatus": "no such word"}, False, True),
        ({"domainMappingStatus": None}, False, True),
        ({"originType": "EDS_SITE"}, False, False),
        ({"originId": 7654322}, False, False),
    ],
)
def test_only_a_domain_whose_mapping_to_stage_is_in_effect_is_a_host_of_it(
    stage: Stage, words: dict[str, object], is_host: bool, is_named: bool
) -> None:
    mapping = {"domainName": "www.larkfell.example", "originId": 7654321, "originType": "SKYLINE_ENVIRONMENT"}
    body = {
        "totalNumberOfItems": 1,
        "domainMappings": [mapping | {"domainMappingStatus": "DEPLOYED"} | words],
    }
    stage.simulator.inject(
        Fault(effect="answer", status=200, path=PATHS[Fact.DOMAIN_MAPPINGS], body=body, times=None)
    )
    now = stage.read().stage
    assert now.unread == ()
    assert ("www.larkfell.example" in now.hosts) is is_host
    assert now.unsettled_domains == (
        {"www.larkfell.example": words["domainMappingStatus"] or ""} if is_named else {}
    )


ODD_LISTS = {
    "an error told with 200": {
        "type": "http://ns.adobe.com/adobecloud/error",
        "title": "Timed out",
        "status": 504,
    },
    "fewer than it says": {"_totalNumberOfItems": 1, "_embedded": {}},
    "another key": {"_embedded": {"others": []}},
}


@pytest.mark.parametrize("odd", ODD_LISTS.values(), ids=ODD_LISTS)
@pytest.mark.parametrize("fact", [fact for fact in Fact if fact is not Fact.ENVIRONMENT])
def test_a_list_that_is_answered_oddly_is_unread(stage: Stage, fact: Fact, odd: dict[str, object]) -> None:
    if fact is Fact.DOMAIN_MAPPINGS and "_totalNumberOfItems" in odd:
        odd = {"totalNumberOfItems": 1}
    stage.simulator.inject(Fault(effect="answer", status=200, path=PATHS[fact], body=odd, times=None))
    assert [each.fact for each in stage.read().stage.unread] == [fact]


def test_an_environment_that_does_not_say_in_which_state_it_is_is_unread(stage: Stage) -> None:
    nothing = Fault(effect="merge", path=PATHS[Fact.ENVIRONMENT], body={"status": None}, times=None)
    stage.simulator.inject(nothing)
    (unread,) = stage.read().stage.unread
    assert unread.fact is Fact.ENVIRONMENT
    assert "does not say in which state the environment is" in unread.why


def test_without_the_environment_its_hosts_are_those_of_the_deploy_step(stage: Stage) -> None:
    before = stage.read().stage.hosts
    stage.simulator.inject(Fault(effect="answer", status=403, path=PATHS[Fact.ENVIRONMENT], times=None))
    now = stage.read().stage.hosts
    assert now
    assert set(now) <= set(before)


@pytest.mark.parametrize("missing", [False, True], ids=["oldest first", "no time"])
def test_executions_that_are_not_listed_newest_first_are_unread(stage: Stage, missing: bool) -> None:
    pinned = stage.read()
    stage.run(stage.simulator.pipeline_id, to_the_end=False)
    assert len(stage.read().stage.events) == 1
    times = {"0": {"createdAt": None if missing else "2020-01-01T00:00:00.000+0000"}}
    stage.simulator.inject(
        Fault(
            effect="merge",
            path="/pipeline/678901/executions",
            body={"_embedded": {"executions": times}},
            times=None,
        )
    )
    now = stage.read()
    assert [each.fact for each in now.stage.unread] == [Fact.OWN_EXECUTIONS]
    (unread,) = newly_unread(pinned.stage, now.stage, ())
    assert "not listed newest first" in unread.sentence


def test_a_list_of_executions_that_does_not_name_the_release_itself_is_unread(stage: Stage) -> None:
    """An empty list is how some services say that somebody may see nothing."""
    nothing = {"_totalNumberOfItems": 0, "_embedded": {"executions": []}, "_links": {}}
    stage.simulator.inject(
        Fault(effect="merge", path="/pipeline/678901/executions", body=nothing, times=None)
    )
    (unread,) = stage.read().stage.unread
    assert unread.fact is Fact.OWN_EXECUTIONS
    assert f"does not name execution {stage.execution_id} itself" in unread.why


def test_a_pipeline_without_phases_in_the_list_is_looked_at_all_the_same(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(WEB_TIER)
    phases = {"_embedded": {"pipelines": {str(n): {"phases": None} for n in range(7)}}}
    stage.simulator.inject(Fault(effect="merge", path="/pipelines", body=phases, times=None))
    (sentence,) = changes(pinned, stage.read())
    assert f"Pipeline {WEB_TIER} has run" in sentence


def test_a_guarded_pipeline_that_is_not_listed_is_looked_at_all_the_same(stage: Stage) -> None:
    pinned = stage.read()
    stage.run(stage.simulator.pipeline_id, to_the_end=False)
    other = {"_embedded": {"pipelines": {"0": {"id": "1", "phases": []}}}}
    stage.simulator.inject(Fault(effect="merge", path="/pipelines", body=other, times=None))
    now = stage.read()
    assert any("runs again just now" in each for each in changes(pinned, now))
    assert {each.fact for each in now.stage.unread} == {Fact.OTHER_PIPELINES}  # it is not the whole list


def test_more_runs_than_a_page_holds_hide_nothing(stage: Stage) -> None:
    pinned = stage.read()
    update = stage.run(OTHER_FULL_STACK, trigger="PUSH_UPGRADES")
    for _ in range(21):
        stage.run(OTHER_FULL_STACK, "build-fails")
    assert seen(stage.read()) == [(Way.AEM_UPDATE, update, False)]
    assert len(changes(pinned, stage.read())) == 1


def test_more_runs_since_the_deployment_than_are_looked_at_are_unread(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stage_gate.observing.siblings._PAGE", 2)
    monkeypatch.setattr("stage_gate.observing.siblings._MOST", 3)
    for _ in range(3):
        stage.run(OTHER_FULL_STACK, "build-fails")
    (unread,) = stage.read().stage.unread
    assert (unread.fact, unread.subject) == (Fact.OTHER_PIPELINES, OTHER_FULL_STACK)
    assert "It has run 3 times since the stage deployment" in unread.why


@pytest.mark.parametrize(("what", "way"), [("content copy", Way.CONTENT_COPY), ("restore", Way.RESTORE)])
class TestWhatIsDoneToTheEnvironment:
    """Content copies and restores."""

    def test_one_that_has_ended_counts_when_it_came_later(self, stage: Stage, what: str, way: Way) -> None:
        pinned = stage.read()
        number = stage.simulator.upkeep(what)
        now = stage.read()
        assert seen(now) == [(way, number, False)]
        assert len(changes(pinned, now)) == 1
        assert changes(now, stage.read()) == []

    def test_one_that_failed_counts_too(self, stage: Stage, what: str, way: Way) -> None:
        pinned = stage.read()
        stage.simulator.upkeep(what, ends_as="FAILED")
        (sentence,) = changes(pinned, stage.read())
        assert "FAILED" in sentence

    def test_one_before_the_deployment_does_not(self, simulator: Simulator, what: str, way: Way) -> None:
        simulator.upkeep(what)
        simulator.skip(1)
        assert Stage(simulator).read().stage.events == ()

    def test_a_word_for_its_state_that_nobody_knows_means_that_it_may_go_on(
        self, simulator: Simulator, what: str, way: Way
    ) -> None:
        number = simulator.upkeep(what, ends_as="TELEPORTED")
        simulator.skip(1)
        assert seen(Stage(simulator).read()) == [(way, number, True)]

    def test_one_of_another_environment_does_not_count(self, stage: Stage, what: str, way: Way) -> None:
        pinned = stage.read()
        stage.simulator.upkeep(what)
        other = {
            "_embedded": {"contentFlows": {"0": {"destEnvironmentId": "7654329"}}},
        }
        stage.simulator.inject(Fault(effect="merge", path="/contentFlows", body=other, times=None))
        found = [each.way for each in stage.read().stage.events]
        assert found == ([] if way is Way.CONTENT_COPY else [Way.RESTORE])
        assert bool(changes(pinned, stage.read())) is (way is Way.RESTORE)


def test_without_times_and_id_a_content_copy_counts_by_its_link(stage: Stage) -> None:
    """As the specification has it: neither is in it."""
    pinned = stage.read()
    number = stage.simulator.upkeep("content copy")
    bare = {"contentFlowId": None, "createdAt": None, "updatedAt": None}
    stage.simulator.inject(
        Fault(
            effect="merge",
            path="/contentFlows",
            body={"_embedded": {"contentFlows": {"0": bare}}},
            times=None,
        )
    )
    now = stage.read()
    assert seen(now) == [(Way.CONTENT_COPY, number, False)]
    assert len(changes(pinned, now)) == 1


def test_values_of_variables_are_never_kept(stage: Stage) -> None:
    stage.simulator.upkeep("variable", variable={"name": "TOKEN", "value": "simulated-value-77"})
    stage.simulator.upkeep(
        "variable", variable={"name": "SECRET", "type": "secretString", "value": "simulated-value-78"}
    )
    candidate = stage.read()
    assert {"TOKEN", "SECRET"} <= set(candidate.stage.variables)
    assert "simulated-value" not in candidate.model_dump_json()
    assert candidate.stage.variables["SECRET"].fingerprint == ""


def test_a_variable_that_is_gone_is_told(stage: Stage) -> None:
    stage.simulator.upkeep("variable", variable={"name": "TOKEN", "service": "publish"})
    pinned = stage.read()
    stage.simulator.upkeep("no variable", variable={"name": "TOKEN", "service": "publish"})
    (sentence,) = changes(pinned, stage.read())
    assert "publish TOKEN" in sentence


def test_a_credential_that_cannot_log_in_is_an_error_and_no_stage_of_which_nothing_is_known(
    stage: Stage,
) -> None:
    execution = stage.hook.get_execution("12345", "678901", stage.execution_id)
    with pytest.raises(CredentialError, match="'nobody' does not exist"):
        read_candidate(CloudManagerHook("nobody"), execution)


def test_all_that_happened_is_listed_by_way_and_id_whoever_told_it(stage: Stage) -> None:
    numbers = [stage.simulator.upkeep("restore"), stage.run(WEB_TIER), stage.run(CONFIG)]
    numbers += [stage.simulator.upkeep("content copy"), stage.simulator.upkeep("content copy")]
    events = [(way, number) for way, number, _ in seen(stage.read())]
    assert events == sorted(events)
    assert {number for _, number in events} == set(numbers)


def test_a_deployment_that_does_not_say_to_which_environment_leaves_all_about_it_unread(stage: Stage) -> None:
    execution = stage.hook.get_execution("12345", "678901", stage.execution_id)
    assert execution.stage_deployment is not None
    nowhere = replace(execution.stage_deployment, environment_id=None)
    steps = tuple(nowhere if step == execution.stage_deployment else step for step in execution.steps)
    found = read_candidate(stage.hook, replace(execution, steps=steps)).stage
    assert found.environment_id == ""
    assert {each.fact for each in found.unread} == {
        Fact.ENVIRONMENT,
        Fact.DOMAIN_MAPPINGS,
        Fact.RESTORES,
        Fact.ENVIRONMENT_VARIABLES,
    }
    assert all("'' is not an id of Cloud Manager" in each.why for each in found.unread)


def test_an_environment_that_does_not_say_of_which_type_it_is_is_read(stage: Stage) -> None:
    before = stage.read().stage
    untyped = Fault(effect="merge", path=PATHS[Fact.ENVIRONMENT], body={"type": None}, times=None)
    stage.simulator.inject(untyped)
    assert stage.read().stage == before


def test_every_tier_of_the_environment_is_a_host_beside_those_of_the_deploy_step(stage: Stage) -> None:
    before = stage.read().stage
    tiers = {"author": "https://a.invalid", "publish": "https://p.invalid", "preview": "https://v.invalid"}
    of_environment = set(tiers.values())
    for gone in (None, *tiers):
        links = {
            f"http://ns.adobe.com/adobecloud/rel/{tier}": None if tier == gone else {"href": url}
            for tier, url in tiers.items()
        }
        stage.simulator.clear_faults()
        body = {"_links": links}
        stage.simulator.inject(Fault(effect="merge", path=PATHS[Fact.ENVIRONMENT], body=body, times=None))
        expected = {host_of(url) for url in of_environment - {tiers.get(gone or "")}}
        found = set(stage.read().stage.hosts)
        assert {host for host in found if host.endswith(".invalid")} - set(before.hosts) == expected, gone
    nonsense = {"http://ns.adobe.com/adobecloud/rel/author": {"href": "nonsense"}}
    stage.simulator.inject(
        Fault(effect="merge", path=PATHS[Fact.ENVIRONMENT], body={"_links": nonsense}, times=None)
    )
    assert "" not in stage.read().stage.hosts


class Upkeep:
    """A Cloud Manager that tells of content copies and restores, and of nothing else."""

    def __init__(self, **told: Any) -> None:
        self.times: tuple[datetime | None, datetime | None] = (told.get("created_at"), told.get("updated_at"))
        self.status, self.content_set = told.get("status", ""), told.get("content_set", "")

    def get_environment(self, program_id: str, environment_id: str) -> Environment:
        return Environment(environment_id, program_id, "", "stage", "ready")

    def list_domain_mappings(self, program_id: str, environment_id: str) -> tuple[()]:
        return ()

    def list_environment_variables(self, program_id: str, environment_id: str) -> tuple[()]:
        return ()

    def list_content_flows(self, program_id: str) -> tuple[ContentFlow, ...]:
        return (ContentFlow("5", "7654329", "7654321", self.status, self.content_set, "", *self.times),)

    def list_restore_executions(self, program_id: str, environment_id: str) -> tuple[RestoreExecution, ...]:
        return (RestoreExecution("6", environment_id, self.status, *self.times),)


DEPLOYED_AT = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
EARLIER, LATER = DEPLOYED_AT - timedelta(hours=1), DEPLOYED_AT + timedelta(hours=1)


@pytest.mark.parametrize(
    ("told", "since", "copy"),
    [
        (
            {"status": "FAILED", "created_at": EARLIER, "updated_at": LATER, "content_set": "all"},
            DEPLOYED_AT,
            "'all' from environment 7654329, begun 2026-11-02 09:00:00 UTC, FAILED 2026-11-02 11:00:00 UTC",
        ),
        (
            {"status": "FAILED", "created_at": EARLIER},
            DEPLOYED_AT,
            "a content set without a name from environment 7654329, begun 2026-11-02 09:00:00 UTC, FAILED",
        ),
        (
            {"status": "FAILED", "updated_at": EARLIER, "content_set": "all"},
            None,
            "'all' from environment 7654329, FAILED 2026-11-02 09:00:00 UTC",
        ),
        (
            {"status": "", "updated_at": EARLIER, "content_set": "all"},
            DEPLOYED_AT,
            "'all' from environment 7654329, no status",
        ),
        ({"status": "FAILED", "updated_at": DEPLOYED_AT}, DEPLOYED_AT, ""),
        ({"status": "FAILED", "created_at": EARLIER, "updated_at": EARLIER}, DEPLOYED_AT, ""),
    ],
    ids=["later", "no end told", "deployed nobody knows when", "goes on", "just then", "earlier"],
)
def test_a_copy_or_restore_counts_unless_it_is_known_to_have_ended_before_and_is_told_with_its_times(
    told: dict[str, Any], since: datetime | None, copy: str
) -> None:
    step = StepState(
        "1", "2", "3", "", "", "", "deploy", "FINISHED", environment_id="7654321", finished_at=since
    )
    found = read_stage(Upkeep(**told), "12345", step)  # type: ignore[arg-type]
    assert found.unread == []
    restore = copy.partition("from environment 7654329, ")[2]
    runs = not told["status"]
    assert [(each.way, each.id, each.runs, each.told) for each in found.events] == (
        [
            (Way.CONTENT_COPY, "5", runs, f"content copy 5 ({copy})"),
            (Way.RESTORE, "6", runs, f"restore 6 ({restore})"),
        ]
        if copy
        else []
    )


def test_addresses_that_only_the_deploy_step_tells_are_stage_as_much_as_those_of_the_environment() -> None:
    publish = "https://publish-p12345-e7654321.adobeaemcloud.com"

    class WithAddress(Upkeep):
        def get_environment(self, program_id: str, environment_id: str) -> Environment:
            links = {"http://ns.adobe.com/adobecloud/rel/publish": publish}
            return replace(super().get_environment(program_id, environment_id), links=links)

    told = {"environmentUrls": [{"instanceType": "author", "instanceUrl": "https://author.example"}]}
    step = StepState("1", "2", "3", "", "", "", "deploy", "FINISHED", environment_id="7654321", details=told)
    found = read_stage(WithAddress(), "12345", step)  # type: ignore[arg-type]
    assert found.urls == ["https://author.example", publish]
