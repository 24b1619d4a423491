"""What do a farm's filters let through that they should not?"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aem_checks.dispatcher.any_files import Section, Unknown, Value
from aem_checks.dispatcher.filters import PARTS, Request, Rule, Says, filtered, request_of, rules_in
from aem_checks.dispatcher.nodes import PatternError
from aem_checks.dispatcher.patterns import Matcher, example
from aem_checks.dispatcher.place import Place
from aem_checks.kinds.security._dispatcher_faults import at, fault, note
from aem_checks.kinds.security._doors import PAGE, Door
from aem_checks.outcomes import Finding, Severity
from aem_checks.text import count, quoted

_ANY_PAGE = "/content/stage-gate/en/page"
_MOST_PAGES = 12
_WORD = "stage-gate-x9z"
_STATIC = frozenset(
    ["css", "eot", "gif", "ico", "jpeg", "jpg", "js", "png", "svg", "swf", "ttf", "woff", "woff2"]
)
"""Extensions that Adobe's own default filters let through wherever a file is (default_filters.any, /0011)."""
_OF_PAGES = ("html", "json", "xml", "css", "js", "png", "jpg", "pdf")
_SAMPLES = (
    Request("/"),
    Request("/stage-gate"),
    Request("/content/stage-gate/en.x.y.html/z", "a=b"),
    Request("/bin/stage-gate.json", None, "POST"),
)
"""Requests of all forms: what denies everything denies each of these."""


@dataclass(slots=True)
class Opened:
    """What the doors of one farm came to."""

    by_rule: dict[Rule, list[Door]] = field(default_factory=dict)
    left_to_publish: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def of_filters(farm: Section, doors: Iterable[Door], matcher: Matcher) -> Iterator[Finding]:
    """What is wrong with the filters of a farm. Raises ``TooMuch``."""
    filters = farm.sections("filter")
    for each in filters:
        rules = [rule for rule in rules_in(each) if isinstance(rule, Rule)]
        yield from _written(each)
        yield from _first(each, matcher)
        yield from _selectors(each, rules)
        yield from _lists(each, matcher)
        yield from _doors(each, doors, matcher)
    empty = next((each for each in filters if each.is_whole and not rules_in(each)), None)
    if empty is not None or (not filters and farm.is_whole):
        place = (empty or farm).place
        yield fault(
            "no_filter",
            f"{place.file} {farm.name} filter",
            f"The farm {quoted(farm.name)} in {at(place)} has no /filter, so it lets everything through to publish",
            'add one that begins with /0001 { /type "deny" /url "*" }',
            severity=None,
        )


def _written(filters: Section) -> Iterator[Finding]:
    """What is wrong with each rule as it is written, whatever the others say."""
    for rule in filters.sections():
        pattern = rule.value("glob")
        if pattern is not None and _type_of(rule) == "allow":
            yield fault(
                "allow_by_glob",
                f"{rule.place.file} filter {rule.name}",
                f"The filter {quoted(rule.name)} in {at(rule.place)} allows by /glob {quoted(pattern.text)}, "
                "which matches the whole request line and is easily fooled",
                "use /method, /url, /path, /selectors, /extension",
                severity=None,
            )
        yield from _strange_parts(rule)
    for each in filters.properties():
        where = "directly in /filter, where only rules in braces count"
        yield _out_of_place(each.name, each.value.place, where)


def _type_of(section: Section) -> str:
    kind = section.value("type")
    return kind.text.lower() if kind is not None else ""


def _strange_parts(rule: Section) -> Iterator[Finding]:
    for each in rule.properties():
        if each.name not in PARTS | {"type"}:
            where = f"in the filter {quoted(rule.name)}, which knows no such part"
            yield _out_of_place(each.name, each.value.place, where)
    if _type_of(rule) not in ("allow", "deny"):
        yield _out_of_place(
            "type", rule.place, f"neither 'allow' nor 'deny' in the filter {quoted(rule.name)}"
        )


def _out_of_place(name: str, place: Place, where: str) -> Finding:
    return fault(
        "unexpected",
        f"{place.file} {name}",
        f"/{name[:60]} in {at(place)} is {where}",
        "correct its name or its place; the dispatcher does not do what is meant",
    )


def _first(filters: Section, matcher: Matcher) -> Iterator[Finding]:
    rules = rules_in(filters)
    first = rules[0] if rules else None
    if not isinstance(first, Rule):
        return
    said = {filtered([first], sample, matcher).says for sample in _SAMPLES}
    if said <= {Says.DENY, Says.UNKNOWN}:
        return
    yield fault(
        "first_filter",
        f"{first.place.file} first filter",
        f"The first filter {quoted(first.name)} in {at(first.place)} is no denial of everything, so what "
        "no rule names is open",
        'begin with /0001 { /type "deny" /url "*" }',
        severity=None,
    )


def _selectors(filters: Section, rules: list[Rule]) -> Iterator[Finding]:
    denied = any(rule.says is Says.DENY and rule.pattern("selectors") is not None for rule in rules)
    if rules and filters.is_whole and not denied:
        yield fault(
            "selectors",
            f"{filters.place.file} selectors",
            f"No filter of {at(filters.place)} denies selectors such as infinity or tidy, which export the repository",
            "deny them as Adobe's default_filters.any does",
            severity=None,
        )


