"""What does a YAML file say, and on which line does it say it?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
_SURELY_SHALLOW = 4096
"""Characters; no shorter text can be nested deeply enough to do harm."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
_INSTEAD = "Write the value out, or share it with 'extends: FILE'."
_PLAIN_TAGS = frozenset(
    _STANDARD + name
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)


KeyPath = tuple[str | int, ...]
"""The way to a value: names of mappings, numbers in lists, beginning with 0."""


class Place(NamedTuple):
    """A line of a file, counted from 1."""

    file: str
    line: int


class ConfigError(Exception):
    """A file that people write is wrong: where, what is wrong, and what would be right.

    ``str()`` reads ``file:line: problem. remedy``. ``line`` is 0 where the file as a whole is meant.
    """

    def __init__(self, file: str, line: int, problem: str, remedy: str = "") -> None:
        self.file, self.line = str(file), line
        self.problem, self.remedy = problem.rstrip(". "), remedy.strip()
        super().__init__(self.file, line, self.problem, self.remedy)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.problem}. {self.remedy}".rstrip()


class Wrong(Exception):
    """What is written somewhere in a file is wrong. Whoever has the file makes it a ``ConfigError``."""

    error: ClassVar[type[ConfigError]] = ConfigError

    def __init__(self, path: KeyPath | None, problem: str, remedy: str = "") -> None:
        """``path`` leads to the value, ``None`` means the file as a whole; ``problem`` and ``remedy`` are sentences."""
        super().__init__(path, problem, remedy)
        self.path, self.problem, self.remedy = path, problem, remedy


@dataclass(frozen=True)
class Document:
    """What a file says as plain data, and beside it where it says so."""

    file: str
    content: dict[str, Any]
    places: Mapping[KeyPath, Place] = field(default_factory=dict)
    """By the path of each value; that of a mapping's value is where its key is written."""

    def place_of(self, path: KeyPath) -> Place:
        """The place of the value at ``path``, or of the innermost value on the way that the file holds."""
        ways = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[way] for way in ways if way in self.places), Place(self.file, 0))

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Whatever is ``Wrong`` with this content inside gets its line, as a ``ConfigError``."""
        try:
            yield
        except Wrong as wrong:
            place = Place(self.file, 0) if wrong.path is None else self.place_of(wrong.path)
            raise wrong.error(*place, wrong.problem, wrong.remedy) from None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, and what else there is."""
    names = sorted(known)
    if not names:
        return "Nothing can be set here."
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = f"Known here: {', '.join(names)}."
    return f"Did you mean {near[0]}? {listed}" if near else listed


def load_yaml(path: str | Path) -> Document:
    """Read one YAML file whose top level is a mapping, with the line of every key.

    Raises ``ConfigError`` for whatever is not plain data: duplicate keys, anchors, tags, several documents.
    """
    file = str(path)
    root = _compose(file, _read(path))
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            file, 1, "the file is not a mapping of names to values", "Begin with a line such as 'sites:'."
        )
    reader = _Reader(file)
    return Document(file, reader.mapping(root, ()), reader.places)


def _read(path: str | Path) -> str:
    file = Path(path)
    try:
        data = file.read_bytes()
        if len(data) > MAX_BYTES:
            raise ConfigError(
                str(path), 0, f"the file has {len(data)} bytes", f"Keep it under {MAX_BYTES} bytes."
            )
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            str(path), 0, f"the file cannot be read: {error.strerror}", "Check its name and rights."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(str(path), line, "the file is not UTF-8 text", "Save it as UTF-8.") from error


def _compose(file: str, text: str) -> yaml.Node | None:
    try:
        if len(text) > _SURELY_SHALLOW:
            _refuse_depth(file, text)
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        return node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and "\t" in "".join(text.split("\n")[mark.line : mark.line + 1])[: mark.column + 1]:
            said = "a tab stands where YAML wants blanks"
            raise ConfigError(file, mark.line + 1, said, "Indent with blanks.") from error
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(
            file,
            mark.line + 1 if mark else 0,
            f"this is not valid YAML: {problem}",
            "Check indentation, colons and quotes.",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            file, 0, "this is not valid YAML: it holds characters that YAML forbids", "Remove them."
        ) from error


