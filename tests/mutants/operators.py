"""Which mistakes are made? Those of mutmut, and those that it does not make and that matter where a gate decides.

mutmut swaps operators, constants, arguments and methods. It leaves a bare condition, a statement, an operand, an entry
of a table, a handler of errors and a decorator as they are: forgetting one of these is how a check gets lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any

import libcst as cst
import libcst.matchers as m
from mutmut.mutation.mutators import mutation_operators, operator_string

Mistake = cst.CSTNode
Operator = tuple[type[cst.CSTNode], Callable[[Any], Iterable[Mistake]]]

_PASS = cst.SimpleStatementLine([cst.Pass()])
_TWINS = {"any": "all", "all": "any", "min": "max", "max": "min"}
_CODECS = ("utf-8", "ascii")
_JOINING = (cst.BitAnd, cst.BitOr, cst.Add)


def words(node: cst.BaseString) -> Iterable[Mistake]:
    """A sentence is lost as a whole: its spelling is not what a test should hold. A key or a name is mutmut's."""
    if isinstance(node, cst.FormattedString):
        yield cst.SimpleString('""')
    elif isinstance(node, cst.SimpleString) and " " in str(node.evaluated_value):
        yield cst.SimpleString(f'{node.prefix.replace("r", "")}""')
    else:
        yield from (mistake for mistake in operator_string(node) if not _means_the_same(node, mistake))


def _means_the_same(node: cst.BaseString, mistake: cst.CSTNode) -> bool:
    """A codec's name, or the hexadecimal digits of an address, in the other case."""
    was, new = (str(each.evaluated_value) for each in (node, mistake))  # type: ignore[attr-defined]
    if was in _CODECS:
        return new.lower() == was
    try:
        return ip_network(was) == ip_network(new)
    except ValueError:
        return False


def conditions(node: cst.If | cst.While | cst.CompIf) -> Iterable[Mistake]:
    """The condition always holds, or never. (mutmut does it to ``a if b else c``, and to nothing else.)"""
    yield node.with_changes(test=cst.Name("False"))
    if not isinstance(node, cst.While):
        yield node.with_changes(test=cst.Name("True"))


def operands(node: cst.BooleanOperation | cst.BinaryOperation) -> Iterable[Mistake]:
    """One side of ``and``, ``or``, ``&``, ``|``, ``+`` or ``-`` is forgotten."""
    if isinstance(node, cst.BooleanOperation) or isinstance(node.operator, _JOINING):
        yield node.left
        yield node.right
    elif isinstance(node.operator, cst.Subtract):
        yield node.left


def statements(node: cst.SimpleStatementLine) -> Iterable[Mistake]:
    """A call, ``return``, ``raise``, ``del`` or ``x += …`` is forgotten. (What assigns is mutmut's: ``x = None``.)"""
    forgettable = m.Expr(value=~(m.SimpleString() | m.ConcatenatedString() | m.Ellipsis())) | m.OneOf(
        m.Return(), m.Raise(), m.Del(), m.AugAssign()
    )
    if len(node.body) == 1 and m.matches(node.body[0], forgettable):
        yield node.with_changes(body=_PASS.body)


def entries(node: cst.Dict | cst.Set | cst.List | cst.Tuple) -> Iterable[Mistake]:
    """One entry of a table is missing; or, in a dict, has the value of the next one."""
    for number in range(len(node.elements)):
        if not isinstance(node, cst.Set) or len(node.elements) > 1:
            yield _with(node, [*node.elements[:number], *node.elements[number + 1 :]])
    if isinstance(node, cst.Dict):
        yield from _swapped(node)


def _with(node: cst.Dict | cst.Set | cst.List | cst.Tuple, elements: Sequence[Any]) -> Mistake:
    if isinstance(node, cst.Tuple) and len(elements) == 1:
        elements = [elements[0].with_changes(comma=cst.Comma())]
    if isinstance(node, cst.Tuple) and not node.lpar:
        return node.with_changes(elements=elements, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return node.with_changes(elements=elements)


def _swapped(node: cst.Dict) -> Iterable[Mistake]:
    pairs = [number for number, each in enumerate(node.elements) if isinstance(each, cst.DictElement)]
    for number, following in zip(pairs, [*pairs[1:], *pairs[:1]], strict=True):
        elements = list(node.elements)
        if not elements[number].value.deep_equals(elements[following].value):
            elements[number] = elements[number].with_changes(value=elements[following].value)
            yield node.with_changes(elements=elements)


def handlers(node: cst.ExceptHandler) -> Iterable[Mistake]:
    """An error is caught by nobody."""
    if not m.matches(node.body, m.IndentedBlock(body=[m.SimpleStatementLine([m.Raise(exc=None)])])):
        yield node.with_changes(body=cst.IndentedBlock([cst.SimpleStatementLine([cst.Raise()])]))


def decorators(node: cst.FunctionDef | cst.ClassDef) -> Iterable[Mistake]:
    """A decorator is forgotten, such as that of a validator."""
    for number in range(len(node.decorators)):
        yield node.with_changes(decorators=[*node.decorators[:number], *node.decorators[number + 1 :]])


def twins(node: cst.Call) -> Iterable[Mistake]:
    """``any`` for ``all``, ``min`` for ``max``."""
    if isinstance(node.func, cst.Name) and node.func.value in _TWINS:
        yield node.with_changes(func=cst.Name(_TWINS[node.func.value]))


OPERATORS: tuple[Operator, ...] = (
    *((kind, operator) for kind, operator in mutation_operators if operator is not operator_string),
    (cst.BaseString, words),
    (cst.If, conditions),
    (cst.While, conditions),
    (cst.CompIf, conditions),
    (cst.BooleanOperation, operands),
    (cst.BinaryOperation, operands),
    (cst.SimpleStatementLine, statements),
    (cst.Dict, entries),
    (cst.Set, entries),
    (cst.List, entries),
    (cst.Tuple, entries),
    (cst.ExceptHandler, handlers),
    (cst.FunctionDef, decorators),
    (cst.ClassDef, decorators),
    (cst.Call, twins),
)
