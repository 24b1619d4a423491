"""Which Dag files build the Dag of a gate by themselves? Read from their text: no code of theirs runs for that.

``gate_dag`` refuses what is not found here, so that a gate is never left out by one side and not built by the other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAKES_GATES = "gate_dag"
_BROKEN = re.compile(rf"{MAKES_GATES}\s*\(\s*['\"]([a-z0-9_-]{{1,100}})['\"]")


@dataclass(frozen=True)
class Claim:
    """A Dag file that builds the Dag of a gate."""

    gate: str
    file: Path
    trouble: str = ""
    """Why Airflow gets no Dag from it, as a sentence; empty where nothing is known against it."""


def claims_in(dags: Path) -> list[Claim]:
    """All claims in a folder of Dags, in the order of the files. What can't be read claims nothing."""
    named = [(path, text) for path in sorted(dags.rglob("*.py")) if MAKES_GATES in (text := _text(path))]
    if not named:
        return []
    loaded = _loaded(dags)
    return [
        claim
        for path, text in named
        if path.resolve() in loaded
        for claim in _claims(path, text, skipped=not loaded[path.resolve()])
    ]


def claims_of(gate: str, claims: Iterable[Claim]) -> list[Claim]:
    """Those of one gate; several calls in one file are several claims."""
    return [each for each in claims if each.gate == gate]


def refusal(claims: list[Claim]) -> str:
    """Why the gate of these claims gets no Dag, as sentences; empty where the one file builds it."""
    if len(claims) > 1:
        files = " and ".join(str(each.file) for each in claims)
        return (
            f"{len(claims)} places build the Dag of gate {claims[0].gate}: {files}. Neither is taken. To do: leave one "
            f"'{MAKES_GATES}(\"{claims[0].gate}\")'."
        )
    return claims[0].trouble if claims else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _loaded(dags: Path) -> dict[Path, bool]:
    """The files that are not ignored, and whether Airflow, which looks for words first, takes each for a Dag file."""
    from airflow._shared.module_loading.file_discovery import find_path_from_directory
    from airflow.sdk.configuration import conf
    from airflow.utils.file import might_contain_dag

    syntax = conf.get_mandatory_value("core", "dag_ignore_file_syntax", fallback="glob")
    safe_mode = conf.getboolean("core", "dag_discovery_safe_mode", fallback=True)
    found = (Path(each) for each in find_path_from_directory(str(dags), ".airflowignore", syntax))
    return {each.resolve(): might_contain_dag(str(each), safe_mode) for each in found if each.suffix == ".py"}


def _claims(path: Path, text: str, *, skipped: bool) -> Iterator[Claim]:
    try:
        names, trouble = _named(ast.parse(text)), ""
    except (SyntaxError, ValueError, RecursionError) as error:
        names = _BROKEN.findall(text)
        trouble = f"{path} is no Python that can be read: {error}. To do: correct it."
    if skipped and not trouble:
        trouble = (
            f"Airflow does not load {path}, since the word 'airflow' is not in it ([core] dag_discovery_safe_mode). To do: "
            "write a comment with it, such as '# A Dag file for Airflow.'"
        )
    return (Claim(name, path, trouble) for name in names)


def _named(module: ast.Module) -> list[str]:
    """The gates that it names in a plain string, however it calls the function."""
    calls = {MAKES_GATES, *_aliases(module)}
    return [
        node.args[0].value
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and _called(node.func) in calls
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _aliases(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            yield from (each.asname for each in node.names if each.name == MAKES_GATES and each.asname)
