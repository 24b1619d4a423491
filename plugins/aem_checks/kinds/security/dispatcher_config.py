"""B6: does the release's dispatcher configuration keep the rules that Adobe's own checkers ask for?

Read from the release's commit: filters that begin with a denial, allow nothing by ``/glob`` and deny selectors; a
``/statfileslevel`` and a ``/gracePeriod`` of 2 or more; an allow list of ``/ignoreUrlParams``; no ``Vary: User-Agent``.
Blocks of Apache that hold on production alone are named, since no test on stage can reach them. The rules are those
of Adobe's dispatcher optimizer and of its security checklist.

It would have caught issue 64 of Adobe's dispatcher documentation, where a page behind a log-in was cached for
everybody, and the open filters that scanners find (CVE-2016-0957).

It sees files, not what runs: files that the image brings are not in the commit. A filter that is open on purpose is a
false alarm: waive it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from aem_checks.check import SiteCheck
from aem_checks.checkout import CheckoutSettings, of_source, source
from aem_checks.codes import faults
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.security._any_files import Block
    from aem_checks.visit import Visit

_FARMS = re.compile(r".*/(?:available_farms|enabled_farms)/[^/]+\.farm")
_APACHE = re.compile(r".*/conf\.d/.*\.(?:conf|vhost|rules)")
_VARY = re.compile(
    r"^[ \t]*Header[ \t]+[^\n]{0,80}\bVary\b[^\n]{0,200}\bUser-Agent\b", re.IGNORECASE | re.MULTILINE
)
_PRODUCTION = re.compile(r"^[ \t]*<IfDefine[ \t]+\"?ENVIRONMENT_PROD\"?[ \t]*>", re.IGNORECASE | re.MULTILINE)
_LEAST = 2


class DispatcherConfigSettings(CheckoutSettings):
    """Where the release's source is."""


class DispatcherConfig(SiteCheck[DispatcherConfigSettings]):
    """Reads farms with all that they include, and Apache's files."""

    kind = "dispatcher_config"
    number = "B6"
    title = "Dispatcher configuration in git"
    severity = Severity.WARN
    default_on = False
    needs = "a git checkout of the release"
    codes = faults(
        allow_by_glob="a filter allows by /glob, which is easily fooled",
        first_filter="the first filter is no denial of everything",
        selectors="no filter denies selectors that export the repository",
        statfileslevel="/statfileslevel is too low",
        grace_period="/gracePeriod is too low",
        parameters="/ignoreUrlParams ignores only what it lists",
        vary="Vary names User-Agent",
        only_production="a note: files have parts for production alone",
        of_the_image="a note: includes are not in the commit",
        too_long="the configuration is too long to be read to its end",
    )
    settings_type = DispatcherConfigSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        return of_source(self.kind, self.settings, self._examine())

    def _examine(self) -> Steps[Judgement]:
        from aem_checks.kinds.security._any_files import AnyReader

        found = yield from source(
            "**/conf.dispatcher.d/**", "**/conf.d/**", "conf.dispatcher.d/**", "conf.d/**"
        )
        texts = found.texts
        reader = AnyReader(texts)
        farms = [reader.read(path) for path in texts if _FARMS.fullmatch(path)]
        findings = [finding for farm in farms for finding in _of_farm(farm, bool(reader.missing))]
        findings += _of_apache({path: text for path, text in texts.items() if _APACHE.fullmatch(path)})
        if reader.missing:
            findings.append(_of_the_image(reader.missing))
        if reader.is_cut:
            findings.append(_cut())
        unique = {(finding.subject, finding.sentence): finding for finding in findings}
        severity = self.settings.severity or self.severity
        return Judgement(examined=len(farms), findings=shortened(unique.values(), severity=severity))


def _of_farm(farm: Block, incomplete: bool) -> Iterator[Finding]:
    """``incomplete``: parts that the image brings are not in the commit, so that nothing follows from their absence."""
    for filters in farm.find("filter"):
        yield from _filters(filters, incomplete)
    for cache in farm.find("cache"):
        yield from _numbers(cache, incomplete)
        for parameters in cache.find("ignoreUrlParams"):
            yield from _parameters(parameters)


