"""Which rules of Adobe's does a farm break besides its filters: cache, invalidation, renders, names?"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator

from aem_checks.dispatcher.any_files import Section, Value
from aem_checks.dispatcher.filters import Says, globbed, rules_in
from aem_checks.dispatcher.patterns import Matcher
from aem_checks.dispatcher.place import Place
from aem_checks.dispatcher.project import FarmRead
from aem_checks.kinds.security._dispatcher_faults import at, fault
from aem_checks.outcomes import Finding
from aem_checks.text import count, quoted

_LEAST = 2
_PARAMETER = "stage-gate-x9z"
_STRANGER = "203.0.113.7"
"""An address that is nobody's (RFC 5737)."""
_DOCUMENTS = ("/content/stage-gate/en.html", "/content/dam/stage-gate.jpg", "/etc.clientlibs/stage-gate.css")
_PAGES = ("/content/stage-gate/en.html", "/content/stage-gate/en/a/b.html", "/stage-gate.html")
_OF_THE_CACHE = frozenset(
    {
        "allowAuthorized",
        "allowedClients",
        "enableTTL",
        "gracePeriod",
        "ignoreUrlParams",
        "invalidate",
        "serveStaleOnError",
        "statfileslevel",
    }
)
_OF_THE_FARM = frozenset({"clientheaders", "filter", "renders", "vanity_urls", "virtualhosts"})


def of_names(farms: Iterable[FarmRead]) -> Iterator[Finding]:
    """Farms of one name: the dispatcher does not say which of them it takes."""
    named = list(farms)
    for name, often in Counter(each.name for each in named).items():
        if often > 1:
            files = [each.section.place.file for each in named if each.name == name]
            yield fault(
                "farm_names",
                f"{name} farm name",
                f"{count(often, 'farm')} are called {quoted(name)}, in {at(files[0])} and {at(files[-1])}",
                "give each its own name",
            )


def of_farm(farm: Section, matcher: Matcher, *, in_the_cloud: bool) -> Iterator[Finding]:
    """What is wrong with a farm, its filters apart. Raises ``TooMuch``."""
    yield from _misplaced(farm)
    yield from _hosts(farm)
    if in_the_cloud:
        yield from _renders(farm)
    caches = farm.sections("cache")
    for cache in caches:
        yield from _of_cache(farm, cache, matcher, in_the_cloud)
    if not caches and farm.is_whole:
        yield fault(
            "no_cache",
            f"{farm.place.file} {farm.name} cache",
            f"The farm {quoted(farm.name)} in {at(farm.place)} has no /cache, so publish answers every request",
            "add one as in Adobe's default.farm",
        )


def _of_cache(farm: Section, cache: Section, matcher: Matcher, in_the_cloud: bool) -> Iterator[Finding]:
    yield from _numbers(cache)
    yield from _stale(cache)
    yield from _parameters(cache, matcher)
    yield from _documents(cache, matcher)
    yield from _invalidation(cache, matcher)
    yield from _authorized(farm, cache)
    if in_the_cloud:
        yield from _clients(cache, matcher)


def _misplaced(farm: Section) -> Iterator[Finding]:
    here = [
        (farm, _OF_THE_CACHE, "/cache"),
        *((each, _OF_THE_FARM, "the farm") for each in farm.sections("cache")),
    ]
    for section, names, right in here:
        found = [(each.name, each.value.place) for each in section.properties()]
        found += [(each.name, each.place) for each in section.sections()]
        for name, place in found:
            if name in names:
                yield fault(
                    "unexpected",
                    f"{place.file} {name}",
                    f"/{name} in {at(place)} stands outside of {right}, where the dispatcher does not look for it",
                    f"move it into {right}",
                )


def _hosts(farm: Section) -> Iterator[Finding]:
    hosts = farm.sections("virtualhosts")
    empty = hosts and all(each.is_whole and not each.values() for each in hosts)
    if empty or (not hosts and farm.is_whole):
        yield fault(
            "virtual_hosts",
            f"{farm.place.file} {farm.name} virtualhosts",
            f"The farm {quoted(farm.name)} in {at(farm.place)} names no /virtualhosts, so it is asked for no host",
            "list its hosts there",
        )


def _renders(farm: Section) -> Iterator[Finding]:
    renders = farm.sections("renders")
    if (renders or farm.is_whole) and not any(_includes(each, "default_renders.any") for each in renders):
        yield fault(
            "renders",
            f"{farm.place.file} {farm.name} renders",
            f"The farm {quoted(farm.name)} in {at(farm.place)} does not take its /renders from the image, which alone knows "
            "where publish is",
            'write /renders { $include "../renders/default_renders.any" }',
        )


