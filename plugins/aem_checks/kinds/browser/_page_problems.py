"""What of all that a browser saw is a problem, whose is it, and is it the same as at the last release?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from aem_checks.text import plain
from aem_checks.urls import host_of, parts_of, plain_url

if TYPE_CHECKING:
    from aem_checks.browser.seen import Asked, Complaint, Seen
    from aem_checks.network_guard.rule import Rule

_HASHES = re.compile(r"\.lc-[0-9a-f]{32}-lc\b|[0-9a-f]{16,}")
_NUMBERS = re.compile(r"\d+")
_HOST = re.compile(r"https?://[^/\s'\"]{1,253}")
_NAMED = re.compile(r"https?://[^\s'\"<>()]{1,2000}")
_LONGEST = 160


class Known(BaseModel):
    """What a release leaves for the next one to compare with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    problems: frozenset[str] = frozenset()
    """Fingerprints."""
    refused: frozenset[str] = frozenset()
    """Hosts that the gate itself did not contact."""

    @classmethod
    def read(cls, content: bytes | None) -> Known | None:
        """``None`` where there is none, or none that can be read."""
        try:
            return None if content is None else cls.model_validate_json(content)
        except ValidationError:
            return None


@dataclass(frozen=True)
class Problem:
    """One thing that went wrong on one page."""

    path: str
    code: str
    """``exception``, ``console``, ``browser`` or ``request``."""
    text: str
    url: str
    own: bool
    """Whether it is the site's own doing."""
    starved: bool
    """Whether the gate itself kept something from this page."""

    @property
    def fingerprint(self) -> str:
        """The same on each page and in each build: without hosts of environments, hashes and numbers."""
        place = parts_of(self.url)
        where = place.path if self.own else f"{place.netloc}{place.path}"
        where = "" if where == self.path.partition("?")[0] else where
        text = _HOST.sub("", self.text) if self.own else self.text
        return " ".join((self.code, _steady(text), _steady(where))).strip()

    @property
    def files(self) -> set[str]:
        """Addresses that it names, as the place where it went wrong and in its text."""
        return {plain_url(each) for each in (self.url, *_NAMED.findall(self.text)) if each}


def _steady(text: str) -> str:
    return plain(_NUMBERS.sub("#", _HASHES.sub("", text[: 4 * _LONGEST])), _LONGEST)


@dataclass(frozen=True)
class Judge:
    """Tells the problems of a page."""

    own_hosts: frozenset[str]
    ignored: tuple[re.Pattern[str], ...]
    rule: Rule

    def problems(self, path: str, seen: Seen, *, slow: bool = False) -> Iterator[Problem]:
        """Those of one page, without what is ignored and what the gate itself kept from it.

        ``slow``: whether it did not load to its end, so that what has not arrived is a problem too.
        """
        starved = any(not self.rule.allows_url(each.url) for each in seen.requests)
        for complaint in seen.complaints:
            if not self._is_ignored(complaint.text, complaint.url):
                yield self._complaint(path, complaint, starved)
        for asked in (*seen.failed(), *(seen.hanging() if slow else ())):
            if asked.kind != "Document" and self.rule.allows_url(asked.url):
                text = _outcome(asked)
                if not self._is_ignored(text, asked.url):
                    yield Problem(
                        path, "request", text, plain_url(asked.url), self._is_own(asked.url), starved
                    )

    def refused(self, seen: Seen) -> Iterator[str]:
        """Hosts of others that the page wanted and the gate does not contact."""
        for asked in seen.requests:
            if not self.rule.allows_url(asked.url):
                yield host_of(asked.url)

    def _complaint(self, path: str, complaint: Complaint, starved: bool) -> Problem:
        own = not complaint.url.startswith(("http:", "https:")) or self._is_own(complaint.url)
        return Problem(path, complaint.kind, complaint.text, plain_url(complaint.url), own, starved)

    def _is_own(self, url: str) -> bool:
        return host_of(url) in self.own_hosts

    def _is_ignored(self, *texts: str) -> bool:
        return any(pattern.search(text) for pattern in self.ignored for text in texts)


def _outcome(asked: Asked) -> str:
    what = f"status {asked.status}" if asked.status >= 400 else asked.error or "does not arrive"
    return f"{asked.method} {asked.kind.lower()}: {what}"


def grouped(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """The same problem of several pages once, in the order in which they were seen."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.fingerprint, []).append(problem)
    return groups