def _filters(filters: Block, incomplete: bool) -> Iterator[Finding]:
    rules = filters.blocks
    for rule in rules:
        if rule.values.get("type") == "allow" and "glob" in rule.values:
            yield _finding(
                "allow_by_glob",
                f"{rule.path} filter {rule.name}",
                f"The filter {quoted(rule.name)} in {quoted(rule.path, 200)} allows by /glob {quoted(rule.values['glob'])}, "
                "which matches the whole request line and is easily fooled",
                "use /method, /url, /path, /selectors, /extension",
            )
    if rules and not incomplete and not _denies_all(rules[0]):
        yield _finding(
            "first_filter",
            f"{rules[0].path} first filter",
            f"The first filter {quoted(rules[0].name)} in {quoted(rules[0].path, 200)} is no denial of everything, so what "
            "no rule names is open",
            'begin with /0001 { /type "deny" /url "*" }',
        )
    denied = any(rule.values.get("type") == "deny" and "selectors" in rule.values for rule in rules)
    if rules and not incomplete and not denied:
        yield _finding(
            "selectors",
            f"{filters.path} selectors",
            f"No filter of {quoted(filters.path, 200)} denies selectors such as infinity or tidy, which export the repository",
            "deny them as Adobe's default_filters.any does",
        )


def _denies_all(rule: Block) -> bool:
    wide = {rule.values.get(name) for name in ("url", "glob", "path")} & {"*", "/*", "* *", "/"}
    return rule.values.get("type") == "deny" and bool(wide)


def _numbers(cache: Block, incomplete: bool) -> Iterator[Finding]:
    numbers = (
        ("statfileslevel", "statfileslevel", "each activation empties the cache of the whole site"),
        ("grace_period", "gracePeriod", "many activations in a row empty the cache again and again"),
    )
    for code, name, why in numbers:
        written = cache.values.get(name)
        value = int(written) if written is not None and written.isascii() and written.isdigit() else None
        if written is None and incomplete:
            continue
        if value is None or value < _LEAST:
            yield _finding(
                code,
                f"{cache.path} {name}",
                f"/{name} is {quoted(written or 'not set')} in {quoted(cache.path, 200)}: {why}",
                f"set it to {_LEAST} or more",
            )


def _parameters(parameters: Block) -> Iterator[Finding]:
    """Adobe advises to ignore all parameters and to except those that pages need."""
    rules = [rule.values for rule in parameters.blocks]
    if rules and not any(rule.get("glob") == "*" and rule.get("type") == "allow" for rule in rules):
        yield _finding(
            "parameters",
            f"{parameters.path} ignoreUrlParams",
            f"/ignoreUrlParams in {quoted(parameters.path, 200)} ignores only what it lists: every other parameter, such as "
            "a new one of a campaign, passes the cache by",
            'begin with /0001 { /glob "*" /type "allow" } and deny the parameters that pages need',
        )


def _of_apache(texts: Mapping[str, str]) -> Iterator[Finding]:
    for path, text in texts.items():
        if _VARY.search(text):
            yield _finding(
                "vary",
                f"{path} Vary",
                f"{quoted(path, 200)} sends Vary with User-Agent, so that caches keep a copy for each browser",
                "take User-Agent out of Vary",
            )
    only = [path for path, text in texts.items() if _PRODUCTION.search(text)]
    if only:
        yield Finding(
            code="only_production",
            subject="only for production",
            sentence=f"{count(len(only), 'file')} of Apache with parts for production alone (IfDefine ENVIRONMENT_PROD), such "
            f"as {quoted(only[0], 200)}: stage cannot test them. To do: review them by eye.",
            outcome=Outcome.PASSED,
        )


def _of_the_image(missing: set[str]) -> Finding:
    names = ", ".join(quoted(name) for name in sorted(missing)[:3])
    return Finding(
        code="of_the_image",
        subject="files of the image",
        sentence=f"{count(len(missing), 'include')}, such as {names}, are not in the commit: the dispatcher's image brings "
        "them, so what they set was not judged.",
        outcome=Outcome.PASSED,
    )


def _cut() -> Finding:
    return Finding(
        code="too_long",
        subject="dispatcher configuration",
        sentence="The farms and what they include are too long to be read to their end, so a rule may have been missed. "
        "To do: see which file includes others again and again.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _finding(code: str, subject: str, what: str, remedy: str) -> Finding:
    sentence = f"{what}. To do: {remedy}."
    return Finding(code=code, subject=subject, sentence=sentence, expected=remedy, actual=what[:300])
