"""Which rule of Adobe's does a fault of a dispatcher's configuration break, and how is it said?"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from aem_checks.dispatcher.place import Problem
from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from aem_checks.text import count, quoted

_OPTIMIZER = "https://github.com/adobe/aem-dispatcher-optimizer-tool/blob/main/docs/Rules.md"
_DISPATCHER = "https://experienceleague.adobe.com/en/docs/experience-manager-dispatcher/using/configuring/dispatcher-configuration"
_TOOLS = "https://experienceleague.adobe.com/en/docs/experience-manager-cloud-service/content/implementing/content-delivery/validation-debug"
_PLACE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class AdobeRule:
    """A rule as Adobe names it, and the page that it stands on."""

    id: str
    page: str


RULES = MappingProxyType(
    {
        "allow_by_glob": AdobeRule("validator: no allow by /glob (CVE-2016-0957)", f"{_TOOLS}#first-phase"),
        "first_filter": AdobeRule("DOTRules:Disp-4", _OPTIMIZER),
        "no_filter": AdobeRule(
            "configuration: /filter", f"{_DISPATCHER}#configuring-access-to-content-filter"
        ),
        "selectors": AdobeRule("DOTRules:Disp-4", _OPTIMIZER),
        "selector_list": AdobeRule("DOTRules:Disp-7", _OPTIMIZER),
        "suffixes": AdobeRule("DOTRules:Disp-6", _OPTIMIZER),
        "opens": AdobeRule("testing dispatcher security", f"{_DISPATCHER}#testing-dispatcher-security"),
        "unexpected": AdobeRule("DOTRules:Disp-S2", _OPTIMIZER),
        "statfileslevel": AdobeRule("DOTRules:Disp-2", _OPTIMIZER),
        "grace_period": AdobeRule("DOTRules:Disp-3", _OPTIMIZER),
        "serve_stale": AdobeRule("DOTRules:Disp-5", _OPTIMIZER),
        "parameters": AdobeRule("DOTRules:Disp-1", _OPTIMIZER),
        "no_cache": AdobeRule(
            "configuration: /cache", f"{_DISPATCHER}#configuring-the-dispatcher-cache-cache"
        ),
        "cache_rules": AdobeRule("configuration: /rules", f"{_DISPATCHER}#specifying-the-documents-to-cache"),
        "invalidate": AdobeRule(
            "configuration: /invalidate", f"{_DISPATCHER}#automatically-invalidating-cached-files"
        ),
        "allow_authorized": AdobeRule(
            "configuration: /allowAuthorized", f"{_DISPATCHER}#caching-when-authentication-is-used"
        ),
        "allowed_clients": AdobeRule("validator: allowed clients are included", f"{_TOOLS}#first-phase"),
        "renders": AdobeRule("validator: renders are included", f"{_TOOLS}#first-phase"),
        "virtual_hosts": AdobeRule("DOTRules:Disp-S5", _OPTIMIZER),
        "farm_names": AdobeRule("DOTRules:Disp-8", _OPTIMIZER),
        "include_missing": AdobeRule("DOTRules:Httpd-S1", _OPTIMIZER),
        "root_directory": AdobeRule("DOTRules:Httpd-1", _OPTIMIZER),
        "server_alias": AdobeRule(
            "flexible mode: aliases of the cloud", f"{_TOOLS}#flexible-mode-file-structure"
        ),
        "vary": AdobeRule(
            "KA-36790", "https://experienceleague.adobe.com/en/docs/experience-cloud-kcs/kbarticles/ka-36790"
        ),
        "broken_link": AdobeRule(
            "flexible mode: enabled by a link", f"{_TOOLS}#flexible-mode-file-structure"
        ),
        "none_enabled": AdobeRule("validator: a farm is enabled", f"{_TOOLS}#first-phase"),
        "unreadable": AdobeRule("DOTRules:Disp-S1, S3, S4", _OPTIMIZER),
    }
)
"""Adobe's rule behind each fault, by its code."""


def fault(
    code: str, subject: str, what: str, remedy: str, *, severity: Severity | None = Severity.WARN
) -> Finding:
    """A finding about what stands in the files; without a severity it has the check's own."""
    sentence = f"{what}. To do: {remedy}. Adobe's rule: {RULES[code].id}."
    return Finding(
        code=code, subject=subject, sentence=sentence, expected=remedy, actual=what[:300], severity=severity
    )


def note(code: str, subject: str, sentence: str) -> Finding:
    """What changes nothing."""
    return Finding(code=code, subject=subject, sentence=sentence, outcome=Outcome.PASSED)


def unreadable(problem: Problem) -> Finding:
    """A file that the dispatcher could not read either, so that nothing follows from what is in it."""
    return Finding(
        code="unreadable",
        subject=f"{problem.place.file} syntax",
        sentence=f"{at(problem.place)} {problem.what}, so what it sets was not judged. "
        "To do: mend it; the dispatcher's tools say the same with 'validate.sh'.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
    )


def none_enabled(root: str, available: int) -> Finding:
    """Only what is enabled is used."""
    there = f" {count(available, 'farm')} {'is' if available == 1 else 'are'} available." if available else ""
    return Finding(
        code="none_enabled",
        subject=f"{root}conf.dispatcher.d/enabled_farms",
        sentence=f"No farm of the project is enabled in {quoted(root + 'conf.dispatcher.d/enabled_farms', 200)}, so there is "
        f"nothing to judge.{there} To do: link the farm there, as Adobe's archetype does.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def too_long() -> Finding:
    """There is more than is read."""
    return Finding(
        code="too_long",
        subject="dispatcher configuration",
        sentence="The farms and what they include are too long to be read to their end, so a rule may have been missed. "
        "To do: see which file includes others again and again.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def at(place: object) -> str:
    """A place in a sentence."""
    return quoted(str(place), _PLACE_LENGTH)
