"""What do the dispatcher's ``.any`` and ``.farm`` files say? Their sections with all that ``$include`` brings in.

The language: https://experienceleague.adobe.com/en/docs/experience-manager-dispatcher/using/configuring/dispatcher-configuration
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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

_WORD = re.compile(
    r"(?P<gap>\s+|#[^\n]*)"
    r'|(?P<quoted>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r"|(?P<brace>[{}])"
    r"|(?P<word>(?:\$\{[^}\s]{0,200}\}|[^\s{}\"'#])+)"
    r"|(?P<broken>.)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\$\{([^}\s]{1,200})\}")
_NOT_DECODED = "\ufffd"


@dataclass(frozen=True, slots=True)
class Value:
    """A text as it is written: ``quote`` is ``'`` for a regular expression, ``"`` or nothing for a glob."""

    text: str
    quote: str
    place: Place

    @property
    def is_known(self) -> bool:
        """Whether it holds no variable that the commit leaves open."""
        return _VARIABLE.search(self.text) is None


@dataclass(frozen=True, slots=True)
class Property:
    """``/name "value"``."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Unknown:
    """What an include would bring here that is not in the commit, or can't be read."""

    target: str
    place: Place


@dataclass(slots=True)
class Section:
    """``/name { … }``: what is in it, in its order, and where it begins."""

    name: str
    place: Place
    items: list[Section | Property | Value | Unknown] = field(default_factory=list)
    included: list[str] = field(default_factory=list)
    """The targets of its own includes, as they are written."""

    def sections(self, name: str = "") -> list[Section]:
        """Its own sections, all or those of one name."""
        own = [item for item in self.items if isinstance(item, Section)]
        return [item for item in own if item.name == name] if name else own

    def properties(self) -> list[Property]:
        return [item for item in self.items if isinstance(item, Property)]

    def value(self, name: str) -> Value | None:
        """What it sets this property to; the last time counts."""
        return next((each.value for each in reversed(self.properties()) if each.name == name), None)

    def values(self) -> list[Value]:
        """Values without a name, as in ``/virtualhosts``; also those in braces of their own."""
        own = [item for item in self.items if isinstance(item, Value)]
        return own + [value for each in self.sections() if not each.name for value in each.values()]

    @property
    def is_whole(self) -> bool:
        """Whether all of it is known, so that something follows from what is not there."""
        return not any(isinstance(item, Unknown) for item in self.items)

    def walk(self) -> Iterator[Section]:
        yield self
        for each in self.sections():
            yield from each.walk()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quote: str
    line: int

    @property
    def is_name(self) -> bool:
        return not self.quote and self.text.startswith("/")


