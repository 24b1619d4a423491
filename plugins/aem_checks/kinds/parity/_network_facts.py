"""What does Cloud Manager know of the network of both environments, and where do they differ?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.text import quoted

Facts = Mapping[str, Any]
ALLOW_LISTS, DOMAINS, NETWORKING = "ip_allow_lists", "domain_mappings", "advanced_networking"
_GOOD_BINDING = frozenset({"", "COMPLETED", "COMPLETE", "DEPLOYED", "READY", "FINISHED", "ACTIVE"})
_GOOD_DOMAIN = frozenset({"", "DEPLOYED", "VERIFIED", "READY", "ACTIVE", "COMPLETED"})
_WHERE = ("stage", "production")


def lists_of(fact: Any) -> dict[str, list[Mapping[str, Any]]] | None:
    """The rows of a fact by target; ``None`` where one of the two is not known."""
    if not isinstance(fact, Mapping) or any(
        not isinstance(fact.get(target), list | tuple) for target in _WHERE
    ):
        return None
    return {target: [row for row in fact[target] if isinstance(row, Mapping)] for target in _WHERE}


def allow_lists(rows: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Finding]:
    """An IP allow list on one of the two: the other is open, or closed to people who could reach the first."""
    bound = {target: {(_of(row, "name"), _of(row, "tier")) for row in rows[target]} for target in _WHERE}
    for target, other in (("stage", "production"), ("production", "stage")):
        for name, tier in sorted(bound[target] - bound[other]):
            yield Finding(
                code="allow_list",
                subject=f"IP allow list {name} ({tier})",
                sentence=f"The IP allow list {quoted(name)} is bound to {quoted(tier)} of {target} and not of {other}: who "
                f"can reach one cannot reach the other, and nobody tested it (405 for those outside). To do: bind it to "
                f"{other} too, or waive this where it is meant.",
                expected=f"bound to both, or to none of {target} and {other}",
                actual=f"bound to {target} only",
            )
    for target in _WHERE:
        for row in rows[target]:
            if _of(row, "status").upper() not in _GOOD_BINDING:
                yield _state(f"IP allow list {_of(row, 'name')} of {target}", _of(row, "status"))


def domains(rows: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Finding]:
    """A domain that is not deployed on its environment."""
    for target in _WHERE:
        for row in rows[target]:
            if _of(row, "status").upper() not in _GOOD_DOMAIN:
                yield _state(f"domain {_of(row, 'name')} of {target}", _of(row, "status"))
    tiers = {target: {_of(row, "tier") for row in rows[target]} for target in _WHERE}
    for tier in sorted(tiers["stage"] - tiers["production"]):
        yield Finding(
            code="no_domain",
            subject=f"domains of {tier}",
            sentence=f"Stage has a domain on {quoted(tier)} and production has none: what was tested under a name of its "
            "own runs under Adobe's name there. To do: map the domain in Cloud Manager.",
            expected=f"a domain on {tier} of production",
            actual="none",
        )


def networking(rows: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Finding]:
    """Advanced networking: on or off, and the ports that are forwarded."""
    on = {target: any(bool(row.get("enabled")) for row in rows[target]) for target in _WHERE}
    if on["stage"] != on["production"]:
        yield _networking(
            "advanced networking", "on" if on["stage"] else "off", "on" if on["production"] else "off"
        )
        return
    for part in ("ports", "non_proxy_hosts"):
        found = {
            target: {str(each) for row in rows[target] for each in row.get(part) or ()} for target in _WHERE
        }
        lacking = sorted(found["stage"] - found["production"])
        if lacking:
            here = ", ".join(lacking[:5])
            yield _networking(f"{part.replace('_', ' ')} of advanced networking", here, "none of these")


def _networking(subject: str, stage: str, production: str) -> Finding:
    return Finding(
        code="networking",
        subject=subject,
        sentence=f"Stage has {quoted(stage, 200)} for {subject}, production {quoted(production, 200)}: calls to other "
        "systems that work here may not get out there. To do: set it alike in Cloud Manager.",
        expected=f"production: {stage}"[:300],
        actual=f"production: {production}"[:300],
    )


def _state(what: str, status: str) -> Finding:
    return Finding(
        code="not_deployed",
        subject=what,
        sentence=f"Cloud Manager says {quoted(status)} of {quoted(what)}: it does not work as it is set. To do: see it in "
        "Cloud Manager and repair or remove it.",
        expected="deployed",
        actual=status[:100],
    )


def not_known(names: list[str]) -> Finding:
    """What Cloud Manager did not tell."""
    listed = ", ".join(name.replace("_", " ") for name in names)
    return Finding(
        code="unread",
        subject="network facts of Cloud Manager",
        sentence=f"Cloud Manager did not tell for both environments: {listed}. These were not compared. To do: give the "
        "gate's credential the rights to read them.",
        expected="facts of stage and production",
        actual=f"none of {listed}",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
    )


def _of(row: Mapping[str, Any], name: str) -> str:
    return str(row.get(name) or "")[:200]
