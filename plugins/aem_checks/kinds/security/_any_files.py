"""What do the dispatcher's ``.any`` and ``.farm`` files say? A reader of their blocks, without running anything."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_TOKEN = re.compile(
    r'\$\{[^}\s]{0,200}\}[^\s{}]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[{}]|#[^\n]*|[^\s{}"\'#]+'
)
_DEEPEST = 15
_MOST_TOKENS = 200_000
_MOST_INCLUDES = 2_000


@dataclass(slots=True)
class Block:
    """``/name { … }``: its values by name, its blocks in their order, and where it was written."""

    name: str
    path: str
    values: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)

    def walk(self) -> Iterator[Block]:
        yield self
        for block in self.blocks:
            yield from block.walk()

    def find(self, name: str) -> Iterator[Block]:
        return (block for block in self.walk() if block.name == name)


class AnyReader:
    """Reads files of a commit; ``$include`` brings in others, each once at a time."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._left, self._includes_left = _MOST_TOKENS, _MOST_INCLUDES
        self.is_cut = False
        """Whether there was more than is read, so that nothing follows from what was not found."""
        self.missing: set[str] = set()
        """Includes that are not in the commit, as the image brings them."""

    def read(self, path: str) -> Block:
        """The blocks of one file with all that it includes."""
        block = Block("", path)
        self._fill(block, self._tokens(path), path, (path,))
        return block

    def _tokens(self, path: str) -> Iterator[str]:
        for token in _TOKEN.finditer(self._texts[path]):
            self._left -= 1
            if self._left < 0:
                self.is_cut = True
                return
            if not token[0].startswith("#"):
                yield token[0]

    def _fill(
        self, block: Block, words: Iterator[str], path: str, open_files: tuple[str, ...], depth: int = 0
    ) -> None:
        name = ""
        for word in words:
            if word == "}":
                return
            if word == "{":
                if depth >= _DEEPEST:
                    return
                child = Block(name.removeprefix("/"), path)
                block.blocks.append(child)
                self._fill(child, words, path, open_files, depth + 1)
                name = ""
            elif name == "$include":
                self._include(block, _unquoted(word), path, open_files, depth)
                name = ""
            elif word.startswith("/") or word == "$include":
                name = word
            elif name:
                block.values[name.removeprefix("/")] = _unquoted(word)
                name = ""
            else:
                block.bare.append(_unquoted(word))

    def _include(self, block: Block, target: str, path: str, open_files: tuple[str, ...], depth: int) -> None:
        """Relative to the file, else to the dispatcher's folder; ``*`` stands for several files."""
        self._includes_left -= 1
        if self._includes_left < 0:
            self.is_cut = True
            return
        places = [posixpath.normpath(posixpath.join(posixpath.dirname(path), target))]
        root, mark, _ = path.rpartition("/conf.dispatcher.d/")
        if mark:
            places.append(posixpath.normpath(posixpath.join(root, "conf.dispatcher.d", target)))
        found = sorted(name for name in self._texts if any(fnmatchcase(name, place) for place in places))
        if not found:
            self.missing.add(target)
        for name in found:
            if name not in open_files and len(open_files) < _DEEPEST:
                self._fill(block, self._tokens(name), name, (*open_files, name), depth)


def _unquoted(token: str) -> str:
    return token[1:-1] if len(token) > 1 and token[0] in "\"'" and token[0] == token[-1] else token
