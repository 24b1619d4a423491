"""What a decision rests on stays as it was read: no value can be changed, and none has a field that nobody knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from importlib import import_module

import pytest
from pydantic import BaseModel, ValidationError

from stage_gate.seal import Sealed

MODULES = (
    "candidate",
    "claims",
    "decision",
    "leniency",
    "plan",
    "proof",
    "right",
    "seal",
    "signing",
    "surroundings",
    "verdict",
)


def classes(module: str) -> Iterator[type]:
    """What the module itself defines for others."""
    loaded = import_module(f"stage_gate.{module}")
    for name, value in vars(loaded).items():
        if isinstance(value, type) and value.__module__ == loaded.__name__ and not name.startswith("_"):
            yield value


VALUES = [each for module in MODULES for each in classes(module) if dataclasses.is_dataclass(each)]
MODELS = [each for module in MODULES for each in classes(module) if issubclass(each, BaseModel)]
KEPT = [each for each in MODELS if each is not Sealed]
"""What is read from files; a ``Sealed`` is put together of several."""


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__qualname__)
def test_a_value_can_t_be_changed(value: type) -> None:
    name = dataclasses.fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(object.__new__(value), name, "something else")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_a_model_can_t_be_changed(model: type[BaseModel]) -> None:
    for name in model.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model.model_construct(), name, "something else")


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.__qualname__)
def test_a_model_takes_no_field_that_it_does_not_know(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"nobody_knows_this": 1})
    assert "extra_forbidden" in {error["type"] for error in refused.value.errors()}


def test_there_are_values_and_models_to_try() -> None:
    assert len(VALUES) >= 10
    assert len(MODELS) >= 10
