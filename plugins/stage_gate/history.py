"""What does the ledger say of a check, in a few words, to whoever reads the result of today?"""

from __future__ import annotations

from collections import Counter

from aem_checks.outcomes import Finding, Outcome
from stage_gate.ledger import Ledger, fingerprint


def told_of(ledger: Ledger, key: str) -> str:
    """How a check fared in the releases before: ``8 of 10 passed, 2 flaky``; empty where it is new."""
    found = [check for _, check in ledger.history(key)]
    if not found:
        return ""
    counts = Counter(check.outcome for check in found)
    flaky = sum(check.flaky for check in found)
    return f"{counts[Outcome.PASSED]} of {len(found)} passed" + (f", {flaky} flaky" if flaky else "")


def known_since(ledger: Ledger, key: str, finding: Finding) -> str:
    """Since when a finding is known without a break: ``known since execution 4711``, ``new``; empty for a first release."""
    known = {fingerprint(key, finding.subject, code) for code in (finding.code, "")}
    since, checked = "", list(ledger.history(key))
    for entry, check in reversed(checked):
        if not any(each.fingerprint in known and each.outcome is finding.outcome for each in check.findings):
            break
        since = entry.execution_id
    if since:
        return f"known since execution {since}"
    return "new" if checked else ""
