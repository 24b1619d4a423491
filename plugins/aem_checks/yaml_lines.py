"""What does a YAML file say, and on which line does it say it?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
_SURELY_SHALLOW = 4096
"""Characters; no shorter text can be nested deeply enough to do harm."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _STANDARD + name
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)


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


class Map(dict[str, Any]):
    """A YAML mapping that remembers where each of its keys is written."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}

    def put(self, key: str, value: Any, place: Place) -> None:
        self[key] = value
        self.key_places[key] = place


class Seq(list[Any]):
    """A YAML list that remembers where each of its items is written."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.item_places: list[Place] = []


def tree_of(content: Mapping[str, Any], place: Place) -> Map:
    """The tree of values that come from elsewhere than a file, every one of them at ``place``."""
    tree = Map(place)
    for key, value in content.items():
        tree.put(str(key), _branch(value, place), place)
    return tree


def _branch(value: Any, place: Place) -> Any:
    if isinstance(value, Mapping):
        return tree_of(value, place)
    if not isinstance(value, list | tuple):
        return value
    items = Seq(place)
    items.extend(_branch(item, place) for item in value)
    items.item_places.extend(place for _ in value)
    return items


def plain(value: Any) -> Any:
    """The same values without their places, as ordinary dicts and lists."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def place_of(tree: Any, path: Iterable[str | int]) -> Place:
    """The place of the value at ``path``, or of the innermost value on the way that the file holds."""
    place: Place = tree.place
    for part in path:
        if isinstance(tree, Map) and part in tree:
            place, tree = tree.key_places[str(part)], tree[str(part)]
        elif isinstance(tree, Seq) and isinstance(part, int) and part < len(tree):
            place, tree = tree.item_places[part], tree[part]
        else:
            break
    return place


def suggestion(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, and what else there is."""
    names = sorted(known)
    if not names:
        return "Nothing can be set here."
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = f"Known here: {', '.join(names)}."
    return f"Did you mean {near[0]}? {listed}" if near else listed


def load_yaml(path: str | Path) -> Map:
    """Read one YAML file whose top level is a mapping, with the line of every key.

    Raises ``ConfigError`` for whatever is not plain data: duplicate keys, anchors, tags, several documents.
    """
    file = str(path)
    root = _compose(file, _read(path))
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            file, 1, "the file is not a mapping of names to values", "Begin with a line such as 'sites:'."
        )
    tree: Map = _Reader(file).mapping(root, 0)
    return tree


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
        self.met: set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._admit(node, depth)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return self.sequence(node, depth)
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, depth: int) -> Map:
        tree = Map(self._place(node))
        for key_node, value_node in node.value:
            place = self._place(key_node)
            self._admit(key_node, depth)
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(
                    *place, "a name is expected here, not a list or mapping", "Write 'name: value'."
                )
            key = str(key_node.value)
            if key in tree:
                first = tree.key_places[key].line
                raise ConfigError(
                    *place, f"{key!r} is written twice, first on line {first}", "Keep one of the two."
                )
            tree.put(key, self.value(value_node, depth + 1), place)
        return tree

    def sequence(self, node: yaml.SequenceNode, depth: int) -> Seq:
        items = Seq(self._place(node))
        for item in node.value:
            items.append(self.value(item, depth + 1))
            items.item_places.append(self._place(item))
        return items

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def _admit(self, node: yaml.Node, depth: int) -> None:
        if id(node) in self.met:
            raise ConfigError(
                *self._place(node),
                "anchors and aliases (&name, *name) are not used here",
                "Write the value out, or share it with 'extends: FILE'.",
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


def load_extended(path: str | Path) -> Map:
    """Read a file together with what it ``extends``: mappings merge, everything else replaces.

    ``extends`` names a file in the same folder or below it. Raises ``ConfigError``, also for a circle.
    """
    chain: list[Path] = []
    trees: list[Map] = []
    following: Path | None = Path(path)
    while following is not None:
        tree = load_yaml(following)
        chain.append(following.resolve())
        trees.append(tree)
        following = _base_of(tree, following, chain)
    merged = trees.pop()
    while trees:
        merged = _merge(merged, trees.pop())
    return merged


def extended_by(path: str | Path) -> Path | None:
    """The file that one file extends itself, whether it is there or not. Raises ``ConfigError``."""
    return _named_base(load_yaml(path), Path(path))


def _named_base(tree: Map, path: Path) -> Path | None:
    if "extends" not in tree:
        return None
    place, name = tree.key_places["extends"], tree["extends"]
    if not isinstance(name, str) or not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError(
            *place,
            "extends needs the name of a file beside this one",
            "Write for example 'extends: _defaults.yaml'.",
        )
    return path.parent / name


def _base_of(tree: Map, path: Path, chain: list[Path]) -> Path | None:
    base = _named_base(tree, path)
    if base is None:
        return None
    place, name = tree.key_places.pop("extends"), tree.pop("extends")
    if base.resolve() in chain:
        raise ConfigError(
            *place, f"extending {name} leads in a circle back to it", "Remove one of the 'extends' lines."
        )
    if not base.is_file():
        raise ConfigError(
            *place, f"extends names {name}, and there is no such file beside {path.name}", "Correct the name."
        )
    return base


def _merge(base: Map, over: Map) -> Map:
    merged = Map(over.place)
    for key, value in base.items():
        merged.put(key, value, base.key_places[key])
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Map) and isinstance(value, Map)
        merged.put(key, _merge(old, value) if both else value, over.key_places[key])  # type: ignore[arg-type]
    return merged
