"""Which findings follow from another one? A pure function of the results of one attempt, by codes and addresses.

It changes no outcome: what follows from something still stands against a release where it stood. It is for whoever
tells of it, so that one cause is told once.

A finding follows from another of the same site that counts against the release too, is of an earlier kind of
``ORIGINS``, and is about the same: the same page, a file that it names, or the whole site. What was not seen explains
nothing that failed. What is an origin follows from nothing itself, so there is no circle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from aem_checks.outcomes import CheckResult, Finding, Outcome
from aem_checks.reach import REFUSALS
from aem_checks.urls import host_of, parts_of, path_of

ORIGINS = ("settled", "key_pages", "client_libraries", "images")
"""Kinds whose findings others follow from: the site, its pages, what they load. A later one follows from an earlier."""

ON_AUTHOR = frozenset(
    {"author_reachable", "author_consoles", "authoring", "distribution_queues", "publish_round_trip"}
)
"""Kinds whose paths are those of another service: what they meet there follows from nothing that the site does."""

_SILENCE = re.compile(r"\bstatus (\d{3})\b|^(no answer)\b")
_GONE = frozenset(
    f"key_pages.{word}" for word in ("no_answer", "status", "login", "leaves_site", "endless_redirect")
)
_OF_A_PAGE = frozenset(
    {
        "accessibility.new_violation",
        "links.broken",
        "page_errors.browser",
        "page_errors.console",
        "page_errors.exception",
        "page_errors.request",
        "response_parity.key_page_lost",
        "sitemap.listed_page",
        "visual.different",
    }
)
_UNSEEN = ("no_answer", "not_judged")
_LOST = frozenset(f"client_libraries.{word}" for word in ("status", "content_type", "empty", "no_answer"))
_NAMES_IT = frozenset(
    {"page_errors.browser", "page_errors.console", "page_errors.request", "page_weight.compression"}
)
_LOOKS_OTHERWISE = frozenset({"accessibility.new_violation", "page_weight.growth", "visual.different"})
_RUNS_OTHERWISE = frozenset({"page_errors.console", "page_errors.exception"})
_NO_FILE = frozenset(f"images.{word}" for word in ("status", "content_type", "damaged", "no_answer"))
_ASKS_FOR_IT = frozenset({"links.broken", "page_errors.request"})


@dataclass(frozen=True)
class Origin:
    """What a finding follows from."""

    key: str
    """Of the check that saw it."""
    subject: str
    code: str

    def __str__(self) -> str:
        return f"{self.key}: {self.subject}"

    @property
    def fault(self) -> tuple[str, str]:
        """What it is told with: the same fault that the same check saw elsewhere."""
        return self.key, self.code


class Follows:
    """Of findings that follow from another one, which that is."""

    def __init__(self, origins: Mapping[tuple[str, Finding], Origin]) -> None:
        self._origins = origins
        self._firsts = frozenset(origins.values())

    def origin(self, key: str, finding: Finding) -> Origin | None:
        """What a finding of the check ``key`` follows from; ``None`` for what stands for itself."""
        return self._origins.get((key, finding))

    def is_origin(self, key: str, finding: Finding) -> bool:
        """Whether anything follows from it."""
        return Origin(key, finding.subject, finding.code) in self._firsts


NOTHING_FOLLOWS = Follows({})


@dataclass(frozen=True)
class _Seen:
    """One finding that counts against the release."""

    key: str
    kind: str
    finding: Finding
    is_whole: bool
    """Whether nobody who asks the site gets more than this answer."""

    @property
    def rank(self) -> int:
        """Which findings it can follow from: those of a lower one."""
        is_first = self.finding.code == "settled.no_answer" or self.kind in ORIGINS[1:]
        return ORIGINS.index(self.kind) if is_first else len(ORIGINS)

    @property
    def places(self) -> set[str]:
        """Paths of all that it is about."""
        return {_path(each) for each in (_address(self.finding), *self.finding.about) if each}


@dataclass(frozen=True)
class _Rule:
    """From which faults which others follow, where ``matches`` says that both are about the same."""

    origins: frozenset[str]
    followers: Callable[[str], bool]
    """Of a whole code."""
    matches: Callable[[_Seen, _Seen], bool]


def follows_from(results: Iterable[CheckResult]) -> Follows:
    """What follows from what among the results of one attempt; each site, and stage and production, by itself."""
    place = sorted(results, key=lambda each: (each.site, each.target))
    origins: dict[tuple[str, Finding], Origin] = {}
    for _, of_site in groupby(place, key=lambda each: (each.site, each.target)):
        seen = [each for result in of_site for each in _against(result)]
        origins |= _of_one_site(sorted(seen, key=lambda one: (one.rank, one.key)))
    return Follows(origins)


def _against(result: CheckResult) -> Iterator[_Seen]:
    whole = _of_the_whole_site(result)
    for each in result.findings:
        if each.outcome is not Outcome.PASSED:
            yield _Seen(result.key, result.kind, each, each in whole)


def _of_the_whole_site(result: CheckResult) -> list[Finding]:
    """The first finding of each refusal that every page met which was examined."""
    by_silence: dict[str, list[Finding]] = {}
    for each in result.findings if result.kind in ORIGINS[:2] else ():
        if (silence := _silence(each)) is not None:
            by_silence.setdefault(silence, []).append(each)
    return [
        alike[0]
        for alike in by_silence.values()
        if result.kind == "settled" or len({each.subject for each in alike}) == result.examined
    ]


def _of_one_site(ordered: Iterable[_Seen]) -> dict[tuple[str, Finding], Origin]:
    """By rank, so that what an origin follows from itself is known before anything follows from it."""
    found: dict[tuple[str, Finding], Origin] = {}
    known = _Known()
    for each in ordered:
        origin = next((other for other in known.near(each) if _is_origin_of(other, each)), None)
        if origin is not None:
            first = Origin(origin.key, origin.finding.subject, origin.finding.code)
            found[each.key, each.finding] = found.get((origin.key, origin.finding), first)
        known.add(each)
    return found


class _Known:
    """Origins by what they are about, so that of a thousand pages not every one is compared with every other."""

    def __init__(self) -> None:
        self._whole: dict[_Seen, None] = {}
        self._by_place: dict[str, list[_Seen]] = {}

    def add(self, seen: _Seen) -> None:
        if seen.rank == len(ORIGINS):
            return
        if seen.is_whole:
            self._whole[seen] = None
        for place in seen.places:
            self._by_place.setdefault(place, []).append(seen)

    def near(self, seen: _Seen) -> list[_Seen]:
        """Those about the same place or the whole site, by rank, in the order in which they came."""
        near = dict(self._whole)
        for place in sorted(seen.places):
            near |= dict.fromkeys(self._by_place.get(place, ()))
        return sorted(near, key=lambda one: one.rank)


def _is_origin_of(origin: _Seen, other: _Seen) -> bool:
    unseen = origin.finding.outcome is Outcome.INCONCLUSIVE
    if origin.rank >= other.rank or (unseen and other.finding.outcome is Outcome.FAILED):
        return False
    if other.kind in ON_AUTHOR:
        return False
    return any(
        origin.finding.code in rule.origins
        and rule.followers(other.finding.code)
        and rule.matches(origin, other)
        for rule in _RULES
    )


def _whole_site(origin: _Seen, other: _Seen) -> bool:
    """Whether the other got the same on the same host as everybody who asks the site."""
    subject = other.finding.subject
    if not origin.is_whole or _address(other.finding) != subject:
        return False
    if _silence(origin.finding) != _silence(other.finding):
        return False
    return subject.startswith("/") or host_of(subject) == host_of(origin.finding.subject)


def _silence(finding: Finding) -> str | None:
    """The status with which the site, or something before it, refuses or fails, or that nobody answered."""
    found = _SILENCE.search(finding.actual)
    if found is None or finding.outcome is Outcome.PASSED:
        return None
    status = int(found[1] or 0)
    return found[0] if not status or status >= 500 or status in REFUSALS else None


def _same_page(origin: _Seen, other: _Seen) -> bool:
    pages = _pages(other.finding)
    return bool(pages) and all(_is_same(each, origin.finding.subject) for each in pages)


def _on_its_pages(origin: _Seen, other: _Seen) -> bool:
    """Whether every page that the other is about uses what the origin is about."""
    pages = _pages(other.finding)
    return bool(pages) and pages <= set(origin.finding.about)


def _on_pages_of_a_script(origin: _Seen, other: _Seen) -> bool:
    return parts_of(origin.finding.subject).path.endswith(".js") and _on_its_pages(origin, other)


def _same_file(origin: _Seen, other: _Seen) -> bool:
    """Whether the other names the file, by its whole address or by its path."""
    files = {origin.finding.subject, *(each for each in origin.finding.about if not each.startswith("/"))}
    named = {_address(other.finding), *other.finding.about} - {""}
    return any(_is_same(one, file) for one in named for file in files)


def _pages(finding: Finding) -> set[str]:
    """Pages as paths, or as the address that is the subject."""
    return {each for each in finding.about if each.startswith("/")} or {_address(finding)} - {""}


def _address(finding: Finding) -> str:
    """The address with which a subject begins; empty where it begins with none."""
    first = finding.subject.partition(" ")[0]
    return first if first.startswith(("/", "https://", "http://")) else ""


def _is_same(one: str, other: str) -> bool:
    """Whether both are one address, a path being one of the site."""
    if one.startswith("/") == other.startswith("/"):
        return one == other
    return _path(one) == _path(other)


def _path(address: str) -> str:
    return address if address.startswith("/") else path_of(address)


def _is_unseen(code: str) -> bool:
    return code.rpartition(".")[2] in _UNSEEN


_RULES = (
    _Rule(frozenset({"settled.no_answer", "key_pages.no_answer", "key_pages.status"}), bool, _whole_site),
    _Rule(_GONE, lambda code: code in _OF_A_PAGE or _is_unseen(code), _same_page),
    _Rule(_LOST, _NAMES_IT.__contains__, _same_file),
    _Rule(_LOST, _LOOKS_OTHERWISE.__contains__, _on_its_pages),
    _Rule(_LOST, _RUNS_OTHERWISE.__contains__, _on_pages_of_a_script),
    _Rule(_NO_FILE, _ASKS_FOR_IT.__contains__, _same_file),
)
