"""Are executions and their steps read leniently, and is nothing unknown ever a success?"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_cloud_manager.exceptions import UnexpectedAnswer
from adobe_cloud_manager.models import (
    Artifact,
    DomainMapping,
    Environment,
    Execution,
    ExecutionStatus,
    Metric,
    Pipeline,
    Program,
    StepState,
    StepStatus,
    Tenant,
    Variable,
)
from unit.adobe_cloud_manager.local_cloud_manager import REL, STEPS, execution, execution_json, step_json

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "id",
        "status",
        "action",
        "_links",
        "_embedded",
        "details",
        "stepStates",
        "createdAt",
        "phases",
        "executionId",
    ]
)


@given(
    st.dictionaries(FIELDS, ANY_JSON | st.dictionaries(FIELDS, ANY_JSON, max_size=3), max_size=8) | ANY_JSON
)
def test_whatever_arrives_is_read_or_refused_as_unexpected(document: object) -> None:
    models = (Execution, StepState, Pipeline, Program, Tenant, Environment, Metric, Artifact, Variable)
    for model in models:
        with contextlib.suppress(UnexpectedAnswer):
            model.parse(document)


@given(st.text(max_size=20).filter(lambda status: status not in frozenset(StepStatus)))
def test_an_unknown_step_status_is_no_success_no_failure_and_no_end(status: str) -> None:
    step = StepState.parse(step_json("deploy:stage", status))
    assert not any((step.succeeded, step.failed, step.is_terminal, step.is_finished))
    assert not any((step.is_waiting, step.has_begun))


@given(st.text(min_size=1, max_size=20).filter(lambda status: status not in frozenset(ExecutionStatus)))
def test_an_unknown_execution_status_is_neither_running_nor_an_end(status: str) -> None:
    seen = execution(status=status)
    assert not any((seen.is_running, seen.is_terminal, seen.ended_badly))


@pytest.mark.parametrize("status", list(StepStatus))
def test_each_known_step_status_has_exactly_one_meaning(status: StepStatus) -> None:
    step = StepState.parse(step_json("uiTest", status))
    still_going = status in ("NOT_STARTED", "RUNNING", "WAITING")
    assert [step.succeeded, step.failed, still_going].count(True) == 1
    assert step.is_terminal is (not still_going and status != "ROLLING_BACK")
    assert step.is_finished is (status == "FINISHED")


@pytest.mark.parametrize(
    ("status", "running", "terminal", "badly"),
    [
        ("NOT_STARTED", True, False, False),
        ("RUNNING", True, False, False),
        ("CANCELLING", True, False, False),
        ("FINISHED", False, True, False),
        ("CANCELLED", False, True, True),
        ("ERROR", False, True, True),
        ("FAILED", False, True, True),
    ],
)
def test_each_execution_status(status: str, running: bool, terminal: bool, badly: bool) -> None:
    seen = execution(status=status)
    assert (seen.is_running, seen.is_terminal, seen.ended_badly) == (running, terminal, badly)


def test_the_two_deployments_are_told_apart_by_their_environment_type() -> None:
    seen = execution("deploy:prod")
    assert seen.stage_deployment is not None
    assert seen.production_deployment is not None
    assert (seen.stage_deployment.environment_type, seen.stage_deployment.status) == ("stage", "FINISHED")
    assert (seen.production_deployment.environment_type, seen.production_deployment.status) == (
        "prod",
        "RUNNING",
    )


def test_an_approval_of_stage_is_never_the_production_approval() -> None:
    document = execution_json("contentAudit", without=("approval",))
    document["_embedded"]["stepStates"].append(step_json("approval", "WAITING", environmentType="stage"))
    assert Execution.parse(document).production_approval is None
    document["_embedded"]["stepStates"][-1].pop("environmentType")
    assert Execution.parse(document).production_approval is None


def test_of_two_stage_deployments_the_open_one_counts() -> None:
    document = execution_json("productTest")
    document["_embedded"]["stepStates"].insert(0, step_json("deploy:stage", "RUNNING"))
    deployment = Execution.parse(document).stage_deployment
    assert deployment is not None
    assert deployment.status == "RUNNING"


def test_times_and_numbers_are_read_as_adobe_writes_them() -> None:
    seen = Execution.parse(execution_json() | {"id": 77, "createdAt": "2019-05-23T13:49:47.688+0000"})
    assert seen.id == "77"
    assert seen.created_at == datetime(2019, 5, 23, 13, 49, 47, 688000, tzinfo=UTC)
    assert Execution.parse(execution_json() | {"createdAt": "yesterday"}).created_at is None


def test_links_may_be_arrays_and_may_be_written_with_https() -> None:
    step = step_json("approval", "WAITING")
    step["_links"] = {
        REL.replace("http:", "https:") + "pipeline/advance": [{"href": "/a"}, {"href": "/b"}],
        REL + "pipeline/cancel": {"href": 5},
        "self": [],
    }
    parsed = StepState.parse(step)
    assert parsed.advance_link == "/a"
    assert parsed.cancel_link is None


def test_ids_that_a_step_lacks_are_those_of_its_execution() -> None:
    document = execution_json()
    step = document["_embedded"]["stepStates"][0]
    for name in ("executionId", "pipelineId", "programId"):
        del step[name]
    parsed = Execution.parse(document).steps[0]
    assert parsed.path.startswith("/api/program/12345/pipeline/678901/execution/2345678/phase/")


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, {"id": "1"}, {"status": "RUNNING"}, {"id": True, "status": 1}]
)
def test_an_execution_without_id_or_status_is_refused(document: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        Execution.parse(document)


def test_steps_that_are_no_list_are_refused_and_absent_ones_are_none() -> None:
    assert Execution.parse(execution_json() | {"_embedded": {}}).steps == ()
    with pytest.raises(UnexpectedAnswer):
        Execution.parse(execution_json() | {"_embedded": {"stepStates": {}}})


def test_nothing_that_adobe_sends_can_start_a_new_log_line() -> None:
    step = StepState.parse(step_json("build", "RUNNING", action="x\n[2026] ERROR forged\x1b[0m\u2028"))
    assert step.name == "the step 'x?[2026] ERROR forged?[0m?'".replace("?", "\N{REPLACEMENT CHARACTER}")


def test_environment_urls_come_from_the_details_and_odd_ones_are_left_out() -> None:
    urls = [
        {"instanceType": "publish", "instanceUrl": "https://publish"},
        {"instanceType": "author"},
        "odd",
        None,
    ]
    step = StepState.parse(step_json("deploy:stage", "FINISHED", details={"environmentUrls": urls}))
    assert [(url.instance_type, url.url) for url in step.environment_urls] == [("publish", "https://publish")]
    assert StepState.parse(step_json("deploy:stage", "FINISHED", details=None)).environment_urls == ()


def test_cloud_managers_tests_are_over_only_when_each_has_ended() -> None:
    assert not execution("deploy:stage").cloud_manager_tests_over
    for name in ("productTest", "functionalTest", "uiTest", "contentAudit"):
        assert not execution(name).cloud_manager_tests_over
        assert not execution(name, "SOMETHING_NEW").cloud_manager_tests_over
    assert not execution("productTest", "NOT_STARTED").cloud_manager_tests_over
    assert execution("approval", "NOT_STARTED", changes={"uiTest": "INCOMPLETE"}).cloud_manager_tests_over
    assert execution("approval", "WAITING").cloud_manager_tests_over


def test_without_stage_tests_they_are_over_once_production_begins() -> None:
    tests = ("productTest", "functionalTest", "uiTest", "contentAudit", "schedule")
    assert not execution("approval", "NOT_STARTED", without=tests).cloud_manager_tests_over
    assert execution("approval", "WAITING", without=tests).cloud_manager_tests_over
    assert execution("approval", "NOT_STARTED", "FINISHED", without=tests).cloud_manager_tests_over


def test_an_aem_update_is_known_by_its_trigger() -> None:
    assert execution(trigger="PUSH_UPGRADES").is_aem_update
    assert not execution(trigger="RE_EXECUTE").is_aem_update


def phases(*targets: str, build: bool = True) -> list[dict[str, str]]:
    first = [{"name": "BUILD_1", "type": "BUILD"}] if build else []
    deploys = [
        {"type": "DEPLOY", "environmentType": target, "environmentId": f"id-{target}"} for target in targets
    ]
    return [{"name": "VALIDATE", "type": "VALIDATE"}, *first, *deploys]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"phases": phases("stage", "prod")}, "full stack production"),
        ({"phases": phases("stage", "prod", build=False)}, "production without a build phase"),
        ({"phases": phases("dev")}, "deployment to dev"),
        ({"phases": phases("stage")}, "deployment to stage"),
        ({"phases": phases()}, "code quality"),
        ({}, "unknown"),
        ({"type": "FRONT_END", "phases": phases("stage", "prod")}, "front-end"),
        ({"type": "WEB_TIER"}, "web-tier"),
        ({"type": "CONFIG"}, "config"),
    ],
)
def test_the_kind_of_a_pipeline(fields: dict[str, object], kind: str) -> None:
    assert Pipeline.parse({"id": "1", "name": "main", **fields}).kind == kind


def test_a_pipeline_names_its_environments() -> None:
    pipeline = Pipeline.parse({"id": "1", "name": "main", "phases": phases("stage", "prod")})
    assert pipeline.stage_environment_id == "id-stage"
    assert pipeline.production_environment_id == "id-prod"


def test_a_variables_value_is_never_kept() -> None:
    variable = Variable.parse({"name": "TOKEN", "value": "hush", "type": "secretString"})
    assert "hush" not in repr(variable)


def test_only_true_is_a_passed_metric() -> None:
    assert not Metric.parse({"kpi": "coverage", "passed": "true"}).passed
    assert Metric.parse({"kpi": "coverage", "passed": True}).passed


def test_an_environment_tells_its_addresses() -> None:
    links = {REL + "publish": {"href": "https://publish"}, REL + "author": {"href": "https://author"}}
    parsed = Environment.parse({"id": "5", "name": "s", "type": "stage", "status": "ready", "_links": links})
    assert (parsed.publish_url, parsed.author_url, parsed.preview_url) == (
        "https://publish",
        "https://author",
        None,
    )


def test_a_domain_mapping_knows_its_environment() -> None:
    mapping = DomainMapping.parse({"domainName": "www.x.y", "originId": 77, "domainMappingStatus": "active"})
    assert (mapping.environment_id, mapping.status) == ("77", "active")
    assert (mapping.leads_to("77"), mapping.leads_to("78"), mapping.is_in_effect) == (True, False, True)
    site = DomainMapping.parse({"domainName": "www.x.y", "originId": 77, "originType": "EDS_SITE"})
    assert (site.leads_to("77"), site.is_in_effect) == (False, False)


def test_the_steps_of_the_helper_are_the_documented_ones() -> None:
    assert {step.action for step in execution(without=()).steps} == {action for action, _ in STEPS}