def _lists(filters: Section, matcher: Matcher) -> Iterator[Finding]:
    """Selectors and suffixes that nobody expects, on pages that are let through."""
    rules = rules_in(filters)

    def lets_through(url: str) -> bool:
        return filtered(rules, Request(url), matcher).says is Says.ALLOW

    pages = pages_of(rules)
    plain = [(page, kind) for page in pages for kind in _OF_PAGES if lets_through(f"{page}.{kind}")]
    ends = [(page, end) for page in pages for end in _ends_of(rules)]
    tried = (
        ("selector_list", "selector", "selectors", [f"{page}.{_WORD}.{kind}" for page, kind in plain]),
        ("suffixes", "suffix", "suffix", [f"{page}.{end}/{_WORD}" for page, end in (*plain, *ends)]),
    )
    for code, what, part, urls in tried:
        opened = next((url for url in urls if lets_through(url)), None)
        if opened is not None:
            yield fault(
                code,
                f"{filters.place.file} any {what}",
                f"The filters in {at(filters.place)} let through any {what}, such as {quoted(opened)}: whoever makes them up "
                "fills the cache and keeps publish busy",
                f'deny all with /type "deny" /url "/content/*" /{part} "*", and allow those that pages use',
            )


def pages_of(rules: Iterable[Rule | Unknown]) -> list[str]:
    """Pages, without an extension, that the rules are about: what they allow is often one site alone."""
    allowing = (rule for rule in rules if isinstance(rule, Rule) and rule.says is Says.ALLOW)
    named = (page for rule in allowing for page in _named_by(rule))
    return [page for page, _ in zip(dict.fromkeys((_ANY_PAGE, *named)), range(_MOST_PAGES), strict=False)]


def _ends_of(rules: Iterable[Rule | Unknown]) -> list[str]:
    """Selectors with an extension that the rules allow, such as ``model.json``."""
    allowing = [rule for rule in rules if isinstance(rule, Rule) and rule.says is Says.ALLOW]
    pairs = [(rule.pattern("selectors"), rule.pattern("extension")) for rule in allowing]
    found = dict.fromkeys(f"{_example(first)}.{_example(last)}" for first, last in pairs)
    return [end for end in found if not end.startswith(".") and not end.endswith(".")][:_MOST_PAGES]


def _example(value: Value | None) -> str:
    """What the pattern matches; empty where that is not known."""
    if value is None or not value.is_known:
        return ""
    try:
        return example(value.text, is_regex=value.quote == "'")
    except PatternError:
        return ""


def _named_by(rule: Rule) -> Iterator[str]:
    for value in (rule.pattern("path"), rule.pattern("url")):
        page = _example(value).partition(".")[0].rstrip("/")
        if page.startswith("/content/"):
            yield page


def _doors(filters: Section, doors: Iterable[Door], matcher: Matcher) -> Iterator[Finding]:
    doors = list(doors)
    opened = opened_by(filters, doors, matcher)
    for rule, through in opened.by_rule.items():
        yield _opens(rule, through)
    where = f"{filters.place.file} filter"
    if opened.left_to_publish:
        yield note(
            "left_to_publish",
            f"{where} left to publish",
            f"{count(len(opened.left_to_publish), 'path')} that have to be closed, such as "
            f"{quoted(opened.left_to_publish[0])}, pass {at(filters.place)} because they end like a file of a page's design, or "
            "by Adobe's own default filters: publish has to refuse them. dispatcher_probes asks it.",
        )
    if opened.undecided:
        yield note(
            "undecided",
            f"{where} undecided",
            f"For {len(opened.undecided)} of {len(doors)} paths that have to be closed, such as "
            f"{quoted(opened.undecided[0])}, files of the image or variables decide behind {at(filters.place)}: git does not "
            "tell. dispatcher_probes asks stage.",
        )


def opened_by(filters: Section, doors: Iterable[Door], matcher: Matcher) -> Opened:
    """Which doors the filters let through, and by which rule. Raises ``TooMuch``."""
    rules, opened = rules_in(filters), Opened()
    pages = pages_of(rules)
    for door in doors:
        asked = [door.name.replace(PAGE, page) for page in pages] if PAGE in door.name else [door.name]
        requests = [request_of(path) for path in asked]
        decisions = [filtered(rules, request, matcher) for request in requests]
        ways = [
            (decision.rule, _is_adobes(decision.rule) or _is_static(decision.rule, request))
            for decision, request in zip(decisions, requests, strict=True)
            if decision.says is Says.ALLOW and decision.rule is not None
        ]
        wide = next((rule for rule, usual in ways if not usual), None)
        if wide is not None:
            opened.by_rule.setdefault(wide, []).append(door)
        elif ways:
            opened.left_to_publish.append(door.name)
        elif any(decision.says is Says.UNKNOWN for decision in decisions):
            opened.undecided.append(door.name)
    return opened


def _is_adobes(rule: Rule) -> bool:
    """Content that Adobe's own default filters let through, as for Forms and Screens; the image brings them in any case."""
    named = rule.pattern("path") or rule.pattern("url")
    of_content = named is not None and named.text.startswith("/content/")
    return of_content and posixpath.basename(rule.place.file) == "default_filters.any"


def _is_static(rule: Rule, request: Request) -> bool:
    return rule.pattern("extension") is not None and bool(_STATIC & set(request.part("extension")))


def _opens(rule: Rule, doors: list[Door]) -> Finding:
    grave = any(door.severity is Severity.BLOCK for door in doors)
    first = next((door for door in doors if door.severity is Severity.BLOCK), doors[0])
    more = f" and {len(doors) - 3} more" if len(doors) > 3 else ""
    names = ", ".join(door.name for door in doors[:3])
    return fault(
        "opens",
        f"{rule.place.file} filter {rule.name} opens {names}{more}",
        f"The filter {quoted(rule.name)} in {at(rule.place)} lets through {count(len(doors), 'path')} of AEM that "
        f"{'has' if len(doors) == 1 else 'have'} to be closed, such as {quoted(first.name)} ({first.leak})",
        "allow only what pages need, or deny these behind it",
        severity=None if grave else Severity.WARN,
    )
