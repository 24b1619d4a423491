"""Which fault does a finding name? By a code that stays the same for ever.

A code is ``<kind>.<word>``, such as ``robots.open``. Waivers, ledgers and people's scripts name it: no word is ever
renamed, or used again for something else. A kind declares its words in ``codes``; a finding inside of a judgement names
the word alone, and ``with_codes`` puts the kind in front where the judgement becomes a result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from aem_checks.outcomes import Cause, Finding, Judgement, Outcome

Codes = Mapping[str, str]
"""What each word of a kind stands for, in a few words; what only notes have begins with ``a note:``."""

COMMON: Codes = {
    "no_answer": "the site, or something before it, gave the gate no answer that can be judged",
    "not_judged": "a page can't be judged: it is no good answer (see key_pages), or no browser can show it",
    "too_deep": "a page has more elements inside of each other than are read",
    "not_configured": "the gate file lacks what this check needs",
    "no_source": "the source of the release could not be read",
    "no_browser": "no Chromium starts on this machine",
    "no_recording": "the pages were not recorded",
    "no_connection": "the connection that it logs in with can't be used",
    "not_isolated": "code of a team may not run on this worker, which can't isolate it",
    "nothing_to_compare": "a note: there is no verified release to compare with yet",
    "unverified_baseline": "the release to compare with can't be verified any more",
    "left_out": "what was not looked at, and why",
    "time_limit": "it did not end within its time limit",
    "check_error": "the check itself is at fault, or what it needs on this machine",
    "other_attempt": "what is kept as its result is of another attempt",
    "rerun": "what a re-run did to the result",
    "retried": "a note: what passed only when the check itself tried it again",
    "more": "findings that are counted and not listed",
}
"""Words that any check may use. They say what nobody has seen or judged, so no waiver can name them."""
UNDECLARED = "finding"
"""The word of all that a team's check finds which declares none."""
_UNDECLARED: Codes = {UNDECLARED: "what the team's own check found"}


def faults(**said: str) -> Codes:
    """The codes of a kind: ``codes = faults(open="crawlers may read stage")``."""
    return MappingProxyType(said)


class UndeclaredCode(ValueError):
    """A check names a fault that it does not declare; the message says which."""


def is_common(code: str) -> bool:
    """Whether a whole code is one of those that any check may use."""
    return code.rpartition(".")[2] in COMMON


def trouble_with(codes: Codes) -> str:
    """What is wrong with the declared codes, as the end of a sentence; empty where nothing is."""
    for word, said in codes.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", str(word)):
            return f"has {word!r}, which is no word of lower-case letters, digits and '_'"
        if word in COMMON:
            return f"has {word!r}, which means something else in every check; choose another word"
        if not str(said).strip():
            return f"does not say what {word!r} stands for"
    return ""


def with_codes(kind: str, declared: Codes, judgement: Judgement) -> Judgement:
    """The same judgement with whole codes; one that examined nothing and says nothing, or but notes, says that.

    Raises ``UndeclaredCode`` for a word that the kind does not declare.
    """
    is_told = judgement.examined or any(each.outcome is not Outcome.PASSED for each in judgement.findings)
    said = judgement.findings if is_told else (_nothing_seen(kind), *judgement.findings)
    findings = (each.model_copy(update={"code": _whole(kind, declared, each.code)}) for each in said)
    return judgement.model_copy(update={"findings": tuple(findings)})


def _nothing_seen(kind: str) -> Finding:
    return Finding(
        code="not_judged",
        subject=kind,
        sentence=f"{kind} found nothing that it could judge. To do: see key_pages, and whether the site has what {kind} "
        "looks at.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def whole_codes(kind: str, declared: Codes) -> dict[str, str]:
    """The kind's own codes, whole, with what each stands for: those that a waiver can name."""
    return {f"{kind}.{word}": said for word, said in (declared or _UNDECLARED).items()}


def _whole(kind: str, declared: Codes, word: str) -> str:
    known = declared or _UNDECLARED
    named = word or (UNDECLARED if not declared else "")
    if named not in known and named not in COMMON:
        raise UndeclaredCode(f"a finding has the code {named!r}, which {kind} does not declare in 'codes'")
    return f"{kind}.{named}"