def _refuse_depth(file: str, text: str) -> None:
    """Stop before composing what is nested so deeply that the composer, which recurses in C, would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_deep(Place(file, event.start_mark.line + 1 if event.start_mark else 0))


def _too_deep(place: Place) -> ConfigError:
    return ConfigError(*place, f"this is nested more than {MAX_DEPTH} levels deep", "Flatten it.")


class _Reader:
    """Turns composed nodes into values; every node may be met once, so that aliases cannot multiply."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[KeyPath, Place] = {}
        self.met: set[int] = set()

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        self.places.setdefault(path, self._place(node))
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key in found:
                first = self.places[(*path, key)].line
                raise ConfigError(
                    *self._place(key_node),
                    f"{key!r} is written twice, first on line {first}",
                    "Keep one of the two.",
                )
            self.places[(*path, key)] = self._place(key_node)
            found[key] = self._value(value_node, (*path, key))
        return found

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        self._admit(node, len(path))
        place = self._place(node)
        if isinstance(node, yaml.MappingNode):
            raise ConfigError(*place, "templates ({{ … }}) are not expanded here", "Write the value itself.")
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(*place, "a name is expected here, not a list", "Write 'name: value'.")
        if node.tag == _MERGE:
            raise ConfigError(*place, "merging (<<) is not used here", _INSTEAD)
        return str(node.value)

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._admit(node, len(path))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        return self._sequence(node, path) if isinstance(node, yaml.SequenceNode) else _scalar(node)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        for index, item in enumerate(node.value):
            self.places[(*path, index)] = self._place(item)
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def _admit(self, node: yaml.Node, depth: int) -> None:
        if id(node) in self.met:
            raise ConfigError(
                *self._place(node),
                "anchors and aliases (&name, *name) are not used here",
                _INSTEAD,
            )
        self.met.add(id(node))
        if depth > MAX_DEPTH:
            raise _too_deep(self._place(node))
        if node.tag not in _PLAIN_TAGS:
            raise ConfigError(*self._place(node), f"the tag {node.tag!r} is not used here", "Remove it.")


def _scalar(node: yaml.Node) -> Any:
    """The value as YAML 1.2 reads it: ``no``, ``on``, ``1:30``, ``012`` and dates stay the text they are."""
    text: str = node.value
    if getattr(node, "style", None) in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false", "True", "False"):
        return text.lower() == "true"
    if node.tag in (_STANDARD + "int", _STANDARD + "float"):
        return _number(text)
    return text


def _number(text: str) -> Any:
    digits = text.lstrip("+-")
    if digits.isdecimal() and (digits == "0" or digits[0] != "0"):
        return int(text)
    if digits.count(".") == 1 and digits.replace(".", "").isdecimal():
        return float(text)
    return text


def load_extended(path: str | Path) -> Document:
    """Read a file together with what it ``extends``: mappings merge, everything else replaces.

    ``extends`` names a file in the same folder or below it. Raises ``ConfigError``, also for a circle.
    """
    documents = [load_yaml(path)]
    chain = [Path(path).resolve()]
    while (base := _base_of(documents[-1], chain)) is not None:
        documents.append(load_yaml(base))
        chain.append(base.resolve())
    return reduce(_merge, map(_without_extends, reversed(documents)))


def extended_by(path: str | Path) -> Path | None:
    """The file that one file extends itself, whether it is there or not. Raises ``ConfigError``."""
    return _named_base(load_yaml(path))


def _named_base(document: Document) -> Path | None:
    if "extends" not in document.content:
        return None
    name = document.content["extends"]
    if not isinstance(name, str) or not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError(
            *document.place_of(("extends",)),
            "extends needs the name of a file beside this one",
            "Write for example 'extends: _defaults.yaml'.",
        )
    return Path(document.file).parent / name


def _base_of(document: Document, chain: list[Path]) -> Path | None:
    base = _named_base(document)
    if base is None:
        return None
    place, name = document.place_of(("extends",)), document.content["extends"]
    if base.resolve() in chain:
        raise ConfigError(
            *place, f"extending {name} leads in a circle back to it", "Remove one of the 'extends' lines."
        )
    if not base.is_file():
        beside = Path(document.file).name
        raise ConfigError(
            *place, f"extends names {name}, and there is no such file beside {beside}", "Correct the name."
        )
    return base


def _without_extends(document: Document) -> Document:
    content = {key: value for key, value in document.content.items() if key != "extends"}
    places = {path: place for path, place in document.places.items() if path != ("extends",)}
    return Document(document.file, content, places)


def _merge(base: Document, over: Document) -> Document:
    content, replaced = _merged(base.content, over.content)
    places = {path: place for path, place in base.places.items() if not _is_below(path, replaced)}
    return Document(over.file, content, {**places, **over.places})


def _merged(
    base: dict[str, Any], over: dict[str, Any], path: KeyPath = ()
) -> tuple[dict[str, Any], set[KeyPath]]:
    """What both say together, and the paths at which nothing is left of ``base``."""
    merged, replaced = dict(base), set[KeyPath]()
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key], inside = _merged(base[key], value, (*path, key))
            replaced |= inside
        else:
            merged[key] = value
            replaced.add((*path, key))
    return merged, replaced


def _is_below(path: KeyPath, replaced: set[KeyPath]) -> bool:
    return any(path[:length] in replaced for length in range(1, len(path) + 1))
