"""What may an editor offer and refuse in a gate file? The JSON Schema of it, made from the models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from aem_checks.check import Check
from aem_checks.check_settings import OTHERS
from aem_checks.config import PRODUCTION_TESTS
from aem_checks.durations import format_duration
from aem_checks.excuses import declared, told
from aem_checks.field_docs import field_docstrings
from aem_checks.kinds import is_code_of_a_team
from aem_checks.sites import SiteConfig
from stage_gate.configuration.gate import GateSettings
from stage_gate.rules.decision import Action

SCHEMA_PATH = Path(__file__).parents[1] / "gate.schema.json"
_MERGED = (
    "GateSettings",
    "PipelineSettings",
    "SourceSettings",
    "PolicySettings",
    "Waits",
    "Windows",
    "Hotfix",
    "SmokeTests",
)
"""Models whose parts may come from an extended file, so that none of them is required in this one."""


class _Schema(GenerateJsonSchema):
    """Durations as a gate file writes them, not as ISO 8601 does; docstrings of fields as descriptions, and which of
    them are excuses."""

    def model_schema(self, schema: Any) -> dict[str, Any]:
        found = super().model_schema(schema)
        for name, text in field_docstrings(schema["cls"]).items():
            if name in found.get("properties", {}):
                found["properties"][name].setdefault("description", text)
        for name, field in schema["cls"].model_fields.items():
            excuses, property_ = declared(name, field), found["properties"].get(field.alias or name)
            if excuses is not None and property_ is not None:
                property_["description"] = f"{property_.get('description', '')} {told(excuses)}".strip()
        return found

    def timedelta_schema(self, schema: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": r"^([0-9]+(\.[0-9]+)?[smhd])+$",
            "examples": ["90s", "15m", "8h", "2d"],
        }

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def gate_schema(kinds: Mapping[str, type[Check[Any]]] | None = None) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a gate file, by default for the installed kinds of checks."""
    known = _installed() if kinds is None else kinds
    models: list[type[BaseModel]] = [
        GateSettings,
        SiteConfig,
        *(kind.settings_type for kind in known.values()),
    ]
    wanted = [(model, "validation") for model in dict.fromkeys(models)]
    references, combined = models_json_schema(wanted, schema_generator=_Schema)  # type: ignore[arg-type]
    definitions = combined["$defs"]
    _allow_short_forms(definitions)
    _refuse_empty(definitions)
    _isolate_code_of_teams(definitions, known)
    for name in _MERGED:
        definitions[name].pop("required", None)
    settings = definitions.pop("GateSettings")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A gate of Stage Gate",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "extends": {
                "type": "string",
                "description": "A file beside this one whose settings this one adds to.",
            },
            **settings["properties"],
            "sites": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/SiteConfig"}},
            "checks": _checks(known, {model: reference for (model, _), reference in references.items()}),
            "production_tests": {
                "type": "array",
                "items": {"enum": [name for name, kind in known.items() if "production" in kind.targets]},
                "default": list(PRODUCTION_TESTS),
            },
        },
        "$defs": definitions,
    }


def write_schema(path: Path = SCHEMA_PATH) -> Path:
    """Write the schema of the installed kinds, ready for an editor."""
    path.write_text(
        json.dumps(gate_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return path


def _installed() -> Mapping[str, type[Check[Any]]]:
    from aem_checks.kinds import all_kinds

    return all_kinds()


def _allow_short_forms(definitions: dict[str, Any]) -> None:
    """An address may stand for an endpoint, and a word for what follows on a verdict."""
    if "Endpoint" in definitions:
        long_form = definitions["Endpoint"]
        definitions["Endpoint"] = {"anyOf": [{"type": "string", "pattern": "^https?://"}, long_form]}
    question = definitions["Question"] = definitions.pop("FollowUp")
    question["properties"].pop("action")
    question["properties"]["ask"]["minItems"] = 1
    question["required"] = ["ask"]
    for outcome, forbidden in (
        ("passed", Action.HALT),
        ("failed", Action.APPROVE),
        ("inconclusive", Action.APPROVE),
    ):
        words = [word for word in _words() if word != forbidden]
        definitions["PolicySettings"]["properties"][outcome] = {
            "anyOf": [{"enum": words}, {"$ref": "#/$defs/Question"}]
        }
    del definitions["Action"]


def _refuse_empty(definitions: dict[str, Any]) -> None:
    """What is named and left empty is refused, since nobody can tell whether it means always or never; and a waiver
    without a code, which is read only where a run pinned one long ago."""
    for model, names in (("PolicySettings", ("windows",)), ("Windows", ("open", "calendar", "hotfix"))):
        properties = definitions[model]["properties"]
        for name in names:
            described = properties[name]
            (filled,) = (each for each in described.pop("anyOf") if each != {"type": "null"})
            described.pop("default")
            properties[name] = {**described, **filled}
    code = definitions["WaiverSettings"]["properties"]["code"]
    code.pop("default")
    code["pattern"] = r"^\s*[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\s*$"
    definitions["WaiverSettings"]["required"].append("code")
    for name in ("open", "frozen"):
        definitions["Windows"]["properties"][name]["minItems"] = 1


def _isolate_code_of_teams(definitions: dict[str, Any], kinds: Mapping[str, type[Check[Any]]]) -> None:
    """Only where a team's code runs is there something to isolate."""
    isolated = {kind.settings_type for kind in kinds.values() if is_code_of_a_team(kind)}
    for kind in kinds.values():
        if kind.settings_type not in isolated:
            definitions[kind.settings_type.__name__]["properties"].pop("isolation", None)


def _words() -> list[str]:
    return [action.value for action in Action if action is not Action.ASK]


def _checks(kinds: Mapping[str, type[Check[Any]]], references: Mapping[Any, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        OTHERS: {
            "type": "boolean",
            "default": True,
            "description": "Whether the checks that are not named here run with their defaults.",
        }
    }
    for name, kind in kinds.items():
        settings = references[kind.settings_type]
        if "name" in kind.settings_type.model_fields:
            settings = {"type": "array", "items": settings, "minItems": 1}
        properties[name] = {
            "description": f"{kind.number} {kind.title}",
            "anyOf": [settings, {"type": "null"}, {"type": "boolean"}],
        }
    return {"type": "object", "additionalProperties": False, "properties": properties}
