"""Is the webhook on, and what does Airflow mount then? Imported by every component, so FastAPI is not imported here."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

PREFIX = "/stage-gate/events"


def mounts() -> list[dict[str, Any]]:
    """What the plugin gives Airflow as ``fastapi_apps``: nothing where ``[stage_gate] webhook`` is off. Never raises.

    Settings that can't be used harm no other part of the API server: the endpoint answers 503 then, so that
    Adobe delivers again once they are corrected, and the log says what is wrong.
    """
    try:
        from stage_gate.configuration.settings import webhook_is_on

        app = _app() if webhook_is_on() else None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the API server has to start
        log.error("The webhook for Adobe I/O Events answers 503 to everything: %s", error)
        app = _closed_app()
    return [] if app is None else [{"app": app, "url_prefix": PREFIX, "name": "Stage Gate: Adobe I/O Events"}]


def _app() -> Any:
    from adobe_cloud_manager.settings import Settings
    from stage_gate.configuration.settings import event_rate, event_registrations
    from stage_gate.webhook.app import create_app
    from stage_gate.webhook.reception import Reception
    from stage_gate.webhook.store import store
    from stage_gate.webhook.writer import Writer

    reception = Reception(event_registrations(), Settings.load(), Writer(store), per_second=event_rate())
    return create_app(reception)


def _closed_app() -> Any:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("Not configured; the log says why.\n", 503, headers={"Retry-After": "300"})
