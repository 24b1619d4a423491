"""Which tasks ask people the manual smoke tests of a gate, and where do they stand in its Dag?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule

from stage_gate.configuration.planning import smoke_tests_of
from stage_gate.configuration.settings import deciding_queue
from stage_gate.rules.plan import SMOKE_TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import BaseOperator

    from stage_gate.configuration.gate import Gate


def draw_smoke_tests(
    gate: Gate, gate_file: str, after: Iterable[BaseOperator], judge: BaseOperator, asked_anew: dict[str, Any]
) -> list[BaseOperator]:
    """The tasks of all questions that no check covers, between the checks and the verdict; none where there are none.

    A question that is covered only once a quarantine has ended is drawn too, and skips itself while nobody needs it.
    ``asked_anew`` are the retries of a question.
    """
    questions, _ = smoke_tests_of(gate)
    if not questions:
        return []
    from stage_gate.tasks.smoke_tests import AskSmokeTest, OpenSmokeTests

    begin = OpenSmokeTests(task_id="open_smoke_tests", gate_file=gate_file, trigger_rule=TriggerRule.ALL_DONE)
    list(after) >> begin
    with TaskGroup(SMOKE_TESTS, tooltip="Questions that a person answers"):
        for question in questions:
            ask = AskSmokeTest.partial(
                task_id=question.name,
                gate_file=gate_file,
                name=question.name,
                queue=deciding_queue(),  # it signs the answer
                **asked_anew,
            ).expand(attempt=begin.output)
            ask >> judge
    begin >> judge
    return [begin]
