"""What does Airflow learn about the installed package? Adobe Cloud Manager's parts, and the options of both sections."""

from __future__ import annotations

from typing import Any

from adobe_cloud_manager.protocol import VERSION
from adobe_cloud_manager.provider import get_provider_info as adobe_cloud_manager
from stage_gate.configuration.options import OPTIONS, SECTION


def get_provider_info() -> dict[str, Any]:
    """As Airflow's ``provider_info.schema.json`` wants it: a distribution is one provider."""
    told = adobe_cloud_manager()
    options = {each.name: each.as_provider_option(VERSION) for each in OPTIONS}
    own = {"description": "What the deployment decides, not a gate.", "options": options}
    return {**told, "config": {**told["config"], SECTION: own}}