class AnyReader:
    """Reads files of one project; what it could not read or find is kept beside what it returns."""

    def __init__(
        self,
        texts: Mapping[str, str],
        *,
        root: str = "",
        variables: Mapping[str, str] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._texts, self._root = texts, root
        self._variables = variables or {}
        self.budget = budget or Budget()
        self.problems: list[Problem] = []
        self.missing: dict[str, Place] = {}
        """Includes that are not in the commit and that no image brings, with their places."""
        self.of_the_image: set[str] = set()
        """Includes that the dispatcher's image brings."""

    def read(self, path: str) -> Section:
        """The sections of one file with all that it includes, as one section without a name."""
        return self.read_text(path, self._texts[path])

    def read_text(self, path: str, text: str) -> Section:
        """The same for a text that would stand in the file of that path."""
        section = Section("", Place(path, 1))
        self._fill_from(section, path, text, (path,))
        return section

    def _fill_from(self, section: Section, path: str, text: str, open_files: tuple[str, ...]) -> None:
        try:
            if why := trouble_with_text(text):
                raise Broken(Place(path, 1), why)
            _File(self, path, self._tokens(path, text), open_files).fill(section)
        except Broken as error:
            self.problems.append(error.problem)
            section.items.append(Unknown(path, error.problem.place))

    def _tokens(self, path: str, text: str) -> list[_Token]:
        tokens, line = [], 1
        for found in _WORD.finditer(text):
            written = found[0]
            if found.lastgroup == "broken":
                raise Broken(
                    Place(path, line), f"has a quotation mark ({written}) that is not closed on its line"
                )
            if found.lastgroup != "gap":
                if not self.budget.word():
                    break
                if _NOT_DECODED in written:
                    raise Broken(Place(path, line), "holds bytes that are no UTF-8")
                tokens.append(_token(found, line))
            line += written.count("\n")
        return tokens

    def value_of(self, path: str, token: _Token) -> Value:
        """The value of a token, with the variables that are known put in."""

        def known(found: re.Match[str]) -> str:
            return self._variables.get(found[1], found[0])

        return Value(_VARIABLE.sub(known, token.text), token.quote, Place(path, token.line))

    def include(self, section: Section, target: str, place: Place, open_files: tuple[str, ...]) -> None:
        """Put what the target holds into the section. Raises ``Broken`` for files that include themselves."""
        section.included.append(target)
        if not self.budget.include():
            section.items.append(Unknown(target, place))
            return
        found = self._found(target, place.file)
        if not found:
            self._note_missing(target, place)
            section.items.append(Unknown(target, place))
        for name in found:
            if name in open_files:
                raise Broken(place, f"includes {name}, which is being read already: it includes itself")
            if len(open_files) >= DEEPEST:
                raise Broken(place, f"is the {DEEPEST}th file that one includes inside of another")
            self._fill_from(section, name, self._texts[name], (*open_files, name))

    def _found(self, target: str, file: str) -> list[str]:
        """Relative to the file, else to the dispatcher's folder, else to the server's."""
        starts = [f"{posixpath.dirname(file)}/", f"{self._root}conf.dispatcher.d/", self._root]
        for start in [self._root] if target.startswith("/") else starts:
            path = below(start if start != "/" else "", target)
            if path is not None and (found := matching(path, self._texts)):
                return found
        return []

    def _note_missing(self, target: str, place: Place) -> None:
        elsewhere = target.startswith("/") and below("", target) is None
        if is_of_the_image(target) or elsewhere:
            self.of_the_image.add(target)
        elif "*" not in target:
            self.missing.setdefault(target, place)


def _token(found: re.Match[str], line: int) -> _Token:
    if found.lastgroup == "quoted":
        return _Token(found[0][1:-1], found[0][0], line)
    return _Token(found[0], "{" if found.lastgroup == "brace" else "", line)


class _File:
    """One file's tokens on their way into sections."""

    def __init__(
        self, reader: AnyReader, path: str, tokens: list[_Token], open_files: tuple[str, ...]
    ) -> None:
        self._reader, self._path, self._tokens, self._open_files = reader, path, tokens, open_files
        self._at = 0

    def fill(self, section: Section) -> None:
        self._fill(section, 0)
        if self._at < len(self._tokens):
            raise Broken(self._place(self._tokens[self._at]), "has a '}' that closes nothing")

    def _fill(self, section: Section, depth: int) -> None:
        """Read on to the ``}`` of this section, or to the end of the file."""
        while (token := self._peek()) is not None and not _is_brace(token, "}"):
            self._at += 1
            if _is_brace(token, "{"):
                self._open("", token, section, depth)
            elif token.is_name:
                self._named(token, section, depth)
            elif token.text == "$include" and not token.quote:
                self._include(token, section)
            else:
                section.items.append(self._reader.value_of(self._path, token))

    def _named(self, name: _Token, section: Section, depth: int) -> None:
        token = self._peek()
        if token is None or _is_brace(token, "}") or token.text == "$include":
            raise self._nothing_given(name)
        if _is_brace(token, "{"):
            self._at += 1
            self._open(name.text, token, section, depth)
            return
        if token.is_name and (token.line != name.line or self._opens_after(self._at)):
            raise self._nothing_given(name)
        self._at += 1
        value = self._reader.value_of(self._path, token)
        section.items.append(Property(name.text.removeprefix("/"), value))

    def _nothing_given(self, name: _Token) -> Broken:
        return Broken(self._place(name), f"gives {name.text[:60]} neither a value nor braces")

    def _open(self, name: str, brace: _Token, section: Section, depth: int) -> None:
        if depth >= DEEPEST:
            raise Broken(self._place(brace), f"has more than {DEEPEST} sections inside of each other")
        child = Section(name.removeprefix("/"), self._place(brace))
        section.items.append(child)
        self._fill(child, depth + 1)
        if self._peek() is not None:
            self._at += 1
        elif self._reader.budget.is_cut:
            child.items.append(Unknown(self._path, child.place))
        else:
            raise Broken(child.place, "has a '{' that is never closed")

    def _include(self, word: _Token, section: Section) -> None:
        target = self._peek()
        if target is None or target.quote == "{" or target.is_name:
            raise Broken(self._place(word), "has an $include without the name of a file")
        self._at += 1
        self._reader.include(section, target.text, self._place(word), self._open_files)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _opens_after(self, at: int) -> bool:
        return at + 1 < len(self._tokens) and _is_brace(self._tokens[at + 1], "{")

    def _place(self, token: _Token) -> Place:
        return Place(self._path, token.line)


def _is_brace(token: _Token, brace: str) -> bool:
    return token.quote == "{" and token.text == brace
