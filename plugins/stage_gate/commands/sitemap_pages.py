"""Which pages could stand for a site that nobody has described yet? A few from its sitemap."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aem_checks.sitemaps import SitemapError, parse_sitemap
from aem_checks.sites import check_path
from aem_checks.urls import join, parts_of
from stage_gate.commands.site_probe import SiteAnswer

Ask = Callable[[str], SiteAnswer]
MAX_PAGES = 8
_MAX_SITEMAPS = 5
_MAX_URLS = 5000


def find_pages(base: str, ask: Ask) -> tuple[str, ...]:
    """Paths from the sitemap at ``base``, few and varied, the home page first; empty where none can be read."""
    return pick(_paths(base, ask))


def pick(paths: Iterable[str]) -> tuple[str, ...]:
    """The first page of each folder, shallow ones first, then others until there are enough."""
    ordered = sorted(dict.fromkeys(paths), key=lambda path: path.count("/"))
    if not ordered:
        return ()
    folders: dict[str, str] = {}
    for path in ordered:
        folders.setdefault(path.rpartition("/")[0], path)
    varied = sorted(folders.values(), key=lambda path: path.count("/"))
    return tuple(dict.fromkeys(["/", *varied, *ordered]))[:MAX_PAGES]


def _paths(base: str, ask: Ask) -> list[str]:
    waiting = [*_named_in_robots(base, ask), f"{base}/sitemap.xml"]
    seen: set[str] = set()
    found: list[str] = []
    while waiting and len(seen) < _MAX_SITEMAPS and len(found) < _MAX_URLS:
        url = _on(base, waiting.pop(0))
        if url in seen:
            continue
        seen.add(url)
        pages, nested = _read(ask(url))
        waiting += nested
        found += [path for page in pages if (path := _path_of(page))]
    return found[:_MAX_URLS]


def _read(answer: SiteAnswer) -> tuple[list[str], list[str]]:
    """Pages and further sitemaps; nothing where the answer is no sitemap."""
    try:
        return parse_sitemap(answer.body) if answer.status == 200 else ([], [])
    except SitemapError:
        return [], []


def _named_in_robots(base: str, ask: Ask) -> list[str]:
    answer = ask(f"{base}/robots.txt")
    lines = answer.body.decode("utf-8", "replace").splitlines() if answer.status == 200 else []
    named = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("sitemap:")]
    return [join(f"{base}/", url) for url in named if url]


def _on(base: str, url: str) -> str:
    """The same document on the asked host: no other host is contacted."""
    parts = parts_of(url)
    return base + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _path_of(url: str) -> str | None:
    try:
        return check_path(parts_of(url).path or "/")
    except ValueError:
        return None
