"""How does a test run a sensor: in the task, or deferred to a trigger as Airflow stores it and back?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from adobe_cloud_manager.sensors.milestones import ExecutionSensor
from adobe_cloud_manager.triggers.execution_wait import ExecutionTrigger


def run_in_task(sensor: ExecutionSensor) -> Any:
    """Wait in this process, as a sensor does that is not deferrable."""
    sensor.deferrable = False
    return sensor.execute({})


def run_in_triggerer(sensor: ExecutionSensor) -> Any:
    """Defer, build the trigger again from what Airflow would store, let it fire, resume; as often as it defers."""
    step: Callable[[], Any] = partial(sensor.execute, {})
    while True:
        try:
            return step()
        except TaskDeferred as deferred:
            path, kwargs = deferred.trigger.serialize()
            assert path.endswith(ExecutionTrigger.__qualname__)
            trigger = ExecutionTrigger(**json.loads(json.dumps(kwargs)))
            event = asyncio.run(anext(trigger.run()))
            resume = getattr(sensor, deferred.method_name)
            step = partial(resume, {}, json.loads(json.dumps(event.payload)))


WAYS: dict[str, Callable[[ExecutionSensor], Any]] = {"task": run_in_task, "triggerer": run_in_triggerer}
