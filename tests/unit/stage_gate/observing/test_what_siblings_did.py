"""Did another execution touch stage, and after the deployment that is tested? Whatever it does not say counts as yes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.resources import Phase, Pipeline
from stage_gate.observing.siblings import Deployed, Siblings, read_siblings
from stage_gate.rules.surroundings import ELSEWHERE, NONE, Fact, Way

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
STAGE, OTHER = "7654321", "7654399"
BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


def step(
    action: str = "deploy", status: str = "FINISHED", at: datetime | None = AFTER, **changed: Any
) -> StepState:
    found = StepState(
        "1", "2", "3", "", "", "", action, status, "", "stage", STAGE, started_at=at, finished_at=at
    )
    return replace(found, **changed)


def execution(number: str, *steps: StepState, at: datetime | None = AFTER, **changed: Any) -> Execution:
    found = Execution(
        number, "12345", "678902", "FINISHED", "MANUAL", created_at=at, finished_at=at, steps=tuple(steps)
    )
    return replace(found, **changed)


RELEASE = execution("100", step(at=NOW), at=NOW, pipeline_id="678901", status="RUNNING", finished_at=None)
DEPLOYED = Deployed(execution=RELEASE, step=RELEASE.steps[0])
OWN, SIBLING = (
    Pipeline(number, "12345", "", phases=(Phase("", "DEPLOY", STAGE),)) for number in ("678901", "678902")
)


class Told:
    """A Cloud Manager with two pipelines."""

    def __init__(self, *siblings: Execution, own: tuple[Execution, ...] = (RELEASE,)) -> None:
        self.sibling = SIBLING
        self.of = {"678901": own, "678902": siblings}
        self.listed: list[Pipeline] | None = None

    def list_pipelines(self, program_id: str) -> list[Pipeline]:
        return [self.sibling, OWN] if self.listed is None else self.listed

    def list_executions(self, program_id: str, pipeline_id: str, *, limit: int) -> list[Execution]:
        return list(self.of[pipeline_id])[:limit]


def read(
    *siblings: Execution, own: tuple[Execution, ...] = (RELEASE,), deployed: Deployed = DEPLOYED
) -> Siblings:
    return read_siblings(Told(*siblings, own=own), deployed)  # type: ignore[arg-type]


def test_a_pipeline_that_never_ran_has_done_nothing() -> None:
    found = read()
    assert (found.events, found.unread, found.other_pipelines) == ([], [], {"678902": NONE})


TOUCHED = {
    "deployed": (step(),),
    "failed while deploying": (step(status="FAILED"),),
    "cancelled while deploying": (step(status="CANCELLED"),),
    "in a status that nobody knows": (step(status="PONDERING", started_at=None),),
    "without steps": (),
    "deployed, at a time that is not told": (step(at=None),),
    "deployed, and only said when it was changed": (step(at=None, updated_at=AFTER),),
    "deployed to stage without its id": (step(environment_id=None),),
    "deployed to somewhere": (step(environment_id=None, environment_type=None),),
    "deployed elsewhere and to stage": (step(environment_id=OTHER), step()),
    "deployed before, and again after": (step(at=BEFORE), step()),
    "deployed, and has another deployment that never began": (step(), step(status="NOT_STARTED", at=None)),
    "deployed by a step whose action nobody knows": (step("deployEdge", environment_type=None),),
}
NOT_TOUCHED = {
    "never came as far as deploying": (
        step("build", environment_id=None),
        step(status="NOT_STARTED", at=None),
    ),
    "has no deployment": (step("build", environment_id=None),),
    "deployed elsewhere": (step(environment_id=OTHER),),
    "deployed to development": (step(environment_id=None, environment_type="dev"),),
    "deployed elsewhere, of no type": (step(environment_id=OTHER, environment_type=None),),
}
OVER_BEFORE = {
    "deployed before": (step(at=BEFORE),),
    "deployed just then": (step(at=NOW),),
    "changed before, and did not say when it ended": (step(at=None, updated_at=BEFORE),),
    "deployed before, and changed after": (step(at=BEFORE, updated_at=AFTER),),
    "in a status that nobody knows, before": (step(status="PONDERING", at=BEFORE),),
    "deployed before, and has another deployment that never began": (
        step(at=BEFORE),
        step(status="NOT_STARTED", at=None),
    ),
}


@pytest.mark.parametrize("steps", TOUCHED.values(), ids=TOUCHED)
def test_what_touched_stage_after_the_deployment_or_may_have_counts(steps: tuple[StepState, ...]) -> None:
    found = read(execution("88", *steps))
    way = Way.DEPLOYMENT if steps else Way.OTHER_RELEASE
    assert [(each.way, each.id, each.pipeline, each.runs) for each in found.events] == [
        (way, "88", "678902", False)
    ]
    assert found.other_pipelines == {"678902": "88"}


@pytest.mark.parametrize("steps", NOT_TOUCHED.values(), ids=NOT_TOUCHED)
def test_what_never_reached_stage_does_not_count(steps: tuple[StepState, ...]) -> None:
    found = read(execution("88", *steps))
    assert (found.events, found.other_pipelines) == ([], {"678902": NONE})


@pytest.mark.parametrize("steps", OVER_BEFORE.values(), ids=OVER_BEFORE)
def test_what_was_over_before_the_deployment_is_known_and_changes_nothing(
    steps: tuple[StepState, ...],
) -> None:
    found = read(execution("88", *steps))
    assert (found.events, found.other_pipelines) == ([], {"678902": "88"})


def test_where_nobody_knows_when_the_release_was_deployed_everything_may_have_come_after() -> None:
    untimed = replace(DEPLOYED, step=replace(DEPLOYED.step, finished_at=None))
    assert len(read(execution("88", step(at=BEFORE)), deployed=untimed).events) == 1


@pytest.mark.parametrize("steps", [*NOT_TOUCHED.values(), ()], ids=[*NOT_TOUCHED, "no steps"])
@pytest.mark.parametrize("trigger", ["", "SOMETHING_NEW"])
def test_an_execution_of_a_kind_that_nobody_knows_may_have_touched_stage(
    trigger: str, steps: tuple[StepState, ...]
) -> None:
    found = read(execution("88", *steps, trigger=trigger))
    assert len(found.events) == 1
    over = read(execution("88", trigger=trigger, finished_at=BEFORE))
    assert (over.events, over.other_pipelines) == ([], {"678902": "88"})


@pytest.mark.parametrize("steps", [*TOUCHED.values(), *NOT_TOUCHED.values()], ids=[*TOUCHED, *NOT_TOUCHED])
def test_what_goes_on_counts_wherever_it_is(steps: tuple[StepState, ...]) -> None:
    found = read(execution("88", *steps, status="RUNNING", finished_at=None))
    assert [(each.id, each.runs) for each in found.events] == [("88", True)]
    assert found.other_pipelines == {"678902": NONE}


def test_what_builds_an_image_brings_other_code() -> None:
    image = step("buildImage", environment_id=None)
    assert [each.way for each in read(execution("88", image, step())).events] == [Way.OTHER_RELEASE]


@pytest.mark.parametrize("status", ["FINISHED", "RUNNING"])
@pytest.mark.parametrize("steps", [(step(),), ()], ids=["deployed", "no steps"])
def test_an_aem_update_counts_on_whichever_pipeline_it_comes(
    status: str, steps: tuple[StepState, ...]
) -> None:
    update = execution("88", *steps, trigger="PUSH_UPGRADES", status=status)
    assert [(each.way, each.id) for each in read(update).events] == [(Way.AEM_UPDATE, "88")]
    found = read(own=(update, RELEASE))
    assert [(each.way, each.id, each.pipeline) for each in found.events] == [(Way.AEM_UPDATE, "88", "678901")]
    assert read(update).other_pipelines == {"678902": NONE}


@pytest.mark.parametrize("steps", NOT_TOUCHED.values(), ids=NOT_TOUCHED)
def test_an_aem_update_that_never_reached_stage_does_not_count(steps: tuple[StepState, ...]) -> None:
    update = execution("88", *steps, trigger="PUSH_UPGRADES")
    assert (read(update).events, read(own=(update, RELEASE)).events) == ([], [])


def test_a_newer_run_of_the_guarded_pipeline_counts_and_an_older_one_only_while_it_runs() -> None:
    newer = execution("101", at=AFTER)
    older, still = execution("98", at=BEFORE), execution("99", at=BEFORE, status="RUNNING")
    found = read(own=(newer, RELEASE, still, older))
    assert [(each.way, each.id) for each in found.events] == [
        (Way.OWN_RELEASE, "101"),
        (Way.OWN_RELEASE, "99"),
    ]


SPLIT = replace(DEPLOYED, released_by=execution("500", status="RUNNING"))
"""What is tested goes to production by another pipeline."""


def test_where_another_pipeline_releases_it_newer_builds_count_only_if_they_run_or_touched_stage() -> None:
    built = execution("103", *NOT_TOUCHED["never came as far as deploying"])
    touched, runs = execution("102", step()), execution("101", status="RUNNING")
    builds = execution("104", *NOT_TOUCHED["never came as far as deploying"], status="RUNNING")
    found = read(own=(builds, built, touched, runs, RELEASE), deployed=SPLIT)
    assert [each.id for each in found.events] == ["104", "102", "101"]


def test_the_release_itself_is_no_sibling_of_itself() -> None:
    releasing = execution("500", step(), status="RUNNING")
    assert read(releasing, deployed=SPLIT).events == []
    assert len(read(releasing).events) == 1
    update = execution("500", step(), trigger="PUSH_UPGRADES")
    assert read(update, deployed=SPLIT).events == []


def test_a_list_that_lacks_the_release_is_unread() -> None:
    (unread,) = read(own=(execution("101"),)).unread
    assert (unread.fact, unread.call) == (
        Fact.OWN_EXECUTIONS,
        "GET /api/program/12345/pipeline/678901/executions",
    )
    assert "does not name execution 100 itself" in unread.why


@pytest.mark.parametrize(
    ("pipeline", "changed", "told"),
    [
        (
            {"name": "Web tier", "type": "WEB_TIER"},
            {},
            "'Web tier' 678902, web-tier, MANUAL, begun 2026-11-02 11:00:00 UTC, FINISHED 2026-11-02 11:00:00 UTC",
        ),
        (
            {},
            {"trigger": "", "created_at": None, "status": "RUNNING", "finished_at": None},
            "pipeline 678902, deployment to an unknown environment, trigger unknown, RUNNING",
        ),
    ],
    ids=["all is known", "little is known"],
)
def test_an_event_is_told_with_name_kind_trigger_and_times(
    pipeline: dict[str, Any], changed: dict[str, Any], told: str
) -> None:
    cloud_manager = Told(execution("88", step(), **changed))
    cloud_manager.sibling = replace(SIBLING, **pipeline)
    (found,) = read_siblings(cloud_manager, DEPLOYED).events  # type: ignore[arg-type]
    assert found.told == f"execution 88 ({told})"


BEFORE_STAGE = (step("build", environment_id=None), step(status="NOT_STARTED", at=None))
"""Steps of an execution that has ended before it touched stage."""


@pytest.mark.parametrize(
    ("trigger", "way"),
    [
        ("MANUAL", Way.DEPLOYMENT),
        ("ON_COMMIT", Way.DEPLOYMENT),
        ("RE_EXECUTE", Way.OTHER_RELEASE),
        ("PUSH_UPGRADES", Way.AEM_UPDATE),
    ],
)
def test_of_a_kind_that_is_known_only_what_touched_stage_counts(trigger: str, way: Way) -> None:
    assert read(execution("88", *BEFORE_STAGE, trigger=trigger)).events == []
    assert [each.way for each in read(execution("88", step(), trigger=trigger)).events] == [way]


def test_a_newer_run_of_the_guarded_pipeline_counts_although_it_never_touched_stage() -> None:
    newer = execution("101", *BEFORE_STAGE)
    assert [(each.way, each.id) for each in read(own=(newer, RELEASE)).events] == [(Way.OWN_RELEASE, "101")]


LEADS_TO_STAGE: dict[str, tuple[tuple[Phase, ...], bool]] = {
    "by id": ((Phase("", "DEPLOY", STAGE, "stage"),), True),
    "by id, in a phase of another kind": ((Phase("", "ROLLOUT", STAGE),), True),
    "by type alone": ((Phase("", "DEPLOY", None, "stage"),), True),
    "to somewhere": ((Phase("", "DEPLOY"),), True),
    "to development and to stage": (
        (Phase("", "DEPLOY", OTHER, "dev"), Phase("", "DEPLOY", STAGE, "stage")),
        True,
    ),
    "without phases in the list": ((), True),
    "to another stage": ((Phase("", "DEPLOY", OTHER, "stage"),), False),
    "to development": ((Phase("", "DEPLOY", None, "dev"),), False),
    "nowhere": ((Phase("", "BUILD"),), False),
}


@pytest.mark.parametrize(("phases", "leads"), LEADS_TO_STAGE.values(), ids=LEADS_TO_STAGE)
def test_a_pipeline_leads_to_stage_unless_its_phases_say_otherwise(
    phases: tuple[Phase, ...], leads: bool
) -> None:
    cloud_manager = Told()
    cloud_manager.sibling = replace(SIBLING, phases=phases)
    found = read_siblings(cloud_manager, DEPLOYED)  # type: ignore[arg-type]
    assert found.other_pipelines == {"678902": NONE if leads else ELSEWHERE}


class Counted(Told):
    """It counts what is asked of it."""

    def __init__(self, *siblings: Execution, **told: Any) -> None:
        super().__init__(*siblings, **told)
        self.limits: list[int] = []

    def list_executions(self, program_id: str, pipeline_id: str, *, limit: int) -> list[Execution]:
        if pipeline_id == "678902":
            self.limits.append(limit)
        return super().list_executions(program_id, pipeline_id, limit=limit)


@pytest.mark.parametrize(
    ("edited", "began", "is_asked"),
    [
        (BEFORE, NOW, False),
        (NOW, NOW, True),
        (AFTER, NOW, True),
        (None, NOW, True),
        (BEFORE, None, True),
        (None, None, True),
    ],
)
def test_a_pipeline_that_leads_elsewhere_is_asked_unless_it_was_last_edited_before_the_release_began(
    edited: datetime | None, began: datetime | None, is_asked: bool
) -> None:
    release = replace(RELEASE, created_at=began)
    cloud_manager = Counted(execution("88", step()), own=(release,))
    cloud_manager.sibling = replace(SIBLING, phases=(Phase("", "DEPLOY", OTHER),), updated_at=edited)
    found = read_siblings(cloud_manager, replace(DEPLOYED, execution=release))  # type: ignore[arg-type]
    assert [each.id for each in found.events] == (["88"] if is_asked else [])
    assert len(cloud_manager.limits) == is_asked


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ((step(),), True),
        ((step(environment_type=None),), True),
        ((step(environment_id=None),), True),
        ((step("deployEdge", environment_type=None),), True),
        ((step(environment_id=None, environment_type=None), step()), True),
        ((step(environment_id=None, environment_type=None),), False),
        ((step(environment_id=OTHER),), False),
        ((step(environment_id=OTHER, environment_type=None),), False),
        ((step("uiTest"),), False),
    ],
)
def test_of_a_pipeline_that_leads_elsewhere_now_only_runs_that_name_stage_count(
    steps: tuple[StepState, ...], counts: bool
) -> None:
    cloud_manager = Told(execution("88", *steps))
    cloud_manager.sibling = replace(SIBLING, phases=(Phase("", "DEPLOY", OTHER),))
    found = read_siblings(cloud_manager, DEPLOYED)  # type: ignore[arg-type]
    assert [each.id for each in found.events] == (["88"] if counts else [])


@pytest.mark.parametrize(
    ("edited", "begun", "counts"),
    [(AFTER, NOW, True), (NOW, NOW, True), (NOW, AFTER, False), (None, AFTER, True), (NOW, None, True)],
)
def test_of_such_a_pipeline_a_run_without_steps_counts_unless_it_was_begun_after_the_edit(
    edited: datetime | None, begun: datetime | None, counts: bool
) -> None:
    cloud_manager = Told(execution("88", created_at=begun))
    cloud_manager.sibling = replace(SIBLING, phases=(Phase("", "DEPLOY", OTHER),), updated_at=edited)
    found = read_siblings(cloud_manager, DEPLOYED)  # type: ignore[arg-type]
    assert [each.id for each in found.events] == (["88"] if counts else [])


def runs(count: int, oldest: datetime | None) -> list[Execution]:
    """So many runs that never touched stage, newest first, a second apart, the last one begun then."""
    times = [None if oldest is None else oldest + timedelta(seconds=count - 1 - n) for n in range(count)]
    return [execution(str(n), *BEFORE_STAGE, at=at) for n, at in enumerate(times)]


@pytest.mark.parametrize(
    ("count", "oldest", "limits", "why"),
    [
        (19, AFTER, [20], ""),
        (20, BEFORE, [20], ""),
        (20, NOW, [20, 200], ""),
        (25, AFTER, [20, 200], ""),
        (199, AFTER, [20, 200], ""),
        (200, BEFORE, [20], ""),
        (200, NOW - timedelta(seconds=50), [20, 200], ""),
        (200, NOW, [20, 200], "It has run 200 times since the stage deployment, and what came before is not"),
        (
            250,
            AFTER,
            [20, 200],
            "It has run 200 times since the stage deployment, and what came before is not",
        ),
        (
            200,
            None,
            [20, 200],
            "It has run 200 times since the stage deployment, and what came before is not",
        ),
    ],
)
def test_a_history_is_read_back_to_the_deployment_and_no_further_than_200_runs(
    count: int, oldest: datetime | None, limits: list[int], why: str
) -> None:
    cloud_manager = Counted(*runs(count, oldest))
    found = read_siblings(cloud_manager, DEPLOYED)  # type: ignore[arg-type]
    assert cloud_manager.limits == limits
    assert [(each.fact, each.subject) for each in found.unread] == (
        [(Fact.OTHER_PIPELINES, "678902")] if why else []
    )
    assert all(why in each.why for each in found.unread)


def test_where_nobody_knows_when_the_release_was_deployed_no_history_goes_back_far_enough() -> None:
    untimed = replace(DEPLOYED, step=replace(DEPLOYED.step, finished_at=None))
    cloud_manager = Counted(*runs(20, BEFORE))
    assert read_siblings(cloud_manager, untimed).unread == []  # type: ignore[arg-type]
    assert cloud_manager.limits == [20, 200]


@pytest.mark.parametrize(
    ("begun", "is_newest_first"),
    [
        ((AFTER,), True),
        ((None,), True),
        ((AFTER, NOW, BEFORE), True),
        ((AFTER, AFTER), True),
        ((AFTER, BEFORE, NOW), False),
        ((BEFORE, AFTER), False),
        ((AFTER, None), False),
        ((None, BEFORE), False),
        ((AFTER, None, BEFORE), False),
    ],
)
def test_only_a_history_whose_times_say_that_it_is_newest_first_is_believed(
    begun: tuple[datetime | None, ...], is_newest_first: bool
) -> None:
    found = read(*(execution(str(n), *BEFORE_STAGE, at=at) for n, at in enumerate(begun)))
    assert [each.why for each in found.unread] == (
        [] if is_newest_first else ["They are not listed newest first, so nobody can tell which are newer."]
    )


def test_a_list_of_pipelines_that_lacks_the_guarded_one_is_unread_and_both_are_looked_at() -> None:
    cloud_manager = Told(own=(execution("101", *BEFORE_STAGE), RELEASE))
    cloud_manager.of["678902"] = (execution("88", step()),)
    cloud_manager.listed = [cloud_manager.sibling]
    found = read_siblings(cloud_manager, DEPLOYED)  # type: ignore[arg-type]
    (unread,) = found.unread
    assert (unread.fact, unread.subject, unread.call) == (
        Fact.OTHER_PIPELINES,
        "",
        "GET /api/program/12345/pipelines",
    )
    assert "The list does not name pipeline 678901 itself, so it is not the whole one" in unread.why
    assert [each.id for each in found.events] == ["101", "88"]
    assert found.events[0].told.startswith("execution 101 (pipeline 678901, ")
