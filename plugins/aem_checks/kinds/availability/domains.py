"""A8: does every domain reach the right virtual host, with a valid certificate and without going in circles?

The site's own address and those under ``domains`` are opened once each: the header ``X-Vhost`` must not be
``catch-all``, and has to be the ``vhost`` that the gate file names; the answer must be neither 421 nor one in a
circle of redirects; over https the certificate has to hold for the name, and to do so for 30 more days. It would
have caught domains that no virtual host knew, so that ``catch-all`` answered (Adobe KA-19052), and a front-end
deployment that succeeded while style sheets were missing on a domain without its ServerAlias (KA-23070).

A CDN of the team's own may remove ``X-Vhost``; then the virtual host is not known, which is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from aem_checks.access_names import AccessName
from aem_checks.asks import Follow, Handshake, Now, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import below
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath, base_url
from aem_checks.text import count, quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from datetime import datetime

    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.tls import Certificate
    from aem_checks.visit import Visit

_CATCH_ALL = "catch-all"
_SOON = Severity.WARN


class Domain(BaseModel):
    """One address, and what has to answer there. In a gate file a mapping, or just the address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(base_url)]
    """Scheme and host, such as ``https://www.example.com``."""
    path: PagePath = "/"
    """What is opened there."""
    vhost: str | None = None
    """What ``X-Vhost`` has to say."""
    leads_to: Annotated[str, AfterValidator(base_url)] | None = None
    """The address to which it has to redirect, as ``https://www.example.com`` for ``https://example.com``."""
    access: AccessName | None = None
    """Name of the Airflow connection that opens it; none for an open one."""

    @model_validator(mode="before")
    @classmethod
    def _from_address(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value


class DomainsSettings(CheckSettings):
    domains: tuple[Domain, ...] = ()
    """Further addresses of the environment beside that of the site: each domain, with and without ``www``."""
    vhost: str | None = None
    """What ``X-Vhost`` of the site's own address has to say; by default anything but ``catch-all``."""
    certificate_days: Annotated[int, below(3)] = Field(default=30, ge=0, le=365)
    """How many days a certificate has to be valid for; renewals are due weeks before."""


class Domains(Check[DomainsSettings]):
    kind = "domains"
    number = "A8"
    title = "Domains, virtual hosts and certificates"
    targets = frozenset({"stage", "production"})
    codes = faults(
        certificate="the certificate is not valid for the domain",
        certificate_ends="the certificate ends soon",
        certificate_unread="the certificate could not be read",
        redirect_circle="redirects lead back to where they have been",
        misdirected="the CDN does not know the domain (421)",
        virtual_host="another virtual host answers than the one that should",
        virtual_host_unknown="nothing says which virtual host answered",
        leads_elsewhere="the domain does not redirect to where it should",
    )
    settings_type = DomainsSettings

    def others(self, visit: Visit) -> Mapping[str, str | None]:
        """The site's own address too: redirects are followed from each to each."""
        return {visit.endpoint.url: None} | {domain.url: domain.access for domain in self.settings.domains}

    def judge(self, visit: Visit) -> Steps[Judgement]:
        own = Domain(url=visit.endpoint.url, path=visit.site.pages[0], vhost=self.settings.vhost)
        further = {domain.url: domain for domain in self.settings.domains if domain.url != own.url}
        rounds = yield from together(self._look_at(domain) for domain in (own, *further.values()))
        findings = tuple(finding for _, found in rounds for finding in found)
        return Judgement(examined=sum(answered for answered, _ in rounds), findings=findings)

    def _look_at(self, domain: Domain) -> Steps[tuple[bool, list[Finding]]]:
        findings: list[Finding] = []
        if domain.url.startswith("https:"):
            certificate = yield from ask(Handshake(domain.url))
            findings += self._certificate(domain.url, certificate, (yield from ask(Now())))
            if certificate.refused:
                return True, findings
        chain = yield from ask(Follow(domain.url + domain.path, hops=10, tries=3))
        circle = _circle(chain)
        missing = None if chain[0].status == 421 or circle else unreached(chain[-1], domain.url)
        if missing is not None:
            return False, [*findings, missing]
        findings += _circle_found(domain, chain, circle)
        findings += _virtual_host(domain, chain[0])
        findings += _target(domain, chain[0])
        return True, findings

    def _certificate(self, url: str, certificate: Certificate, now: datetime) -> Iterator[Finding]:
        if certificate.refused:
            remedy = (
                "install a certificate that names this domain; where a proxy of your own shows another, let "
                "SSL_CERT_FILE of the workers name its authority"
            )
            yield _finding("certificate", url, "a valid certificate", certificate.problem, remedy)
        elif certificate.ends is None:
            yield _unread("certificate_unread", url, certificate.problem)
        else:
            days = (certificate.ends - now).days
            if days < self.settings.certificate_days:
                actual = f"one that ends in {count(days, 'day')}, on {certificate.ends:%Y-%m-%d}"
                expected = f"a certificate for {count(self.settings.certificate_days, 'more day')}"
                remedy = "renew it in Cloud Manager or at the CDN"
                yield _finding("certificate_ends", url, expected, actual, remedy, _SOON)


def _circle(chain: tuple[Response, ...]) -> str:
    """The address at which redirects come back to where they have been; empty where they do not."""
    last = chain[-1].location
    if last is None:
        return ""
    seen = {plain_url(answer.url).partition("#")[0] for answer in chain}
    again = plain_url(last).partition("#")[0]
    return again if again in seen or len(chain) > 10 else ""


def _circle_found(domain: Domain, chain: tuple[Response, ...], circle: str) -> Iterator[Finding]:
    if circle:
        actual = f"redirects that lead back to {quoted(circle)} after {count(len(chain), 'answer')}"
        remedy = (
            "see which of CDN, dispatcher and redirect map sends it on; two of them may disagree about www"
        )
        yield _finding("redirect_circle", domain.url, "a page", actual, remedy)


def _virtual_host(domain: Domain, answer: Response) -> Iterator[Finding]:
    if answer.status == 421:
        remedy = "add the domain and its certificate to this environment in Cloud Manager, and use its own IP address"
        yield _finding("misdirected", domain.url, "an answer of this environment", describe(answer), remedy)
        return
    shown = answer.headers.get("X-Vhost")
    if shown is None:
        if domain.vhost is not None:
            problem = "no X-Vhost came, so the virtual host is not known"
            yield _unread("virtual_host_unknown", domain.url, problem)
        elif not answer.status >= 500:
            note = f"{domain.url} sends no X-Vhost, so which virtual host answered is not known."
            yield Finding(
                code="virtual_host_unknown", subject=domain.url, sentence=note, outcome=Outcome.PASSED
            )
    elif shown == _CATCH_ALL or (domain.vhost is not None and shown != domain.vhost):
        expected = (
            f"the virtual host {quoted(domain.vhost)}" if domain.vhost else "a virtual host that knows it"
        )
        remedy = "add the domain as ServerAlias to its virtual host (Adobe KA-19052, KA-23070)"
        yield _finding("virtual_host", domain.url, expected, f"the virtual host {quoted(shown)}", remedy)


def _target(domain: Domain, answer: Response) -> Iterator[Finding]:
    if domain.leads_to is None:
        return
    target = answer.location or ""
    if not (target == domain.leads_to or target.startswith(f"{domain.leads_to}/")):
        actual = describe(answer)
        expected, remedy = f"a redirect to {domain.leads_to}", "correct the CDN's redirect"
        yield _finding("leads_elsewhere", domain.url, expected, actual, remedy)


def _finding(
    code: str, url: str, expected: str, actual: str, remedy: str, severity: Severity | None = None
) -> Finding:
    return Finding(
        code=code,
        subject=url,
        sentence=f"{url}: expected {expected}, got {actual}. To do: {remedy}.",
        expected=expected,
        actual=actual,
        severity=severity,
    )


def _unread(code: str, url: str, problem: str) -> Finding:
    return Finding(
        code=code,
        subject=url,
        sentence=f"{url}: {problem}. To do: ask it from the machine of the worker, then run the check again.",
        expected="an answer that can be judged",
        actual=problem,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK,
    )
