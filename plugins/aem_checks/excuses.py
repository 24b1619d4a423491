"""By which settings does a check overlook something, and when does such a setting overlook everything?

An excuse is whatever makes a gate overlook a finding. A setting that is one says so in its type, whatever it is called:
``ignore: Annotated[tuple[str, ...], PATTERNS] = ()``. Whoever has to know all excuses (the guard over the deployment's
minimum, the Docs tab, the JSON Schema, the report) finds them by that type, ``Excuses``, with ``overlooked_by``.

How much is looked at (pages, samples, a depth) is no excuse, unless it is nothing at all. A threshold is one as soon as it is
laxer than the default, and ten times laxer it can hardly fail any more: then it overlooks everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from aem_checks.durations import format_duration

Pages = Sequence[str]
"""Paths of the site's pages, as a gate file names them."""
_SHORTEST_PIECE = 4
_IN_EVERY_ADDRESS = frozenset({"http", "https", "html", "adobeaemcloud", "publish"})
_IN_EVERY_PATH = _IN_EVERY_ADDRESS | {"content"}
_DEEP_ENOUGH = 2
"""Slashes inside of a path that names one folder, whatever its name: ``/us/en/faq``."""
_WHOLE_PAGE = re.compile(r"(?:(?:\*|:root|html|body|main|div)[\s>]*)+", re.IGNORECASE)
_NAMED_SO = frozenset({"allow", "waive", "ignore", "exempt"})
"""A setting of a team's own check that is called so is an excuse, though it does not say so."""


def _never(value: Any, pages: Pages) -> bool:
    return False


def _goes_beyond(value: Any, default: Any) -> bool:
    """Whether a value holds anything that the default does not."""
    if isinstance(value, tuple | list):
        return any(each not in (default or ()) for each in value)
    return bool(value != default)


@dataclass(frozen=True, slots=True)
class Excuses:
    """Declares that a setting makes its check overlook something."""

    everything: Callable[[Any, Pages], bool] = _never
    """Whether this value overlooks everything that the setting can overlook, or nearly."""
    words: str = ""
    """What value would do that, for people; empty where none does."""
    uses: Callable[[Any, Any], bool] = _goes_beyond
    """Whether this value overlooks anything, beside the default."""
    demands: bool = False
    """Whether it is a demand, and an excuse only where anything at all meets it."""


class Overlooked(NamedTuple):
    """One excuse that settings make use of."""

    path: tuple[str | int, ...]
    """Where it stands below the settings, as a file writes it."""
    value: Any
    everything: bool

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path))

    @property
    def shown(self) -> str:
        """The value, for people."""
        return shown(self.value)


def overlooked_by(settings: BaseModel, pages: Pages = ()) -> Iterator[Overlooked]:
    """Every excuse that these settings make use of, those inside of them too. ``pages`` are those of the site."""
    for name, written, excuses, default in _fields_of(type(settings)):
        value = getattr(settings, name)
        if excuses is not None and excuses.uses(value, default):
            yield Overlooked((written,), value, excuses.everything(value, pages))
        for place, inner in _inside(value):
            for found in overlooked_by(inner, pages):
                yield found._replace(path=(written, *place, *found.path))


@cache
def _fields_of(model: type[BaseModel]) -> tuple[tuple[str, str, Excuses | None, Any], ...]:
    """Name, name in a file, excuse and default of each setting: read once, since each Dag parse asks for all of them."""
    return tuple(
        (name, field.alias or name, declared(name, field), _default(field))
        for name, field in model.model_fields.items()
    )


def declared(name: str, field: FieldInfo) -> Excuses | None:
    """What a setting's type says of it; ``None`` for one that is no excuse."""
    found = [each for each in (*field.metadata, *_annotated(field.annotation)) if isinstance(each, Excuses)]
    return found[0] if found else PATTERNS if name in _NAMED_SO else None


def told(excuses: Excuses) -> str:
    """A sentence on what a setting is, for people: that it excuses, and how much at most."""
    if excuses.demands:
        return f"An excuse only as {excuses.words}, which overlooks everything."
    return f"An excuse; it overlooks everything as {excuses.words}." if excuses.words else "An excuse."


def names_something(pattern: str) -> bool:
    """Whether a pattern says what it is about.

    Without a wildcard it is one thing. With one it needs four characters in a row that are no wildcard, no
    punctuation of an address and no word that every address has.
    """
    return bool(pattern.strip()) if not _is_wild(pattern) else _has_a_piece(pattern, _IN_EVERY_ADDRESS)


def _is_wild(pattern: str) -> bool:
    return re.search(r"[*?\[\]]", pattern) is not None


def _has_a_piece(pattern: str, usual: frozenset[str]) -> bool:
    pieces = re.split(r"[*?/.:;_\s-]+", re.sub(r"\[[^\]]*\]?", "*", pattern))
    return any(len(piece) >= _SHORTEST_PIECE and piece.lower() not in usual for piece in pieces)


