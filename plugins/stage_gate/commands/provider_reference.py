"""What can a Dag of one's own use of Cloud Manager? docs/provider.md, written from the sensors, operators and the hook."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adobe_cloud_manager.models import Execution
from adobe_cloud_manager.questions import Goal, approval_state
from adobe_cloud_manager.watch import approval_value, deployment_value

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "provider.md"

INTRODUCTION = """\
# Cloud Manager in a Dag of your own

<!-- Written by `python -m stage_gate docs` from the code. A test holds this file to it. -->

The sensors, the hook and the operators with which a gate reads Cloud Manager are an Airflow provider (`airflow providers get
aem-stage-gate --full` shows it): any Dag can use them. They need the connection of step 2 in the
[README](../README.md#connect-your-pipeline-in-shadow-mode), with a credential that may read, and one execution by its ids.

- [tell_when_on_stage.py](../dags/examples/tell_when_on_stage.py) waits for the stage deployment of an execution and says so in
  chat.
- [run_our_tests.py](../dags/examples/run_our_tests.py) runs tests when the approval waits, says how they ended, and later who
  decided.
- [gate_with_own_tasks.py](../dags/examples/gate_with_own_tasks.py) is a whole gate with Airflow tasks of a team among its tests
  ([own-tasks.md](own-tasks.md)).

Examples are not loaded where they lie (`dags/.airflowignore`): copy one beside `stage_gates.py`, and start it with
`airflow dags trigger tell_when_on_stage --conf '{"program": "12345", "pipeline": "678901", "execution": "2345678"}'` or in
the web interface.

- **No worker waits.** The sensors are deferrable and are so by default; with `deferrable=False` they wait in their task, with
  the same result. `mode`, `poke_interval` and `soft_fail` are refused: a wait that failed must not look skipped.
- **Mapped.** `StageDeploymentSensor.partial(task_id="on_stage", program_id="12345", pipeline_id="678901")` with
  `.expand(execution_id=["2345678", "2345679"])` waits for each; the next task gets the list of what they return.
- **One execution.** Whatever else the pipeline runs is ignored, and an answer about another execution fails the task.
- **Approve and reject.** `ApproveGoLiveOperator` and `RejectGoLiveOperator` are refused in a Dag of your own: without a proof
  and a claim they fail before they read anything. A gate has both, and [`gate_dag`](own-tasks.md) gives you a gate with your
  own tasks in it. Cloud Manager itself is always there for a person.
"""


def document() -> str:
    """The page as a whole."""
    return "\n".join([INTRODUCTION, *_operators(), *_hook()]) + "\n"


def _operators() -> Iterator[str]:
    from adobe_cloud_manager.operators.start import StartPipelineExecutionOperator
    from adobe_cloud_manager.sensors import milestones

    sensors = (
        milestones.StageDeploymentSensor,
        milestones.ApprovalSensor,
        milestones.DecisionSensor,
        milestones.ProductionDeploymentSensor,
    )
    yield "## Sensors\n\nAll four are of `adobe_cloud_manager.sensors.milestones` and take the same parameters.\n"
    yield from _parameters(milestones.ExecutionSensor)
    for sensor in sensors:
        yield f"### {sensor.__name__}\n\n{_prose(sensor)}\n\nReturns {', '.join(_returned(sensor.goal))}.\n"
    yield "## Operators\n"
    operator = StartPipelineExecutionOperator
    yield f"### {operator.__name__}\n\n`{operator.__module__}`. {_prose(operator)}\n\nReturns the execution's id.\n"
    yield from _parameters(operator)


def _parameters(kind: type[BaseOperator]) -> Iterator[str]:
    """A table, and which of them are templates."""
    signature = inspect.signature(kind.__init__).parameters
    yield "| parameter | default | |\n|---|---|---|"
    for name, said in _documented(kind):
        default = signature[name].default if name in signature else inspect.Parameter.empty
        shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
        yield f"| `{name}` | {shown} | {said} |"
    yield f"\nTemplates: {', '.join(f'`{name}`' for name in kind.template_fields)}.\n"


def _documented(kind: type[Any]) -> Iterator[tuple[str, str]]:
    text = inspect.getdoc(kind) or ""
    for name, said in re.findall(r"^:param (\w+): (.*?)(?=^:param|^$|\Z)", text, re.MULTILINE | re.DOTALL):
        yield name, _plain(said.replace("(templated)", ""))


def _prose(kind: type[Any]) -> str:
    """Its docstring without the parameters, as one paragraph each."""
    text = re.sub(r"^:param .*?(?=^$|\Z)", "", inspect.getdoc(kind) or "", flags=re.MULTILINE | re.DOTALL)
    paragraphs = (_plain(each) for each in re.split(r"\n\s*\n", text))
    return "\n\n".join(each for each in paragraphs if each)


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _returned(goal: Goal) -> list[str]:
    """The names in what a wait for this returns."""
    execution = Execution.parse({"id": "1", "status": "RUNNING"})
    if goal in (Goal.PRODUCTION_APPROVAL, Goal.DECISION):
        return [f"`{name}`" for name in approval_value(execution, approval_state(execution))]
    return [f"`{name}`" for name in deployment_value(execution, goal)]


def _hook() -> Iterator[str]:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

    yield f"## Hook\n\n`{CloudManagerHook.__module__}.CloudManagerHook`. {_prose(CloudManagerHook)}\n"
    yield "| method | |\n|---|---|"
    for name, method in vars(CloudManagerHook).items():
        if (
            inspect.isfunction(method)
            and name.startswith(("get_", "list_", "read_", "test_"))
            and name != "get_conn"
        ):
            first = (inspect.getdoc(method) or "").split("\n\n")[0]
            yield f"| `{name}({', '.join(_names(method))})` | {_plain(first)} |"


def _names(method: Any) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]
