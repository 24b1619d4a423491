"""What do the gates of a folder say, and does another one guard the same pipeline? The weaker of the two would approve."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aem_checks.yaml_lines import ConfigError, Wrong, extended_by, load_extended
from stage_gate.configuration.gate import Gate
from stage_gate.rules.decision import Mode

Stamp = tuple[str, int, int, int, int]
"""Path, times of change of content and of file in ns, size in bytes and inode of a file; zeros where it is not there.

The time of content and the size alone could be those of another content: a file can be given any time of change.
"""
State = tuple[tuple[str, ...], tuple[Stamp, ...]]
"""Which gate files there are in a folder, and what they and all that they extend were like."""
Pipeline = tuple[str, str]


def refuse_second_gate(gate: Gate, file: Path, gates: Iterable[Path]) -> None:
    """Raise ``Wrong`` where another gate that acts guards the pipeline of this one; a shadow beside it is fine.

    ``gates`` are the gate files of the folder. One that is no YAML guards nothing and is left out; one with other
    mistakes counts, since correcting those would let it act.
    """
    own = _pipeline(gate.pipeline.program, gate.pipeline.pipeline)
    others = [name for name in _guards(state_of(gates)).get(own, ()) if name != file.name]
    if others:
        raise Wrong(
            ("pipeline", "pipeline"),
            f"pipeline {own[1]} of program {own[0]} is guarded by {others[0]} too, "
            "and what one of two gates refuses the other could approve",
            f"Put the checks of both into one file and remove the other, or write 'mode: shadow' into {others[0]}.",
        )


def state_of(gates: Iterable[Path]) -> State:
    """The state of gate files, with all that they extend: what was read from them is right while it stays."""
    paths = list(gates)
    stamps: dict[Path, Stamp] = {}
    for gate in paths:
        file: Path | None = gate
        while file is not None and file not in stamps:
            stamps[file] = _stamp(file)
            file = _extended_by(stamps[file])
    return tuple(map(str, paths)), tuple(stamps.values())


def _stamp(path: Path) -> Stamp:
    try:
        state = path.stat()
    except OSError:
        return str(path), 0, 0, 0, 0
    return str(path), state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


@lru_cache(maxsize=1024)
def _extended_by(stamp: Stamp) -> Path | None:
    """What a file extends; nothing where it can't be read, so that nothing depends on what it would extend."""
    with contextlib.suppress(ConfigError, OSError, ValueError):
        return extended_by(stamp[0])
    return None


@lru_cache(maxsize=4)
def contents_of(state: State) -> Mapping[str, Mapping[str, Any]]:
    """What the gate files say, by their name. What is no YAML is left out: its own Dag says what is wrong with it."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in map(Path, state[0]):
        with contextlib.suppress(ConfigError, OSError, ValueError):
            found[path.name] = load_extended(path).content
    return found


@lru_cache(maxsize=4)
def _guards(state: State) -> Mapping[Pipeline, list[str]]:
    """The names of the files that guard a pipeline, by pipeline."""
    found: dict[Pipeline, list[str]] = {}
    for name, content in contents_of(state).items():
        guarded = _guarded(content)
        if guarded is not None:
            found.setdefault(guarded, []).append(name)
    return found


def _guarded(content: Mapping[str, Any]) -> Pipeline | None:
    pipeline = content.get("pipeline")
    if not isinstance(pipeline, dict) or content.get("mode") != Mode.GUARD:
        return None
    return _pipeline(pipeline.get("program"), pipeline.get("pipeline"))


def _pipeline(program: Any, pipeline: Any) -> Pipeline:
    return str(program).lstrip("0"), str(pipeline).lstrip("0")