def shown(value: Any) -> str:
    """A value of a setting as a gate file would write it, shortened."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Mapping):
        text = ", ".join(f"{name}: {shown(each)}" for name, each in value.items())
    elif isinstance(value, tuple | list):
        text = ", ".join(map(shown, value)) or "none"
    else:
        text = str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _default(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True)
    return () if default is PydanticUndefined else default


def _annotated(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for part in get_args(annotation):
        yield from _annotated(part)


def _inside(value: Any) -> Iterator[tuple[tuple[str | int, ...], BaseModel]]:
    if isinstance(value, BaseModel):
        yield (), value
    elif isinstance(value, tuple | list | Mapping):
        items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
        yield from (((place,), each) for place, each in items if isinstance(each, BaseModel))


NAMES = Excuses()
"""Things by their exact names: each is one thing, and the list of them says which."""


def _any_broad(patterns: Any, pages: Pages) -> bool:
    return any(not names_something(each) for each in _texts(patterns))


PATTERNS = Excuses(_any_broad, "a pattern that is little but wildcards")
"""Names with ``*`` and ``?``."""


def _covers_pages(paths: Any, pages: Pages) -> bool:
    broad = any(_is_wild(each) and not _has_a_piece(each, _IN_EVERY_PATH) for each in paths)
    return broad or _all(pages, lambda page: any(fnmatchcase(page, each) for each in paths))


PATHS = Excuses(_covers_pages, "a pattern that is little but wildcards, or patterns that cover all pages")
"""Paths with ``*`` and ``?``."""


ROOTS = Excuses(lambda paths, _: _covers_pages(paths, ()), PATTERNS.words)
"""The same of paths in the repository, where a site's pages say nothing."""


def _covers_beginnings(beginnings: Any, pages: Pages) -> bool:
    broad = any(
        each.strip("/").count("/") < _DEEP_ENOUGH and not _has_a_piece(each, _IN_EVERY_PATH)
        for each in beginnings
    )
    return broad or _all(pages, lambda page: page.startswith(tuple(beginnings)))


BEGINNINGS = Excuses(_covers_beginnings, "a beginning that says little, or beginnings of all pages")
"""Beginnings of paths."""


def _all(pages: Pages, excused: Callable[[str], bool]) -> bool:
    return bool(pages) and all(excused(page.partition("?")[0]) for page in pages)


PAGES = Excuses(lambda paths, pages: _all(pages, lambda page: page in paths), "all pages")
"""Pages by their exact paths."""
SELECTORS = Excuses(
    lambda selectors, _: any(
        _WHOLE_PAGE.fullmatch(part.strip()) for each in _texts(selectors) for part in each.split(",")
    ),
    "a selector of the whole page, such as `body`",
)
"""CSS selectors."""


def _texts(value: Any) -> Sequence[str]:
    """The texts in a value; a team's setting may be of any type."""
    items = (value,) if isinstance(value, str) else value if isinstance(value, tuple | list) else ()
    return [each for each in items if isinstance(each, str)]


def expressions(*samples: str, whole: bool = False) -> Excuses:
    """Regular expressions; one that fits all of these different samples fits everything. ``whole``: it has to fit all of it."""

    def everything(patterns: Any, pages: Pages) -> bool:
        fits = re.fullmatch if whole else re.search
        return any(all(fits(pattern, sample) for sample in samples) for pattern in patterns)

    return Excuses(everything, "an expression that fits anything")


def switch(value: Any, *, everything: bool = False) -> Excuses:
    """A setting that overlooks something when it has this value."""

    def is_that(given: Any, beside: Any) -> bool:
        return bool(given == value)

    words = f"`{shown(value)}`" if shown(value) else "an empty text"
    return Excuses(is_that if everything else _never, words if everything else "", is_that)


def hollow(everything: Callable[[Any, Pages], bool], words: str) -> Excuses:
    """A demand, which is an excuse only where anything at all meets it."""
    return Excuses(everything, words, lambda value, _: everything(value, ()), demands=True)


def above(limit: Any = None) -> Excuses:
    """A threshold that is laxer the higher it is; beyond ``limit`` it can hardly fail. ``None`` is no threshold at all."""

    def uses(value: Any, default: Any) -> bool:
        return value is None or value > default

    if limit is None:
        return Excuses(uses=uses)
    return Excuses(lambda value, _: value is None or value > limit, f"more than {shown(limit)}", uses)


def below(limit: Any) -> Excuses:
    """A threshold that is laxer the lower it is; below ``limit`` it can hardly fail."""

    def uses(value: Any, default: Any) -> bool:
        return value is not None and (default is None or value < default)

    return Excuses(lambda value, _: value is not None and value < limit, f"less than {shown(limit)}", uses)


def without(*names: str) -> Excuses:
    """A list of what is looked at; whoever leaves one of these out overlooks it, and without any of them everything."""

    def uses(value: Any, default: Any) -> bool:
        return not set(names) <= set(value)

    return Excuses(lambda value, _: not set(names) & set(value), "nothing of the default", uses)


def half_of(known: Callable[[], Sequence[str]]) -> Excuses:
    """Names out of a list that is known; more than half of them are nearly all."""

    def everything(value: Any, pages: Pages) -> bool:
        return 2 * len(set(value) & set(known())) > len(set(known()))

    return Excuses(everything, "more than half of them")
