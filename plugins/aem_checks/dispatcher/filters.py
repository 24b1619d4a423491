"""What do the dispatcher's filters let through? Rules are asked from the last to the first: the last that matches wins.

As Adobe writes it down (dispatcher-configuration#configuring-access-to-content-filter), with what it leaves open decided
as the community found it (github.com/valtech-ch/aem-dispatcher-filter, filter.md): a pattern matches the whole part; of
several selectors one has to match; a part that a request does not have is matched by an empty pattern alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote

from aem_checks.dispatcher.any_files import Section, Unknown, Value
from aem_checks.dispatcher.nodes import PatternError
from aem_checks.dispatcher.patterns import Matcher
from aem_checks.dispatcher.place import Place

PARTS = frozenset(
    {"url", "path", "selectors", "extension", "suffix", "method", "query", "protocol", "version", "glob"}
)
"""What of a request a filter can be about; its ``/type`` says whether it allows."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it comes to the dispatcher: its URL is decoded and has no ``..`` any more."""

    url: str
    query: str | None = None
    method: str = "GET"

    def part(self, name: str) -> tuple[str, ...]:
        """What the request has of this part: nothing, one text, or each selector."""
        path, selectors, extension, suffix = decomposed(self.url)
        if name == "selectors":
            return tuple(selectors.split(".")) if selectors else ()
        line = f"{self.method} {self.url}{'' if self.query is None else f'?{self.query}'} HTTP/1.1"
        told: dict[str, str | None] = {
            "url": self.url,
            "path": path,
            "extension": extension or None,
            "suffix": suffix or None,
            "method": self.method,
            "query": self.query,
            "glob": line,
        }
        text = told.get(name, "HTTP/1.1")
        return () if text is None else (text,)


def request_of(path: str, method: str = "GET") -> Request:
    """The request for a path as it is sent, after Apache has decoded it."""
    written, mark, query = path.partition("?")
    decoded = unquote(written, errors="replace")
    plain = posixpath.normpath(decoded) if "/." in decoded else decoded
    return Request(re.sub("/{2,}", "/", plain), query if mark else None, method)


@lru_cache(maxsize=4096)
def decomposed(url: str) -> tuple[str, str, str, str]:
    """Path, selectors, extension and suffix, as Sling tells them where it knows no resource: by the first dot."""
    path, _, rest = url.partition(".")
    name, slash, suffix = rest.partition("/")
    selectors, _, extension = name.rpartition(".")
    return path, selectors, extension, slash + suffix


class Says(Enum):
    """What rules say to a request."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "no rule is about it"
    UNKNOWN = "it hangs on what is not known"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it says, and to what. ``says`` is ``UNKNOWN`` where it can't be read."""

    name: str
    place: Place
    says: Says
    patterns: tuple[tuple[str, Value], ...]

    def pattern(self, part: str) -> Value | None:
        return next((value for name, value in self.patterns if name == part), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What all rules say, and the one that decides."""

    says: Says
    rule: Rule | None = None


Rules = Sequence[Rule | Unknown]


def rules_in(section: Section) -> list[Rule | Unknown]:
    """The rules of ``/filter``, ``/rules``, ``/invalidate``, ``/ignoreUrlParams`` or ``/allowedClients``, in their order."""
    found: list[Rule | Unknown] = []
    for item in section.items:
        if isinstance(item, Section):
            found.append(_rule(item))
        elif isinstance(item, Unknown):
            found.append(item)
    return found


def _rule(section: Section) -> Rule:
    kind = section.value("type")
    says = {"allow": Says.ALLOW, "deny": Says.DENY}.get(kind.text.lower() if kind else "", Says.UNKNOWN)
    patterns = {each.name: each.value for each in section.properties() if each.name in PARTS}
    others = any(each.name not in PARTS | {"type"} for each in section.properties())
    if others or not patterns or not section.is_whole:
        says = Says.UNKNOWN
    return Rule(section.name, section.place, says, tuple(patterns.items()))


def decide(rules: Rules, matches: Callable[[Rule], bool | None]) -> Decision:
    """The last rule that matches decides, unless one behind it, of which it is not known, would say something else."""
    perhaps: set[Says] = set()
    for rule in reversed(rules):
        if isinstance(rule, Unknown):
            return Decision(Says.UNKNOWN)
        found = matches(rule)
        if found is None or (found and rule.says is Says.UNKNOWN):
            perhaps.add(rule.says)
        elif found:
            return Decision(rule.says, rule) if perhaps <= {rule.says} else Decision(Says.UNKNOWN)
    return Decision(Says.UNKNOWN if perhaps else Says.NOTHING)


def filtered(rules: Rules, request: Request, matcher: Matcher) -> Decision:
    """What the filters say to a request. Raises ``TooMuch``."""
    return decide(rules, lambda rule: _all(rule, request, matcher))


def globbed(rules: Rules, text: str, matcher: Matcher) -> Decision:
    """What rules with a ``/glob`` alone say to a text: a path, an address, the name of a parameter. Raises ``TooMuch``."""

    def matches(rule: Rule) -> bool | None:
        pattern = rule.pattern("glob")
        return None if pattern is None else _one(pattern, (text,), matcher)

    return decide(rules, matches)


def _all(rule: Rule, request: Request, matcher: Matcher) -> bool | None:
    """Whether all parts of a rule match: it is not known only where none of the others says no."""
    known: bool | None = True
    for name, pattern in rule.patterns:
        found = _one(pattern, request.part(name), matcher)
        if found is False:
            return False
        known = known if found else None
    return known


def _one(pattern: Value, texts: tuple[str, ...], matcher: Matcher) -> bool | None:
    if not pattern.is_known:
        return None
    if not texts or not pattern.text:
        return not pattern.text and not any(texts)
    try:
        return any(matcher.matches(pattern.text, text, is_regex=pattern.quote == "'") for text in texts)
    except PatternError:
        return None
