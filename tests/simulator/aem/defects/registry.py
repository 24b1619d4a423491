"""What is a defect? A named function that changes one thing of an answer, at one of four places."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from simulator.aem.exchange import Ask, Reply

Place = Literal["origin", "headers", "edge", "nodes", "author"]
"""``origin`` replaces what publish and dispatcher answer, ``headers`` changes the headers that they set, both
before the CDN keeps the answer; ``edge`` changes what leaves the CDN; ``nodes``: which node has which;
``author``: what the author service answers."""

PAGE = "/us/en/magazine.html"
"""The page that a defect of one page hits."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a defect may know beside request and answer."""

    own_url: str
    lost: Callable[[], Reply]


Change = Callable[[Ask, Reply, Scene], Reply]


@dataclass(frozen=True, slots=True)
class Defect:
    """A named change; ``says`` is one sentence for people."""

    name: str
    place: Place
    says: str
    change: Change


REGISTRY: dict[str, Defect] = {}


def defect(place: Place) -> Callable[[Change], Change]:
    """Register a function under its own name; its docstring is what it says."""

    def register(change: Change) -> Change:
        name = change.__name__
        REGISTRY[name] = Defect(name, place, (change.__doc__ or "").strip(), change)
        return change

    return register


def apply(place: Place, names: Iterable[str], ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The answer after all defects of that place, in alphabetical order of their names."""
    for name in sorted(names):
        found = REGISTRY[name]
        if found.place == place:
            reply = found.change(ask, reply, scene)
    return reply


def on_page(ask: Ask) -> bool:
    """Whether this is about the page that defects of one page hit, by its short or its repository path."""
    return ask.public_path == PAGE
