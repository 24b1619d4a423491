"""Are so many elements of a page inside of each other that parsing it would take minutes?

A parser looks through all open elements for many of the tags that it meets, so its time grows with the square of
their number. Tags are counted here as a parser would, in linear time; where that is not certain, too many are counted
rather than too few. ``reach.unjudged`` says so for a page that is cut: what comes after is judged by nobody.
"""

from __future__ import annotations

import re

DEEPEST = 2_000
"""Elements inside of each other that are parsed; Chromium stops at 512, and 100,000 would take minutes."""
_TAG = re.compile(
    rb"<(/?)([a-zA-Z][^\s/>]{0,40}+)[^\s/>]*+"
    rb"((?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*\"|'[^']*'|[^\s>\"'][^\s>]*+|(?=>)))?+)*+)>"
)
"""A tag with its attributes: what is between quotation marks is no tag, and an end is none there."""
_BEGINS = re.compile(rb"<(?:!--|/?[a-zA-Z])")
_COMMENT_ENDS = re.compile(rb"--!?>")
_SCRIPT = re.compile(rb"<script[\s/>]", re.IGNORECASE)
_CLOSED_BY_ITSELF = frozenset(
    b"area base br col dd dt embed hr img input li link meta option p source td th tr track wbr".split()
)
_SHAPES = frozenset(
    b"path use circle rect line polygon polyline ellipse stop image animate animatetransform set".split()
)
_OF_SVG = _SHAPES | frozenset(
    b"svg g defs symbol title desc mask pattern clippath lineargradient radialgradient text tspan filter marker".split()
)
_RAW = frozenset(b"script style textarea title xmp iframe noembed noframes".split())
_WALLS = frozenset(
    b"table caption object marquee applet template select svg math foreignobject annotation-xml desc html".split()
)
"""An end tag inside of one of these closes nothing outside of it."""
_NEAR = 50
"""How many open elements an end tag is looked for in."""


def not_too_deep(body: bytes) -> bytes:
    """The body up to where more than ``DEEPEST`` elements are open at once."""
    return body if body.count(b"<") <= DEEPEST else body[: _Walk(body).end]


class _Walk:
    """From tag to tag; ``end`` is where the page is cut."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._open: list[bytes] = []
        self._drawing = self._drew = False
        """Whether it is surely inside of an SVG now, and whether there was one or the like at all."""
        self._raw_until = 0
        self.end = self._find_end()

    def _find_end(self) -> int:
        body, at = self._body, 0
        while (begins := _BEGINS.search(body, at)) is not None:
            at = begins.start()
            if body.startswith(b"<!--", at):
                ends = _COMMENT_ENDS.search(body, at + 2)
                if ends is None:
                    break
                at = ends.end()
            elif (tag := _TAG.match(body, at)) is not None:
                self._count(tag)
                if len(self._open) > DEEPEST:
                    return at
                at = self._after(tag)
            else:
                break  # a tag without an end: a parser drops it with all that follows
        return len(body)

    def _count(self, tag: re.Match[bytes]) -> None:
        name, ends = tag[2].lower(), bool(tag[1])
        if name in (b"svg", b"math"):
            self._drew = True
        drawn = self._drawing and name in _SHAPES and tag[3].endswith(b"/")
        self._drawing = (
            name in _OF_SVG and (self._drawing or name == b"svg") and not (ends and name == b"svg")
        )
        if ends and tag.start() >= self._raw_until:
            self._close(name)
        elif not ends and name not in _CLOSED_BY_ITSELF and not drawn:
            self._open.append(name)

    def _close(self, name: bytes) -> None:
        """Close that element alone: what is inside of it may live on, as a parser does it with ``<b><div></b>``."""
        for back in range(1, min(_NEAR, len(self._open)) + 1):
            if self._open[-back] == name:
                del self._open[-back]
                return
            if self._open[-back] in _WALLS:
                return

    def _after(self, tag: re.Match[bytes]) -> int:
        """Where to go on: behind a script, whose text is no markup.

        In an SVG it is; where that may be so it is counted, and its end tags are not believed.
        """
        name = tag[2].lower()
        if tag[1] or name not in _RAW:
            return tag.end()
        ends = _end_of_raw(self._body, tag.end(), name)
        if self._drew:
            self._raw_until = max(self._raw_until, ends)
            return tag.end()
        return ends


def _end_of_raw(body: bytes, start: int, name: bytes) -> int:
    """Where the end tag of a script or style begins; one that a script within a comment writes is none."""
    for ends in re.compile(rb"</" + name + rb"[\s/>]", re.IGNORECASE).finditer(body, start):
        comment = body.rfind(b"<!--", start, ends.start())
        inside = comment >= 0 and body.find(b"-->", comment, ends.start()) < 0
        if not (inside and name == b"script" and _SCRIPT.search(body, comment, ends.start())):
            return ends.start()
        start = ends.end()
    return len(body)
