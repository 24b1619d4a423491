"""A function as a test: called with what it asks for by name, and returning what it examined."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class FunctionTest(BaseOperator):
    """Calls a function with those parts of the context that it names; ``candidate`` and ``site`` are among them."""

    ui_color = "#e6f4ea"

    def __init__(self, *, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def execute(self, context: Context) -> Any:
        return self.function(**_asked_for(self.function, dict(context)))


def told_as_examined(value: Any) -> Any:
    """What a function returned is what it examined."""
    return value


def _asked_for(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    """Raises ``TypeError`` for a parameter that nobody has a value for."""
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return known
    unknown = [each.name for each in parameters if each.name not in known and each.default is each.empty]
    if unknown:
        raise TypeError(
            f"it asks for {', '.join(unknown)}, and a test gets candidate, site and what Airflow's context has, such as ti"
        )
    return {each.name: known[each.name] for each in parameters if each.name in known}
