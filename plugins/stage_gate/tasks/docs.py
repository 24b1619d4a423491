"""What does Airflow tell of a task where somebody looks at it? The first paragraph that its class says of itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any


def document(tasks: Iterable[Any]) -> None:
    """Give each task, mapped ones too, its words."""
    for task in tasks:
        mapped = getattr(task, "partial_kwargs", None)
        if mapped is None:
            task.doc = words_of(type(task))
        else:
            mapped["doc"] = words_of(task.operator_class)


def words_of(kind: type) -> str:
    """One line, without the marks of code."""
    paragraph, _, _ = (inspect.getdoc(kind) or "").partition("\n\n")
    return " ".join(paragraph.replace("``", "").split())
