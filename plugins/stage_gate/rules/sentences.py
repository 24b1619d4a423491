"""In which sentences are findings told? One for each fault, however many pages have it, and one for each cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome
from aem_checks.text import count, plain
from aem_checks.urls import host_of, path_of
from stage_gate.rules.following import Follows, Origin

REASONS_PER_CHECK = 5
"""How many faults of one check are spelled out among the reasons; the rest is counted and in the report."""
_NAMED = 3
"""How many of the pages with the same fault are named, the one of the first sentence among them."""
_LONGEST = 80


@dataclass(frozen=True)
class Group:
    """The same fault in several places: one sentence of the first, and what else has it."""

    first: Finding
    more: tuple[Finding, ...] = ()

    @property
    def likewise(self) -> str:
        """Who else has it; empty where nobody has."""
        if not self.more:
            return ""
        named = [_place(each, self.first) for each in self.more[: _NAMED - 1]]
        left = len(self.more) - len(named)
        places = ", ".join(named) + (f" and {left} more" if left else "")
        return f"Likewise ({self.first.code}): {places}."

    @property
    def sentence(self) -> str:
        return f"{self.first.sentence} {self.likewise}".strip()

    @property
    def size(self) -> int:
        return 1 + len(self.more)


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings that differ in nothing but the address that they are about, once; in the order of the first of each."""
    places: Counter[tuple[object, ...]] = Counter()
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for number, each in enumerate(findings):
        fault = _fault(each)
        if fault is None:
            groups[number,] = [each]
            continue
        groups.setdefault((*fault, places[*fault, each.subject]), []).append(each)
        places[*fault, each.subject] += 1
    return [Group(first, tuple(more)) for first, *more in groups.values()]


def explain(result: CheckResult, follows: Follows) -> tuple[str, ...]:
    """Why a result is not passed, without what follows from something else: that is for ``consequences``."""
    cause = f"cause: {result.cause or Cause.CHECK}"
    against = [each for each in result.findings if each.outcome is not Outcome.PASSED]
    if not against:
        return (f"{result.key} is {result.outcome} and examined {result.examined} things ({cause}).",)
    told = standing(result, follows)
    if not told:
        return ()
    if result.outcome is Outcome.INCONCLUSIVE:
        more = f"; {count(len(told) - 1, 'more finding')} in the report" if told[1:] else ""
        return (f"{result.key}: {told[0].sentence} ({cause}{more})",)
    groups = grouped(told)
    sentences = [f"{result.key}: {each.sentence}" for each in groups[:REASONS_PER_CHECK]]
    if left := sum(each.size for each in groups[REASONS_PER_CHECK:]):
        sentences.append(f"{result.key}: {left} more findings are in the report.")
    return tuple(sentences)


def standing(result: CheckResult, follows: Follows) -> list[Finding]:
    """What counts against the release and follows from nothing else; first what something follows from."""
    against = (each for each in result.findings if each.outcome is not Outcome.PASSED)
    own = [each for each in against if follows.origin(result.key, each) is None]
    return sorted(own, key=lambda each: not follows.is_origin(result.key, each))


@dataclass(frozen=True)
class Consequences:
    """What follows from one fault, of however many pages or files it is."""

    origins: tuple[Origin, ...]
    """Different ones, in the order in which something follows from them."""
    findings: tuple[tuple[str, Finding], ...]
    """Each with the key of its check."""

    @property
    def key(self) -> str:
        """The check that saw what they follow from."""
        return self.origins[0].key

    @property
    def title(self) -> str:
        """``3 findings follow from client_libraries: https://…/site.css and 1 more``."""
        return f"{count(len(self.findings), 'finding')} {self._follow}"

    @property
    def _follow(self) -> str:
        more = f" and {len(self.origins) - 1} more" if self.origins[1:] else ""
        return f"{'follow' if self.findings[1:] else 'follows'} from {self.origins[0]}{more}"

    @property
    def sentence(self) -> str:
        """It counts them, check by check."""
        keys = Counter(key for key, _ in self.findings)
        checks = ", ".join(f"{key} ({times})" for key, times in keys.items())
        number = f"{count(len(self.findings), 'finding')} of {count(len(keys), 'check')}"
        return f"{number} {self._follow}: {checks}; all are in the report."


def consequences(results: Iterable[CheckResult], follows: Follows) -> list[Consequences]:
    """What of these results follows from what, by the fault that it follows from."""
    found: dict[tuple[str, str], list[tuple[Origin, str, Finding]]] = {}
    for result in results:
        for each in result.findings:
            if (origin := follows.origin(result.key, each)) is not None:
                found.setdefault(origin.fault, []).append((origin, result.key, each))
    return [_consequences(each) for each in found.values()]


def _consequences(found: Sequence[tuple[Origin, str, Finding]]) -> Consequences:
    origins = tuple(dict.fromkeys(origin for origin, _, _ in found))
    return Consequences(origins, tuple((key, finding) for _, key, finding in found))


def _fault(finding: Finding) -> tuple[object, ...] | None:
    """What it says but for the address with which its subject begins; ``None`` where that is none."""
    address, _, rest = finding.subject.partition(" ")
    if not finding.code or not address.startswith(("/", "http://", "https://")):
        return None
    return finding.code, finding.outcome, finding.severity, finding.expected, rest


def _place(finding: Finding, first: Finding) -> str:
    """The address as it is told beside that of ``first``, with what was found there where that is something else."""
    address = finding.subject.partition(" ")[0]
    if not address.startswith("/") and host_of(address) == host_of(first.subject.partition(" ")[0]):
        address = path_of(address)
    differs = finding.actual and finding.actual != first.actual
    return f"{address} ({plain(finding.actual, _LONGEST)})" if differs else address
