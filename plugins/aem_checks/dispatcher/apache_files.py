"""What do Apache's files of a dispatcher say? Their directives in order, with all that ``Include`` brings in.

Lines go on after a backslash, a ``#`` is a comment only where it begins a line, and containers such as ``<VirtualHost>``
nest: https://httpd.apache.org/docs/2.4/configuring.html#syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aem_checks.dispatcher.place import (
    DEEPEST,
    Broken,
    Budget,
    Place,
    Problem,
    below,
    is_of_the_image,
    matching,
    trouble_with_text,
)

_ARGUMENT = re.compile(r'"((?:\\.|[^"\\])*)"?|\'((?:\\.|[^\'\\])*)\'?|(\S+)')
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9_.:-]{1,200})\}")
_MANY = ("rewrite", "redirect")
"""Directives of which sites have thousands and of which nothing is asked; only those for some environments are kept."""
_LONGEST_VALUE = 200
"""Characters of a variable; a longer one stays a variable."""
_INCLUDES = frozenset({"include", "includeoptional"})


@dataclass(frozen=True, slots=True)
class Container:
    """``<Name arguments>`` around directives; the name in lower case."""

    name: str
    arguments: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Directive:
    """One line of Apache: its name in lower case, its arguments without quotation marks, and what it stands in."""

    name: str
    arguments: tuple[str, ...]
    place: Place
    within: tuple[Container, ...]

    def inside(self, name: str) -> Container | None:
        """The innermost container of this name around it."""
        return next((each for each in reversed(self.within) if each.name == name), None)


class ApacheReader:
    """Reads files of one project; what it could not read or find is kept beside what it returns."""

    def __init__(self, texts: Mapping[str, str], *, root: str = "", budget: Budget | None = None) -> None:
        self._texts, self._root = texts, root
        self.budget = budget or Budget()
        self.problems: list[Problem] = []
        self.missing: dict[str, Place] = {}
        """Files that an ``Include`` names and that neither the commit nor the image has."""
        self.variables: dict[str, str] = {}
        """What ``Define`` sets on every environment; what is set on some alone is not among them."""
        self._of_some: set[str] = set()

    def read(self, path: str) -> list[Directive]:
        """The directives of one file with all that it includes, but for rewrites and redirects."""
        return self._read(path, (), (path,))

    def _read(self, path: str, within: tuple[Container, ...], open_files: tuple[str, ...]) -> list[Directive]:
        found: list[Directive] = []
        try:
            if why := trouble_with_text(self._texts[path]):
                raise Broken(Place(path, 1), why)
            for directive in self._directives(path, within):
                found.append(directive)
                if directive.name == "define":
                    self._define(directive)
                elif directive.name in _INCLUDES:
                    found += self._included(directive, open_files)
        except Broken as error:
            self.problems.append(error.problem)
        return found

    def _directives(self, path: str, within: tuple[Container, ...]) -> Iterator[Directive]:
        opened: list[Container] = []
        for number, line in _lines(self._texts[path]):
            if not self.budget.word():
                return
            if line.startswith("</"):
                _close(opened, line, Place(path, number))
            elif line.startswith("<"):
                opened.append(self._container(line, Place(path, number), len(within) + len(opened)))
            else:
                name, rest = _split(line)
                around = (*within, *opened)
                if not name.startswith(_MANY) or any(each.name == "ifdefine" for each in around):
                    yield Directive(name, self._arguments(rest), Place(path, number), around)
        if opened:
            raise Broken(opened[-1].place, f"has a <{opened[-1].name[:60]}> that is never closed")

    def _container(self, line: str, place: Place, depth: int) -> Container:
        if depth >= DEEPEST:
            raise Broken(place, f"has more than {DEEPEST} containers inside of each other")
        if not line.endswith(">"):
            raise Broken(place, "begins with '<' and does not end with '>'")
        name, rest = _split(line[1:-1])
        return Container(name, self._arguments(rest), place)

    def _arguments(self, text: str) -> tuple[str, ...]:
        def known(found: re.Match[str]) -> str:
            return self.variables.get(found[1], found[0])

        words = (
            next(group for group in found.groups() if group is not None) for found in _ARGUMENT.finditer(text)
        )
        return tuple(_VARIABLE.sub(known, word) for word in words)

    def _define(self, directive: Directive) -> None:
        name, *value = (*directive.arguments[:2], "")[:2] if directive.arguments else ("", "")
        is_long = len(value[0]) > _LONGEST_VALUE  # 'Define A ${A}${A}' doubles it each time
        if directive.inside("ifdefine") or directive.inside("if") or is_long:
            self._of_some.add(name)
            self.variables.pop(name, None)
        elif name and name not in self._of_some:
            self.variables[name] = value[0]

    def _included(self, directive: Directive, open_files: tuple[str, ...]) -> list[Directive]:
        found: list[Directive] = []
        for target in directive.arguments[:1]:
            if not self.budget.include():
                return found
            files = self._files(target)
            if not files and directive.name == "include" and "*" not in target and "${" not in target:
                self._note_missing(target, directive.place)
            for path in files:
                if path in open_files:
                    raise Broken(
                        directive.place, f"includes {path}, which is being read already: it includes itself"
                    )
                if len(open_files) >= DEEPEST:
                    raise Broken(
                        directive.place, f"is the {DEEPEST}th file that one includes inside of another"
                    )
                found += self._read(path, directive.within, (*open_files, path))
        return found

    def _files(self, target: str) -> list[str]:
        path = below(self._root, target)
        return [] if path is None else matching(path, self._texts)

    def _note_missing(self, target: str, place: Place) -> None:
        if below(self._root, target) is not None and not is_of_the_image(target):
            self.missing.setdefault(target, place)


def _split(line: str) -> tuple[str, str]:
    """The name in lower case, and what follows it."""
    name, *rest = line.split(None, 1) or [""]
    return name.lower(), rest[0] if rest else ""


def _close(opened: list[Container], line: str, place: Place) -> None:
    name = line[2:].rstrip("> \t").lower()
    if not opened:
        raise Broken(place, f"has a </{name[:60]}> that closes nothing")
    if opened[-1].name != name:
        raise Broken(
            place,
            f"closes <{name[:60]}>, but <{opened[-1].name[:60]}> of line {opened[-1].place.line} is open",
        )
    opened.pop()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, those that go on after a backslash in one, with the number of the first."""
    begun, kept = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        begun = begun or number
        line = line.rstrip("\r")
        if line.endswith("\\"):
            kept += line[:-1]
            continue
        whole, first = (kept + line).strip(), begun
        begun, kept = 0, ""
        if whole and not whole.startswith("#"):
            yield first, whole
    if kept.strip() and not kept.strip().startswith("#"):
        yield begun, kept.strip()
