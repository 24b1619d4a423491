"""What does a check say that compares stage with a production which the site does not name?"""

from __future__ import annotations

from aem_checks.outcomes import Cause, Finding, Outcome


def no_production(kind: str, site: str) -> Finding:
    """The inconclusive finding."""
    return Finding(
        code="not_configured",
        subject=site,
        sentence=f"Site {site} has no 'production:' address, so there is nothing to compare stage with. To do: add "
        f"it, or switch the check off with '{kind}: false'.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
