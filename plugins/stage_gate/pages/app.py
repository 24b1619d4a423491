"""Which paths do the evidence pages have, and who may open them? Imported in the API server only.

``/run/<dag>/<run>`` asks for Airflow's login and the right to read runs of that Dag; it leads to the report by a ticket.
``/file/<ticket>/<path>`` asks for the ticket alone and never looks at a cookie. Every file comes with ``sandbox``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse, Response

from stage_gate.acting.runs import DAG_ID_PREFIX
from stage_gate.evidence.pin import execution_id_of
from stage_gate.evidence.store import Evidence
from stage_gate.pages.tickets import NoTicket, Ticket, Tickets
from stage_gate.telling.served_file import HEADERS, NOTHING, NoSuchFile, serve

_GATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_PLAIN = {**HEADERS, "Content-Security-Policy": f"sandbox; {NOTHING}"}
_NO_EVIDENCE = "There is no such file in the evidence.\n"
_OVER = "This address is over. Open the report from Airflow again.\n"


def create_app(store: Callable[[], Path], tickets: Tickets, elsewhere: str = "") -> FastAPI:
    """The application to mount. ``elsewhere`` is the address of another host on which it is served too, so that a
    browser has no cookie of Airflow's for it."""
    app = FastAPI(
        title="Stage Gate: evidence", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
    plain: dict[str, Any] = {"response_class": PlainTextResponse}

    @app.get("/run/{dag_id}/{run_id}", dependencies=[may_read], **plain)
    async def open_report(dag_id: str, run_id: str) -> Response:
        """Lead somebody who is logged in to the report of a run."""
        gate, execution_id = dag_id.removeprefix(DAG_ID_PREFIX), execution_id_of(run_id)
        if not dag_id.startswith(DAG_ID_PREFIX) or not _GATE.fullmatch(gate) or execution_id is None:
            return _said(_NO_EVIDENCE, 404)
        ticket = tickets.write(Ticket(gate, execution_id))
        base = f"{elsewhere.rstrip('/')}/file" if elsewhere else "../../file"
        return Response(status_code=303, headers={**_PLAIN, "Location": f"{base}/{ticket}/report.html"})

    @app.get("/file/{ticket}/{name:path}", **plain)
    def send_file(ticket: str, name: str) -> Response:
        """A file of the evidence that the ticket opens."""
        try:
            opened = tickets.read(ticket)
        except NoTicket:
            return _said(_OVER, 403)
        folder = Evidence(store(), opened.gate, opened.execution_id).folder
        try:
            file = serve(folder, name)
        except (NoSuchFile, FileNotFoundError):
            return _said(_NO_EVIDENCE, 404)
        return Response(file.content, media_type=file.media_type, headers=file.headers)

    return app


def _said(sentence: str, status: int) -> Response:
    return PlainTextResponse(sentence, status, _PLAIN)
