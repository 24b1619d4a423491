"""Who is told outside Airflow, as a gate file says it: a Slack channel, e-mail addresses, a PagerDuty service?"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from aem_checks.access_names import ConnectionId
from stage_gate.rules.gate_values import GateModel

_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*"
_CHANNEL = r"[#@]?[A-Za-z0-9._-]{1,80}"


def _address(value: str) -> str:
    if not re.fullmatch(_ADDRESS, value):
        raise ValueError(f"{value[:80]!r} is not one e-mail address; write such as oncall@example.com")
    return value


Address = Annotated[
    str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$"})
]
"""One e-mail address without a name; nothing in it could become another header."""


class SlackChannel(GateModel):
    """A Slack channel, told by the notifier of apache-airflow-providers-slack."""

    connection: ConnectionId
    """Airflow connection of type *Slack API*, with a bot token that may `chat:write`."""
    channel: Annotated[str, Field(pattern=f"^{_CHANNEL}$")]
    """Name or id of the channel: `#releases`, `C0123456789`."""


class Email(GateModel):
    """E-mail, sent by the notifier of apache-airflow-providers-smtp."""

    connection: ConnectionId
    """Airflow connection of type *SMTP*."""
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]
    """Who gets it."""
    sender: Annotated[Address | None, Field(alias="from")] = None
    """Who it comes from; what the connection says where absent."""


class PagerDuty(GateModel):
    """A PagerDuty service, told by the notifier of apache-airflow-providers-pagerduty."""

    connection: ConnectionId
    """Airflow connection of type *Pagerduty Events*, with the integration key."""
    severity: Literal["info", "warning", "error", "critical"] = "error"
    """Of the alert."""


class Notify(GateModel):
    """Who is told when the gate asks, holds, halts, is bypassed, or somebody is waited for; nobody by default."""

    slack: SlackChannel | None = None
    """A Slack channel."""
    email: Email | None = None
    """E-mail addresses."""
    pagerduty: PagerDuty | None = None
    """A PagerDuty service."""
