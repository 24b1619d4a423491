"""May this machine contact the sites as the checks do, and can it open their pages in a browser?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from aem_checks.browser.check import BrowserCheck
from aem_checks.browser.finding import REMEDY, NoChromium, find_chromium
from aem_checks.network_guard.connecting import allowed_addresses
from aem_checks.network_guard.outer_proxy import outer_proxy
from aem_checks.network_guard.rule import NotAllowed, Rule
from aem_checks.sites import Endpoint, SiteConfig
from aem_checks.urls import DEFAULT_PORTS
from stage_gate.commands.diagnosis import Diagnosis, bad, good, unknown
from stage_gate.configuration.gate import Gate


def examine_browser(gate: Gate) -> Iterator[Diagnosis]:
    """Which Chromium the checks would use here; nothing for a gate that opens no pages."""
    keys = [check.key for check in gate.plan.checks if issubclass(check.check_type, BrowserCheck)]
    if not keys:
        return
    named = ", ".join(keys)
    try:
        found = find_chromium()
        yield good("Chromium", f"{found.version()} ({found.origin}, {found.path}) opens pages for {named}")
    except NoChromium as error:
        remedy = f"{REMEDY[0].upper()}{REMEDY[1:]}. Without one these checks are inconclusive: {named}."
        yield unknown("Chromium", str(error).partition(": ")[0], remedy)


def examine_addresses(gate: Gate) -> Iterator[Diagnosis]:
    """Names of sites that resolve to addresses which no check contacts; nothing where all are as they should be."""
    for site in gate.sites:
        for endpoint in (site.stage, site.production, site.author):
            if endpoint is not None and (why := _refusal(site, endpoint)):
                yield bad(
                    f"Address of {endpoint.host}",
                    why,
                    "Correct the name's DNS entry, or say that it is meant.",
                )


def _refusal(site: SiteConfig, endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.url)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    host = parts.hostname or ""
    if outer_proxy(parts.scheme, host) is not None:
        return ""  # it resolves the name
    try:
        asyncio.run(allowed_addresses(Rule.for_site(site), host, port))
    except NotAllowed as error:
        return str(error)
    except OSError:
        return ""  # that there is no answer is told where the site is asked
    return ""
