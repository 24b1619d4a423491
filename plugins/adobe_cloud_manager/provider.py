"""What does Airflow learn about this provider: connection type, form, configuration, parts?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adobe_cloud_manager.auth import SCOPES
from adobe_cloud_manager.protocol import VERSION
from adobe_cloud_manager.settings import (
    API_URL,
    EVENT_KEYS_URL,
    EVENT_VALIDATION_URL,
    EVENTS_URL,
    IMS_URL,
    REQUESTS_PER_MINUTE,
    SECTION,
)

_NAME = "Adobe Cloud Manager"
_MODULES: Mapping[str, tuple[str, ...]] = {
    "hooks": ("cloud_manager",),
    "operators": ("approval", "start"),
    "sensors": ("milestones",),
    "triggers": ("execution_wait", "journal"),
}


def get_provider_info() -> dict[str, Any]:
    """The provider's description, as Airflow's ``provider_info.schema.json`` wants it."""
    return {
        "package-name": "aem-stage-gate",
        "name": _NAME,
        "description": "Adobe Cloud Manager for AEM as a Cloud Service.",
        "versions": [VERSION],
        "integrations": [
            {
                "integration-name": _NAME,
                "external-doc-url": "https://developer.adobe.com/experience-cloud/cloud-manager/",
                "tags": ["service"],
            }
        ],
        **{part: [_modules(part, names)] for part, names in _MODULES.items()},
        "connection-types": [_connection_type()],
        "extra-links": ["adobe_cloud_manager.links.execution_page.CloudManagerExecutionLink"],
        "config": {SECTION: _configuration()},
    }


def _modules(part: str, names: Iterable[str]) -> dict[str, Any]:
    return {
        "integration-name": _NAME,
        "python-modules": [f"adobe_cloud_manager.{part}.{name}" for name in names],
    }


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "adobe_cloud_manager",
        "hook-name": _NAME,
        "hook-class-name": "adobe_cloud_manager.hooks.cloud_manager.CloudManagerHook",
        "ui-field-behaviour": {
            "hidden-fields": ["host", "schema", "port", "extra"],
            "relabeling": {"login": "Client ID", "password": "Client secret"},
            "placeholders": {
                "login": "client id of the OAuth server-to-server credential",
                "password": "client secret of the same credential",
            },
        },
        "conn-fields": {
            "org_id": {
                "label": "Organization ID",
                "description": "As on the credential's page, such as 0123456789ABCDEF01234567@AdobeOrg.",
                "schema": {"type": "string", "pattern": "^[0-9A-Za-z]+@AdobeOrg$"},
            },
            "scopes": {
                "label": "Scopes",
                "description": f"Comma separated; empty for what Cloud Manager needs: {', '.join(SCOPES)}.",
                "schema": {"type": ["string", "null"]},
            },
        },
    }


def _configuration() -> dict[str, Any]:
    return {
        "description": "Where this deployment finds Adobe. No connection and no gate can change it.",
        "options": {
            "api_url": _option(
                "Cloud Manager's API; http:// is accepted for this machine only (a simulator).",
                "string",
                API_URL,
            ),
            "ims_url": _option("Adobe's log-in service (IMS), under the same rule.", "string", IMS_URL),
            "requests_per_minute": _option(
                "How many requests each process sends to Cloud Manager in a minute, for each credential; with limits, "
                "all machines together.",
                "integer",
                str(REQUESTS_PER_MINUTE),
            ),
            "limits": {
                **_option(
                    "URL of a Redis in which all machines keep the budget of requests_per_minute; each process has its own "
                    "where absent.",
                    "string",
                    "",
                ),
                "sensitive": True,
            },
            "events_url": _option(
                "Adobe I/O Events, whose journals are read; no journal of another host is. The rule of api_url holds.",
                "string",
                EVENTS_URL,
            ),
            "event_keys_url": _option(
                "Where the public keys are that Adobe I/O signs its deliveries with; the rule of api_url holds.",
                "string",
                EVENT_KEYS_URL,
            ),
            "event_validation_url": _option(
                "The only address, with its path, that the webhook's handshake may ask to be fetched.",
                "string",
                EVENT_VALIDATION_URL,
            ),
        },
    }


def _option(description: str, kind: str, default: str) -> dict[str, Any]:
    return {
        "description": f"{description}\n",
        "version_added": VERSION,
        "type": kind,
        "example": None,
        "default": default,
    }