def _clients(cache: Section, matcher: Matcher) -> Iterator[Finding]:
    clients = cache.sections("allowedClients")
    if any(_includes(each, "default_invalidate.any") for each in clients) or not (clients or cache.is_whole):
        return
    said = {globbed(rules_in(each), _STRANGER, matcher).says for each in clients}
    anybody = not clients or Says.ALLOW in said
    yield fault(
        "allowed_clients",
        f"{cache.place.file} allowedClients",
        f"/allowedClients of {at(cache.place)} "
        + (
            "lets anybody empty the cache"
            if anybody
            else "is not the image's, so publish may not empty the cache"
        ),
        'write /allowedClients { $include "../cache/default_invalidate.any" }',
    )


def _includes(section: Section, name: str) -> bool:
    return any(posixpath.basename(target) == name for target in section.included)


def _numbers(cache: Section) -> Iterator[Finding]:
    numbers = (
        ("statfileslevel", "statfileslevel", "each activation empties the cache of the whole site"),
        ("grace_period", "gracePeriod", "many activations in a row empty the cache again and again"),
    )
    for code, name, why in numbers:
        written = cache.value(name)
        if _is_open(cache, written) or _number(written) >= _LEAST:
            continue
        yield fault(
            code,
            f"{cache.place.file} {name}",
            f"/{name} is {quoted(written.text if written else 'not set')} in {at(written.place if written else cache.place)}: "
            f"{why}",
            f"set it to {_LEAST} or more",
        )


def _is_open(section: Section, value: Value | None) -> bool:
    """Whether the commit does not tell this value: a variable, or an include that is not in it."""
    return not section.is_whole if value is None else not value.is_known


def _number(value: Value | None) -> int:
    text = value.text if value is not None else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _is_on(value: Value | None) -> bool:
    return value is not None and value.text.lower() in ("1", "true", "on", "yes")


def _stale(cache: Section) -> Iterator[Finding]:
    written = cache.value("serveStaleOnError")
    if not _is_open(cache, written) and not _is_on(written):
        yield fault(
            "serve_stale",
            f"{cache.place.file} serveStaleOnError",
            f"/serveStaleOnError is {quoted(written.text if written else 'not set')} in "
            f"{at(written.place if written else cache.place)}: when publish fails, visitors see its error instead of the page "
            "of before",
            'set it to "1"',
        )


def _allows_none(cache: Section, name: str, texts: Iterable[str], matcher: Matcher) -> Place | None:
    """Where a section of the cache allows none of these, or is missing; ``None`` where it allows one or nobody can tell."""
    written = cache.sections(name)
    said = {globbed(rules_in(each), text, matcher).says for text in texts for each in written}
    if said & {Says.ALLOW, Says.UNKNOWN} or not (written or cache.is_whole):
        return None
    return written[0].place if written else cache.place


def _parameters(cache: Section, matcher: Matcher) -> Iterator[Finding]:
    """Adobe advises to ignore all parameters and to except those that pages need."""
    place = _allows_none(cache, "ignoreUrlParams", (_PARAMETER,), matcher)
    if place is None:
        return
    yield fault(
        "parameters",
        f"{place.file} ignoreUrlParams",
        f"/ignoreUrlParams in {at(place)} ignores only what it lists: every other parameter, such as "
        "a new one of a campaign, passes the cache by",
        'begin with /0001 { /glob "*" /type "allow" } and deny the parameters that pages need',
    )


def _documents(cache: Section, matcher: Matcher) -> Iterator[Finding]:
    place = _allows_none(cache, "rules", _DOCUMENTS, matcher)
    if place is None:
        return
    yield fault(
        "cache_rules",
        f"{place.file} cache rules",
        f"The /rules of the cache in {at(place)} keep neither pages nor files, so publish answers every request",
        'begin with /0000 { /glob "*" /type "allow" } and deny what must not be kept',
    )


def _invalidation(cache: Section, matcher: Matcher) -> Iterator[Finding]:
    """Where answers end by their own time, activations need not end them."""
    place = _allows_none(cache, "invalidate", _PAGES, matcher)
    if place is None or _is_on(cache.value("enableTTL")):
        return
    yield fault(
        "invalidate",
        f"{place.file} invalidate",
        f"/invalidate in {at(place)} names no pages and /enableTTL is off, so pages that show what changed elsewhere stay old",
        'allow /glob "*.html" there',
    )


def _authorized(farm: Section, cache: Section) -> Iterator[Finding]:
    written = cache.value("allowAuthorized")
    if written is not None and _is_on(written) and not farm.sections("auth_checker") and farm.is_whole:
        yield fault(
            "allow_authorized",
            f"{cache.place.file} allowAuthorized",
            f"/allowAuthorized is {quoted(written.text)} in {at(written.place)} and there is no /auth_checker: a page that one "
            "visitor got after logging in is kept for everybody",
            'set it to "0", or check each visitor with /auth_checker',
        )
