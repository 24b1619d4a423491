"""C5: does each address of the redirect map lead where it should, in one step?

Maps that are loaded without a pipeline arrive after the deployment, and two rules can form a loop that only the
CDN sees ("Too many redirects", help/implementing/dispatcher/cdn of Adobe's documentation). It would have caught
those loops, and vanity paths that a release answers with 404.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from aem_checks.asks import Follow, Get, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, host_of, join, parts_of, plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_LONGEST_FILE = 4 * 1024 * 1024
_COLUMNS = ("from", "to", "code")
_LONGEST_CHAIN = 5
_MARKS = re.compile(r"(%(?:2[356bf]|3[df]))", re.IGNORECASE)
"""``#``, ``%``, ``&``, ``+``, ``/``, ``=`` and ``?``, escaped: they stand for themselves and part nothing."""


class RedirectRule(BaseModel):
    """One line of the map. Both addresses are paths, or URLs on any of the site's hosts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(alias="from", min_length=1)
    """The address that is asked: a path, or a URL on a host of the site."""
    to: str = Field(min_length=1)
    """Where it has to lead, in one step."""
    code: Literal[301, 302, 303, 307, 308] = 301
    """The status of that step."""

    @field_validator("source", "to")
    @classmethod
    def _path_or_url(cls, value: str) -> str:
        address = value.strip()
        if not address.startswith(("/", "http://", "https://")) or any(char.isspace() for char in address):
            raise ValueError(f"{value!r} is neither a path nor a URL; write /path or https://host/path")
        if not address.startswith("/") and (fault := fault_of(address)):
            raise ValueError(f"{value!r} {fault}; write /path or https://host/path")
        return address

    @model_validator(mode="after")
    def _leads_somewhere_else(self) -> RedirectRule:
        if self.source == self.to:
            raise ValueError(f"{self.source} is redirected to itself; correct 'from' or 'to'")
        return self


class RedirectsSettings(CheckSettings):
    """The map: written in the gate file, in a CSV file, or both."""

    rules: tuple[RedirectRule, ...] = Field(default=(), min_length=1)
    """The redirects, each with ``from``, ``to`` and ``code``."""
    file: str | None = None
    """A CSV file with the columns from, to and code (301 where empty), relative to the gate file. Its lines
    join ``rules`` when the gate file is read, so that they are pinned with it."""

    @model_validator(mode="before")
    @classmethod
    def _with_lines_of_the_file(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("file"), str):
            if isinstance(value, dict) and not value.get("rules") and value.keys() <= cls.model_fields.keys():
                raise ValueError("no redirect is named; list them under 'rules:' or name a CSV 'file:'")
            return value
        folder = (info.context or {}).get("folder", Path())
        return {**value, "rules": [*(value.get("rules") or ()), *_read_csv(Path(folder, value["file"]))]}

    @field_validator("rules")
    @classmethod
    def _without_contradictions(cls, rules: tuple[RedirectRule, ...]) -> tuple[RedirectRule, ...]:
        known: dict[str, RedirectRule] = {}
        for rule in rules:
            if known.setdefault(rule.source, rule) != rule:
                raise ValueError(f"{rule.source} is redirected to two places; keep one of the two lines")
        return tuple(known.values())


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of the file. Raises ``ValueError`` naming file and line."""
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST_FILE:
            raise OSError(f"it is no file of at most {_LONGEST_FILE} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ValueError(f"the redirect file {path} cannot be read: {error}; correct 'file:'") from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if not any(row) or row[0].startswith("#") or tuple(cell.lower() for cell in row[:2]) == _COLUMNS[:2]:
            continue
        yield _parse_row(row, f"{path}:{reader.line_num}")


def _parse_row(row: list[str], place: str) -> dict[str, Any]:
    if not 2 <= len(row) <= len(_COLUMNS):
        raise ValueError(f"{place} has {count(len(row), 'column')}; write from,to,code")
    status = row[2] if len(row) == len(_COLUMNS) and row[2] else "301"
    try:
        rule = {"from": row[0], "to": row[1], "code": int(status)}
        RedirectRule.model_validate(rule)
    except ValueError as error:
        raise ValueError(
            f"{place} is no redirect ({error}); write from,to,code such as /old,/new,301"
        ) from None
    return rule


class Redirects(Check[RedirectsSettings]):
    """Asks for each address, past all caches, and for the one that it leads to."""

    kind = "redirects"
    number = "C5"
    title = "Redirects"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the redirects of the site, in the gate file or as CSV"
    codes = faults(
        not_as_mapped="an address does not lead where the map says, or not with its status",
        loop="redirects lead back to where they began",
        several="an address needs more than one redirect",
        target_status="the address at the end does not answer 200",
        leaves_environment="a redirect leaves stage for production, or production for stage",
        unencrypted="a redirect goes through unencrypted http",
        only_without_query="a redirect works without a query string only",
        foreign_start="an address of the map is on a host that is not this site's",
    )
    settings_type = RedirectsSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        tried = yield from together(_Walk(rule, visit).run() for rule in self.settings.rules)
        findings = [finding for found in tried for finding in found]
        return Judgement(examined=len(tried), findings=shortened(findings, severity=self.weight))


class _Walk:
    """One rule and the answers on its way."""

    def __init__(self, rule: RedirectRule, visit: Visit) -> None:
        self._rule, self._visit = rule, visit
        self._start = self._here(rule.source)

    def run(self) -> Steps[list[Finding]]:
        if not self._visit.allows(self._start):
            return [self._foreign_start()]
        first = yield from ask(Get(self._start, tries=3, past_caches=True))
        refusal = unreached(first, self._rule.source)
        if refusal is not None:
            return [refusal]
        problem = self._problem_of(first)
        if problem is None:
            return (yield from self._follow(first))
        plain = yield from ask(Get(self._start))
        if self._problem_of(plain) is None:
            return [self._only_without_query(), *(yield from self._follow(plain))]
        return [self._failed("not_as_mapped", *problem)]

    def _problem_of(self, first: Response) -> tuple[str, str] | None:
        """Expected and actual of the first answer; ``None`` when it is as the map says."""
        expected = f"{self._rule.code} to {self._rule.to}"
        if first.location is None:
            return expected, describe(first)
        location = plain_url(first.location)
        same = self._comparable(location) == self._comparable(join(self._start, self._rule.to))
        if first.status != self._rule.code or not same:
            return expected, f"{first.status} to {quoted(location, 300)}"
        return None

    def _follow(self, first: Response) -> Steps[list[Finding]]:
        target = plain_url(first.location or "")
        notes = self._notes(target)
        here = self._here(target).partition("#")[0]
        if not self._visit.allows(here):
            return notes
        chain = yield from ask(Follow(here, hops=_LONGEST_CHAIN, tries=3, past_caches=True))
        return [*notes, *self._judge_end(chain)]

    def _judge_end(self, chain: tuple[Response, ...]) -> Iterator[Finding]:
        end = chain[-1]
        if len(chain) > 1 or end.location is not None:
            hops = [plain_url(answer.location) for answer in chain if answer.location]
            way = " then ".join(quoted(hop, 200) for hop in hops[:3])
            seen = {self._comparable(self._start), *(self._comparable(plain_url(a.url)) for a in chain)}
            looped = end.location is not None and self._comparable(plain_url(end.location)) in seen
            if looped:
                yield self._failed("loop", "one redirect", f"a loop: on to {way}")
            else:
                yield self._failed("several", "one redirect", f"more than one: on to {way}")
        elif (refusal := unreached(end, self._rule.to)) is not None:
            yield refusal
        elif end.status != 200:
            yield self._failed("target_status", f"status 200 at {self._rule.to}", describe(end))

    def _notes(self, target: str) -> list[Finding]:
        """Where a redirect works but leaves the target's own host or its encryption."""
        other = self._visit.site.production if self._visit.target == "stage" else self._visit.site.stage
        parts = parts_of(target)
        if other is not None and host_of(target) in other.hosts:
            what = f"leaves {self._visit.target} for {quoted(parts.netloc)}"
            return [self._warned("leaves_environment", what)]
        if parts.scheme == "http" and self._start.startswith("https:"):
            return [self._warned("unencrypted", "goes through unencrypted http")]
        return []

    def _here(self, address: str) -> str:
        """The address on the target's own host, where it is on any host of the site."""
        parts = parts_of(address)
        if parts.netloc and host_of(address) not in self._visit.site.hosts:
            return address
        return self._visit.url(_beyond_host(address))

    def _comparable(self, address: str) -> str:
        parts = parts_of(address)
        own = not (parts.scheme or parts.netloc) or host_of(address) in self._visit.site.hosts
        beyond = _as_servers_read(_beyond_host(address) or "/")
        return beyond if own else f"//{host_of(address) or parts.netloc}{beyond}"

    def _failed(self, code: str, expected: str, actual: str) -> Finding:
        return Finding(
            code=code,
            subject=self._rule.source,
            sentence=f"{quoted(self._rule.source, 300)} gave {actual}; expected {expected}. To do: compare the "
            "redirect map with the dispatcher's rewrite rules and the CDN's redirects.",
            expected=expected,
            actual=actual,
        )

    def _warned(self, code: str, what: str) -> Finding:
        return Finding(
            code=code,
            subject=self._rule.source,
            sentence=f"The redirect of {quoted(self._rule.source, 300)} {what}.",
            severity=Severity.WARN,
            expected=f"a redirect within {self._visit.target}",
            actual=what,
        )

    def _only_without_query(self) -> Finding:
        return self._warned(
            "only_without_query",
            "works without a query string only: the rule matches the whole URL, or a cache holds an old answer",
        )

    def _foreign_start(self) -> Finding:
        return Finding(
            code="foreign_start",
            subject=self._rule.source,
            sentence=f"{quoted(self._rule.source, 300)} is not on a host of this site, so it was not asked. "
            "To do: write it as a path, or give that host a site of its own in the gate file.",
            expected="an address of this site",
            actual="a foreign host",
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
        )


def _as_servers_read(beyond: str) -> str:
    """The same for all ways to escape what may be escaped or not; ``%3F`` is another address than ``?``."""
    pieces = _MARKS.split(beyond)
    plain = [quote(unquote(each), safe="/?#=&%+") for each in pieces[::2]]
    marks = [each.upper() for each in pieces[1::2]]
    return "".join(each for pair in zip_longest(plain, marks, fillvalue="") for each in pair)


def _beyond_host(address: str) -> str:
    parts = parts_of(address)
    return parts._replace(scheme="", netloc="").geturl()
