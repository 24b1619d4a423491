"""How is a mistake that pydantic found said to the person who wrote the file?"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from aem_checks.yaml_lines import KeyPath, Wrong, suggestion

ModelT = TypeVar("ModelT", bound=BaseModel)
_EXPECTED = {
    "int": "a whole number, such as 3",
    "float": "a number, such as 0.5",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list, such as [a, b]",
    "list": "a list, such as [a, b]",
    "dict": "'name: value' lines",
    "model": "'name: value' lines",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def validate(
    model: type[ModelT], path: KeyPath, value: Any, context: Mapping[str, str] | None = None
) -> ModelT:
    """Build ``model`` from ``value``, found at ``path`` of a file. Raises ``Wrong``.

    ``context`` is what validators get as their context.
    """
    try:
        return model.model_validate(value, context=dict(context or {}))
    except ValidationError as error:
        raise readable_error(error, model, path) from None


def readable_error(error: ValidationError, model: type[BaseModel], path: KeyPath) -> Wrong:
    """The first mistake; unknown names come first, since they explain what is missing."""
    mistakes = error.errors(include_url=False)
    first = min(mistakes, key=lambda mistake: mistake["type"] != "extra_forbidden")
    inside = tuple(part for part in first["loc"] if isinstance(part, str | int))
    problem, remedy = _say(dict(first), model, path, inside)
    return Wrong(path + inside, problem, remedy)


def _say(mistake: dict[str, Any], model: type[BaseModel], path: KeyPath, inside: KeyPath) -> tuple[str, str]:
    kind: str = mistake["type"]
    where = dotted(path + inside)
    if kind == "extra_forbidden":
        return f"{inside[-1]!r} is unknown in {dotted(path + inside[:-1])}", suggestion(
            str(inside[-1]), _fields_at(model, inside[:-1])
        )
    if kind == "missing":
        return f"'{inside[-1]}' is missing in {dotted(path + inside[:-1])}", f"Add '{inside[-1]}:' there."
    if kind in ("value_error", "assertion_error"):
        return _split(str(mistake.get("ctx", {}).get("error", mistake["msg"])), where)
    value = _shown(mistake.get("input"))
    if kind in ("literal_error", "enum"):
        return f"{where} is {value}", f"Write {mistake['ctx']['expected']}."
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{where} is {value}", f"It has to be {words} {mistake['ctx'][bound]}."
    if kind == "too_short":
        return f"{where} is empty", f"Name at least {mistake['ctx']['min_length']}."
    expected = _EXPECTED.get(kind.split("_")[0])
    if expected:
        return f"{where} is {value}", f"Write {expected}."
    return f"{where} is {value}", f"{mistake['msg']}."


def _split(text: str, where: str) -> tuple[str, str]:
    """Validators say ``problem; remedy``."""
    problem, _, remedy = text.partition("; ")
    remedy = remedy[:1].upper() + remedy[1:]
    return f"{where}: {problem}", remedy if remedy.endswith(
        (".", "!", "?")
    ) else f"{remedy}." if remedy else "Correct it."


def dotted(path: KeyPath) -> str:
    """``sites[0].stage``; the first item of a list is 0 in the code and number 1 for people."""
    text = ""
    for part in path:
        text += f" number {part + 1}" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text or "the file"


def _shown(value: Any) -> str:
    text = (
        "empty"
        if value is None
        else "a list"
        if isinstance(value, list)
        else "a mapping"
        if isinstance(value, dict)
        else repr(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(model: type[BaseModel], inside: KeyPath) -> list[str]:
    """The names that are known at a path inside a model."""
    found: Any = model
    for part in inside:
        if isinstance(part, int):
            continue
        fields = getattr(found, "model_fields", {})
        if part not in fields:
            return []
        found = _model_in(fields[part].annotation)
    return [field.alias or name for name, field in getattr(found, "model_fields", {}).items()]


def _model_in(annotation: Any) -> Any:
    """The model inside ``X | None``, ``tuple[X, ...]`` and the like."""
    if get_origin(annotation) in (Union, types.UnionType, tuple, list, dict):
        is_model: Callable[[Any], bool] = lambda each: isinstance(each, type) and issubclass(each, BaseModel)  # noqa: E731
        inner = [_model_in(each) for each in get_args(annotation)]
        return next((each for each in inner if is_model(each)), None)
    return annotation
