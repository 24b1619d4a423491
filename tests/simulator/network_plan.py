"""What does a scenario say of domains, IP allow lists and advanced networking?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainPlan(_Model):
    name: str
    environment: str
    status: str = "DEPLOYED"


class AllowListPlan(_Model):
    """An IP allow list and the ids of the environments that it is bound to."""

    name: str
    environments: tuple[str, ...] = ()
    tier: Literal["PUBLISH", "PREVIEW"] = "PUBLISH"
    status: str = "COMPLETED"


class NetworkingPlan(_Model):
    """Advanced networking of an environment; ``port_forwards`` as ``smtp.example.com:465``."""

    enabled: bool = True
    port_forwards: tuple[str, ...] = ()
