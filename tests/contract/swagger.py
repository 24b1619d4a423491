"""Does an answer follow Adobe's specification? Swagger 2.0, through JSON Schema (draft 4)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft4Validator

FILE = Path(__file__).parent / "cloudmanager-api" / "api.yaml"
Json = dict[str, Any]


@cache
def specification() -> Json:
    loaded: Json = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)  # a trusted file
    return loaded


def operation(method: str, path: str) -> Json:
    """The operation for a concrete path. Raises LookupError when the specification has none."""
    for template, operations in specification()["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: Json = operations[method.lower()]
            return found
    raise LookupError(f"the specification has no {method} {path}")


def problems(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; an empty list when nothing is."""
    response = operation(method, path)["responses"].get(str(status))
    if response is None:
        return [f"{method} {path}: status {status} is not in the specification"]
    if "schema" not in response:
        return []
    name = response["schema"].get("$ref", "").removeprefix("#/definitions/")
    if not name:
        raise LookupError(f"{method} {path}: only named schemas are understood")
    errors = _validator(name).iter_errors(body)
    found = [f"{method} {path}: {'/'.join(map(str, error.path))}: {error.message}" for error in errors]
    return found + unknown_names(name, body, path)


@cache
def _validator(definition: str) -> Draft4Validator:
    return Draft4Validator(_resolved(definition))


@cache
def _resolved(definition: str) -> Json:
    resolved: Json = _inlined(specification()["definitions"][definition])
    return resolved


def _inlined(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_inlined(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return _resolved(schema["$ref"].removeprefix("#/definitions/"))
    return {key: _inlined(value) for key, value in schema.items()}


def unknown_names(definition: str, body: Any, at: str) -> list[str]:
    """Properties and link relations that the definition does not list, at any depth."""
    schema = specification()["definitions"][definition]
    return list(_unknown(schema, body, f"{at} {definition}"))


def _unknown(schema: Json, body: Any, at: str) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        yield from _unknown(specification()["definitions"][name], body, f"{at}.{name}")
    elif isinstance(body, list):
        for item in body:
            yield from _unknown(schema.get("items", {}), item, at)
    elif isinstance(body, dict) and "properties" in schema:
        for key, value in body.items():
            if key in schema["properties"]:
                yield from _unknown(schema["properties"][key], value, at)
            else:
                yield f"{at} has no {key}"
