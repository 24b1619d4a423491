"""Does another gate of the same folder guard the same pipeline? The weaker of the two would approve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aem_checks.yaml_lines import ConfigError, Map, load_extended, place_of
from stage_gate.configuration.gate import Gate
from stage_gate.decision import Mode

Stamp = tuple[str, int, int]
"""Path, time of change in ns and size in bytes of a file."""
Pipeline = tuple[str, str]


def refuse_second_gate(tree: Map, gate: Gate, file: Path, gates: Iterable[Path]) -> None:
    """Raise ``ConfigError`` where two gates that act guard one pipeline; a shadow beside a guard is fine.

    ``gates`` are the gate files of the folder. One that is no YAML guards nothing and is left out; one with other
    mistakes counts, since correcting those would let it act.
    """
    if gate.mode is not Mode.GUARD:
        return
    own = _pipeline(gate.pipeline.program, gate.pipeline.pipeline)
    others = [name for name in _guards(file.parent, gates).get(own, ()) if name != file.name]
    if others:
        raise ConfigError(
            *place_of(tree, ("pipeline", "pipeline")),
            f"pipeline {own[1]} of program {own[0]} is guarded by {others[0]} too, "
            "and what one of two gates refuses the other could approve",
            f"Put the checks of both into one file and remove the other, or write 'mode: shadow' into {others[0]}.",
        )


def _guards(folder: Path, gates: Iterable[Path]) -> Mapping[Pipeline, list[str]]:
    """The names of the files that guard a pipeline, by pipeline; read once per state of the folder."""
    return _read(tuple(map(str, gates)), tuple(_stamps(folder)))


def _stamps(folder: Path) -> list[Stamp]:
    """The state of the folder, with the files that gates extend."""
    stamps = []
    for path in sorted(folder.iterdir()):
        try:
            state = path.stat()
        except OSError:
            continue
        stamps.append((str(path), state.st_mtime_ns, state.st_size))
    return stamps


@lru_cache(maxsize=4)
def _read(gates: tuple[str, ...], stamps: tuple[Stamp, ...]) -> Mapping[Pipeline, list[str]]:
    found: dict[Pipeline, list[str]] = {}
    for path in map(Path, gates):
        guarded = _guarded(path)
        if guarded is not None:
            found.setdefault(guarded, []).append(path.name)
    return found


def _guarded(path: Path) -> Pipeline | None:
    try:
        tree = load_extended(path)
    except (ConfigError, OSError, ValueError):  # its own Dag says what is wrong with it
        return None
    pipeline = tree.get("pipeline")
    if not isinstance(pipeline, Map) or tree.get("mode") != Mode.GUARD:
        return None
    return _pipeline(pipeline.get("program"), pipeline.get("pipeline"))


def _pipeline(program: Any, pipeline: Any) -> Pipeline:
    return str(program).lstrip("0"), str(pipeline).lstrip("0")
