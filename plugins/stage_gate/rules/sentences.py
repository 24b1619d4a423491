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


def consequences(results: Iterable[CheckResult], follows: Follows) -> dict[Origin, str]:
    """For each origin a sentence that counts what follows from it in these results, check by check."""
    counted: dict[Origin, Counter[str]] = {}
    for result in results:
        for each in result.findings:
            if (origin := follows.origin(result.key, each)) is not None:
                counted.setdefault(origin, Counter())[result.key] += 1
    return {origin: _counted(origin, keys) for origin, keys in counted.items()}


def _counted(origin: Origin, keys: Counter[str]) -> str:
    number, checks = keys.total(), ", ".join(f"{key} ({times})" for key, times in keys.items())
    verb = "follows" if number == 1 else "follow"
    return f"{count(number, 'finding')} of {count(len(keys), 'check')} {verb} from {origin}: {checks}; all are in the report."


def following(result: CheckResult, follows: Follows) -> list[tuple[Origin, Sequence[Finding]]]:
    """What of a result follows from what, by origin."""
    found: dict[Origin, list[Finding]] = {}
    for each in result.findings:
        if (origin := follows.origin(result.key, each)) is not None:
            found.setdefault(origin, []).append(each)
    return list(found.items())


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
