"""K6: do CDN rules, IP allow lists, domains and advanced networking hold on production as on stage?

None of these is part of an image, so none is tested by a release. Cloud Manager tells which IP allow lists are bound
to which environment, which domains lead to it, and whether its advanced networking is on; with a checkout the CDN's
YAML files are read too: what ``envTypes`` keep from production, and rules of the same kind that differ.

It would have caught Adobe KA-20824, where a whole site answered 405: an IP allow list was bound to one environment.

It does not see who is in a list, nor rules at a CDN of the customer's own. Lists and domains that only stage is meant
to have are false alarms: waive them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.asks import Fact, ask
from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, not_read, source
from aem_checks.codes import faults
from aem_checks.git import CheckoutError
from aem_checks.kinds.parity import _network_facts as network
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.shortened import shortened
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_READERS = {
    network.ALLOW_LISTS: network.allow_lists,
    network.DOMAINS: network.domains,
    network.NETWORKING: network.networking,
}


class NetworkParitySettings(CheckoutSettings):
    """Where the CDN's files are, should they be looked at too."""


class NetworkParity(Check[NetworkParitySettings]):
    """Compares what Cloud Manager and the release's source say of the network."""

    kind = "network_parity"
    number = "K6"
    title = "CDN, allow lists and network alike on production"
    severity = Severity.WARN
    codes = faults(
        allow_list="an IP allow list is bound to one of the two only",
        no_domain="stage has a domain on a tier and production has none",
        not_deployed="an allow list or a domain does not work as it is set",
        networking="advanced networking is set otherwise on production",
        not_for_production="a configuration of the CDN holds for stage and not for production",
        other_rules="rules of the CDN hold for one of the two only",
        unreadable="a file of the CDN's configuration can't be read",
        unread="Cloud Manager did not tell what is set",
    )
    settings_type = NetworkParitySettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        examined, unknown, findings = 0, list[str](), list[Finding]()
        for name, read in _READERS.items():
            rows = network.lists_of((yield from ask(Fact(name))))
            if rows is None:
                unknown.append(name)
            else:
                examined += 1 + sum(map(len, rows.values()))
                findings += read(rows)
        if unknown:
            findings.append(network.not_known(unknown))
        files, of_files = yield from self._files()
        return Judgement(
            examined=examined + files, findings=shortened([*findings, *of_files], severity=self.weight)
        )

    def _files(self) -> Steps[tuple[int, list[Finding]]]:
        from aem_checks.kinds.parity._cdn_files import PATTERNS, cdn_files, differences

        if self.settings.checkout is None:
            return 0, []
        try:
            files, broken = cdn_files((yield from source(*PATTERNS)).texts)
        except CheckoutError as error:
            return 0, [not_read(error)]
        return len(files) + len(broken), [*map(_broken, broken), *differences(files)]


def _broken(path: str) -> Finding:
    return Finding(
        code="unreadable",
        subject=path,
        sentence=f"{quoted(path, 200)} is no YAML that can be read: the config pipeline will refuse it. To do: correct it.",
        expected="well-formed YAML",
        actual="not readable",
    )
