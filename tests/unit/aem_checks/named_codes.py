"""Which words does source code write down as the codes of findings? Read from the code, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

HANDED_ON = {"complaint.kind": ("exception", "console", "browser")}
"""What is given as a code and is no constant: Chromium's word for what went wrong."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def takers_in(path: Path) -> dict[str, int]:
    """Functions, methods and tuples of a module that are given a code, and at which place."""
    found = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [each.arg for each in node.args.args if each.arg != "self"]
            if "code" in names:
                found[node.name] = names.index("code")
        elif isinstance(node, ast.ClassDef):
            fields = [
                n.target.id
                for n in node.body
                if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
            ]
            if "code" in fields:
                found[node.name] = fields.index("code")
    return found


def constants(node: ast.expr | None) -> Iterator[str]:
    """The words that an expression can be; nothing of one that only hands on a code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.JoinedStr):  # the whole code, in the modules that every kind shares
        last = node.values[-1]
        yield from constants(
            last.value if isinstance(last, ast.FormattedValue) else ast.Constant(last.value[1:])
        )
    elif node is not None and ast.unparse(node) in HANDED_ON:
        yield from HANDED_ON[ast.unparse(node)]
    else:
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        assert name == "code", f"{ast.unparse(node) if node else 'nothing'} is given as a code"


def words_in(path: Path, takers: dict[str, int]) -> Iterator[str]:
    """Every word that a module writes down as the code of a finding."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if name == "Finding":
                yield from constants(given.get("code"))
            elif name in takers:
                place = takers[name]
                value = given.get("code") or (node.args[place] if len(node.args) > place else None)
                yield from constants(value)
        elif isinstance(node, ast.For | ast.comprehension):
            yield from _looped(path, node)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "code" for t in node.targets
        ):
            yield from constants(node.value)


def _looped(path: Path, loop: ast.For | ast.comprehension) -> Iterator[str]:
    """The words of ``for code, … in (("lost", …), …)`` and of ``for code in A_MAPPING``."""
    names = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    if not (isinstance(names[0], ast.Name) and names[0].id == "code"):
        return
    table: ast.expr = loop.iter
    if isinstance(table, ast.Name):
        named = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Assign)]
        table = next(n.value for n in named if any(ast.unparse(t) == ast.unparse(table) for t in n.targets))
    if isinstance(table, ast.Dict):
        rows = table.keys
    else:
        assert isinstance(table, ast.Tuple | ast.List), f"{path}: a table of codes can't be read"
        rows = [row.elts[0] if isinstance(row, ast.Tuple) else row for row in table.elts]
    for row in rows:
        yield from constants(row)


def named_by(files: Iterable[Path]) -> set[str]:
    """The words of these modules together."""
    files = set(files)
    takers = {name: place for file in files for name, place in takers_in(file).items()}
    return {word for file in files for word in words_in(file, takers | takers_in(file))}
