"""Is this gate file right, and what gate does it describe?"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aem_checks.config import (
    CHECK_KEYS,
    GATE_KEYS,
    ConfigError,
    parse_check_plan,
    refuse_unknown_keys,
)
from aem_checks.readable import validate
from aem_checks.yaml_lines import Map, Place, load_extended, place_of, plain, tree_of
from stage_gate.gate import Gate, GateSettings

GateFileError = ConfigError
"""The one error of this module, with file, line, problem and remedy."""

SUFFIXES = (".yaml", ".yml")
_PROVES_NOTHING = frozenset({"settled"})
"""Kinds that only say when testing can begin."""
GATE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def gate_paths(folder: Path) -> list[Path]:
    """The gate files of a folder, sorted by name; those that begin with ``_`` or ``.`` are only extended."""
    if not folder.is_dir():
        return []
    named = [p for p in folder.iterdir() if p.suffix in SUFFIXES and p.name[0] not in "_."]
    return sorted(p for p in named if _may_be_file(p))


def _may_be_file(path: Path) -> bool:
    """Whether to try to read it: what can't even be looked at is tried too, so that its own Dag says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def load_gate(path: str | Path) -> Gate:
    """Read one gate file. Raises ``GateFileError``."""
    file = Path(path)
    name = _name_of(file)
    return _build(name, load_extended(file), file.parent)


def gate_from_content(name: str, content: Mapping[str, Any], *, folder: Path) -> Gate:
    """Build a gate from what a run pinned, so that editing the file changes no run that has begun.

    ``folder`` is that of the gate file: files that settings name are found from there.

    Raises ``GateFileError``, for instance where a newer Stage Gate no longer knows a setting.
    """
    return _build(name, tree_of(content, Place(f"the pinned content of gate {name}", 0)), folder)


def gate_digest(name: str, content: Mapping[str, Any]) -> str:
    """SHA-256, as hexadecimal, of a gate's name and resolved content, whatever the order of its keys."""
    canonical = json.dumps([name, content], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _name_of(file: Path) -> str:
    if file.name.startswith("_"):
        raise GateFileError(
            str(file),
            0,
            "a file whose name begins with '_' is no gate",
            "Extend it from a gate file, or rename it.",
        )
    if not GATE_NAME.fullmatch(file.stem) or file.suffix not in SUFFIXES:
        raise GateFileError(
            str(file),
            0,
            f"{file.name!r} cannot name a gate",
            "Use lower-case letters, digits, '-' and '_', and end it with .yaml.",
        )
    twins = [file.with_suffix(suffix) for suffix in SUFFIXES if suffix != file.suffix]
    if any(twin.exists() for twin in twins):
        raise GateFileError(
            str(file), 0, f"there is both {file.stem}.yaml and {file.stem}.yml", "Remove one of the two."
        )
    return file.stem


def _build(name: str, tree: Map, folder: Path) -> Gate:
    content = plain(tree)
    refuse_unknown_keys(tree, CHECK_KEYS | GATE_KEYS)
    _require_pipeline(tree)
    settings = validate(GateSettings, tree, (), {key: tree[key] for key in tree if key in GATE_KEYS})
    plan = parse_check_plan(tree, folder=folder)
    gate = Gate(name=name, settings=settings, plan=plan, content=content, digest=gate_digest(name, content))
    if not any(check.blocks and check.kind not in _PROVES_NOTHING for check in gate.stage_checks):
        raise GateFileError(
            *place_of(tree, ("checks",)),
            "no check of stage blocks, so this gate could prove nothing",
            "Leave at least one check with 'severity: block' and without 'dry_run: true'.",
        )
    return gate


def _require_pipeline(tree: Map) -> None:
    if not isinstance(tree.get("pipeline"), Map):
        raise GateFileError(
            *place_of(tree, ("pipeline",)),
            "'pipeline' does not say which pipeline is guarded",
            'Write \'pipeline: {program: "12345", pipeline: "678901"}\', or run: python -m stage_gate init.',
        )
