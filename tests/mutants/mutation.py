"""What mutants does a module have? Each is the whole module with one mistake, known by its function and its diff."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import deep_replace

from mutants.operators import OPERATORS


@dataclass(frozen=True, order=True)
class Identity:
    """What a mutant is known by, whatever is added above it."""

    module: str
    where: str
    """The function, class or constant, with those around it: ``Right.refusal``, ``READINGS``."""
    diff: str
    """Lines that go and lines that come, ``-`` and ``+``, without those around them."""
    nth: int = 1
    """Which one of those that look the same in one place."""


@dataclass(frozen=True)
class Mutant:
    """One mistake."""

    identity: Identity
    source: str
    """The whole module with it."""
    lines: range
    """Lines of the statement that it is in, as they are without it."""


def mutants_of(module: str, source: str) -> list[Mutant]:
    """All mutants of a module that can be parsed, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    finder = _Finder()
    wrapper.visit(finder)
    return list(_told_apart(module, _Text(wrapper.module), finder.found))


@dataclass(frozen=True)
class _Found:
    where: str
    statement: cst.CSTNode
    """The statement of the module's top level that holds it."""
    lines: range
    old: cst.CSTNode
    new: cst.CSTNode


class _Text:
    """A module as text, with one of its statements in another form."""

    def __init__(self, module: cst.Module) -> None:
        self._module = module
        self._parts = {id(each): module.code_for_node(each) for each in module.body}
        self._head = "".join(module.code_for_node(each) for each in module.header)
        self._foot = "".join(module.code_for_node(each) for each in module.footer)

    def statement(self, found: _Found) -> tuple[str, str]:
        """The statement as it is, and with the mistake."""
        mutated = deep_replace(found.statement, found.old, found.new)
        assert isinstance(mutated, cst.CSTNode)
        return self._parts[id(found.statement)], self._module.code_for_node(mutated)

    def whole(self, found: _Found, mutated: str) -> str:
        parts = (
            mutated if id(each) == id(found.statement) else self._parts[id(each)]
            for each in self._module.body
        )
        return "".join([self._head, *parts, self._foot])


def _told_apart(module: str, text: _Text, found: list[_Found]) -> Iterator[Mutant]:
    seen: set[tuple[int, str]] = set()
    alike: Counter[tuple[str, str]] = Counter()
    for each in found:
        old, new = text.statement(each)
        if _in_effect(new) == _in_effect(old) or (id(each.statement), new) in seen:
            continue
        seen.add((id(each.statement), new))
        try:
            ast.parse(new)
        except SyntaxError:
            continue
        diff = _diff(old, new)
        alike[each.where, diff] += 1
        identity = Identity(module, each.where, diff, alike[each.where, diff])
        yield Mutant(identity, text.whole(each, new), each.lines)


def _in_effect(statement: str) -> str:
    """Without what changes nothing: slots, and whether ``zip`` checks its caller."""
    return _IDLE.sub("", statement)


def _diff(old: str, new: str) -> str:
    """Lines that go and lines that come, without the indentation that all of them share."""
    before, after = old.splitlines(), new.splitlines()
    gone: list[str] = []
    come: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += before[a:b]
            come += after[c:d]
    lines = textwrap.dedent("\n".join([*gone, *come])).split("\n")
    return "\n".join(
        [f"- {line}".rstrip() for line in lines[: len(gone)]]
        + [f"+ {line}".rstrip() for line in lines[len(gone) :]]
    )


class _Finder(cst.CSTVisitor):
    """Asks every operator at every node that runs."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Found] = []
        self._statements: list[cst.CSTNode] = []
        self._idle: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if node in self._idle or _never_runs(node):
            return False
        if isinstance(node, cst.FunctionDef) and m.matches(node.body.body[-1], _RETURN_NOTHING):
            self._idle.add(node.body.body[-1])
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._statements.append(node)
        if self._statements:
            self._ask(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()

    def _ask(self, node: cst.CSTNode) -> None:
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                for new in operator(node):
                    found = _Found(self._where(), self._statements[0], self._lines(node), node, new)
                    self.found.append(found)

    def _where(self) -> str:
        names = [name for statement in self._statements if (name := _name_of(statement))]
        in_function = any(isinstance(each, cst.FunctionDef) for each in self._statements)
        if not in_function and isinstance(self._statements[-1], cst.SimpleStatementLine):
            names += _assigned(self._statements[-1])
        return ".".join(filter(None, names))

    def _lines(self, node: cst.CSTNode) -> range:
        """The lines of the innermost statement or handler; of a compound one, its head."""
        statement = node if isinstance(node, cst.ExceptHandler) else self._statements[-1]
        here = self.get_metadata(PositionProvider, statement)
        body = getattr(statement, "body", None)
        if isinstance(body, cst.BaseSuite):
            return range(here.start.line, self.get_metadata(PositionProvider, body).start.line + 1)
        return range(here.start.line, here.end.line + 1)


def _name_of(statement: cst.CSTNode) -> str | None:
    return statement.name.value if isinstance(statement, cst.FunctionDef | cst.ClassDef) else None


def _assigned(statement: cst.SimpleStatementLine) -> list[str]:
    """The constants that a statement makes."""
    made = statement.body[0]
    target = made.targets[0].target if isinstance(made, cst.Assign) else getattr(made, "target", None)
    names = [each.value for each in target.elements] if isinstance(target, cst.Tuple) else [target]
    return [", ".join(each.value for each in names if isinstance(each, cst.Name))]


_IDLE = re.compile(r",\s*(?:slots|strict)=\w+(?=,?\s*\))|,(?=\s*\))")
_TYPING = m.If(test=m.Name("TYPE_CHECKING"))
_DOCSTRING = m.SimpleStatementLine([m.Expr(m.SimpleString() | m.ConcatenatedString())])
_RETURN_NOTHING = m.SimpleStatementLine([m.Return(value=None) | m.Return(value=m.Name("None"))])
"""At the end of a function it says what happens anyway."""
_NAMED = m.Call(func=m.Name("TypeVar") | m.Name("TypeVarTuple") | m.Attribute(attr=m.Name("getLogger")))
_GENERIC = m.Subscript(value=m.Name("Callable") | m.Name("Sequence") | m.Name("tuple"))
_TYPE = _GENERIC | m.Name(value=m.MatchRegex(r"[A-Z]+[a-z]\w*"))
_EITHER = m.BinaryOperation(left=_TYPE, operator=m.BitOr(), right=_TYPE)
_ALL = m.Assign(targets=[m.AssignTarget(m.Name("__all__"))])
_ALIAS = m.SimpleStatementLine([m.Assign(value=_NAMED | _GENERIC | _EITHER) | _ALL])
_ONLY_READ = _TYPING | _DOCSTRING | _ALIAS | m.Annotation() | m.Import() | m.ImportFrom()


def _never_runs(node: cst.CSTNode) -> bool:
    """Imports, annotations, docstrings, names for types: a mistake there is the type checker's or the reader's to find."""
    return m.matches(node, _ONLY_READ)
