"""What a decision rests on stays as it was read: no value can be changed, and none has a field that nobody knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from mutants.modules import PARTS
from stage_gate.evidence.seal import Sealed
from stage_gate.observing.siblings import Siblings
from stage_gate.observing.stage_environment import StageState

WORDS = Path(__file__).with_name("words.txt")
MODULES = [module for part in PARTS.values() for module in part]


def classes(module: str) -> Iterator[type]:
    """What the module itself defines for others."""
    for name, value in vars(import_module(module)).items():
        if isinstance(value, type) and value.__module__ == module and not name.startswith("_"):
            yield value


VALUES = [
    each
    for module in MODULES
    for each in classes(module)
    if dataclasses.is_dataclass(each) and each not in (Siblings, StageState)
]
"""What is told from module to module; those two collect what they read."""
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


def test_every_word_stays_as_it_is_written_in_evidence_and_events() -> None:
    """Kept files, scripts and dashboards of teams read them: a new one is written in, none is ever renamed."""
    enums = (each for module in MODULES for each in classes(module) if issubclass(each, Enum))
    words = [
        f"{each.__module__}.{each.__qualname__}.{member.name}: {member.value}".rstrip()
        for each in enums
        for member in each
    ]
    assert sorted(words) == WORDS.read_text(encoding="utf-8").splitlines()


def test_there_are_values_and_models_to_try() -> None:
    assert len(VALUES) >= 10
    assert len(MODELS) >= 10
