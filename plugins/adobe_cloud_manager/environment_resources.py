"""What does Cloud Manager know of an environment: its state and addresses, its variables, copies and restores?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adobe_cloud_manager.parsing import links, mapping, moment, required_text, text

_SETTLED_VARIABLE = frozenset({"", "ready", "failed", "deleted", "deleted_failed"})
_ENDED_COPY = frozenset({"COMPLETED", "FINISHED", "SUCCESS", "FAILED", "ERROR", "CANCELED", "CANCELLED"})
_DOMAIN_IN_EFFECT = frozenset({"ACTIVE", "COMPLETED", "DEPLOYED", "READY"})
_ENDED_RESTORE = frozenset({"finished", "error", "failed"})
READY = "ready"
"""The status of an environment that nothing is done to."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment and its addresses."""

    id: str
    program_id: str
    name: str
    type: str
    status: str
    region: str = ""
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Environment:
        """Read an environment. Raises ``UnexpectedAnswer`` without an id."""
        raw = mapping(data, "an environment")
        return cls(
            id=required_text(raw, "id", "an environment"),
            program_id=text(raw, "programId"),
            name=text(raw, "name"),
            type=text(raw, "type"),
            status=text(raw, "status"),
            region=text(raw, "region"),
            links=links(raw),
        )

    @property
    def author_url(self) -> str | None:
        """The address of the author tier."""
        return self._tier("author")

    @property
    def publish_url(self) -> str | None:
        """The address of the publish tier."""
        return self._tier("publish")

    @property
    def preview_url(self) -> str | None:
        """The address of the preview tier."""
        return self._tier("preview")

    def _tier(self, rel: str) -> str | None:
        return self.links.get(f"http://ns.adobe.com/adobecloud/rel/{rel}") or self.links.get(rel)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of an environment or pipeline. Its value is never kept: it may be a secret."""

    name: str
    type: str
    service: str
    status: str = ""
    """``ready``, or what goes on with it (``creating``, ``updating``, …); empty where it is not told."""
    fingerprint: str = ""
    """The beginning of the SHA-256 of its value, 16 hexadecimal digits; empty where no value is shown, as of secrets."""

    @classmethod
    def parse(cls, data: object) -> Variable:
        """Read a variable without its value. Raises ``UnexpectedAnswer`` without a name."""
        raw = mapping(data, "a variable")
        value = raw.get("value")
        return cls(
            required_text(raw, "name", "a variable"),
            text(raw, "type") or "string",
            text(raw, "service"),
            text(raw, "status"),
            hashlib.sha256(str(value).encode()).hexdigest()[:16] if value is not None else "",
        )

    @property
    def is_changing(self) -> bool:
        """Whether a change of it goes on, or may: only a status that says that it is over, or none, is over."""
        return self.status not in _SETTLED_VARIABLE


@dataclass(frozen=True, slots=True)
class DomainMapping:
    """A domain that leads to a tier of an environment."""

    domain_name: str
    environment_id: str
    status: str
    tier: str
    origin_type: str

    @classmethod
    def parse(cls, data: object) -> DomainMapping:
        """Read a domain mapping; ``originId`` is the environment's id where the origin is an environment.

        Raises ``UnexpectedAnswer`` without a domain name.
        """
        raw = mapping(data, "a domain mapping")
        return cls(
            domain_name=required_text(raw, "domainName", "a domain mapping"),
            environment_id=text(raw, "originId"),
            status=text(raw, "domainMappingStatus"),
            tier=text(raw, "tier"),
            origin_type=text(raw, "originType"),
        )

    def leads_to(self, environment_id: str) -> bool:
        """Whether it is a mapping to this environment; an Edge Delivery site may have the same id."""
        return self.environment_id == environment_id and self.origin_type in ("", "SKYLINE_ENVIRONMENT")

    @property
    def is_in_effect(self) -> bool:
        """Whether its status says so. Adobe documents no words for it; one that is not known may mean that it failed."""
        return self.status.upper() in _DOMAIN_IN_EFFECT

    def is_host_of(self, environment_id: str) -> bool:
        """Whether requests to this domain are known to reach this environment."""
        return self.leads_to(environment_id) and self.is_in_effect


@dataclass(frozen=True, slots=True)
class AllowListBinding:
    """An IP allow list of a program, as it is bound to one tier of one environment."""

    name: str
    environment_id: str
    tier: str
    status: str

    @classmethod
    def parse(cls, data: object, name: str) -> AllowListBinding:
        """Read a binding of the list ``name``. Raises ``UnexpectedAnswer`` where it is no JSON object."""
        raw = mapping(data, "a binding of an IP allow list")
        return cls(name, text(raw, "environmentId"), text(raw, "tier"), text(raw, "status"))


@dataclass(frozen=True, slots=True)
class AdvancedNetworking:
    """How an environment reaches other systems. Hosts and ports only; nothing of it is secret."""

    enabled: bool
    non_proxy_hosts: tuple[str, ...]
    port_forwards: tuple[str, ...]
    """As ``name:port -> port``."""

    @classmethod
    def parse(cls, data: object) -> AdvancedNetworking:
        """Read a configuration. Raises ``UnexpectedAnswer`` where it is no JSON object."""
        raw = mapping(data, "an advanced networking configuration")
        hosts, forwards = raw.get("nonProxyHosts"), raw.get("portForwards")
        listed = [
            mapping(each, "a port forward") for each in (forwards if isinstance(forwards, list) else ())
        ]
        return cls(
            enabled=raw.get("advancedNetworkingEnabled") is True,
            non_proxy_hosts=tuple(str(host) for host in (hosts if isinstance(hosts, list) else ())),
            port_forwards=tuple(
                f"{text(each, 'name')}:{text(each, 'portDest')} -> {text(each, 'portOrig')}"
                for each in listed
            ),
        )


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """A backup of an environment; ``aem_release`` is the AEM release that ran then."""

    deployed_at: datetime | None
    aem_release: str

    @classmethod
    def parse(cls, data: object) -> RestorePoint:
        """Read a restore point. Raises ``UnexpectedAnswer`` where it is no JSON object."""
        raw = mapping(data, "a restore point")
        return cls(moment(raw, "deploymentDate"), text(raw, "aemReleaseVersion"))


@dataclass(frozen=True, slots=True)
class ContentFlow:
    """A copy of content from one environment into another.

    Adobe's specification has neither an id nor times nor the words of its status; Adobe's JavaScript library has answers
    with ``contentFlowId``, ``createdAt``, ``updatedAt`` and ``IN_PROGRESS`` or ``FAILED`` (``test/jest/data`` of
    github.com/adobe/aio-lib-cloudmanager).
    """

    id: str
    source_environment_id: str
    target_environment_id: str
    status: str
    content_set: str = ""
    tier: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def parse(cls, data: object) -> ContentFlow:
        """Read a content flow. Raises ``UnexpectedAnswer`` where nothing names it or the environment it goes to."""
        raw = mapping(data, "a content flow")
        named = text(raw, "contentFlowId") or links(raw).get("self", "").rstrip("/").rpartition("/")[2]
        return cls(
            id=named or required_text(raw, "id", "a content flow"),
            source_environment_id=text(raw, "srcEnvironmentId"),
            target_environment_id=required_text(raw, "destEnvironmentId", "a content flow"),
            status=text(raw, "status"),
            content_set=text(raw, "contentSetName"),
            tier=text(raw, "tier"),
            created_at=moment(raw, "createdAt"),
            updated_at=moment(raw, "updatedAt"),
        )

    @property
    def is_over(self) -> bool:
        """Whether its status says so; a word that is not known may mean that it goes on."""
        return self.status.upper() in _ENDED_COPY


@dataclass(frozen=True, slots=True)
class RestoreExecution:
    """A restore of an environment from a backup."""

    id: str
    environment_id: str
    status: str
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def parse(cls, data: object) -> RestoreExecution:
        """Read a restore. Raises ``UnexpectedAnswer`` without an id."""
        raw = mapping(data, "a restore")
        return cls(
            id=required_text(raw, "id", "a restore"),
            environment_id=text(raw, "environmentId"),
            status=text(raw, "status"),
            created_at=moment(raw, "createdAt"),
            updated_at=moment(raw, "updatedAt"),
        )

    @property
    def is_over(self) -> bool:
        """Whether its status says so; a word that is not known may mean that it goes on."""
        return self.status.lower() in _ENDED_RESTORE
